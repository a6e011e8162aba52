"""The answers to a linear program, each with its proof."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra.affine import Point


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
