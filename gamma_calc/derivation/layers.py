r"""Layers in a document: what differs from layer to layer by the layer's number only is written once, with an index.

The lines gamma[U_{B_1}^2] = eta and gamma[U_{B_2}^2] = eta of a stack become gamma[U_{B_\ell}^2] = eta for ell = 1, 2.
Where the values differ, they follow each other. So a proof is as long as one layer has kinds of lines. A program whose
names carry no layer has no families, and its document is as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any

from gamma_calc.algebra import name_latex
from gamma_calc.derivation.symbols import Symbol
from gamma_calc.document.blocks import ExponentClaim, Line, Math, Ref, Text, joined
from gamma_calc.program.expressions import Named, Scaled, Trained, nodes
from gamma_calc.program.program import Program

INDEX, OTHERS = r"\ell", ("k", "m", "p", "q")
COMPONENTS = r";\ "
"""What stands between a term and its components."""
MARK = "4242"
"""A number that no layer has."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of a program, told by the values that carry a number: z[1], Z_A[2].

    Where there are such values, what has a number behind it belongs to layers too: the weight W_2, the axis hidden_2.
    """

    names: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, program: Program) -> Layers:
        """The layers of a program."""
        values = tuple(nodes(*program.parameters, *program.gradients.values(), *program.quantities.values()))
        named = [node.name for node in values if isinstance(node, Named | Trained)]
        names = _without_number(r"(.*)\[\d+\]", (*named, *program.quantities))
        others = [node.symbol for node in values if isinstance(node, Scaled)] + [axis.name for axis in program.axes]
        written = [Symbol.of(f"{name}[{MARK}]").latex() for name in names]
        if names:
            written += [name_latex(f"{name}_{MARK}") for name in _without_number(r"(.*)_\d+", (*named, *others))]
        ends = sorted({tuple(map(re.escape, latex.split(MARK))) for latex in written})
        either = "|".join(rf"(?<={before})\d+(?={after})" for before, after in ends)
        return cls(names, re.compile(either or r"(?!)"))

    def number(self, value: Any) -> int | None:
        """The layer of a formula, a text or a row: the first that it names."""
        match value:
            case str():
                found = self.pattern.search(value)
                return int(found[0]) if found else None
            case Math(latex):
                return self.number(latex)
            case tuple():
                numbers = (self.number(each) for each in value if not isinstance(each, str))
                return next((number for number in numbers if number is not None), None)
        return None

    def written(self, value: Any, layer: int) -> Any:
        """A formula, a text or a row with layers relative to one of them."""
        match value:
            case Math(latex):
                return Math(self.relative(latex, layer))
            case tuple():
                return tuple(each if isinstance(each, str) else self.written(each, layer) for each in value)
        return value

    def relative(self, latex: str, layer: int) -> str:
        """A formula with the index in place of a layer's number, and others as sums with it."""

        def index(match: re.Match[str]) -> str:
            more = int(match[0]) - layer
            return f"{INDEX}{more:+d}" if more else INDEX

        return self.pattern.sub(index, latex)

    def families(self, values: Iterable[Any]) -> list[tuple[Any, tuple[int, ...]]]:
        """Texts or rows, those that differ by the layer only as one, with the layers that it stands for."""
        found: dict[Any, list[tuple[int | None, Any]]] = {}
        for value in values:
            layer = self.number(value)
            found.setdefault(value if layer is None else self.written(value, layer), []).append((layer, value))
        return [
            (alike[0][1], ()) if len(alike) == 1 else (value, tuple(layer for layer, _ in alike if layer is not None))
            for value, alike in found.items()
        ]

    def listed(self, values: Iterable[Text], *, last: str | None = None) -> Text:
        """Texts one after the other, each family with its layers."""
        texts = [(*value, *_bracketed(layers)) for value, layers in self.families(values)]
        return joined(texts, last=last)

    def rows(self, rows: Iterable[tuple[Text, ...]], column: int = 0) -> tuple[tuple[Text, ...], ...]:
        """Rows of a table, each family as one with its layers in a column."""
        return tuple(
            tuple((*cell, *_bracketed(layers)) if place == column else cell for place, cell in enumerate(row))
            for row, layers in self.families(rows)
        )

    def proof(self, chapters: Mapping[int, Sequence[Line]]) -> dict[int, list[Line]]:
        """The lines of each chapter, each family as one: what a rule says of one term of every layer."""
        numbers: dict[str, str] = {}
        kept: dict[int, list[list[Line]]] = {}
        for chapter, lines in chapters.items():
            groups: dict[Any, list[Line]] = {}
            for line in lines:
                groups.setdefault(self._kind(line), []).append(line)
            kept[chapter] = list(groups.values())
            for place, group in enumerate(kept[chapter], 1):
                numbers |= {line.number: f"{chapter}.{place}" for line in group}
        return {chapter: [self._line(group, numbers) for group in groups] for chapter, groups in kept.items()}

    def _kind(self, line: Line) -> tuple[Any, ...]:
        """What the lines of a family have in common: the term, up to its components, the rule and its grounds."""
        term = line.claims[0].subject.partition(COMPONENTS)[0]
        layer = self.number(term)
        if layer is None:
            return (line.number,)
        return self.relative(term, layer), line.rule, line.source, line.assumptions

    def _line(self, group: Sequence[Line], numbers: Mapping[str, str]) -> Line:
        """A family of lines as one: every value, with the layers in which it is so."""
        premises = dict.fromkeys(Ref(numbers[each.number]) for line in group for each in line.premises)
        whole = replace(group[0], number=numbers[group[0].number], premises=tuple(premises))
        if len(group) == 1:
            return whole
        numbers_of = {self.number(claim.subject) for line in group for claim in line.claims}
        names = OTHERS if len(numbers_of) == 1 else (INDEX, *OTHERS)
        found: dict[ExponentClaim, list[tuple[int, ...]]] = {}
        for claim in (claim for line in group for claim in line.claims):
            written, layers = self._indexed(claim, names)
            found.setdefault(written, []).append(layers)
        said = [replace(claim, where=span(layers, names)) for claim, layers in found.items()]
        if len(said) > 1:
            said = [replace(claim, steps=claim.steps[-1:]) for claim in said]
        return replace(whole, claims=tuple(said))

    def _indexed(self, claim: ExponentClaim, names: Sequence[str]) -> tuple[ExponentClaim, tuple[int, ...]]:
        """A claim with the index of its layer, if there are several, and those of others that its components name."""
        layer = self.number(claim.subject)
        assert layer is not None  # lines without a layer are families of their own
        term, mark, components = claim.subject.partition(COMPONENTS)
        others = dict.fromkeys(int(each) for each in self.pattern.findall(components) if int(each) != layer)
        layers = (layer, *others)[: len(names)] if INDEX in names else tuple(others)[: len(names)]
        index = dict(zip(layers, names, strict=False))
        written = self.pattern.sub(lambda match: index.get(int(match[0]), match[0]), components)
        if INDEX not in names:
            return replace(claim, subject=f"{term}{mark}{written}"), layers
        steps = tuple(self.relative(step, layer) for step in claim.steps)
        return replace(claim, subject=f"{self.relative(term, layer)}{mark}{written}", steps=steps), layers


def _without_number(pattern: str, names: Iterable[str]) -> tuple[str, ...]:
    found = (re.fullmatch(pattern, name) for name in dict.fromkeys(names))
    return tuple(dict.fromkeys(match[1] for match in found if match))


def span(layers: Iterable[tuple[int, ...]], names: Sequence[str] = (INDEX, *OTHERS)) -> str:
    r"""Layers in a formula, and those of other indices beside them.

    >>> span([(1,), (2,)]), span([(2,), (3,), (4,)]), span([(1, 2), (1, 3), (2, 3)])
    ('\\ell = 1, 2', '2 \\le \\ell \\le 4', '1 \\le \\ell < k \\le 3')
    """
    orders: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for each in sorted({*layers} - {()}):
        orders.setdefault(tuple(sorted(range(len(each)), key=each.__getitem__)), []).append(each)
    return r";\ ".join(_chain(order, found, names) for order, found in orders.items())


def _chain(order: Sequence[int], found: Sequence[tuple[int, ...]], names: Sequence[str]) -> str:
    """Layers that are in one order: as a chain of inequalities where they are all there are."""
    least, most = min(map(min, found)), max(map(max, found))
    every = comb(most - least + 1, len(order))
    if len(found) == every and every > 2:
        return rf"{least} \le {' < '.join(names[place] for place in order)} \le {most}"
    if len(order) == 1:
        return f"{names[0]} = {', '.join(str(layer) for (layer,) in found)}"
    return rf"({', '.join(names[: len(order)])}) = {', '.join(str(each) for each in found)}"


def _bracketed(layers: Sequence[int]) -> Text:
    return (" (", Math(span([(layer,) for layer in layers])), ")") if layers else ()
