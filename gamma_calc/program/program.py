"""A program: the parameters, their gradients, and what is looked at after each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, InverseRms, Trained, leaves, nodes
from gamma_calc.program.optimizers import Optimizer, Orthogonalised, Update, blocks_beside
from gamma_calc.program.update_expressions import Norm


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What is trained, written once and read in several senses.

    `gradients` gives the raw gradient of each parameter before the step; `quantities` names what is predicted and
    measured at step t, written in the parameters before, during and after it. `changes` says which of these are what
    the step changes of others. Two programs are equal if they are one.
    """

    parameters: tuple[Trained, ...]
    gradients: Mapping[Trained, Expression]
    quantities: Mapping[str, Expression]
    optimizer: Optimizer
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def updates(self) -> Mapping[Trained, Update]:
        """How each trained parameter moves, as the optimiser says it in symbols."""
        found = {tensor: self.optimizer.update(tensor, self.gradients) for tensor in self.gradients}
        if not isinstance(self.optimizer.step, Orthogonalised):
            return found
        beside = {tensor: blocks_beside(tensor, found) for tensor in found}
        return {
            tensor: replace(update, beside=tuple((each, found[each].direction) for each in beside[tensor]))
            for tensor, update in found.items()
        }

    @property
    def takes_norms(self) -> bool:
        """Whether an update rule compares a gradient, or a tensor, with a number."""
        updates = (part for update in self.updates.values() for part in update.expressions)
        return any(isinstance(node, Norm) for node in nodes(*updates))

    @property
    def is_raw(self) -> bool:
        """Whether a step is as large as its gradients, of which no norm is taken."""
        return self.optimizer.step.degree == 1 and not self.takes_norms

    @property
    def is_polynomial(self) -> bool:
        """Whether a step only multiplies and adds: it is raw, and nothing is divided by a norm."""
        values = nodes(*self.gradients.values(), *self.quantities.values())
        return self.is_raw and not any(isinstance(node, InverseRms) for node in values)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis of the program, in the order of appearance."""
        return tuple(dict.fromkeys(axis for leaf in leaves(*self.gradients.values()) for axis in leaf.axes))


@lru_cache(maxsize=64)
def with_quantities(program: Program, quantities: tuple[str, ...]) -> Program:
    """The program that is asked for some of its quantities only."""
    return replace(program, quantities={name: program.quantities[name] for name in quantities})
