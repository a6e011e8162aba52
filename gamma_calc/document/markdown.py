"""Blocks as Markdown with formulas, as code hosts and notebooks render it; all else that could be markup is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    Gallery,
    Heading,
    Links,
    Listing,
    Math,
    Paragraph,
    Picture,
    Proof,
    Ref,
    Span,
    Statement,
    Table,
    Words,
    relative_address,
    spans,
)

MARKUP = re.compile(r"[\\`*|~$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|^[#>]")
"""An underscore inside a word is none, so names such as Z_A stay readable in the source."""
ALIGNMENT = {ColumnKind.NUMBER: "--:"}


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> print(escaped("Z_A | <b> *x*"))
    Z_A \| &lt;b&gt; \*x\*
    """
    line = re.sub(r"\s+", " ", text)
    marked = MARKUP.sub(lambda match: f"\\{match[0]}", line)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_text(blocks: Sequence[Block]) -> str:
    """The blocks as the text of a .md file."""
    return _MarkdownPrinter({}).blocks(blocks) + "\n"


def markdown_document(document: Document) -> str:
    """The document as the text of a .md file; it holds what the LaTeX document holds."""
    printer = _MarkdownPrinter(document.numbers)
    written = [block for section in document.sections for block in (section.heading, *section.blocks)]
    references = "\n".join(f"{place}. {printer.text(entry.text)}" for place, entry in enumerate(document.references, 1))
    text = printer.blocks([Heading(1, document.title), *written, Heading(2, "References")])
    return f"{text}\n\n{references}\n"


class _MarkdownPrinter:
    """Prints blocks, without a line break at their end; `numbers` are those of the references."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self.numbers = numbers

    def blocks(self, blocks: Iterable[Block]) -> str:
        return "\n\n".join(map(self.block, blocks))

    def block(self, block: Block) -> str:
        match block:
            case Heading(level, text):
                return f"{'#' * level} {self.text(text)}"
            case Paragraph(text):
                return self.text(text)
            case Proof(lines):
                return self.block(Table(PROOF, tuple(line.cells for line in lines)))
            case Statement(given, items):
                listed = "\n".join(f"> {place}. {self.text(item)}" for place, item in enumerate(items, 1))
                return f"> **Theorem.** {self.text(given)}\n>\n{listed}"
            case Table():
                return "\n".join(self.table(block))
            case Listing(entries):
                return "\n".join(f"- **{escaped(entry.key)}** {self.text(entry.text)}" for entry in entries)
            case Answer(verdict, sentence):
                return f"**{escaped(verdict)}**: {escaped(sentence)}"
            case Bullets(items):
                return "\n".join(f"- {escaped(item)}" for item in items)
            case Links(links):
                return " · ".join(f"[{escaped(text)}]({relative_address(path)})" for text, path in links)
            case Picture(alt, path):
                return f"![{escaped(alt)}]({relative_address(path)})"
            case Gallery(pictures):
                return "\n\n".join(f"{self.block(each)}\n\n{escaped(caption)}" for each, caption in pictures)
            case Details(summary, blocks):
                return f"<details><summary>{escaped(summary)}</summary>\n\n{self.blocks(blocks)}\n\n</details>"
            case _:
                assert_never(block)

    def table(self, table: Table) -> Iterator[str]:
        yield f"| {' | '.join(self.text(each.heading) for each in table.columns)} |"
        yield f"| {' | '.join(ALIGNMENT.get(each.kind, ':--') for each in table.columns)} |"
        for row in table.rows:
            yield f"| {' | '.join(map(self.cell, table.columns, row))} |"

    def cell(self, column: Column, words: Words) -> str:
        is_strong = column.kind is ColumnKind.VERDICT and words != "PASS"
        return f"**{self.text(words)}**" if is_strong else self.text(words)

    def text(self, words: Words) -> str:
        return "".join(map(self.span, spans(words)))

    def span(self, span: Span) -> str:
        match span:
            case Math(latex):
                return f"${latex}$"
            case Ref():
                return span.word
            case Cite(key):
                return f"\\[{self.numbers[key]}\\]"
            case str():
                return escaped(span)
