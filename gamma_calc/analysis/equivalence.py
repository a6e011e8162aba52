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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gamma_calc.algebra import Affine, Equality
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.inequality import echelon, reduced
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON, Assumption
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.models import BESIDE, MODULE
from gamma_calc.program.optimizers import Moments
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import CAN_BE_ZERO, INITIAL, Scheme

ZERO = Affine.of(0)
A, B, DATA = map(auxiliary, ("0 shift of A", "1 shift of B", "2 shift of dZ"))
"""The unknowns a, b and d; those that follow, by name, are the second scheme's free exponents."""
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
    wanted = {name: auxiliary(f"3 value {place:03}") for place, name in enumerate(second.free)}
    zeros = [*_zeros(first, second.at(wanted))]
    if (has_epsilon and feels_epsilon) or first.form("epsilon") is not None:
        # Gradients keep their sizes: that of A gains n^(d-a), that of B n^(d-b).
        zeros.append(first["gradient"] + DATA - second.at(wanted)["gradient"])
        zeros += [DATA - shift for key, shift in SHIFT_OF.items() if first.is_trained(key)]
    if program_of(first).takes_norms:
        zeros += [A, B, DATA]
    # What stays free keeps its name where the first scheme has it, else is 0.
    left = dict.fromkeys((*A.free, *B.free, *DATA.free), ZERO)
    left |= {each.free[0]: Affine.symbol(name) if name in first.free else ZERO for name, each in wanted.items()}
    rows = echelon(map(Equality, zeros))
    if rows is None or any(row.free[0] not in left for row in rows):
        return None
    a, b, data, *values = (reduced(each, rows).substituted(left) for each in (A, B, DATA, *wanted.values()))
    rests = has_epsilon and not feels_epsilon
    known = dict(zip(wanted, values, strict=True))
    return Equivalence(a, b, data, known, (NEGLIGIBLE_EPSILON,) if rests else ())


def _zeros(first: Scheme, second: Scheme) -> Iterator[Affine]:
    """What has to be 0 for a symmetry to carry the first scheme to the second, whose free exponents are unknown."""

    def carried(key: str, gain: Affine = ZERO) -> Affine:
        return first[key] + gain - second[key]

    degree = first.optimizer.step.degree
    yield from (carried("rank"), carried("fan_out"), carried("scale", -A - B))
    if first.form("feedback") is not None:
        yield carried("feedback", DATA)
    if degree or first.form("feedback") is not None:
        yield carried("gradient", DATA)
    for key, shift in SHIFT_OF.items():
        if first.form(key) is not None:
            yield carried(key, shift)
        if first.is_trained(key):
            gain = shift * (1 + degree) - DATA * degree
            yield carried(f"eta_{key}", gain)
            if first.form("decay") is not None:
                yield carried("decay", -gain)  # eta lambda is a number that no symmetry changes
    for key in ("momentum", *BESIDE):
        if first.form(key) is not None:
            yield carried(key)
