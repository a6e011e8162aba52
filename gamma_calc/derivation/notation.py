r"""How a program's expressions, and the terms of their values, are written in mathematics.

Labels say which part of each tensor a term multiplies, so an expression with one part in the place of each trained
tensor is that term: s (B @ (A @ Z)) with the parts B_0 and U_A at step 2 is s B_0 U_A^2 Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from gamma_calc.algebra import Affine, name_latex
from gamma_calc.calculus.trace import TraceSubject
from gamma_calc.derivation.symbols import (
    ANY_STEP,
    CHANGE_PREFIX,
    GRADIENT,
    Symbol,
    Times,
    part_symbol,
    quantity_latex,
    tensor_symbol,
)
from gamma_calc.program.axes import Axis
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
    PowerOf,
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
from gamma_calc.program.wholes import nodes_as_wholes

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
        self.wholes = nodes_as_wholes(program)

    def subject(self, subject: TraceSubject) -> str:
        """What a conclusion of the trace is about."""
        times = Times.at(subject.t)
        if subject.label:
            return expression_latex(self._term(subject.expression, subject.label), times)
        return self.whole(subject.expression, times)

    def factors(self, subject: TraceSubject) -> tuple[str, ...]:
        """The operands of a subject's last operation, as the subjects of the lines that speak of them."""
        expression = self._term(subject.expression, subject.label)
        return tuple(expression_latex(bare(operand), Times.at(subject.t)) for operand in expression.operands)

    def term(self, expression: Expression, label: Label, times: Times) -> tuple[str, ...]:
        """The lines' subjects that make up the term of a whole value; a sum's summands have lines of their own."""
        return tuple(expression_latex(each, times) for each in _summands(self._term(expression, label)))

    def _term(self, expression: Expression, label: Label) -> Expression:
        """The term of an expression that carries a label, the whole one where that is empty."""
        return self._terms(expression, label, 0)[len(label)] if label else expression

    def _terms(self, node: Expression, label: Label, start: int) -> dict[int, Expression]:
        """What is left of a node where its parts are the label's from `start` on, by where those end.

        A sum has the summands left that have such parts. One of `wholes` may stand there without parts.
        """
        found = self._parts_of(node, label, start)
        if node in self.wholes:
            found.setdefault(start, node)
        return found

    def _parts_of(self, node: Expression, label: Label, start: int) -> dict[int, Expression]:
        found: dict[int, Expression] = {}
        match node:
            case Sum(summands):
                every = [self._terms(summand, label, start) for summand in summands]
                for end in frozenset().union(*every):
                    left = tuple(each[end] for each in every if end in each)
                    found[end] = left[0] if len(left) == 1 else Sum(left)
                return found
            case Contraction(left, right) | Entrywise(left, right):
                for middle, one in self._terms(left, label, start).items():
                    for end, other in self._terms(right, label, middle).items():
                        found.setdefault(end, replace(node, left=one, right=other))
                return found
            case Named(_, operand, False):
                return self._terms(operand, label, start)
            case Transposed() | Renamed() | Split() | Merged() | Stopped() | Scaled():
                return {
                    end: replace(node, operand=each) for end, each in self._terms(node.operand, label, start).items()
                }
            case MapChange() | Memory() | Kept():
                own = node.label if isinstance(node, MapChange) else (_memory(node).part,)
                end = start + len(own)
                return {end: node} if label[start:end] == own else found
            case Named() | Trained() | At() | Map(keeps_parts=True):
                is_fitting = start < len(label) and _fits(node, label[start])
                return {start + 1: Placed(label[start], node)} if is_fitting else found
        return {start: node}

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
    return _Writer(times, symbols).written(expression)


def update_latex(update: Update, gradients: Mapping[Trained, Expression], times: Times = ANY_STEP) -> Iterator[str]:
    """The parts of an update rule as they are written, in the symbols of the raw gradients."""
    symbols = gradient_symbols(gradients, times)
    for part in update.expressions:
        yield expression_latex(part, times, symbols)


def gradient_symbols(gradients: Mapping[Trained, Expression], times: Times = ANY_STEP) -> Mapping[Expression, Symbol]:
    """The symbols of raw gradients, by what they stand for."""
    return {value: tensor_symbol(GRADIENT, tensor.name).at(times.before) for tensor, value in gradients.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Placed(Expression):
    """A part in the place of what it is a part of."""

    part: Part
    whole: Trained | At | Named | Map

    def _axes(self) -> tuple[Axis, ...]:
        return self.whole.axes


def _fits(node: Trained | At | Named | Map, part: Part) -> bool:
    tensor = node.tensor if isinstance(node, At) else node
    is_change = isinstance(node, At) and node.moment is Moment.CHANGE
    return isinstance(tensor, Map) or (
        part.tensor == tensor.name and (isinstance(node, Named) or is_change == part.kind.is_change)
    )


def _summands(expression: Expression) -> Iterator[Expression]:
    """Of a sum its summands, and theirs."""
    inner = bare(expression)
    if isinstance(inner, Sum):
        for summand in inner.summands:
            yield from _summands(summand)
    else:
        yield inner


def _memory(node: Memory | Kept) -> Memory:
    return node if isinstance(node, Memory) else node.memory


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes an expression at given times, with symbols for the values that have some of their own."""

    times: Times
    symbols: Mapping[Expression, Symbol]

    def written(self, node: Expression) -> str:
        symbol = self._symbol(node)
        if symbol is not None:
            return symbol.latex()
        match node:
            case Named(_, operand) | Renamed(operand) | Split(operand) | Merged(operand) | Stopped(operand):
                return self.written(operand)
            case Transposed(operand):
                return self._transposed(operand)
            case Scaled(scalar, _, operand, value):
                number = Symbol.of(scalar).latex() if value is None else _number(value)
                return _product(number, self._factor(operand))
            case Contraction(left, right, over):
                first, second = _is_transposed(left, right, over, place=-1), _is_transposed(right, left, over, place=0)
                return _product(
                    self._transposed(left) if first else self._factor(left),
                    self._transposed(right) if second else self._factor(right),
                )
            case Entrywise(left, right):
                sign = r"\odot" if left.axes and right.axes else r"\thinspace"
                return rf"{self._factor(left)} {sign} {self._factor(right)}"
            case Sum(summands):
                return " + ".join(self.written(oriented(summand, node.axes)) for summand in summands)
            case Placed(part, whole):
                return f"[{self.written(whole)}]_{{{'0' if part.kind is Kind.INITIAL else 'U'}}}"
            case Map(operand=operand):
                return _applied(node, self.written(operand))
            case MapChange():
                argument, change = map(self.written, node.operands)
                return f"[{_applied(node.map, f'{argument} + {change}')} - {_applied(node.map, argument)}]"
            case Count(_, axis, power):
                return rf"\lvert {name_latex(axis.name)} \rvert^{{{power}}}"
            case Norm(tensors):
                return rf"\lVert {', '.join(self.written(tensor) for tensor in tensors)} \rVert"
            case Larger(one, other):
                return rf"\max({self.written(one)}, {self.written(other)})"
        raise TypeError(f"no notation for {type(node).__name__}")

    def _transposed(self, node: Expression) -> str:
        while isinstance(node, SAME_ENTRIES):
            node = node.operand
        if isinstance(node, Transposed):
            return self._factor(node.operand)
        symbol = self._symbol(node)
        return rf"({self.written(node)})^{{\top}}" if symbol is None else symbol.transposed

    def _symbol(self, node: Expression) -> Symbol | None:
        """The one symbol that stands for a node, if there is one."""
        if node in self.symbols:
            return self.symbols[node]
        match node:
            case Given(name) | Scalar(name):
                return Symbol.of(name)
            case Memory() | Kept():
                time = self.times.before if isinstance(node, Memory) else self.times.now
                return part_symbol(_memory(node).part, time)
            case Trained(name):
                return Symbol.of(name).at(self.times.before)
            case At(tensor, moment):
                whole = Symbol.of(tensor.name)
                return (whole.changed if moment is Moment.CHANGE else whole).at(self.times.of(moment))
            case Named():
                return _name_symbol(node, self.times)
            case Placed(part, Trained() | At() | Named() as whole):
                leaf = whole.tensor if isinstance(whole, At) else whole
                has_decay = isinstance(leaf, Trained) and leaf.has_decay
                return part_symbol(part, _time(whole, self.times), has_decay=has_decay)
        return None

    def _factor(self, node: Expression) -> str:
        """A node inside a product; contractions are associative and need no brackets."""
        inner = node
        while isinstance(inner, Named) and _name_symbol(inner, self.times) is None:
            inner = inner.operand
        text = self.written(node)
        return f"({text})" if isinstance(inner, Sum | Entrywise) and inner.axes else text


def oriented(value: Expression, axes: tuple[Axis, ...]) -> Expression:
    """A value with its axes in the order of others, as far as a transpose brings them there."""
    return value.T if value.axes != axes == value.axes[::-1] else value


def _is_transposed(factor: Expression, other: Expression, over: Sequence[Axis], *, place: int) -> bool:
    """Whether a factor is a matrix of which a sum takes the other index than a product does, which takes `place`."""
    own = [axis for axis in factor.axes if axis in over or axis not in other.axes]
    return len(own) == 2 and len(over) == 1 and own[place] not in over


def _applied(node: Map, argument: str) -> str:
    """A map of what is written so; a function has the primes of its derivatives."""
    match node:
        case Pointwise("abs"):
            return rf"\lvert {argument}\rvert"
        case Pointwise("abs'"):
            return rf"\mathrm{{sgn}}({argument})"
        case Pointwise(function):
            bare_name = function.rstrip("'")
            return f"{name_latex(bare_name)}{function[len(bare_name) :]}({argument})"
        case PowerOf(_, degree, factor):
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
        return symbol.at(_time(node, times))
    if len(found) != 1:
        return None
    (moment,) = found
    if moment is not Moment.CHANGE:
        return symbol.at(times.of(moment))
    if node.name.startswith(f"{CHANGE_PREFIX}_"):
        return symbol.at(times.now)
    return symbol.changed.at(times.now) if len(trained) == 1 else None


def _time(node: Expression, times: Times) -> str:
    """The time of a value: that before the step only where nothing in it is of the step or after it."""
    return times.before if moments(node) <= {Moment.PREVIOUS} else times.now


@lru_cache(maxsize=4096)
def moments(node: Expression) -> frozenset[Moment]:
    """When the trained tensors of an expression are looked at."""
    trained = (leaf for leaf in leaves(node) if isinstance(leaf, Trained | At))
    return frozenset(leaf.moment if isinstance(leaf, At) else Moment.PREVIOUS for leaf in trained)
