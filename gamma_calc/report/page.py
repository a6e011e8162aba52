"""What a page says: plain data, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from gamma_calc.errors import BadInput

Interval = tuple[float, float]


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


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file beside the page, by its relative path."""

    text: str
    path: str

    @property
    def address(self) -> str:
        """The path as a page writes it."""
        return relative_address(self.path)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: what it shows in words, the path of its image beside the page, and the SVG that HTML carries inside.

    Without `svg` the HTML page links to `path` too.
    """

    alt: str
    path: str
    svg: bytes = b""

    @property
    def address(self) -> str:
        """The path as a page writes it."""
        return relative_address(self.path)


@dataclass(frozen=True, slots=True)
class TermRow:
    """The verdict on one term of a quantity; `measured` is None where it is exactly zero or was not fitted.

    `is_inside` tells whether the interval holds the prediction; None where there is no interval to hold it.
    """

    term: str
    predicted: str
    measured: float | None
    interval: Interval | None
    verdict: str
    reason: str
    is_inside: bool | None = None


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """The verdict on a quantity at step t; `predicted` is written as it is to be read, `is_inside` as of a term.

    `reason` is empty where the numbers say it all; `scheme` is shown only where rows of several schemes stand in one
    table.
    """

    quantity: str
    t: int
    predicted: str
    measured: float | None
    interval: Interval | None
    raw_slope: float | None
    verdict: str
    reason: str
    terms: tuple[TermRow, ...] = ()
    scheme: str = ""
    is_inside: bool | None = None


@dataclass(frozen=True, slots=True)
class SchemeSection:
    """A scheme: what it is, in a line, its verdicts, its figures, and where its derivation stands."""

    name: str
    setting: str
    rows: tuple[QuantityRow, ...]
    pictures: tuple[Picture, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A deliberately false assumption, whose predictions have to FAIL.

    Args:
        assumption: what is assumed wrongly, as a sentence.
        verdict: the verdict on its predictions; anything but FAIL means that the measurement did not see the error.
        rows: the verdicts on its predictions, or those that differ from the true ones.
    """

    assumption: str
    verdict: str
    rows: tuple[QuantityRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A report: its verdict in one sentence, then all that it rests on.

    Args:
        sentence: the verdict in words, shown right behind the word itself.
        rule: what each verdict says, in sentences.
        symbols: what the names of the quantities mean.
        method: how it was measured, as pairs of a name and a value.
        links: files beside the page that belong to no scheme.
    """

    title: str
    verdict: str
    sentence: str
    schemes: tuple[SchemeSection, ...]
    control: Control | None = None
    warnings: tuple[str, ...] = ()
    method: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    rule: str = ""
    symbols: str = ""
