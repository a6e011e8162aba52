"""The blocks that a page is made of; every format is one reading of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gamma_calc.report.page import Link, Picture


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
    """Links to files beside the page."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a reader may unfold."""

    summary: str
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Answer | Bullets | Table | Links | Figure | Details
