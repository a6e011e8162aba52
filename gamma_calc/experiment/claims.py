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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gamma_calc.document.blocks import (
    Answer,
    Block,
    Bullets,
    Column,
    ColumnKind,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Table,
)
from gamma_calc.document.html import html_text
from gamma_calc.document.markdown import markdown_text
from gamma_calc.document.page import GLOSSARY
from gamma_calc.files import write_files
from gamma_calc.report.figure import rendered
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.optima import Health
from gamma_calc.simulation.slopes import student_quantile
from gamma_calc.simulation.verdicts import runs_needed

Array = NDArray[np.float64]

METHOD = (Column("what", ColumnKind.NAME), Column("value", ColumnKind.REMARK))
"""The columns of a table that says how a measurement was made."""

Interval = tuple[float, float]

POSITIVE: Interval = (0.0, math.inf)


class Outcome(Enum):
    """What the measurement says of a claim, the worst first."""

    REFUTED = "refuted"
    UNDECIDED = "undecided"
    CONFIRMED = "confirmed"


RULES = (
    "confirmed: the whole 95 % interval of the measurement lies in the range that the claim speaks of.",
    "refuted: none of it does.",
    "undecided: some of it does; the text says what would decide it.",
)
SYMBOLS = (
    "An adapter adds s B A to a frozen matrix. Init[A], init-a, starts with A random and B = 0; Init[B], init-b, with B"
    " random and A = 0. Z_A = A Z and Z_B = s B A Z are its features for inputs Z, |v| is the root mean square of v, n"
    " the width."
)


@dataclass(frozen=True, slots=True)
class MeasuredClaim:
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

    def blocks(self) -> Iterator[Block]:
        """The claim with its outcome, and its measurement."""
        low, high = self.interval
        least, most = self.wanted
        wanted = f"more than {least:g}" if math.isinf(most) else f"between {least:g} and {most:g}"
        behind = self.shortfall or self.detail
        yield Answer(self.outcome.value, self.statement)
        yield Paragraph(
            f"Measured: {self.quantity} = {self.value:.3f} in [{low:.3f}, {high:.3f}]; the claim says {wanted}."
            f"{f' ({behind})' if behind else ''}"
        )


def positive_claim(
    statement: str, quantity: str, values: Sequence[Array], widths: Sequence[int] = (), shortfall: str = ""
) -> MeasuredClaim:
    """The claim that a number is positive: the mean over widths of its means over seeds, by Student's law.

    As many degrees of freedom as one width has are fewer than the widths have together, so the interval errs wide.

    Args:
        widths: at which the rows of `values` were measured; without them there is one row, shown seed by seed.
        shortfall: why nothing is decided, where that is known already.

    Shapes: values [seeds] for each width, of which what is not finite is left out.
    """
    usable = [row[np.isfinite(row)] for row in values]
    runs = min(len(row) for row in usable)
    if runs < 2:
        short = shortfall or f"{runs} seeds have a finite value, and at least 2 are needed"
        return MeasuredClaim(statement, quantity, POSITIVE, math.nan, (math.nan, math.nan), "", short)
    mean = float(np.mean([row.mean() for row in usable]))
    error = math.sqrt(sum(float(row.var(ddof=1)) / len(row) for row in usable)) / len(usable)
    if not error:
        shortfall = shortfall or "every seed gives the same number, which says nothing of how far chance moves it"
    half = student_quantile(runs - 1) * error
    if widths:
        detail = ", ".join(f"n = {width}: {row.mean():.2f}" for width, row in zip(widths, usable, strict=True))
    else:
        detail = f"seed by seed: {', '.join(f'{each:.3g}' for each in values[0])}"
    claim = MeasuredClaim(statement, quantity, POSITIVE, mean, (mean - half, mean + half), detail, shortfall)
    if claim.outcome is not Outcome.UNDECIDED or shortfall:
        return claim
    return replace(claim, detail=f"{detail}; {power_statement(mean, 0.0, error * math.sqrt(runs))}")


def power_statement(value: float, boundary: float, spread: float, drift: float = 0.0) -> str:
    """The seeds that would tell a number from a boundary that its interval holds.

    Args:
        spread: the standard deviation of the number over seeds.
        drift: what stands in its half-width beside the seeds' spread, which no seeds remove.

    >>> power_statement(-0.85, -0.9, 0.1)
    'to tell -0.85 from -0.9 at this spread takes about 18 seeds'
    """
    runs = runs_needed(spread, abs(value - boundary) - drift)
    if runs is None:
        return f"no number of seeds tells {value:.3g} from {boundary:g}"
    return f"to tell {value:.3g} from {boundary:g} at this spread takes about {runs} seeds"


@dataclass(frozen=True, slots=True)
class Report:
    """What a study leaves behind: a page with figures and plain data, claim by claim where it judges some.

    Args:
        seeds: over which every interval is.
        data: what was measured, as plain data.
        environment: what it was made with; what is empty is left out.
        remarks: stand below the summary of the claims.
        sections: come after the claims.
        setting: how it was made, below the environment.
        facts: what else stands beside the environment.
        figures: their drawings by name.
    """

    experiment: str
    title: str
    claims: tuple[MeasuredClaim, ...]
    seeds: int
    data: Mapping[str, Any]
    environment: Mapping[str, str]
    remarks: tuple[str, ...]
    sections: tuple[Block, ...]
    setting: str
    figures: Mapping[str, Callable[[], Figure]]
    facts: tuple[tuple[str, str], ...] = ()

    def json(self) -> dict[str, Any]:
        """Everything that was measured, as plain data."""
        judged = {"claims": [claim.json() for claim in self.claims]} if self.claims else {}
        head = {"schema": 1, "experiment": self.experiment, **judged}
        return {**head, **self.data, "environment": dict(self.environment)}

    def pages(self, images: Mapping[str, bytes]) -> dict[str, str]:
        """The page in both formats, by file name, from the SVGs that HTML carries, by the paths of their pictures."""
        blocks = tuple(self._blocks())
        shown = [each.showing(images) if isinstance(each, Gallery) else each for each in blocks]
        return {"index.html": html_text(self.title, shown), "README.md": markdown_text(blocks)}

    def _blocks(self) -> Iterator[Block]:
        yield Heading(1, self.title)
        if self.claims:
            tally = Counter(claim.outcome for claim in self.claims)
            summary = ", ".join(f"{tally[outcome]} {outcome.value}" for outcome in Outcome if tally[outcome])
            yield Paragraph(f"Of {len(self.claims)} claims: {summary}. Intervals are over {self.seeds} seeds.")
            yield Bullets(RULES)
            yield Paragraph(f"{SYMBOLS} {GLOSSARY}")
        yield from map(Paragraph, self.remarks)
        if self.claims:
            yield Heading(2, "Claims")
            for claim in sorted(self.claims, key=lambda claim: list(Outcome).index(claim.outcome)):
                yield from claim.blocks()
        yield from self.sections
        yield Heading(2, "How it was made")
        made = (*self.facts, *((name, each) for name, each in self.environment.items() if each))
        yield Table(METHOD, made)
        yield Paragraph(self.setting)

    def write(self, folder: Path) -> None:
        """Write index.html, README.md, results.json and the figures, all or nothing.

        Raises:
            BadInput: the folder cannot be written.
        """
        contents: dict[str, str | bytes] = {"results.json": json.dumps(self.json(), indent=1) + "\n"}
        pictures: dict[str, bytes] = {}
        for name, drawn in self.figures.items():
            with figure_settings():
                images = rendered(drawn())
            contents |= {f"{name}.svg": images.svg, f"{name}.png": images.png}
            pictures[f"{name}.png"] = images.svg
        write_files(folder, contents | self.pages(pictures))


def made_with(command: str, **others: str) -> dict[str, str]:
    """What a measurement was made with: the command, releases, the machine, and what else there is to say."""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "gamma_calc": version("gamma-calc"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        **others,
    }


def made_in_processes(command: str, seconds: float, workers: int, **libraries: str) -> dict[str, str]:
    """The same of runs that were carried out in processes on the CPU, and the time that it took."""
    took = f"{seconds / 60:.1f} minutes, runs found in the store not counted"
    return made_with(command, device="cpu", time=took, processes=f"{workers}, of one thread", **libraries)


def gallery(captions: Mapping[str, str]) -> Gallery:
    """Figures of the folder, by name, with their captions."""
    return Gallery(tuple((Picture(words, f"{name}.png"), words) for name, words in captions.items()))


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
