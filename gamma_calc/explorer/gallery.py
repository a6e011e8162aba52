"""The catalogue as pages to explore: one a scheme, and what two free rates and depth show beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gamma_calc.algebra import Affine
from gamma_calc.derivation.advice import advice
from gamma_calc.explorer.page import Explorer, explore
from gamma_calc.files import write_files
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import MODULE, LoraStack, Model
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.report.blocks import Heading, Links, Paragraph
from gamma_calc.report.html_page import html_text

INDEX = "index.html"
SAID = "Pages to explore: move the free exponents, and see which conditions hold, at which step, and by which line."


def gallery(folder: Path) -> tuple[Path, ...]:
    """Write the pages and an index of them into a folder, all or none; returns their paths, the index first.

    Raises:
        BadInput: a file cannot be written.
    """
    pages = {f"{name}.html": page for name, page in explored().items()}
    listed = (each for name, page in pages.items() for each in (Links(((page.title, name),)), Paragraph(summary(page))))
    index = html_text("Schemes to explore", (Heading(1, "Schemes to explore"), Paragraph(SAID), *listed))
    write_files(folder, {INDEX: index} | {name: page.html() for name, page in pages.items()})
    return tuple(folder / name for name in (INDEX, *pages))


def explored() -> Mapping[str, Explorer]:
    """Every page by its name."""
    rates = explore(_with_two_rates("init-a"), _with_two_rates("init-b"))
    depth = explore(_with_two_rates("init-a"), _with_two_rates("init-a", LoraStack(2)))
    return {name: explore(name) for name in CATALOGUE} | {"two-rates": rates, "depth": depth}


def summary(page: Explorer) -> str:
    """What is said of each scheme of a page."""
    return " ".join(map(advice, page.derivations))


def _with_two_rates(name: str, model: Model = MODULE) -> Scheme:
    """A scheme of the catalogue with a free rate for each factor, perhaps in every layer of a stack."""
    scheme = CATALOGUE[name]
    title = f"{name} two rates" if model == MODULE else f"{name} two layers"
    rates = dict(zip(RATES, map(Affine.symbol, "ab"), strict=True))
    return Scheme(title, {key: scheme.form(key) for key in INITIAL} | rates, model=model)
