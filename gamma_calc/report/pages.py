"""The report of a cross-check as a page: the same blocks, written as Markdown or as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gamma_calc.report.blocks import (
    Answer,
    Block,
    Bullets,
    Details,
    Figure,
    Heading,
    Kind,
    Links,
    Paragraph,
    Table,
)
from gamma_calc.report.html_page import html_text
from gamma_calc.report.markdown_page import markdown_text
from gamma_calc.report.page import Control, Page, QuantityRow, SchemeSection, TermRow
from gamma_calc.report.verdict_words import severity

NOTHING = "\N{EN DASH}"
"""Stands where there is no number; the reason beside it says why."""

PLACE = (("quantity", Kind.NAME), ("t", Kind.NUMBER))
NUMBERS = (
    ("verdict", Kind.VERDICT),
    ("predicted", Kind.NUMBER),
    ("measured", Kind.NUMBER),
    ("95 % interval", Kind.NUMBER),
    ("inside", Kind.TEXT),
)
"""The verdict comes early, so that a narrow window shows it."""
REASON = ("reason", Kind.TEXT)
COLUMNS = (*PLACE, *NUMBERS, ("raw slope", Kind.NUMBER), REASON)
TERM_COLUMNS = (*PLACE, ("term", Kind.NAME), *NUMBERS, REASON)
SCHEME_COLUMN = ("scheme", Kind.NAME)
HOW_TO_READ = (
    "Predicted and measured are exponents of the width n. Measured: the slope of log2 of the root mean square of the"
    " leading terms on log2 n. Inside: whether its 95 % interval holds the prediction. Raw slope: that of the whole"
    " sum, smaller terms included; it is shown and not judged."
)


def markdown_report(page: Page) -> str:
    """The page as Markdown, its pictures linked."""
    return markdown_text(tuple(document(page)))


def html_report(page: Page) -> str:
    """The page as one HTML file that loads nothing from elsewhere, its pictures inside where it has their SVG."""
    return html_text(page.title, tuple(document(page)))


def document(page: Page) -> Iterator[Block]:
    """The blocks of a page: the verdict first, then what it rests on."""
    yield Heading(1, page.title)
    yield Answer(page.verdict, page.sentence)
    if page.warnings:
        yield Heading(2, "Warnings")
        yield Bullets(page.warnings)
    if page.schemes:
        yield from (Paragraph(text) for text in (HOW_TO_READ, page.rule, page.symbols) if text)
    for section in page.schemes:
        yield from _scheme(section)
    if page.control is not None:
        yield from _control(page.control)
    if page.method:
        yield Heading(2, "How it was measured")
        yield Table((("what", Kind.NAME), ("value", Kind.TEXT)), page.method)
    if page.links:
        yield Heading(2, "Files")
        yield Links(page.links)


def _scheme(section: SchemeSection) -> Iterator[Block]:
    yield Heading(2, section.name)
    yield Paragraph(section.setting)
    yield Paragraph(counted(section.rows))
    yield from map(Figure, section.pictures)
    if section.links:
        yield Links(section.links)
    yield quantity_table(section.rows)
    terms = term_table(section.rows)
    if terms.rows:
        yield Details(f"Terms of every quantity ({len(terms.rows)})", (terms,))


def _control(control: Control) -> Iterator[Block]:
    yield Heading(2, "Control: a false assumption that has to fail")
    yield Paragraph(control.assumption)
    yield Paragraph(control_sentence(control))
    if control.rows:
        yield Details(f"Verdicts on its predictions ({len(control.rows)})", (quantity_table(control.rows),))


def control_sentence(control: Control) -> str:
    """What the control shows of the measurement."""
    failed = sum(row.verdict == "FAIL" for row in control.rows)
    if control.verdict == "FAIL":
        count = {0: "its predictions are", 1: "1 of its predictions is"}.get(failed, f"{failed} of its predictions are")
        return (
            f"FAIL, as it has to be: {count} refuted by the same measurement, which can therefore tell a wrong exponent"
            " from a right one."
        )
    return (
        f"{control.verdict}, and it should have been FAIL: this measurement cannot tell the false assumption from the"
        " true ones, so the verdicts above show little."
    )


def counted(rows: Sequence[QuantityRow]) -> str:
    """How many verdicts there are of each kind.

    >>> counted([QuantityRow("A", 1, "0", None, None, None, "PASS", "")])
    '1 verdict: 1 PASS'
    """
    found = Counter(row.verdict for row in rows)
    parts = ", ".join(f"{count} {verdict}" for verdict, count in found.most_common())
    return f"{len(rows)} verdict{'' if len(rows) == 1 else 's'}: {parts or 'none'}"


def quantity_table(rows: Sequence[QuantityRow]) -> Table:
    """One row a quantity and step, the worst verdicts first; a column for the scheme where rows name one."""
    rows = _worst_first(rows)
    cells = tuple((row.quantity, str(row.t), *_numbers(row), number(row.raw_slope), row.reason) for row in rows)
    if not any(row.scheme for row in rows):
        return Table(COLUMNS, cells)
    named = tuple((row.scheme, *line) for row, line in zip(rows, cells, strict=True))
    return Table((SCHEME_COLUMN, *COLUMNS), named)


def term_table(rows: Sequence[QuantityRow]) -> Table:
    """One row a term, the worst verdicts first."""
    found = sorted(((row, term) for row in rows for term in row.terms), key=lambda pair: severity(pair[1].verdict))
    cells = ((row.quantity, str(row.t), term.term, *_numbers(term), term.reason) for row, term in found)
    return Table(TERM_COLUMNS, tuple(cells))


def _worst_first(rows: Sequence[QuantityRow]) -> list[QuantityRow]:
    return sorted(rows, key=lambda row: severity(row.verdict))


def _numbers(row: QuantityRow | TermRow) -> tuple[str, str, str, str, str]:
    interval = NOTHING if row.interval is None else f"[{number(row.interval[0])}, {number(row.interval[1])}]"
    inside = NOTHING if row.is_inside is None else "yes" if row.is_inside else "no"
    return row.verdict, row.predicted, number(row.measured), interval, inside


def number(value: float | None) -> str:
    """A slope to three places, which is finer than any verdict needs; a dash for none.

    >>> number(-0.49951), number(-0.0001)
    ('-0.500', '0.000')
    """
    if value is None:
        return NOTHING
    text = f"{value:.3f}"
    return text.removeprefix("-") if text == "-0.000" else text
