"""Pages: every verdict in words, the same content in both formats, and nothing that escapes its place."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser

import pytest

from gamma_calc.document.blocks import Block, Links, Picture, relative_address
from gamma_calc.document.html import html_text
from gamma_calc.document.markdown import escaped, markdown_text
from gamma_calc.errors import BadInput
from gamma_calc.experiment.crosscheck import _cells as printed_row
from gamma_calc.experiment.folder import SYMBOLS
from gamma_calc.experiment.prediction import Predicted
from gamma_calc.experiment.verdict_page import (
    NOTHING,
    control_section,
    control_sentence,
    quantity_table,
    scheme_section,
    term_table,
    verdict_pages,
)
from gamma_calc.experiment.verdicts import Judged, VerdictRow, number
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.verdicts import Judgement, Verdict

HOSTILE = '"><script>alert(1)</script> | [x](javascript:alert(1)) ![y](https://example.com/z.png) & `c` *b* $m$'
VOID = {"meta", "img", "link", "br", "hr", "input"}
HTML, MARKDOWN = "index.html", "report.md"
FORMATS = pytest.mark.parametrize("kind", [HTML, MARKDOWN])
REASONS = {
    Verdict.PASS: "measured as predicted",
    Verdict.FAIL: "the interval excludes the prediction",
    Verdict.INCONCLUSIVE: "about 64 runs at these widths would settle it",
}
HALF = Fraction(1, 2)


def judged(exponent: Fraction | None, measured: float | None, verdict: Verdict, reason: str, **options: bool) -> Judged:
    """An interval 0.02 wide."""
    interval = None if measured is None else (measured - 0.01, measured + 0.01)
    estimate = SlopeEstimate((128, 256), 16, measured, interval, 0.01)
    return Judged(Predicted(exponent, **options), estimate, Judgement(verdict, reason))


def row(
    quantity: str, t: int, exponent: Fraction | None, measured: float | None, verdict: Verdict, **options: object
) -> VerdictRow:
    terms = options.pop("terms", {})
    reason = options.pop("reason", REASONS[verdict])
    return VerdictRow("init-b", quantity, t, judged(exponent, measured, verdict, reason, **options), terms, measured)  # type: ignore[arg-type]


def blocks(text: str = "") -> list[Block]:
    """A row of each verdict, and a text that somebody else wrote in every place that takes one."""
    terms = {(f"A_0{text}",): judged(Fraction(0), 0.001, Verdict.INCONCLUSIVE, f"near enough{text}")}
    rows = [
        row(f"Z_A{text}", 1, Fraction(0), -0.0004, Verdict.PASS),
        row("Z_A", 2, HALF, 0.21, Verdict.FAIL, reason=f"measured 0.210 in [0.200, 0.220]{text}", terms=terms),
        row("Z_B", 2, -HALF, -0.49, Verdict.INCONCLUSIVE, is_upper=True),
        row("delta_1", 1, None, None, Verdict.PASS, reason="exactly zero in every run, as predicted"),
    ]
    picture = Picture(f"Exponents of init-a{text}", f"plots/init-a{text}.svg")
    links = Links(((f"derivation{text}", f"derivations/init-a{text}.md"),))
    setting = f"A_0 = n^(-1/2), B_0 = 0; eta_A = 4 n^(-1/2){text}"
    assumption = f"Aligned sums grow like independent ones.{text}"
    return [
        *scheme_section(f"init-a under adam{text}", setting, rows, picture, links),
        *control_section(assumption, Verdict.FAIL, rows[1:2], is_named=False),
    ]


def page(verdict: Verdict = Verdict.PASS, text: str = "", sections: list[Block] | None = None) -> dict[str, str]:
    return verdict_pages(
        f"Derived exponents against measured ones{text}",
        verdict,
        f"{verdict.value}: 2 of 4 exponents as predicted{text}",
        blocks(text) if sections is None else sections,
        warnings=[f"init-a: 2 runs diverged{text}"],
        method={"widths": f"128, 256{text}", "seeds a width": "16", "supposed": ""},
        symbols=SYMBOLS,
    )


class Outline(HTMLParser):
    """The elements of a page, their attributes and their text; raises where a tag does not close the open one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags for key, value in attributes.items() if key == name and value]


@FORMATS
@pytest.mark.parametrize("verdict", Verdict)
def test_the_verdict_comes_first(kind: str, verdict: Verdict) -> None:
    text = page(verdict)[kind]
    start = text.index("<h1>") if kind == HTML else 0
    assert re.search(rf"measured ones(</h1>)?\s+\W*(<[^>]*>)*\W*{verdict.value}", text[start:])
    assert text.index("2 of 4 exponents as predicted") < text.index("init-a under adam")


@FORMATS
def test_a_page_says_all_that_it_has_to(kind: str) -> None:
    text = page(Verdict.FAIL)[kind]
    for expected in (
        "2 runs diverged",
        "4 verdicts: ",
        "&lt;= -1/2",
        "[0.200, 0.220]",
        "raw slope",
        "about 64 runs at these widths would settle it",
        "exactly zero in every run, as predicted",
        "<details><summary>Terms of every quantity (1)</summary>",
        "Aligned sums grow like independent ones.",
        "FAIL, as it has to be: 1 of its predictions is refuted",
        "128, 256",
        "derivations/init-a.md",
        "crosscheck.json",
    ):
        assert expected in text
    assert "supposed" not in text and "init-b" not in text


def test_every_row_of_the_html_carries_its_verdict_as_a_word() -> None:
    outline = Outline(page()[HTML])
    rows = [attributes["class"] for tag, attributes in outline.tags if tag == "tr" and "class" in attributes]
    assert rows[:4] == ["fail", "open", "pass", "pass"]
    assert [text for text in outline.text if text.startswith(("✗", "?"))][:2] == [
        "✗ FAIL",
        "? INCONCLUSIVE",
    ]


def test_the_worst_verdicts_stand_first_and_in_a_column_that_a_narrow_window_shows() -> None:
    rows = [row("A", t, HALF, 0.5, verdict) for t, verdict in enumerate((Verdict.PASS, Verdict.FAIL), 1)]
    table = quantity_table(rows)
    assert [each.heading for each in table.columns][:3] == ["quantity", "t", "verdict"]
    assert [line[1:3] for line in table.rows] == [("2", "FAIL"), ("1", "PASS")]
    terms = {(each.value,): judged(HALF, 0.5, each, "") for each in (Verdict.PASS, Verdict.FAIL)}
    assert [line[3] for line in term_table([replace(rows[1], terms=terms)]).rows] == ["FAIL", "PASS"]
    assert quantity_table(rows, is_named=True).rows[0][0] == "init-b"


@pytest.mark.parametrize(("measured", "said"), [(0.505, "yes"), (0.53, "no, by 0.020"), (None, NOTHING)])
def test_a_row_says_whether_its_interval_holds_the_prediction(measured: float | None, said: str) -> None:
    table = quantity_table([row("A", 1, HALF, measured, Verdict.PASS)])
    assert dict(zip((each.heading for each in table.columns), table.rows[0], strict=True))["inside"] == said


@pytest.mark.parametrize(
    ("exponent", "interval", "shown"),
    [
        (Fraction(0), (-0.0098, -0.0002), ("-0.0050", "[-0.0098, -0.0002]", "no, by 0.0002")),
        (-HALF, (-0.49997, -0.49993), ("-0.49995", "[-0.49997, -0.49993]", "no, by 0.00003")),
        (Fraction(1, 3), (0.3, 0.3334), ("0.3167", "[0.3000, 0.3334]", "yes")),
        (Fraction(1, 3), (0.3, 0.333), ("0.3165", "[0.3000, 0.3330]", "no, by 0.0003")),
        (Fraction(0), (-0.0098, 0.0002), ("-0.005", "[-0.010, 0.000]", "yes")),
        (Fraction(0), (-0.0012, 0.0004), ("0.000", "[-0.001, 0.000]", "yes")),
        (Fraction(0), (0.004, 0.006), ("0.005", "[0.004, 0.006]", "no, by 0.004")),
    ],
)
def test_rounded_numbers_say_what_the_exact_ones_do(
    exponent: Fraction, interval: tuple[float, float], shown: tuple[str, str, str]
) -> None:
    estimate = SlopeEstimate((128, 256), 16, sum(interval) / 2, interval, 0.01)
    alone = replace(
        row("A", 1, exponent, 0.0, Verdict.PASS),
        leading=Judged(Predicted(exponent), estimate, Judgement(Verdict.PASS, "")),
    )
    assert quantity_table([alone]).rows[0][4:7] == shown
    printed = printed_row(alone)
    assert (printed[3], printed[4], printed[5]) == (*shown[:2], shown[2].partition(",")[0])


@FORMATS
def test_the_rule_and_the_symbols_stand_before_the_first_table(kind: str) -> None:
    text = page()[kind]
    places = [text.index(each) for each in ("neither", "Delta_Z_B = delta_1", "docs/glossary.md", "init-a under adam")]
    assert places == sorted(places)


def test_a_control_that_does_not_fail_is_a_matter_of_concern() -> None:
    assert "cannot tell" in control_sentence(Verdict.PASS, 0)
    assert control_sentence(Verdict.INCONCLUSIVE, 0).startswith("INCONCLUSIVE, and it should have been FAIL")
    assert "2 of its predictions are refuted" in control_sentence(Verdict.FAIL, 2)


def test_foreign_text_stays_text_in_html() -> None:
    text = page(text=HOSTILE)[HTML]
    outline = Outline(text)
    assert {tag for tag, _ in outline.tags} == {tag for tag, _ in Outline(page()[HTML]).tags}
    assert "script" not in {tag for tag, _ in outline.tags}
    assert any(HOSTILE in each for each in outline.text)
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    for address in outline.attributes("href") + outline.attributes("src"):
        assert ":" not in address


def test_foreign_text_stays_text_in_markdown() -> None:
    text, plain = page(text=HOSTILE)[MARKDOWN], page()[MARKDOWN]
    assert "<" not in re.sub(r"</?(details|summary)>", "", text)
    assert len(re.findall(r"(?<!\\)\]\(", text)) == len(re.findall(r"(?<!\\)\]\(", plain))
    for line, twin in zip(text.splitlines(), plain.splitlines(), strict=True):
        assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", twin))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Z_A", "Z_A"),
        ("_x_ y_", r"\_x\_ y\_"),
        ("# no heading", r"\# no heading"),
        ("two\n\nlines", "two lines"),
        ("[0.1, 0.2]", "[0.1, 0.2]"),
        ("[a](b)", r"[a\](b)"),
        ("> 3", r"\&gt; 3"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_markdown_escapes_what_is_markup_and_nothing_else(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_html_carries_its_pictures_and_loads_nothing() -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    picture = Picture("alt", "plots/a.svg", svg)
    text = page(sections=[picture])[HTML]
    (source,) = Outline(text).attributes("src")
    head, _, data = source.partition(",")
    assert head == "data:image/svg+xml;base64" and base64.b64decode(data) == svg
    assert "http" not in text.replace(source, "") and "url(" not in text and "@import" not in text
    assert "plots/a.svg" in markdown_text([picture])


def test_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in html_text("", [])


@pytest.mark.parametrize("path", ["/etc/passwd", "//example.com/x"])
def test_links_are_relative(path: str) -> None:
    with pytest.raises(BadInput, match="relative"):
        relative_address(path)


def test_numbers_have_no_negative_zero() -> None:
    assert [number(value, nothing=NOTHING) for value in (-0.0004, -0.5004, None)] == ["0.000", "-0.500", NOTHING]
