"""The short form of a document: the same theorem and proof, without what a reader sees at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gamma_calc.calculus.rules import SUM
from gamma_calc.document.blocks import Document, ExponentClaim, Line, PrintedBlock, Proof, Ref

TABLES = "Exponents by step"
"""The section that says of each step what the lines say."""


def shortened(document: Document) -> Document:
    """The document without sums of one term, zeros that are added, and the tables of exponents by step.

    A line that refers to one that is left out refers to what that one refers to.
    """
    lines = [line for section in document.sections for line in _lines(section.blocks)]
    through = {line.number: line.premises for line in lines if _is_trivial(line)}
    sections = [section for section in document.sections if section.title != (TABLES,)]
    kept = (replace(each, blocks=tuple(_kept(each.blocks, through))) for each in sections)
    return replace(document, sections=tuple(each for each in kept if each.blocks or not each.depth))


def _lines(blocks: Iterable[PrintedBlock]) -> Iterator[Line]:
    for block in blocks:
        if isinstance(block, Proof):
            yield from block.lines


def _is_trivial(line: Line) -> bool:
    """Whether it says again, under another name, what one other line says."""
    return line.rule == SUM.name and len(line.premises) == 1


def _kept(blocks: Iterable[PrintedBlock], through: Mapping[str, tuple[Ref, ...]]) -> Iterator[PrintedBlock]:
    for block in blocks:
        if not isinstance(block, Proof):
            yield block
        elif lines := tuple(_short(line, through) for line in block.lines if line.number not in through):
            yield Proof(lines)


def _short(line: Line, through: Mapping[str, tuple[Ref, ...]]) -> Line:
    premises = dict.fromkeys(ref for premise in line.premises for ref in _reached(premise, through))
    return replace(line, claims=tuple(map(_without_zeros, line.claims)), premises=tuple(premises))


def _reached(ref: Ref, through: Mapping[str, tuple[Ref, ...]]) -> Iterator[Ref]:
    if ref.number not in through:
        yield ref
    for each in through.get(ref.number, ()):
        yield from _reached(each, through)


def _without_zeros(claim: ExponentClaim) -> ExponentClaim:
    """The claim with its value alone, where that is one number and zeros added to it."""
    first, *others = claim.steps
    is_plain = len([each for each in first.split(" + ") if each != "0"]) < 2 and "(" not in first
    return replace(claim, steps=claim.steps[-1:]) if others and is_plain else claim
