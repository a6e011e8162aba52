"""What a derivation's document is made of, whatever it is printed as."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from gamma_calc.algebra import Polyhedron, Region
from gamma_calc.derivation.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Math:
    """A formula inside a text."""

    latex: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A word that points at the line or assumption of that number."""

    number: str


@dataclass(frozen=True, slots=True)
class Cite:
    """A word that points at the reference with that key."""

    key: str


Span: TypeAlias = "str | Math | Ref | Cite"
Text: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of text."""

    text: Text


@dataclass(frozen=True, slots=True)
class Claim:
    """What a line says of one exponent: the subject, the steps that lead to its value, and in which layers it is so."""

    subject: str
    is_exact: bool
    steps: tuple[str, ...]
    where: str = ""

    @property
    def latex(self) -> str:
        """The claim as one chain."""
        relation = "=" if self.is_exact else r"\le"
        where = rf"\quad ({self.where})" if self.where else ""
        return rf"\gamma[{self.subject}] {relation} {' = '.join(self.steps)}{where}"


@dataclass(frozen=True, slots=True)
class Line:
    """One application of a rule: what it concludes, and by which rule, from which lines, on what grounds."""

    number: str
    claims: tuple[Claim, ...]
    rule: str
    premises: tuple[Ref, ...]
    source: Cite
    assumptions: tuple[Ref, ...]

    @property
    def conclusion(self) -> Text:
        """What the line says."""
        return joined([(Math(claim.latex),) for claim in self.claims])

    @property
    def cells(self) -> tuple[Text, ...]:
        """The line as the row of a table."""
        return (f"({self.number})",), self.conclusion, self.grounds

    @property
    def grounds(self) -> Text:
        """The rule, what it is applied to, its source and its assumptions."""
        premises = (" from ", *joined([(premise,) for premise in self.premises])) if self.premises else ()
        assumptions = ("; ", *joined([(each,) for each in self.assumptions])) if self.assumptions else ()
        return (self.rule, *premises, " ", self.source, *assumptions)


@dataclass(frozen=True, slots=True)
class Proof:
    """Lines that follow from each other."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A theorem: what is given, and what follows, one item each."""

    given: Text
    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; `widths` are the columns' shares of the line, in thousandths; a dense one is set smaller."""

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    widths: tuple[int, ...]
    is_dense: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that has a name; a `Ref` or a `Cite` can point at it."""

    key: str
    text: Text


@dataclass(frozen=True, slots=True)
class Listing:
    """Named items."""

    entries: tuple[Entry, ...]


Block: TypeAlias = "Paragraph | Proof | Statement | Table | Listing"


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading; a section of depth 1 belongs to the one of depth 0 before it."""

    title: Text
    blocks: tuple[Block, ...]
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A derivation as it is read: sections, and the references that they cite."""

    title: str
    sections: tuple[Section, ...]
    references: tuple[Entry, ...]


_SYMBOL = re.compile(r"(?<![\w'\[-])(?:([A-Za-z]+)([_^])(\w+)|[B-HJ-Zb-hj-z](?![\w'-]))")


def prose(text: str) -> Text:
    r"""A plain sentence; lone letters and words with an index or a power become formulas.

    >>> prose("an axis of size n^0")
    ('an axis of size ', Math(latex='n^{0}'))
    """
    spans: list[Span] = []
    place = 0
    for match in _SYMBOL.finditer(text):
        word, mark, index = match.groups()
        spans += [
            text[place : match.start()],
            Math(f"{word}^{{{index}}}" if mark == "^" else Symbol.of(match[0]).latex()),
        ]
        place = match.end()
    return tuple(span for span in (*spans, text[place:]) if span)


def typeset(text: str) -> Text:
    r"""A text whose formulas stand between dollar signs.

    >>> typeset(r"for all $T$ from 3 on")
    ('for all ', Math(latex='T'), ' from 3 on')
    """
    return tuple(Math(each) if place % 2 else each for place, each in enumerate(text.split("$")) if each)


def joined(texts: Iterable[Text], separator: str = ", ", last: str | None = None) -> Text:
    """Texts one after the other; `last` stands before the last one in place of the separator."""
    parts = list(texts)
    spans: list[Span] = []
    for place, part in enumerate(parts):
        if place:
            spans.append(last if last is not None and place == len(parts) - 1 else separator)
        spans.extend(part)
    return tuple(spans)


def region_text(region: Region | Polyhedron) -> Text:
    """A region in words and formulas.

    >>> region_text(Region())
    ('never',)
    """
    if isinstance(region, Polyhedron):
        if region.is_everywhere or region.is_empty:
            return (str(region),)
        return joined([(Math(each.latex()),) for each in region.constraints], last=" and ")
    if region.is_empty:
        return ("never",)
    return joined(map(region_text, region.irredundant().members), "; or ")
