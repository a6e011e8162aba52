"""What changes from one scheme, or one set of assumptions, to another, in words and as plain data."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.difference import Difference, difference
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.derivation.as_json import application_json
from gamma_calc.derivation.notation import Notation
from gamma_calc.derivation.questions import derived_from
from gamma_calc.derivation.suppositions import Alignments, schemes_and_policies, supposed_policy
from gamma_calc.document.tables import Shown, text_table
from gamma_calc.program.selection import Spec, Values

NOTHING = "-"

TYPED = (
    (r"\^\{\\top\}", ".T"),
    (r"\\(?:Delta(?= )|mathrm\{d\}) ?", "d"),
    (r"\\thinspace ?", ""),
    (r"\\odot", "*"),
    (r"\\infty", "oo"),
    (r"\\lVert | \\rVert", "||"),
    (r"\\lvert | \\rvert", "|"),
    (r"\\(?:mathrm|operatorname|text)\{([^{}]*)\}", r"\1"),
    (r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"),
    (r"\^\{([^{}]*/[^{}]*)\}", r"^(\1)"),
    (r"([_^])\{([^{}]*)\}", r"\1\2"),
    (r"\\([A-Za-z]+)\{([^{}]*)\}", r"\1(\2)"),
    (r"[{}\\]", ""),
)
"""What stands in LaTeX and what is typed for it, in this order; the last ones type any other command by its name."""


@dataclass(frozen=True, slots=True, repr=False)
class Diff(Shown):
    """What changes.

    >>> diff("init-a", "init-b").difference.rates[0].second.value
    '-1'
    """

    difference: Difference

    def __str__(self) -> str:
        found, answered = self.difference, self.json()
        blocks = [answered["first"], answered["second"]]
        if found.is_empty:
            blocks.append("nothing changes")
        if found.exponents:
            rows = [(str(each["t"]), each["quantity"], each["first"], each["second"]) for each in answered["exponents"]]
            blocks += ["exponents:", text_table([("t", "quantity", "first", "second"), *rows])]
        if found.conditions:
            rows_of_regions = [(each.name, _said(each.first), _said(each.second)) for each in found.conditions]
            blocks += ["conditions:", text_table([("condition", "first", "second"), *rows_of_regions])]
        for name, rate in answered["max_stable"].items():
            blocks.append(f"largest stable {name}: {rate['first'] or NOTHING} -> {rate['second'] or NOTHING}")
        if (parting := answered["parting"]) is not None:
            first, second = parting["first"], parting["second"]
            blocks.append(f"the traces part at line {parting['line']}, step {(first or second)['t']}:")
            blocks += [f"  first:  {_line(first)}", f"  second: {_line(second)}"]
        if found.symmetry is not None:
            blocks.append(f"the same dynamics up to a symmetry: {found.symmetry}")
        return "\n".join(blocks)

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        found, symmetry = self.difference, self.difference.symmetry
        return {
            "schema": 1,
            "first": found.first.title,
            "second": found.second.title,
            "exponents": [
                {"t": each.place, "quantity": each.name, "first": _said(each.first), "second": _said(each.second)}
                for each in found.exponents
            ],
            "conditions": {
                each.name: {
                    side: {"region": str(decision), "onset": decision.onset, "status": decision.status.value}
                    for side, decision in (("first", each.first), ("second", each.second))
                    if decision is not None
                }
                for each in found.conditions
            },
            "max_stable": {
                each.name: {"first": each.first and each.first.value, "second": each.second and each.second.value}
                for each in found.rates
            },
            "parting": _parting(found),
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


def diff(
    first: Spec,
    second: Spec,
    *,
    steps: int | Literal["all"] = "all",
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
    second_optimizer: str | None = None,
    second_without: Collection[str] | None = None,
    second_align: Alignments | None = None,
) -> Diff:
    """What changes from one scheme, or one set of assumptions, to another.

    Args:
        first, second, steps: as in `derive`.
        optimizer, without, align: as in `exponents`, for both.
        at: exact values; each applies to both schemes wherever its name is free.
        second_optimizer, second_without, second_align: for the second alone, in place of those for both; an empty
            list of assumptions to do without, or no alignments, counts too.

    Raises:
        BadInput: as in `exponents`.
    """
    ours = supposed_policy(without, align)
    theirs = supposed_policy(
        without if second_without is None else second_without, align if second_align is None else second_align
    )
    its_optimizer = optimizer if second_optimizer is None else second_optimizer
    pair = schemes_and_policies([(first, optimizer, ours), (second, its_optimizer, theirs)], at)
    return Diff(difference(*(derived_from(scheme, steps, policy).derivation for scheme, policy in pair)))


def _said(found: Size | Decision | None) -> str:
    return NOTHING if found is None else str(found)


def _line(side: dict[str, Any] | None) -> str:
    if side is None:
        return "the trace has ended"
    sign = "<=" if side["upper"] else "="
    return f"gamma[{_plain(side['subject'])}] {sign} {side['conclusion']} by {side['rule']}"


def _plain(latex: str) -> str:
    r"""A formula as it would be typed.

    >>> _plain(r"(U_{B}^{1})^{\top} \mathrm{d}Z"), _plain(r"\mathrm{rms}(\eta \thinspace Z)^{-1/2}")
    ('(U_B^1).T dZ', 'rms(eta Z)^(-1/2)')
    """
    for command, typed in TYPED:
        latex = re.sub(command, typed, latex)
    return latex


def _parting(found: Difference) -> dict[str, Any] | None:
    """Where the traces part, and the applications there, each in its program's notation."""
    if found.parting is None:
        return None
    first, second = _side(found.first, found.parting.first), _side(found.second, found.parting.second)
    return {"line": found.parting.place, "first": first, "second": second}


def _side(derivation: Derivation, application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    said = application_json(application, Notation(derivation.run.program))
    return {**said, "statement": application.rule.statement}
