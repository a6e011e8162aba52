"""What a reader has to know of derived exponents before trusting them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.analysis.points import misread
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme


def caveats(scheme: Scheme, run: Trajectory) -> tuple[str, ...]:
    """That an assumption may be false of the scheme, or that a run at a point says otherwise than this one."""
    found, key = list[str](), NO_CANCELLATION.key
    reason = cancellation(scheme)
    if reason and NO_CANCELLATION not in run.policy.without:
        found.append(f"{reason}: {key} may then be false, and exponents are bounds from above (--without {key})")
    otherwise = misread(run)
    if otherwise:
        found.append(
            f"{otherwise}: which part of a map leads depends on what is free, and exponents are told as if it did not "
            "(--at tells them at a point)"
        )
    return (*found, *below_their_floor(run.program))


def below_their_floor(program: Program) -> Iterator[str]:
    """That Adafactor's floor, a constant, is small beside what it outgrows in the end."""
    gaps = {
        each.name: each.floor - each.initial
        for each in program.parameters
        if each.is_trained and each.floor is not None and each.initial is not None
    }
    small = {name: gap.constant for name, gap in gaps.items() if gap.is_constant and gap.constant > 0}
    if small:
        name, gap = max(small.items(), key=lambda pair: pair[1])
        others = f" and {len(small) - 1} others" if len(small) > 1 else ""
        yield (
            f"the step of {name}{others} is scaled by its floor, which outgrows the entries: of 1/1000, as torch has "
            f"it, from n = 10^{Fraction(3) / gap} on; a narrower network goes by the entries, with a step n^({-gap}) "
            "times that"
        )
