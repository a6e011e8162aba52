"""The folder that a cross-check leaves behind: the page, the plots, the derivations and the plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np
import torch
from numpy.typing import NDArray

from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import Policy
from gamma_calc.derivation.document import document
from gamma_calc.derivation.questions import Derived
from gamma_calc.document.blocks import Block, Links
from gamma_calc.document.html import html_document
from gamma_calc.document.page import html_page
from gamma_calc.document.verdict_signs import severity
from gamma_calc.experiment.claims import made_with
from gamma_calc.experiment.crosscheck import Checked, Crosscheck
from gamma_calc.experiment.verdict_page import DATA, control_section, scheme_section, verdict_pages
from gamma_calc.experiment.verdicts import Judged, Measurement, VerdictRow, worst
from gamma_calc.program.models import MODULE, LoraModule, LoraStack, Model
from gamma_calc.program.scheme import Scheme
from gamma_calc.report.plots import Panel, Series, Sheet, Values, scaling_picture
from gamma_calc.simulation.axis_sizes import FIXED
from gamma_calc.simulation.devices import device_name
from gamma_calc.simulation.program_sizes import Term
from gamma_calc.simulation.slopes import mean_and_half_width
from gamma_calc.simulation.verdicts import TOLERANCE, Verdict

SYMBOLS = (
    "Z_A = A Z, Z_B = s B A Z, for inputs Z of a layer. A = A_0 + U_A: the initial part and the sum of the updates so"
    " far; dA: the change of one step, in which dA_0 and dU_A are due to weight decay; B alike. A step changes Z_B by"
    " Delta_Z_B = delta_1 + delta_2 + delta_3: delta_1 = s B dA Z, delta_2 = s dB A Z, delta_3 = s dB dA Z, with A and"
    " B as they were before it."
)
"""What the names in tables and figures of a module mean."""
PARTS = (
    " W_0 is the initial part of W, U_W the sum of its updates so far, dW the change of one step. Of a value v, v_0 is"
    " what initial parts make of it, and U_v what training has changed."
)
OF_A_STACK = (
    "Of layer l, with input Z[l]: Z_A[l] = A Z, Z_B[l] = s B A Z; dZ[l] is the loss gradient behind it. A step changes"
    " Z_B[l] by Delta_Z_B[l] = delta_0 + delta_1 + delta_2 + delta_3: delta_0 = s B A dZ_in is what the change of its"
    " input brings, and the others are s B dA Z, s dB A Z, s dB dA Z."
)
OF_A_NETWORK = "Delta_v is the change of a value v over a step; a layer's number stands in brackets."


def folder_contents(found: Crosscheck, *, command: str = "") -> Mapping[str, str | bytes]:
    """The files of the folder by relative path: index.html, report.md, crosscheck.json, plots and derivations."""
    contents: dict[str, str | bytes] = {}
    blocks: list[Block] = []
    schemes = sorted(found.schemes, key=lambda each: severity(worst(row.verdict for row in each.rows).value))
    stems = distinct_stems([f"{each.scheme.name}-{each.scheme.optimizer.name}" for each in schemes])
    for checked, stem in zip(schemes, stems, strict=True):
        section, files = _section(checked, stem, found.policy)
        blocks += section
        contents |= files
    data = {**found.json(), "environment": environment(found, command)}
    contents[DATA] = json.dumps(data, indent=2) + "\n"
    return contents | _pages(found, blocks, data["environment"])


def environment(found: Crosscheck, command: str) -> dict[str, str]:
    """The versions and the machine that a measurement came from."""
    device = device_name(found.settings.device, found.settings.dtype)
    return made_with(command, threads=str(torch.get_num_threads()), device=device)


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


def _section(checked: Checked, stem: str, policy: Policy) -> tuple[list[Block], dict[str, str | bytes]]:
    scheme = checked.scheme
    derivation = Derived(derived(scheme, policy=policy))
    html, tex, md = (f"derivations/{stem}.{kind}" for kind in ("html", "tex", "md"))
    page = html_page(scheme.title, f"<h1>{escape(scheme.title)}</h1>\n{html_document(document(derivation.derivation))}")
    files: dict[str, str | bytes] = {html: page, tex: derivation.latex(), md: derivation.markdown()}
    beside: list[Block] = [Links((("derivation", html), ("as LaTeX", tex), ("as Markdown", md)))]
    if checked.measurement is not None:
        shown = sheet(scheme, checked.rows, checked.measurement)
        picture, plots = scaling_picture(shown, f"Measured and predicted exponents of {scheme.name}", stem)
        beside.insert(0, picture)
        files |= plots
    return list(scheme_section(scheme.title, _setting(scheme, checked), checked.rows, *beside)), files


def symbols(model: Model) -> str:
    """What the names in tables and figures of a network mean."""
    if isinstance(model, LoraModule):
        return SYMBOLS
    return (OF_A_STACK if isinstance(model, LoraStack) else OF_A_NETWORK) + PARTS


def sheet(scheme: Scheme, rows: Sequence[VerdictRow], measurement: Measurement) -> Sheet:
    """One panel a quantity, at the last step."""
    last = max(row.t for row in rows)
    rates = ", ".join(f"{key} = n^({scheme[key]})" for key in scheme.trained_rates.values())
    return Sheet(
        title=scheme.title,
        subtitle=f"{rates}, step {last}",
        panels=tuple(_panel(row, measurement) for row in rows if row.t == last),
        notes=(symbols(scheme.model),),
        tolerance=TOLERANCE,
    )


def _panel(row: VerdictRow, measurement: Measurement) -> Panel:
    series = tuple(_series(row, term, each, measurement) for term, each in row.terms.items())
    return Panel(row.quantity, series, row.verdict.value)


def _series(row: VerdictRow, term: Term, judged: Judged, measurement: Measurement) -> Series:
    squares = measurement.mean_square.get((row.t, row.quantity, term), np.zeros(measurement.is_excluded.shape))
    value, low, high = _values(np.where(measurement.is_excluded, np.nan, squares))
    return Series(
        label=" ".join(term),
        widths=measurement.configuration.widths,
        value=value,
        low=low,
        high=high,
        predicted=judged.predicted.exponent,
        verdict=judged.judgement.verdict.value,
        is_leading=judged.predicted.exponent == row.leading.predicted.exponent,
        is_upper=judged.predicted.is_upper,
    )


def _values(squares: NDArray[np.float64]) -> tuple[Values, Values, Values]:
    """log2 of the root mean square at each width, and the ends of its 95 % interval.

    Shapes: squares [widths, runs]; a run that is not fitted is nan.
    """
    rows = [row[~np.isnan(row)] for row in squares]
    spans = [tuple(map(float, mean_and_half_width(row))) if row.size else (0.0, 0.0) for row in rows]
    value = tuple(_log2(mean) for mean, _ in spans)
    return value, tuple(_log2(mean - half) for mean, half in spans), tuple(_log2(mean + half) for mean, half in spans)


def _log2(square: float) -> float | None:
    return math.log2(square) / 2 if square > 0 else None


def _setting(scheme: Scheme, checked: Checked) -> str:
    if scheme.model != MODULE:
        rates, defaults = scheme.model.rates, scheme.model.defaults
        said = (item for item in scheme.exponents.items() if item[0] not in rates and item not in defaults.items())
        sizes = ", ".join(f"{key} = {'0' if form is None else f'n^({form})'}" for key, form in said)
        return f"{scheme.model.kind}; {sizes}; {checked.rates}"
    initial = ", ".join(
        f"{key}_0 = 0" if (form := scheme.form(key)) is None else f"{key}_0 = n^({form})" for key in ("A", "B")
    )
    return f"{initial}; {checked.rates}"


def _pages(found: Crosscheck, sections: list[Block], environment: Mapping[str, str]) -> dict[str, str]:
    settings = found.settings
    widths = dict.fromkeys(", ".join(map(str, each.configuration.widths)) for each in found.schemes)
    method = {
        "widths": "; ".join(widths),
        "seeds a width": str(settings.seeds),
        "steps": str(settings.steps),
        "rank, samples and other axes of fixed size": str(FIXED),
        "precision": settings.dtype,
        "supposed": "; ".join(found.policy.lines),
        **environment,
    }
    control = [] if found.shortfall else _control(found)
    title = "Derived exponents against measured ones"
    return verdict_pages(
        title,
        found.verdict,
        found.summary,
        [*sections, *control],
        warnings=found.warnings,
        method=method,
        symbols=" ".join(dict.fromkeys(symbols(each.scheme.model) for each in found.schemes)),
    )


def _control(found: Crosscheck) -> Iterator[Block]:
    """The controls of all schemes as one; where there are several schemes, each row names its own."""
    rows = [row for each in found.schemes for row in each.control.rows if row.verdict is Verdict.FAIL]
    sentences = dict.fromkeys(each.control.assumption for each in found.schemes)
    assumption = f"Supposed for it: {'; '.join(sentences)}. What is predicted so has to FAIL."
    return control_section(assumption, found.control, rows, is_named=len(found.schemes) > 1)
