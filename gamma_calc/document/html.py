"""Blocks as HTML: formulas are set, and lines of a proof can be linked to."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import assert_never

from gamma_calc.document.blocks import (
    PROOF,
    Answer,
    Block,
    Bullets,
    Cite,
    Column,
    ColumnKind,
    Details,
    Document,
    Entry,
    Gallery,
    Heading,
    Line,
    Links,
    Listing,
    Math,
    Paragraph,
    Picture,
    Proof,
    Ref,
    Section,
    Span,
    Statement,
    Table,
    Words,
    relative_address,
    spans,
)
from gamma_calc.document.mathml import mathml
from gamma_calc.document.page import PHONE, html_page
from gamma_calc.document.verdict_signs import signed

CLASSES = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "open"}
CLASSES |= {"confirmed": "pass", "refuted": "fail", "undecided": "open"}

_NO_WORD = re.compile(r"[^\w.]+")


def html_text(title: str, blocks: Sequence[Block]) -> str:
    """The blocks as an HTML file."""
    return html_page(title, _HtmlPrinter({}, "").blocks(blocks))


def html_document(document: Document, *, prefix: str = "") -> str:
    """The document as a piece of a page, without its title.

    Args:
        prefix: of the ids, so that a page can hold several documents: `prefix` + "3.7" is a line's.
    """
    printer = _HtmlPrinter(document.numbers, prefix)
    references = "".join(f"<li{printer.id(each.key)}>{printer.text(each.text)}</li>" for each in document.references)
    sections = "\n".join(map(printer.section, document.sections))
    return f"{sections}\n<h2>References</h2>\n<ol>{references}</ol>"


class _HtmlPrinter:
    """Prints blocks; `numbers` are those of the references, `prefix` begins every id."""

    def __init__(self, numbers: Mapping[str, str], prefix: str) -> None:
        self.numbers, self.prefix = numbers, prefix

    def section(self, section: Section) -> str:
        name = " ".join(each for each in section.title if isinstance(each, str)).lower()
        return "\n".join([self.heading(section.heading, self.id(name)), *map(self.block, section.blocks)])

    def heading(self, heading: Heading, anchor: str = "") -> str:
        return f"<h{heading.level}{anchor}>{self.text(heading.text)}</h{heading.level}>"

    def blocks(self, blocks: Iterable[Block]) -> str:
        return "\n".join(map(self.block, blocks))

    def block(self, block: Block) -> str:
        match block:
            case Heading():
                return self.heading(block)
            case Paragraph(text):
                return f"<p>{self.text(text)}</p>"
            case Proof(lines):
                return self.table(PROOF, map(self.line, lines))
            case Statement(given, items):
                listed = "".join(f"<li>{self.text(item)}</li>" for item in items)
                return f"<p><strong>Theorem.</strong> {self.text(given)}</p>\n<ol>{listed}</ol>"
            case Table(columns, rows):
                return self.table(columns, (self.row(columns, row) for row in rows))
            case Listing(entries):
                return f"<dl>{''.join(map(self.entry, entries))}</dl>"
            case Answer(verdict, sentence):
                return f'<p class="answer {_css_class(verdict)}">{_badge(verdict)} {escape(sentence)}</p>'
            case Bullets(items):
                return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
            case Links(links):
                anchors = (f'<a href="{escape(relative_address(path))}">{escape(text)}</a>' for text, path in links)
                return f'<p class="links">{" · ".join(anchors)}</p>'
            case Picture():
                return f"<figure>{_picture(block)}</figure>"
            case Gallery(pictures):
                figures = (
                    f"<figure>{_picture(each)}<figcaption>{escape(caption)}</figcaption></figure>"
                    for each, caption in pictures
                )
                return f'<div class="gallery">{"".join(figures)}</div>'
            case Details(summary, blocks):
                return f"<details><summary>{escape(summary)}</summary>\n{self.blocks(blocks)}\n</details>"
            case _:
                assert_never(block)

    def entry(self, entry: Entry) -> str:
        return f"<dt{self.id(entry.key)}>{escape(entry.key)}</dt><dd>{self.text(entry.text)}</dd>"

    def table(self, columns: Sequence[Column], rows: Iterable[str]) -> str:
        heads = "".join(f'<th scope="col" class="{each.kind.value}">{self.text(each.heading)}</th>' for each in columns)
        body = "\n".join(rows)
        return f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'

    def line(self, line: Line) -> str:
        return f"<tr{self.id(line.number)}>{''.join(map(self.cell, PROOF, line.cells))}</tr>"

    def row(self, columns: Sequence[Column], cells: Sequence[Words]) -> str:
        verdict = next((cell for cell, each in zip(cells, columns, strict=True) if each.kind is ColumnKind.VERDICT), "")
        return f'<tr class="{_css_class(verdict)}">{"".join(map(self.cell, columns, cells))}</tr>'

    def cell(self, column: Column, words: Words) -> str:
        inside = _badge(words) if column.kind is ColumnKind.VERDICT and isinstance(words, str) else self.text(words)
        return f'<td class="{column.kind.value}">{inside}</td>'

    def text(self, words: Words) -> str:
        return "".join(map(self.span, spans(words)))

    def span(self, span: Span) -> str:
        match span:
            case Math(latex):
                return mathml(latex)
            case Ref(number):
                return self.link(number, span.word)
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


def _css_class(verdict: Words) -> str:
    """The class of what carries a verdict; colour only repeats what the word says."""
    return CLASSES.get(verdict, "other") if isinstance(verdict, str) else "other"


def _badge(verdict: str) -> str:
    return f'<strong class="badge {_css_class(verdict)}">{escape(signed(verdict))}</strong>'


def _picture(picture: Picture) -> str:
    """A link to the file, around what the page shows of it."""
    path = escape(relative_address(picture.path))
    narrow = f'<source media="{PHONE}" srcset="{_address(picture.narrow)}">' if picture.narrow else ""
    image = f'<img src="{_address(picture.svg) if picture.svg else path}" alt="{escape(picture.alt)}">'
    return f'<a href="{path}"><picture>{narrow}{image}</picture></a>'


def _address(svg: bytes) -> str:
    """As an image of its own, the ids of one SVG cannot meet those of another, and no script in it would run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"
