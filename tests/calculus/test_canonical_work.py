"""How much work a canonical form takes, counted and not timed."""

from __future__ import annotations

import pytest

from benchmarks.symbolic import forget
from gamma_calc.algebra import envelope
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.lora import lora_module
from tests.schemes import scheme


@pytest.mark.parametrize("extra", [{}, {"rank": "k", "gradient": "g"}], ids=["five exponents", "on a domain"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_recursion_asks_no_linear_program(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, extra: dict[str, str]
) -> None:
    subject = scheme("p", "q", "a", "b", scale="s", optimizer=optimizer, **extra)
    domain = subject.domain

    def refuse(*_: object) -> None:
        raise AssertionError("a linear program was asked")

    forget()
    monkeypatch.setattr(envelope, "_leads", refuse)
    run = trajectory(lora_module(subject), 4, domain)
    forget()
    assert all(step.sizes["Z_B"].upper.pieces for step in run.steps)
