"""gamma-calc: the way in, all but empty, so that a Ctrl-C is answered whatever is still being imported."""

from __future__ import annotations

import gc
import os
import sys

from gamma_calc.cli.outputs import BAD_INPUT, INTERRUPTED, complain, prepare_outputs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Answer one question; the exit status is the contract's.

    Args:
        words: the command line after the program's name; where it is left out, that of this process, which then ends.

    Returns:
        One of `STATUSES`.
    """
    prepare_outputs()
    if words is None:
        os.environ["MPLBACKEND"] = "agg"  # no window is ever opened, whatever the user's notebooks do
        gc.set_threshold(50_000, 20, 50)  # a derivation is many small objects without a cycle among them
    try:
        from gamma_calc.cli.answering import run_command

        return run_command(sys.argv[1:] if words is None else words)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except (ImportError, MemoryError) as problem:  # of the first imports
        complain(f"cannot start: {problem or 'there is too little memory'}")
        return BAD_INPUT
    finally:
        if words is None:
            _ignore_interrupts()
            gc.freeze()  # the last look for cycles would take seconds after a long derivation


def _ignore_interrupts() -> None:
    """A Ctrl-C comes too late: the process ends with its answer."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
