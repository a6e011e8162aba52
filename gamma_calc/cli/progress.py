"""A progress bar where a person looks at one, else now and then a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from textwrap import shorten
from typing import TYPE_CHECKING

from gamma_calc.algebra import Polyhedron
from gamma_calc.calculus.recursion import watcher
from gamma_calc.cli.outputs import note

if TYPE_CHECKING:
    from gamma_calc.simulation.program_sizes import Progress

BETWEEN_LINES = 30.0
"""Seconds between two lines of progress where nobody looks at a bar."""

BEFORE_A_BAR = 1.0
"""Seconds that a derivation may take before anything is shown of it."""

BETWEEN_LOOKS = 0.1
"""Seconds between two looks at a derivation."""

MOST_LETTERS = 70
"""Of what is said of a run."""

SHARE = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


@contextmanager
def shown_progress(unit: str = "") -> Iterator[Progress]:
    """Show how far a long command is, and how long it will take at the speed that it has had so far.

    Args:
        unit: what is counted; without one it is work, and only its share says something.
    """
    if not sys.stderr.isatty():
        yield Lines(unit)
        return
    from tqdm import tqdm

    with tqdm(unit=unit, leave=False, smoothing=0, bar_format=None if unit else SHARE) as bar:

        def progress(done: int, total: int) -> None:
            if bar.total is None:
                bar.initial, bar.n = done, done
            bar.total = total
            bar.update(done - bar.n)

        yield progress


@contextmanager
def shown_runs(hint: str = "") -> Iterator[None]:
    """Show at which step of which run a long derivation is, and for how long it has been at work.

    Args:
        hint: what would answer sooner, said once.
    """
    lines = RunLines(hint=hint)
    if not sys.stderr.isatty():
        with _watched_by(lines):
            yield
        return
    from tqdm import tqdm

    looks = {"leave": False, "delay": BEFORE_A_BAR, "mininterval": BETWEEN_LOOKS, "miniters": 1}
    with tqdm(bar_format="{elapsed} {desc}", **looks) as bar:

        def said(t: int, domain: Polyhedron) -> None:
            if due := lines.due_hint():
                bar.write(due, file=sys.stderr)
            bar.set_description_str(_run(t, domain), refresh=False)
            bar.update()

        with _watched_by(said):
            yield


@contextmanager
def _watched_by(watch: Callable[[int, Polyhedron], None]) -> Iterator[None]:
    token = watcher.set(watch)
    try:
        yield
    finally:
        watcher.reset(token)


def _run(t: int, domain: Polyhedron) -> str:
    return shorten(f"step {t} of the run on {'all values' if domain.is_everywhere else domain}", MOST_LETTERS)


class RunLines:
    """Where a derivation is, in a line now and then; before the first one, what would answer sooner."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, hint: str = "") -> None:
        self.clock, self.hint = clock, hint
        self.started = self.said = clock()

    def __call__(self, t: int, domain: Polyhedron) -> None:
        """Say it, if a line is due."""
        now = self.clock()
        if now - self.said >= BETWEEN_LINES:
            if due := self.due_hint():
                note(due)
            self.said = now
            note(f"{_run(t, domain)}, after {timedelta(seconds=round(now - self.started))}")

    def due_hint(self) -> str:
        """The hint, once, where the derivation is a long one."""
        if self.clock() - self.started < BETWEEN_LINES:
            return ""
        hint, self.hint = self.hint, ""
        return hint


class Lines:
    """Progress in lines: how much is done, the rate, the time left."""

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.unit, self.clock = unit, clock
        self.started = self.said = clock()
        self.before: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Say it, if a line is due."""
        if self.before is None:
            self.before, self.started, self.said = done, self.clock(), self.clock()
        now = self.clock()
        if now - self.said < BETWEEN_LINES or done <= self.before:
            return
        self.said = now
        rate = (done - self.before) / (now - self.started)
        left = timedelta(seconds=round((total - done) / rate))
        count = f"{done} of {total} {self.unit}s, {rate:.3g} a second" if self.unit else f"{done / total:.0%} done"
        note(f"{count}, about {left} left")
