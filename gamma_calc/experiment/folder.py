"""The folder that a cross-check leaves behind: the page, the plots, the derivations and the plain data."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import Policy
from gamma_calc.derivation.questions import Derived
from gamma_calc.experiment.crosscheck import Checked, Crosscheck
from gamma_calc.experiment.figures import SYMBOLS, sheet
from gamma_calc.experiment.verdicts import Judged, Row
from gamma_calc.files import write_files
from gamma_calc.program.scheme import Scheme
from gamma_calc.report.page import Control, Link, Page, Picture, QuantityRow, SchemeSection, TermRow
from gamma_calc.report.pages import html_report, markdown_report
from gamma_calc.report.plots import rendered, scaling_figure
from gamma_calc.simulation.devices import device_name
from gamma_calc.simulation.verdicts import RULE_SENTENCE, Verdict


def write_folder(found: Crosscheck, folder: Path, *, command: str = "") -> None:
    """Write everything that a reader of a cross-check wants to see into a folder.

    Raises:
        BadInput: the folder cannot be written.
    """
    write_files(folder, folder_contents(found, command=command))


def folder_contents(found: Crosscheck, *, command: str = "") -> Mapping[str, str | bytes]:
    """The files of the folder by relative path: index.html, report.md, crosscheck.json, plots and derivations."""
    contents: dict[str, str | bytes] = {}
    sections = []
    stems = distinct_stems([f"{each.scheme.name}-{each.scheme.optimizer.name}" for each in found.schemes])
    for checked, stem in zip(found.schemes, stems, strict=True):
        section, files = _section(checked, stem, found.policy)
        sections.append(section)
        contents |= files
    data = {**found.json(), "environment": environment(found, command)}
    contents["crosscheck.json"] = json.dumps(data, indent=2) + "\n"
    page = _page(found, tuple(sections), data["environment"])
    return {**contents, "index.html": html_report(page), "report.md": markdown_report(page)}


def environment(found: Crosscheck, command: str) -> dict[str, str]:
    """The versions and the machine that a measurement came from."""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "gamma_calc": version("gamma-calc"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": str(torch.get_num_threads()),
        "device": device_name(found.settings.device, found.settings.dtype),
    }


def distinct_stems(names: Sequence[str]) -> tuple[str, ...]:
    """File names without blanks for things of these names; where two would share one, the later one is numbered.

    >>> distinct_stems(["a b", "a-b", "a-b"])
    ('a-b', 'a-b-2', 'a-b-3')
    """
    found: dict[str, str] = {}  # as file systems that ignore case tell them apart
    for name in names:
        stem = plain = name.replace(" ", "-")
        number = 1
        while stem.casefold() in found:
            number += 1
            stem = f"{plain}-{number}"
        found[stem.casefold()] = stem
    return tuple(found.values())


def _section(checked: Checked, stem: str, policy: Policy) -> tuple[SchemeSection, dict[str, str | bytes]]:
    scheme = checked.scheme
    derivation = Derived(derived(scheme, policy=policy))
    files: dict[str, str | bytes] = {
        f"derivations/{stem}.tex": derivation.latex(),
        f"derivations/{stem}.md": derivation.markdown(),
    }
    pictures: tuple[Picture, ...] = ()
    if checked.measurement is not None:
        images = rendered(scaling_figure(sheet(scheme, checked.rows, checked.measurement)))
        files |= {f"plots/{stem}.svg": images.svg, f"plots/{stem}.png": images.png}
        alt = f"Measured and predicted exponents of {scheme.name}"
        pictures = (Picture(alt, f"plots/{stem}.png", images.svg),)
    section = SchemeSection(
        name=scheme.title,
        setting=_setting(scheme, checked),
        rows=tuple(map(quantity_row, checked.rows)),
        pictures=pictures,
        links=(Link("derivation (LaTeX)", f"derivations/{stem}.tex"), Link("derivation", f"derivations/{stem}.md")),
    )
    return section, files


def _setting(scheme: Scheme, checked: Checked) -> str:
    initial = ", ".join(
        f"{key}_0 = 0" if (form := scheme.initial(key)) is None else f"{key}_0 = n^({form})" for key in ("A", "B")
    )
    return f"{initial}; {checked.rates}"


def _page(found: Crosscheck, sections: tuple[SchemeSection, ...], environment: Mapping[str, str]) -> Page:
    settings, configuration = found.settings, found.schemes[0].configuration
    method = {
        "widths": ", ".join(map(str, settings.widths)),
        "seeds a width": str(settings.seeds),
        "steps": str(settings.steps),
        "rank": str(configuration.base_rank),
        "samples": str(configuration.samples),
        "inputs": settings.data,
        "precision": settings.dtype,
        "supposed": "; ".join(found.policy.lines),
        **environment,
    }
    return Page(
        title="Derived exponents against measured ones",
        verdict=found.verdict.value,
        sentence=found.summary.partition(": ")[2],
        schemes=sections,
        control=None if found.shortfall else _control(found),
        warnings=found.warnings,
        method=tuple((name, value) for name, value in method.items() if value),
        links=(Link("plain data", "crosscheck.json"), Link("this report as Markdown", "report.md")),
        rule=RULE_SENTENCE,
        symbols=SYMBOLS,
    )


def _control(found: Crosscheck) -> Control:
    """The controls of all schemes as one; where there are several schemes, each row names its own."""
    names = {each.scheme.name if len(found.schemes) > 1 else "" for each in found.schemes}
    failed = tuple(
        replace(quantity_row(row), scheme=row.scheme if len(names) > 1 else "")
        for each in found.schemes
        for row in each.control.rows
        if row.verdict is Verdict.FAIL
    )
    sentences = dict.fromkeys(each.control.assumption for each in found.schemes)
    return Control(
        f"Supposed for it: {'; '.join(sentences)}. What is predicted so has to FAIL.", found.control.value, failed
    )


def quantity_row(row: Row) -> QuantityRow:
    """A verdict as a line of a page."""
    leading = row.leading
    return QuantityRow(
        quantity=row.quantity,
        t=row.t,
        predicted=_predicted(leading),
        measured=leading.measured,
        interval=leading.estimate.interval,
        raw_slope=row.raw_slope,
        verdict=row.verdict.value,
        reason="" if row.verdict is Verdict.PASS and _is_plain(leading) else row.reason,
        terms=tuple(
            TermRow(
                " ".join(term),
                _predicted(each),
                each.measured,
                each.estimate.interval,
                each.judgement.verdict.value,
                "" if _is_plain(each) else each.judgement.reason,
                _is_inside(each),
            )
            for term, each in row.terms.items()
        ),
        is_inside=_is_inside(leading),
    )


def _is_plain(judged: Judged) -> bool:
    """Whether the reason of a verdict repeats the numbers beside it."""
    return judged.judgement.verdict is Verdict.PASS and judged.law is None and judged.estimate.interval is not None


def _is_inside(judged: Judged) -> bool | None:
    return None if judged.distance is None else judged.distance == 0


def _predicted(judged: Judged) -> str:
    return f"<= {judged.predicted}" if judged.predicted.is_upper else str(judged.predicted)
