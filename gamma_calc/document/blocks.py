"""The blocks that derivations and pages are made of; every format is one reading of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias
from urllib.parse import quote

from gamma_calc.errors import BadInput


@dataclass(frozen=True, slots=True)
class Math:
    """A formula inside a text."""

    latex: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A word that points at the line or assumption of that number."""

    number: str

    @property
    def word(self) -> str:
        """What is shown: the number of a line in brackets, the key of an assumption as it is."""
        return self.number if self.number[0].isalpha() else f"({self.number})"


@dataclass(frozen=True, slots=True)
class Cite:
    """A word that points at the reference with that key."""

    key: str


Span: TypeAlias = "str | Math | Ref | Cite"
Text: TypeAlias = tuple[Span, ...]
Words: TypeAlias = "str | Text"
"""A text, or one without formulas and links."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title of a page."""

    level: int
    text: Words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of text."""

    text: Words


@dataclass(frozen=True, slots=True)
class ExponentClaim:
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
    claims: tuple[ExponentClaim, ...]
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


class ColumnKind(Enum):
    """How a column of a table is set."""

    NAME = "name"
    NUMBER = "number"
    VERDICT = "verdict"
    REMARK = "remark"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, how it is set, and on paper its share of the line, in thousandths."""

    heading: Words
    kind: ColumnKind = ColumnKind.PLAIN
    share: int = 0


PROOF = (Column("line"), Column("conclusion"), Column("grounds"))
"""The columns of a proof that is set as a table, as `Line.cells` fills them."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; a dense one is set smaller on paper. A verdict is a plain text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Words, ...], ...]
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


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict of the page, in a word and in a sentence."""

    verdict: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of warnings or remarks."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Links to files beside the page, as (text, relative path)."""

    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: what it shows in words, the path of its image beside the page, and the SVGs that HTML carries inside.

    Args:
        svg: without it the HTML page shows `path` too.
        narrow: what a telephone shows in its place.
    """

    alt: str
    path: str
    svg: bytes = b""
    narrow: bytes = b""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Figures beside each other, as many as there is room for, each above its caption."""

    pictures: tuple[tuple[Picture, str], ...]

    def showing(self, images: Mapping[str, bytes]) -> Gallery:
        """The same with the SVGs of its pictures, by path, for HTML to carry."""
        return Gallery(tuple((replace(each, svg=images[each.path]), words) for each, words in self.pictures))


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a reader may unfold."""

    summary: str
    blocks: tuple[Block, ...]


PrintedBlock: TypeAlias = "Paragraph | Proof | Statement | Table | Listing"
"""What a derivation is made of, which is printed as LaTeX too."""

Block: TypeAlias = "PrintedBlock | Heading | Answer | Bullets | Links | Picture | Gallery | Details"
"""What a page is made of."""


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading; a section of depth 1 belongs to the one of depth 0 before it."""

    title: Text
    blocks: tuple[PrintedBlock, ...]
    depth: int = 0

    @property
    def heading(self) -> Heading:
        """The title, below that of the page."""
        return Heading(self.depth + 2, self.title)


@dataclass(frozen=True, slots=True)
class Document:
    """A derivation as it is read: sections, and the references that they cite."""

    title: str
    sections: tuple[Section, ...]
    references: tuple[Entry, ...]

    @property
    def numbers(self) -> Mapping[str, str]:
        """The numbers of the references, by their keys."""
        return {entry.key: str(place) for place, entry in enumerate(self.references, 1)}


def spans(words: Words) -> Text:
    """Words as a text."""
    return (words,) if isinstance(words, str) else words


def typeset(text: str) -> Text:
    r"""A text whose formulas stand between dollar signs.

    >>> typeset(r"for all $T$ from 3 on")
    ('for all ', Math(latex='T'), ' from 3 on')
    """
    return tuple(Math(each) if place % 2 else each for place, each in enumerate(text.split("$")) if each)


def joined(texts: Iterable[Text], separator: str = ", ", last: str | None = None) -> Text:
    """Texts one after the other; `last` stands before the last one in place of the separator."""
    parts = list(texts)
    found: list[Span] = []
    for place, part in enumerate(parts):
        if place:
            found.append(last if last is not None and place == len(parts) - 1 else separator)
        found.extend(part)
    return tuple(found)


def relative_address(path: str) -> str:
    """The address of a file beside the page, quoted, so that no scheme and no markup survives in it.

    Raises:
        BadInput: the path is absolute.

    >>> relative_address("plots/a b.svg"), relative_address("javascript:x")
    ('plots/a%20b.svg', 'javascript%3Ax')
    """
    if path.startswith("/"):
        raise BadInput("link of a page", found=path, expected="a relative path")
    return quote(path, safe="/")
