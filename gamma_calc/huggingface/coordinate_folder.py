"""The folder that a coordinate check leaves behind: the page, a plot for each layer, and the plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from gamma_calc.document.blocks import Block, Column, ColumnKind, Details, Paragraph, Picture, Table
from gamma_calc.document.verdict_signs import severity
from gamma_calc.experiment.figures import sheet
from gamma_calc.experiment.folder import distinct_stems
from gamma_calc.experiment.verdict_page import (
    JUDGED,
    control_section,
    judged_cells,
    number,
    scheme_section,
    verdict_pages,
)
from gamma_calc.files import write_files
from gamma_calc.huggingface.coordinates import CoordinateCheck, LayerCheck
from gamma_calc.report.plots import scaling_picture
from gamma_calc.simulation.verdicts import Verdict

COLUMNS = (Column("sum", ColumnKind.NAME), Column("t", ColumnKind.NUMBER), *JUDGED)
MEANING = (
    "The slope of rms(P Z) / rms(P) for each part P of A: 1/2 where the terms of the sum have random signs, 1 where"
    " they agree. Predicted is what the exponents above suppose of an input of size Theta(1). The verdicts above do"
    " not rest on these."
)


def write_coordinate_folder(found: CoordinateCheck, folder: Path) -> None:
    """Write index.html, report.md, coordinate-check.json and the plots into a folder.

    Raises:
        BadInput: the folder cannot be written.
    """
    write_files(folder, coordinate_contents(found))


def coordinate_contents(found: CoordinateCheck) -> Mapping[str, str | bytes]:
    """The files of the folder by relative path."""
    blocks: list[Block] = []
    contents: dict[str, str | bytes] = {"coordinate-check.json": json.dumps(found.json(), indent=2) + "\n"}
    layers = sorted(found.layers, key=lambda check: severity(check.verdict.value))
    stems = distinct_stems([f"{check.scheme.name}-{check.layer}" for check in layers])
    for check, name in zip(layers, stems, strict=True):
        shown = sheet(check.scheme, check.rows, check.measurement, check.layer)
        picture, plots = scaling_picture(shown, f"{check.scheme.name} in {check.layer}", name)
        contents |= plots
        blocks += _section(check, picture)
    return contents | _pages(found, blocks)


def _section(check: LayerCheck, picture: Picture) -> Iterator[Block]:
    inputs = ", ".join(f"{number(each.measured)} ({each.judgement.verdict.value})" for each in check.assumed)
    gradients = ", ".join(number(each) for each in check.gradients)
    setting = f"Slopes of the input Z at each step, assumed 0: {inputs}. Of dL/dZbar, not judged: {gradients}."
    yield from scheme_section(f"{check.scheme.title} in {check.layer}", setting, check.rows, picture)
    if check.alignments:
        rows = tuple((f"{each.part} Z", str(each.t), *judged_cells(each.judged)) for each in check.alignments)
        title = f"Alignments of the sums over the width, assumed and measured ({len(rows)})"
        yield Details(title, (Paragraph(MEANING), Table(COLUMNS, rows)))


def _pages(found: CoordinateCheck, sections: list[Block]) -> dict[str, str]:
    layout = found.layout
    method = {
        "widths": ", ".join(map(str, layout.widths)),
        "seeds a width": str(layout.seeds),
        "steps": str(layout.steps),
        "prefactor": str(found.prefactor),
    }
    assumption = "Aligned sums grow like independent ones. This is false, so the predictions made from it have to fail."
    failed = [row for layer in found.layers for row in layer.control if row.verdict is Verdict.FAIL]
    return verdict_pages(
        "A model's LoRA layers: derived exponents against measured ones",
        found.verdict,
        found.summary,
        [*sections, *control_section(assumption, found.control, failed, is_named=False)],
        warnings=found.warnings,
        method=method,
        data="coordinate-check.json",
    )
