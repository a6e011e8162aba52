"""What changes from one scheme, or one set of assumptions, to another.

$ gamma-calc diff init-a lora-plus-a
$ gamma-calc diff init-a init-a --second-without A5
init-a under adam
init-a under adam, without A5
exponents:
t  quantity   first                second
2  Z_A        max(0, eta + 1)      <= max(0, eta + 1)
...
the traces part at line 20, step 2:
  first:  gamma[(U_B^1).T dZ] = eta + 1 by aligned sum
  second: gamma[(U_B^1).T dZ] <= eta + 1 by aligned sum, bounded

$ gamma-calc diff init-a scaled.toml
...
the same dynamics up to a symmetry: B -> n^(1/2) B, s -> n^(-1/2) s

with init-a in scaled.toml, but for scale = "-1/2" and eta_B = "eta + 1/2". Such a map is looked for where both suppose
the same: A, B, s and dZ times powers of n, with the rates, decays and feedbacks that follow, and the free exponents of
the second SPEC in those of the first. --json has it under "symmetry", null where there is none. The exit status is 0
with or without one, and 3 where a condition is unknown.

The options that start with --second- hold for the second SPEC only, in place of those without.
"""

from __future__ import annotations

import argparse
from typing import Any

from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.difference import Difference
from gamma_calc.calculus.rules import total
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.cli.options import (
    add_code_argument,
    add_horizon_argument,
    add_json_argument,
    add_optimizer_argument,
    add_supposition_arguments,
    add_value_arguments,
    alignments,
    schemes,
    show,
    values,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.derivation.notation import Notation
from gamma_calc.derivation.questions import differing
from gamma_calc.derivation.suppositions import Suppositions
from gamma_calc.derivation.tables import text_table

NOTHING = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two SPECs, --at, --steps, --json, and what each SPEC supposes."""
    parser.add_argument("first", metavar="SPEC", help="a name of the catalogue or a TOML file")
    parser.add_argument("second", metavar="SPEC", help="another one, or the same")
    add_code_argument(parser)
    add_value_arguments(parser)
    add_horizon_argument(parser)
    add_optimizer_argument(parser, "an optimiser for both")
    add_supposition_arguments(parser)
    whose = " of the second SPEC"
    add_optimizer_argument(parser, f"the optimiser{whose}", prefix="second-")
    add_supposition_arguments(parser, prefix="second-", whose=whose)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what changes."""
    first = Suppositions(options.optimizer, options.without, alignments(options.align))
    second = Suppositions(
        options.second_optimizer or options.optimizer,
        options.second_without or options.without,
        alignments(options.second_align or options.align),
    )
    found = differing(
        *schemes(options, (options.first, options.second)),
        steps=options.steps or "all",
        at=values(options),
        first_supposes=first,
        second_supposes=second,
    )
    show(options, lambda: _json(found), lambda: _text(found))
    return UNKNOWN if found.first.is_unknown or found.second.is_unknown else 0


def _text(found: Difference) -> str:
    blocks = [found.first.title, found.second.title]
    if found.is_empty:
        blocks.append("nothing changes")
    if found.exponents:
        rows = [(str(each.t), each.quantity, _size(each.first), _size(each.second)) for each in found.exponents]
        blocks += ["exponents:", text_table([("t", "quantity", "first", "second"), *rows])]
    if found.conditions:
        rows_of_regions = [(each.first.condition.name, str(each.first), str(each.second)) for each in found.conditions]
        blocks += ["conditions:", text_table([("condition", "first", "second"), *rows_of_regions])]
    for rate in found.rates:
        values_of_rate = [(each and each.value) or NOTHING for each in (rate.first, rate.second)]
        blocks.append(f"largest stable {rate.rate}: {' -> '.join(values_of_rate)}")
    if found.parting is not None:
        first, second = _sides(found)
        place = next(each.subject.t for each in (found.parting.first, found.parting.second) if each is not None)
        blocks.append(f"the traces part at line {found.parting.line}, step {place}:")
        blocks += [f"  first:  {_line(first)}", f"  second: {_line(second)}"]
    if found.symmetry is not None:
        blocks.append(f"the same dynamics up to a symmetry: {found.symmetry}")
    return "\n".join(blocks)


def _size(size: Size | None) -> str:
    return NOTHING if size is None else str(size)


def _line(side: dict[str, Any] | None) -> str:
    if side is None:
        return "the trace has ended"
    sign = "<=" if side["upper"] else "="
    return f"gamma[{_plain(side['subject'])}] {sign} {side['conclusion']} by {side['rule']}"


def _plain(latex: str) -> str:
    """A formula of names, indices and transposes as it would be typed."""
    for command, typed in ((r"^{\top}", ".T"), (r"\thinspace ", ""), (r"\mathrm{d}", "d"), (r"\Delta ", "d")):
        latex = latex.replace(command, typed)
    return latex.replace("{", "").replace("}", "")


def _sides(found: Difference) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The applications at which the traces part, each in its program's notation."""
    assert found.parting is not None
    return _side(found.first, found.parting.first), _side(found.second, found.parting.second)


def _side(derivation: Derivation, application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    size = total(application.conclusion)
    return {
        "t": application.subject.t,
        "subject": Notation(derivation.run.program).subject(application.subject),
        "rule": application.rule.name,
        "statement": application.rule.statement,
        "assumptions": [assumption.key for assumption in application.rule.assumptions],
        "conclusion": str(size.upper),
        "upper": not size.is_exact,
    }


def _json(found: Difference) -> dict[str, Any]:
    parting, symmetry = found.parting, found.symmetry
    sides = None if parting is None else _sides(found)
    return {
        "schema": 1,
        "first": found.first.title,
        "second": found.second.title,
        "exponents": [
            {"t": each.t, "quantity": each.quantity, "first": _size(each.first), "second": _size(each.second)}
            for each in found.exponents
        ],
        "conditions": {
            each.first.condition.name: {
                side: {"region": str(decision), "onset": decision.onset, "status": decision.status.value}
                for side, decision in (("first", each.first), ("second", each.second))
            }
            for each in found.conditions
        },
        "max_stable": {
            each.rate: {"first": each.first and each.first.value, "second": each.second and each.second.value}
            for each in found.rates
        },
        "parting": sides and parting and {"line": parting.line, "first": sides[0], "second": sides[1]},
        "symmetry": symmetry
        and {
            "A": str(symmetry.shift_a),
            "B": str(symmetry.shift_b),
            "scale": str(-symmetry.shift_a - symmetry.shift_b),
            "dZ": str(symmetry.shift_data),
            "values": {name: str(value) for name, value in symmetry.values.items()},
            "assumptions": [assumption.key for assumption in symmetry.assumptions],
        },
    }
