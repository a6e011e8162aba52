"""Pages: every verdict in words, the same content in both formats, and nothing that escapes its place."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gamma_calc.errors import BadInput
from gamma_calc.report.markdown_page import escaped
from gamma_calc.report.page import Control, Link, Page, Picture, TermRow
from gamma_calc.report.pages import (
    control_sentence,
    html_report,
    markdown_report,
    number,
    quantity_table,
    term_table,
)
from tests.report.examples import page, row

Report = Callable[[Page], str]
HOSTILE = '"><script>alert(1)</script> | [x](javascript:alert(1)) ![y](https://example.com/z.png) & `c` *b* $m$'
VOID = {"meta", "img", "link", "br", "hr", "input"}
FORMATS = pytest.mark.parametrize("report", [html_report, markdown_report])


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
@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE"])
def test_the_verdict_comes_first(report: Report, verdict: str) -> None:
    text = report(page(verdict))
    start = text.index("<h1>") if report is html_report else 0
    assert re.search(rf"measured ones(</h1>)?\s+\W*(<[^>]*>)*\W*{verdict}", text[start:])
    assert text.index("2 of 4 exponents as predicted") < text.index("init-a under adam")


@FORMATS
def test_a_page_says_all_that_it_has_to(report: Report) -> None:
    text = report(page("FAIL"))
    for expected in (
        "2 runs diverged",
        "4 verdicts: 2 PASS, 1 FAIL, 1 INCONCLUSIVE",
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


def test_every_row_of_the_html_carries_its_verdict_as_a_word() -> None:
    outline = Outline(html_report(page()))
    rows = [attributes["class"] for tag, attributes in outline.tags if tag == "tr" and "class" in attributes]
    assert rows[:4] == ["fail", "open", "pass", "pass"]
    assert [text for text in outline.text if text.startswith(("✗", "?"))][:2] == [
        "✗ FAIL",
        "? INCONCLUSIVE",
    ]


def test_the_worst_verdicts_stand_first_and_in_a_column_that_a_narrow_window_shows() -> None:
    table = quantity_table(page().schemes[0].rows)
    names = [name for name, _ in table.columns]
    assert names[:3] == ["quantity", "t", "verdict"]
    assert [line[2] for line in table.rows] == ["FAIL", "INCONCLUSIVE", "PASS", "PASS"]
    terms = (TermRow(name, "0", 0.1, (0.0, 0.2), name, "") for name in ("PASS", "FAIL"))
    assert [line[3] for line in term_table([replace(row("A", 1, "0", 0.0, "FAIL"), terms=tuple(terms))]).rows] == [
        "FAIL",
        "PASS",
    ]


@pytest.mark.parametrize(("is_inside", "said"), [(True, "yes"), (False, "no"), (None, "\N{EN DASH}")])
def test_a_row_says_whether_its_interval_holds_the_prediction(is_inside: bool | None, said: str) -> None:
    table = quantity_table([replace(row("A", 1, "0", 0.03, "PASS"), is_inside=is_inside)])
    assert dict(zip((name for name, _ in table.columns), table.rows[0], strict=True))["inside"] == said


@FORMATS
def test_the_rule_and_the_symbols_stand_before_the_first_table(report: Report) -> None:
    text = report(replace(page(), rule="PASS: within a twentieth", symbols="Z_A is A times Z"))
    places = [text.index(each) for each in ("PASS: within a twentieth", "Z_A is A times Z", "init-a under adam")]
    assert places == sorted(places)


def test_a_control_that_does_not_fail_is_a_matter_of_concern() -> None:
    assert "cannot tell" in control_sentence(Control("", "PASS"))
    assert control_sentence(Control("", "INCONCLUSIVE")).startswith("INCONCLUSIVE, and it should have been FAIL")
    assert "cannot tell" in html_report(page(control="PASS"))
    several = Control("", "FAIL", (row("Z_A", 1, "0", 1.0, "FAIL"), row("Z_A", 2, "0", 1.0, "FAIL")))
    assert "2 of its predictions are refuted" in control_sentence(several)


def test_foreign_text_stays_text_in_html() -> None:
    text = html_report(page(text=HOSTILE))
    outline = Outline(text)
    assert {tag for tag, _ in outline.tags} == {tag for tag, _ in Outline(html_report(page())).tags}
    assert "script" not in {tag for tag, _ in outline.tags}
    assert any(HOSTILE in each for each in outline.text)
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    for address in outline.attributes("href") + outline.attributes("src"):
        assert ":" not in address


def test_foreign_text_stays_text_in_markdown() -> None:
    text = markdown_report(page(text=HOSTILE))
    without_own = re.sub(r"</?(details|summary)>", "", text)
    assert "<" not in without_own
    plain = markdown_report(page())
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
    plain = page()
    section = replace(plain.schemes[0], pictures=(Picture("alt", "plots/a.svg", svg),))
    text = html_report(replace(plain, schemes=(section,)))
    (source,) = Outline(text).attributes("src")
    head, _, data = source.partition(",")
    assert head == "data:image/svg+xml;base64" and base64.b64decode(data) == svg
    assert "http" not in text.replace(source, "") and "url(" not in text and "@import" not in text
    assert "plots/a.svg" in markdown_report(replace(plain, schemes=(section,)))


def test_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in html_report(page())


@FORMATS
def test_a_bare_page_has_no_empty_parts(report: Report) -> None:
    text = report(Page("title", "PASS", "all well", ()))
    for absent in ("Warnings", "Control", "How it was measured", "Files", "| --", "<table"):
        assert absent not in text
    assert "all well" in text


@FORMATS
def test_the_scheme_is_a_column_where_rows_name_it(report: Report) -> None:
    control = Control("false", "FAIL", (replace(row("Z_A", 1, "0", 1.0, "FAIL"), scheme="init-b"),))
    assert "init-b" in report(replace(page(), control=control))
    assert "init-b" not in report(page())


@FORMATS
def test_the_same_page_gives_the_same_text(report: Report) -> None:
    assert report(page()) == report(page())


@pytest.mark.parametrize("make", [Link, Picture])
@pytest.mark.parametrize("path", ["/etc/passwd", "//example.com/x"])
def test_links_are_relative(make: Callable[[str, str], Link | Picture], path: str) -> None:
    with pytest.raises(BadInput, match="relative"):
        _ = make("text", path).address


def test_numbers_have_no_negative_zero() -> None:
    assert [number(value) for value in (-0.0004, -0.5004, None)] == ["0.000", "-0.500", "\N{EN DASH}"]
