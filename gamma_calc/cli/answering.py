"""The parser of the whole command line, and how answers and errors leave it."""

from __future__ import annotations

import argparse
import errno
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gamma_calc import __version__
from gamma_calc.cli.outputs import BAD_INPUT, OWN_ERROR, STATUSES, UNKNOWN, complain, discard
from gamma_calc.errors import BadInput, GammaCalcError, Unknown, nearest, printable
from gamma_calc.files import reason
from gamma_calc.huggingface import needed

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

OF_THE_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
"""Errors without a file that have nothing to do with an output."""

QUESTIONS = (
    *("schemes", "exponents", "derive", "verify", "region", "compare", "diff", "explore", "atlas", "transfer", "lint"),
    *("model", "crosscheck", "tune", "sweep", "runs", "reproduce", "completion"),
)
"""Each is a module of this package, loaded when it is asked."""

DESCRIPTION = """\
Scaling exponents of LoRA fine-tuning schemes: derived exactly, proved, and measured.

$ gamma-calc derive init-a
Use init-a under adam with a learning rate of n^(-1/2): both factors learn, and Z_A grows like n^(1/2).
init-a under adam, for every fixed number of steps
stable             eta <= -1/2
...

A SPEC is a name of the catalogue (see `gamma-calc schemes`), a network in Python, FILE.py:FUNCTION, or a TOML file:

  name = "my-scheme"
  [exponents]
  A = "-1/2"
  B = "zero"
  eta_A = "eta"
  eta_B = "eta + 1"
"""

EPILOG = "exit status:\n" + "\n".join(f"  {status:<3}  {meaning}" for status, meaning in STATUSES.items())


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are the package's own, one line each."""

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into bad input."""
        _, _, unknown = message.partition("unrecognized arguments: ")
        offered = nearest(unknown.split(" ")[0].partition("=")[0], self._option_string_actions) if unknown else ""
        raise BadInput(f"{message}.{offered} Try: {self.prog} --help")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print help or the version; an output that does not take it is an error as everywhere."""
        print(message, end="", file=file)
        sys.stdout.flush()


def parser() -> Parser:
    """The parser of what no question answers: the help and the version."""
    found = Parser(
        prog="gamma-calc",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument("--version", action="version", version=f"gamma-calc {__version__}")
    questions = found.add_subparsers(dest="question", metavar="QUESTION", parser_class=Parser)
    for name in QUESTIONS:
        questions.add_parser(name, help=str(question_parser(name).description).partition("\n")[0])
    return found


def question_parser(name: str) -> Parser:
    """The parser of one question; what it says of itself is its module's docstring."""
    question = import_module(f"gamma_calc.cli.{name}")
    found = Parser(
        prog=f"gamma-calc {name}",
        description=question.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    question.add_arguments(found)
    found.set_defaults(answer=question.answer)
    return found


def run_command(words: Sequence[str]) -> int:
    """Answer the question that a command line asks, or say in one line why not; returns the exit status."""
    try:
        options = _options(words)
        status: int = options.answer(options)
        sys.stdout.flush()
        return status
    except Exception as problem:
        if _is_of_an_interrupt(problem):
            raise KeyboardInterrupt from None
        if sys.flags.dev_mode and not isinstance(problem, GammaCalcError):  # python -X dev -m gamma_calc
            raise
        return _ended(problem)


def _ended(problem: Exception) -> int:
    """Say in one line what kept a question from its answer; returns the exit status."""
    status, said = BAD_INPUT, str(problem)
    match problem:
        case Unknown():
            status = UNKNOWN
        case GammaCalcError():
            pass
        case BrokenPipeError():  # whoever reads has read enough
            discard(sys.stdout)
            return 0
        case OSError():
            said = _of_the_system(problem)
        case ImportError():
            missing = needed("this question", problem)
            said = f"cannot load {problem.name or 'a library'}: {problem}" if missing is problem else str(missing)
        case _ if lacks_memory(problem):
            said = f"there is too little memory: {problem}".rstrip(": ")
        case _:
            status, said = OWN_ERROR, _of_our_own(problem)
    complain(printable(said))
    return status


def _is_of_an_interrupt(problem: BaseException | None) -> bool:
    """Whether an error was raised while a Ctrl-C was on its way out, by a cleanup that it had not let begin."""
    while problem is not None and not isinstance(problem, KeyboardInterrupt):
        problem = problem.__context__
    return problem is not None


def _options(words: Sequence[str]) -> argparse.Namespace:
    """What a command line says; options may stand between SPECs."""
    if words and words[0] in QUESTIONS:
        return question_parser(words[0]).parse_intermixed_args(words[1:])
    if words and not words[0].startswith("-"):
        raise BadInput("a question", found=words[0], expected=f"one of {', '.join(QUESTIONS)}", choices=QUESTIONS)
    parser().parse_args(words[:1])
    raise BadInput(f"no question: expected one of {', '.join(QUESTIONS)}. Try: gamma-calc --help")


def lacks_memory(problem: Exception) -> bool:
    """Whether Python, numpy or torch found too little memory; torch says so in words only."""
    return isinstance(problem, MemoryError) or (isinstance(problem, RuntimeError) and "memory" in str(problem))


def _of_the_system(problem: OSError) -> str:
    if problem.filename is not None:
        return f"{problem.filename}: {reason(problem)}"
    if problem.errno in OF_THE_MACHINE:
        return f"the system gives no more: {reason(problem)}"
    discard(sys.stdout)
    return f"cannot write the answer: {reason(problem)}"


def _of_our_own(problem: Exception) -> str:
    last = traceback.extract_tb(problem.__traceback__)[-1]
    return (
        f"an error of gamma_calc itself, which we would like to hear of: {type(problem).__name__}: {problem}"
        f" ({Path(last.filename).name}, line {last.lineno}; the whole of it with: python -X dev -m gamma_calc ...)"
    )
