"""Draw the figures of recorded experiments again from their plain data: python -m validation.redrawn"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gamma_calc.experiment.reproduction_folder import reproduction_figures
from gamma_calc.experiment.stability_plane import FAR, STUDENT, EdgePoint
from gamma_calc.experiment.student_study import Grid
from gamma_calc.files import write_all
from gamma_calc.huggingface.language.folder import study_figures
from gamma_calc.huggingface.language.settings import ROBERTA
from gamma_calc.report.figure import rendered
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.optima import Health
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.student_plain import RECORDED

HERE = Path(__file__).resolve().parent
LANGUAGE = ("llama", "roberta", "roberta-built-64", "roberta-built-128")
Drawings = Mapping[str, Callable[[], Figure]]


def numbers(values: Any) -> np.ndarray[Any, Any]:
    """An array; null is nan."""
    return np.array(values, dtype=float)


def student_drawings(data: Mapping[str, Any]) -> Drawings:
    """Those of the teacher-student experiment."""
    studies = [_study(each) for each in data["studies"]]
    plan = SimpleNamespace(**{name: data["plan"][name] for name in ("widths", "runs", "seed")})
    edges = [_edge(each, plan.runs) for each in data["edges"]]
    found: Any = SimpleNamespace(
        plan=plan, edges=edges, of=lambda scheme: [each for each in studies if each.scheme == scheme]
    )
    return reproduction_figures(found)


def _study(data: Mapping[str, Any]) -> SimpleNamespace:
    rates, training, test = (numbers(data["grid"][name]) for name in ("log2_rate", "training_loss", "test_loss"))
    health = np.array([[Health(each) for each in row] for row in data["grid"]["health"]], dtype=object)
    grid, then = Grid(rates, training, test, health), data["at_optimum"]
    evolution = {name: numbers(then[name]) for name in RECORDED}
    steps, optimum = tuple(then["steps"]), grid.optimum
    return SimpleNamespace(
        scheme=data["scheme"], width=data["width"], grid=grid, optimum=optimum, steps=steps, evolution=evolution
    )


def _edge(data: Mapping[str, Any], runs: int) -> EdgePoint:
    interval = None if data["ci"] is None else tuple(data["ci"])
    estimate = SlopeEstimate(tuple(data["widths"]), runs, data["measured"], interval)
    experiment = STUDENT if data["experiment"] == STUDENT else FAR  # recorded by an exact law
    return EdgePoint(data["scheme"], experiment, Fraction(data["offset"]), Fraction(data["predicted"]), estimate)


def language_drawings(data: Mapping[str, Any]) -> Drawings:
    """Those of an experiment with a language model."""
    arrays = ("log2_rate", "validation_loss", "test_loss", "test_right", "steps")
    curves = [
        SimpleNamespace(
            scheme=each["scheme"],
            best=best,
            **{name: numbers(each[name]) for name in arrays},
            # Recorded at that rate alone, and as a mean over layers.
            **{name: {best: numbers(each[f"{name}_at_best_rate"])[..., None]} for name in ("Z_A", "Z_B")},
        )
        for each in data["schemes"]
        for best in (each["log2_rate"].index(each["log2_best_rate"]),)
    ]
    found: Any = SimpleNamespace(
        curves=curves,
        best=lambda each: each.best,
        is_classification=data["experiment"] == ROBERTA,
        plan=SimpleNamespace(seeds=data["plan"]["seeds"]),
    )
    return study_figures(found)


def main() -> None:
    """Write every figure, all or none."""
    contents: dict[Path, str | bytes] = {}
    for folder in ("teacher-student", *LANGUAGE):
        data = json.loads((HERE / folder / "results.json").read_text(encoding="utf-8"))
        drawings = language_drawings(data) if folder in LANGUAGE else student_drawings(data)
        for name, drawn in drawings.items():
            with figure_settings():
                images = rendered(drawn())
            contents |= {HERE / folder / f"{name}.{kind}": getattr(images, kind) for kind in ("svg", "png")}
    write_all(contents)


if __name__ == "__main__":
    main()
