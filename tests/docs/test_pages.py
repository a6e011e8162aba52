"""Every block of the documentation runs, and prints what the page shows."""

from __future__ import annotations

import math
import re
from importlib import import_module
from pathlib import Path

import pytest

import gamma_calc
from gamma_calc.huggingface.lint_checks import CHECKS
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.optimizers import OPTIMIZERS
from tests.docs.pages import ROOT, blocks, is_shown, run

SLOW = ("docs/model.md", "docs/spec.md")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NAMES])
def test_the_blocks_of_a_page_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gamma_calc.cli.progress.BETWEEN_LINES", math.inf)  # a page shows no progress of slow machines
    run(ROOT / name)


def test_only_what_needs_more_than_this_machine_is_not_run() -> None:
    """The installation, a model of yours, and TRL."""
    unrun = [each.text for page in PAGES for each in blocks(page) if each.language in ("sh", "py")]
    assert [next(word for word in ("pip install", "tune", "SFTTrainer") if word in text) for text in unrun] == [
        "pip install",
        "tune",
        "SFTTrainer",
    ]


WRONG = {
    "console": "```console\n$ gamma-calc derive init-a\n...\nlargest stable eta: -1\n...\n```\n",
    "status": "```console\n$ gamma-calc schemes\n...\n$ echo $?\n3\n```\n",
    "python": "```python\nassert 1 == 2\n```\n",
    "pycon": "```pycon\n>>> 1 + 1\n3\n```\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_page_that_shows_something_else_fails(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(Exception):  # noqa: B017 - of a doctest or of an assertion
        run(page)


def test_dots_stand_for_anything() -> None:
    assert is_shown("a\nb\nc\n", "a\n...\nc\n")
    assert not is_shown("a\nb\nc\n", "a\n...\nd\n")


def test_names_of_the_reference_resolve() -> None:
    """The site would say so too, where mkdocs is there."""
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    modules = [import_module(name) for name in re.findall("^::: (.*)$", page, re.M)]
    assert gamma_calc in modules
    for module in modules:
        assert module.__doc__
        assert all(getattr(module, name) is not None for name in getattr(module, "__all__", ()))


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str) -> None:
    """Of what is no page of the site."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"", text):
        path, _, anchor = "".join(link).partition("#")
        if not path.startswith("https:"):
            assert (ROOT / path).is_file(), path
            assert not anchor or anchor in headings((ROOT / path).read_text(encoding="utf-8")), link


def headings(text: str) -> set[str]:
    """The anchors of a page, as mkdocs and the hubs of git make them."""
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall("^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_are_there(name: str) -> None:
    named = re.findall(r"`((?:gamma_calc|tests|docs)/[^`]*)`", (ROOT / name).read_text(encoding="utf-8"))
    assert named
    assert not [each for each in named if not (ROOT / each).exists()]


def test_every_adapter_and_optimiser_has_its_row() -> None:
    for name, told in {"own-networks": ADAPTERS, "own-optimiser": OPTIMIZERS}.items():
        page = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", page, re.M)
        assert set(told) <= {each.strip("`") for row in rows for each in row.split(", ")}


def test_every_finding_of_lint_has_its_row() -> None:
    page = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning|info) \|", page, re.M)
    assert dict(rows) == {each.id: each.severity.value for each in CHECKS}


def test_every_package_has_its_job() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    packages = {path.parent.name for path in (ROOT / "gamma_calc").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `([a-z_]+)/` \|", page, re.M)) == packages
