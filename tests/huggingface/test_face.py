"""The package's face: its names, and what it says where the extra is missing."""

from __future__ import annotations

import sys

import pytest

import gamma_calc.huggingface as face
from gamma_calc.errors import BadInput


def test_every_public_name_resolves() -> None:
    assert all(getattr(face, name) is not None for name in face.__all__)
    assert set(face.__all__) <= set(dir(face))
    with pytest.raises(AttributeError, match="init_lora"):
        _ = face.init_lora


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("gamma_calc.huggingface.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setitem(sys.modules, "peft.tuners.lora", None)
    with pytest.raises(BadInput, match=r"init_lora_ needs peft.*gamma-calc\[transformers\]"):
        _ = face.init_lora_
