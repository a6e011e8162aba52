"""Set a public sweep beside the derived exponents, as validation/outside/README.md: python -m validation.outside

The sweep was run by others for a purpose of their own. What is fitted to it stands here as data; what is derived is
derived when the page is written, and `validation/make.py` writes it too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.analysis.conditions import INTERNALLY_STABLE, STABLE
from gamma_calc.atlas.families.lora import SUBJECTS
from gamma_calc.atlas.questions import WIDTH, Question, QuestionKind, answer_to
from gamma_calc.document.tables import markdown_table
from gamma_calc.files import write_all

PAGE = Path(__file__).resolve().parent / "outside" / "README.md"


@dataclass(frozen=True, slots=True)
class Fit:
    """The best rate as hidden^width rank^rank, least squares over cells: slopes with their standard errors."""

    models: str
    width: tuple[float, float]
    rank: tuple[float, float]


FITS = (
    Fit("dense Qwen: 24 cells of 9 models, hidden 2560 to 5120", (-0.40, 0.18), (0.07, 0.03)),
    Fit("all dense models", (-0.33, 0.19), (0.10, 0.03)),
    Fit("mixtures of experts", (-0.13, 0.07), (0.23, 0.03)),
)
"""Of the sweep in thinking-machines-lab/tinker-cookbook, tinker_cookbook/recipes/chat_sl/results/sft_sweep.md."""


RANK = "rho"
ALPHA_FIXED = {"growing-rank-a": "Init[A]", "growing-rank-b": "Init[B]"}
"""Subjects of the atlas with r = n^rho and a scale n^(-kappa), at kappa = rho."""


TEXT = """# A public sweep beside the derived exponents

Written by `python -m validation.outside`. Nothing here was measured by this project, and no fit is proof of an
exponent, nor a refutation: see what it cannot say.

The [sweep](https://github.com/thinking-machines-lab/tinker-cookbook) of tinker-cookbook
(`tinker_cookbook/recipes/chat_sl/results/sft_sweep.md`) fine-tunes 35 models with LoRA, alpha fixed, at several ranks
and learning rates: tulu3, batches of 128, 780 steps, and the test loss of each run. The best rate of a cell, which is a
model and a rank, is that of the least test loss by a parabola in the log of the rate through the best three; a power of
the hidden size times a power of the rank is fitted to the cells by least squares.

## Fitted

{fits}

The errors are standard errors of the fit. tinker-cookbook's own earlier rule had hidden^-0.781 for Llama and
hidden^-0.0775 for Qwen.

## Derived

For Adam with one rate and the scale alpha / r at a fixed alpha; Init[B] has variance 1/r in B:

{derived}

## Beside each other

How many standard errors the fitted powers lie above the derived ones, of hidden first and of the rank second:

{apart}

The power of hidden of the dense models lies by that of Init[A]'s largest stable rate, and some three of these errors
from n^(-1). Their power of the rank is small, and two or three errors above the derived 0. Of the mixtures neither is
near.

## What it cannot say

- What is derived is the largest rate that stays stable as n grows; what is fitted is the best one at finite sizes. The
  optimum lies below the edge, and nothing says that it follows it exactly.
- Cells of one model are not independent of each other, so the standard errors are too small.
- Rates stand about threefold apart: an optimum between them is the parabola's.
- 80 runs diverged, 72 of them at 3e-3. Where the largest rates are lost, an optimum near them is cut off.
- Alpha was fixed, so the scale fell as one over the rank. Another rule for it has another power of the rank.
- Hidden sizes of dense Qwen span a factor of 2. Models differ in more than their width: depth, data, training.
- In a mixture of experts a token meets a few experts, whose inner width grows on its own, and the choice of experts
  depends on what training changes. Nothing is derived of them here.
"""


Power = tuple[Exponent, Exponent]
"""What a largest rate is a power of: of the width and of the rank."""


def derived_powers() -> dict[str, Power]:
    """The largest rates of Adam with a fixed alpha, and that of a matrix trained as a whole, by name."""
    found = {f"{title}, stable": _largest(name, STABLE.name) for name, title in ALPHA_FIXED.items()}
    found |= {"Init[A], internally stable": _largest("growing-rank-a", INTERNALLY_STABLE.name)}
    return found | {"all of a matrix": _largest("dense", STABLE.name)}


def _largest(subject: str, condition: str) -> Power:
    at = (("kappa", Affine.symbol(RANK)),) if subject in ALPHA_FIXED else ()
    parts = (Question(QuestionKind.LARGEST, "c", condition=condition, at=at, per=each) for each in (WIDTH, RANK))
    width, rank = (answer_to(each, SUBJECTS[subject]) for each in parts)
    assert isinstance(width, Exponent) and isinstance(rank, Exponent)
    return width, rank


def page() -> str:
    """The page: what was fitted, what is derived, and how far they lie apart."""
    known = derived_powers()
    fits = [["models", "power of hidden", "power of the rank"]]
    fits += [[each.models, _spread(each.width), _spread(each.rank)] for each in FITS]
    rates = [["largest rate", "power of n", "power of the rank"]]
    rates += [[name, *(f"`{power}`" for power in powers)] for name, powers in known.items()]
    apart = [["models", *known]]
    apart += [[fit.models, *(_apart(fit, powers) for powers in known.values())] for fit in FITS]
    return TEXT.format(fits=markdown_table(fits), derived=markdown_table(rates), apart=markdown_table(apart))


def _spread(fitted: tuple[float, float]) -> str:
    return f"{fitted[0]:+.2f} ± {fitted[1]:.2f}"


def _apart(fit: Fit, powers: Power) -> str:
    pairs = zip((fit.width, fit.rank), powers, strict=True)
    return ", ".join(f"{(value - float(power.pieces[0].constant)) / error:+.1f}" for (value, error), power in pairs)


def main() -> int:
    """Write the page."""
    write_all({PAGE: page()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
