"""The folder that a coordinate check leaves behind: the page, a plot for each layer, and the plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gamma_calc.experiment.figures import SYMBOLS, sheet
from gamma_calc.experiment.folder import distinct_stems, quantity_row
from gamma_calc.files import write_files
from gamma_calc.huggingface.coordinates import CoordinateCheck, LayerCheck
from gamma_calc.report.page import Control, Link, Page, Picture, SchemeSection
from gamma_calc.report.pages import html_report, markdown_report, number
from gamma_calc.report.plots import Images, rendered, scaling_figure
from gamma_calc.simulation.verdicts import RULE_SENTENCE, Verdict


def layer_figure(check: LayerCheck) -> Images:
    """The scaling figure of one layer: every term at the last step, measured and predicted."""
    return rendered(scaling_figure(sheet(check.scheme, check.rows, check.measurement, check.layer)))


def write_coordinate_folder(found: CoordinateCheck, folder: Path) -> None:
    """Write index.html, report.md, coordinate-check.json and the plots into a folder.

    Raises:
        BadInput: the folder cannot be written.
    """
    write_files(folder, coordinate_contents(found))


def coordinate_contents(found: CoordinateCheck) -> Mapping[str, str | bytes]:
    """The files of the folder by relative path."""
    sections, contents = [], dict[str, str | bytes]()
    stems = distinct_stems([f"{check.scheme.name}-{check.layer}" for check in found.layers])
    for check, name in zip(found.layers, stems, strict=True):
        stem = f"plots/{name}"
        images = layer_figure(check)
        contents |= {f"{stem}.svg": images.svg, f"{stem}.png": images.png}
        sections.append(_section(check, Picture(f"{check.scheme.name} in {check.layer}", f"{stem}.png", images.svg)))
    page = _page(found, tuple(sections))
    contents["coordinate-check.json"] = json.dumps(found.json(), indent=2) + "\n"
    return {**contents, "index.html": html_report(page), "report.md": markdown_report(page)}


def _section(check: LayerCheck, picture: Picture) -> SchemeSection:
    inputs = ", ".join(f"{number(each.measured)} ({each.judgement.verdict.value})" for each in check.assumed)
    gradients = ", ".join(number(each) for each in check.gradients)
    return SchemeSection(
        name=f"{check.scheme.title} in {check.layer}",
        setting=f"Slopes of the input Z at each step, assumed 0: {inputs}. Of dL/dZbar, not judged: {gradients}.",
        rows=tuple(map(quantity_row, check.rows)),
        pictures=(picture,),
        links=(),
    )


def _page(found: CoordinateCheck, sections: tuple[SchemeSection, ...]) -> Page:
    failed = [row for layer in found.layers for row in layer.control if row.verdict is Verdict.FAIL]
    layout = found.layout
    method = (
        ("widths", ", ".join(map(str, layout.widths))),
        ("seeds a width", str(layout.seeds)),
        ("steps", str(layout.steps)),
        ("prefactor", str(found.prefactor)),
    )
    return Page(
        title="A model's LoRA layers: derived exponents against measured ones",
        verdict=found.verdict.value,
        sentence=found.summary.partition(": ")[2],
        schemes=sections,
        control=Control(
            "Aligned sums grow like independent ones. This is false, so the predictions made from it have to fail.",
            found.control.value,
            tuple(map(quantity_row, failed)),
        ),
        warnings=found.warnings,
        method=method,
        links=(Link("plain data", "coordinate-check.json"), Link("this report as Markdown", "report.md")),
        rule=RULE_SENTENCE,
        symbols=SYMBOLS,
    )
