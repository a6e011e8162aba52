"""Sentences of derivations, in which symbols and regions are set as formulas."""

from __future__ import annotations

import re

from gamma_calc.algebra import Polyhedron, Region
from gamma_calc.derivation.symbols import Symbol
from gamma_calc.document.blocks import Math, Span, Text, joined

_POWER = r"([A-Za-z]+)\^(?:(\w+)|\((-?\d+(?:/\d+)?)\))"
_SYMBOL = re.compile(rf"(?<![\w'\[-])(?:{_POWER}|[A-Za-z]+_\w+|[B-HJ-Zb-hj-z](?![\w'^-]))")


def prose(text: str) -> Text:
    r"""A plain sentence; lone letters and words with an index or a power become formulas.

    >>> prose("an axis of size n^0")
    ('an axis of size ', Math(latex='n^{0}'))
    >>> prose("it is n^(-1/2)")
    ('it is ', Math(latex='n^{-1/2}'))
    """
    spans: list[Span] = []
    place = 0
    for match in _SYMBOL.finditer(text):
        word, *powers = match.groups()
        power = next(filter(None, powers), "")
        spans += [
            text[place : match.start()],
            Math(f"{word}^{{{power}}}" if power else Symbol.of(match[0]).latex()),
        ]
        place = match.end()
    return tuple(span for span in (*spans, text[place:]) if span)


def region_text(region: Region | Polyhedron) -> Text:
    """A region in words and formulas.

    >>> region_text(Region())
    ('never',)
    """
    if isinstance(region, Polyhedron):
        if region.is_everywhere or region.is_empty:
            return (str(region),)
        return joined([(Math(each.latex()),) for each in region.constraints], last=" and ")
    if region.is_empty:
        return ("never",)
    return joined(map(region_text, region.irredundant().members), "; or ")
