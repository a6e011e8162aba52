"""The blocks that a page is made of; every format is one reading of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote

from gamma_calc.errors import BadInput

SIGNS = {"PASS": "\N{CHECK MARK}", "FAIL": "\N{BALLOT X}", "INCONCLUSIVE": "?"}
SIGNS |= {"confirmed": SIGNS["PASS"], "refuted": SIGNS["FAIL"], "undecided": SIGNS["INCONCLUSIVE"]}
SEVERITY = ("FAIL", "INCONCLUSIVE", "PASS")
GLOSSARY = "Other words are defined in docs/glossary.md of gamma_calc's repository."


def signed(verdict: str) -> str:
    """The verdict behind its sign; a word that is not known stands alone.

    >>> signed("INCONCLUSIVE"), signed("UNKNOWN")
    ('? INCONCLUSIVE', 'UNKNOWN')
    """
    return f"{SIGNS.get(verdict, '')} {verdict}".strip()


def severity(verdict: str) -> int:
    """The place of a verdict in that order; a word that is not known comes last.

    >>> severity("FAIL"), severity("PASS")
    (0, 2)
    """
    return SEVERITY.index(verdict) if verdict in SEVERITY else len(SEVERITY)


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


class Kind(Enum):
    """How a column of a table is set."""

    NAME = "name"
    NUMBER = "number"
    VERDICT = "verdict"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title of the page."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


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
class Table:
    """A table: its columns as (heading, kind), and its rows."""

    columns: tuple[tuple[str, Kind], ...]
    rows: tuple[tuple[str, ...], ...]


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


Block = Heading | Paragraph | Answer | Bullets | Table | Links | Picture | Gallery | Details
