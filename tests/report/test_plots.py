"""Figures: the same bytes every time, every word in its place and no word on another."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from gamma_calc.report.figure import rendered
from gamma_calc.report.plots import NARROW, Panel, Series, Sheet, predicted_line, scaling_figure, shared_scale
from tests.report.examples import HALF, NOTHING, WIDTHS, init_a, mixed, series

ROOT = Path(__file__).resolve().parents[2]


def sheet(*found: Series) -> Sheet:
    return Sheet("title", "subtitle", (Panel("Z_B", found),))


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in texts(figure))


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def box_of(text: Text) -> Bbox:
    """Where the letters are: an annotation's own box has its leader in it, which may touch its neighbour."""
    return Text.get_window_extent(text)


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """The pairs of texts whose boxes meet, drawn as the figure draws them."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), box_of(text)) for text in texts(figure)]
    return [
        (one, other)
        for (one, box), (other, another) in combinations(boxes, 2)
        if min(box.x1, another.x1) > max(box.x0, another.x0) and min(box.y1, another.y1) > max(box.y0, another.y0)
    ]


@pytest.fixture(scope="module")
def good() -> Figure:
    return scaling_figure(init_a())


@pytest.fixture(scope="module")
def bad() -> Figure:
    return scaling_figure(mixed())


def test_no_text_lies_on_another_or_outside(good: Figure, bad: Figure) -> None:
    for figure in (good, bad, scaling_figure(init_a(), NARROW), scaling_figure(mixed(), NARROW)):
        assert overlaps(figure) == []
        inside = figure.bbox
        for text in texts(figure):
            box = box_of(text)
            assert inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1, text


def test_an_overlap_is_seen() -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.51, 0.5, "other")
    assert overlaps(figure) == [("one", "other")]


def test_a_long_key_has_its_room() -> None:
    same = (series(f"U_B dA{i}", Fraction(0), verdict="INCONCLUSIVE", is_upper=True) for i in range(8))
    assert overlaps(scaling_figure(sheet(*same))) == []


def test_every_verdict_is_a_word_and_every_absence_a_sentence(bad: Figure) -> None:
    said = words(bad)
    for expected in (
        "FAIL",
        "INCONCLUSIVE",
        "PASS",
        "dB dA: exactly zero, as predicted",
        "\N{LESS-THAN OR EQUAL TO} \N{MINUS SIGN}1/2",
        "$dollars$ & <brackets>",
    ):
        assert expected in said
    assert "U_B dA: nothing to draw, predicted \N{MINUS SIGN}1/2" in " ".join(said.split())


def test_zeros_are_only_as_predicted_where_they_passed() -> None:
    undecided = scaling_figure(sheet(series("dB dA", None, verdict="INCONCLUSIVE")))
    assert "as predicted" not in words(undecided)
    bound = Series("U_A", WIDTHS, NOTHING, NOTHING, NOTHING, -HALF, "PASS", True, is_upper=True)
    assert "within its bound" in words(scaling_figure(sheet(bound)))


def test_a_panel_is_as_bad_as_its_worst_term_unless_it_is_told() -> None:
    terms = (series("A_0", Fraction(0)), series("U_A", HALF, verdict="FAIL", is_leading=False))
    assert words(scaling_figure(sheet(*terms))).count("FAIL") == 2
    told = Sheet("title", "", (Panel("Z_A", terms[:1], verdict="FAIL"),))
    assert words(scaling_figure(told)).count("FAIL") == 1


@pytest.mark.parametrize(
    "found",
    [
        pytest.param((), id="no series"),
        pytest.param((series("A_0", Fraction(0), widths=(128,)),), id="one width"),
        pytest.param((series("A_0", Fraction(0), widths=()),), id="no width"),
        pytest.param((Series("A_0", (8, 16), (None, 1.0), (None, None), (None, None), HALF, "PASS", True),), id="gaps"),
        pytest.param((Series("A_0", (8,), (float("inf"),), (None,), (None,), HALF, "FAIL", True),), id="infinite"),
        pytest.param((series("A_0", Fraction(-40), widths=(2**30, 2**60)),), id="beyond floats"),
    ],
)
def test_odd_data_is_drawn(found: tuple[Series, ...]) -> None:
    figure = scaling_figure(sheet(*found))
    figure.draw_without_rendering()
    assert overlaps(figure) == []


def test_a_sheet_without_panels_keeps_its_words() -> None:
    assert "title" in words(scaling_figure(Sheet("title", "", ())))


def test_the_line_has_the_predicted_slope_and_not_the_measured_one() -> None:
    wrong = series("U_A", HALF, 1.0, slope=Fraction(-1), verdict="FAIL")
    ends = predicted_line(wrong, 7.0, 13.0)
    assert ends is not None
    assert ends[1] - ends[0] == pytest.approx(3.0)
    # Centred: the line passes through the mean of the points, at the mean of log2 n.
    assert sum(ends) / 2 == pytest.approx(sum(y for y in wrong.value if y is not None) / len(WIDTHS))
    assert predicted_line(series("B_0", None), 7.0, 13.0) is None


def test_the_tolerance_is_a_band_about_the_line() -> None:
    """At the ends of the axes it reaches as far as the tolerance takes a slope from the centre of the points."""
    plain, banded = (
        scaling_figure(replace(sheet(series("U_A", HALF)), tolerance=tolerance)) for tolerance in (0.0, 0.25)
    )
    assert not plain.axes[0].collections
    (band,) = banded.axes[0].collections
    first, last = banded.axes[0].get_xlim()
    heights = {x: sorted(y for at, y in band.get_paths()[0].vertices if at == x) for x in (first, last)}
    assert heights[last][-1] - heights[last][0] == pytest.approx(2 * 0.25 * (last - 10))
    assert "Shaded: slopes within 0.25 of the prediction" in words(banded).replace("\n", " ")
    assert "Shaded" not in words(plain)


def test_notes_stand_below_the_panels() -> None:
    assert "Z_A = A Z" in words(scaling_figure(replace(init_a(), notes=("Z_A = A Z",))))


def test_all_panels_are_equally_high(good: Figure) -> None:
    heights = {round(axes.get_ylim()[1] - axes.get_ylim()[0], 9) for axes in good.axes}
    assert heights == {round(shared_scale(init_a().panels).octaves, 9)}


def test_an_interval_that_reaches_zero_goes_down_to_the_axis() -> None:
    figure = scaling_figure(sheet(Series("A_0", (8, 16), (0.0, 0.0), (None, -1.0), (1.0, 1.0), HALF, "PASS", True)))
    axes = figure.axes[0]
    bars = sorted(min(line.get_ydata()) for line in axes.lines if len(set(line.get_xdata())) == 1)
    assert bars == [pytest.approx(axes.get_ylim()[0]), -1.0]


def test_the_bytes_are_the_same_in_another_process_with_other_settings() -> None:
    here = rendered(scaling_figure(sheet(series("U_A", HALF))))
    assert here == rendered(scaling_figure(sheet(series("U_A", HALF))))
    assert here.svg.startswith(b"<?xml") and here.png.startswith(b"\x89PNG")
    assert matplotlib.__version__.encode() not in here.svg + here.png
    code = (
        "import hashlib, matplotlib, sys\n"
        "matplotlib.rcParams.update({'font.size': 17, 'axes.grid': True, 'svg.hashsalt': None, 'lines.marker': 'x'})\n"
        "from gamma_calc.report.figure import rendered\n"
        "from gamma_calc.report.plots import scaling_figure\n"
        "from tests.report.test_plots import sheet, series, HALF\n"
        "found = rendered(scaling_figure(sheet(series('U_A', HALF))))\n"
        "print(hashlib.sha256(found.svg + found.png).hexdigest(), matplotlib.rcParams['font.size'])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest(here.svg + here.png), "17.0"]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_label_cannot_break_out_of_the_svg() -> None:
    svg = rendered(scaling_figure(sheet(series("--><script>", HALF)))).svg
    assert b"<script" not in svg
    ElementTree.fromstring(svg)


def test_nothing_is_read_as_mathematics() -> None:
    """Mathematics that does not parse would raise."""
    broken = r"$\nothing$"
    found = (series(broken, HALF, verdict=broken), series(f"{broken} zero", None))
    rendered(scaling_figure(Sheet(broken, broken, (Panel(broken, found),))))
