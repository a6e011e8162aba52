"""The errors of gamma_calc: one base class, and one message for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

QUOTED = 60
"""Characters of somebody's text that a message repeats."""

LONGEST_MESSAGE = 1000
"""Characters of a message; the middle of a longer one is left out: it begins with a place, and ends with advice."""


class GammaCalcError(Exception):
    """Everything that gamma_calc raises on purpose."""


class BadInput(GammaCalcError):
    """What was asked cannot be read or does not make sense.

    Args:
        asked: what was being read or done, with the place where it stands.
        found: what stood there, a text or another value; an empty text is nothing.
        expected: what would have been understood.
        choices: the valid words; the one nearest to `found` is offered.

    >>> str(BadInput("optimizer", found="adm", expected="adam or sgd", choices=("adam", "sgd")))
    "optimizer: found 'adm', expected adam or sgd. Did you mean 'adam'?"
    """

    def __init__(self, asked: str, *, found: object = "", expected: str = "", choices: Iterable[str] = ()) -> None:
        self.asked = asked
        self.found = found
        self.expected = expected
        self.suggestion = nearest(found, choices) if isinstance(found, str) else ""
        parts = [] if found == "" else [f"found {quoted(found)}"]
        parts += [f"expected {expected}"] if expected else []
        message = f"{asked}: {', '.join(parts)}" if parts else asked
        super().__init__(printable(f"{message}.{self.suggestion}" if self.suggestion else message))


class Inexact(BadInput, TypeError):
    """A float, or another number that is not an exact rational, where only exact ones are allowed."""


@contextmanager
def named_in(place: object) -> Iterator[None]:
    """What is wrong with what stands in a place, told with its name."""
    try:
        yield
    except BadInput as problem:
        raise BadInput(f"{place}: {problem}") from None


class TooLong(GammaCalcError):
    """An answer takes more numbers, or more work, than whoever asks for it wants to spend."""


class Unknown(GammaCalcError):
    """The rules do not decide what was asked; the message is the reason."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """The sentence that offers the choice nearest to `word`, with a space before it, or nothing.

    >>> nearest("etaA", ["eta_A", "rank"])
    " Did you mean 'eta_A'?"
    >>> nearest("Init-A", ["init-b", "init-a"])
    " Did you mean 'init-a'?"
    >>> nearest("q", ["eta_A", "rank"])
    ''
    """
    small = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word[:QUOTED].casefold(), small, n=1)
    return f" Did you mean {small[close[0]]!r}?" if close else ""


def quoted(value: object) -> str:
    """A text in quotation marks, or another value as Python writes it, escaped and cut to what a message can hold.

    >>> quoted("x" * 70)[-6:]
    "xx'..."
    >>> quoted([1, "a"])
    "[1, 'a']"
    """
    if isinstance(value, str):
        return repr(value) if len(value) <= QUOTED else f"{value[:QUOTED]!r}..."
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than some thousand digits
        return f"{'an integer' if isinstance(value, int) else 'a value with an integer'} of thousands of digits"
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def one_line(problem: BaseException, most: int = 200) -> str:
    """What an exception of somebody else's says, in one line of so many characters at most."""
    return " ".join(str(problem).split())[:most]


def printable(text: str) -> str:
    r"""The text as one line of bounded length, with what a terminal would act upon escaped.

    >>> print(printable("one\ntwo \x1b[31m"))
    one\ntwo \x1b[31m
    """
    line, half = visible(text), LONGEST_MESSAGE // 2
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:half]} ... {line[-half:]}"


def visible(text: str, kept: str = "") -> str:
    """The text with what a terminal would act upon escaped, except some characters."""
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode() for each in text
    )
