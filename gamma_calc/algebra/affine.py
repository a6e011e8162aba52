"""Affine forms over the rationals in named free exponents.

A form is kept as integers over one denominator, so that its arithmetic reduces no fraction; equal forms are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from math import gcd, lcm
from numbers import Number
from operator import add, itemgetter, neg
from typing import Any, ClassVar, TypeAlias

from gamma_calc.algebra.notation import checked_name, linear_latex, linear_text
from gamma_calc.algebra.rational import exact
from gamma_calc.errors import BadInput

AffineLike: TypeAlias = "int | Fraction | Affine"
"""What an operation on affine forms accepts."""

Point: TypeAlias = Mapping[str, Fraction]
"""A value for each free exponent."""

Terms: TypeAlias = tuple[tuple[str, Fraction], ...]

Row: TypeAlias = tuple[int, ...]
"""A constant and coefficients, all multiplied by one number that makes them integers."""

_ZERO = Fraction(0)
_put = object.__setattr__


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class Affine:
    """A rational combination of free exponents plus a rational constant.

    `names` are the free exponents that occur, sorted; `row` the constant and their coefficients, all multiplied by
    `denominator`, the least positive number that makes them integers.

    Args:
        terms: name and coefficient; sorted, summed by name and freed of zeros on construction.
        constant: what remains where every free exponent is 0.

    Raises:
        Inexact: for a coefficient that is not an exact rational.

    >>> eta = Affine.symbol("eta")
    >>> print(3 * eta / 2 - Fraction(1, 2))
    3*eta/2 - 1/2
    >>> eta + 1 - eta == Affine.of(1)
    True
    """

    names: tuple[str, ...]
    row: Row
    denominator: int
    _hash: int
    _text: str | None
    _terms: Terms | None

    __array_ufunc__: ClassVar[None] = None
    """Makes numpy's scalars leave the operation to this class, which refuses them."""

    def __init__(self, terms: Terms, constant: Fraction) -> None:
        total: dict[str, Fraction] = {}
        for name, coefficient in terms:
            total[checked_name(name)] = total.get(name, _ZERO) + exact(coefficient)
        names = sorted(name for name, coefficient in total.items() if coefficient)
        numbers = [exact(constant), *(total[name] for name in names)]
        denominator = lcm(*(number.denominator for number in numbers))
        row = tuple(number.numerator * (denominator // number.denominator) for number in numbers)
        _fill(self, tuple(names), row, denominator)

    @classmethod
    def of(cls, value: AffineLike) -> Affine:
        """The value as an affine form.

        >>> Affine.of(2)
        Affine('2')
        """
        if type(value) is Affine:
            return value
        number = value if type(value) is int else exact(value)
        return _made((), (number.numerator,), number.denominator)

    @classmethod
    def symbol(cls, name: str) -> Affine:
        """The free exponent of that name.

        >>> Affine.symbol("eta_A")
        Affine('eta_A')
        """
        return _made((checked_name(name),), (0, 1), 1)

    @property
    def terms(self) -> Terms:
        """The free exponents that occur with their coefficients, sorted by name."""
        if self._terms is None:
            numbers = (Fraction(number, self.denominator) for number in self.row[1:])
            _put(self, "_terms", tuple(zip(self.names, numbers, strict=True)))
        return self._terms  # type: ignore[return-value]

    @property
    def constant(self) -> Fraction:
        """What remains where every free exponent is 0."""
        return Fraction(self.row[0], self.denominator)

    @property
    def free(self) -> tuple[str, ...]:
        """The names of the free exponents that occur, sorted."""
        return self.names

    @property
    def is_constant(self) -> bool:
        """Whether no free exponent occurs."""
        return not self.names

    @property
    def linear(self) -> Affine:
        """The form without its constant."""
        return _reduced(self.names, (0, *self.row[1:]), self.denominator) if self.row[0] else self

    def coefficient(self, name: str) -> Fraction:
        """The coefficient of a free exponent, 0 where it does not occur."""
        return Fraction(self.row[self.names.index(name) + 1], self.denominator) if name in self.names else _ZERO

    def row_over(self, names: Sequence[str]) -> list[int]:
        """The row with a place for each of the names, among which are those that occur."""
        row = [0] * (len(names) + 1)
        row[0] = self.row[0]
        for name, number in zip(self.names, self.row[1:], strict=True):
            row[names.index(name) + 1] = number
        return row

    def at(self, point: Mapping[str, int | Fraction]) -> Fraction:
        """The value at a point.

        Raises:
            BadInput: where the point leaves a free exponent without a value.
        """
        total, denominator = self.row[0], 1
        for name, coefficient in zip(self.names, self.row[1:], strict=True):
            if name not in point:
                raise BadInput(f"value of {self}", found=name, expected="a value for every free exponent")
            value = exact(point[name])
            total = total * value.denominator + coefficient * value.numerator * denominator
            denominator *= value.denominator
        return Fraction(total, denominator * self.denominator)

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Affine:
        """The form with each mapped name replaced, all at once.

        >>> x, y = Affine.symbol("x"), Affine.symbol("y")
        >>> (x + 2 * y).substituted({"x": y, "y": x})
        Affine('2*x + y')
        """
        replaced = [(coefficient, Affine.of(mapping[name])) for name, coefficient in self.terms if name in mapping]
        if not replaced:
            return self
        row = (self.row[0], *(0 if name in mapping else c for name, c in zip(self.names, self.row[1:], strict=True)))
        result = _reduced(self.names, row, self.denominator)
        for coefficient, form in replaced:
            result = result + form * coefficient
        return result

    def primitive(self) -> Affine:
        """The positive multiple whose coefficients are coprime integers; a constant goes to its sign.

        The constant beside free exponents may stay a fraction.

        >>> Affine((("x", Fraction(2, 3)), ("y", Fraction(4, 3))), Fraction(1, 3)).primitive()
        Affine('x + 2*y + 1/2')
        """
        constant, *coefficients = self.row
        if not coefficients:
            return _made((), ((constant > 0) - (constant < 0),), 1)
        divisor = gcd(*coefficients)
        return self if divisor == self.denominator else _reduced(self.names, self.row, divisor)

    def __add__(self, other: AffineLike) -> Affine:
        if type(other) is not Affine:
            if not isinstance(other, Number):
                return NotImplemented
            other = Affine.of(other)
        names, mine, theirs = self.names, self.row, other.row
        if names != other.names:
            names, place_mine, place_theirs = _aligned(names, other.names)
            mine, theirs = place_mine((*mine, 0)), place_theirs((*theirs, 0))
        if self.denominator == other.denominator:
            return _reduced(names, tuple(map(add, mine, theirs)), self.denominator)
        common = lcm(self.denominator, other.denominator)
        by, other_by = common // self.denominator, common // other.denominator
        return _reduced(names, tuple([by * a + other_by * b for a, b in zip(mine, theirs, strict=True)]), common)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return _made(self.names, tuple(map(neg, self.row)), self.denominator)

    def __sub__(self, other: AffineLike) -> Affine:
        if type(other) is Affine:
            return self + -other
        return self + -exact(other) if isinstance(other, Number) else NotImplemented

    def __rsub__(self, other: int | Fraction) -> Affine:
        return -self + other

    def __mul__(self, factor: int | Fraction) -> Affine:
        if not isinstance(factor, Number):
            return NotImplemented
        by = exact(factor)
        numerator = by.numerator
        return _reduced(self.names, tuple([numerator * a for a in self.row]), self.denominator * by.denominator)

    __rmul__ = __mul__

    def __truediv__(self, divisor: int | Fraction) -> Affine:
        return self * (1 / exact(divisor)) if isinstance(divisor, Number) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is not Affine:
            return NotImplemented
        return self.row == other.row and self.names == other.names and self.denominator == other.denominator

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Affine], tuple[Terms, Fraction]]:
        # The hash of a string differs between processes, so the cached one must not travel.
        return Affine, (self.terms, self.constant)

    def __str__(self) -> str:
        if self._text is None:
            is_whole = self.denominator == 1
            terms = [*zip(self.names, self.row[1:], strict=True)] if is_whole else self.terms
            _put(self, "_text", linear_text(terms, self.row[0] if is_whole else self.constant))
        return self._text  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Affine({str(self)!r})"

    def latex(self) -> str:
        r"""The form as LaTeX.

        >>> print((Affine.symbol("eta_A") / 2 + 1).latex())
        \frac{1}{2} \eta_{A} + 1
        """
        return linear_latex(self.terms, self.constant)

    def sympy(self) -> Any:
        """The form as a sympy expression in real symbols; sympy prints and receives, and judges nothing.

        >>> (Affine.symbol("eta") / 2 - 1).sympy()
        eta/2 - 1
        """
        sympy = import_module("sympy")  # heavy, and asked for by those only who go on in it
        terms = (sympy.Rational(number) * sympy.Symbol(name, real=True) for name, number in self.terms)
        return sympy.Add(sympy.Rational(self.constant), *terms)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def _fill(form: Affine, names: tuple[str, ...], row: Row, denominator: int) -> None:
    _put(form, "names", names)
    _put(form, "row", row)
    _put(form, "denominator", denominator)
    _put(form, "_hash", hash((names, row, denominator)))
    _put(form, "_text", None)
    _put(form, "_terms", None)


@lru_cache(maxsize=65536)
def _made(names: tuple[str, ...], row: Row, denominator: int) -> Affine:
    """The form of parts that are canonical already; shared, so that its text is written once."""
    form = object.__new__(Affine)
    _fill(form, names, row, denominator)
    return form


def _reduced(names: tuple[str, ...], row: Row, denominator: int) -> Affine:
    """The form of a row over sorted names, some coefficients perhaps 0, and of a multiple of its denominator."""
    if 0 in row and 0 in row[1:]:
        kept = [place for place in range(1, len(row)) if row[place]]
        names, row = tuple([names[place - 1] for place in kept]), (row[0], *[row[place] for place in kept])
    if denominator != 1:
        divisor = gcd(denominator, *row)
        if divisor != 1:
            row, denominator = tuple([number // divisor for number in row]), denominator // divisor
    return _made(names, row, denominator)


_Placed: TypeAlias = Callable[[Row], Row]


@lru_cache(maxsize=4096)
def _aligned(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[tuple[str, ...], _Placed, _Placed]:
    """The names of either, sorted, and what puts a row over each, with a 0 at its end, in the places of all."""
    names = tuple(sorted({*left, *right}))

    def placed(mine: tuple[str, ...]) -> _Placed:
        places = (mine.index(name) + 1 if name in mine else len(mine) + 1 for name in names)
        return itemgetter(0, *places)

    return names, placed(left), placed(right)


def integer_rows(forms: Sequence[Affine]) -> tuple[tuple[str, ...], list[Row]]:
    """The names that occur, sorted, and a row over them for each form, all multiplied by the same positive number."""
    names: tuple[str, ...] = ()
    for form in forms:
        if form.names != names:
            names = _aligned(names, form.names)[0] if names else form.names
    factor = lcm(*{form.denominator for form in forms})
    rows = []
    for form in forms:
        row = form.row if form.names == names else _aligned(form.names, names)[1]((*form.row, 0))
        if form.denominator != factor:
            by = factor // form.denominator
            row = tuple([by * number for number in row])
        rows.append(row)
    return names, rows


def from_integers(names: Sequence[str], row: Sequence[int]) -> Affine:
    """The form with a constant and the coefficients of names in order, all integers; it may hold auxiliary names.

    >>> from_integers(("x", "y"), (1, 0, 2))
    Affine('2*y + 1')
    """
    return _reduced(tuple(names), tuple(row), 1)


def auxiliary(name: str) -> Affine:
    """A variable that no user can name (so the checks of names are skipped), for use inside an algorithm."""
    return _made((f"*{name}",), (0, 1), 1)
