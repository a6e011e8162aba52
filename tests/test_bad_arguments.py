"""The Python names called with what they cannot take: one clear sentence, and never an error from deep inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gamma_calc import Scheme, crosscheck, derive, exponents, lint, stored_runs, sweep, traced, transfer, verify
from gamma_calc.derivation.comparison import compare
from gamma_calc.derivation.diff import diff
from gamma_calc.errors import LONGEST_MESSAGE, GammaCalcError
from gamma_calc.experiment.setup import Settings
from gamma_calc.huggingface import CoordinateLayout, Probe, coordinate_check, lora_adapters, parameter_groups
from gamma_calc.huggingface.model_theory import model_theory
from gamma_calc.program.spec_file import scheme_from_file, scheme_from_text
from gamma_calc.simulation.power import Power

HUGE = 10**5000
SMALL = Settings(widths=(4, 8), seeds=2, steps=1, device="cpu")
CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
LINEAR = torch.nn.Linear(2, 2)
PLACES = {"learning_rate": 1e-3, "from_width": 64, "to_width": 128}
CALLS: dict[str, tuple[Callable[[Any], object], tuple[str, ...]]] = {
    # A call with a hole, and the values that it does take.
    "derive": (derive, ()),
    "derive-steps": (lambda value: derive("init-a", steps=value), ("minus-all",)),
    "derive-optimizer": (lambda value: derive("init-a", optimizer=value), ("none",)),
    "derive-at": (lambda value: derive("init-a", at=value), ("none", "no-values")),
    "derive-without": (lambda value: derive("init-a", without=value), ("empty", "no-values")),
    "derive-align": (lambda value: derive("init-a", align=value), ("none", "no-values")),
    "exponents": (exponents, ()),
    "exponents-steps": (lambda value: exponents("init-a", steps=value), ()),
    "exponents-step": (lambda value: exponents("init-a")[value], ()),
    "compare": (lambda value: compare(value), ()),
    "diff": (lambda value: diff("init-a", value), ()),
    "crosscheck": (lambda value: crosscheck(value, settings=SMALL), ()),
    "crosscheck-settings": (lambda value: crosscheck("init-a", settings=value), ("none",)),
    "crosscheck-at": (lambda value: crosscheck("init-a", settings=SMALL, at=value), ("none", "no-values")),
    "crosscheck-against": (lambda value: crosscheck("init-a", settings=SMALL, against=value), ("none",)),
    "transfer-rate": (lambda value: transfer("init-a", **{**PLACES, "learning_rate": value}), ("half",)),
    "transfer-width": (lambda value: transfer("init-a", **{**PLACES, "to_width": value}), ()),
    "transfer-rank": (lambda value: transfer("init-a", **PLACES, from_rank=8, to_rank=value), ()),
    "scheme": (lambda value: Scheme(value, {"A": 0, "B": 0, "eta_A": 0, "eta_B": 0}), ()),
    "scheme-exponents": (lambda value: Scheme("mine", value), ()),
    "scheme-value": (
        lambda value: Scheme("mine", {"A": value, "B": 0, "eta_A": 0, "eta_B": 0}),
        ("none", "minus-one", "zero"),
    ),
    "scheme-optimizer": (lambda value: Scheme("mine", {"A": 0, "B": 0, "eta_A": 0, "eta_B": 0}, value), ()),
    "text": (scheme_from_text, ()),
    "file": (lambda value: scheme_from_file(Path(value)), ()),
    "verify": (verify, ()),
    "lint": (lambda value: lint(value), ()),
    "lint-rate": (lambda value: lint(CONFIG, learning_rate=value, width=64), ("none", "half")),
    "lint-ratio": (lambda value: lint(CONFIG, loraplus_ratio=value), ("none", "half")),
    "lint-width": (lambda value: lint(CONFIG, width=value), ("none", "huge")),
    "lint-decay": (lambda value: lint(CONFIG, weight_decay=value), ("none", "zero", "half")),
    "sweep": (lambda value: sweep(value, "runs.db"), ()),
    "stored-runs": (lambda value: stored_runs(value), ()),
    "adapters": (lora_adapters, ()),
    "groups": (lambda value: parameter_groups(value, "init-a", 1e-3, base_width=8), ()),
    "probe-optimizer": (lambda value: Probe(LINEAR, value), ()),
    "layout": (lambda value: coordinate_check(lambda *_: LINEAR, lambda *_: None, "init-a", layout=value), ()),
    "traced-inputs": (lambda value: traced(LINEAR, inputs=value), ()),
    "traced-rates": (lambda value: traced(LINEAR, rates=value), ()),
    "model-adapter": (lambda value: model_theory(LINEAR, adapter=value), ()),
    "layout-widths": (lambda value: CoordinateLayout(widths=value), ()),
    "layout-seeds": (lambda value: CoordinateLayout(seeds=value), ("huge",)),
    "probe-samples": (lambda value: Probe(LINEAR, torch.optim.SGD(LINEAR.parameters()), samples=value), ()),
    "widths": (lambda value: Settings(widths=value), ("none",)),
    "seeds": (lambda value: Settings(seeds=value), ()),
    "steps": (lambda value: Settings(steps=value), ()),
    "device": (lambda value: Settings(device=value), ()),
    "prefactor": (lambda value: Settings(prefactor=value), ("none", "huge")),
}
VALUES: dict[str, object] = {
    "none": None,
    "true": True,
    "zero": 0,
    "minus-one": -1,
    "huge": HUGE,
    "half": 0.5,
    "nan": float("nan"),
    "blank": " ",
    "long": "x" * 5000,
    "null": "a\0b",
    "digit": "\u0661",
    "bytes": b"init-a",
    "object": object(),
    "empty": [],
    "no-values": {},
    "nested": ["A5", ["A5"]],
    "float-value": {"eta": 0.5},
    "no-number": {"eta": "1/0"},
    "number-for-a-name": {3: 4},
    "huge-value": {"eta": HUGE},
    "not-free": {"q": 1},
}


@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_taken_is_refused(call: str) -> None:
    """Each value in turn; a row a value would be some hundreds of tests that say no more."""
    function, taken = CALLS[call]
    for name, value in VALUES.items():
        if name in taken:
            function(value)
            continue
        try:
            function(value)
        except GammaCalcError as problem:
            assert "\n" not in str(problem) and len(str(problem)) < LONGEST_MESSAGE + 10, name
        except TypeError as problem:
            assert call == "file" and "str" in str(problem), name  # Path's own
        except Exception as problem:
            pytest.fail(f"{name}: {type(problem).__name__}: {problem}")
        else:
            pytest.fail(f"{name} was taken")


def test_a_float_is_told_of_the_text_that_would_do() -> None:
    with pytest.raises(GammaCalcError, match=r"found -0\.5, expected an int, a Fraction, or a text such"):
        derive("init-a", at={"eta": -0.5})  # type: ignore[dict-item]
    assert derive("init-a", at={"eta": "-0.5"}).scheme.free == ()


@pytest.mark.parametrize("t", [0, -1, 5, "1", True, slice(1, 2)])
def test_a_step_that_is_not_there(t: Any) -> None:
    with pytest.raises(GammaCalcError, match="expected a whole number from 1 to 4"):
        exponents("init-a")[t]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 10**9}, "seeds: found 1000000000, expected a whole number from 1 to 4096"),
        ({"widths": tuple(range(2, 300))}, "widths: found .*at most 256"),
        ({"widths": (8, 4)}, "widths: .*increasing"),
        ({"prefactor": -1}, "prefactor: found -1, expected a positive number"),
        ({"prefactor": 0}, "prefactor: found 0"),
        ({"dtype": "float16"}, "dtype: found 'float16', expected one of"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_settings_that_no_experiment_has(given: dict[str, Any], said: str) -> None:
    with pytest.raises(GammaCalcError, match=said):
        Settings(**given)


def test_a_crosscheck_has_as_many_steps_as_can_be_derived() -> None:
    with pytest.raises(GammaCalcError, match="steps: found 65, expected at most 64"):
        crosscheck("init-a", settings=Settings(steps=65))


@pytest.mark.parametrize("exponent", [10**6, -(10**6), 10**400])
def test_a_power_beyond_floats_is_no_number(exponent: int) -> None:
    with pytest.raises(GammaCalcError, match="beyond the range of floats"):
        Power(exponent).at(4, 2)  # type: ignore[arg-type]
