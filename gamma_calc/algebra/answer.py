"""The answers to a linear program and to the question which pieces of a maximum are needed, each with its proof."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra.affine import Affine, Point


@dataclass(frozen=True, slots=True)
class Optimal:
    """The maximum is attained.

    Args:
        value: the maximum.
        point: where it is attained.
        multipliers: one for each constraint, at least 0 for inequalities, such that the combination of the
            constraints' forms is identically `value` minus the objective.
    """

    value: Fraction
    point: Point
    multipliers: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Unbounded:
    """The objective grows without bound from `point` along `ray`."""

    point: Point
    ray: Point


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No point satisfies the constraints: their combination with these multipliers is a negative constant."""

    multipliers: tuple[Fraction, ...]


Answer: TypeAlias = Optimal | Unbounded | Infeasible
"""What a linear program can answer."""


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
