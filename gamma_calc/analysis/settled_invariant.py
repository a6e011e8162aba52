"""The invariant of a run that settles though its step multiplies components: the values that it settles to.

A step never makes anything smaller when a component grows, so bounds that one step keeps are kept by all: the largest
values of the components over the steps until they settle. On a region with few pieces each claim has a proof by an
exact linear program: a form is at most an average of bounds and some of the region's own inequalities.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (star of a matrix).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from gamma_calc.algebra import Affine, Inequality, Optimal, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.linear_program import maximum
from gamma_calc.analysis.invariant import Claim, Invariant, Reason
from gamma_calc.calculus.step_graph import Node, StepMap

MOST_CLAIMS = 2048
"""Claims of an invariant beyond which it is not written out."""
LEAD = auxiliary("lead")


def settled_invariant(
    found: StepMap, names: Sequence[str], region: Polyhedron, bounds: Mapping[Node, tuple[Affine, ...]]
) -> Invariant | None:
    """The invariant that some bounds on the components are on a region; None where a step does not keep them.

    Args:
        found: the step map, with its products.
        names: the quantities that are at most 0 on the region.
        region: where the run settles and the quantities are bounded; it must not be empty.
        bounds: the largest values of each component.
    """
    if not set(names) <= set(found.quantities) or not set(found.nodes) <= set(bounds):
        return None
    monomials = tuple(dict.fromkeys(monomial for name in names for monomial in found.quantities[name]))
    hypotheses = tuple(-form for each in region.inequalities for form in (each.form,))
    hypotheses += tuple(form for each in region.equalities for form in (each.form, -each.form))
    every = (*hypotheses, Affine.of(-1))
    made = found.edges, found.sources, monomials
    empty = Invariant(region, every, bounds, *made, (), found.products, found.start)
    if empty.size > MOST_CLAIMS:
        return None
    known: dict[Claim, Reason | None] = {}
    for claim in empty.claims():
        if claim not in known:
            known[claim] = _reason(claim, empty.hypotheses)
        if known[claim] is None:
            return None
    return empty.proved(tuple(reason for claim in empty.claims() if (reason := known[claim]) is not None))


def _reason(claim: Claim, hypotheses: Sequence[Affine]) -> Reason | None:
    """The bound and the hypotheses that a linear program finds, if the claim is true."""
    for bound in claim.bounds:
        if bound.terms == claim.form.terms and claim.form.constant <= bound.constant:
            return Reason(
                bound, _sparse([*[Fraction(0)] * (len(hypotheses) - 1), bound.constant - claim.form.constant])
            )
    # With a lead of 0 the form, less the bounds and the hypotheses as often as the multipliers say, is a constant.
    rivals = [Inequality(claim.form - bound - LEAD) for bound in claim.bounds]
    sides = [Inequality(-form) for form in hypotheses]
    answer = maximum(LEAD, [*rivals, *sides, Inequality(1 - LEAD)])
    if not isinstance(answer, Optimal) or answer.value > 0:
        return None
    scales = [-rival.form.coefficient(LEAD.free[0]) for rival in rivals]
    weights = [number * scale for number, scale in zip(answer.multipliers, scales, strict=False)]
    average = sum((bound * weight for bound, weight in zip(claim.bounds, weights, strict=True)), Affine.of(0))
    multipliers = answer.multipliers[len(rivals) : -1]
    turns = [number * _scale(side, form) for number, side, form in zip(multipliers, sides, hypotheses, strict=True)]
    rest = claim.form - sum((form * number for form, number in zip(hypotheses, turns, strict=True)), average)
    if not rest.is_constant or rest.constant > 0:
        return None
    turns[-1] -= rest.constant
    shares = tuple((bound, weight) for bound, weight in zip(claim.bounds, weights, strict=True) if weight)
    return Reason(average, _sparse(turns), shares)


def _scale(side: Inequality, form: Affine) -> Fraction:
    """How often the negative form goes into the inequality's, which is scaled on construction."""
    (mine, theirs) = ((each.terms[0][1] if each.terms else each.constant) for each in (side.form, -form))
    return mine / theirs


def _sparse(numbers: Sequence[Fraction]) -> tuple[tuple[int, Fraction], ...]:
    return tuple((place, number) for place, number in enumerate(numbers) if number)
