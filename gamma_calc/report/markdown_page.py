"""Blocks as Markdown (GitHub's flavour), with everything that could be markup escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import assert_never

from gamma_calc.report.blocks import (
    Answer,
    Block,
    Bullets,
    Details,
    Gallery,
    Heading,
    Kind,
    Links,
    Paragraph,
    Picture,
    Table,
    relative_address,
)

MARKUP = re.compile(r"[\\`*|~$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|^[#>]")
"""An underscore inside a word is none, so names such as Z_A stay readable in the source."""
ALIGNMENT = {Kind.NAME: ":--", Kind.NUMBER: "--:", Kind.VERDICT: ":--", Kind.TEXT: ":--"}


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> print(escaped("Z_A | <b> *x*"))
    Z_A \| &lt;b&gt; \*x\*
    """
    line = " ".join(text.split())
    marked = MARKUP.sub(lambda match: f"\\{match[0]}", line)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_text(blocks: Sequence[Block]) -> str:
    """The blocks as a Markdown file."""
    return "\n\n".join(markdown_block(block) for block in blocks) + "\n"


def markdown_block(block: Block) -> str:
    """One block, without a line break at its end."""
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text):
            return escaped(text)
        case Answer(verdict, sentence):
            return f"**{escaped(verdict)}**: {escaped(sentence)}"
        case Bullets(items):
            return "\n".join(f"- {escaped(item)}" for item in items)
        case Table():
            return "\n".join(_table(block))
        case Links(links):
            return " · ".join(f"[{escaped(text)}]({relative_address(path)})" for text, path in links)
        case Picture(alt, path):
            return f"![{escaped(alt)}]({relative_address(path)})"
        case Gallery(pictures):
            return "\n\n".join(f"{markdown_block(each)}\n\n{escaped(words)}" for each, words in pictures)
        case Details(summary, blocks):
            inside = "\n\n".join(markdown_block(each) for each in blocks)
            return f"<details><summary>{escaped(summary)}</summary>\n\n{inside}\n\n</details>"
        case _:
            assert_never(block)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(escaped(name) for name, _ in table.columns)} |"
    yield f"| {' | '.join(ALIGNMENT[kind] for _, kind in table.columns)} |"
    for row in table.rows:
        yield f"| {' | '.join(map(_cell, row, (kind for _, kind in table.columns)))} |"


def _cell(text: str, kind: Kind) -> str:
    is_strong = kind is Kind.VERDICT and text != "PASS"
    return f"**{escaped(text)}**" if is_strong else escaped(text)
