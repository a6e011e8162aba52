"""The catalogue: schemes that the literature compares, as data.

Sources: init-a, init-b: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics"; lora-plus: Hayou,
Ghosh, Yu, "LoRA+" (eta_B larger than eta_A by a factor that grows with the width); init-ab: Li et al., "Beyond Zero
Initialization".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gamma_calc.algebra import parsed_affine
from gamma_calc.errors import BadInput
from gamma_calc.program.scheme import REQUIRED, ZERO, Scheme

_ROWS = (
    ("init-a", "-1/2", ZERO, "eta", "eta"),
    ("init-b", ZERO, "-rank/2", "eta", "eta"),
    ("init-ab", "-1/2", "-1/2", "eta", "eta"),
    ("lora-plus-a", "-1/2", ZERO, "eta", "eta + 1"),
    ("lora-plus-b", ZERO, "-rank/2", "eta", "eta + 1"),
)


def _scheme(name: str, *forms: str) -> Scheme:
    exponents = {key: None if form == ZERO else parsed_affine(form) for key, form in zip(REQUIRED, forms, strict=True)}
    return Scheme(name, exponents)


CATALOGUE: Mapping[str, Scheme] = MappingProxyType({row[0]: _scheme(*row) for row in _ROWS})


def catalogue_scheme(name: str) -> Scheme:
    """The catalogue's scheme called `name`.

    Raises:
        BadInput: the catalogue has no such scheme.
    """
    if name not in CATALOGUE:
        expected = f"one of {', '.join(CATALOGUE)}"
        raise BadInput("unknown scheme", found=name, expected=expected, choices=CATALOGUE)
    return CATALOGUE[name]
