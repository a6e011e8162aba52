"""A derivation's document as Markdown with formulas, as code hosts and notebooks render it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gamma_calc.derivation.blocks import (
    Block,
    Cite,
    Document,
    Listing,
    Math,
    Paragraph,
    Proof,
    Ref,
    Section,
    Span,
    Statement,
    Table,
    Text,
)

_SPECIAL = re.compile(r"([\\`*_\[\]<>|$#])")


def markdown_document(document: Document) -> str:
    """The document as the text of a .md file; it holds what the LaTeX document holds."""
    printer = _Printer({entry.key: str(place) for place, entry in enumerate(document.references, 1)})
    references = "\n".join(f"{place}. {printer.text(entry.text)}" for place, entry in enumerate(document.references, 1))
    sections = "\n".join(map(printer.section, document.sections))
    return f"# {_escaped(document.title)}\n\n{sections}\n## References\n\n{references}\n"


class _Printer:
    """Prints blocks; `numbers` are those of the references."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self.numbers = numbers

    def section(self, section: Section) -> str:
        heading = f"{'#' * (section.depth + 2)} {self.text(section.title)}\n"
        return "\n".join([heading, *map(self.block, section.blocks)])

    def block(self, block: Block) -> str:
        match block:
            case Paragraph(text):
                return f"{self.text(text)}\n"
            case Proof(lines):
                header: tuple[Text, ...] = (("line",), ("conclusion",), ("grounds",))
                return self.table(header, tuple(line.cells for line in lines))
            case Statement(given, items):
                listed = "\n".join(f"> {place}. {self.text(item)}" for place, item in enumerate(items, 1))
                return f"> **Theorem.** {self.text(given)}\n>\n{listed}\n"
            case Table(header, rows):
                return self.table(header, rows)
            case Listing(entries):
                return "".join(f"- **{_escaped(entry.key)}** {self.text(entry.text)}\n" for entry in entries)

    def table(self, header: tuple[Text, ...], rows: tuple[tuple[Text, ...], ...]) -> str:
        lines = [self.row(header), "|" + "---|" * len(header), *map(self.row, rows)]
        return "\n".join(lines) + "\n"

    def row(self, cells: tuple[Text, ...]) -> str:
        return f"| {' | '.join(map(self.text, cells))} |"

    def text(self, text: Text) -> str:
        return "".join(map(self.span, text))

    def span(self, span: Span) -> str:
        match span:
            case Math(latex):
                return f"${latex}$"
            case Ref(number):
                return number if number[0].isalpha() else f"({number})"
            case Cite(key):
                return f"\\[{self.numbers[key]}\\]"
            case str():
                return _escaped(span)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
