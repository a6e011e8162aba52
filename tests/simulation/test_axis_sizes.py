"""Sizes of axes: parts of one axis go together in every place that splits it."""

from __future__ import annotations

import pytest

from gamma_calc import traced
from gamma_calc.errors import BadInput
from gamma_calc.program.expressions import Renamed, nodes
from gamma_calc.program.network import axis, data, merge, parameter, split
from gamma_calc.program.problem import program_of
from gamma_calc.simulation.axis_sizes import FIXED, HEADS, AxisSizes
from gamma_calc.simulation.program_sizes import ProgramExperiment
from tests.schemes import scheme
from tests.tracing.models import MODELS

FEATURES, KEYS, HIDDEN = axis("features", 1), axis("keys", 1), axis("hidden", 1)
QUERY_HEADS, KEY_HEADS, OTHER_HEADS = axis("heads", 1), axis("key_heads", 1), axis("other_heads", 1)
HEAD, GROUPS = axis("head"), axis("groups")


def test_heads_that_share_keys_are_as_many_wherever_they_are_split() -> None:
    """Queries have heads of one size, and these share key heads, which have keys of that size together."""
    heads = split(data("queries", FEATURES), FEATURES, QUERY_HEADS, HEAD)
    shared = split(Renamed(heads, QUERY_HEADS, OTHER_HEADS), OTHER_HEADS, KEY_HEADS, GROUPS)
    keys = merge(data("each", KEY_HEADS, HEAD), KEY_HEADS, HEAD, KEYS)
    sizes = AxisSizes(tuple(nodes(shared, keys)), {"groups": 3})
    every = {each.name: sizes.at(each, 24) for each in (FEATURES, QUERY_HEADS, OTHER_HEADS, KEY_HEADS, KEYS)}
    assert every == {"features": 24, "heads": 12, "other_heads": 12, "key_heads": 4, "keys": 8}
    assert (sizes.at(HEAD, 24), sizes.at(GROUPS, 24), sizes.step) == (HEADS, 3, 2 * 3)


def test_a_fixed_axis_is_the_product_of_its_parts() -> None:
    """The ranks of all experts, taken apart and put together in another order."""
    both, experts, rank = axis("both"), axis("experts"), axis("rank")
    apart = split(parameter("A", both, HIDDEN, init=0), both, experts, rank)
    sizes = AxisSizes(tuple(nodes(apart, merge(apart, experts, rank, both))), {"rank": 3})
    assert [sizes.at(each, 8) for each in (both, experts, rank, HIDDEN)] == [HEADS * 3, HEADS, 3, 8]
    assert AxisSizes((data("x", axis("batch")),), {}).at(axis("batch"), 8) == FIXED


@pytest.mark.parametrize("name", ["llama all-linear", "mixtral, its mixture"])
def test_a_traced_model_has_sizes_that_go_together(name: str) -> None:
    problem = traced(MODELS[name](), scheme=scheme("-1/2", "zero", "-1/2", "-1/2")).problem
    assert problem is not None
    experiment = ProgramExperiment(program_of(problem.scheme), (32,), 1, 1)
    experiment.check_sizes(32)
    with pytest.raises(BadInput, match="is split: found 6, expected a multiple of 4"):
        experiment.check_sizes(6)
