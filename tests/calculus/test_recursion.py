"""A run is followed once, however often and however far it is asked for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from benchmarks.symbolic import forget
from gamma_calc.algebra import Affine, Polyhedron, at_most
from gamma_calc.calculus.recursion import Open, trajectory, watcher
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Given, Trained
from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.program import Program
from tests.schemes import scheme

MODULE = lora_module(scheme("-1/2", "zero", "eta", "eta", optimizer="sgd"))


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """The steps that are read, from empty caches on."""
    found: list[int] = []
    forget()
    token = watcher.set(lambda t, _: found.append(t))
    yield found
    watcher.reset(token)
    forget()


def test_a_longer_run_goes_on_from_a_shorter_one(steps: list[int]) -> None:
    shorter, longer = trajectory(MODULE, 2), trajectory(MODULE, 4)
    assert steps == [1, 2, 3, 4]
    assert longer.steps[:2] == shorter.steps
    assert longer.applications[: len(shorter.applications)] == shorter.applications
    assert trajectory(MODULE, 3).steps == longer.steps[:3]
    assert steps == [1, 2, 3, 4]
    forget()
    assert trajectory(MODULE, 4) == longer


def test_a_run_in_which_only_sizes_change_is_left(steps: list[int]) -> None:
    """Gradient descent grows with every step at a large rate, and what it is made from is the same from step 2 on."""
    run = trajectory(MODULE, 40, alike=3)
    assert steps == [1, 2, 3, 4, 5] and run.settled_from is None
    assert run.cut == "the last 3 changed sizes only, which may go on for ever"
    assert trajectory(MODULE, 40, Polyhedron.of(at_most(Affine.symbol("eta"), -1)), alike=3).settled_from


def test_an_interrupted_step_is_read_again(steps: list[int]) -> None:
    whole = trajectory(MODULE, 3)
    forget()

    def interrupt(t: int, _: Polyhedron) -> None:
        if t == 3:
            raise KeyboardInterrupt

    token = watcher.set(interrupt)
    with pytest.raises(KeyboardInterrupt):
        trajectory(MODULE, 3)
    watcher.reset(token)
    assert trajectory(MODULE, 3) == whole


def test_a_step_without_exponents_is_read_once(steps: list[int]) -> None:
    """The gradient of a matrix under Muon has a rank that grows."""
    rows, columns, batch = (Axis(name, Affine.of(1)) for name in ("rows", "columns", "batch"))
    weight = Trained("W", (rows, columns), None, Affine.of(0))
    gradient = Given("g", (rows, batch), Affine.of(0)) @ Given("x", (batch, columns), Affine.of(0))
    program = Program((weight,), {weight: gradient}, {"W": weight}, OPTIMIZERS["muon"])
    runs = []
    for most in (None, 54):
        with pytest.raises(Open, match="the rank of its gradient may grow") as found:
            trajectory(program, 3, most=most)
        runs.append(found.value.run)
    assert steps == [1]
    assert runs[0] == runs[1]
    assert runs[0].applications
    assert not runs[0].steps


class Node:
    """What a caller may have in cycles."""


def test_what_a_caller_has_in_cycles_is_collected_between_runs() -> None:
    """Runs are not looked through for cycles while they go on; what is made between them is, as ever."""
    first = Node()
    first.itself, seen = first, ref(first)  # type: ignore[attr-defined]
    del first
    for k in range(8):
        for _ in range(gc.get_threshold()[0] // 4):
            node = Node()
            node.itself = node  # type: ignore[attr-defined]
        trajectory(lora_module(scheme(f"-{k + 1}/7", "zero", "eta", "eta")), 2)
    assert seen() is None
