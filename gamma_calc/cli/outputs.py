"""The outputs of a process, as far as they take what is said, and its exit statuses.

Imports next to nothing: the way in needs it first.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def complain(text: str) -> None:
    """Say what is wrong, in one line on the standard error."""
    note(f"gamma-calc: {text}")


def note(line: str) -> None:
    """Print a line on the standard error, as far as it takes it: nobody may be there to read."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let what is still to be written go nowhere, so that the interpreter's last flush does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def prepare_outputs() -> None:
    """Make the outputs take whatever is printed.

    One that was closed before the start has no reader, and what is meant for it goes to no other. A path that is no
    UTF-8, or a terminal that knows only ASCII, gets escapes.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


FAILED = 1
BAD_INPUT = 2
UNKNOWN = 3
OWN_ERROR = 70
INTERRUPTED = 130
STATUSES = {
    0: "answered; all PASS",
    FAILED: "a FAIL, a false certificate, an error that lint found, a run of a sweep that failed",
    BAD_INPUT: "bad input, or an output or a machine that takes no more; one line says what to try",
    UNKNOWN: "what was asked for is unknown or inconclusive; the answer says why",
    OWN_ERROR: "an error of gamma_calc itself",
    INTERRUPTED: "after Ctrl-C; what has a store goes on from there",
}
