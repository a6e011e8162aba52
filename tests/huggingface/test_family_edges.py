"""What is derived of the model families with adapters on queries and values, both factors random."""

from __future__ import annotations

import pytest

from gamma_calc.analysis.bounded import run_of
from gamma_calc.analysis.cells import undecided
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import Open
from gamma_calc.huggingface.families import FAMILIES, FamilyShape, family_model
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.tracing.traced import traced

BOTH = CATALOGUE["init-ab"]


def adapted(family: str) -> Problem:
    model = family_model(family, 32, 0, FamilyShape())
    found = traced(model, scheme=BOTH, optimizer=BOTH.optimizer, rates=str(BOTH["eta_A"])).problem
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_layers_of_a_family_have_the_edges_of_stacks(family: str) -> None:
    decisions = derived(adapted(family).scheme).decisions
    known = {"stable": "eta <= -1/2", "internally_stable": "eta <= -1", "feature_learning": "eta = -1/2"}
    assert {name: str(each.region) for name, each in decisions.items()} == known


def test_a_norm_behind_a_norm_says_where_to_cut() -> None:
    """On the whole domain nothing is surely there of queries: which part leads in the norm before them is open."""
    scheme = adapted("qwen3").scheme
    with pytest.raises(Open) as found:
        run_of(program_of(scheme), scheme.domain, None)
    assert undecided(found.value.run, scheme.domain) is not None
