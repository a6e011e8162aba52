"""Products of which only gradients ask: read as wholes they say what they say term by term."""

from __future__ import annotations

import pytest

from benchmarks.symbolic import forget
from gamma_calc.algebra import Affine, Exponent
from gamma_calc.calculus.components import Component, gathered, say_as_much_together
from gamma_calc.calculus.provenance import Provenance, Random
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.program import reading
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Named, Pointwise, nodes
from gamma_calc.program.models import LoraStack
from gamma_calc.program.program import Program, with_quantities
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.stack import lora_stack
from gamma_calc.program.wholes import nodes_as_wholes
from tests.schemes import scheme

POINTS = {
    "init-a": scheme("-1/2", "zero", "-1/2", "-1/2"),
    "lora+": scheme("-1/2", "zero", "-1", "0"),
    "both": scheme("-1/2", "-1/4", "-3/4", "-1/2"),
    "raw": scheme("-1/2", "-1/2", "-1/4", "-1", optimizer="sgd"),
}
STACKS = {"plain": LoraStack(3), "full": LoraStack(3, is_frozen=True, map="relu", has_norm=True)}
STEPS = 3


def read(program: Program) -> Trajectory:
    forget()
    return trajectory(program, STEPS)


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_the_answers_are_those_of_every_pair_of_terms(
    monkeypatch: pytest.MonkeyPatch, point: Scheme, stack: LoraStack
) -> None:
    program = lora_stack(point, stack)
    fewer = read(program)
    monkeypatch.setattr(reading, "nodes_as_wholes", lambda program: frozenset())
    every = read(program)
    assert fewer.steps == every.steps
    assert len(fewer.applications) < len(every.applications)


def test_what_is_looked_at_term_by_term_is_no_whole() -> None:
    """A relu looks at what its argument was and at what training changed of it, in all layers before the last."""
    program = lora_stack(POINTS["init-a"], STACKS["full"])
    told = [node for node in nodes(*program.gradients.values()) if isinstance(node, Pointwise) and node.keeps_parts]
    assert told
    assert nodes_as_wholes(program).isdisjoint({*nodes(*told), *nodes(*program.quantities.values())})
    cuts = {node.name for node in nodes_as_wholes(with_quantities(program, ("Z_B[1]",))) if isinstance(node, Named)}
    assert {"dz[1]", "dh[1]", "dz[3]", "h[3]"} <= cuts
    assert cuts.isdisjoint({"z[1]", "h[1]", "h[2]"})


def test_of_four_components_of_one_parity_two_would_leave_a_bound() -> None:
    """Each has seen another tensor, so none is covered by a larger one."""
    tensors = [Random(name, (Axis(name, Affine.of(1)),)) for name in "TUVW"]
    seen = [Provenance(seen=Provenance.of(tensor).seen) for tensor in tensors]
    terms = [(Component(Size.exactly(Exponent.of(-k)), each),) for k, each in enumerate(seen)]
    assert say_as_much_together(terms[:3])
    assert say_as_much_together([*terms[:3], terms[0]])
    assert not say_as_much_together(terms)
    together = gathered(component for term in terms for component in term)
    assert [str(each.size) for each in together] == ["0", "-1", "<= -2"]
