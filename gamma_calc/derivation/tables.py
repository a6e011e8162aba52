"""Rows as a table, for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """The rows in columns two blanks apart; the first row is the heading, if there is one.

    >>> print(text_table([("t", "Z_B"), ("1", "eta")]))
    t  Z_B
    1  eta
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


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
