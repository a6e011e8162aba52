"""The outputs of a process, as far as they take what is said. Imports next to nothing: the way in needs it first."""

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


def open_closed_outputs() -> None:
    """An output that was closed before the start has no reader, and what is meant for one goes to no other."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
