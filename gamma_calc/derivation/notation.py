r"""How a program's expressions, and the terms of their values, are written in mathematics.

Labels say which part of each tensor a term multiplies, so walking an expression and taking one part a trained tensor
writes that term: s (B @ (A @ Z)) with the parts B_0 and U_A at step 2 is s B_0 U_A^2 Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from gamma_calc.algebra import Affine, name_latex
from gamma_calc.calculus.trace import Subject
from gamma_calc.derivation.symbols import (
    ANY_STEP,
    CHANGE_PREFIX,
    Symbol,
    Times,
    gradient_symbol,
    part_symbol,
    quantity_latex,
)
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Map,
    MapChange,
    Merged,
    Moment,
    Named,
    Pointwise,
    Power,
    Renamed,
    Scaled,
    Softmax,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    leaves,
)
from gamma_calc.program.optimizers import Update
from gamma_calc.program.program import Program
from gamma_calc.program.terms import Kind, Label, Part
from gamma_calc.program.update_expressions import Count, Kept, Larger, Memory, Norm, Scalar

_PREFIX = r"\\(Delta |Delta_\{\\lambda\} |mathrm\{d\})"
_STARTS_WITH_PREFIX = re.compile(_PREFIX)
_ENDS_WITH_PREFIXED = re.compile(rf"{_PREFIX}[^ ]*$")


SAME_ENTRIES = Renamed | Split | Merged | Stopped
"""What has the entries of its operand."""
NO_SYMBOLS: Mapping[Expression, Symbol] = MappingProxyType({})


class Notation:
    """The notation of a program's subjects."""

    def __init__(self, program: Program) -> None:
        self.names: Mapping[Expression, str] = {value: name for name, value in program.quantities.items()}

    def subject(self, subject: Subject) -> str:
        """What a conclusion of the trace is about."""
        times = Times.at(subject.t)
        if subject.label:
            return term_latex(subject.expression, subject.label, times)
        return self.whole(subject.expression, times)

    def factors(self, subject: Subject) -> tuple[str, ...]:
        """The operands of a subject's last operation, as the subjects of the lines that speak of them."""
        expression, label = subject.expression, subject.label
        if label:
            expression = picked(expression, label, 0, len(label))
        writer = _Writer(Times.at(subject.t), label or None)
        return tuple(writer.written(bare(operand)) for operand in expression.operands)

    def term(self, expression: Expression, label: Label, times: Times) -> tuple[str, ...]:
        """The lines' subjects that make up the term of a whole value; a sum's summands have lines of their own."""
        inner = bare(expression)
        if isinstance(inner, Sum):
            fitting = (summand for summand in inner.summands if len(label) in _ends(summand, label, 0))
            return tuple(text for summand in fitting for text in self.term(summand, label, times))
        return (term_latex(inner, label, times),)

    def definition(self, expression: Expression, times: Times = ANY_STEP) -> str:
        """What a quantity stands for, in terms of other quantities where it is their sum."""
        if isinstance(expression, Sum):
            summands = expression.summands
            return " + ".join(
                self.whole(each, times) if each in self.names else self.definition(each, times) for each in summands
            )
        return expression_latex(expression.operand if isinstance(expression, Named) else expression, times)

    def whole(self, expression: Expression, times: Times) -> str:
        """A whole value: by its name where the program has one, else as it is written."""
        if expression in self.names:
            return quantity_latex(self.names[expression], times.now)
        return expression_latex(expression, times)


def bare(expression: Expression) -> Expression:
    """What is left of an expression without what takes no line: names, transposes, new axes and scalars n^0."""
    while (
        isinstance(expression, Transposed | SAME_ENTRIES)
        or (isinstance(expression, Named) and not expression.is_cut)
        or (isinstance(expression, Scaled) and expression.exponent == Affine.of(0))
    ):
        expression = expression.operand
    return expression


def expression_latex(
    expression: Expression, times: Times = ANY_STEP, symbols: Mapping[Expression, Symbol] = NO_SYMBOLS
) -> str:
    """An expression as it is written, with names for the parts that have one, and symbols for those that are given."""
    return _Writer(times, None, symbols).written(expression)


def update_latex(update: Update, gradients: Mapping[Trained, Expression], times: Times = ANY_STEP) -> Iterator[str]:
    """The parts of an update rule as they are written, in the symbols of the raw gradients."""
    symbols = {value: gradient_symbol(tensor.name).at(times.before) for tensor, value in gradients.items()}
    for part in update.expressions:
        yield expression_latex(part, times, symbols)


def term_latex(expression: Expression, label: Label, times: Times) -> str:
    """The term of an expression that carries a label: each trained tensor gives way to the part in its place."""
    return _Writer(times, label).written(picked(expression, label, 0, len(label)))


def picked(node: Expression, label: Label, start: int, end: int) -> Expression:
    """A node in which each sum gives way to the summands that make up the term with the label's parts start to end."""
    match node:
        case Sum(summands):
            fitting = tuple(picked(each, label, start, end) for each in summands if end in _ends(each, label, start))
            return node if not fitting else fitting[0] if len(fitting) == 1 else Sum(fitting)
        case Contraction(left, right) | Entrywise(left, right):
            middle = next((place for place in _ends(left, label, start) if end in _ends(right, label, place)), None)
            if middle is None:
                return node
            return replace(node, left=picked(left, label, start, middle), right=picked(right, label, middle, end))
        case Named(is_cut=True):
            return node
        case Named() | Transposed() | Renamed() | Split() | Merged() | Stopped() | Scaled():
            return replace(node, operand=picked(node.operand, label, start, end))
    return node


class _Writer:
    """Writes an expression at given times; with a label, the one term that the label picks out."""

    def __init__(self, times: Times, label: Label | None, symbols: Mapping[Expression, Symbol] = NO_SYMBOLS) -> None:
        self.times = times
        self.label = label
        self.symbols = symbols
        self.place = 0

    def written(self, node: Expression) -> str:
        symbol = self._symbol(node)
        if symbol is not None:
            return symbol.latex()
        match node:
            case Named(is_cut=True):
                return part_symbol(self._next(), self._time(node)).latex()
            case Named(_, operand) | Renamed(operand) | Split(operand) | Merged(operand) | Stopped(operand):
                return self.written(operand)
            case Transposed(operand):
                return self._transposed(operand)
            case Scaled(scalar, _, operand, value):
                number = Symbol.of(scalar).latex() if value is None else _number(value)
                return _product(number, self._factor(operand))
            case Contraction(left, right):
                return _product(self._factor(left), self._factor(right))
            case Entrywise(left, right):
                sign = r"\odot" if left.axes and right.axes else r"\thinspace"
                return rf"{self._factor(left)} {sign} {self._factor(right)}"
            case Sum(summands):
                return self._sum(summands)
            case Map():
                return self._map(node)
            case MapChange():
                return self._map_change(node)
            case Count(_, axis, power):
                return rf"\lvert {name_latex(axis.name)} \rvert^{{{power}}}"
            case Norm(tensors):
                return rf"\lVert {', '.join(self.written(tensor) for tensor in tensors)} \rVert"
            case Larger(one, other):
                return rf"\max({self.written(one)}, {self.written(other)})"
        raise TypeError(f"no notation for {type(node).__name__}")

    def _symbol(self, node: Expression) -> Symbol | None:
        """The one symbol that stands for a node, if there is one."""
        if node in self.symbols:
            return self.symbols[node]
        match node:
            case Given(name) | Scalar(name):
                return Symbol.of(name)
            case Memory() | Kept():
                memory, time = (node, self.times.before) if isinstance(node, Memory) else (node.memory, self.times.now)
                return part_symbol(memory.part if self.label is None else self._next(), time)
            case Trained():
                return self._tensor(node, Moment.PREVIOUS)
            case At(tensor, moment):
                return self._tensor(tensor, moment)
            case Named() if self.label is None:
                return _name_symbol(node, self.times)
        return None

    def _time(self, node: Expression) -> str:
        """The time of a value: that before the step only where nothing in it is of the step or after it."""
        return self.times.before if moments(node) <= {Moment.PREVIOUS} else self.times.now

    def _tensor(self, tensor: Trained, moment: Moment) -> Symbol:
        time = self.times.of(moment)
        if self.label is not None:
            return part_symbol(self._next(), time, has_decay=tensor.has_decay)
        whole = Symbol.of(tensor.name)
        return (whole.changed if moment is Moment.CHANGE else whole).at(time)

    def _next(self) -> Part:
        assert self.label is not None
        part = self.label[self.place]
        self.place += 1
        return part

    def _transposed(self, operand: Expression) -> str:
        symbol = self._symbol(operand)
        return rf"({self.written(operand)})^{{\top}}" if symbol is None else symbol.transposed

    def _factor(self, node: Expression) -> str:
        """A node inside a product; contractions are associative and need no brackets."""
        inner = node
        while isinstance(inner, Named) and not inner.is_cut and self._symbol_is_missing(inner):
            inner = inner.operand
        text = self.written(node)
        is_one = not isinstance(inner, Sum | Entrywise) or not inner.axes or not self._symbol_is_missing(node)
        return text if is_one else f"({text})"

    def _symbol_is_missing(self, node: Expression) -> bool:
        return not isinstance(node, Named) or self.label is not None or _name_symbol(node, self.times) is None

    def _sum(self, summands: tuple[Expression, ...]) -> str:
        if self.label is None:
            return " + ".join(self.written(summand) for summand in summands)
        start, texts = self.place, []
        for summand in summands:
            if _ends(summand, self.label, start):
                self.place = start
                texts.append(self.written(summand))
        return " + ".join(dict.fromkeys(texts))

    def _map_change(self, node: MapChange) -> str:
        if self.label is not None and node.label:
            self._next()
        argument, change = (_Writer(self.times, None, self.symbols).written(each) for each in node.operands)
        return f"[{_applied(node.map, f'{argument} + {change}')} - {_applied(node.map, argument)}]"

    def _map(self, node: Map) -> str:
        text = _applied(node, _Writer(self.times, None, self.symbols).written(node.operand))
        if self.label is None or not node.keeps_parts:
            return text
        return rf"[{text}]_{{0}}" if self._next().kind is Kind.INITIAL else rf"[{text}]_{{U}}"


def _applied(node: Map, argument: str) -> str:
    """A map of what is written so; a function has the primes of its derivatives."""
    match node:
        case Pointwise(function):
            bare_name = function.rstrip("'")
            return f"{name_latex(bare_name)}{function[len(bare_name) :]}({argument})"
        case Power(_, degree, factor):
            return ("" if factor == 1 else rf"{factor} \thinspace ") + f"({argument})^{{{degree}}}"
        case Softmax():
            return rf"\mathrm{{softmax}}({argument})"
        case InverseRms():
            return rf"\mathrm{{rms}}({argument})^{{-1}}"
    raise TypeError(f"no notation for {type(node).__name__}")


def _number(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"


def _product(left: str, right: str) -> str:
    r"""Two factors side by side; a symbol with a prefix is set off from its neighbours.

    >>> _product(r"\Delta B_{1}", "Z")
    '\\Delta B_{1} \\thinspace Z'
    """
    is_set_off = _STARTS_WITH_PREFIX.match(right) or _ENDS_WITH_PREFIXED.search(left)
    return rf"{left} \thinspace {right}" if is_set_off else f"{left} {right}"


def _name_symbol(node: Named, times: Times) -> Symbol | None:
    """A name at the one moment at which its expression is taken, if there is one.

    The change of a product is not the product of changes, so a change has a name only where one tensor changes.
    """
    trained = [leaf for leaf in leaves(node) if isinstance(leaf, Trained | At)]
    found, symbol = moments(node), Symbol.of(node.name)
    if node.is_cut:
        return symbol.at(times.before if found <= {Moment.PREVIOUS} else times.now)
    if len(found) != 1:
        return None
    (moment,) = found
    if moment is not Moment.CHANGE:
        return symbol.at(times.of(moment))
    if node.name.startswith(f"{CHANGE_PREFIX}_"):
        return symbol.at(times.now)
    return symbol.changed.at(times.now) if len(trained) == 1 else None


@lru_cache(maxsize=4096)
def moments(node: Expression) -> frozenset[Moment]:
    """When the trained tensors of an expression are looked at."""
    trained = (leaf for leaf in leaves(node) if isinstance(leaf, Trained | At))
    return frozenset(leaf.moment if isinstance(leaf, At) else Moment.PREVIOUS for leaf in trained)


def _ends(node: Expression, label: Label, start: int) -> frozenset[int]:
    """Where in a label a node's parts can end if they start at `start`; nowhere where the label does not fit."""
    match node:
        case Given() | Scalar() | Count() | Norm() | Larger():
            return frozenset((start,))
        case Map():
            if not node.keeps_parts:
                return frozenset((start,))
            return frozenset((start + 1,)) if label[start : start + 1] else frozenset()
        case Named(name, _, True):
            fits = [part.tensor for part in label[start : start + 1]] == [name]
            return frozenset((start + 1,)) if fits else frozenset()
        case MapChange():
            end = start + len(node.label)
            return frozenset((end,)) if label[start:end] == node.label else frozenset()
        case Trained() | At():
            return frozenset((start + 1,)) if _fits(node, label[start : start + 1]) else frozenset()
        case Memory() | Kept():
            memory = node if isinstance(node, Memory) else node.memory
            return frozenset((start + 1,)) if label[start : start + 1] == (memory.part,) else frozenset()
        case Sum(summands):
            return frozenset().union(*(_ends(summand, label, start) for summand in summands))
    places = frozenset((start,))
    for operand in node.operands:
        places = frozenset().union(*(_ends(operand, label, place) for place in places))
    return places


def _fits(leaf: Trained | At, parts: Label) -> bool:
    if not parts:
        return False
    (part,) = parts
    tensor, is_change = (leaf.tensor, leaf.moment is Moment.CHANGE) if isinstance(leaf, At) else (leaf, False)
    return part.tensor == tensor.name and is_change == part.kind.is_change
