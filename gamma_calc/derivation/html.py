"""A derivation's document as HTML: what the LaTeX document says, with lines that can be linked to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from gamma_calc.derivation.blocks import (
    Block,
    Cite,
    Document,
    Entry,
    Line,
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
from gamma_calc.derivation.mathml import mathml

_NO_WORD = re.compile(r"[^\w.]+")
PROOF: tuple[Text, ...] = (("line",), ("conclusion",), ("grounds",))


def html_document(document: Document, *, prefix: str = "") -> str:
    """The document as a piece of a page, without its title.

    Args:
        prefix: of the ids, so that a page can hold several documents: `prefix` + "3.7" is a line's.
    """
    printer = _Printer({entry.key: str(place) for place, entry in enumerate(document.references, 1)}, prefix)
    references = "".join(f"<li{printer.id(each.key)}>{printer.text(each.text)}</li>" for each in document.references)
    sections = "\n".join(map(printer.section, document.sections))
    return f"{sections}\n<h2>References</h2>\n<ol>{references}</ol>"


class _Printer:
    """Prints blocks; `numbers` are those of the references."""

    def __init__(self, numbers: dict[str, str], prefix: str) -> None:
        self.numbers, self.prefix = numbers, prefix

    def section(self, section: Section) -> str:
        level, title = 2 + section.depth, section.title
        name = " ".join(each for each in title if isinstance(each, str)).lower()
        heading = f"<h{level}{self.id(name)}>{self.text(title)}</h{level}>"
        return "\n".join([heading, *map(self.block, section.blocks)])

    def block(self, block: Block) -> str:
        match block:
            case Paragraph(text):
                return f"<p>{self.text(text)}</p>"
            case Proof(lines):
                return self.table(PROOF, map(self.line, lines))
            case Statement(given, items):
                listed = "".join(f"<li>{self.text(item)}</li>" for item in items)
                return f"<p><strong>Theorem.</strong> {self.text(given)}</p>\n<ol>{listed}</ol>"
            case Table(header, rows):
                return self.table(header, (self.row(row) for row in rows))
            case Listing(entries):
                return f"<dl>{''.join(map(self.entry, entries))}</dl>"

    def entry(self, entry: Entry) -> str:
        return f"<dt{self.id(entry.key)}>{escape(entry.key)}</dt><dd>{self.text(entry.text)}</dd>"

    def table(self, header: tuple[Text, ...], rows: Iterable[str]) -> str:
        heads = "".join(f'<th scope="col">{self.text(each)}</th>' for each in header)
        body = "\n".join(rows)
        return f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'

    def line(self, line: Line) -> str:
        return self.row(line.cells, self.id(line.number))

    def row(self, cells: tuple[Text, ...], anchor: str = "") -> str:
        return f"<tr{anchor}>{''.join(f'<td>{self.text(cell)}</td>' for cell in cells)}</tr>"

    def text(self, text: Text) -> str:
        return "".join(map(self.span, text))

    def span(self, span: Span) -> str:
        match span:
            case Math(latex):
                return mathml(latex)
            case Ref(number):
                return self.link(number, number if number[0].isalpha() else f"({number})")
            case Cite(key):
                return self.link(key, f"[{self.numbers[key]}]")
            case str():
                return escape(span)

    def link(self, name: str, text: str) -> str:
        return f'<a href="#{self.name(name)}">{text}</a>'

    def id(self, name: str) -> str:
        return f' id="{self.name(name)}"'

    def name(self, name: str) -> str:
        """What an id may be: words without blanks."""
        return self.prefix + _NO_WORD.sub("-", name)
