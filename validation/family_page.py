"""The page and the plot of a recorded model family, made from its JSON alone."""

from __future__ import annotations

import math
import re
import statistics
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from matplotlib.axes import Axes

from gamma_calc.document.blocks import (
    Answer,
    Block,
    Bullets,
    Column,
    ColumnKind,
    Details,
    Heading,
    Links,
    Paragraph,
    Picture,
    Table,
)
from gamma_calc.document.markdown import markdown_text
from gamma_calc.document.verdict_signs import SEVERITY, SIGNS
from gamma_calc.experiment.claims import METHOD
from gamma_calc.report import style
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, rendered, surround
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.verdicts import TOLERANCE

Data = Mapping[str, Any]
NOTHING = "\N{EN DASH}"
REACH = 0.4
"""How far from its prediction a slope is drawn at most; those beyond stand at the edge."""
LEAST_REACH = 0.1
LETTERS = 54
"""Of a line below the panels."""

FIXED = (
    "Fixed beforehand: the rule of the verdicts, which is that of every cross-check, and all settings below. Settings"
    " were found in pilots on seeds from 0 on. What is shown ran on seeds that no pilot had used, and every row"
    " stands as it came out. The two narrow recordings were added once the pretrained ones had been seen, to compare"
    " them with, on the same seeds. Those at s = 1 were added last, the one of a single layer once the other had been"
    " seen."
)
HOW_TO_READ = (
    "A cell is the slope of log2 of the root mean square of the leading terms on log2 n and the half of its 95 %"
    " interval. A sign marks a row that is not PASS: ✗ FAIL, ? INCONCLUSIVE. A row has the worst verdict of its leading"
    " terms and of each of its terms, so a sign may stand at a slope that is right. 0: exactly zero in every run."
)


def family_page(name: str, data: Data) -> str:
    """The page of a recording, as Markdown."""
    return markdown_text(tuple(_document(name, data)))


def _document(name: str, data: Data) -> Iterator[Block]:
    settings = data["settings"]
    yield Heading(1, f"{settings['family'].capitalize()}, layer by layer: {name}")
    yield Answer(data["verdict"], f"{tallied(data['quantities'])}. {_control(data)}")
    yield Paragraph(f"Differs from the reference setting in: {settings['differs']}.")
    yield Paragraph(FIXED)
    yield Paragraph(seen(data))
    yield Heading(2, "Layers")
    yield _layers(data)
    if data["warnings"]:
        yield Bullets(tuple(data["warnings"]))
    yield Picture(f"Measured less predicted exponents of {name} at the last step", f"{name}.svg")
    yield Heading(2, "Exponents")
    yield Paragraph(HOW_TO_READ)
    for scheme in _schemes(data):
        yield Heading(3, scheme)
        yield _exponents(data, scheme)
    yield from _unsettled(data["quantities"])
    yield Heading(2, "How it was measured")
    yield Table(METHOD, tuple(_method(data)))
    yield Links((("plain data", f"{name}.json"),))


def tallied(rows: Sequence[Data]) -> str:
    """How many rows have each verdict, the good ones first."""
    count = Counter(row["verdict"] for row in rows)
    return ", ".join(f"{count[word]} {word}" for word in reversed(SEVERITY) if count[word])


def seen(data: Data) -> str:
    """What came out, in sentences that only count and measure."""
    errors = sorted(abs(error(row)) for row in data["quantities"] if is_finite(row))
    verdicts = Counter((row["verdict"], row["scheme"], row["t"]) for row in data["quantities"])
    sentences = [
        f"Seen: of {len(errors)} finite exponents, half lie within {statistics.median(errors):.3f} of their prediction"
        f" and all within {errors[-1]:.3f}"
    ]
    for word in SEVERITY[:2]:
        places = [
            f"{scheme} at t = {t}: {count}" for (verdict, scheme, t), count in verdicts.items() if verdict == word
        ]
        sentences += [f"{word} are {', '.join(places)}"] if places else []
    steps = [_span([layer["gradient_slopes"][t] for layer in data["layers"]]) for t in (0, -1)]
    sentences.append(f"dL/dZbar has slopes of {steps[0]} at step 1 and of {steps[1]} at the last step")
    return ". ".join(sentences) + "."


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def summary_line(name: str, data: Data) -> str:
    """The recording as a line of the table in validation/README.md."""
    settings, count = data["settings"], Counter(row["verdict"] for row in data["quantities"])
    errors = [abs(error(row)) for row in data["quantities"] if is_finite(row)]
    widths = f"{settings['widths'][0]} to {settings['widths'][-1]}"
    cells = (f"[`{name}`](families/{name}.md)", widths, str(settings["seeds"]))
    numbers = (
        *(str(count[word]) for word in reversed(SEVERITY)),
        f"{statistics.median(errors):.3f}",
        f"{max(errors):.3f}",
    )
    return f"| {' | '.join((*cells, *numbers))} |"


def _control(data: Data) -> str:
    control = data["control"]
    return f"The control, {control['assumption']}, has to FAIL: {control['verdict']}"


def _schemes(data: Data) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["scheme"] for row in data["quantities"]))


def _layer_names(data: Data) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["layer"] for row in data["quantities"]))


def _layers(data: Data) -> Table:
    words = ("rows", "slopes of |Z|, assumed 0, by step", "of |dL/dZbar|, not judged")
    columns = (
        Column("scheme", ColumnKind.NAME),
        Column("layer", ColumnKind.NAME),
        *(Column(each, ColumnKind.REMARK) for each in words),
    )
    rows = []
    for layer in data["layers"]:
        own = [row for row in data["quantities"] if (row["scheme"], row["layer"]) == (layer["scheme"], layer["layer"])]
        inputs = ", ".join(f"{_number(each['measured'])} {each['verdict']}" for each in layer["inputs"])
        slopes = ", ".join(map(_number, layer["gradient_slopes"]))
        rows.append((layer["scheme"], layer["layer"], tallied(own), inputs, slopes))
    return Table(columns, tuple(rows))


def _exponents(data: Data, scheme: str) -> Table:
    layers = _layer_names(data)
    places = {(row["t"], row["quantity"], row["layer"]): row for row in data["quantities"] if row["scheme"] == scheme}
    lines = []
    for t, quantity in dict.fromkeys(place[:2] for place in places):
        cells = [places[t, quantity, layer] for layer in layers]
        bound = "<= " if cells[0]["upper"] else ""
        lines.append((quantity, str(t), f"{bound}{cells[0]['predicted']}", *map(cell, cells)))
    columns = (
        Column("quantity", ColumnKind.NAME),
        Column("t", ColumnKind.NUMBER),
        Column("predicted", ColumnKind.NUMBER),
    )
    return Table((*columns, *(Column(layer, ColumnKind.NUMBER) for layer in layers)), tuple(lines))


def cell(row: Data) -> str:
    """A measured exponent with its interval, and a sign unless its verdict is PASS."""
    sign = "" if row["verdict"] == "PASS" else f" {SIGNS[row['verdict']]}"
    if row["measured"] is None:
        return f"0{sign}" if not any(row["sizes"]) else f"{NOTHING}{sign}"
    low, high = row["ci"]
    return f"{_number(row['measured'])} ± {(high - low) / 2:.3f}{sign}"


def _unsettled(rows: Sequence[Data]) -> Iterator[Block]:
    for word in SEVERITY[:2]:
        found = [row for row in rows if row["verdict"] == word]
        if found:
            lines = tuple(
                f"{row['scheme']}, {row['layer']}, {row['quantity']} at t = {row['t']}: {row['reason']}"
                for row in found
            )
            yield Details(f"Every {word}, with its reason ({len(found)})", (Bullets(lines),))


def _method(data: Data) -> Iterator[tuple[str, str]]:
    settings = data["settings"]
    sequences, length = settings["batch"]
    first = settings["first_seed"]
    yield "model", f"{settings['family']}, {settings['layers']} layers, N(0, 1/n) matrices, N(0, 1) embeddings"
    yield "pretraining", f"{settings['pretraining']} steps of Adam on text"
    yield "adapters", f"PEFT's LoRA on query and value, rank {settings['rank']}, s = {settings['scale']}"
    yield "loss", f"{settings['loss']}, {sequences} x {length} tokens of English text"
    yield "optimiser", f"torch's AdamW, weight decay {settings['weight_decay']:g}, rates {settings['prefactor']} n^c"
    yield "widths", ", ".join(map(str, settings["widths"]))
    yield "seeds", f"{first} to {first + settings['seeds'] - 1} at each width"
    yield "steps", str(settings["steps"])
    yield from data["environment"].items()


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{round(value, 3) + 0.0:.3f}"  # no -0.000


def family_figure(name: str, data: Data) -> bytes:
    """Measured less predicted exponents at the last step, one panel a scheme, as SVG."""
    schemes = _schemes(data)
    with figure_settings():
        figure, panels = axes_grid(name, len(schemes), 1, (PHONE_WIDTH, 3.4 * len(schemes) + 1))
        for axes, scheme in zip(panels, schemes, strict=True):
            _draw(axes, data, scheme)
            axes.set_xlim(reach(data))
        step = data["settings"]["steps"]
        words = f"Measured less predicted exponents at step {step}, 95 % intervals. Shaded: {TOLERANCE:g} each way,"
        surround(figure, "", textwrap.fill(f"{words} the tolerance. Crossed: FAIL.", LETTERS))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=1)
    return re.sub(rb"\n +", b"\n", rendered(figure).svg)  # its indentation is a tenth of it


def _draw(axes: Axes, data: Data, scheme: str) -> None:
    last = data["settings"]["steps"]
    own = [row for row in data["quantities"] if row["scheme"] == scheme and row["t"] == last]
    lines = list(dict.fromkeys(row["quantity"] for row in own))
    axes.axvspan(-TOLERANCE, TOLERANCE, color=style.RULE, lw=0)
    for index, layer in enumerate(_layer_names(data)):
        shift = (index - 1.5) * 0.18
        shown = [row for row in own if row["layer"] == layer and is_finite(row)]
        points = [(lines.index(row["quantity"]) + shift, *drawn(row)) for row in shown]
        look: dict[str, Any] = {"color": style.COLOURS[index], "lw": 0.8}
        spans = [end for _, centre, half in points for end in (centre - half, centre + half, math.nan)]
        axes.plot(spans, [place for place, _, _ in points for _ in range(3)], **look)  # one path, broken by nan
        dots = [[point[part] for point in points] for part in (1, 0)]
        axes.plot(*dots, style.MARKERS[index], ms=5, label=layer, **look)
        failed = [point for point, row in zip(points, shown, strict=True) if row["verdict"] == "FAIL"]
        axes.plot(*[[point[part] for point in failed] for part in (1, 0)], "x", ms=9, mew=1.5, color=style.INK)
    axes.set(ylim=(len(lines) - 0.5, -0.5))
    axes.set_yticks(range(len(lines)), lines)
    axes.set_title(scheme)


def reach(data: Data) -> tuple[float, float]:
    """How far below and above zero the figure goes: to the ends of all intervals at the last step, within bounds."""
    last = data["settings"]["steps"]
    drawn_rows = [drawn(row) for row in data["quantities"] if row["t"] == last and is_finite(row)]
    lowest = min((centre - half for centre, half in drawn_rows), default=0.0)
    highest = max((centre + half for centre, half in drawn_rows), default=0.0)
    return max(-REACH, min(-LEAST_REACH, 1.05 * lowest)), min(REACH, max(LEAST_REACH, 1.05 * highest))


def is_finite(row: Data) -> bool:
    """Whether an exponent was predicted and measured."""
    return row["measured"] is not None and row["predicted"] != "-oo"


def error(row: Data) -> float:
    """Measured less predicted."""
    return float(row["measured"] - Fraction(row["predicted"]))


def drawn(row: Data) -> tuple[float, float]:
    """How far a slope lies from its prediction, at most `REACH`, and half of its interval."""
    low, high = row["ci"]
    return max(-REACH, min(REACH, error(row))), (high - low) / 2
