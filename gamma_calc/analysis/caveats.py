"""What a reader has to know of derived exponents before trusting them."""

from __future__ import annotations

from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.analysis.points import misread
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.recursion import Trajectory
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
    return tuple(found)
