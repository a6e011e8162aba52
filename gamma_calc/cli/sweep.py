"""Thousands of runs over schemes, widths, learning rates and seeds, resumable.

  $ gamma-calc sweep sweep.toml --store runs.sqlite --executor spawn
  32 of 32 runs in runs.sqlite: 0 before, 32 now

Each run is kept in the store as soon as it is finished. The same command does only what is missing, so a sweep may be
interrupted, killed, extended, or shared by several processes. A small sweep.toml:

  experiment = "probe"             # or "teacher-student"
  schemes = ["init-a", "init-b"]
  optimizers = ["adam", "sgd"]
  widths = [128, 256, 512, 1024]
  prefactors = { from = "1/16", to = 16, per_octave = 2 }
  seeds = 32
  steps = 4

--executor: in-process, on one thread; spawn or spawn:K, for K processes with a thread each; dask://HOST:PORT, a running
cluster. The device auto is that of this machine: name it in the file where a cluster has another. Whoever reaches a
cluster's scheduler can run code there and here: on a network of strangers take tls://HOST:PORT, with the certificates
that dask's own configuration names (distributed.comm.tls).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.cli.outputs import FAILED, INTERRUPTED, complain
from gamma_calc.cli.progress import shown_progress

if TYPE_CHECKING:
    from gamma_calc.experiment.sweep import Outcome

SHOWN = 10
"""Failed runs that the text names; --json names all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --store, --executor and --json."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a TOML file that says what to run")
    parser.add_argument(
        "--store", metavar="FILE", type=Path, required=True, help="where finished runs are kept (SQLite)"
    )
    parser.add_argument(
        "--executor",
        metavar="WHERE",
        default="in-process",
        help="in-process, spawn, spawn:K, dask://HOST:PORT or tls://HOST:PORT",
    )
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Do what is missing; 0 where the sweep is complete then, 1 where a run failed, 130 after Ctrl-C."""
    from gamma_calc.experiment.executors import named_executors
    from gamma_calc.experiment.sweep import carried_out
    from gamma_calc.experiment.sweep_file import sweep_from_file
    from gamma_calc.experiment.sweep_plan import planned
    from gamma_calc.simulation.store import Store

    executors = named_executors(options.executor)
    runs = planned(sweep_from_file(options.file))
    with Store(options.store) as store:
        try:
            with shown_progress("run") as progress:
                outcome = carried_out(runs, store, executors, progress)
        except KeyboardInterrupt:
            kept = sum(run.key in store for run in runs)
            complain(
                f"interrupted; {kept} of {len(runs)} runs are in {options.store}, and the same command does the rest"
            )
            return INTERRUPTED
    show(options, lambda: _json(outcome, options.store), lambda: _text(outcome, options.store))
    return 0 if outcome.is_complete else FAILED


def _json(outcome: Outcome, store: Path) -> dict[str, Any]:
    return {
        "schema": 1,
        "store": str(store),
        "runs": {
            "total": outcome.total,
            "done_before": outcome.done_before,
            "done_now": outcome.done_now,
            "done_elsewhere": outcome.done_elsewhere,
            "failed": len(outcome.failed),
        },
        "failed": [{"run": str(each.run), "key": each.run.key, "reason": each.reason} for each in outcome.failed],
    }


def _text(outcome: Outcome, store: Path) -> str:
    kept = outcome.total - len(outcome.failed)
    elsewhere = f", {outcome.done_elsewhere} by another process" if outcome.done_elsewhere else ""
    lines = [
        f"{kept} of {outcome.total} runs in {store}: {outcome.done_before} before, {outcome.done_now} now{elsewhere}"
    ]
    if outcome.failed:
        lines.append(f"{len(outcome.failed)} failed; the same command tries them again:")
        lines += [f"  {each.run}: {each.reason}" for each in outcome.failed[:SHOWN]]
        lines += [f"  and {len(outcome.failed) - SHOWN} more (--json)"] if len(outcome.failed) > SHOWN else []
    return "\n".join(lines)
