from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_file import sweep_from_file
from tests.experiment.sweep_runs import sweep_from_text

SMOKE = Path(__file__).parents[2] / "validation" / "experiments" / "smoke.toml"
GOOD = {
    "experiment": '"probe"',
    "schemes": '["init-a", "init-b"]',
    "widths": "[256, 128]",
    "seeds": "3",
    "steps": "2",
}
OWN = '{ name = "own", exponents = { A = "-1/2", B = "zero", eta_A = "c", eta_B = "c + k" } }'


def text(**changes: str | None) -> str:
    return "".join(f"{key} = {value}\n" for key, value in {**GOOD, **changes}.items() if value is not None)


def test_a_sweep_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\n')
    (tmp_path / "sweep.toml").write_text(
        text(
            schemes=f'["init-a", "mine.toml", {OWN}]',
            optimizers='["adam", "sgd"]',
            at='{ k = "1/2" }',
            prefactors='[4, "1/4"]',
        )
    )
    sweep = sweep_from_file(tmp_path / "sweep.toml")
    assert [(each.name, each.optimizer.name) for each in sweep.schemes] == [
        (name, optimizer) for name in ("init-a", "mine", "own") for optimizer in ("adam", "sgd")
    ]
    assert sweep.schemes[-1]["eta_B"].constant == Fraction(1, 2)
    assert sweep.widths == (128, 256) and sweep.rates == (0.25, 4.0) and not sweep.is_absolute
    assert (sweep.dtype, sweep.seed, sweep.own) == ("float64", 0, {"samples": 3})


def test_the_smoke_sweep_is_one() -> None:
    assert len(sweep_from_file(SMOKE).schemes) == 12


@pytest.mark.parametrize(
    ("grid", "values"),
    [
        ("{ from = 1, to = 4 }", (1.0, 2.0, 4.0)),
        ('{ from = "1/16", to = 16, per_octave = 2 }', tuple(2 ** (k / 2) for k in range(-8, 9))),
        ("{ from = 1, to = 3.9 }", (1.0, 2.0)),
        ("{ from = 0.3, to = 0.3 }", (0.3,)),
    ],
)
def test_a_grid_has_both_ends_where_they_are_whole_steps(grid: str, values: tuple[float, ...]) -> None:
    assert sweep_from_text(text(rates=grid)).rates == pytest.approx(values, rel=1e-15)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"width": "[128]"}, "unknown key 'width': expected .* Did you mean 'widths'", id="unknown"),
        pytest.param({"points": "10"}, "unknown key 'points'", id="key-of-another-experiment"),
        pytest.param({"widths": None}, "the key widths is missing", id="missing"),
        pytest.param({"seeds": None, "seds": 4}, "unknown key 'seds'.* Did you mean 'seeds'", id="missing by its name"),
        pytest.param({"experiment": '"prob"'}, "Did you mean 'probe'", id="experiment"),
        pytest.param({"widths": "[]"}, "widths: the list is empty", id="empty-widths"),
        pytest.param({"widths": "128"}, "widths: found 128, expected a list", id="no-list"),
        pytest.param({"widths": "[128, 128]"}, "widths: 128 stands there twice", id="twice"),
        pytest.param({"widths": "[1]"}, "expected a whole number from 2", id="narrow"),
        pytest.param({"widths": "[true]"}, "expected a whole number", id="bool"),
        pytest.param({"schemes": "[]"}, "schemes: the list is empty", id="empty-schemes"),
        pytest.param({"schemes": '["init-a", "init-a"]'}, "stands there twice", id="same-scheme"),
        pytest.param(
            {"schemes": f'["init-a", {OWN.replace("own", "init-a")}]', "at": "{ k = 1 }"}, "twice", id="same-name"
        ),
        pytest.param({"schemes": '["init-q"]'}, "entry 1: unknown scheme", id="scheme"),
        pytest.param({"schemes": '["none.toml"]'}, "no such file", id="scheme-file"),
        pytest.param({"schemes": '["net.py:f"]'}, "entry 1: net.py:f: .* is written in Python", id="in-python"),
        pytest.param({"schemes": '[{ exponents = { A = "1/0" } }]'}, "entry 1: A: ", id="inline"),
        pytest.param({"optimizers": '["adm"]'}, "Did you mean 'adam'", id="optimizer"),
        pytest.param({"at": '{ q = "1" }'}, "'q' is not a free exponent", id="at"),
        pytest.param({"at": "{ eta = 0.5 }"}, "at.eta: found 0.5, expected an exact value", id="at-float"),
        pytest.param({"prefactors": "[]"}, "prefactors: the list is empty", id="empty-grid"),
        pytest.param({"prefactors": "[0]"}, "prefactors: found 0, expected a number above 0", id="zero-rate"),
        pytest.param({"rates": "[1e-3, -1e-3]"}, "rates: found -0.001, expected a number above 0", id="negative-rate"),
        pytest.param({"rates": "[nan]"}, "expected a finite number", id="nan"),
        pytest.param({"rates": "[inf]"}, "expected a finite number", id="inf"),
        pytest.param({"rates": '["1/0"]'}, "expected a number", id="by-zero"),
        pytest.param({"prefactors": '["1e-99999999"]'}, "expected a number", id="nearly-zero"),
        pytest.param({"prefactors": '["1e99999999"]'}, "expected a finite number", id="nearly-infinite"),
        pytest.param({"rates": '["1_0"]'}, "expected a number", id="grouped"),
        pytest.param({"rates": '["\u0661"]'}, "expected a number", id="digits-of-another-script"),
        pytest.param({"rates": f"[{'9' * 400}]"}, "rates: found 999.*, expected a number", id="integer-beyond-floats"),
        pytest.param({"widths": f"[{', '.join(map(str, range(2, 259)))}]"}, "257 entries", id="many-widths"),
        pytest.param({"seeds": f"0x{'f' * 2000}"}, "seeds: found", id="seeds-of-2000-digits"),
        pytest.param({"at": f"{'.'.join(['a'] * 2000)}"}, "line", id="long-line"),
        pytest.param({"rates": "{ from = 2, to = 1 }"}, "the grid is empty", id="grid-backwards"),
        pytest.param({"rates": "{ from = 1e-300, to = 1e300 }"}, "is no range of learning rates", id="grid-huge"),
        pytest.param({"rates": "{ from = 2 }"}, "the grid has no to", id="grid-half"),
        pytest.param({"rates": "{ from = 1, to = 2, step = 1 }"}, "unknown key 'step'", id="grid-key"),
        pytest.param({"rates": "{ from = 1, to = 2, per_octave = 0 }"}, "per_octave: found 0", id="grid-octave"),
        pytest.param({"rates": "[1]", "prefactors": "[1]"}, "both are given", id="both"),
        pytest.param({"seeds": "0"}, "seeds: found 0, expected a whole number from 1", id="no-seeds"),
        pytest.param({"steps": "2.5"}, "steps: found 2.5", id="steps"),
        pytest.param({"dtype": '"float16"'}, "dtype: found 'float16', expected one of", id="dtype"),
        pytest.param({"device": '"gpu"'}, "device: found 'gpu'", id="device"),
        pytest.param({"data": '"random"'}, "unknown key 'data'", id="data"),
        pytest.param({"seeds": "[[["}, "is not TOML", id="toml"),
    ],
)
def test_bad_input_is_named(changes: dict[str, str | None], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        sweep_from_text(text(**changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "no such file", id="absent"),
        pytest.param(b"\xff", "is not UTF-8", id="binary"),
        pytest.param(b"#" * 70000, "larger than 64 KiB", id="large"),
        pytest.param(text(seeds="0").encode(), "seeds: found 0", id="inside"),
        pytest.param(b"a = " + b"[\n" * 5000, "(nested too deeply|is not TOML)", id="nested"),
    ],
)
def test_the_file_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "sweep.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=f"sweep.toml: .*{said}"):
        sweep_from_file(path)


def test_a_folder_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        sweep_from_file(tmp_path)
