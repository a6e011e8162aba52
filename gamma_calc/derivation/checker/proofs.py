"""What a proof is, and how it is checked.

That a sum of forms is at most the largest of some tops wherever the hypotheses are at least 0 is proved by an average
of the tops and a combination of the hypotheses, without negative weights, such that the average exceeds the sum and the
combination by a constant that is at least 0. That something can be is proved by a point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn

from gamma_calc.algebra.affine import Affine

Json = dict[str, Any]
Forms = tuple[Affine, ...]
Ways = Sequence[Forms]
"""Sums of forms: the ways in which a value comes about."""
ZERO, ONE = Affine.of(0), Affine.of(1)
MOST_FORMS = 64
_NUMBER = re.compile(r"(-?[0-9]{1,200})(?:/([0-9]{1,200}))?", re.ASCII)


class Malformed(ValueError):
    """What was read is not a certificate."""


class Refuted(Exception):
    """A step of a certificate does not hold; the message names it."""


@lru_cache(maxsize=4096)
def rational(text: str) -> Fraction:
    """The number P or P/Q."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match[2] and not int(match[2])):
        raise Malformed(f"found {text[:40]!r}, expected P or P/Q of at most 200 digits")
    return Fraction(int(match[1]), int(match[2] or 1))


def form(data: Json) -> Affine:
    """An affine form: the coefficients by name, the constant under "1"."""
    terms = tuple((name, rational(value)) for name, value in data.items() if name != "1")
    return Affine(terms, rational(data.get("1", "0")))


def forms(data: Any) -> Forms:
    """A list of different forms; its length is bounded, for replaying multiplies lengths."""
    found = tuple(map(form, data if type(data) is list else ()))
    if type(data) is not list or len(found) > MOST_FORMS or len(set(found)) < len(found):
        raise Malformed(f"expected a list of at most {MOST_FORMS} different forms")
    return found


def total(summands: Iterable[Affine]) -> Affine:
    """The sum of some forms."""
    first, *rest = [each for each in summands if each is not ZERO] or [ZERO]
    return sum(rest, first)


class Section:
    """A part of a certificate; its proofs and points are used up in order."""

    def __init__(self, name: str, data: Json) -> None:
        self.name, self.data = name, data
        self.proofs, self.points, self.places = (iter(data.get(key, ())) for key in ("proofs", "points", "places"))

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the certificate at this place."""
        raise Refuted(f"{self.name}: {reason}")

    def check(self, is_so: bool, otherwise: str) -> None:
        """Refuse the certificate at this place unless it is so."""
        if not is_so:
            self.refuse(otherwise)

    def below(self, hypotheses: Forms, way: Forms, tops: Forms) -> None:
        """Check that the sum of a way is at most the largest of the tops wherever the hypotheses are at least 0."""
        piece = total(way)
        if any(top.terms == piece.terms and top.constant >= piece.constant for top in tops):
            return
        average, rest = ([(i, rational(weight)) for i, weight in part] for part in next(self.proofs, ((), ())))
        is_known = all(i in range(len(tops)) for i, _ in average) and all(i in range(len(hypotheses)) for i, _ in rest)
        self.check(is_known, "a weight belongs to no form")
        combination = total(hypotheses[i] * weight for i, weight in rest)
        excess = total(tops[i] * weight for i, weight in average) - piece - combination
        is_average = sum(weight for _, weight in average) == 1 and all(w >= 0 for _, w in (*average, *rest))
        if not (is_average and excess.is_constant and excess.constant >= 0):
            self.refuse(f"{piece} <= max({', '.join(map(str, tops))}) is not proved")

    def point(self, hypotheses: Forms, strict: Forms = ()) -> Mapping[str, Fraction]:
        """The next point; the hypotheses are at least 0 there, the strict ones above 0."""
        point = {name: rational(value) for name, value in next(self.points, {}).items()}
        is_there = all(name in point for each in (*hypotheses, *strict) for name in each.free)
        is_there = is_there and all(each.at(point) >= 0 for each in hypotheses)
        self.check(is_there and all(each.at(point) > 0 for each in strict), "no point shows that this can be")
        return point

    def place(self, hypotheses: Forms, members: Sequence[Forms]) -> int | None:
        """The next place: of the member in which all points with the hypotheses lie; None if there are none."""
        return next(self.places, None)

    def maximum(self, key: str, ways: Ways, hypotheses: Forms) -> Forms:
        """The stated pieces, whose maximum is proved to be that of the ways."""
        pieces, raw = forms(self.data[key]), tuple(map(total, ways))
        for way in ways:
            self.below(hypotheses, way, pieces)
        for piece in pieces:
            if piece not in raw:
                self.below(hypotheses, (piece,), raw)
        return pieces
