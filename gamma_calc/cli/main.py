"""gamma-calc: the parser of the whole command line, and how its errors leave it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from gamma_calc import __version__
from gamma_calc.cli import (
    compare,
    crosscheck,
    derive,
    diff,
    exponents,
    lint,
    region,
    reproduce,
    schemes,
    sweep,
    transfer,
    verify,
)
from gamma_calc.errors import BadInput, GammaCalcError, Unknown

BAD_INPUT = 2
UNKNOWN = 3
INTERRUPTED = 130
QUESTIONS = (schemes, exponents, derive, verify, region, compare, diff, transfer, lint, crosscheck, sweep, reproduce)

DESCRIPTION = """\
Scaling exponents of LoRA fine-tuning schemes: derived exactly, proved, and measured.

  $ gamma-calc derive init-a
  init-a under adam, for every fixed number of steps
  stable             eta <= -1/2
  ...

A SPEC is a name of the catalogue (see `gamma-calc schemes`) or a TOML file:

  name = "my-scheme"
  [exponents]
  A = "-1/2"
  B = "zero"
  eta_A = "eta"
  eta_B = "eta + 1"
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are the package's own, one line each."""

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into bad input."""
        raise BadInput(f"{message}. Try: {self.prog} --help")


def parser() -> Parser:
    """The parser of the whole command line."""
    found = Parser(
        prog="gamma-calc",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument("--version", action="version", version=f"gamma-calc {__version__}")
    questions = found.add_subparsers(dest="question", metavar="QUESTION", parser_class=Parser)
    for question in QUESTIONS:
        name = question.__name__.rpartition(".")[2]
        summary, _, examples = (question.__doc__ or "").partition("\n\n")
        answering = questions.add_parser(
            name,
            help=summary,
            description=f"{summary}\n\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        question.add_arguments(answering)
        answering.set_defaults(answer=question.answer)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Answer one question; the exit status is the contract's.

    Returns:
        0 answered; 1 a FAIL or a lint error; 2 bad input, or an output that takes no more; 3 a requested answer is
        unknown or inconclusive.
    """
    if sys.stdout is None:  # it was closed before the start: nobody reads the answer
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        options = parser().parse_args(words)
        if options.question is None:
            names = ", ".join(question.__name__.rpartition(".")[2] for question in QUESTIONS)
            raise BadInput(f"no question: expected one of {names}. Try: gamma-calc --help")
        status: int = options.answer(options)
        sys.stdout.flush()
        return status
    except Unknown as problem:
        print(f"gamma-calc: {problem}", file=sys.stderr)
        return UNKNOWN
    except GammaCalcError as problem:
        print(f"gamma-calc: {problem}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as problem:
        if problem.filename is not None:  # not of the output, which has none
            raise
        _discard_output()
        print(f"gamma-calc: cannot write the answer: {problem.strerror or problem}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("gamma-calc: interrupted", file=sys.stderr)
        return INTERRUPTED


def _discard_output() -> None:
    """Let what is still to be written go nowhere, so that the interpreter's last flush does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
