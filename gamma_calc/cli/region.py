"""Where a condition holds, as polyhedra of the free exponents with their vertices and rays.

$ gamma-calc region two-rates.toml --condition efficient
two-rates under adam: efficient where a + b = -1 and b <= 0
polyhedron 1: a + b = -1 and b <= 0
  vertex  a = -1, b = 0
  ray     a = 1, b = -1

$ gamma-calc region two-rates.toml --plot regions.svg
$ gamma-calc region init-a --align aligned=alpha --plot alpha.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gamma_calc.analysis.conditions import CONDITIONS, GRADIENT_STABLE, STABLE, conditions_of
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation, derived, free_exponents
from gamma_calc.calculus.policy import Policy
from gamma_calc.cli.options import (
    add_horizon_argument,
    add_question_arguments,
    alignments,
    one_of,
    schemes,
    show,
    values,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.derivation.region_json import region_json
from gamma_calc.derivation.suppositions import Suppositions, supposed
from gamma_calc.errors import BadInput
from gamma_calc.files import write_all
from gamma_calc.program.scheme import Scheme

MOST_UNKNOWNS = 8
NAMES = tuple(condition.name for condition in (*CONDITIONS, GRADIENT_STABLE))
KINDS = (".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, --steps, --condition and --plot."""
    add_question_arguments(parser)
    add_horizon_argument(parser)
    known, words = one_of("--condition", NAMES), f"one of {', '.join(NAMES)}"
    parser.add_argument("--condition", metavar="NAME", type=known, default=STABLE.name, help=words)
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="draw every condition's region (.svg or .png; two free exponents)"
    )


def answer(options: argparse.Namespace) -> int:
    """Print the region, and draw it if asked for."""
    if options.plot is not None and options.plot.suffix not in KINDS:
        raise BadInput("--plot", found=str(options.plot), expected=f"a file that ends in {' or '.join(KINDS)}")
    supposes = Suppositions(options.optimizer, options.without, alignments(options.align))
    (asked,) = schemes(options, options.specs)
    scheme, policy = supposed(asked, supposes, values(options))
    known = [condition.name for condition in conditions_of(scheme.model)]
    if options.condition not in known:
        expected = f"one of {', '.join(known)}"
        raise BadInput(f"--condition of a {scheme.model.kind}", found=options.condition, expected=expected)
    _check_free(scheme, policy, is_drawn=options.plot is not None)
    found = derived(scheme, options.steps, policy)
    decision = found.decisions[options.condition]
    answered = region_json(found, decision)
    if options.plot is not None:
        _draw(found, options.plot)
    show(options, lambda: answered, lambda: _text(found.title, answered))
    return UNKNOWN if decision.status is Status.UNKNOWN else 0


def _check_free(scheme: Scheme, policy: Policy, *, is_drawn: bool) -> None:
    free = free_exponents(scheme, policy)
    found = f"{len(free)} free exponents ({', '.join(free) or 'none'})"
    if len(free) > MOST_UNKNOWNS:
        raise BadInput(scheme.name, found=found, expected=f"at most {MOST_UNKNOWNS}; fix others with --at NAME=P/Q")
    if is_drawn and len(free) != 2:
        raise BadInput(f"--plot of {scheme.name}", found=found, expected="exactly two; fix others with --at NAME=P/Q")


def _draw(found: Derivation, path: Path) -> None:
    # Only a drawing needs matplotlib, and loading it takes longer than the answer.
    from gamma_calc.report.figure import rendered
    from gamma_calc.report.region_figure import region_figure

    images = rendered(region_figure(found))
    write_all({path: images.svg if path.suffix == ".svg" else images.png})


def _text(title: str, answered: dict[str, Any]) -> str:
    unknown = answered["status"] == Status.UNKNOWN.value
    verdict = f"unknown: {answered['reason']}" if unknown else f"where {answered['region']}"
    lines = [f"{title}: {answered['condition']} {verdict}"]
    for number, member in enumerate(answered["polyhedra"], start=1):
        lines.append(f"polyhedron {number}: {' and '.join(member['inequalities']) or 'always'}")
        lines += [] if member["closed"] else ["  its closure has"]
        for kind in ("vertices", "rays", "lines"):
            word = {"vertices": "vertex", "rays": "ray", "lines": "line"}[kind]
            lines += [f"  {word:<6}  {_point(point)}" for point in member[kind] if point]
    return "\n".join(lines)


def _point(point: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in point.items())
