"""The vocabulary of a model that is built: the most frequent words of its training text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_PIECE = re.compile(r"\w+|[^\w\s]")

START, PAD, END, UNKNOWN, MASK = range(5)
"""In the order of RoBERTa's vocabulary, where the padding is number 1."""

SPECIAL = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and their numbers; a word that is not among them is `UNKNOWN`."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], size: int) -> Vocabulary:
        """The words that occur most often, `size` with the special ones; the alphabet decides a tie.

        >>> Vocabulary.of(["b b a", "a c"], 7).words
        ('a', 'b')
        """
        counts = Counter(word for text in texts for word in _PIECE.findall(text.lower()))
        order = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(order[: size - SPECIAL]))

    def __len__(self) -> int:
        return SPECIAL + len(self.words)

    def encoded(self, text: str) -> list[int]:
        """The numbers of a text's words, without special ones."""
        numbers = {word: number for number, word in enumerate(self.words, SPECIAL)}
        return [numbers.get(word, UNKNOWN) for word in _PIECE.findall(text.lower())]
