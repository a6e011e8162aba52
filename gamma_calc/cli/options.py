"""Arguments that several questions share, what they mean, and what is refused."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from gamma_calc.errors import BadInput, visible
from gamma_calc.experiment.sweep_values import number_in
from gamma_calc.files import file_content
from gamma_calc.numbers import LARGEST_SIZE, LONGEST
from gamma_calc.program.optimizers import OPTIMIZERS, named_optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from

MOST_SPECS = 64
MOST_BYTES = 2**16
ALL = "all"
OPTIMIZER_NAMES = f"one of {', '.join(OPTIMIZERS)}, or a trainer's name of one, such as paged_adamw_8bit"


def add_question_arguments(
    parser: argparse.ArgumentParser, *, many: bool = False, as_json: bool = True, may_align_freely: bool = True
) -> None:
    """SPEC, --optimizer, --allow-code, --at, --without, --align and --json: what questions about schemes take.

    `as_json` is false where the answer is a file, `may_align_freely` where an alignment has to be a number.
    """
    help_text = "a name of the catalogue, a TOML file, or FILE.py:FUNCTION"
    parser.add_argument("specs", metavar="SPEC", nargs="+" if many else 1, help=help_text)
    add_optimizer_argument(parser, OPTIMIZER_NAMES)
    add_code_argument(parser)
    add_value_arguments(parser)
    add_supposition_arguments(parser, may_be_free=may_align_freely)
    if as_json:
        add_json_argument(parser)


def add_optimizer_argument(
    parser: argparse.ArgumentParser, words: str, *, prefix: str = "", default: str | None = None
) -> None:
    """--optimizer."""
    option = f"--{prefix}optimizer"
    parser.add_argument(
        option, metavar="NAME", type=lambda name: named_optimizer(name).name, default=default, help=words
    )


def add_code_argument(parser: argparse.ArgumentParser) -> None:
    """--allow-code."""
    parser.add_argument("--allow-code", action="store_true", help="run the Python files that a SPEC names")


def add_value_arguments(parser: argparse.ArgumentParser) -> None:
    """--at."""
    parser.add_argument(
        "--at", metavar="NAME=P/Q", action="append", default=[], help="the value of a free exponent; may be repeated"
    )


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_horizon_argument(parser: argparse.ArgumentParser) -> None:
    """--steps, a number or all, which is None."""
    words = f"a number of steps, or every fixed one ({ALL})"
    parser.add_argument("--steps", metavar="T|all", type=_horizon, default=None, help=words)


def add_supposition_arguments(
    parser: argparse.ArgumentParser, *, prefix: str = "", whose: str = "", may_be_free: bool = True
) -> None:
    """--without and --align, or the same for one of several schemes under a prefix."""
    parser.add_argument(
        f"--{prefix}without", metavar="A3", action="append", default=[], help=f"an assumption to do without{whose}"
    )
    add_alignment_argument(parser, prefix=prefix, whose=whose, may_be_free=may_be_free)


def add_alignment_argument(
    parser: argparse.ArgumentParser, *, prefix: str = "", whose: str = "", may_be_free: bool = True
) -> None:
    """--align; `may_be_free` says whether a name may stand in the place of a number."""
    values = "1/2 to 1, or free" if may_be_free else "1/2 to 1"
    parser.add_argument(
        f"--{prefix}align",
        metavar="KIND=VALUE",
        action="append",
        default=[],
        help=f"the alignment of aligned, independent or diluted sums{whose}: {values}; or a .json of them",
    )


def refuse_suppositions(parser: argparse.ArgumentParser, why: str, names: Sequence[str] = ("without", "align")) -> None:
    """Answer --without and --align, or one of them, with the reason why a question cannot take it."""
    for name in names:

        def refuse(text: str, name: str = name) -> NoReturn:
            raise BadInput(f"--{name}: {why}")

        parser.add_argument(f"--{name}", metavar="X", type=refuse, help=argparse.SUPPRESS)


def schemes(options: argparse.Namespace, specs: Sequence[str]) -> tuple[Scheme, ...]:
    """The schemes that some SPECs name; Python is run only with --allow-code.

    Raises:
        BadInput: one of them cannot be understood, or there are so many that only a slip can explain them.
    """
    if len(specs) > MOST_SPECS:
        raise BadInput("SPEC", found=f"{len(specs)} schemes", expected=f"at most {MOST_SPECS}")
    return tuple(scheme_from(spec, allow_code=options.allow_code) for spec in specs)


def hint_of_values(options: argparse.Namespace, asked: Sequence[Scheme]) -> str:
    """That a long derivation is a short one at a point; nothing where each free exponent has a value."""
    fixed = values(options)
    free = dict.fromkeys(name for scheme in asked for name in scheme.free if name not in fixed)
    told = " ".join(f"--at {name}=P/Q" for name in free)
    return f"At one value of each free exponent the answer comes sooner: {told}" if free else ""


def check_not_read(option: str, path: Path, specs: Sequence[str]) -> None:
    """That an output is not written over a spec that was read.

    Raises:
        BadInput: it is one.
    """
    files = {
        os.path.realpath(part) for spec in specs for part in (spec, spec.rpartition(":")[0]) if os.path.exists(part)
    }
    if os.path.realpath(path) in files:
        raise BadInput(f"{option}: {path} is the SPEC that is read, and would be written over: give another file")


def supposition_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """What a question about schemes is asked under, as `derive` and its kin take it."""
    return {
        "optimizer": options.optimizer,
        "at": values(options),
        "without": options.without,
        "align": alignments(options.align),
    }


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of some values."""
    return {name: value for name, value in values.items() if value is not None}


def values(options: argparse.Namespace) -> dict[str, str]:
    """The values given with --at, by name."""
    return pairs("--at", options.at, "NAME=P/Q, such as eta=-1/2 or eta=-0.5")


def alignments(texts: Sequence[str]) -> dict[str, str]:
    """The values given with --align, by kind of sum: as text, or in a JSON file of measured ones."""
    return pairs("--align", _written(texts), "KIND=VALUE, such as aligned=3/4 or aligned=alpha, or a .json file")


def _written(texts: Iterable[str]) -> Iterator[str]:
    """The alignments as KIND=VALUE, those of a file one by one."""
    for text in texts:
        if "=" in text or not text.endswith(".json"):
            yield text
            continue
        expected = 'an object from kinds of sums to alignments, such as {"independent": 0.52, "aligned": 0.97}'
        content = file_content(Path(text), MOST_BYTES, expected)
        try:
            document = json.loads(content, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as problem:
            raise BadInput(f"--align {text}: is not JSON: {problem!s:.80}; expected {expected}") from None
        if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
            raise BadInput(f"--align {text}", found=document, expected=expected)
        yield from (f"{kind}={value}" for kind, value in document.items())


def pairs(option: str, texts: Iterable[str], expected: str) -> dict[str, str]:
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


def whole(option: str, most: int = LARGEST_SIZE, *, also: str = "") -> Callable[[str], int]:
    """The type of an argument that is a whole number from 1 to `most`; `also` is said of what else it can be."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
            limit = f"to {most}" if most < LARGEST_SIZE else f"of at most {len(str(most))} digits"
            raise BadInput(option, found=text, expected=f"a whole number from 1 {limit}{also}")
        return int(text)

    return read


def whole_numbers(option: str, most: int) -> Callable[[str], tuple[int, ...]]:
    """The type of an argument that is several of them."""
    read = whole(option, most, also=", with commas between several")
    return lambda text: tuple(read(each.strip()) for each in text.split(","))


def positive(option: str) -> Callable[[str], float]:
    """The type of an argument that is a positive number in decimal notation."""

    def read(text: str) -> float:
        found = None if "/" in text else number_in(text)
        if found is None or not 0 < found < math.inf:
            raise BadInput(option, found=text, expected="a positive number, such as 2e-4")
        return found

    return read


@dataclass(frozen=True, slots=True)
class OneOf:
    """The type of an argument that is one of some words."""

    option: str
    choices: Collection[str]

    def __call__(self, text: str) -> str:
        """The word."""
        if text not in self.choices:
            raise BadInput(self.option, found=text, expected=" or ".join(self.choices), choices=self.choices)
        return text


step_count = whole("--steps", LONGEST)


def _horizon(text: str) -> int | None:
    return None if text == ALL else whole("--steps", LONGEST, also=f", or {ALL}")(text)


def show(options: argparse.Namespace, answer: Callable[[], object], text: Callable[[], str]) -> None:
    """Print an answer as JSON, the same bytes for the same answer, or as text."""
    if not options.json:
        print(visible(text(), kept="\n"))
        return
    json.dump(answer(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
