"""The scheme that a configuration implements, and where it is stable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gamma_calc.algebra import EMPTY, Affine, Polyhedron, Region, parsed_affine
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import FACTORS, INTERNALLY_STABLE, STABLE, Condition
from gamma_calc.analysis.decision import Decision, Status, decision
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput
from gamma_calc.experiment.alpha import SCALE, SCALES, AlphaReading
from gamma_calc.huggingface.adapter_config import AdapterConfig
from gamma_calc.huggingface.initial_factors import Initialisation, Start
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import RANK
from gamma_calc.program.scheme import DEFAULTS, ZERO, Scheme
from gamma_calc.program.spec_file import scheme_from_text

RATE = "eta"
ADAM = "adam"
RHO, SIGMA, LAMBDA, KAPPA = "rho", "sigma", "lambda", "kappa"
OUTPUT, CHANGE = "Z_B", "Delta_Z_B"


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a scheme with the one rate eta is stable, and what happens at its largest stable rate.

    `with_rank` is the largest rate with r = n^rho left free; `sizes` are the settled exponents at the largest rate, and
    `undertrained` the trained factors whose contribution stays below n^0 there.
    """

    scheme: Scheme
    stable: Decision
    internally_stable: Decision
    largest: LargestRate
    with_rank: LargestRate
    sizes: Mapping[str, Size]
    undertrained: tuple[str, ...]


def implemented_spec(config: AdapterConfig, optimizer: str, alpha: AlphaReading) -> str | None:
    """The spec that the configuration implements on a linear layer, as TOML; None where it depends on data.

    The rank is fixed, and one rate drives both factors: a ratio that stays the same at every width has exponent 0.
    """
    return _linear_spec(config.initialisation, optimizer, SCALES[alpha, config.is_rank_stabilised], RATE)


def loraplus_spec(config: AdapterConfig, optimizer: str, alpha: AlphaReading) -> str | None:
    """The same with B's rate larger than A's in proportion to the width, as LoRA+ wants it."""
    scale = SCALES[alpha, config.is_rank_stabilised]
    return _linear_spec(config.initialisation, optimizer, scale, f"{RATE} + 1")


def sure_rates(config: AdapterConfig, optimizer: str) -> tuple[Affine, ...]:
    """Forms whose least is a rate at which the configuration is surely stable, beside which little is left.

    Exponents: r = n^rho, s = n^sigma, eta_B = eta_A n^lambda, and initial entries c = n^kappa times their power, where
    c is not 1. With that much free some sizes are only bounded from above, and stability from below.
    """
    start = config.initialisation
    constant = "" if start.constant == 1 else f" + {KAPPA}"
    spec = _linear_spec(start, optimizer, SIGMA, f"{RATE} + {LAMBDA}", constant)
    if spec is None:
        return ()
    scheme = scheme_from_text(spec)
    free = replace(scheme, exponents={**scheme.exponents, RANK: Affine.symbol(RHO)})
    stable = _decision(free, STABLE, _output(start.start))
    return largest_rate(RATE, _member(stable.region)).bounds or ()


def _linear_spec(start: Initialisation, optimizer: str, scale: str, rate_b: str, constant: str = "") -> str | None:
    if start.a is None or start.b is None:
        return None
    entries = {key: form if form == ZERO else form + constant for key, form in (("A", start.a), ("B", start.b))}
    trained = "\n[trained]\nB = false" if start.is_b_frozen else ""
    return _spec(f"peft-{start.name}", optimizer, {**entries, "eta_A": RATE, "eta_B": rate_b, SCALE: scale}) + trained


def adapter_scheme(config: AdapterConfig) -> Scheme:
    """The scheme that the configuration implements on a linear layer, under Adam, with s as at one rank.

    Raises:
        BadInput: the sizes depend on data, the equations are others, or no scheme says what the output starts from.
    """
    option = config.initialisation
    spec = None if config.variants else implemented_spec(config, ADAM, AlphaReading.PROPORTIONAL)
    if spec is None:
        cause = ", ".join(config.variants) or f"init_lora_weights={json.dumps(option.option)}"
        raise BadInput(f"{cause}: its exponents cannot be read from the configuration; gamma-calc lint says why")
    if option.start is Start.CANCELLED:
        raise BadInput(
            f"init_lora_weights={json.dumps(option.option)}: B_0 A_0 is taken out of the output, which no scheme says; "
            "gamma-calc lint has its edge"
        )
    scheme = scheme_from_text(spec)
    return replace(scheme, exponents={**scheme.exponents, SCALE: DEFAULTS[SCALE]})


def embedding_spec(optimizer: str, alpha: AlphaReading, *, is_rank_stabilised: bool) -> str:
    """The spec of PEFT's adapter of an embedding, A = 0 and B ~ N(0, 1), as TOML.

    A token picks one column of A, where a linear layer sums n coordinates that are aligned with A's updates: one power
    of n less, which is written into A's rate. A_0 is zero, so nothing else of A enters.
    """
    scale = SCALES[alpha, is_rank_stabilised]
    return _spec(
        "peft-embedding", optimizer, {"A": "zero", "B": "0", "eta_A": f"{RATE} - 1", "eta_B": RATE, SCALE: scale}
    )


def edge(spec: str, start: Start = Start.NOTHING) -> Edge:
    """The stable region of a spec.

    Where B_0 A_0 is cancelled the output starts from the base model's, and what has to stay bounded is its change.
    """
    scheme = scheme_from_text(spec)
    output = _output(start)
    stable, internal = (_decision(scheme, condition, output) for condition in (STABLE, INTERNALLY_STABLE))
    free_rank = replace(scheme, exponents={**scheme.exponents, RANK: Affine.symbol(RHO)})
    largest = _largest(stable)
    sizes = _sizes_at(scheme, largest, output)
    return Edge(
        scheme=scheme,
        stable=stable,
        internally_stable=internal,
        largest=largest,
        with_rank=_largest(_decision(free_rank, STABLE, output)),
        sizes=sizes,
        undertrained=tuple(
            factor.name
            for factor in FACTORS
            if sizes and scheme.is_trained(factor.name) and _is_below_one(sizes[factor.contribution])
        ),
    )


def _spec(name: str, optimizer: str, forms: Mapping[str, str]) -> str:
    written = {key: _expanded(form, forms[SCALE]) for key, form in forms.items()}
    head = [f'name = "{name}"', f'optimizer = "{optimizer}"', "[exponents]"]
    return "\n".join([*head, *(f'{key} = "{form}"' for key, form in written.items())])


def _expanded(form: str, scale: str) -> str:
    """The form with `scale` replaced by what it stands for, which a spec itself cannot refer to."""
    return form if SCALE not in form else str(parsed_affine(form).substituted({SCALE: parsed_affine(scale)}))


def _output(start: Start) -> str:
    return CHANGE if start is Start.CANCELLED else OUTPUT


def _decision(scheme: Scheme, condition: Condition, output: str) -> Decision:
    quantities = tuple(output if name == OUTPUT else name for name in condition.bounded)
    asked = Condition(condition.name, quantities, condition.reached, condition.source)
    return decision(asked, bounded(lora_module(scheme), quantities, scheme.domain, None), is_free=True)


def _largest(stable: Decision) -> LargestRate:
    if stable.status is Status.UNKNOWN:
        return LargestRate(RATE, None, False, EMPTY, f"the stable region is unknown: {stable.reason}")
    return largest_rate(RATE, _member(stable.region))


def _member(region: Region) -> Polyhedron:
    return region.members[0] if region.members else EMPTY


def _sizes_at(scheme: Scheme, largest: LargestRate, output: str) -> Mapping[str, Size]:
    if largest.exponent is None:
        return {}
    there = scheme.at({RATE: Affine.of(largest.exponent)})
    found = bounded(lora_module(there), (output,), there.domain, None)
    return found.run.last.sizes if found.is_final else {}


def _is_below_one(size: Size) -> bool:
    return all(piece.is_constant and piece.constant < 0 for piece in size.upper.pieces)
