"""What a model is trained and judged on: labelled texts, or running text, cut into three parts that never meet."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gamma_calc.errors import BadInput

LEAST_EXAMPLES = 12
"""Fewer examples cannot be cut into three parts in which every label occurs."""

LEAST_CHARACTERS = 400
HELD_OUT = 5
"""One part in five is held out where the source has no test part of its own; half of that is for validation."""

PIECE = 20
"""Lines of running text that stay together when it is cut into parts."""


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

    Raises:
        BadInput: there are too few of them, or all have one label.
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

    Raises:
        BadInput: there is too little of it.
    """

    name: str
    description: str
    text: str
    test: str = ""

    def __post_init__(self) -> None:
        if len(self.text.strip()) < LEAST_CHARACTERS:
            found = f"{len(self.text.strip())} characters of text"
            raise BadInput(self.name, found=found, expected=f"at least {LEAST_CHARACTERS}")


@dataclass(frozen=True, slots=True)
class Parts:
    """The examples to train on, to choose the rate by, and to report."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]


def parted_examples(texts: LabelledTexts, held_out: int) -> Parts:
    """Training, validation and test examples, shuffled the same way always, with at most `held_out` in the last two.

    The parts are no part of a run's randomness: every seed, scheme and rate has the same.
    """
    order = list(texts.examples)
    random.Random(0).shuffle(order)
    if texts.test:
        test = list(texts.test)
        random.Random(0).shuffle(test)
        size = min(held_out, len(order) // HELD_OUT)
        return Parts(tuple(order[size:]), tuple(order[:size]), tuple(test[:held_out]))
    size = min(held_out, len(order) // (2 * HELD_OUT) or 1)
    return Parts(tuple(order[2 * size :]), tuple(order[:size]), tuple(order[size : 2 * size]))


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
