"""One self-contained page to explore one derivation or two: drag the free exponents, see what holds, and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from gamma_calc.analysis.derivation import Derivation
from gamma_calc.derivation.comparison import compare
from gamma_calc.derivation.document import document
from gamma_calc.derivation.suppositions import Alignments
from gamma_calc.document.blocks import Document
from gamma_calc.document.html import html_document
from gamma_calc.document.page import GLOSSARY, html_page
from gamma_calc.errors import BadInput, named_in
from gamma_calc.explorer.data import page_json, prefix
from gamma_calc.files import path_of, write_all
from gamma_calc.program.models import LoraStack
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, Values, selected

HERE = Path(__file__).parent
MOST = 2
"""Schemes that a page shows side by side."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""The page loads nothing from anywhere."""

MOVE = "Move the free exponents: the"
FIXED = "No exponent is free. The"
LEAD = (
    " conditions and the table are computed here, exactly, from the derivation's own formulas. A quantity of exponent 0"
    " stays of order one as the width n grows, one above 0 grows with it, one below 0 vanishes, and"
    " \N{MINUS SIGN}∞ is exactly zero. ≤ marks what is only bounded from above."
)
HEIGHT = 900
"""Pixels of the frame in a notebook."""


@dataclass(frozen=True, slots=True)
class Explorer:
    """A page of one derivation, of two side by side, or of a stack at several `depths`, of which one is shown.

    >>> explore("init-a")
    <page to explore init-a under adam>
    """

    derivations: tuple[Derivation, ...]
    depths: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """The schemes with their optimisers."""
        if self.depths:
            return f"{self.derivations[0].title} at depths {', '.join(map(str, self.depths))}"
        return ", beside ".join(self._titles)

    @property
    def _titles(self) -> tuple[str, ...]:
        """What each derivation is called."""
        depths = [f", {depth} deep" for depth in self.depths] or [""] * len(self.derivations)
        return tuple(f"{found.title}{depth}" for found, depth in zip(self.derivations, depths, strict=True))

    def html(self) -> str:
        """The page."""
        sides = [(found, document(found)) for found in self.derivations]
        is_free = any(found.free for found in self.derivations)
        proofs = (
            _proof(title, written, prefix(place))
            for place, (title, (_, written)) in enumerate(zip(self._titles, sides, strict=True))
        )
        settings = ", ".join(
            f'<a href="#{prefix(place)}setting">the setting of {escape(title)}</a>'
            for place, title in enumerate(self._titles)
        )
        is_pair = len(sides) > 1 and not self.depths
        words = f"Symbols are defined in {settings}. {escape(GLOSSARY)}"
        body = (
            f"<h1>{escape(self.title)}</h1>",
            f'<p class="lead">{MOVE if is_free else FIXED}{LEAD} {words}</p>',
            "<noscript><p>The conditions and the table need JavaScript; the derivation below does not.</p></noscript>",
            '<div id="controls"></div>',
            f'<div id="sides" class="{"pair" if is_pair else "single"}"></div>',
            *proofs,
            f'<script type="application/json" id="data">{island(page_json(sides, self.depths))}</script>',
            f"<script>\n{_beside('explorer.js')}</script>",
        )
        return html_page(self.title, "\n".join(body), style=_beside("explorer.css"), policy=POLICY)

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, whole or not at all.

        Raises:
            BadInput: the path cannot be written.
        """
        place = path_of("a page", path)
        write_all({place: self.html()})
        return place

    def __repr__(self) -> str:
        return f"<page to explore {self.title}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither its style nor its script meets the notebook's."""
        return f'<iframe srcdoc="{escape(self.html())}" style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'


def explore(
    *specs: Spec,
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
    depths: Sequence[int] = (),
) -> Explorer:
    """A page to explore what follows from a scheme, or from two side by side, or from a stack at several depths.

    Args:
        specs: one or two, each as in `derive`; a free exponent of one name is the same in both.
        optimizer, at, without, align: as in `compare`.
        depths: of the one stack that is given, in place of its own; the page shows one of them at a time.

    Raises:
        BadInput: as in `compare`, or there are none or more than two, or depths of what is no stack.
        Unknown: a rule does not say how large something is in the first step.
    """
    if not 1 <= len(specs) <= MOST:
        raise BadInput("explore", found=f"{len(specs)} schemes", expected="one, or two side by side")
    asked = _at_depths(specs, depths) if depths else specs
    found = compare(*asked, optimizer=optimizer, at=at, without=without, align=align)
    return Explorer(tuple(each.derivation for each in found.derivations), tuple(dict.fromkeys(depths)))


def _at_depths(specs: Sequence[Spec], depths: Sequence[int]) -> tuple[Scheme, ...]:
    """A stack at several depths.

    Raises:
        BadInput: it is none, or says something of a layer that one of the depths has not.
    """
    first, *others = selected(specs)
    if others or not isinstance(first.model, LoraStack):
        found = f"{1 + len(others)} schemes" if others else first.model.kind
        raise BadInput("depths", found=found, expected=f"those of one {LoraStack.kind}")
    return tuple(_at_depth(first, first.model, depth) for depth in dict.fromkeys(depths))


def _at_depth(scheme: Scheme, stack: LoraStack, depth: int) -> Scheme:
    model = replace(stack, depth=depth)
    with named_in(f"{scheme.name} at a depth of {depth}"):
        if unknown := [key for key in scheme.exponents if key not in model.keys]:
            raise BadInput(f"there is no {unknown[0]}", expected="depths with all layers that the scheme names")
        return replace(scheme, model=model)


def _proof(title: str, written: Document, anchor: str) -> str:
    """A derivation's document, folded."""
    summary = f"<summary>The derivation of {escape(title)}</summary>"
    return f'<details class="derivation">{summary}\n{html_document(written, prefix=anchor)}\n</details>'


def island(data: object) -> str:
    """JSON in which no text can end the element that holds it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _beside(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
