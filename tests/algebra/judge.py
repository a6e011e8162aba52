"""The judge of the solver's answers and of envelopes: substitution and addition of affine forms, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra import Affine, Answer, Constraint, Equality, Inequality, Infeasible, Optimal, Polyhedron
from gamma_calc.algebra.affine import Point, auxiliary
from gamma_calc.algebra.envelope import upper_envelope
from gamma_calc.algebra.linear_program import maximum

_LEAD = auxiliary("lead")


@dataclass(frozen=True, slots=True)
class Kept:
    """The piece is needed: it is a given one on the domain, and strictly above every other needed piece somewhere.

    Args:
        piece: the needed piece, reduced modulo the domain's equalities.
        origin: the given piece that it equals on the domain.
        multipliers: one for each equality of the domain; their combination is `origin` less `piece`.
        point: a point of the domain where the piece leads.
    """

    piece: Affine
    origin: Affine
    multipliers: tuple[Fraction, ...]
    point: Point


@dataclass(frozen=True, slots=True)
class Dropped:
    """The piece is not needed: on the domain it is nowhere above an average of the needed pieces.

    Args:
        piece: the given piece.
        weights: one for each needed piece, at least 0, adding up to 1.
        multipliers: one for each constraint of the domain; the average, less the piece, less the combination of the
            constraints' forms is a constant that is at least 0.
    """

    piece: Affine
    weights: tuple[Fraction, ...]
    multipliers: tuple[Fraction, ...]


Evidence: TypeAlias = Kept | Dropped
"""What proves that a piece is needed or not."""


def is_proved(answer: Answer, objective: Affine, constraints: Sequence[Constraint]) -> bool:
    """Whether the answer's certificate proves it for the maximum of the objective under the constraints."""
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
    """The combination of the constraints' forms, at least 0 where they hold; None if that is not ensured."""
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


def canonical_evidence(pieces: Sequence[Affine], domain: Polyhedron) -> tuple[Evidence, ...]:
    """What proves, for each needed piece and each given one that is not among them, that it is needed or not.

    The proofs come from linear programs, whatever shortcut found the envelope; `is_canonical` checks them against the
    constraints of the domain's closure.
    """
    domain = domain.closure
    envelope = upper_envelope(tuple(pieces), domain)
    kept = [_kept(piece, pieces, envelope, domain) for piece in envelope]
    dropped = [_dropped(piece, envelope, domain) for piece in dict.fromkeys(pieces) if piece not in envelope]
    return (*kept, *dropped)


def _top(piece: Affine, others: Sequence[Affine], domain: Polyhedron) -> tuple[Optimal, list[Inequality]]:
    """Where on the domain the piece leads the others most, a lead of more than 1 counting as 1; and the rivalries."""
    rivals = [Inequality(piece - other - _LEAD) for other in others]
    answer = maximum(_LEAD, [*rivals, *domain.constraints, Inequality(1 - _LEAD)])
    assert isinstance(answer, Optimal)  # the domain is not empty, and the lead is at most 1
    return answer, rivals


def _kept(piece: Affine, pieces: Sequence[Affine], envelope: Sequence[Affine], domain: Polyhedron) -> Kept:
    answer, _ = _top(piece, [other for other in envelope if other != piece], domain)
    origin = next(given for given in pieces if domain.reduced(given) == piece)
    same = maximum(piece - origin, domain.equalities)
    assert isinstance(same, Optimal)  # both are one function on the domain
    names = {name for form in envelope for name in form.free}.union(domain.free)
    point = {name: answer.point.get(name, Fraction(0)) for name in sorted(names)}
    return Kept(piece, origin, same.multipliers, point)


def _dropped(piece: Affine, envelope: Sequence[Affine], domain: Polyhedron) -> Dropped:
    answer, rivals = _top(piece, envelope, domain)
    # Inequalities are rescaled on construction; the coefficient of the lead tells by how much.
    lead = _LEAD.free[0]
    scaled = zip(answer.multipliers, rivals, strict=False)
    weights = tuple(-multiplier * rival.form.coefficient(lead) for multiplier, rival in scaled)
    return Dropped(piece, weights, answer.multipliers[len(rivals) : -1])
