"""DoRA beside LoRA: a scheme of A and B in a module that divides outputs by a norm and multiplies them by magnitudes.

What such a module makes of a scheme is derived from its own equations (`program.adapters.dora`). No law of LoRA's is
taken over unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gamma_calc.algebra import Affine, Polyhedron
from gamma_calc.analysis.edge_law import EdgeLaw, edge_laws
from gamma_calc.calculus.policy import Policy
from gamma_calc.derivation.alpha import SCALE
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.adapters import dora
from gamma_calc.program.models import FAN_OUT, MODULE, RANK
from gamma_calc.program.scheme import INITIAL, RATES, ZERO, Scheme

MAGNITUDE = "m"
SIZES = (RANK, SCALE, FAN_OUT)
KNOWN = (*MODULE.required, *SIZES)
"""What a scheme of DoRA's layers may say."""
FACTORS = tuple(zip(INITIAL, RATES, strict=True))
ITS_OWN_RATE = Affine.of(0)
"""The exponent of a rate of the magnitudes' own: the largest at which one module is stable, as derived."""
NOTE = (
    "DoRA's magnitudes keep their rate as the width grows; at one that falls with it, such as that of A and B, they "
    "hardly learn."
)


def in_dora(scheme: Scheme, magnitude: Affine) -> Scheme:
    """A scheme of one module of LoRA's in one of DoRA's, its magnitudes at a rate of this exponent.

    Raises:
        BadInput: it says more than inits, rates, a rank and a scale.
    """
    for key, form in scheme.exponents.items():
        if key not in KNOWN and form != MODULE.defaults.get(key):
            raise BadInput(
                f"{scheme.name}: {key}", found=str(form), expected=f"a scheme of {', '.join(KNOWN)}, for DoRA"
            )
    a, b = (ZERO if form is None else form for form in map(scheme.exponents.get, INITIAL))
    of_a, of_b = (scheme.exponents[key] if scheme.is_trained(name) else None for name, key in FACTORS)
    sizes = {key: scheme.exponents[key] or Affine.of(0) for key in SIZES}
    problem = dora(scheme.name, init=(a, b), rates=(of_a, of_b, magnitude), **sizes)
    return replace(problem.scheme, optimizer=scheme.optimizer, between=scheme.between)


def check_dora_law(scheme: Scheme, policy: Policy, *, with_rank: bool) -> None:
    """That A and B of DoRA's layers go by the law of LoRA's (`edge_laws`), the magnitudes at a rate of their own.

    Raises:
        BadInput: as `in_dora`.
        Unknown: they do not, or the largest stable rate in DoRA's module is not known, such as under a raw step.
    """
    if scheme.optimizer.step.degree:
        raise Unknown(f"{scheme.title}: the largest stable rate in DoRA's layers is not known under a raw step")
    inside = in_dora(scheme, ITS_OWN_RATE)
    of_dora, of_lora = (_of_factors(each, edge_laws(each, policy, with_rank=with_rank)) for each in (inside, scheme))
    if of_dora != of_lora:
        raise Unknown(f"{scheme.title}: the rates of A and B go by another law in DoRA's layers than in LoRA's")


def _of_factors(scheme: Scheme, pieces: tuple[EdgeLaw, ...]) -> list[tuple[Polyhedron, Mapping[str, Affine]]]:
    """The exponents of the rates of A and B, piece by piece."""
    keys = {name: key for name, key in scheme.trained_rates.items() if name in INITIAL}
    return [(each.where, {name: each.exponents[key] for name, key in keys.items()}) for each in pieces]
