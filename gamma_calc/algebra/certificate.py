"""The judge of the solver's answers: substitution and addition of affine forms, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.answer import Answer, Dropped, Evidence, Infeasible, Kept, Optimal
from gamma_calc.algebra.inequality import Constraint, Equality


def is_proved(answer: Answer, objective: Affine, constraints: Sequence[Constraint]) -> bool:
    """Whether the answer's certificate proves it for the maximum of the objective under the constraints.

    >>> x = Affine.symbol("x")
    >>> is_proved(Optimal(Fraction(3), {"x": Fraction(3)}, (Fraction(-1),)), x, [Equality(x - 3)])
    True
    >>> is_proved(Optimal(Fraction(4), {"x": Fraction(3)}, (Fraction(-1),)), x, [Equality(x - 3)])
    False
    """
    if isinstance(answer, Infeasible):
        total = combination(answer.multipliers, constraints)
        return total is not None and total.is_constant and total.constant < 0
    if not all(constraint.holds_at(answer.point) for constraint in constraints):
        return False
    if isinstance(answer, Optimal):
        total = combination(answer.multipliers, constraints)
        return objective.at(answer.point) == answer.value and total == answer.value - objective
    stays = all(_keeps(constraint, constraint.form.linear.at(answer.ray)) for constraint in constraints)
    return stays and objective.linear.at(answer.ray) > 0


def combination(multipliers: Sequence[Fraction], constraints: Sequence[Constraint]) -> Affine | None:
    """The combination of the constraints' forms, at least 0 where they hold; None if the multipliers do not ensure it.

    >>> combination((Fraction(-1),), [Equality(Affine.symbol("x"))])
    Affine('-x')
    """
    if len(multipliers) != len(constraints):
        return None
    total = Affine.of(0)
    for multiplier, constraint in zip(multipliers, constraints, strict=True):
        if multiplier < 0 and not isinstance(constraint, Equality):
            return None
        total = total + constraint.form * multiplier
    return total


def is_canonical(pieces: Sequence[Affine], domain: Sequence[Constraint], evidence: Sequence[Evidence]) -> bool:
    """Whether the evidence proves that its kept pieces, and no fewer, have the maximum of the given ones on the domain.

    Args:
        pieces: the given affine forms.
        domain: the constraints, equalities first.
        evidence: one `Kept` for each needed piece and one `Dropped` for each given piece that is not among them.

    >>> x = Affine.symbol("x")
    >>> kept = Kept(x, x, (), {"x": Fraction(0)})
    >>> is_canonical([x, x - 1], [], [kept, Dropped(x - 1, (Fraction(1),), ())])
    True
    >>> is_canonical([x, x + 1], [], [kept, Dropped(x + 1, (Fraction(1),), ())])
    False
    """
    kept = [each for each in evidence if isinstance(each, Kept)]
    needed = [each.piece for each in kept]
    dropped = [each for each in evidence if isinstance(each, Dropped)]
    is_complete = set(pieces) <= {*needed, *(each.piece for each in dropped)}
    is_faithful = all(each.origin in pieces for each in kept)
    return (
        is_complete
        and is_faithful
        and all(_is_needed(each, needed, domain) for each in kept)
        and all(_is_spare(each, needed, domain) for each in dropped)
    )


def _is_needed(kept: Kept, needed: Sequence[Affine], domain: Sequence[Constraint]) -> bool:
    equalities = [constraint for constraint in domain if isinstance(constraint, Equality)]
    value = kept.piece.at(kept.point)
    leads = all(piece.at(kept.point) < value for piece in needed if piece != kept.piece)
    belongs = all(constraint.holds_at(kept.point) for constraint in domain)
    return leads and belongs and combination(kept.multipliers, equalities) == kept.origin - kept.piece


def _is_spare(dropped: Dropped, needed: Sequence[Affine], domain: Sequence[Constraint]) -> bool:
    total = combination(dropped.multipliers, domain)
    is_average = len(dropped.weights) == len(needed) and min(dropped.weights) >= 0 and sum(dropped.weights) == 1
    if total is None or not is_average:
        return False
    average = sum((piece * weight for piece, weight in zip(needed, dropped.weights, strict=True)), Affine.of(0))
    excess = average - dropped.piece - total
    return excess.is_constant and excess.constant >= 0


def _keeps(constraint: Constraint, change: Fraction) -> bool:
    return change == 0 if isinstance(constraint, Equality) else change >= 0
