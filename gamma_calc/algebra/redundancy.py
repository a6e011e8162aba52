"""Which inequalities of a system the others imply, decided on one dictionary that is kept feasible throughout.

At a feasible dictionary an inequality whose slack is nonbasic is needed if its slack alone can fall below zero. What
that leaves open is decided by lowering the slack, without holding it, until a pivot would take it below zero: then it
is needed, and that pivot is not made. If none does, the others imply it, and it is never held again.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.inequality import Inequality
from gamma_calc.algebra.linear_program import Dictionary


def irredundant(inequalities: Sequence[Inequality]) -> list[Inequality]:
    """The inequalities that the others do not imply, in their order.

    Assumes:
        All can hold at once, and none is strict.

    >>> x = Affine.symbol("x")
    >>> irredundant([Inequality(x), Inequality(x + 1)]) == [Inequality(x)]
    True
    """
    system = _System(inequalities)
    return [inequality for index, inequality in enumerate(inequalities) if system.is_needed(index)]


class _System(Dictionary):
    """A feasible dictionary, and what is known of each inequality so far."""

    def __init__(self, inequalities: Sequence[Inequality]) -> None:
        super().__init__(Affine.of(0), inequalities)
        self.needed: set[int] = set()
        self.dropped: set[int] = set()
        contradiction = self.settled()
        assert contradiction is None  # all can hold at once

    def is_needed(self, index: int) -> bool:
        """Whether the inequalities that are still held do not imply this one; if they do, it is dropped."""
        self._note()
        if index not in self.needed:
            if index in self.nonbasic:
                self._enter(index)
            if self._falls(index):
                self.needed.add(index)
            else:
                self.dropped.add(index)
        return index in self.needed

    def _held(self, besides: int) -> list[int]:
        return [
            r for r, basic in enumerate(self.basic) if basic >= 0 and basic != besides and basic not in self.dropped
        ]

    def _note(self) -> None:
        """Note each nonbasic slack that can fall below zero while every basic one stays at or above it."""
        at_zero = [self.rows[r] for r in self._held(-1) if not self.rows[r][0]]
        for k, slack in enumerate(self.nonbasic):
            if k and slack >= 0 and all(row[k] <= 0 for row in at_zero):
                self.needed.add(slack)

    def _enter(self, index: int) -> None:
        """Make a slack basic at 0, where a basic slack at 0 keeps it from falling."""
        k = self.nonbasic.index(index)
        blocking = [r for r in self._held(-1) if not self.rows[r][0] and self.rows[r][k] > 0]
        self.pivot(min(blocking, key=self.basic.__getitem__), k)

    def _falls(self, index: int) -> bool:
        """Whether a basic slack can fall below zero; by Bland's rules, which cannot cycle."""
        while True:
            goal = self.rows[self.basic.index(index)]
            falling = [k for k, slack in enumerate(self.nonbasic) if k and slack >= 0 and goal[k] < 0]
            if not falling:
                return False
            k = min(falling, key=self.nonbasic.__getitem__)
            limits = [r for r in self._held(index) if self.rows[r][k] < 0]
            if not limits:
                return True
            r = min(limits, key=lambda r: (Fraction(self.rows[r][0], -self.rows[r][k]), self.basic[r]))
            if goal[0] * -self.rows[r][k] + goal[k] * self.rows[r][0] < 0:
                return True
            self.pivot(r, k)
            self._note()
