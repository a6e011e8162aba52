r"""How a program's tensors and quantities are written in mathematics.

Letters come from the program and a general rule turns them into LaTeX. The time stands below a bare letter and above
one that has an index, as in the literature: A_t, Z_A^t.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gamma_calc.algebra import name_latex
from gamma_calc.calculus.provenance import Flip, Provenance
from gamma_calc.program.expressions import Moment
from gamma_calc.program.terms import Kind, Part

CHANGE_PREFIX = "Delta"
_DIFFERENTIAL = re.compile("d[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter with what stands below and above it."""

    letter: str
    below: str = ""
    above: str = ""

    @classmethod
    def of(cls, name: str) -> Symbol:
        r"""The symbol of a name: what follows an underscore is an index, a number in brackets another one, a leading
        Delta a change.

        >>> Symbol.of("Delta_Z_B").latex(), Symbol.of("dZ").latex(), Symbol.of("Z_A[2]").latex()
        ('\\Delta Z_{B}', '\\mathrm{d}Z', 'Z_{A,2}')
        """
        name, bracket, layer = name.removesuffix("]").partition("[")
        if bracket:
            symbol = cls.of(name)
            return replace(symbol, below=f"{symbol.below},{layer}" if symbol.below else layer)
        head, *words = name.split("_")
        if head == CHANGE_PREFIX and all(words) and words:
            return cls.of("_".join(words)).changed
        if not head or not all(words):
            return cls(name_latex(name))
        letter = rf"\mathrm{{d}}{head[1:]}" if _DIFFERENTIAL.fullmatch(head) else name_latex(head)
        return cls(letter, ",".join(map(name_latex, words)))

    @property
    def changed(self) -> Symbol:
        """The symbol of the change of what this one stands for."""
        return replace(self, letter=rf"\Delta {self.letter}")

    @property
    def decayed(self) -> Symbol:
        """The symbol of what weight decay changes of what this one stands for."""
        return replace(self, letter=rf"\Delta_{{\lambda}} {self.letter}")

    def at(self, time: str) -> Symbol:
        r"""The symbol at a time: below a bare letter, above one that has an index.

        >>> Symbol.of("A").at("t").latex(), Symbol.of("Z_A").at("t").latex()
        ('A_{t}', 'Z_{A}^{t}')
        """
        return replace(self, above=time) if self.below else replace(self, below=time)

    def latex(self) -> str:
        """The symbol as LaTeX."""
        below = f"_{{{self.below}}}" if self.below else ""
        return self.letter + below + (f"^{{{self.above}}}" if self.above else "")

    @property
    def transposed(self) -> str:
        """The transpose as LaTeX."""
        return rf"({self.latex()})^{{\top}}" if self.above else replace(self, above=r"\top").latex()


def quantity_latex(name: str, time: str = "") -> str:
    r"""A quantity by its name, at a time if one is given.

    >>> quantity_latex("delta_1", "2")
    '\\delta_{1}^{2}'
    """
    symbol = Symbol.of(name)
    return (symbol.at(time) if time else symbol).latex()


GRADIENT, DIRECTION, FACTOR = "G", "D", "c"
"""The letters of a raw gradient, of what a step is made from where it is not that, and of the scalar in front of it."""
RATE, DECAY = r"\eta", r"\lambda"


def tensor_symbol(letter: str, tensor: str) -> Symbol:
    r"""What a letter stands for of a trained tensor, whose whole symbol is its index.

    >>> tensor_symbol(RATE, "A_1").latex()
    '\\eta_{A_{1}}'
    """
    return Symbol(letter, Symbol.of(tensor).latex())


def part_symbol(part: Part, time: str, *, has_decay: bool = False) -> Symbol:
    """A part of a trained tensor: what it started from, the sum of its updates, a change of either, or a memory.

    `has_decay` tells that the initial part changes with time.
    """
    start, updates = Symbol.of(part.tensor).at("0"), tensor_symbol("U", part.tensor)
    match part.kind:
        case Kind.INITIAL:
            return start.at(time) if has_decay and time else start
        case Kind.UPDATE:
            return updates.at(time)
        case Kind.CHANGE:
            return Symbol.of(part.tensor).changed.at(time)
        case Kind.INITIAL_DECAY:
            return start.decayed.at(time)
        case Kind.UPDATE_DECAY:
            return updates.decayed.at(time)
        case Kind.MEMORY:
            letter, _, tensor = part.tensor.partition("_")
            return tensor_symbol(name_latex(letter), tensor).at(time)


@dataclass(frozen=True, slots=True)
class Times:
    """How the time before a step and the time after it are written."""

    before: str
    now: str

    @classmethod
    def at(cls, t: int) -> Times:
        """Step t, a number; before training, where t = 0, there is no earlier time."""
        return cls(str(max(t - 1, 0)), str(t))

    def of(self, moment: Moment) -> str:
        """The time of a moment; a step's change carries the step's number."""
        return self.before if moment is Moment.PREVIOUS else self.now


ANY_STEP = Times("t-1", "t")
"""A step t that stands for all."""


def parity_latex(provenance: Provenance) -> str:
    r"""The parity of a component: the slices of initial tensors with which its sign flips, or + where there is none."""

    def slices(flips: frozenset[Flip]) -> list[str]:
        return sorted(rf"{Symbol.of(flip.tensor.name).latex()}{{:}}{name_latex(flip.at.name)}" for flip in flips)

    signs = [*slices(provenance.odd), *(rf"\pm {text}" for text in slices(provenance.mixed))]
    return rf"\langle {', '.join(signs) or '+'}\rangle"
