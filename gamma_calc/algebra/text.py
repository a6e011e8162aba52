"""Reading exact numbers, affine forms, exponents and inequalities from text.

The grammar, with blanks anywhere between words:

    exponent   = "-oo" | "max(" affine {"," affine} ")" | affine
    inequality = affine ("<=" | ">=" | "<" | ">" | "=" | "==") affine
    affine     = {sign} term {sign {sign} term}
    term       = factor {"*" factor | "/" integer}     with at most one name among its factors
    factor     = number | name
    rational   = {sign} number ["/" integer]
    number     = integer | integer "." integer

A finite decimal is exact: 0.75 is 3/4. Text is split into words by one regular expression and read once from left to
right: nothing is evaluated, and nothing nests. What the classes of this package print reads back as the same value.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from typing import NoReturn

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.exponent import VANISHING, Exponent
from gamma_calc.algebra.inequality import Inequality
from gamma_calc.algebra.notation import LONGEST_NAME, RESERVED
from gamma_calc.algebra.polyhedron import EVERYWHERE, Polyhedron
from gamma_calc.algebra.rational import exact
from gamma_calc.errors import BadInput, quoted

LONGEST_TEXT = 256
"""Characters of the longest text that is read."""

LONGEST_INTEGER = 30
"""Digits of the longest numerator or denominator."""

_DIGIT = re.compile("[0-9]")
_INTEGER = re.compile("[0-9]+")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_LETTER = re.compile("[A-Za-z_]")
_WORD = re.compile(r"[0-9][0-9A-Za-z_.]*|[A-Za-z_][0-9A-Za-z_]*|<=|>=|==|[^ \t]")


def parsed_rational(text: str) -> Fraction:
    """The number P or P/Q, where P may be a decimal.

    >>> parsed_rational("-3/6"), parsed_rational("-0.5")
    (Fraction(-1, 2), Fraction(-1, 2))
    """
    reader = _Reader("rational number", text)
    value = reader.sign() * reader.number()
    if reader.took("/"):
        value /= reader.divisor()
    reader.end("the end of the number P or P/Q")
    return value


def exact_number(value: object) -> Fraction:
    """An exact number, or that of a text.

    >>> exact_number(2), exact_number("1/16")
    (Fraction(2, 1), Fraction(1, 16))
    """
    return parsed_rational(value) if isinstance(value, str) else exact(value)


def parsed_affine(text: str, *, forbidden: Collection[str] = ()) -> Affine:
    """The affine form.

    Args:
        text: such as "3*x/2 - 1/2".
        forbidden: words that may not name a free exponent here, beside those that never may.

    Raises:
        BadInput: with the position of the first word that does not fit.

    >>> parsed_affine("-rank/2 + 1 + rank")
    Affine('rank/2 + 1')
    """
    reader = _Reader("affine form", text, forbidden)
    form = reader.affine()
    reader.end()
    return form


def parsed_exponent(text: str, domain: Polyhedron = EVERYWHERE) -> Exponent:
    """The exponent: -oo, an affine form, or max(..., ...).

    >>> parsed_exponent("max(eta + 1, 0, eta)")
    Exponent('max(0, eta + 1)')
    """
    reader = _Reader("exponent", text)
    if reader.words[:2] == ["-", "oo"]:
        reader.position = 2
        reader.end("nothing after -oo")
        return VANISHING
    if not reader.took("max"):
        pieces = [reader.affine()]
    else:
        reader.demand("(", "( after max")
        pieces = [reader.affine()]
        while reader.took(","):
            pieces.append(reader.affine())
        reader.demand(")", "one of + - * / , )")
    reader.end()
    return Exponent(tuple(pieces), domain)


def parsed_inequality(text: str, *, forbidden: Collection[str] = ()) -> tuple[Inequality, ...]:
    """The inequality, or the two that an equality stands for.

    >>> [str(each) for each in parsed_inequality("x + y >= 1/2")]
    ['x + y >= 1/2']
    >>> [str(each) for each in parsed_inequality("0 < x")]
    ['x > 0']
    >>> [str(each) for each in parsed_inequality("a = b")]
    ['a - b >= 0', 'a - b <= 0']
    """
    reader = _Reader("inequality", text, forbidden)
    left = reader.affine()
    relation = reader.relation()
    difference = left - reader.affine()
    if reader.word in _RELATIONS:
        reader.refuse("one relation; write a chain as two inequalities")
    reader.end()
    if relation in ("=", "=="):
        return Inequality(difference), Inequality(-difference)
    is_strict = relation in ("<", ">")
    return (Inequality(difference if relation.startswith(">") else -difference, is_strict),)


def _number_hint(word: str) -> str:
    if re.fullmatch(r"[0-9]*\.[0-9]*|[0-9.]+[eE][0-9]*", word):
        return "a number such as 3/4 or 0.75"
    return "a number, then * before a name" if _DIGIT.match(word) else "a number"


_RELATIONS = ("<=", ">=", "=", "==", "<", ">")


class _Reader:
    """The words of one text, and a position among them."""

    def __init__(self, kind: str, text: str, forbidden: Collection[str] = ()) -> None:
        if not isinstance(text, str):
            raise BadInput(kind, found=f"{type(text).__name__} {text!r}", expected="text")
        if len(text) > LONGEST_TEXT:
            asked = f"{kind} {quoted(text)} of {len(text)} characters"
            raise BadInput(asked, expected=f"at most {LONGEST_TEXT}")
        matches = list(_WORD.finditer(text))
        self.kind = kind
        self.text = text
        self.forbidden = forbidden
        self.words = [match.group() for match in matches]
        self.starts = [match.start() for match in matches]
        self.position = 0

    @property
    def word(self) -> str:
        """The next word, empty at the end."""
        return self.words[self.position] if self.position < len(self.words) else ""

    def refuse(self, expected: str) -> NoReturn:
        """Raise, pointing at the next word."""
        place = f"character {self.starts[self.position] + 1}" if self.word else "at its end"
        raise BadInput(f"{self.kind} {quoted(self.text)}, {place}", found=self.word, expected=expected)

    def took(self, word: str) -> bool:
        """Whether the next word is this one, which is then passed."""
        is_next = self.word == word
        self.position += is_next
        return is_next

    def demand(self, word: str, expected: str) -> None:
        """Pass this word or refuse another."""
        if not self.took(word):
            self.refuse(expected)

    def end(self, expected: str = "one of + - * / or the end") -> None:
        """Refuse anything that is left."""
        if self.word:
            self.refuse(expected)

    def sign(self) -> int:
        """The product of any signs."""
        sign = 1
        while self.word in ("+", "-"):
            sign *= -1 if self.took("-") or not self.took("+") else 1
        return sign

    def affine(self) -> Affine:
        """The longest affine form from here."""
        form = self.sign() * self.term()
        while self.word in ("+", "-"):
            form = form + self.sign() * self.term()
        self.check_size(form)
        return form

    def term(self) -> Affine:
        """A product of numbers and at most one name, divided by integers."""
        product = self.factor()
        while self.word in ("*", "/"):
            if self.took("/"):
                product = product / self.divisor()
                continue
            self.took("*")
            before = self.position
            factor = self.factor()
            if not (product.is_constant or factor.is_constant):
                self.position = before
                self.refuse("a number: a product of free exponents is not an affine form")
            product = factor * product.constant if product.is_constant else product * factor.constant
        return product

    def factor(self) -> Affine:
        """A number or a name."""
        if _DIGIT.match(self.word):
            return Affine.of(self.number())
        if _LETTER.match(self.word):
            return Affine.symbol(self.name())
        self.refuse("a number or a name")

    def number(self) -> Fraction:
        """An integer or a decimal."""
        return self.digits(_DECIMAL, _number_hint(self.word))

    def divisor(self) -> Fraction:
        """An integer other than 0."""
        if re.fullmatch("0+", self.word):
            self.refuse("a divisor other than 0")
        if _LETTER.match(self.word):
            self.refuse("an integer: division by a free exponent is not an affine form")
        return self.digits(_INTEGER, "an integer")

    def digits(self, form: re.Pattern[str], expected: str) -> Fraction:
        """A number of bounded length, written in a form."""
        word = self.word
        if not form.fullmatch(word):
            self.refuse(expected)
        if len(word.replace(".", "")) > LONGEST_INTEGER:
            self.refuse(f"at most {LONGEST_INTEGER} digits")
        self.position += 1
        return Fraction(word)

    def name(self) -> str:
        """The name of a free exponent."""
        word = self.word
        if len(word) > LONGEST_NAME:
            self.refuse(f"a name of at most {LONGEST_NAME} characters")
        if word in RESERVED or word in self.forbidden:
            self.refuse("the name of a free exponent, which this reserved word cannot be")
        self.position += 1
        return word

    def relation(self) -> str:
        """The relation of an inequality."""
        word = self.word
        if word not in _RELATIONS:
            self.refuse("one of <= >= < > =")
        self.position += 1
        return word

    def check_size(self, form: Affine) -> None:
        """Refuse a form that could not be read back: the numbers of a product or sum can outgrow the limit."""
        numbers = [form.constant, *(coefficient for _, coefficient in form.terms)]
        if any(max(abs(each.numerator), each.denominator) >= 10**LONGEST_INTEGER for each in numbers):
            asked = f"{self.kind} {quoted(self.text)}"
            raise BadInput(asked, expected=f"numbers of at most {LONGEST_INTEGER} digits after simplification")
