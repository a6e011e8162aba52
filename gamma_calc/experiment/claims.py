"""Published claims beside what was measured, and the report of the study that judges them.

A claim says that a number lies in a range. It is confirmed where the whole 95 % interval lies in the range, refuted
where none of it does, and undecided otherwise, with what would decide it.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gamma_calc.derivation.tables import markdown_table
from gamma_calc.files import write_files
from gamma_calc.report.figure import rendered
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.optima import Health

Interval = tuple[float, float]

POSITIVE: Interval = (0.0, math.inf)


class Outcome(Enum):
    """What the measurement says of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Claim:
    """A published claim and its measurement.

    Args:
        quantity: what was measured, in words.
        wanted: the open range in which the claim puts it.
        value, interval: the measurement with its 95 % interval.
        detail: the numbers behind it, width by width, or what an undecided claim needs.
        repetitions: the intervals of repetitions that are as good as each other, where there are any.
    """

    statement: str
    quantity: str
    wanted: Interval
    value: float
    interval: Interval
    detail: str = ""
    shortfall: str = ""
    repetitions: tuple[Interval, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The verdict."""
        low, high = self.interval
        if self.shortfall or not (math.isfinite(low) and math.isfinite(high)):
            return Outcome.UNDECIDED
        if self.wanted[0] < low and high < self.wanted[1]:
            return Outcome.CONFIRMED
        if high <= self.wanted[0] or low >= self.wanted[1]:
            return Outcome.REFUTED
        return Outcome.UNDECIDED

    def json(self) -> dict[str, Any]:
        """The claim and its measurement as plain data."""
        return {
            "claim": self.statement,
            "quantity": self.quantity,
            "wanted": plain_numbers(self.wanted),
            "measured": plain_numbers(self.value),
            "ci": plain_numbers(self.interval),
            "outcome": self.outcome.value,
            **({"repetitions": plain_numbers(self.repetitions)} if self.repetitions else {}),
            "reason": self.shortfall or self.detail,
        }

    def markdown(self) -> str:
        """The claim, its outcome and its measurement as a paragraph of Markdown."""
        low, high = self.interval
        least, most = self.wanted
        wanted = f"more than {least:g}" if math.isinf(most) else f"between {least:g} and {most:g}"
        behind = self.shortfall or self.detail
        return (
            f"**{self.outcome.value.capitalize()}.** {self.statement}  \n"
            f"Measured: {self.quantity} = {self.value:.3f} in [{low:.3f}, {high:.3f}]; the claim says {wanted}."
            f"{f' ({behind})' if behind else ''}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a study leaves behind: a page with figures and plain data, claim by claim where it judges some.

    Args:
        seeds: over which every interval is.
        data: what was measured, as plain data.
        environment: what it was made with; what is empty is left out.
        remark: stands below the summary of the claims.
        sections: Markdown that comes after the claims; the last one says how it was made, below the environment.
        facts: what else stands beside the environment.
        figures: their drawings by name.
    """

    experiment: str
    title: str
    claims: tuple[Claim, ...]
    seeds: int
    data: Mapping[str, Any]
    environment: Mapping[str, str]
    remark: str
    sections: tuple[str, ...]
    figures: Mapping[str, Callable[[], Figure]]
    facts: tuple[tuple[str, str], ...] = ()

    def json(self) -> dict[str, Any]:
        """Everything that was measured, as plain data."""
        judged = {"claims": [claim.json() for claim in self.claims]} if self.claims else {}
        head = {"schema": 1, "experiment": self.experiment, **judged}
        return {**head, **self.data, "environment": dict(self.environment)}

    def page(self) -> str:
        """The page, in Markdown."""
        tally = Counter(claim.outcome for claim in self.claims)
        summary = ", ".join(f"{tally[outcome]} {outcome.value}" for outcome in Outcome if tally[outcome])
        *sections, made = self.sections
        judged = [
            f"Of {len(self.claims)} claims: {summary}. Every number below comes with its 95 % interval over"
            f" {self.seeds} seeds; a claim is confirmed where the whole interval agrees with it, refuted where none of"
            " it does, and undecided otherwise.",
            self.remark,
            "## Claims",
            *(claim.markdown() for claim in self.claims),
        ]
        blocks = [
            f"# {self.title}",
            *(judged if self.claims else [self.remark]),
            *sections,
            "## How it was made",
            markdown_table([("", ""), *self.facts, *((name, each) for name, each in self.environment.items() if each)]),
            made,
        ]
        return "\n\n".join(blocks) + "\n"

    def write(self, folder: Path) -> None:
        """Write README.md, results.json and the figures, all or nothing.

        Raises:
            BadInput: the folder cannot be written.
        """
        contents: dict[str, str | bytes] = {}
        for name, drawn in self.figures.items():
            with figure_settings():
                images = rendered(drawn())
            contents |= {f"{name}.svg": images.svg, f"{name}.png": images.png}
        write_files(
            folder, contents | {"results.json": json.dumps(self.json(), indent=1) + "\n", "README.md": self.page()}
        )


def made_with(command: str, version: str, seconds: float, workers: int, **libraries: str) -> dict[str, str]:
    """What an experiment on the CPU was made with: the command, the time it took, and releases."""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "time": f"{seconds / 60:.1f} minutes, runs found in the store not counted",
        "processes": f"{workers}, of one thread",
        "gamma_calc": version,
        "python": platform.python_version(),
        "torch": torch.__version__,
        **libraries,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}, cpu",
    }


def figure_block(name: str, caption: str) -> str:
    """A figure of the folder with its caption, in Markdown."""
    return f"![{caption}]({name}.png)\n\n{caption}"


def health_counts(health: np.ndarray[Any, Any]) -> str:
    """What became of runs, in words."""
    tally = Counter(health.ravel().tolist())
    return "; ".join(f"{tally[each]} of {health.size} {each.value}" for each in Health if tally[each])


def plain_numbers(value: Any) -> Any:
    """Numbers as JSON has them: what is not finite is null, what is exact is text."""
    if isinstance(value, np.ndarray | list | tuple):
        return [plain_numbers(each) for each in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value if isinstance(value, int | str) else str(value)
