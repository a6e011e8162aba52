"""The package's face: its names, and what it says where the extra is missing."""

from __future__ import annotations

import importlib
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


def test_families_without_peft_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.delitem(sys.modules, "gamma_calc.huggingface.families", raising=False)
    with pytest.raises(BadInput, match=r"families needs peft, which is not installed: pip install"):
        importlib.import_module("gamma_calc.huggingface.families")
