"""The question of regions: polyhedra with exact vertices, the drawing, and its refusals."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.analysis.derivation import derived
from gamma_calc.analysis.published import published_points
from gamma_calc.cli.main import main
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.report.region_figure import region_figure
from tests.schemes import scheme

TWO_RATES = '[exponents]\nA = "{}"\nB = "{}"\neta_A = "a"\neta_B = "b"\n'
INIT_A, INIT_B = ("-1/2", "zero"), ("zero", "-rank/2")


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "two.toml"
    path.write_text(TWO_RATES.format(*INIT_A), encoding="utf-8")
    return str(path)


def answered(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main(["region", *words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_two_rates_have_the_corner_of_lora_plus(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, spec)
    assert (found["schema"], found["condition"], found["free"]) == (1, "stable", ["a", "b"])
    (member,) = found["polyhedra"]
    assert member["inequalities"] == ["a + b <= -1", "b <= 0"]
    assert member["vertices"] == [{"a": "-1", "b": "0"}]
    assert member["rays"] == [{"a": "-1", "b": "0"}, {"a": "1", "b": "-1"}]


def test_a_condition_can_be_a_line(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    (member,) = answered(capsys, spec, "--condition", "efficient")["polyhedra"]
    assert member["inequalities"] == ["a + b = -1", "b <= 0"]
    assert member["rays"] == [{"a": "1", "b": "-1"}]


def test_a_region_with_nothing_free_is_a_point_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    (member,) = answered(capsys, "init-a", "--at", "eta=-1")["polyhedra"]
    assert member == {"inequalities": [], "closed": True, "vertices": [{}], "rays": [], "lines": []}
    assert answered(capsys, "init-a", "--at", "eta=1")["polyhedra"] == []


def test_an_exponent_that_is_not_restricted_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "frozen.toml"
    text = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "a"\neta_B = "b"\n[trained]\nA = false\n'
    path.write_text(text, encoding="utf-8")
    (member,) = answered(capsys, str(path))["polyhedra"]
    assert member["lines"] == [{"a": "1", "b": "0"}]


def test_an_open_domain_has_the_vertices_of_its_closure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "open.toml"
    path.write_text(TWO_RATES.format(*INIT_A) + '[domain]\nbetween = ["b < 0", "a > -3"]\n', encoding="utf-8")
    found = answered(capsys, str(path))
    (member,) = found["polyhedra"]
    assert found["region"] == "a > -3 and a + b <= -1 and b < 0"
    assert member["inequalities"] == ["a > -3", "a + b <= -1", "b < 0"] and member["closed"] is False
    assert member["vertices"] == [{"a": "-3", "b": "0"}, {"a": "-1", "b": "0"}]
    assert member["rays"] == [{"a": "0", "b": "-1"}, {"a": "1", "b": "-1"}]
    assert main(["region", str(path)]) == 0
    assert "polyhedron 1: a > -3 and a + b <= -1 and b < 0\n  its closure has\n" in capsys.readouterr().out


def test_a_union_is_listed_in_its_canonical_members(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Init[A] learns features along two edges, which meet in (-1, 0)."""
    path = tmp_path / "union.toml"
    path.write_text(TWO_RATES.format(*INIT_A) + '[domain]\nbetween = ["b <= 0"]\n', encoding="utf-8")
    found = answered(capsys, str(path), "--condition", "feature_learning")
    assert found["region"] == "(a + b = -1 and b <= 0) or (b = 0 and a <= -1)"
    assert [member["vertices"] for member in found["polyhedra"]] == [[{"a": "-1", "b": "0"}]] * 2
    assert [member["rays"] for member in found["polyhedra"]] == [[{"a": "1", "b": "-1"}], [{"a": "-1", "b": "0"}]]


def test_a_region_can_be_everywhere_or_hold_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "still.toml"
    text = TWO_RATES.format(*INIT_A) + "[trained]\nA = false\nB = false\n"
    path.write_text(text, encoding="utf-8")
    (member,) = answered(capsys, str(path))["polyhedra"]
    assert member["inequalities"] == [] and member["rays"] == [] and member["vertices"] == [{"a": "0", "b": "0"}]
    assert member["lines"] == [{"a": "1", "b": "0"}, {"a": "0", "b": "1"}]
    path.write_text(text + '[domain]\nbetween = ["a = 2*b"]\n', encoding="utf-8")
    (member,) = answered(capsys, str(path))["polyhedra"]
    assert member["inequalities"] == ["a - 2*b = 0"] and member["lines"] == [{"a": "2", "b": "1"}]


def test_what_the_domain_leaves_out_is_drawn_dashed_and_hollow() -> None:
    def drawn(*between: str) -> tuple[list[str], list[str]]:
        lines = region_figure(derived(scheme(*INIT_A, "a", "b", between=between))).axes[0].lines
        edges = [line.get_linestyle() for line in lines if len(line.get_xdata()) == 2]
        return edges, [line.get_markerfacecolor() for line in lines if line.get_marker() == "o"]

    edges, vertices = drawn("b < 0", "a >= -3")
    assert edges.count("--") == 1 and edges.count("-") > 1
    assert vertices == ["white", "white"]
    edges, vertices = drawn("b <= 0", "a >= -3")
    assert not edges and "white" not in vertices


def test_the_published_points_follow_from_the_catalogue() -> None:
    def places(a: str, b: str) -> dict[str, tuple[Fraction, Fraction]]:
        points = published_points(scheme(a, b, "a", "b"))
        return {each.name: (each.point["a"], each.point["b"]) for each in points}

    half = Fraction(1, 2)
    assert places(*INIT_A) == {"init-a": (-half, -half), "lora-plus-a": (-1, 0)}
    assert places(*INIT_B) == {"init-b": (-1, -1), "lora-plus-b": (-1, 0)}
    assert places("-3", "-3") == {}


def test_a_drawing_is_the_same_bytes_twice(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one.svg", "two.svg", "one.png"):
        assert main(["region", spec, "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_the_drawing_has_a_panel_a_condition_with_its_vertices_and_the_published_points() -> None:
    figure = region_figure(derived(scheme(*INIT_A, "a", "b")))
    texts = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "stable",
        "internally stable",
        "feature learning",
        "efficient",
    ]
    assert all({"(−1, 0)", "init-a", "lora-plus-a"} <= each for each in (texts[0], texts[2], texts[3]))  # noqa: RUF001


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheme_of_the_catalogue_answers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["region", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name} under adam: stable where eta <= ")


KEYS = ("A", "B", "eta_A", "eta_B", "scale", "rank", "fan_out", "gradient")
MANY = {key: f"x{index}" for index, key in enumerate(KEYS)}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["region", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    return printed.err


def test_refusals(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "stable" in refused(capsys, spec, "--condition", "stabel")
    assert "expected two; of one, gamma-calc explore" in refused(capsys, "init-a", "--plot", str(tmp_path / "a.svg"))
    assert ".svg or .png" in refused(capsys, spec, "--plot", str(tmp_path / "a.gif"))
    assert "/nowhere/a.svg" in refused(capsys, spec, "--plot", "/nowhere/a.svg")
    lines = [f'{key} = "{name}{" + x8" if key == "A" else ""}"' for key, name in MANY.items()]
    (tmp_path / "many.toml").write_text("\n".join(["[exponents]", *lines]), encoding="utf-8")
    assert "at most 8" in refused(capsys, str(tmp_path / "many.toml"))
    empty = TWO_RATES.format(*INIT_A) + '[domain]\nbetween = ["a >= 1", "a <= 0"]\n'
    (tmp_path / "empty.toml").write_text(empty, encoding="utf-8")
    assert "no value of the free exponents is left" in refused(capsys, str(tmp_path / "empty.toml"))
    assert not list(tmp_path.glob("a.*"))


def test_a_line_has_no_vertex(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    still = '[exponents]\nA = "zero"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\n'
    (tmp_path / "still.toml").write_text(still, encoding="utf-8")
    assert main(["region", str(tmp_path / "still.toml")]) == 0
    printed = capsys.readouterr().out
    assert "  point   eta = 0\n  line    eta = 1\n" in printed and "vertex" not in printed
