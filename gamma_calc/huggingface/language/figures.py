"""The figures of the experiments with language models: scores over rates, and features along training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gamma_calc.experiment.reproduction_figures import label_axes, mean_and_half_width
from gamma_calc.huggingface.language.settings import SCHEMES
from gamma_calc.huggingface.language.study import Curves, LanguageStudy
from gamma_calc.report.plots import axes_grid
from gamma_calc.report.style import COLOURS, MARKERS

Array = NDArray[np.float64]

# Any: the drawing functions spell out the types of all their keywords.
STROKES: dict[str, dict[str, Any]] = {
    scheme: {"color": COLOURS[k], "marker": MARKERS[k]} for k, scheme in enumerate(SCHEMES)
}


def study_figures(found: LanguageStudy) -> Mapping[str, Callable[[], Figure]]:
    """The drawing of every figure by its name."""
    return {"rates": partial(_rates, found), "features": partial(_features, found)}


def _rates(found: LanguageStudy) -> Figure:
    """Validation loss and test score over rates, with the rate at which each scheme is compared."""
    figure, panels = axes_grid("Scores after training over learning rates", 1, 2, (8.4, 3.6))
    score = "test accuracy, %" if found.is_classification else "test perplexity"
    values: dict[str, Callable[[Curves], Array]] = {
        "validation loss": lambda curves: curves.validation_loss,
        score: lambda curves: 100 * curves.test_right if found.is_classification else np.exp(curves.test_loss),
    }
    for panel, (name, value) in zip(panels, values.items(), strict=True):
        for curves in found.curves:
            mean, half = mean_and_half_width(value(curves))
            panel.errorbar(curves.log2_rate, mean, half, capsize=2, label=curves.scheme, **STROKES[curves.scheme])
            best = float(curves.log2_rate[found.best(curves)])
            panel.axvline(best, color=STROKES[curves.scheme]["color"], linestyle="dotted", linewidth=1.2)
        label_axes(panel, "log2 of the learning rate", name, f"{name}, {found.plan.seeds} seeds")
    return figure


def _features(found: LanguageStudy) -> Figure:
    """|Z_A| and |Z_B| along training at each one's best rate: median layer, and the range over layers and seeds."""
    figure, panels = axes_grid("Size of the LoRA features along training", 1, 2, (8.4, 3.6))
    for panel, name in zip(panels, ("Z_A", "Z_B"), strict=True):
        for curves in found.curves:
            rows = getattr(curves, name)[found.best(curves)]  # [seeds, records, adapters]
            colour = STROKES[curves.scheme]["color"]
            middle, low, high = (np.nanquantile(rows, q, axis=(0, 2)) for q in (0.5, 0.0, 1.0))
            panel.plot(curves.steps, middle, label=curves.scheme, **STROKES[curves.scheme])
            panel.fill_between(curves.steps, low, high, color=colour, alpha=0.15, linewidth=0)
        label_axes(panel, "step", f"|{name}|, root mean square", f"|{name}| at the best rate")
    return figure
