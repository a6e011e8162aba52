"""How much work a derivation takes where a step multiplies components, by processor time: it ends for any spec."""

from __future__ import annotations

import time

import pytest

from benchmarks.symbolic import forget
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.lora import lora_module
from tests.schemes import scheme

SECONDS = 15
"""Processor time that none of these may take: some five times what they do, and far below what they once did."""


@pytest.mark.parametrize("rank", ["1", "k"])
def test_feedback_at_a_growing_rank_is_answered(rank: str) -> None:
    forget()
    begun = time.process_time()
    found = derived(scheme("-1/2", "-1/2", "eta", "eta", optimizer="sgd", rank=rank, feedback="f"))
    assert time.process_time() - begun < SECONDS
    assert found.is_unknown
    assert "too long to follow" in found.decisions["stable"].reason


def test_a_run_that_is_too_long_is_not_followed_and_others_are() -> None:
    subject = scheme("-1/2", "-1/2", "eta", "eta", optimizer="sgd", rank="k", feedback="f")
    run = trajectory(lora_module(subject), 5, subject.domain, most=54)
    assert len(run.steps) == 3 and run.settled_from is None
    assert len(trajectory(lora_module(subject), 2, subject.domain, most=54).steps) == 2
