"""Thousands of runs over schemes, widths, learning rates and seeds, resumable.

$ gamma-calc sweep sweep.toml --store runs.sqlite --executor spawn
32 of 32 runs in runs.sqlite: 0 before, 32 now

Each run is kept in the store as soon as it is finished. The same command does only what is missing, so a sweep may be
interrupted, killed, extended, or shared by several processes. With more seeds, a block that was not full is trained
anew; seeds_per_run says how many are one. A small sweep.toml:

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

from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.cli.outputs import FAILED, INTERRUPTED, complain
from gamma_calc.cli.progress import shown_progress


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
    from gamma_calc.experiment.study import Interrupted
    from gamma_calc.experiment.sweep_questions import sweep

    try:
        with shown_progress("run") as progress:
            found = sweep(options.file, options.store, executor=options.executor, progress=progress)
    except Interrupted as interrupted:
        kept = f"{interrupted.done} of {interrupted.total} runs are in {options.store}"
        kept = kept if interrupted.done else "no run is finished"
        complain(f"interrupted; {kept}, and the same command does the rest")
        return INTERRUPTED
    show(options, found.json, lambda: str(found))
    return 0 if found.outcome.is_complete else FAILED
