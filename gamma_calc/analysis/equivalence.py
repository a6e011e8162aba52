"""Equivalences: two schemes that are the same dynamics up to a symmetry of the module.

The module s B A Z does not change under A -> n^a A, B -> n^b B, s -> n^(-a-b) s, nor does training, if the rates
follow: the gradient of A gains n^(d-a) where the loss gradient gains n^d, and a processed gradient that is homogeneous
of degree k in its raw one gains n^(k(d-a)), so that the rate has to gain n^(a-k(d-a)), and a weight decay to lose that;
and likewise for B. A momentum stays, and a feedback gains n^d. Two schemes
are the same dynamics if some a, b, d and some affine change of the free exponents carry one's exponents to the
other's: linear equations, solved exactly.

Source: Yang and Hu, "Tensor Programs IV": the redundancy of abc-parametrisations, for one matrix and gradient descent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON, Assumption
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.models import BESIDE, MODULE
from gamma_calc.program.optimizers import Moments
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import CAN_BE_ZERO, INITIAL, Scheme

ZERO = Fraction(0)
A, B, DATA = "shift of A", "shift of B", "shift of dZ"
SHIFTS = (A, B, DATA)
"""The unknowns beside the free exponents; no free exponent has a blank in its name."""
SHIFT_OF = dict(zip(INITIAL, (A, B), strict=True))


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A symmetry that carries the first scheme to the second.

    Exponents: tensor A of the second scheme is n^shift_a times that of the first, B n^shift_b, the scale
    n^-(shift_a + shift_b), and the loss gradient n^shift_data. `values` are the second scheme's free exponents in those
    of the first. Z_B and the parts of its change are the same; Z_A gains n^shift_a. `assumptions` are what it rests on.
    """

    shift_a: Affine
    shift_b: Affine
    shift_data: Affine
    values: Mapping[str, Affine]
    assumptions: tuple[Assumption, ...]

    def __str__(self) -> str:
        """The map, as replacements; what stays as it is goes without saying."""
        scale = -self.shift_a - self.shift_b
        shifts = {"A": self.shift_a, "B": self.shift_b, "s": scale, "dZ": self.shift_data}
        moves = [f"{name} -> n^({shift}) {name}" for name, shift in shifts.items() if shift != Affine.of(0)]
        moves += [f"{name} = {value}" for name, value in self.values.items() if value != Affine.symbol(name)]
        return ", ".join(moves) or "the identity"


@dataclass(frozen=True, slots=True)
class _Equation:
    """A combination of the unknowns that has to equal a form in the first scheme's free exponents."""

    unknowns: Mapping[str, Fraction]
    value: Affine

    def plus(self, other: _Equation, factor: Fraction) -> _Equation:
        """This equation and a multiple of another one."""
        names = dict.fromkeys((*self.unknowns, *other.unknowns))
        sums = {name: self.unknowns.get(name, ZERO) + factor * other.unknowns.get(name, ZERO) for name in names}
        return _Equation({name: total for name, total in sums.items() if total}, self.value + other.value * factor)

    def cleared(self, name: str, pivot: _Equation) -> _Equation:
        """This equation without an unknown, of which the pivot has exactly one."""
        return self.plus(pivot, -self.unknowns.get(name, ZERO))

    def rest(self, name: str, chosen: Mapping[str, Affine]) -> Affine:
        """The value of the one unknown that is not chosen."""
        known = [chosen[other] * factor for other, factor in self.unknowns.items() if other != name]
        return self.value - sum(known, Affine.of(0))


def equivalence(first: Scheme, second: Scheme, policy: Policy = CALCULUS) -> Equivalence | None:
    """The symmetry that carries the first scheme to the second, or None where there is none of this kind.

    Args:
        first, second: the schemes.
        policy: what both suppose; where an epsilon is not negligible, no gradient may change its size.

    >>> from gamma_calc.program.catalogue import CATALOGUE
    >>> equivalence(CATALOGUE["init-a"], CATALOGUE["init-b"]) is None
    True
    """
    if first.model != MODULE or second.model != MODULE:
        return None  # other models have more symmetries than these
    feels_epsilon = NEGLIGIBLE_EPSILON in policy.without
    found = _carried(first, second, feels_epsilon=feels_epsilon)
    if found is None or _carried(second, first, feels_epsilon=feels_epsilon) is None:
        return None
    if any(found.values.get(name, Affine.symbol(name)) != Affine.symbol(name) for name in policy.free):
        return None
    return found if second.domain.substituted(found.values) == first.domain else None


def _carried(first: Scheme, second: Scheme, *, feels_epsilon: bool) -> Equivalence | None:
    """The symmetry that makes the first scheme an instance of the second."""
    is_zero = [(first.form(key) is None, second.form(key) is None) for key in CAN_BE_ZERO]
    rules = [(scheme.optimizer.step, scheme.optimizer.update) for scheme in (first, second)]
    if rules[0] != rules[1] or first.trained != second.trained:
        return None
    if any(one != other for one, other in is_zero):
        return None
    step = first.optimizer.step
    has_epsilon = isinstance(step, Moments) and step.epsilon > 0 and first.form("epsilon") is None
    equations = _equations(first, second)
    if (has_epsilon and feels_epsilon) or first.form("epsilon") is not None:
        equations += _same_gradients(first, second)
    if program_of(first).takes_norms:
        equations += [_equation(Affine.of(0), Affine.of(0), {shift: 1}) for shift in SHIFTS]
    solved = _solved(equations, (*SHIFTS, *second.free), first.free)
    if solved is None:
        return None
    rests = has_epsilon and not feels_epsilon
    values = {name: solved[name] for name in second.free}
    return Equivalence(solved[A], solved[B], solved[DATA], values, (NEGLIGIBLE_EPSILON,) if rests else ())


def _equations(first: Scheme, second: Scheme) -> list[_Equation]:
    degree = first.optimizer.step.degree
    found = [_equation(first[key], second[key], {}) for key in ("rank", "fan_out")]
    found.append(_equation(first["scale"], second["scale"], {A: -1, B: -1}))
    if first.form("feedback") is not None:
        found.append(_equation(first["feedback"], second["feedback"], {DATA: 1}))
    if degree or first.form("feedback") is not None:
        found.append(_equation(first["gradient"], second["gradient"], {DATA: 1}))
    for key, shift in SHIFT_OF.items():
        if first.form(key) is not None:
            found.append(_equation(first[key], second[key], {shift: 1}))
        if first.is_trained(key):
            rate = f"eta_{key}"
            gain = {shift: 1 + degree, DATA: -degree}
            found.append(_equation(first[rate], second[rate], gain))
            if first.form("decay") is not None:
                # eta lambda is a number that no symmetry changes.
                found.append(_equation(first["decay"], second["decay"], {name: -by for name, by in gain.items()}))
    for key in ("momentum", *BESIDE):
        if first.form(key) is not None:
            found.append(_equation(first[key], second[key], {}))
    return found


def _same_gradients(first: Scheme, second: Scheme) -> list[_Equation]:
    """Gradients keep their sizes: that of A gains n^(d-a), that of B n^(d-b)."""
    zero = Affine.of(0)
    kept = [_equation(zero, zero, {DATA: 1, shift: -1}) for key, shift in SHIFT_OF.items() if first.is_trained(key)]
    return [_equation(first["gradient"], second["gradient"], {DATA: 1}), *kept]


def _equation(one: Affine, other: Affine, shifts: Mapping[str, int]) -> _Equation:
    """one + shifts = other, where `other` is written in the unknown free exponents of the second scheme."""
    unknowns = {name: other.coefficient(name) for name in other.free}
    unknowns |= {name: Fraction(-factor) for name, factor in shifts.items()}
    return _Equation(unknowns, one - other.constant)


def _solved(equations: Sequence[_Equation], unknowns: Sequence[str], own: Sequence[str]) -> dict[str, Affine] | None:
    """The unknowns by elimination; what stays free keeps its name where the first scheme has it, else is 0."""
    rows, solved = list(equations), dict[str, _Equation]()
    for name in unknowns:
        row = next((row for row in rows if row.unknowns.get(name)), None)
        if row is not None:
            pivot = row.plus(row, 1 / row.unknowns[name] - 1)
            rows = [other.cleared(name, pivot) for other in rows if other is not row]
            solved = {known: other.cleared(name, pivot) for known, other in solved.items()} | {name: pivot}
    if any(row.value != Affine.of(0) for row in rows):
        return None
    chosen = {name: Affine.symbol(name) if name in own else Affine.of(0) for name in unknowns if name not in solved}
    return chosen | {name: row.rest(name, chosen) for name, row in solved.items()}
