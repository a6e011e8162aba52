"""How the scale s = alpha / r of an adapter goes with its rank: a question of what happens to alpha.

At one rank nobody can tell. With alpha kept, s falls as r^(-1); with alpha in proportion to r, s stays. Under rsLoRA,
where s = alpha / r^(1/2), the two are r^(-1/2) and r^(1/2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum

from gamma_calc.algebra import Affine, parsed_affine
from gamma_calc.errors import BadInput
from gamma_calc.program.models import RANK
from gamma_calc.program.scheme import Scheme

SCALE = "scale"


class AlphaReading(Enum):
    """What happens to lora_alpha when the rank changes."""

    FIXED = "fixed"
    PROPORTIONAL = "proportional"

    @property
    def words(self) -> str:
        """What lora_alpha does, after "lora_alpha is"."""
        return "kept" if self is AlphaReading.FIXED else "in proportion to r"


SCALES: Mapping[tuple[AlphaReading, bool], str] = {
    (AlphaReading.FIXED, False): "-rank",
    (AlphaReading.FIXED, True): "-rank/2",
    (AlphaReading.PROPORTIONAL, False): "0",
    (AlphaReading.PROPORTIONAL, True): "rank/2",
}
"""The exponent of s = alpha/r (alpha/sqrt(r) where rank-stabilised), by the reading of alpha."""


def alpha_named(name: str | AlphaReading) -> AlphaReading:
    """The reading called by this word."""
    words = [reading.value for reading in AlphaReading]
    if not isinstance(name, AlphaReading) and name not in words:
        raise BadInput("alpha", found=str(name), expected=" or ".join(words), choices=words)
    return AlphaReading(name)


def alpha_reading(points: Iterable[tuple[float, float]]) -> AlphaReading | None:
    """What alpha does from rank to rank, seen on pairs (rank, alpha); None where one rank, or neither reading, is seen.

    >>> alpha_reading([(8, 16), (64, 16)])
    <AlphaReading.FIXED: 'fixed'>
    """
    seen = list(points)
    if len({rank for rank, _ in seen}) < 2:
        return None
    for reading in AlphaReading:
        sizes = [alpha if reading is AlphaReading.FIXED else alpha / rank for rank, alpha in seen]
        if all(math.isclose(size, sizes[0]) for size in sizes):
            return reading
    return None


def alpha_convention(said: AlphaReading | None, shown: AlphaReading | None, where: str) -> AlphaReading:
    """What lora_alpha does, by what was said and what an adapter shows."""
    if said is None and shown is None:
        raise BadInput(
            f'{where}: say alpha="fixed" (--alpha fixed) where lora_alpha is the same at both ranks, '
            'alpha="proportional" (--alpha proportional) where alpha/r is'
        )
    if said is not None and shown is not None and said is not shown:
        raise BadInput(f"{where}: alpha", found=said.value, expected=f"{shown.value}, as the ranks there show")
    agreed = said or shown
    assert agreed is not None
    return agreed


def says_scale(scheme: Scheme) -> bool:
    """Whether the scheme itself says how s goes with the rank."""
    form = scheme.exponents.get(SCALE)
    return form is not None and RANK in form.free


def check_scale(scheme: Scheme, shown: AlphaReading | None, points: str, *, is_rank_stabilised: bool) -> None:
    """Hold the scale that a scheme declares to the one that layers of several ranks show.

    Raises:
        BadInput: s goes otherwise with the rank there; `points` says how.
    """
    form = scheme.exponents[SCALE]
    assert form is not None  # only A and B, and what is absent, can be zero
    seen = None if shown is None else parsed_affine(SCALES[shown, is_rank_stabilised]).coefficient(RANK)
    if seen is not None and seen != form.coefficient(RANK):
        expected = f'"{seen}*{RANK}", as the layers show: {points}'
        raise BadInput(f"{scheme.name}: scale", found=str(form), expected=expected)


def with_free_scale(scheme: Scheme) -> tuple[Scheme, str]:
    """The scheme with the exponent of s left free, and what that is called.

    Raises:
        BadInput: the scheme itself says how s goes, and that is no constant.
    """
    form, name = scheme.exponents.get(SCALE), "sigma"
    if form is None or form.free or form.constant:
        raise BadInput(f"{scheme.name}: {SCALE}", found=str(form), expected='"0": s is followed as it stands in layers')
    while name in scheme.free:
        name += "_"
    return replace(scheme, exponents={**scheme.exponents, SCALE: Affine.symbol(name)}), name


def with_alpha(scheme: Scheme, reading: AlphaReading, *, is_rank_stabilised: bool = False) -> Scheme:
    """The scheme with the power of the rank in s that the reading gives it."""
    form = scheme.exponents.get(SCALE)
    if form is None:
        raise BadInput(f"{scheme.name}: alpha", found=reading.value, expected=f"none: it has no {SCALE}")
    if says_scale(scheme):
        raise BadInput(f"{scheme.name}: its scale, {form}, says how s goes with the rank; leave alpha out")
    scale = form + parsed_affine(SCALES[reading, is_rank_stabilised])
    return replace(scheme, exponents={**scheme.exponents, SCALE: scale})
