"""Affine forms over the rationals in named free exponents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from numbers import Number
from typing import ClassVar, TypeAlias

from gamma_calc.algebra.notation import checked_name, linear_latex, linear_text
from gamma_calc.algebra.rational import exact
from gamma_calc.errors import BadInput

AffineLike: TypeAlias = "int | Fraction | Affine"
"""What an operation on affine forms accepts."""

Point: TypeAlias = Mapping[str, Fraction]
"""A value for each free exponent."""

Terms: TypeAlias = tuple[tuple[str, Fraction], ...]

_ZERO = Fraction(0)
_put = object.__setattr__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Affine:
    """A rational combination of free exponents plus a rational constant.

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

    terms: Terms
    constant: Fraction
    _hash: int | None = field(default=None, init=False)
    _text: str | None = field(default=None, init=False)

    __array_ufunc__: ClassVar[None] = None
    """Makes numpy's scalars leave the operation to this class, which refuses them."""

    def __post_init__(self) -> None:
        total: dict[str, Fraction] = {}
        for name, coefficient in self.terms:
            total[checked_name(name)] = total.get(name, _ZERO) + exact(coefficient)
        _put(self, "terms", _packed(total))
        _put(self, "constant", exact(self.constant))

    @classmethod
    def of(cls, value: AffineLike) -> Affine:
        """The value as an affine form.

        >>> Affine.of(2)
        Affine('2')
        """
        return value if type(value) is Affine else _made((), exact(value))

    @classmethod
    def symbol(cls, name: str) -> Affine:
        """The free exponent of that name.

        >>> Affine.symbol("eta_A")
        Affine('eta_A')
        """
        return _symbol(name)

    @property
    def free(self) -> tuple[str, ...]:
        """The names of the free exponents that occur, sorted."""
        return tuple(name for name, _ in self.terms)

    @property
    def is_constant(self) -> bool:
        """Whether no free exponent occurs."""
        return not self.terms

    @property
    def linear(self) -> Affine:
        """The form without its constant."""
        return _made(self.terms, _ZERO)

    def coefficient(self, name: str) -> Fraction:
        """The coefficient of a free exponent, 0 where it does not occur."""
        return next((coefficient for word, coefficient in self.terms if word == name), _ZERO)

    def at(self, point: Mapping[str, int | Fraction]) -> Fraction:
        """The value at a point.

        Raises:
            BadInput: where the point leaves a free exponent without a value.
        """
        value = self.constant
        for name, coefficient in self.terms:
            if name not in point:
                raise BadInput(f"value of {self}", found=name, expected="a value for every free exponent")
            value += coefficient * exact(point[name])
        return value

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Affine:
        """The form with each mapped name replaced, all at once.

        >>> x, y = Affine.symbol("x"), Affine.symbol("y")
        >>> (x + 2 * y).substituted({"x": y, "y": x})
        Affine('2*x + y')
        """
        replaced = [(coefficient, Affine.of(mapping[name])) for name, coefficient in self.terms if name in mapping]
        if not replaced:
            return self
        result = _made(tuple(term for term in self.terms if term[0] not in mapping), self.constant)
        for coefficient, form in replaced:
            result = result + form * coefficient
        return result

    def primitive(self) -> Affine:
        """The positive multiple whose coefficients are coprime integers; a constant goes to its sign.

        The constant beside free exponents may stay a fraction.

        >>> Affine((("x", Fraction(2, 3)), ("y", Fraction(4, 3))), Fraction(1, 3)).primitive()
        Affine('x + 2*y + 1/2')
        """
        if not self.terms:
            return _made((), Fraction((self.constant > 0) - (self.constant < 0)))
        common = lcm(*(coefficient.denominator for _, coefficient in self.terms))
        divisor = gcd(*(coefficient.numerator * (common // coefficient.denominator) for _, coefficient in self.terms))
        return self if common == divisor else self * Fraction(common, divisor)

    def __add__(self, other: AffineLike) -> Affine:
        if type(other) is not Affine:
            if not isinstance(other, Number):
                return NotImplemented
            return _made(self.terms, self.constant + exact(other))
        constant = self.constant + other.constant
        if not other.terms:
            return _made(self.terms, constant)
        if not self.terms:
            return _made(other.terms, constant)
        total = dict(self.terms)
        for name, coefficient in other.terms:
            total[name] = total[name] + coefficient if name in total else coefficient
        return _made(_packed(total), constant)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return _made(tuple((name, -coefficient) for name, coefficient in self.terms), -self.constant)

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
        if not by:
            return _made((), _ZERO)
        return _made(tuple((name, coefficient * by) for name, coefficient in self.terms), self.constant * by)

    __rmul__ = __mul__

    def __truediv__(self, divisor: int | Fraction) -> Affine:
        return self * (1 / exact(divisor)) if isinstance(divisor, Number) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if type(other) is not Affine:
            return NotImplemented
        return self is other or (self.terms == other.terms and self.constant == other.constant)

    def __hash__(self) -> int:
        # Forms are keys of every cache, and hashing a Fraction takes a modular inverse: its two integers do as well.
        if self._hash is None:
            numbers = tuple((name, number.as_integer_ratio()) for name, number in self.terms)
            _put(self, "_hash", hash((numbers, self.constant.as_integer_ratio())))
        return self._hash  # type: ignore[return-value]

    def __reduce__(self) -> tuple[type[Affine], tuple[Terms, Fraction]]:
        # The hash of a string differs between processes, so the cached one must not travel.
        return Affine, (self.terms, self.constant)

    def __str__(self) -> str:
        if self._text is None:
            _put(self, "_text", linear_text(self.terms, self.constant))
        return self._text  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Affine({str(self)!r})"

    def latex(self) -> str:
        r"""The form as LaTeX.

        >>> print((Affine.symbol("eta_A") / 2 + 1).latex())
        \frac{1}{2} \eta_{A} + 1
        """
        return linear_latex(self.terms, self.constant)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def _packed(total: dict[str, Fraction]) -> Terms:
    return tuple(sorted(term for term in total.items() if term[1]))


def _made(terms: Terms, constant: Fraction) -> Affine:
    """An Affine from parts that are canonical already: the arithmetic spends most of its time here."""
    form = object.__new__(Affine)
    _put(form, "terms", terms)
    _put(form, "constant", constant)
    _put(form, "_hash", None)
    _put(form, "_text", None)
    return form


@lru_cache(maxsize=1024)
def _symbol(name: str) -> Affine:
    return _made(((checked_name(name), Fraction(1)),), _ZERO)


def from_integers(names: Sequence[str], row: Sequence[int]) -> Affine:
    """The form with a constant and the coefficients of names in order, all integers; it may hold auxiliary names.

    >>> from_integers(("x", "y"), (1, 0, 2))
    Affine('2*y + 1')
    """
    return _made(tuple((name, Fraction(c)) for name, c in zip(names, row[1:], strict=True) if c), Fraction(row[0]))


def auxiliary(name: str) -> Affine:
    """A variable that no user can name (so the checks of names are skipped), for use inside an algorithm."""
    return _made(((f"*{name}", Fraction(1)),), _ZERO)
