"""What the literature found by hand, beside what is derived in its place.

$ gamma-calc atlas --source arXiv:2312.03732
arXiv:2312.03732 Kalajdzievski: A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA
claim                 published  derived    status
rslora-factor         -1/2       -1/2       agrees
rslora-first-step     2*s + rho  rho + 2*s  agrees
...
5 claims of 1 source: 5 agree, 0 differ, 0 are out of scope

$ gamma-calc atlas --json
$ gamma-calc atlas --source arXiv:2406.08447 --check

A claim that differs is followed by the reason, one that is out of scope by what is missing. --check also trains what a
run can decide: an exponent at a point, and a largest value, at which a quantity of its condition has to be n^0. That
takes seconds to minutes for one source and a quarter of an hour for all. Nothing that is published enters a derivation:
the book in derivations/atlas shows every setting, question and answer.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence

from gamma_calc.atlas.comparison import ComparedClaim, Standing, atlas, by_source
from gamma_calc.atlas.questions import QuestionKind
from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.cli.outputs import FAILED, UNKNOWN
from gamma_calc.cli.progress import shown_progress
from gamma_calc.document.tables import COLUMNS, text_table

LONGEST = 40
"""Characters of a value in the table; --json has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--source, --check and --json."""
    parser.add_argument("--source", metavar="ID", help="the claims of one source, such as arXiv:2406.08447")
    parser.add_argument("--check", action="store_true", help="train what a run can decide")
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print the claims; the status is that of the worst verdict where runs were asked for."""
    with shown_progress("claim") as progress:
        rows = atlas(options.source, progress)
    if options.check:
        from gamma_calc.atlas.measurement import measured

        with shown_progress("scheme") as progress:
            rows = measured(rows, progress)
    show(options, lambda: [row.json() for row in rows], lambda: _text(rows))
    verdicts = {row.measured["verdict"] for row in rows if row.measured is not None}
    return FAILED if "FAIL" in verdicts else UNKNOWN if "INCONCLUSIVE" in verdicts else 0


def _text(rows: Sequence[ComparedClaim]) -> str:
    return "\n\n".join([*map(_block, by_source(rows).values()), summary(rows)])


def summary(rows: Sequence[ComparedClaim]) -> str:
    """How many claims of each source agree, differ and are out of scope, where there are several, and of all."""
    found = by_source(rows)
    table = [("source", *(status.value for status in Standing))]
    table += [(str(source), *map(str, _tally(group))) for source, group in found.items()]
    agree, differ, out = _tally(rows)
    sentence = (
        f"{len(rows)} claims of {len(found)} source{'s' if len(found) > 1 else ''}: {agree} agree{'s' * (agree == 1)}, "
        f"{differ} differ{'s' * (differ == 1)}, {out} {'is' if out == 1 else 'are'} out of scope"
    )
    return sentence if len(found) < 2 else f"{text_table(table)}\n{sentence}"


def _tally(rows: Sequence[ComparedClaim]) -> tuple[int, ...]:
    """How many agree, differ and are out of scope."""
    return tuple(sum(row.status is status for row in rows) for status in Standing)


def _block(rows: tuple[ComparedClaim, ...]) -> str:
    """The claims of one source, and the reasons behind them."""
    is_measured = any(row.measured is not None for row in rows)
    head = ("claim", "published", "derived", "status", *(("measured", "") if is_measured else ()))
    lines = [str(rows[0].claim.source), text_table([head, *(_line(row, is_measured) for row in rows)])]
    for row in rows:
        if row.reason:
            lines += textwrap.wrap(f"{row.claim.id}: {row.reason}", COLUMNS, subsequent_indent="  ")
    return "\n".join(lines)


def _line(row: ComparedClaim, is_measured: bool) -> tuple[str, ...]:
    derived = "" if row.answer is None else str(row.answer)
    cells = (row.claim.id, _cut(row.claim.published), _cut(derived), row.status.value)
    if not is_measured:
        return cells
    if row.measured is None:
        return (*cells, "", "")
    slope, asked = row.measured["slope"], row.claim.question
    zero = "zero" if row.measured["verdict"] == "PASS" else "no slope"
    quantity = "" if asked is None or asked.kind is QuestionKind.EXPONENT else f"{row.measured['quantity']} "
    return (*cells, f"{quantity}{zero if slope is None else f'{slope:.3f}'}", row.measured["verdict"])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
