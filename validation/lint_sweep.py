"""Measure what lint says on PEFT's own layers, and write it into docs/: python validation/lint_sweep.py

Every prediction is derived anew from the configuration; every measurement is a slope of log2 of the root mean square
over widths, on a square linear layer (or an embedding) that PEFT adapts, under torch's AdamW without weight decay and a
loss that is linear in the output. Rows that must not grow stand beside those that do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model

from gamma_calc import derive
from gamma_calc.files import write_all
from gamma_calc.huggingface.lint import lint
from gamma_calc.report.figure import svg_bytes
from gamma_calc.report.plots import Panel, PanelLayout, Series, Sheet, scaling_figure
from gamma_calc.simulation.verdicts import TOLERANCE

ROOT = Path(__file__).resolve().parents[1]
PAGE, PLOT, DATA = ROOT / "docs/lint.md", ROOT / "docs/lint.svg", ROOT / "validation/lint.json"
START, END = "<!-- measured: begin -->", "<!-- measured: end -->"
WIDTHS = tuple(2**k for k in range(6, 13))
SEEDS, RANK, STEPS, TOKENS = 64, 8, 3, 16
LEADS, TRAILS = 4.0, 1 / 16
"""Prefactors of rates: where the updates lead, and where the initial part leads. With 4, updates of size 3.2 outweigh
A_0 Z = 0.07 n^(1/2) under `orthogonal` up to n = 2000, and B_0^T dZ = 0.2 n^(1/2) under `false` up to n = 256: a slope
there would be that of a crossover."""

SMALL = 1 / 4
"""Of the rates of DoRA's layers: a first step of -1 would cancel a magnitude."""

BOUND = TOLERANCE
LAYOUT = PanelLayout(3, (3.2, 2.3), 44, is_alone=True)


class Base(torch.nn.Module):
    """One frozen layer: nothing of its weights enters what is measured, so they are zero; DoRA's are N(0, 1/n)."""

    def __init__(self, width: int, *, is_embedding: bool, is_dora: bool) -> None:
        super().__init__()
        kind, axes = (torch.nn.Embedding, (TOKENS, width)) if is_embedding else (torch.nn.Linear, (width, width))
        self.layer = torch.nn.utils.skip_init(kind, *axes)  # type: ignore[no-untyped-call]
        for weight in self.layer.parameters():
            torch.nn.init.normal_(weight, std=width**-0.5) if is_dora else torch.nn.init.zeros_(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the adapted layer answers."""
        output: torch.Tensor = self.layer(x)
        return output


@dataclass(frozen=True, slots=True)
class Run:
    """The factors of one adapter, and DoRA's magnitudes, before and after its steps; its input and its layer's W."""

    a: list[torch.Tensor]
    b: list[torch.Tensor]
    m: list[torch.Tensor]
    x: torch.Tensor
    w: torch.Tensor
    scale: float


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity at a rate prefactor n^rate, and where its prediction stands in lint's answer.

    `magnitudes` is the exponent of the rate of DoRA's magnitudes; None of a layer that is none of DoRA's.
    """

    title: str
    option: object
    rate: Fraction
    predicted: Callable[[dict[str, Any]], str]
    measured: Callable[[Run], torch.Tensor]
    is_embedding: bool = False
    prefactor: float = LEADS
    magnitudes: Fraction | None = None


def features(step: int) -> Callable[[Run], torch.Tensor]:
    """A Z after a number of steps."""
    return lambda run: run.a[step] @ run.x


def output(run: Run) -> torch.Tensor:
    """s B A Z before any step."""
    return run.scale * run.b[0] @ (run.a[0] @ run.x)


def share_of_b(run: Run) -> torch.Tensor:
    """delta_2 of the last step."""
    return run.scale * (run.b[-1] - run.b[-2]) @ (run.a[-2] @ run.x)


def change(run: Run) -> torch.Tensor:
    """The change of the output by the last step."""
    return run.scale * (run.b[-1] @ run.a[-1] - run.b[-2] @ run.a[-2]) @ run.x


def share_of_m(run: Run) -> torch.Tensor:
    """What the last step of the magnitudes makes, all else as it was."""
    adapted = run.w + run.scale * run.b[-2] @ run.a[-2]
    change: torch.Tensor = (run.m[-1] - run.m[-2]) / adapted.norm(dim=1) * (adapted @ run.x)
    return change


def with_own_rate(answer: dict[str, Any]) -> str:
    """delta_m where the magnitudes have a rate of n^0, from one module of DoRA's."""
    return str(derive("dora", at={"eta": answer["linear"]["max_stable"], "eta_m": 0}).at_max["delta_m"])


def at_max(quantity: str, layer: str = "linear") -> Callable[[dict[str, Any]], str]:
    """The exponent of a quantity at the largest stable rate."""
    return lambda answer: str(answer[layer]["at_max"][quantity])


def entries_of_a(answer: dict[str, Any]) -> str:
    """A Z before any step: n independent terms of the size of A_0's entries, the rank fixed."""
    form = answer["exponents"]["A"]
    return str(Fraction(0 if form == "-rank" else form) + Fraction(1, 2))


HALF, ONE, NONE = Fraction(-1, 2), Fraction(-1), Fraction(0)
ROWS = (
    Row("A Z at the start, `true`", True, NONE, entries_of_a, features(0)),
    Row("A Z at the start, `gaussian`", "gaussian", NONE, entries_of_a, features(0)),
    Row("A Z at the start, `orthogonal`", "orthogonal", NONE, entries_of_a, features(0)),
    Row("s B A Z at the start, `false`", False, NONE, lambda _: "0", output),
    Row("A Z after 3 steps, `true`, rate n^(-1/2)", True, HALF, at_max("Z_A"), features(STEPS)),
    Row("A Z after 3 steps, `true`, rate n^(-1)", True, ONE, lambda _: "0", features(STEPS)),
    Row("B's share, `false`, rate n^(-1)", False, ONE, at_max("delta_2"), share_of_b, prefactor=TRAILS),
    Row("B's share, `orthogonal`, rate n^(-1)", "orthogonal", ONE, at_max("delta_2"), share_of_b, prefactor=TRAILS),
    Row("B's share, `true`, rate n^(-1/2)", True, HALF, at_max("delta_2"), share_of_b),
    Row("m's share, DoRA, rate n^(-1/2)", True, HALF, at_max("delta_m"), share_of_m, prefactor=SMALL, magnitudes=HALF),
    Row("m's share, DoRA, m at n^0", True, HALF, with_own_rate, share_of_m, prefactor=SMALL, magnitudes=NONE),
    Row("change, embedding, rate n^0", True, NONE, at_max("Delta_Z_B", "embedding"), change, is_embedding=True),
    Row("change, embedding, rate n^(-1/2)", True, HALF, lambda _: "-1/2", change, is_embedding=True, prefactor=TRAILS),
)


def run(row: Row, width: int, seed: int) -> Run:
    """Train one adapter of PEFT for a few steps against a fixed loss gradient."""
    torch.manual_seed(seed)
    is_dora = row.magnitudes is not None
    config = LoraConfig(
        r=RANK, lora_alpha=RANK, init_lora_weights=row.option, use_dora=is_dora, target_modules=["layer"]
    )
    base = Base(width, is_embedding=row.is_embedding, is_dora=is_dora)
    layer = get_peft_model(base, config).base_model.model.layer
    a, b = _factors(layer, is_embedding=row.is_embedding)
    groups = [{"params": [a, b], "lr": row.prefactor * width ** float(row.rate)}]
    if row.magnitudes is not None:
        m = layer.lora_magnitude_vector["default"].weight
        groups.append({"params": [m], "lr": row.prefactor * width ** float(row.magnitudes)})
    trained = [parameter for group in groups for parameter in group["params"]]
    x = torch.eye(TOKENS)[0] if row.is_embedding else torch.randn(width)
    slope = torch.randn(width)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, eps=1e-30)
    kept = [[parameter.detach().clone()] for parameter in trained]
    for _ in range(STEPS):
        optimizer.zero_grad()
        shown = layer(torch.tensor([0]) if row.is_embedding else x[None])
        (slope @ shown[0]).backward()
        optimizer.step()
        for values, parameter in zip(kept, trained, strict=True):
            values.append(parameter.detach().clone())
    kept_m = kept[2] if is_dora else []
    return Run(kept[0], kept[1], kept_m, x, layer.get_base_layer().weight, layer.scaling["default"])


def _factors(layer: Any, *, is_embedding: bool) -> tuple[torch.Tensor, torch.Tensor]:
    if is_embedding:
        return layer.lora_embedding_A["default"], layer.lora_embedding_B["default"]
    return layer.lora_A["default"].weight, layer.lora_B["default"].weight


def sizes(row: Row) -> list[float]:
    """The root mean square over entries and seeds at each width."""
    return [
        float(torch.stack([row.measured(run(row, n, seed)).square().mean() for seed in range(SEEDS)]).mean().sqrt())
        for n in WIDTHS
    ]


def predicted(row: Row) -> Fraction:
    """The exponent that lint derives from the configuration."""
    target = "wte" if row.is_embedding else "c_attn"
    config = {"peft_type": "LORA", "r": RANK, "init_lora_weights": row.option, "target_modules": [target]}
    return Fraction(row.predicted(lint({**config, "use_dora": row.magnitudes is not None}).json()))


def main() -> int:
    """Measure every row; the exit status is 1 where a slope misses its prediction."""
    found = {row.title: sizes(row) for row in ROWS}
    slopes = {title: float(np.polyfit(np.log2(WIDTHS), np.log2(values), 1)[0]) for title, values in found.items()}
    claims = {row.title: predicted(row) for row in ROWS}
    misses = [title for title in slopes if abs(slopes[title] - float(claims[title])) > BOUND]
    lines = ["| quantity | predicted | measured slope |", "|---|---|---|"]
    lines += [f"| {title} | {claims[title]} | {slopes[title]:.3f} |" for title in slopes]
    text = PAGE.read_text(encoding="utf-8")
    page = f"{text.partition(START)[0]}{START}\n\n" + "\n".join(lines) + f"\n\n{END}{text.partition(END)[2]}"
    data: dict[str, Any] = {
        "widths": WIDTHS,
        "seeds": SEEDS,
        "rank": RANK,
        "torch": torch.__version__,
        "rows": {
            title: {"predicted": str(claims[title]), "slope": slopes[title], "sizes": found[title]} for title in found
        },
    }
    write_all({PAGE: page, DATA: json.dumps(data, indent=2) + "\n", PLOT: plot(data["rows"])})
    print("\n".join(lines), *(f"misses its prediction: {title}" for title in misses), sep="\n")
    return 1 if misses else 0


def plot(rows: dict[str, dict[str, Any]]) -> bytes:
    """What is recorded of every row, as SVG: one panel a quantity, with a line of the predicted slope for each row."""
    panels: dict[str, list[Series]] = {}
    for title, row in rows.items():
        quantity, _, where = title.replace("`", "").partition(", ")
        size, nothing, exponent = tuple(np.log2(row["sizes"])), (None,) * len(WIDTHS), Fraction(row["predicted"])
        verdict = "PASS" if abs(row["slope"] - exponent) <= BOUND else "FAIL"
        series = Series(where, WIDTHS, size, nothing, nothing, exponent, verdict, is_leading=True)
        panels.setdefault(quantity, []).append(series)
    heading = "What lint says of PEFT's own layers, and what training them gives"
    shown = tuple(Panel(quantity, tuple(series)) for quantity, series in panels.items())
    return svg_bytes(scaling_figure(Sheet(heading, f"{SEEDS} seeds, rank {RANK}", shown, tolerance=BOUND), LAYOUT))


if __name__ == "__main__":
    sys.exit(main())
