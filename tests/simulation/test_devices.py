"""Devices and formats by name, and the refusals that say what to type."""

from __future__ import annotations

import pytest
import torch

from gamma_calc.errors import BadInput
from gamma_calc.simulation.devices import resolved_device, resolved_dtype

BACKENDS = {"cuda": "torch.cuda.is_available", "mps": "torch.backends.mps.is_available"}


def pretend(monkeypatch: pytest.MonkeyPatch, *present: str) -> None:
    for name, probe in BACKENDS.items():
        monkeypatch.setattr(probe, lambda name=name: name in present)


@pytest.mark.parametrize(
    ("present", "name", "dtype", "expected"),
    [
        ((), "auto", "float64", "cpu"),
        (("cuda",), "auto", "float64", "cuda"),
        (("mps",), "auto", "float64", "cpu"),
        (("mps",), "auto", "float32", "mps"),
        (("cuda",), "cpu", "float64", "cpu"),
        (("mps",), "mps", "float32", "mps"),
    ],
)
def test_device(
    monkeypatch: pytest.MonkeyPatch, present: tuple[str, ...], name: str, dtype: str, expected: str
) -> None:
    pretend(monkeypatch, *present)
    assert resolved_device(name, dtype).type == expected


@pytest.mark.parametrize(
    ("present", "name", "dtype", "words"),
    [
        ((), "cuda", "float64", ["cuda", "cpu"]),
        (("mps",), "mps", "float64", ["mps", "float64", "--device cpu"]),
        ((), "cud", "float64", ["cud", "Did you mean 'cuda'"]),
        ((), "cpu", "float16", ["float16", "float32"]),
    ],
)
def test_refusal(
    monkeypatch: pytest.MonkeyPatch, present: tuple[str, ...], name: str, dtype: str, words: list[str]
) -> None:
    pretend(monkeypatch, *present)
    with pytest.raises(BadInput) as refusal:
        resolved_device(name, dtype)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_dtypes() -> None:
    assert resolved_dtype("float32") is torch.float32
