"""What a reader has to know of derived exponents before trusting them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.analysis.points import misread
from gamma_calc.analysis.zeros import led_by_zeros
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.components import Term, total
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.program.expressions import Expression, InverseRms, MapChange
from gamma_calc.program.program import Program
from gamma_calc.program.proportional import proportional_to
from gamma_calc.program.scheme import Scheme

AS_IF = "which part of a map leads depends on what is free, and exponents are told as if it did not"
"""What a caveat says of exponents that are others on parts of the domain."""


def caveats(scheme: Scheme, run: Trajectory) -> tuple[str, ...]:
    """That an assumption may be false of the scheme, or that a run at a point says otherwise than this one."""
    found, key = list[str](), NO_CANCELLATION.key
    reason = cancellation(scheme)
    if reason and NO_CANCELLATION not in run.policy.without:
        found.append(f"{reason}: {key} may then be false, and exponents are bounds from above (--without {key})")
    otherwise = misread(run)
    if otherwise:
        found.append(f"{otherwise}: {AS_IF} (--at tells them at a point)")
    grown = _norm_of_what_has_grown(run)
    if grown:
        found.append(
            f"from step {grown} on a norm is taken of what has outgrown its start, and takes away what changes along "
            f"that: {key} may then be false, and later changes behind it are bounds from above"
        )
    decayed = _norm_of_what_decays(run)
    if decayed:
        found.append(
            f"at step {decayed} a decay leads the change of what a norm is taken of, and the norm takes it away: {key} "
            "is false there, and changes behind it are bounds from above"
        )
    if led_by_zeros(run):
        found.append(
            "a ReLU leads a sum and is zero in a share of the entries, where smaller summands decide the sign that a "
            f"map or a step goes by: {key} is false there, and what these summands make may be larger than derived "
            f"(--without {key} bounds it)"
        )
    return (*found, *below_their_floor(run.program))


def _norm_of_what_has_grown(run: Trajectory) -> int | None:
    """The first step that takes a norm of what is surely larger than it was at first."""
    first = dict[Expression, Size]()
    for each in run.applications:
        node = each.subject.expression
        if isinstance(node, InverseRms):
            size = total(each.premises[0])
            if size.lower.is_above(first.setdefault(node, size).upper):
                return each.subject.t
    return None


def _norm_of_what_decays(run: Trajectory) -> int | None:
    """The first step by which the decay of what a norm is proportional to surely leads the change that it reads."""
    decaying = {each for each in run.program.parameters if each.has_decay}
    for each in run.applications if decaying else ():
        node = each.subject.expression
        if not isinstance(node, MapChange) or not isinstance(node.map, InverseRms):
            continue
        if _is_led_by_a_multiple(*each.premises[:2]) and proportional_to(node.map.operand, decaying):
            return each.subject.t
    return None


def _is_led_by_a_multiple(value: Term, change: Term) -> bool:
    """Whether one part leads a value, and its change is led by what is made from the same."""
    leading = [each for each in value if not total(value).lower.is_above(each.size.upper)]
    if len(leading) != 1:
        return False
    along = leading[0].provenance
    others = [each for each in change if each.provenance != along]
    multiple = total(each for each in change if each.provenance == along)
    return len(others) < len(change) and all(multiple.lower.is_above(each.size.upper) for each in others)


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
