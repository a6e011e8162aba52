"""Arguments that several questions share, and what they mean."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import OPTIMIZERS, named_optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from

LONGEST = 64
MOST_SPECS = 64
ALL = "all"


def add_scheme_arguments(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """SPEC, --optimizer, --allow-code and --at."""
    help_text = "a name of the catalogue, a TOML file, or FILE.py:FUNCTION"
    parser.add_argument(
        "specs", metavar="SPEC", nargs="+" if many else 1, action=_Specs if many else "store", help=help_text
    )
    parser.add_argument("--optimizer", metavar="NAME", type=optimizer_name, help=f"one of {', '.join(OPTIMIZERS)}")
    add_code_argument(parser)
    add_value_arguments(parser)


class _Specs(argparse.Action):
    """Some SPECs, and not so many that only a slip can explain them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, found: Any, _: Any = None
    ) -> None:
        if len(found) > MOST_SPECS:
            raise BadInput("SPEC", found=f"{len(found)} schemes", expected=f"at most {MOST_SPECS}")
        namespace.specs = found


def add_code_argument(parser: argparse.ArgumentParser) -> None:
    """--allow-code."""
    parser.add_argument("--allow-code", action="store_true", help="run the Python files that a SPEC names")


def schemes(options: argparse.Namespace, specs: Sequence[str]) -> tuple[Scheme, ...]:
    """The schemes that some SPECs name; Python is run only with --allow-code.

    Raises:
        BadInput: one of them cannot be understood.
    """
    return tuple(scheme_from(spec, allow_code=options.allow_code) for spec in specs)


def add_value_arguments(parser: argparse.ArgumentParser) -> None:
    """--at."""
    parser.add_argument(
        "--at", metavar="NAME=P/Q", action="append", default=[], help="the value of a free exponent; may be repeated"
    )


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_supposition_arguments(parser: argparse.ArgumentParser, *, prefix: str = "", whose: str = "") -> None:
    """--without and --align, or the same for one of several schemes under a prefix."""
    parser.add_argument(
        f"--{prefix}without", metavar="A3", action="append", default=[], help=f"an assumption to do without{whose}"
    )
    parser.add_argument(
        f"--{prefix}align",
        metavar="KIND=VALUE",
        action="append",
        default=[],
        help=f"the alignment of aligned, independent or diluted sums{whose}: from 1/2 to 1, or free",
    )


def refuse_suppositions(parser: argparse.ArgumentParser, why: str) -> None:
    """Answer --without and --align with the reason why a question cannot take them."""
    for name in ("without", "align"):
        parser.add_argument(f"--{name}", metavar="X", type=_Refusal(f"--{name}: {why}"), help=argparse.SUPPRESS)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An argument's type of which no text is."""

    message: str

    def __call__(self, text: str) -> str:
        raise BadInput(self.message)


def values(options: argparse.Namespace) -> dict[str, str]:
    """The values given with --at, by name.

    Raises:
        BadInput: a value is not NAME=P/Q, or a name is given twice.
    """
    return pairs("--at", options.at, "NAME=P/Q, such as eta=-1/2")


def alignments(texts: Sequence[str]) -> dict[str, str]:
    """The values given with --align, by kind of sum.

    Raises:
        BadInput: a value is not KIND=VALUE, or a kind is given twice.
    """
    return pairs("--align", texts, "KIND=VALUE, such as aligned=3/4 or aligned=alpha")


def pairs(option: str, texts: Sequence[str], expected: str) -> dict[str, str]:
    """The values that an option which may be repeated gives, by name.

    Raises:
        BadInput: a text is no pair, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise BadInput(option, found=text, expected=expected)
        if name in found:
            raise BadInput(f"{option}: {name!r} is given twice")
        found[name] = value
    return found


def step_count(text: str) -> int:
    """A number of steps from 1 to 64.

    Raises:
        BadInput: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LONGEST):
        raise BadInput("--steps", found=text, expected=f"a whole number from 1 to {LONGEST}")
    return int(text)


def horizon(text: str) -> int | None:
    """A number of steps, or None for "all".

    Raises:
        BadInput: it is neither.
    """
    if text == ALL:
        return None
    try:
        return step_count(text)
    except BadInput:
        raise BadInput("--steps", found=text, expected=f"a whole number from 1 to {LONGEST}, or {ALL}") from None


def print_json(answer: Mapping[str, Any]) -> None:
    """Print an answer as JSON, the same bytes for the same answer."""
    json.dump(answer, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def optimizer_name(name: str) -> str:
    """The name of an optimiser.

    Raises:
        BadInput: it is none.
    """
    return named_optimizer(name).name
