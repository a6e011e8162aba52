"""Rows as a table, for a terminal, for a notebook and for a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

COLUMNS = 110
"""The width of what is printed."""

MOST_COLUMNS = 16
"""Quantities that stand side by side."""


class Shown:
    """An answer that a terminal and a notebook show as its text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """The rows in columns two blanks apart; the first row is the heading, if there is one.

    >>> print(text_table([("t", "Z_B"), ("1", "eta")]))
    t  Z_B
    1  eta
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def fitted(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The rows, or their columns as rows where there are many.

    >>> fitted([("t", *"ABCDEFGHIJKLMNOP"), ("1", *"0000000000000000")])[:2]
    [('t', '1'), ('A', '0')]
    """
    return rows if not rows or len(rows[0]) <= MOST_COLUMNS else [*zip(*rows, strict=True)]


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as an HTML table, escaped; the first row is the heading.

    >>> print(html_table([("t",), ("<1",)]))
    <table>
    <tr><th>t</th></tr>
    <tr><td>&lt;1</td></tr>
    </table>
    """
    head, *body = rows
    lines = ["<table>", f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body]
    return "\n".join([*lines, "</table>"])


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """The rows, whose cells are Markdown, as a table of Markdown; the first row is the heading.

    >>> print(markdown_table([("t", "$Z_B$"), ("1", "0")]))
    | t | $Z_B$ |
    | --- | --- |
    | 1 | 0 |
    """
    header, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *others))


def parted(name: str) -> tuple[str, str]:
    """A quantity without its layer, and its layer, "" where it has none.

    >>> parted("Z_A[2]"), parted("f")
    (('Z_A', '2'), ('f', ''))
    """
    base, _, layer = name.removesuffix("]").partition("[")
    return base, layer


def layer_rows(values: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Values by quantity as rows with a header: one row a layer where every quantity is one of a layer, such as Z_A[2].

    So it is, too, where there are many; what belongs to no layer then has a row of its own.

    >>> layer_rows({"Z_A[1]": "0", "Z_A[2]": "1/2"})
    [('layer', 'Z_A'), ('1', '0'), ('2', '1/2')]
    >>> layer_rows({"Z_A[1]": "0", "f": "1/2"})
    [('Z_A[1]', 'f'), ('0', '1/2')]
    """
    parts = {name: parted(name) for name in values}
    if not all(layer for _, layer in parts.values()) and len(values) <= MOST_COLUMNS:
        return [tuple(values), tuple(values.values())]
    names = tuple(dict.fromkeys(name for name, _ in parts.values()))
    cells = {(layer, name): values[whole] for whole, (name, layer) in parts.items()}
    layers = sorted(dict.fromkeys(layer for layer, _ in cells), key=lambda layer: (len(layer), layer))
    return [("layer", *names), *((layer, *(cells.get((layer, name), "-") for name in names)) for layer in layers)]


def step_rows(steps: Iterable[tuple[int, Mapping[str, str]]]) -> list[tuple[str, ...]]:
    """Values by quantity at several steps as rows with a header."""
    rows: list[tuple[str, ...]] = []
    for t, values in steps:
        header, *cells = layer_rows(values)
        rows += [] if rows else [("t", *header)]
        rows += [(str(t), *each) for each in cells]
    return rows
