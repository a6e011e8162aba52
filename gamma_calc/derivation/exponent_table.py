"""The table of exponents by step, in the layout that its longest entries allow."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.derivation.conditions import steps_latex, stretches
from gamma_calc.derivation.layers import Layers
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.document.blocks import Column, Math, Paragraph, PrintedBlock, Table, typeset

GLYPH = 9
MARGIN = 22
"""In thousandths of a line of 166 mm: a glyph at 8 pt, on the average of a formula, and the space between columns."""
LINE = 1000
WIDE = {"max": 4, "ge": 3, "le": 3, "infty": 2, "Delta": 2}
"""Glyphs that commands wider than one take up."""

_FRACTION = re.compile(r"\\frac\{(\d*)\}\{(\d*)\}")
_UPRIGHT = re.compile(r"\\mathrm\{([^{}]*)\}")
_COMMAND = re.compile(r"\\([A-Za-z]+) ?")


def exponent_table(run: Trajectory, layers: Layers) -> tuple[PrintedBlock, ...]:
    """One row a step where that fits a line and the program has no layers; bounds carry their sign.

    Else one row a quantity, with the layers and the steps in which it stays as it is.
    """
    is_exact = all(size.is_exact for step in run.steps for size in step.sizes.values())
    by_step = None if layers.names else _by_step(run)
    table = by_step or _by_quantity(run, layers)
    bounds = Paragraph(typeset(r"Values with $\le$ are proved as upper bounds only."))
    return (table,) if is_exact else (table, bounds)


def _by_quantity(run: Trajectory, layers: Layers) -> Table:
    rows = [
        (
            (Math(quantity_latex(name)),),
            (Math(steps_latex(first.t, run, last)),),
            (Math(first.sizes[name].latex()),),
        )
        for name in run.steps[0].sizes
        for first, last in stretches(name, run)
    ]
    columns = (Column("quantity", share=240), Column("steps", share=130), Column("exponent", share=630))
    return Table(columns, layers.rows(rows))


def _by_step(run: Trajectory) -> Table | None:
    """None where no line holds what a step has."""
    formulas = [("t", *map(quantity_latex, run.steps[0].sizes))]
    for step in run.steps:
        label = rf"\ge {step.t}" if step.t == run.settled_from else str(step.t)
        formulas.append((label, *(size.latex() for size in step.sizes.values())))
    shares = column_shares([*zip(*formulas, strict=True)])
    if shares is None:
        return None
    header, *rows = [tuple((Math(cell),) for cell in row) for row in formulas]
    columns = tuple(Column(text, share=share) for text, share in zip(header, shares, strict=True))
    return Table(columns, tuple(rows), is_dense=True)


def column_shares(columns: Sequence[Sequence[str]]) -> tuple[int, ...] | None:
    """Widths in thousandths of a line for columns of formulas, which may break after a comma; None if none fit."""
    needs = [
        MARGIN + GLYPH * max(_glyphs(f"{part},") for cell in column for part in cell.split(", ")) for column in columns
    ]
    wishes = [MARGIN + GLYPH * max(map(_glyphs, column)) for column in columns]
    room = LINE - sum(needs)
    if room < 0:
        return None
    missing = sum(wishes) - sum(needs)
    if missing <= room:
        return tuple(LINE * wish // sum(wishes) for wish in wishes)
    return tuple(need + room * (wish - need) // missing for need, wish in zip(needs, wishes, strict=True))


def _glyphs(latex: str) -> int:
    """How many glyphs a formula has, the space around a sign counted as one."""
    text = _FRACTION.sub(lambda match: "0" * max(map(len, match.groups())), latex)
    text = _COMMAND.sub(lambda match: "0" * WIDE.get(match[1], 1), _UPRIGHT.sub(r"\1", text))
    return len(re.sub(r"[{}_^]|(?<=\w) (?=\w)", "", text))
