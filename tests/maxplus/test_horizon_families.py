"""Families of exponents: their products, which of them are larger, and fewer for many, against sums at many steps."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import EVERYWHERE, Affine
from gamma_calc.maxplus.graph import Monomial, Node
from gamma_calc.maxplus.horizon_families import HorizonFamily, largest
from gamma_calc.maxplus.path_families import Cycle, Order, PathFamily, turns
from gamma_calc.maxplus.path_products import path_products

LATE = 40
X = Affine.symbol("x")
NODES = Node("one"), Node("other"), Node("third")
POINTS = [{"x": Fraction(number, 3)} for number in range(-12, 13)]
forms = st.builds(lambda slope, constant: X * slope + constant, st.integers(-1, 2), st.integers(-2, 2))
cycles = st.lists(st.builds(Cycle, forms, st.integers(1, 3)), max_size=2, unique=True).map(tuple)
paths = st.builds(PathFamily, forms, st.integers(0, 3), cycles)
periods = st.builds(Fraction, st.integers(1, 3), st.integers(1, 2))


@st.composite
def families(draw: st.DrawFn) -> HorizonFamily:
    start = draw(st.integers(1, 4))
    if draw(st.booleans()):
        return HorizonFamily(draw(forms), start)
    return HorizonFamily(draw(forms), start, draw(forms.filter(lambda form: form != 0)), start, draw(periods))


def most_of(every: Iterable[HorizonFamily], steps: int) -> list[Fraction | None]:
    """The largest exponent at many points."""
    corners = [corner for family in every for corner in family.corners(steps)]
    return [max((corner.at(point) for corner in corners), default=None) for point in POINTS]


@settings(max_examples=200)
@given(families(), families())
def test_what_is_within_is_never_larger(one: HorizonFamily, other: HorizonFamily) -> None:
    if one.is_within(other, Order(EVERYWHERE)):
        assert all(most_of([other], t) == most_of([one, other], t) for t in range(1, LATE))


@settings(max_examples=200)
@given(families(), families())
def test_what_is_not_within_is_larger_at_some_step(one: HorizonFamily, other: HorizonFamily) -> None:
    if one.is_turning == other.is_turning and one.cycle == other.cycle and one.start >= other.start:
        is_larger = any(most_of([other], t) != most_of([one, other], t) for t in range(1, LATE))
        assert one.is_within(other, Order(EVERYWHERE)) or is_larger


@settings(max_examples=200)
@given(st.lists(families(), max_size=5))
def test_few_families_are_as_large_as_all(every: list[HorizonFamily]) -> None:
    few = largest(every, Order(EVERYWHERE))
    assert len(few) <= len(every)
    assert all(most_of(few, t) == most_of(every, t) for t in range(1, LATE))


def test_families_of_one_ray_are_one() -> None:
    two, half = HorizonFamily(X, 1, 2 * X + 2, Fraction(1), Fraction(2)), Fraction(1, 2)
    later = HorizonFamily(2 * X + 1, 2, 2 * X + 2, Fraction(2), Fraction(2))
    assert largest([two, later], Order(EVERYWHERE)) == (HorizonFamily(X, 1, X + 1, Fraction(1), Fraction(1)),)
    first = HorizonFamily(X, 2), HorizonFamily(2 * X, 2), HorizonFamily(3 * X, 2)
    ray = HorizonFamily(4 * X, 2, 2 * X, Fraction(2))
    assert largest([*first, ray], Order(EVERYWHERE)) == (HorizonFamily(X, 2, X, half, half),)


TEXTS = {"T - 1": (1, 1), "2*T - 3": ("3/2", "1/2"), "floor(T/2)": (0, 2), "floor((3*T - 5)/2)": ("3/2", "2/3")}


@pytest.mark.parametrize(("text", "place"), TEXTS.items())
def test_the_most_turns_are_written_as_they_are(text: str, place: tuple[int | str, int | str]) -> None:
    assert HorizonFamily(X, 2, X + 1, *map(Fraction, place)).most_text == text


def sums(family: PathFamily, most: int) -> set[tuple[Affine, int]]:
    """The sums of a family's paths and the fewest edges of each, as far as these are few."""
    made: dict[Affine, int] = {}
    for numbers, added in turns(family.cycles, most - family.length) if most >= family.length else ():
        taken = sum(number * cycle.length for number, cycle in zip(numbers, family.cycles, strict=True))
        form = family.base + added
        made[form] = min(family.length + taken, made.get(form, most))
    return set(made.items())


@settings(max_examples=100, deadline=None)
@given(st.lists(paths, min_size=1, max_size=2), paths, st.booleans())
def test_a_product_of_families_is_the_products_of_their_paths(
    one: list[PathFamily], other: PathFamily, is_square: bool
) -> None:
    known = {NODES[0]: one, NODES[1]: [other]}
    factors = (NODES[0], NODES[0], NODES[1]) if is_square else (NODES[0], NODES[1])
    made = path_products([Monomial(X, factors)], known, Order(EVERYWHERE))
    assert made is not None
    most = 8
    of_factors = [{path for each in known[node] for path in sums(each, most)} for node in factors]
    of_product = {path for each in made for path in sums(each, most)}
    for steps in range(most + 1):
        singles = [[form for form, edges in every if edges <= steps] for every in of_factors]
        found = [form for form, edges in of_product if edges <= steps]
        for point in POINTS[::6]:
            asked = [max((form.at(point) for form in every), default=None) for every in singles]
            expected = None if None in asked else X.at(point) + sum(each for each in asked if each is not None)
            assert max((form.at(point) for form in found), default=None) == expected, (steps, point)
