"""The page holds the engine's own formulas and regions, and nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import Exponents, explore
from gamma_calc.algebra import Affine, Region
from gamma_calc.algebra.plain import form
from gamma_calc.cli.main import main
from gamma_calc.document.page import GLOSSARY
from gamma_calc.errors import BadInput
from gamma_calc.explorer.page import HERE, island
from gamma_calc.program.models import LoraStack
from gamma_calc.program.scheme import Scheme
from gamma_calc.report import style
from tests.explorer.examples import EXAMPLES, beside_a_frozen_part, derived_exponents, explored, points, two_rates

Json = Any


STACK = Scheme("pair", {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}, model=LoraStack(2))


def side(text: str, place: int = 0) -> Json:
    """What a page knows of one of its derivations."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)["sides"][place]


@cache
def parsed(data: tuple[tuple[str, str], ...]) -> Affine:
    return form(dict(data))


def value(data: Json, point: Mapping[str, Fraction]) -> Fraction:
    return parsed(tuple(map(tuple, data))).at(point)


def largest(pieces: Json, point: Mapping[str, Fraction]) -> Fraction | None:
    return max((value(piece["form"], point) for piece in pieces), default=None)


def is_in(region: Json, point: Mapping[str, Fraction]) -> bool:
    def holds(constraint: Json) -> bool:
        at = value(constraint["form"], point)
        return {">": at > 0, ">=": at >= 0, "=": at == 0}[constraint["relation"]]

    return any(all(map(holds, member["constraints"])) for member in region["members"])


def bounds(data: Json, known: Exponents, point: Mapping[str, Fraction]) -> tuple[list[Json], list[Json]]:
    """Every exponent that a page's formulas give at a point, and every one that the engine gives there."""
    shown, derived = [], []
    for step, there in zip(data["steps"], known.steps, strict=True):
        for quantity, size in there.sizes.items():
            found = step["sizes"][quantity]
            shown.append([largest(found.get(side, found["upper"]), point) for side in ("lower", "upper")])
            derived.append([each.at(point) for each in (size.lower, size.upper)])
    return shown, derived


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_formulas_are_the_engine_s(name: str) -> None:
    explorer = explored(name)
    (found,) = explorer.derivations
    data = side(explorer.html())
    known, seen = derived_exponents(name, len(data["steps"])), 0
    for point in points(found.free, 30):
        if found.run.domain.contains(point):
            shown, derived = bounds(data, known, point)
            assert shown == derived
            seen += len(shown)
    assert seen > 200


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_regions_are_the_engine_s(name: str) -> None:
    (found,) = explored(name).derivations
    shown = side(explored(name).html())["conditions"]
    assert [each["name"] for each in shown] == list(found.decisions)
    for point in points(found.free, 30):
        for each, decision in zip(shown, found.decisions.values(), strict=True):
            assert is_in(each["region"], point) == decision.region.contains(point)


def test_a_page_knows_that_its_exponents_may_be_otherwise() -> None:
    """The perceptron has ties as well, but runs at points bear its exponents out."""
    assert side(explore(beside_a_frozen_part()).html())["otherwise"]
    assert not side(explored("perceptron").html())["otherwise"]


def test_another_formula_is_seen() -> None:
    data = side(explored("module").html())
    data["steps"][1]["sizes"]["Z_B"]["upper"][0]["form"].append(["1", "1/1000000"])
    shown, derived = bounds(data, derived_exponents("module", 4), {"a": Fraction(1), "b": Fraction(1)})
    assert shown != derived


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_exponent_has_its_line_in_the_derivation(name: str) -> None:
    text = explored(name).html()
    data = side(text)
    for step in data["steps"]:
        for quantity, size in step["sizes"].items():
            if size["upper"]:
                line = re.escape(f'<tr id="{data["anchor"]}{size["line"]}">')
                assert len(re.findall(line, text)) == 1, (quantity, step["t"])
    for condition in data["conditions"]:
        assert f'id="{data["anchor"]}{condition["name"].replace("_", "-")}"' in text


def test_polygons_have_the_engine_s_corners() -> None:
    (found,) = explored("module").derivations
    data = side(explored("module").html())
    stable = next(each for each in data["conditions"] if each["name"] == "stable")
    (member,) = stable["region"]["members"]
    closure = Region.of(*(each.closure for each in found.decisions["stable"].region.members))
    corners = [dict(zip(found.free, map(Fraction, corner), strict=True)) for corner in member["corners"]]
    assert len(corners) > 2 and all(closure.contains(corner) for corner in corners)
    assert stable["region"]["vertices"] == [["-1", "0"]]
    assert [edge["open"] for edge in member["edges"]] == [False, False]


@pytest.mark.parametrize("name", ["module", "stack", "perceptron", "problem"])
def test_a_page_asks_for_nothing(name: str) -> None:
    text = explored(name).html().replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?:|//\w+\.\w|<link|<img|\bsrc=|@import|url\(|\bfetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text


def test_no_text_ends_the_data() -> None:
    said = {"name": "</script><script>alert(1)</script><!--"}
    assert "<" not in island(said) and json.loads(island(said)) == said
    assert explored("module").html().count("</script>") == 2


@pytest.mark.parametrize(("at", "lead"), [({}, "Move the free exponents"), ({"eta": "-1"}, "No exponent is free")])
def test_a_page_asks_to_move_only_what_is_free(at: Mapping[str, str], lead: str) -> None:
    (found,) = re.findall(r'<p class="lead">(.*?)</p>', explore("init-a", at=at).html())
    assert found.startswith(lead) and ("Move" in found) == (not at)


@pytest.mark.parametrize("specs", [("init-a",), ("init-a", "init-b")], ids=len)
def test_the_first_paragraph_says_where_symbols_and_words_are_defined(specs: tuple[str, ...]) -> None:
    text = explore(*specs).html()
    (lead,) = re.findall(r'<p class="lead">(.*?)</p>', text)
    settings = re.findall('href="#([^"]*)"', lead)
    assert len(settings) == len(specs)
    assert all(text.count(f'<h2 id="{each}">') == 1 for each in settings)
    assert html.escape(GLOSSARY) in lead


def test_a_stack_at_several_depths_is_one_page() -> None:
    explorer = explore(STACK, depths=[1, 3, 3])
    page = explorer.html()
    assert explorer.title == "pair under adam at depths 1, 3"
    assert [found.scheme.model.depth for found in explorer.derivations] == [1, 3]
    assert 'id="sides" class="single"' in page
    assert "The derivation of pair under adam, 3 deep" in page


@pytest.mark.parametrize(
    ("specs", "said"), [(("init-a",), "expected those of one lora-stack"), ((STACK, STACK), "found '2 schemes'")]
)
def test_only_a_stack_has_depths(specs: tuple[Any, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        explore(*specs, depths=[1, 2])


def test_two_schemes_stand_side_by_side() -> None:
    both = explore("init-a", "init-b")
    text = both.html()
    assert [side(text, place)["title"] for place in (0, 1)] == ["init-a under adam", "init-b under adam"]
    assert 'id="side-0-1.1"' in text and 'id="side-1-1.1"' in text
    assert repr(both) == "<page to explore init-a under adam, beside init-b under adam>"


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    frame = explore(two_rates())._repr_html_()
    (inside,) = re.findall(r'srcdoc="([^"]*)"', frame)
    assert html.unescape(inside) == explored("module").html()


def test_the_style_has_the_colours_of_the_figures() -> None:
    text = (HERE / "explorer.css").read_text(encoding="utf-8")
    assert tuple(re.findall(r"--c\d: (#\w{6});", text)[: len(style.COLOURS)]) == style.COLOURS


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "init-a.html"
    assert main(["explore", "init-a", "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: init-a under adam; free: eta\n"
    assert path.read_text(encoding="utf-8") == explore("init-a").html()


def test_a_page_with_an_open_condition_is_written_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "open.html"
    assert main(["explore", "init-a", "--without", "A5", "--out", str(path)]) == 3
    stable = side(path.read_text(encoding="utf-8"))["conditions"][0]
    assert stable["status"] == "unknown" and "eta <= -1/4" in stable["reason"]
    assert stable["possible"]["members"][0]["corners"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["init-a", "init-b", "init-ab"], id="three"),
        pytest.param(["no-such-scheme"], id="unknown"),
        pytest.param(["init-a", "--at", "b=1"], id="not-free"),
    ],
)
def test_bad_input_writes_nothing(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.html"
    assert main(["explore", *words, "--out", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not path.exists()


def test_a_page_needs_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "init-a"]) == 2
    assert "--out" in capsys.readouterr().err
    assert main(["explore", "init-a", "--out", str(tmp_path / "no" / "such.html")]) == 2
    with pytest.raises(BadInput, match="a page: found None, expected the path"):
        explored("module").write(None)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="one, or two"):
        explore()


def test_what_a_depth_lacks_is_said_with_the_depth() -> None:
    deep = replace(STACK, exponents={**STACK.exponents, "B[2].rate": STACK.exponents["eta_B"]})
    with pytest.raises(BadInput, match=r"^pair at a depth of 1: there is no B\[2\].rate: expected depths with"):
        explore(deep, depths=[1, 2])
