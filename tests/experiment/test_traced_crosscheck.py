"""A traced model is trained with its own data and its own factors of scalars."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gamma_calc import crosscheck, traced
from gamma_calc.experiment.setup import BALANCED, SMALL, Settings, network_experiment, network_prefactor
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Scaled
from gamma_calc.program.models import DRAWN, MASKED
from gamma_calc.program.network import axis, data, named, parameter, rms_norm, tanh
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.simulation.program_sizes import ProgramExperiment, drawn_entries, program_sizes
from gamma_calc.simulation.verdicts import Verdict
from tests.tracing.models import INPUTS_OF, MODELS


def problem_of(name: str) -> Problem:
    """One layer of a model, traced."""
    found = traced(MODELS[name](), scheme="init-b").problem
    assert found is not None
    return found


def experiment_of(problem: Problem) -> ProgramExperiment:
    """Its runs at some rate, at the widths that suit it."""
    return network_experiment(problem.scheme.at({"eta": -1}), Settings(), BALANCED)


def test_masks_and_positions_are_the_models() -> None:
    problem = problem_of("llama q v")
    experiment = experiment_of(problem)
    found = dict(drawn_entries(experiment, 0, lambda axis: experiment.coordinates(axis, 64)))
    mask, tokens = (found[name] for name in ("where", "input_ids"))
    expected = torch.full((5, 5), float(MASKED), dtype=torch.double).triu(1).expand(2, 5, 5)
    assert torch.equal(mask, expected)
    assert tokens.shape == (2, 5, 41) and torch.equal(tokens.sum(2), torch.ones(2, 5, dtype=torch.double))
    assert {leaf.name for leaf in experiment.givens} - problem.numbers.data.keys() == {"doutput"}


def test_what_a_mask_hides_has_no_size() -> None:
    experiment = replace(experiment_of(problem_of("llama q v")), widths=(32,), runs=2, steps=1)
    every = program_sizes(experiment).mean_square
    assert len(every) > 40 and max(float(each.max()) for each in every.values()) < 1e6


def test_a_scalar_has_its_factor() -> None:
    """Gemma 2 multiplies embeddings by n^(1/2), and logits by a number of the size of a head, which is fixed."""
    found = traced(MODELS["gemma2"](), scheme="init-b")
    assert found.problem is not None
    experiment = experiment_of(found.problem)
    every = (node for node in experiment.written if isinstance(node, Scaled))
    scalars = {node.symbol: node for node in every if node.symbol in found.scalars}
    told = {name: experiment.size(name, node.exponent, found.coordinates["hidden"]) for name, node in scalars.items()}
    assert {str(node.exponent) for node in scalars.values()} == {"0", "1/2"}
    assert told == pytest.approx({name: found.scalars[name] for name in scalars})


@pytest.mark.slow
def test_data_along_an_axis_that_grows_are_repeated() -> None:
    """The bias of a recurrence's decay is one of each head."""
    experiment = experiment_of(problem_of("qwen3.5"))
    (leaf,) = (each for each in experiment.givens if each.name in experiment.data and not each.axes[0].is_fixed)
    own = experiment.data[leaf.name]

    def shape(axis: Axis) -> int:
        return experiment.coordinates(axis, 64) if axis.is_fixed else 2 * len(own) + 1

    found = dict(drawn_entries(experiment, 0, shape))[leaf.name]
    assert torch.equal(found, torch.cat([own, own, own[:1]]))


def test_widths_leave_no_part_a_fraction_of_a_coordinate() -> None:
    experiment = experiment_of(problem_of("gpt2"))
    assert all(width % experiment.axis_sizes.step == 0 for width in experiment.widths)
    assert math.log2(experiment.widths[-1] / experiment.widths[0]) >= 6


def test_steps_are_small_where_a_first_one_would_cancel_a_magnitude() -> None:
    """With k = 1, four rows of DoRA were refuted at its largest stable rates."""
    found = {name: network_prefactor(program_of(ADAPTERS[name]().scheme)) for name in ("dora", "lora-fa")}
    assert found == {"dora": SMALL, "lora-fa": BALANCED}


def test_raw_steps_are_small_in_front_of_a_norm_too() -> None:
    """With k = 1 they saturated a tanh, and 31 rows of a network of its kind were refuted."""
    n, out = axis("n", 1), axis("out")
    hidden = rms_norm(tanh(parameter("g", n, init="0", rate="eta") * data("x", n)), n)
    problem = Problem("normed", named("f", parameter("V", out, n, init="-1/2", rate="eta") @ hidden))
    of = {name: program_of(replace(problem, optimizer=name).scheme) for name in ("sgd", "momentum", "adam")}
    found = {name: network_prefactor(program) for name, program in of.items()}
    assert found == {"sgd": SMALL, "momentum": SMALL, "adam": BALANCED}


def test_steps_are_small_where_a_softmax_would_saturate() -> None:
    problem = problem_of("llama q v")
    assert network_prefactor(program_of(problem.scheme)) == SMALL


def test_a_problem_is_the_same_whatever_its_numbers() -> None:
    problem = problem_of("llama q v")
    assert problem.numbers is not DRAWN and problem == replace(problem, numbers=DRAWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_room_for_its_data(name: str) -> None:
    found = traced(MODELS[name](), INPUTS_OF.get(name), scheme="init-b").problem
    assert found is not None and found.numbers.data
    experiment = experiment_of(found)
    told = dict(drawn_entries(experiment, 0, lambda axis: experiment.coordinates(axis, experiment.widths[0])))
    assert told.keys() >= found.numbers.data.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama q v", "gpt2"])
def test_nothing_that_is_derived_of_a_model_is_refuted(name: str) -> None:
    found = crosscheck(problem_of(name), settings=Settings(seeds=8, steps=2))
    verdicts = [row.verdict for row in found.rows]
    assert Verdict.FAIL not in verdicts and verdicts.count(Verdict.PASS) > len(verdicts) / 3
    (each,) = found.schemes
    assert each.control.verdict is Verdict.FAIL
