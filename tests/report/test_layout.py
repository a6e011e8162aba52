"""Pages as a browser lays them out at the width of a laptop and of a telephone.

Layout is measured, not compared with a stored picture: letters are some tenths of a pixel wider or narrower with every
version of a font or a browser, so that pictures would differ where nothing is wrong, and would be alike under a
tolerance that forgives a verdict out of sight. What a reader needs is a property: nothing wider than the window, no
text cut off, no letter of a figure lower than nine pixels, every verdict in sight without scrolling, the worst first.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from gamma_calc.document.blocks import Column, ColumnKind, Heading, Links, Paragraph, Picture, Table
from gamma_calc.document.html import html_text
from gamma_calc.experiment.claims import MeasuredClaim, Report, gallery
from gamma_calc.experiment.folder import SYMBOLS
from gamma_calc.experiment.verdict_page import scheme_section, verdict_pages
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, label_axes, logarithmic, svg_bytes
from gamma_calc.report.plots import scaling_figure, scaling_picture
from gamma_calc.report.style import STROKES, figure_settings
from gamma_calc.simulation.verdicts import Verdict
from tests.experiment.test_verdict_page import row
from tests.explorer.chromium import Page, browser, needs_chromium
from tests.report.examples import HALF, init_a, mixed

pytestmark = needs_chromium
ROOT = Path(__file__).resolve().parents[2]
LEAST = 9.0
"""Pixels: the height of the lowest letters of a figure, as their font size."""

LAYOUT = """(() => {
  const wide = document.documentElement.scrollWidth;
  const clipped = [...document.querySelectorAll("main *")].filter(each => {
    const style = getComputedStyle(each);
    return style.overflowX === "hidden" && each.scrollWidth > each.clientWidth;
  }).map(each => each.outerHTML.slice(0, 80));
  const outside = [...document.querySelectorAll("main *")].filter(each => {
    const box = each.getBoundingClientRect();
    return !each.closest(".wide, dd") && box.width && (box.right > innerWidth + 0.5 || box.left < -0.5);
  }).map(each => each.outerHTML.slice(0, 80));
  const figures = [...document.images].map(each => [each.currentSrc, each.getBoundingClientRect().width]);
  const badges = [...document.querySelectorAll("td .badge, .answer .badge")];
  return {
    wide, clipped, outside, figures,
    hidden: badges.filter(each => each.getBoundingClientRect().right > innerWidth).map(each => each.textContent),
    verdicts: [...document.querySelectorAll("table, main")].map(each => [
      ...each.querySelectorAll(each.tagName === "MAIN" ? ":scope > .answer:not(h1 + *) .badge" : ".badge"),
    ].map(badge => badge.textContent)),
  };
})()"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


def faults(page: Page, text: str, folder: Path, width: int) -> list[str]:
    """What is wrong with a page in a window of a width."""
    path = folder / "index.html"
    path.write_text(text, encoding="utf-8")
    page.open(path, width=width)
    found = page.value(LAYOUT)
    said = [f"{kind}: {each}" for kind in ("clipped", "outside", "hidden") for each in found[kind]]
    said += [f"{found['wide']} pixels wide"] if found["wide"] > width else []
    said += page.complaints
    for source, shown in found["figures"]:
        svg = base64.b64decode(source.partition(",")[2]).decode()
        lowest = lowest_letters(svg) * shown / drawn_width(svg)
        said += [f"letters {lowest:.1f} pixels high"] if lowest < LEAST else []
    ranks = [["✗?✓".index(each[0]) for each in place] for place in found["verdicts"]]
    return said + ["a better verdict before a worse one" for place in ranks if place != sorted(place)]


def drawn_width(svg: str) -> float:
    """In points."""
    return float(re.findall(r'viewBox="0 0 ([\d.]+)', svg)[0])


def lowest_letters(svg: str) -> float:
    """The smallest font size of the figure, in points; matplotlib draws outlines of size 100, scaled."""
    return 100 * min(float(scale) for scale in re.findall(r"scale\(([\d.]+) -", svg))


def verdict_page() -> str:
    """The page of a cross-check that has every verdict."""
    picture, _ = scaling_picture(replace(mixed(), tolerance=0.05), "every verdict", "mixed")
    rows = [
        row("Z_A", 2, HALF, 0.21, Verdict.FAIL, reason="a reason that is long enough for a line of its own " * 2),
        row("Z_B", 2, -HALF, -0.49, Verdict.INCONCLUSIVE, is_upper=True),
        *(row("Delta_Z_B", t, Fraction(0), -0.0004, Verdict.PASS) for t in range(1, 5)),
    ]
    links = Links((("derivation", "derivations/init-a.html"), ("as LaTeX", "derivations/init-a.tex")))
    section = scheme_section("init-a under adam", "A_0 = n^(-1/2), B_0 = 0", rows, picture, links)
    return verdict_pages(
        "Derived exponents against measured ones",
        Verdict.FAIL,
        "FAIL: 1 refuted, 1 undecided, 2 confirmed.",
        section,
        warnings=(),
        method={"widths": "128, 256, 512, 1024, 2048, 4096, 8192", "command": "gamma-calc crosscheck init-a init-b"},
        symbols=SYMBOLS,
    )["index.html"]


def study_page() -> str:
    """The page of an experiment with claims, of every outcome."""
    claims = (
        MeasuredClaim("The optimal rate of Init[A] is larger.", "log2 of the ratio", (0.0, math.inf), 1.0, (0.9, 1.1)),
        MeasuredClaim(
            "The optimal rate is about n^-1.", "exponent", (-1.1, -0.9), -0.9, (-1.0, -0.8), detail="n = 128: 1.0, " * 9
        ),
        MeasuredClaim("|Z_A| grows.", "exponent", (0.0, math.inf), -0.2, (-0.3, -0.1)),
    )
    with figure_settings():
        figure, (axes,) = axes_grid("", 1, 1, (PHONE_WIDTH, 3.2))
        axes.errorbar([1e-4, 1e-3, 1e-2], [3.0, 2.0, 4.0], [0.1, 0.1, 0.1], label="init-a", **STROKES[0])
        label_axes(axes, "learning rate", "validation loss", "Over rates")
        logarithmic(axes, "x")
    figures = gallery({"rates": "Validation loss over learning rates.", "features": "Features along training."})
    report = Report(
        "teacher-student", "Made again", claims, 3, {}, {"command": "gamma-calc reproduce teacher-student --out there"},
        ("A remark.",), (Heading(2, "Over rates"), figures), "The quick plan: widths 128, 256, 512.", {},
    )  # fmt: skip
    return report.pages(dict.fromkeys(("rates.png", "features.png"), svg_bytes(figure)))["index.html"]


def recorded_page(path: str) -> Callable[[], str]:
    """A page in validation/."""
    return lambda: (ROOT / "validation" / path).read_text(encoding="utf-8")


PAGES = {
    "verdicts": verdict_page,
    "study": study_page,
    "recorded": recorded_page("crosscheck/index.html"),
    "derivation": recorded_page("crosscheck/derivations/init-a-adam.html"),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", PAGES.values(), ids=PAGES)
def test_a_page_fits(page: Page, tmp_path: Path, kind: Callable[[], str], width: int) -> None:
    assert faults(page, kind(), tmp_path, width) == []


def test_faults_are_found(page: Page, tmp_path: Path) -> None:
    """What the checks are for: each of these is wrong at one width and would pass for right without its check."""
    small = svg_bytes(scaling_figure(init_a()))
    assert any("letters" in each for each in faults(page, html_text("", [Picture("", "a.svg", small)]), tmp_path, 390))
    long = html_text("", [Paragraph("n" * 200)])
    assert any("pixels wide" in each for each in faults(page, long, tmp_path, 390))
    assert not faults(page, html_text("", [Paragraph("n " * 200)]), tmp_path, 390)
    columns = (
        *(Column(f"a wide column {k}", ColumnKind.REMARK) for k in range(8)),
        Column("verdict", ColumnKind.VERDICT),
    )
    late = Table(columns, tuple((*["some words"] * 8, verdict) for verdict in ("PASS", "PASS", "FAIL")))
    found = faults(page, html_text("", [late]), tmp_path, 390)
    assert any(each.startswith("hidden: ✓ PASS") for each in found) and any("better verdict" in each for each in found)
    cut = html_text("", [Heading(1, "cut")]).replace("<h1>", '<h1 style="overflow: hidden; width: 1rem">')
    assert any(each.startswith("clipped") for each in faults(page, cut, tmp_path, 390))
