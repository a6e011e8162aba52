"""Problems written in Python: the same answers as the models of a spec, and one message for each mistake."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from operator import mul
from pathlib import Path

import pytest

from gamma_calc import Problem, derive, exponents
from gamma_calc.cli.main import main
from gamma_calc.derivation.comparison import compare
from gamma_calc.derivation.diff import diff
from gamma_calc.errors import BadInput
from gamma_calc.program.expressions import PowerOf
from gamma_calc.program.models import Perceptron
from gamma_calc.program.network import (
    axis,
    contract,
    data,
    named,
    parameter,
    power,
    relu,
    renamed,
    rms_norm,
    scaled,
    softmax,
    split,
    stop_gradient,
)
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from tests.program.problems import lora
from tests.schemes import scheme

SAME = {"delta_A": "delta_1", "delta_B": "delta_2"}
"""What a problem calls the parts of a module's change."""

MODULES = {
    "init-a": ("-1/2", "zero", "eta", "eta"),
    "init-b": ("zero", "-rank/2", "eta", "eta"),
    "two rates": ("-1/2", "-1/2", "a", "b"),
    "lora-plus": ("-1/2", "zero", "-1", "0"),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("rank", "forms"), [("0", each) for each in MODULES.values()] + [("rho", MODULES["init-b"])])
def test_a_module_written_as_a_problem_is_the_module(optimizer: str, rank: str, forms: tuple[str, ...]) -> None:
    module = scheme(*forms, rank=rank, optimizer=optimizer)
    mine = lora(*forms, rank=rank, optimizer=optimizer)
    assert mine.scheme.free == module.free and mine.scheme.rates == module.rates
    for step, other in zip(exponents(mine).steps, exponents(module).steps, strict=True):
        found = {SAME.get(name, name): str(size) for name, size in step.sizes.items() if name != "Delta_Z_A"}
        assert found == {name: str(size) for name, size in other.sizes.items() if name != "delta_3"}
    first, second = derive(mine), derive(module)
    assert {name: (str(each), each.onset, each.status) for name, each in first.conditions.items()} == {
        name: (str(each), each.onset, each.status) for name, each in second.conditions.items()
    }
    assert {name: each.value for name, each in first.max_stable.items()} == {
        name: each.value for name, each in second.max_stable.items()
    }


def test_a_perceptron_written_as_a_problem_is_the_perceptron() -> None:
    batch, inputs, hidden, outputs = axis("batch"), axis("inputs"), axis("hidden_1", 1), axis("outputs")
    first = parameter("W_1", hidden, inputs, init="-1/2", rate="a", multiplier="1/2")
    second = parameter("W_2", outputs, hidden, init="-1/2", rate="b", multiplier="-1/2")
    h = named("h[1]", first @ data("x", inputs, batch), cut=True)
    mine = Problem("mup", named("f", second @ relu(h)), stable=("h[1]", "f"), learning=("h[1]", "f"))
    forms = {
        f"W_{layer}.{key}": value for layer in (1, 2) for key, value in (("init", "-1/2"), ("rate", "ab"[layer - 1]))
    }
    model = Perceptron(("W_1", "W_2"))
    other = Scheme("mup", {**forms, "W_1.multiplier": "1/2", "W_2.multiplier": "-1/2"}, model=model)
    found, expected = derive(mine).conditions, derive(other).conditions
    assert {name: str(each) for name, each in found.items()} == {name: str(each) for name, each in expected.items()}


def test_questions_take_problems_beside_specs() -> None:
    mine = lora()
    assert [each.max_stable["eta"].value for each in compare(mine, "init-b").derivations] == ["-1/2", "-1"]
    assert not diff(mine, "init-a").difference.conditions
    assert derive(mine, optimizer="sgd", at={"eta": -1}).scheme.optimizer.name == "sgd"
    assert "delta" in derive(mine).markdown() and derive(mine).latex()


n, m, r, k = axis("width", 1), axis("out", 1), axis("rank"), axis("batch")
Z = data("Z", n, k)
A = parameter("A", r, n, init="-1/2", rate="eta")
B = parameter("B", m, r, init="zero", rate="eta")
OUT = named("Z_B", B @ (A @ Z))

MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "an index that one side lacks": (lambda: contract(A, Z, r), "contraction over rank needs it on both sides, found"),
    "no shared index": (
        lambda: B @ Z,
        "left @ right sums over one shared axis, found none in out, rank and width, batch",
    ),
    "a sum of unlike shapes": (lambda: Z + A, "sum needs the same axes throughout, found width, batch and rank, width"),
    "a norm over a missing index": (lambda: rms_norm(Z, r), "a mean along rank: the value has the axes width, batch"),
    "renaming to another size": (lambda: renamed(Z, n, r), r"renaming width to rank: n\^\(1\) is not n\^\(0\)"),
    "two axes of one name": (
        lambda: Problem("p", named("f", A @ data("x", axis("width", "1/2"), k) * contract(A, Z, n))),
        r"left @ right",
    ),
    "one axis in two sizes": (
        lambda: Problem("p", named("f", (A @ Z) * data("x", axis("batch", 1)))),
        r"'batch' is the name of one axis of size n\^\(0\) and of another axis of size n\^\(1\)",
    ),
    "two parameters of one name": (
        lambda: Problem("p", named("f", parameter("A", m, r, init=0, rate=0) @ (A @ Z))),
        "'A' is the name of one parameter and of another parameter",
    ),
    "one name for two kinds": (
        lambda: Problem("p", named("Z", A @ Z)),
        "'Z' is the name of one data and of another named",
    ),
    "an unknown condition": (
        lambda: Problem("p", OUT, stable=("Z_C",)),
        "stable: 'Z_C' is not a named value.*Did you mean",
    ),
    "an unknown factor": (lambda: Problem("p", OUT, efficient=("C",)), "efficient: 'C' is not a parameter with a rate"),
    "learning of what cannot move": (
        lambda: Problem("p", named("f", A @ (named("x", Z))), learning=("x",)),
        "learning: 'x' is not a named value that training changes: expected f",
    ),
    "nothing trained": (lambda: Problem("p", named("f", parameter("A", r, n, init=0) @ Z)), "no parameter has a rate"),
    "no name": (lambda: Problem("p", A @ Z), "the output of a problem: found 'Contraction', expected a named value"),  # type: ignore[arg-type]
    "a text for names": (lambda: Problem("p", OUT, stable="Z_B"), "stable: found 'Z_B', expected a tuple"),  # type: ignore[arg-type]
    "an exponent with a dot": (lambda: parameter("A", r, n, init="0.5.1", rate="eta"), "A.init"),
    "a float": (lambda: axis("width", 0.5), "the size of width: found 0.5"),  # type: ignore[arg-type]
    "a misspelt zero": (lambda: parameter("A", r, n, init="zro"), "A.init: found 'zro'.* Did you mean 'zero'"),
    "no init": (lambda: parameter("A", r, n, init=None), "A.init"),  # type: ignore[arg-type]
    "an axis by its name": (
        lambda: parameter("A", r, "n", init="0"),
        "an axis of A: found 'n', expected one that axis",
    ),  # type: ignore[arg-type]
    "data of a number": (lambda: data("x", 3), "an axis of x: found 3"),  # type: ignore[arg-type]
    "the name of an axis": (lambda: axis("a b"), "the name of an axis: found 'a b'"),
    "a degree in words": (lambda: power(Z, "x"), "the degree of a power: found 'x', expected an int or a Fraction"),  # type: ignore[arg-type]
    "an infinite degree": (lambda: power(Z, float("inf")), "the degree of a power: found inf"),  # type: ignore[arg-type]
    "a difference": (lambda: A - A, r"a difference A \+ scaled\('c', 0, B\)"),
    "a number in front": (lambda: 2 * A, r"a fixed number times A is scaled\('c', 0, A\)"),
    "a number behind": (lambda: A * 2, r"an expression \* 2: .* scaled\('c', 0, A\)"),  # type: ignore[operator]
    "a number beside": (lambda: A + 1, r"an expression \+ 1: "),  # type: ignore[operator]
    "a number to sum with": (lambda: A @ 1, "an expression @ 1: "),  # type: ignore[operator]
    "a quotient": (lambda: A / B, r"a quotient A \* power\(B, -1\)"),
    "a square": (lambda: A**2, r"A squared power\(A, 2\)"),
    "a sign": (lambda: -A, "a difference"),
    "zero data": (lambda: data("x", n, exponent="zero"), "x: "),
    "a reserved name": (lambda: scaled("gradient", 0, Z), "the name of a scalar: found 'gradient'"),
    "a name with a blank": (lambda: named("Z A", Z), "the name of a named value: found 'Z A'"),
    "an unknown optimiser": (lambda: Problem("p", OUT, optimizer="adm"), "Did you mean 'adam'"),
    "heads that do not multiply": (
        lambda: split(Z, n, axis("heads", "1/2"), axis("head")),
        r"splitting width into heads and head: n\^\(1/2\) times n\^\(0\) is not n\^\(1\)",
    ),
    "heads of which both grow": (lambda: split(Z, n, axis("heads", "1/2"), axis("head", "1/2")), "both grow"),
    "a softmax over a missing index": (
        lambda: softmax(Z, r),
        "a softmax along rank: the value has the axes width, batch",
    ),
    "a gradient that is stopped": (lambda: Problem("p", named("f", stop_gradient(OUT))), "no gradient reaches it"),
    "an empty domain": (lambda: Problem("p", OUT, between=("eta <= 0", "eta >= 1")), "no value of the free exponents"),
    "a text for inequalities": (
        lambda: Problem("p", OUT, between="0 <= k"),  # type: ignore[arg-type]
        "between: found '0 <= k', expected a list of inequalities",
    ),
    "a long name": (lambda: parameter("a" * 42, r, n, init=0), "letters, digits or _, 32 at most"),
    "an axis that shrinks": (lambda: Problem("p", named("f", data("x", axis("h", -1)) * OUT)), "h >= 0 with h = -1"),
}


@pytest.mark.parametrize(("write", "said"), MISTAKES.values(), ids=MISTAKES)
def test_one_message_for_a_mistake(write: Callable[[], object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        write()


FILE = """
from gamma_calc import Problem
from gamma_calc.program.network import axis, data, named, parameter, scaled
print("loaded")
def mine():
    n, r, out, batch = axis("width", 1), axis("rank"), axis("out", 1), axis("batch")
    a = parameter("A", r, n, init="-1/2", rate="eta")
    b = parameter("B", out, r, init="zero", rate="eta")
    return Problem("mine", named("Z_B", scaled("s", 0, b @ (a @ data("Z", n, batch)))), efficient=("A", "B"))
def nothing(): return 3
def raising(): raise RuntimeError("broken")
def leaving(): raise SystemExit(0)
def of_width(width, depth=1): return mine()
def read(): return Read()
class Read:
    def known_problem(self): return mine()
def wrong(): return axis("width", 1) and data("x", axis("y")) @ data("z", axis("w"))
number = 3
"""
SPEC = '[model]\nkind = "net.py:mine"\n'
ANSWERS = {
    "a function": (("derive", "net.py:mine", "--allow-code"), "eta <= -1/2"),
    "what was read as a problem": (("derive", "net.py:read", "--allow-code"), "eta <= -1/2"),
    "exponents": (("exponents", "net.py:mine", "--allow-code"), "delta_A"),
    "region": (("region", "net.py:mine", "--allow-code", "--condition", "efficient"), "efficient where eta = -1/2"),
    "compare": (("compare", "net.py:mine", "init-b", "--allow-code"), "eta = -1/2"),
    "diff": (("diff", "net.py:mine", "init-b", "--allow-code"), "largest stable eta: -1/2 -> -1"),
    "an adapter by name": (("derive", "dora"), "eta <= -1/2 and eta_m <= 0"),
    "a spec": (("derive", "as-it-is.toml", "--allow-code"), "eta <= -1/2"),
    "a spec that says otherwise": (("derive", "other.toml", "--allow-code"), "2*a + rho <= -2"),
}
REFUSED = {
    "code without permission": (("derive", "net.py:mine"), "--allow-code"),
    "code in a spec": (("derive", "as-it-is.toml"), "--allow-code"),
    "another value": (("derive", "net.py:nothing", "--allow-code"), "found 'int', expected a Problem"),
    "a function of the width": (
        ("derive", "net.py:of_width", "--allow-code"),
        "net.py:of_width is a function of width: expected 'gamma-calc model net.py:of_width --allow-code', where that"
        " is the width, or a function without arguments, such as one that returns traced(of_width).problem",
    ),
    "an exception": (("derive", "net.py:raising", "--allow-code"), "net.py:raising raises RuntimeError: broken"),
    "an exit": (("derive", "net.py:leaving", "--allow-code"), "SystemExit"),
    "a mistake in the network": (("derive", "net.py:wrong", "--allow-code"), "net.py:wrong: left @ right"),
    "no such function": (("derive", "net.py:mien", "--allow-code"), "Did you mean 'mine'"),
    "not a function": (("derive", "net.py:number", "--allow-code"), "found 'number'"),
    "no such file": (("derive", "absent.py:mine", "--allow-code"), "no such file"),
    "not Python": (("derive", "broken.py:mine", "--allow-code"), "SyntaxError"),
    "an unknown parameter": (("derive", "unknown.toml", "--allow-code"), "found 'C', expected one of A, B"),
    "a rate for a frozen parameter": (("derive", "frozen.toml", "--allow-code"), "A is frozen and has a rate"),
    "an unknown exponent": (("derive", "exponent.toml", "--allow-code"), "unknown key 'rnk'"),
    "trained of a module": (("derive", "trained.toml", "--allow-code"), "[trained] speaks of one module"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "net.py": FILE,
        "broken.py": "def",
        "as-it-is.toml": SPEC,
        "other.toml": SPEC
        + '[exponents]\nrank = "rho"\ns = "rank"\n[parameters.A]\ninit = "zero"\nrate = "a"\n'
        + '[parameters.B]\ninit = "-rank"\ntrained = false\n',
        "unknown.toml": SPEC + '[parameters.C]\nrate = "a"\n',
        "frozen.toml": SPEC + '[parameters.A]\nrate = "a"\ntrained = false\n',
        "exponent.toml": SPEC + '[exponents]\nrnk = "0"\n',
        "trained.toml": SPEC + "[trained]\nA = false\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("words", "said"), ANSWERS.values(), ids=ANSWERS)
def test_the_command_line(words: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    printed = capsys.readouterr()
    assert said in printed.out and "loaded" not in printed.out


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_a_refusal(words: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err
    assert printed.err.startswith("gamma-calc: ") or printed.err.startswith("loaded\ngamma-calc: ")


def test_code_is_not_even_read_without_permission(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text("open('touched', 'w').close()", encoding="utf-8")
    assert main(("derive", "net.py:mine")) == 2
    with pytest.raises(BadInput, match="in Python, pass what it returns"):
        derive("net.py:mine")
    assert not (folder / "touched").exists()


def test_a_file_may_look_up_its_own_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = "@dataclass\nclass Shape:\n    width: int = 1\n"
    begun = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    (folder / "json.py").write_text(begun + FILE + shape, encoding="utf-8")
    before = {*sys.modules}
    assert main(("derive", "json.py:mine", "--allow-code")) == 0
    (made,) = (name for name in sys.modules.keys() - before if name.endswith("json"))
    assert sys.modules["json"] is json and sys.modules[made].Shape
    (folder / "json.py").write_text(begun + shape + "raise RuntimeError", encoding="utf-8")
    assert main(("derive", "json.py:mine", "--allow-code")) == 2
    assert made not in sys.modules


def test_the_recipe_of_the_documentation_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "own-networks.md").read_text(encoding="utf-8")
    network, questions, *_ = re.findall(r"^```python[^\n]*\n(.*?)^```", text, re.M | re.S)
    (spec,) = re.findall(r"^```toml[^\n]*\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "networks.py").write_text(network + questions, encoding="utf-8")
    (tmp_path / "spec.toml").write_text(spec, encoding="utf-8")
    runpy.run_path(str(tmp_path / "networks.py"))
    assert "efficient" in capsys.readouterr().out
    assert main(("derive", str(tmp_path / "spec.toml"), "--allow-code")) == 0


def test_a_problem_is_shown_in_a_line() -> None:
    assert repr(lora()).startswith("<lora under adam: ") and len(repr(lora())) < 200


def test_a_square_is_told_part_by_part() -> None:
    """R (W x)^2: the square of a first step is even in R, so that no sum over the width is aligned."""
    n, h, samples = axis("width", 1), axis("hidden", 1), axis("batch")
    v = parameter("W", h, n, init="-1", rate="eta") @ data("x", n, samples)
    output = named("f", parameter("R", axis("out"), h, init="-1/2") @ power(v, 2))
    problem = Problem("square", output, optimizer="sign")
    free, there = exponents(problem, steps=1)[1], exponents(problem, steps=1, at={"eta": -1})[1]
    assert str(free.sizes["Delta_f"]) == "max(2*eta + 2, eta + 1)"
    assert (str(there.sizes["f"]), str(there.sizes["Delta_f"])) == ("0", "0")  # measured: -0.02 from n = 64 to 4096


@pytest.mark.parametrize("rate", ["-2", "-1", "-1/2", "1/4"])
@pytest.mark.parametrize("init", ["-1", "-1/2"])
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_a_power_is_read_as_the_product_that_it_is(degree: int, init: str, rate: str) -> None:
    """Also where a step leads what the power is taken of, as (v + d)^4 - v^4 is mostly d^4."""
    n, h, samples = axis("width", 1), axis("hidden", 1), axis("batch")
    v = parameter("W", h, n, init=init, rate=rate) @ data("x", n, samples)
    readout = parameter("R", axis("out"), h, init="-1/2")
    found = []
    for written in (PowerOf(v, Fraction(degree)), reduce(mul, [v] * degree)):
        problem = Problem("power", named("f", readout @ written), optimizer="sign")
        found.append([(step.sizes["f"], step.sizes["Delta_f"]) for step in exponents(problem, steps=3).steps])
    assert found[0] == found[1]
