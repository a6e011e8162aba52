"""Schemes that several tests speak of, in the spec's own words."""

from __future__ import annotations

from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

STEPS_ALONE = ("adam", "sign", "sgd")
"""Optimisers that are a step along the gradient, which fast kernels and certificates know."""


def scheme(
    a: str, b: str, eta_a: str, eta_b: str, *, optimizer: str = "adam", between: tuple[str, ...] = (), **others: str
) -> Scheme:
    """The scheme with these exponents."""
    exponents = {"A": a, "B": b, "eta_A": eta_a, "eta_B": eta_b, **others}
    lines = [f'optimizer = "{optimizer}"', "[exponents]", *(f'{key} = "{value}"' for key, value in exponents.items())]
    lines += ["[domain]", f"between = {list(between)}"]
    return scheme_from_text("\n".join(lines), default_name="test")
