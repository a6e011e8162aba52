"""Sizes: which axes the dimensions of a module's tensors have, from their sizes in two twins.

Each class of sizes (heads, the size of a head, the vocabulary) grows by a factor of its own between the twins, and no
two products of a few classes by the same one. So the factor by which a dimension grows says which classes it is a
product of, and a number that grows like a power of such a product says which power.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import gcd, log, prod

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.tracing.capture import Sizes

ZERO = Affine.of(0)
VOCABULARY = "vocabulary"
MOST_CLASSES = 4
"""Classes that one dimension is a product of."""
POWERS = tuple(sign * Fraction(power) for power in ("1", "1/2", "1/4", "2") for sign in (1, -1))
ROUNDING = 2.0**-20
"""How far a number in single precision, a product of a few, may be from the exact one, relatively."""
RARE_POWERS = tuple(
    tuple(
        sign * Fraction(count, whole) for count in range(1, 3 * whole + 1) if gcd(count, whole) == 1 for sign in (1, -1)
    )
    for whole in (1, 2, 3, 4, 6, 8)
)
"""Powers that a number in double precision is read as where it is none of the common ones, by their denominators."""
EXACT = 1e-9
"""How far such a number may be from the exact one: of so many powers one would be nearer by chance than `ROUNDING`."""


@dataclass(frozen=True, slots=True)
class SizeClasses:
    """The classes of sizes of some twins.

    `sizes` are those of each class in the twins, `growth` the exponents of the classes; `products` names products of
    classes, such as the hidden size of heads and their size; `fixed` names numbers that are the same in all twins.

    Raises:
        BadInput: two products of classes grow by the same factor, so sizes do not tell them apart.
    """

    sizes: Mapping[str, Sizes]
    growth: Mapping[str, Affine]
    products: Mapping[frozenset[str], str] = field(default_factory=dict)
    fixed: Mapping[int, str] = field(default_factory=dict)
    classes: Mapping[Fraction, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[Fraction, frozenset[str]] = {}
        for count in range(1, MOST_CLASSES + 1):
            for names in map(frozenset, combinations(sorted(self.sizes), count)):
                if (
                    found.setdefault(prod((_factor(self.sizes[name]) for name in names), start=Fraction(1)), names)
                    != names
                ):
                    raise BadInput(f"sizes that no axis tells apart: those of {', '.join(sorted(names))}")
        if Fraction(1) in found:
            raise BadInput(f"sizes of {', '.join(sorted(found[Fraction(1)]))}", found="the same in both twins")
        object.__setattr__(self, "classes", found)

    def check_class(self, asked: str, name: str) -> None:
        """That there is such a class, whose growth may be chosen; that of a product follows from its factors'.

        Raises:
            BadInput: there is none.
        """
        if name in self.sizes:
            return
        made = next((sorted(names) for names, product in self.products.items() if product == name), None)
        known = f"one of {', '.join(self.sizes)}"
        expected = known if made is None else f"{known}, as {name} is the product of {' and '.join(made)}"
        raise BadInput(asked, found=name, expected=expected, choices=self.sizes if made is None else ())

    def name(self, names: frozenset[str]) -> str:
        """What a product of classes is called."""
        return self.products.get(names, "_".join(sorted(names)))

    def beyond_vocabulary(self, sizes: Sizes) -> int:
        """How many rows a table has beside those of a fixed vocabulary, such as for images; 0 where it is none."""
        few = self.sizes.get(VOCABULARY, sizes)
        more = {size - count for size, count in zip(sizes, few, strict=True)}
        return max(0, *more) if len(more) == 1 and self.growth.get(VOCABULARY) == ZERO else 0

    def power(self, numbers: tuple[float, ...]) -> Affine:
        """The exponent of a number that is a power of some size, times a constant.

        Of the rarer powers, such as the third root, the one with the smallest denominator.

        Raises:
            Unknown: it is no such power, or two of different exponents.
        """
        if 0 in numbers or numbers[0] * numbers[1] < 0:
            raise Unknown(f"a number that is {numbers[0]} at one width and {numbers[1]} at another")
        growth = log(numbers[1] / numbers[0])
        tried = ((POWERS, ROUNDING), *((powers, EXACT) for powers in RARE_POWERS))
        found = next(filter(None, (self._exponents(growth, *each) for each in tried)), set())
        if len(found) != 1:
            raise Unknown(
                f"a number that is {numbers[0]} at one width and {numbers[1]} at another, no power of one size"
            )
        return found.pop()

    def _exponents(self, growth: float, powers: Iterable[Fraction], rounding: float) -> set[Affine]:
        """The exponents of the powers of sizes that grow by a factor, whose logarithm is given."""
        return {
            sum((self.growth[name] for name in names), ZERO) * power
            for factor, names in self.classes.items()
            for power in powers
            if abs(growth - float(power) * log(factor)) < rounding
        }


def _factor(sizes: Sizes) -> Fraction:
    return Fraction(sizes[1], sizes[0])


class Axes:
    """The axes of a family's tensors, made as they are met, and how many coordinates each has in the twins.

    What no class explains is taken to grow, but for `parts_of_fixed`: the coordinates of a head that rotate, say.
    `blocks` are the axes of what is taken of one.
    """

    def __init__(self, family: SizeClasses) -> None:
        self.family = family
        self.sizes: dict[Axis, Sizes] = {}
        self.unexplained: dict[Axis, str] = {}
        self.parts_of_fixed: set[Sizes] = set()
        self.blocks: dict[Axis, list[Axis]] = {}

    def axis(self, sizes: Sizes, taken: Iterable[Axis] = (), where: str = "") -> Axis:
        """An axis of so many coordinates, other than some: the first is called by its classes, others are numbered."""
        name, growth = self._class(sizes)
        known = set(taken)
        found = next(axis for axis in _numbered(name, growth or ZERO) if axis not in known)
        self.sizes[found] = sizes
        if growth is None:
            self.unexplained.setdefault(found, where)
        return found

    def dimension(self, sizes: Sizes, taken: Iterable[Axis] = (), where: str = "") -> tuple[Axis, ...]:
        """A dimension of so many coordinates: such an axis, or none where it has one coordinate."""
        return () if set(sizes) == {1} else (self.axis(sizes, taken, where),)

    def is_fixed(self, axis: Axis) -> bool:
        """Whether an axis has as many coordinates at every width."""
        return axis.is_fixed and axis not in self.unexplained

    def growth_of(self, axis: Axis) -> Affine:
        """The exponent of the number of coordinates; of n and a few more, side by side, it is that of n.

        Raises:
            Unknown: free exponents decide which of its blocks is the largest.
        """
        own = {self.growth_of(each) for each in self.blocks.get(axis, ())} if axis in self.unexplained else ()
        if len(own) > 1 and not all(each.is_constant for each in own):
            raise Unknown(f"{axis}, which is made of blocks whose free exponents decide how it grows")
        return max(own, key=lambda each: each.constant, default=axis.size)

    def copy(self, axis: Axis, taken: Iterable[Axis]) -> Axis:
        """Another axis of the same size."""
        return self.axis(self.sizes[axis], taken)

    def _class(self, sizes: Sizes) -> tuple[str, Affine | None]:
        if len(set(sizes)) == 1:
            return self.family.fixed.get(sizes[0], f"size_{sizes[0]}"), ZERO
        if 0 in sizes:
            raise Unknown("a size of 0 at one width and not at another")
        names = self.family.classes.get(_factor(sizes))
        if names is None and (more := self.family.beyond_vocabulary(sizes)):
            return f"{VOCABULARY}_and_{more}", ZERO
        if names is None:
            return f"size_{'_'.join(map(str, sizes))}", ZERO if sizes in self.parts_of_fixed else None
        multiple = Fraction(sizes[0], prod(self.family.sizes[name][0] for name in names))
        name = self.family.name(names)
        if multiple != 1:
            name = f"{name}_x{str(multiple).replace('/', '_')}"
        return name, sum((self.family.growth[each] for each in names), ZERO)


def _numbered(name: str, size: Affine) -> Iterator[Axis]:
    yield Axis(name, size)
    for number in range(2, 1000):
        yield Axis(f"{name}[{number}]", size)
