"""A page of verdicts: the worst ones first, each with its numbers, and what the control shows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gamma_calc.document.blocks import (
    Answer,
    Block,
    Bullets,
    Column,
    ColumnKind,
    Details,
    Heading,
    Links,
    Paragraph,
    Table,
)
from gamma_calc.document.html import html_text
from gamma_calc.document.markdown import markdown_text
from gamma_calc.document.page import GLOSSARY
from gamma_calc.document.verdict_signs import severity
from gamma_calc.experiment.claims import METHOD
from gamma_calc.experiment.verdicts import Judged, VerdictRow, number
from gamma_calc.report.plots import BAND, HOW_TO_READ
from gamma_calc.simulation.verdicts import DRIFT, EXCEPTIONS, RULES, TOLERANCE, Verdict

DATA = "crosscheck.json"
"""The file of the plain data, beside the page."""

NOTHING = "\N{EN DASH}"
"""Stands where there is no number; the reason beside it says why."""

PLACE = (Column("quantity", ColumnKind.NAME), Column("t", ColumnKind.NUMBER))
NUMBERS = (
    Column("verdict", ColumnKind.VERDICT),
    Column("predicted", ColumnKind.NUMBER),
    Column("measured", ColumnKind.NUMBER),
    Column("95 % interval", ColumnKind.NUMBER),
    Column("inside", ColumnKind.REMARK),
)
"""The verdict comes early, so that a narrow window shows it."""
REASON = Column("reason", ColumnKind.REMARK)
COLUMNS = (*PLACE, *NUMBERS, Column("raw slope", ColumnKind.NUMBER), REASON)
TERM_COLUMNS = (*PLACE, Column("term", ColumnKind.NAME), *NUMBERS, REASON)
TABLES = (
    "Predicted and measured are exponents of the width n. Measured: the slope of log2 of the root mean square of the"
    " leading terms on log2 n. Inside: whether its 95 % interval holds the prediction. Raw slope: that of the whole"
    " sum, smaller terms included; it is shown and not judged. Reason: what the numbers beside it do not say,"
    " such as what would settle it."
)


def verdict_pages(
    title: str,
    verdict: Verdict,
    summary: str,
    sections: Iterable[Block],
    *,
    warnings: Sequence[str],
    method: Mapping[str, str],
    symbols: str,
) -> dict[str, str]:
    """The page in both formats, by file name.

    Args:
        summary: begins with the verdict and a colon.
        sections: what stands between the verdict and how it was measured.
        method: how it was measured; what is empty is left out.
        symbols: what the names of quantities and terms mean.
    """
    blocks: list[Block] = [Heading(1, title), Answer(verdict.value, summary.partition(": ")[2])]
    blocks += [Heading(2, "Warnings"), Bullets(tuple(warnings))] if warnings else []
    blocks += [Bullets(RULES), Paragraph(f"{symbols} {GLOSSARY}")]
    how_to_read = TABLES, f"{EXCEPTIONS} {DRIFT}", HOW_TO_READ + BAND.format(TOLERANCE)
    blocks += [Details("How to read the tables and the figures", tuple(map(Paragraph, how_to_read))), *sections]
    measured = tuple((name, value) for name, value in method.items() if value)
    blocks += [
        Heading(2, "How it was measured"),
        Table(METHOD, measured),
    ]
    blocks += [Heading(2, "Files"), Links((("plain data", DATA), ("this report as Markdown", "report.md")))]
    return {"index.html": html_text(title, blocks), "report.md": markdown_text(blocks)}


def scheme_section(name: str, setting: str, rows: Sequence[VerdictRow], *beside: Block) -> Iterator[Block]:
    """A scheme: what it is, in a line, the verdicts that are not PASS, what stands beside them, and the others."""
    yield Heading(2, name)
    yield Paragraph(setting)
    yield Paragraph(counted(rows))
    passed = [row for row in rows if row.verdict is Verdict.PASS]
    if len(passed) < len(rows):
        yield quantity_table([row for row in rows if row.verdict is not Verdict.PASS])
    yield from beside
    if passed:
        yield Details(f"What is PASS ({len(passed)})", (quantity_table(passed),))
    terms = term_table(rows)
    if terms.rows:
        yield Details(f"Terms of every quantity ({len(terms.rows)})", (terms,))


def control_section(
    assumption: str, verdict: Verdict, failed: Sequence[VerdictRow], *, is_named: bool
) -> Iterator[Block]:
    """A deliberately false assumption, whose predictions have to FAIL; `is_named` shows the scheme of each row."""
    yield Heading(2, "Control: a false assumption that has to fail")
    yield Paragraph(assumption)
    yield Paragraph(control_sentence(verdict, len(failed)))
    if failed:
        yield Details(f"Verdicts on its predictions ({len(failed)})", (quantity_table(failed, is_named=is_named),))


def control_sentence(verdict: Verdict, failed: int) -> str:
    """What the control shows of the measurement."""
    if verdict is not Verdict.FAIL:
        return (
            f"{verdict.value}, and it should have been FAIL: this measurement cannot tell the false assumption from"
            " the true ones, so the verdicts above show little."
        )
    count = {0: "its predictions are", 1: "1 of its predictions is"}.get(failed, f"{failed} of its predictions are")
    return (
        f"FAIL, as it has to be: {count} refuted by the same measurement, which can therefore tell a wrong exponent"
        " from a right one."
    )


def counted(rows: Sequence[VerdictRow]) -> str:
    """How many verdicts there are of each kind."""
    found = Counter(row.verdict.value for row in rows)
    parts = ", ".join(f"{count} {verdict}" for verdict, count in found.most_common())
    return f"{len(rows)} verdict{'' if len(rows) == 1 else 's'}: {parts or 'none'}"


def quantity_table(rows: Sequence[VerdictRow], *, is_named: bool = False) -> Table:
    """One row a quantity and step, the worst verdicts first; `is_named` adds a column for the scheme."""
    cells = []
    for row in sorted(rows, key=lambda row: severity(row.verdict.value)):
        numbers = (row.verdict.value, *_numbers(row.leading), number(row.raw_slope, nothing=NOTHING))
        cells.append((*([row.scheme] if is_named else []), row.quantity, str(row.t), *numbers, row.remark))
    return Table((Column("scheme", ColumnKind.NAME), *COLUMNS) if is_named else COLUMNS, tuple(cells))


def term_table(rows: Sequence[VerdictRow]) -> Table:
    """One row a term, the worst verdicts first."""
    found = [(row, " ".join(term), each) for row in rows for term, each in row.terms.items()]
    found.sort(key=lambda line: severity(line[2].judgement.verdict.value))
    cells = (
        (row.quantity, str(row.t), term, each.judgement.verdict.value, *_numbers(each), each.judgement.remark)
        for row, term, each in found
    )
    return Table(TERM_COLUMNS, tuple(cells))


def _numbers(judged: Judged) -> tuple[str, str, str, str]:
    distance = judged.distance
    inside = NOTHING if distance is None else f"no, by {distance:.{judged.places}f}" if distance else "yes"
    return (*judged.cells(NOTHING), inside)
