"""The promises of the design that a reader of one file cannot see: arrows, exactness, laziness."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "gamma_calc"

# What a module may import of the package: the longest prefix that names it decides. A module is free within its row.
BELOW_ANALYSIS = {"errors", "files", "numbers", "algebra", "maxplus", "program", "calculus"}
BELOW_REPORT = {*BELOW_ANALYSIS, "analysis", "document", "simulation"}
BELOW_EXPERIMENT = {*BELOW_REPORT, "certificate", "derivation", "report"}
BELOW_CLI = {*BELOW_EXPERIMENT, "atlas", "explorer", "experiment", "huggingface", "tracing"}
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "files": {"errors"},
    "numbers": {"errors"},
    "algebra": {"errors"},
    "program": {"errors", "files", "numbers", "algebra"},
    "maxplus": {"errors", "algebra"},
    "calculus": {"errors", "algebra", "maxplus", "program"},
    "analysis": BELOW_ANALYSIS,
    "document": {"errors", "algebra.notation"},
    "certificate": {*BELOW_ANALYSIS, "analysis", "document"},
    # An independent checker of certificates: it shares numbers with the engine, and no judgement.
    "certificate.parts": {"algebra.affine", "algebra.plain"},
    "certificate.maps": {"algebra.affine", "algebra.plain", "certificate.parts"},
    "certificate.checker": {"algebra.affine", "algebra.plain", "certificate.maps", "certificate.parts"},
    "certificate.shape": {"errors", "algebra.plain"},
    "certificate.conclusions": {
        "algebra.affine",
        "algebra.plain",
        "analysis.conditions",  # what the names of the conditions mean: data
        "certificate.checker",
        "certificate.horizon_words",
        "certificate.law_words",
        "certificate.parts",
    },
    "certificate.horizon_words": {
        "algebra",
        "analysis.rate_law",  # what makes a formula of products of families
        "certificate.checker",
        "certificate.parts",
    },
    "certificate.law_words": {
        "algebra.affine",
        "algebra.plain",
        "analysis.conditions",
        "certificate.checker",
        "certificate.parts",
    },
    "certificate.verification": {
        "algebra.plain",
        "certificate.checker",
        "certificate.conclusions",
        "certificate.shape",
        "document.tables",  # how wide a line is
        "errors",
        "files",
    },
    "derivation": {*BELOW_ANALYSIS, "analysis", "certificate", "document"},
    "simulation": {"errors", "files", "algebra", "program"},
    "tracing": {"errors", "algebra", "program"},
    "report": BELOW_REPORT,
    "explorer": BELOW_EXPERIMENT,
    "experiment": BELOW_EXPERIMENT,
    "huggingface": {*BELOW_EXPERIMENT, "experiment", "tracing"},
    "atlas": {*BELOW_EXPERIMENT, "experiment"},
    "cli": {*BELOW_CLI, ""},
    "__main__": {"cli"},
    "": {*BELOW_CLI, "cli"},  # the face
}
LAZY = ("", "cli")  # where an import inside a function is the point
EXACT = ("algebra", "maxplus", "program", "calculus", "analysis")
TEXT_TO_CODE = {"eval", "exec", "sympify", "parse_expr"}
HEAVY = ("torch", "matplotlib", "sympy", "transformers", "scipy", "numpy")


@dataclass(frozen=True, slots=True)
class Source:
    """A module's text under its name below the package: "algebra.affine"; "" is the face."""

    module: str
    text: str
    is_package: bool = False

    @classmethod
    def of(cls, path: Path) -> Source:
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        return cls(".".join(parts[:-1] if is_package else parts), path.read_text(encoding="utf-8"), is_package)

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(ast.parse(self.text))

    def is_in(self, layers: tuple[str, ...]) -> bool:
        return any(is_within(self.module, layer) for layer in layers)


Finding = tuple[int, str]
Check = Callable[[Source], Iterator[Finding]]


def is_within(module: str, prefix: str) -> bool:
    """Whether the module is the prefix or stands below it; nothing but the face is within the face."""
    return module == prefix or (prefix != "" and module.startswith(f"{prefix}."))


def row_of(module: str) -> str | None:
    return max((prefix for prefix in LAYERS if is_within(module, prefix)), key=len, default=None)


def imported(node: ast.Import | ast.ImportFrom, source: Source) -> Iterator[str]:
    """Absolute names of all that a statement imports; `from a import b` counts as a.b, for b may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    origin = node.module or ""
    if node.level:
        here = [PACKAGE, *filter(None, source.module.split("."))]
        kept = here[: len(here) - node.level + source.is_package]
        origin = ".".join([*kept, *filter(None, [origin])])
    yield from (f"{origin}.{alias.name}" for alias in node.names)


def own_targets(source: Source) -> Iterator[Finding]:
    """What a module imports of the package, as names below it; a name that no row knows belongs to the face, ""."""
    for node in source.nodes():
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in imported(node, source):
                head, _, inner = name.partition(".")
                if head == PACKAGE:
                    yield node.lineno, inner if row_of(inner) is not None else ""


def upward_imports(source: Source) -> Iterator[Finding]:
    row = row_of(source.module)
    if row is None:
        yield 1, f"{source.module} stands in no row of the table of layers"
        return
    for line, target in own_targets(source):
        if not any(is_within(target, prefix) for prefix in {row, *LAYERS[row]}):
            yield line, f"{source.module} may not import {target or 'the face'}"


def inner_imports(source: Source) -> Iterator[Finding]:
    if source.is_in(LAZY):
        return
    for function in source.nodes():
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno, f"an import inside {function.name}: {ast.unparse(node)}"


def called_name(node: ast.Call) -> str:
    """The name that is called, but for methods: model.eval() has nothing to do with the builtin."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        owner = node.func.value.id
        return node.func.attr if owner == "builtins" or node.func.attr in {"sympify", "parse_expr"} else ""
    return ""


def text_to_code(source: Source) -> Iterator[Finding]:
    for node in source.nodes():
        if isinstance(node, ast.Call) and called_name(node) in TEXT_TO_CODE:
            yield node.lineno, f"a call of {called_name(node)}"
        elif isinstance(node, ast.ImportFrom):  # an alias would hide the call
            for name in TEXT_TO_CODE & {alias.name for alias in node.names}:
                yield node.lineno, f"an import of {name}"


def floats(source: Source) -> Iterator[Finding]:
    if not source.is_in(EXACT):
        return
    for node in source.nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the literal {node.value!r}"
        elif isinstance(node, ast.Call) and called_name(node) == "float":
            yield node.lineno, "a call of float"


@pytest.mark.parametrize("check", [upward_imports, inner_imports, text_to_code, floats])
def test_every_file_keeps(check: Check) -> None:
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    assert paths, "no source was found, so nothing was checked"
    found = [(path.relative_to(ROOT), *finding) for path in paths for finding in check(Source.of(path))]
    breaches = [f"{path}:{line}: {what}" for path, line, what in found]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("errors", "from gamma_calc.algebra.affine import Affine", id="errors-algebra"),
        pytest.param("algebra.affine", "import gamma_calc.program.axes", id="plain-import"),
        pytest.param("algebra.affine", "from gamma_calc import program", id="package-from-face"),
        pytest.param("algebra.affine", "from gamma_calc import __version__", id="the-face-is-above"),
        pytest.param("program.scheme", "from ..calculus import rules", id="relative"),
        pytest.param("program.scheme", "from .. import calculus", id="relative-bare"),
        pytest.param("program.scheme", "from ..calculus.rules import PRODUCT", id="relative-name"),
        pytest.param("simulation.kernel", "from gamma_calc.calculus import rules", id="simulation-calculus"),
        pytest.param("document.blocks", "from gamma_calc.derivation import texts", id="document-derivation"),
        pytest.param("experiment.verdict", "from gamma_calc.cli import main", id="experiment-cli"),
        pytest.param("certificate.checker", "from gamma_calc.algebra.exponent import Exponent", id="checker"),
        pytest.param("certificate.checker", "from gamma_calc.derivation import trace", id="checker-own-layer"),
        pytest.param("algebra.affine", "def f():\n    from gamma_calc.cli import main", id="inside-a-function"),
        pytest.param("misc", "", id="no-row"),
    ],
)
def test_an_upward_import_is_seen(module: str, source: str) -> None:
    assert list(upward_imports(Source(module, source)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("algebra.affine", "from gamma_calc.errors import BadInput", id="down"),
        pytest.param("algebra.affine", "from gamma_calc.algebra.inequality import Inequality", id="own-layer"),
        pytest.param("algebra.affine", "from .inequality import Inequality", id="own-layer-relative"),
        pytest.param("program.scheme", "from ..algebra import Affine", id="down-relative"),
        pytest.param("derivation.proof", "from gamma_calc.algebra.exponent import Exponent", id="derivation"),
        pytest.param("certificate.checker", "from gamma_calc.algebra.affine import Affine", id="checker"),
        pytest.param("cli.main", "from gamma_calc import __version__", id="cli-face"),
        pytest.param("simulation.kernel", "import torch\nfrom gamma_calculus import x", id="elsewhere"),
    ],
)
def test_a_downward_import_is_free(module: str, source: str) -> None:
    assert not list(upward_imports(Source(module, source)))


def test_a_package_resolves_its_relative_imports_one_level_deeper() -> None:
    assert not list(upward_imports(Source("algebra", "from .affine import Affine", is_package=True)))
    assert list(upward_imports(Source("algebra", "from ..program import axes", is_package=True)))


@pytest.mark.parametrize(
    ("check", "source"),
    [
        pytest.param(inner_imports, "def f():\n    import torch", id="import-in-function"),
        pytest.param(inner_imports, "class C:\n    def f(self):\n        from os import path", id="import-in-method"),
        pytest.param(text_to_code, "x = eval('1')", id="eval"),
        pytest.param(text_to_code, "exec('x = 1')", id="exec"),
        pytest.param(text_to_code, "import builtins\nbuiltins.eval('1')", id="builtins"),
        pytest.param(text_to_code, "import sympy\nsympy.sympify('x')", id="sympify"),
        pytest.param(text_to_code, "from sympy import sympify as exact", id="alias"),
        pytest.param(text_to_code, "from sympy.parsing.sympy_parser import parse_expr", id="parse-expr"),
        pytest.param(floats, "HALF = 0.5", id="float"),
        pytest.param(floats, "x = -1e3", id="scientific"),
        pytest.param(floats, "x = 1j", id="complex"),
        pytest.param(floats, "x = float('nan')", id="float-call"),
    ],
)
def test_each_check_sees_its_breach(check: Check, source: str) -> None:
    assert list(check(Source("algebra.affine", source)))


@pytest.mark.parametrize(
    ("check", "module", "source"),
    [
        pytest.param(inner_imports, "", "def __getattr__(name):\n    import torch", id="face"),
        pytest.param(inner_imports, "cli.main", "def run():\n    import torch", id="cli"),
        pytest.param(inner_imports, "algebra.affine", "import os", id="module-level"),
        pytest.param(text_to_code, "huggingface.model", "model.eval()", id="method"),
        pytest.param(
            floats, "algebra.affine", "def f(x: float) -> bool:\n    return isinstance(x, float)", id="refusal"
        ),
        pytest.param(floats, "simulation.kernel", "x = 0.5", id="not-exact"),
    ],
)
def test_each_check_lets_the_rest_be(check: Check, module: str, source: str) -> None:
    assert not list(check(Source(module, source)))


def heavy_after(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after the code; the code has to succeed."""
    report = f"import sys\nprint('LOADED', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].removeprefix("LOADED").split())


def command(line: str) -> str:
    """Code that runs a gamma-calc command and raises unless its exit status is 0."""
    return (
        f"import sys\nsys.argv = ['gamma-calc', *{line.split()!r}]\nfrom gamma_calc.cli.main import main\n"
        "try:\n    status = main()\nexcept SystemExit as leaving:\n    status = leaving.code\n"
        "assert status in (None, 0), status"
    )


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(f"import {PACKAGE}", id="import"),
        pytest.param(
            f"from {PACKAGE}.cli import lint\nfrom {PACKAGE}.huggingface.lint import lint\n"
            "lint({'peft_type': 'LORA', 'r': 8})",
            id="lint",
        ),
        pytest.param(f"import {PACKAGE}.huggingface", id="import-huggingface"),
        *(
            pytest.param(command(line), id=line.replace(" ", "-"))
            for line in (
                "exponents init-a",
                "derive init-a",
                "region init-a",
                "compare init-a init-b",
                "diff init-a init-b",
                f"explore init-a --out {os.devnull}",
                "transfer init-a --lr 1e-3 --from-width 64 --to-width 128",
                "schemes",
                "atlas --source arXiv:2406.08447",
            )
        ),
    ],
)
def test_symbolic_work_loads_nothing_heavy(code: str) -> None:
    assert heavy_after(code) == set()


def test_no_two_classes_have_one_name() -> None:
    found: dict[str, list[str]] = {}
    for source in map(Source.of, (ROOT / PACKAGE).rglob("*.py")):
        for node in source.nodes():
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(source.module)
    assert not {name: modules for name, modules in found.items() if len(modules) > 1}


def test_the_checker_is_short() -> None:
    """What it knows of parts and of maps stands in files of their own."""

    def statements(name: str) -> int:
        tree = ast.parse((ROOT / PACKAGE / "certificate" / f"{name}.py").read_text(encoding="utf-8"))
        every = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        return sum(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in every)

    assert statements("checker") < 300
    assert statements("parts") + statements("maps") < 120


def test_a_heavy_import_is_seen() -> None:
    assert heavy_after("import numpy") == {"numpy"}


def test_the_citation_states_the_version_of_the_package() -> None:
    stated = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    defined = re.search(r'^__version__ = "(.+)"$', (ROOT / PACKAGE / "__init__.py").read_text(), re.MULTILINE)
    assert stated and defined and stated[1] == defined[1]
