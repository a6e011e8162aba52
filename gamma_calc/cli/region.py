"""Where a condition holds, as polyhedra of the free exponents with their vertices and rays.

$ gamma-calc region two-rates.toml --condition efficient
two-rates under adam: efficient where a + b = -1 and b <= 0
polyhedron 1: a + b = -1 and b <= 0
  vertex  a = -1, b = 0
  ray     a = 1, b = -1

$ gamma-calc region two-rates.toml --plot regions.svg
$ gamma-calc region init-a --align aligned=alpha --plot alpha.svg

two-rates.toml is init-a with a rate for each factor, eta_A = "a" and eta_B = "b".
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gamma_calc.analysis.conditions import CONDITIONS, GRADIENT_STABLE, STABLE
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.cli.options import (
    OneOf,
    add_horizon_argument,
    add_question_arguments,
    hint_of_values,
    schemes,
    show,
    supposition_arguments,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.regions import region
from gamma_calc.errors import BadInput
from gamma_calc.files import write_all

NAMES = tuple(condition.name for condition in (*CONDITIONS, GRADIENT_STABLE))
KINDS = (".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, --steps, --condition and --plot."""
    add_question_arguments(parser)
    add_horizon_argument(parser)
    known, words = OneOf("--condition", NAMES), f"one of {', '.join(NAMES)}"
    parser.add_argument("--condition", metavar="NAME", type=known, default=STABLE.name, help=words)
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="draw every condition's region (.svg or .png; two free exponents)"
    )


def answer(options: argparse.Namespace) -> int:
    """Print the region, and draw it if asked for."""
    if options.plot is not None and options.plot.suffix not in KINDS:
        raise BadInput("--plot", found=str(options.plot), expected=f"a file that ends in {' or '.join(KINDS)}")
    (scheme,) = schemes(options, options.specs)
    with shown_runs(hint_of_values(options, (scheme,))):
        found = region(scheme, options.condition, steps=options.steps or "all", **supposition_arguments(options))
    if options.plot is not None:
        _draw(found.derivation, options.plot)
    show(options, found.json, lambda: str(found))
    return UNKNOWN if found.decision.status is Status.UNKNOWN else 0


def _draw(found: Derivation, path: Path) -> None:
    free = found.free
    if len(free) != 2:
        asked, expected = f"--plot of {found.scheme.name}", "two; fix others with --at NAME=P/Q"
        if len(free) < 2:
            expected = "two; of one, gamma-calc explore draws what there is" if free else "two"
        raise BadInput(asked, found=f"free exponents: {', '.join(free) or 'none'}", expected=expected)
    # Only a drawing needs matplotlib, and loading it takes longer than the answer.
    from gamma_calc.report.figure import rendered
    from gamma_calc.report.region_figure import region_figure

    images = rendered(region_figure(found))
    write_all({path: images.svg if path.suffix == ".svg" else images.png})
