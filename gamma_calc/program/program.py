"""A program: the parameters, their gradients, and what is looked at after each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, Trained, leaves
from gamma_calc.program.optimizers import Optimizer


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What is trained, written once and read in several senses.

    `gradients` gives the raw gradient of each parameter before the step; `quantities` names what is predicted and
    measured at step t, written in the parameters before, during and after it. Two programs are equal if they are one.
    """

    parameters: tuple[Trained, ...]
    gradients: Mapping[Trained, Expression]
    quantities: Mapping[str, Expression]
    optimizer: Optimizer

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis of the program, in the order of appearance."""
        return tuple(dict.fromkeys(axis for leaf in leaves(*self.gradients.values()) for axis in leaf.axes))
