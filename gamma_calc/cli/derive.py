"""What follows from a scheme: conditions, largest stable rates, and the derivation.

$ gamma-calc derive init-a
init-a under adam, for every fixed number of steps
stable             eta <= -1/2
internally_stable  eta <= -1
feature_learning   eta = -1/2   from step 2 on
efficient          eta = -1/2   from step 3 on
largest stable eta: -1/2
...

$ gamma-calc derive my-scheme.toml --latex derivation.tex --markdown derivation.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.cli.options import add_json_argument, add_scheme_arguments, horizon, print_json, values
from gamma_calc.cli.tables import table
from gamma_calc.derivation.questions import Derived, derive
from gamma_calc.errors import BadInput
from gamma_calc.files import write_all

UNKNOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, --optimizer, --at, --steps, --latex, --markdown and --json."""
    add_scheme_arguments(parser)
    parser.add_argument(
        "--steps", metavar="T|all", type=horizon, default=None, help="a number of steps, or every fixed one (all)"
    )
    parser.add_argument("--latex", metavar="FILE", type=Path, help="write the derivation as a LaTeX document")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the derivation as Markdown")
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what follows, and write the documents asked for."""
    found = derive(
        options.specs[0],
        steps="all" if options.steps is None else options.steps,
        optimizer=options.optimizer,
        at=values(options),
    )
    if options.latex is not None and options.latex == options.markdown:
        raise BadInput(f"--latex and --markdown both name {options.latex}: give two files")
    documents = {options.latex: found.latex, options.markdown: found.markdown}
    write_all({path: text() for path, text in documents.items() if path is not None})
    if options.json:
        print_json(found.json())
    else:
        print(_text(found))
    return UNKNOWN if found.derivation.is_unknown else 0


def _text(found: Derived) -> str:
    derivation = found.derivation
    scheme = derivation.scheme
    length = "every fixed number of steps" if derivation.horizon is None else f"{derivation.horizon} steps"
    lines = [f"{scheme.name} under {scheme.optimizer.name}, for {length}"]
    lines.append(table([(name, *_row(decision)) for name, decision in derivation.decisions.items()]))
    lines += [f"largest stable {name}: {_largest(found, name)}" for name in derivation.max_stable]
    lines += [f"frontier: {edge.where}" for edge in derivation.frontier or ()]
    if derivation.at_max:
        names = derivation.at_max
        lines.append("exponents there:")
        lines.append(table([tuple(names), tuple(map(str, names.values()))]))
        lines.append(f"undertrained: {', '.join(derivation.undertrained) or 'no factor'}")
    lines.append(f"assumptions: {', '.join(assumption.key for assumption in derivation.assumptions)}")
    return "\n".join(lines)


def _row(decision: Decision) -> tuple[str, str]:
    if decision.status is Status.UNKNOWN:
        return "unknown", decision.reason
    text = str(decision) if decision.holds is None else ("yes" if decision.holds else "no")
    has_onset = decision.condition.reached and decision.onset is not None
    return text, f"from step {decision.onset} on" if has_onset else ""


def _largest(found: Derived, name: str) -> str:
    largest = found.derivation.max_stable[name]
    if largest.value is None:
        return f"none ({largest.reason})"
    return largest.value if largest.valid_on.is_everywhere else f"{largest.value} where {largest.valid_on}"
