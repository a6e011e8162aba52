"""The same code away from a CPU: it never waits for a number, and where there is a CUDA device it agrees with the CPU.

Tensors on the meta device have shapes and no values, so that any look at a value raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.student_data import FrozenStudent, Student
from gamma_calc.simulation.student_plain import RECORDED, PlainTraining
from gamma_calc.simulation.teacher_student import teacher_student
from tests.simulation.adapter_runs import SEEDS, Beside, Training, mean_squares, modules
from tests.simulation.test_adapter_training import ADAM, SIGN
from tests.simulation.test_teacher_student import SMALL

BESIDES = (Beside(), Beside(0.9), Beside(0.9, 0.1, 0.3), Beside(feedback=0.3))
IDS = ("plain", "momentum", "momentum and decay", "feedback")
META = torch.device("meta")
HERE = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
"""The devices of this machine: where there is only a CPU, comparing it with itself says nothing."""


def test_a_look_at_a_value_would_raise() -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        bool(torch.zeros(1, device=META).any())


@pytest.mark.parametrize("rule", [Raw(), SIGN, ADAM], ids=["raw", "sign", "adam"])
@pytest.mark.parametrize("beside", BESIDES, ids=IDS)
@pytest.mark.parametrize("has_b", [True, False])
def test_the_adapter_never_waits(rule: Raw | Moments, beside: Beside, has_b: bool) -> None:
    found = mean_squares(modules((19, 11, 3, 5), has_b=has_b).to(META), Training(rule, beside=beside))
    assert all(each.shape == (3, SEEDS) for each in found.values())


def sent(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """How often numbers of the host are made into a tensor, which waits for the device that it is on."""
    count = 0

    def counted(original: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def made(*arguments: object, **options: object) -> torch.Tensor:
            nonlocal count
            count += 1
            return original(*arguments, **options)

        return made

    with monkeypatch.context() as patch:
        for owner, name in ((torch, "tensor"), (torch, "as_tensor"), (torch.Tensor, "new_tensor")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        work()
    return count


@pytest.mark.parametrize(
    ("rule", "beside"),
    [(Raw(), Beside()), (SIGN, Beside()), *((ADAM, beside) for beside in BESIDES)],
    ids=["raw", "sign", *(f"adam, {name}" for name in IDS)],
)
def test_no_step_of_the_adapter_sends_anything(
    rule: Raw | Moments, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first steps, which may: as many as five steps send as three."""
    batch = modules((19, 11, 3, 5)).to(META)
    first, few, many = (
        sent(monkeypatch, lambda steps=steps: mean_squares(batch, Training(rule, beside=beside, steps=steps)))  # type: ignore[misc]
        for steps in (3, 3, 5)
    )
    assert first >= few == many > 0


def test_the_student_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(*shape, device=META)

    data = FrozenStudent(empty(20, 9), empty(20, 9), empty(9), empty(20))
    student = Student(data, data, empty(4, 9), empty(9, 4))
    two = replace(SMALL, eta_A=(0.1, 0.2), eta_B=(0.1, 0.2), weight_decay=0.1)
    for configuration in (two, replace(two, optimizer=SIGN, momentum=0.9)):
        run = PlainTraining(student, configuration)

        def step(t: int, run: PlainTraining = run) -> None:
            run.move(t)
            assert run.record().shape == (len(RECORDED), 2)

        for t in (1, 2):
            assert sent(monkeypatch, lambda t=t: step(t)) == 0  # type: ignore[misc]


@pytest.mark.parametrize("device", HERE)
def test_the_adapter_agrees_with_the_cpu(device: str) -> None:
    batch = modules((64, 48, 3, 4))
    here, there = (mean_squares(each, Training(ADAM)) for each in (batch, batch.to(torch.device(device))))
    for key, value in here.items():
        # Sums of 64 terms in another order, amplified over four steps by a few units each.
        torch.testing.assert_close(there[key].cpu(), value, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("device", HERE)
def test_the_student_agrees_with_the_cpu(device: str) -> None:
    here, there = (teacher_student(replace(SMALL, device=each)) for each in ("cpu", device))
    for name in RECORDED:
        # Twelve steps of Adam from gradients that agree to 1e-13.
        torch.testing.assert_close(getattr(there, name).cpu(), getattr(here, name), rtol=1e-8, atol=1e-12)
