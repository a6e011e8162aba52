"""Several schemes side by side: what is best, in words, and the one-glance table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gamma_calc.analysis.conditions import factors_of
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.derivation.advice import advice
from gamma_calc.derivation.questions import Derived, derived_from
from gamma_calc.derivation.suppositions import Alignments, schemes_and_policies, supposed_policy
from gamma_calc.document.tables import Shown, text_table
from gamma_calc.errors import BadInput
from gamma_calc.program.selection import Spec, Values, selected

NOTHING = "-"


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Shown):
    """The derivations of several schemes.

    >>> print(compare("init-a", "init-b").derivations[1].max_stable["eta"].value)
    -1
    """

    derivations: tuple[Derived, ...]

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return {"schema": 1, "schemes": [each.json() for each in self.derivations]}

    def __str__(self) -> str:
        """A sentence for each scheme, and the table: what each scheme's derivation says of the same points."""
        columns = [each.derivation for each in self.derivations]
        conditions = tuple(dict.fromkeys(name for each in columns for name in each.decisions))
        quantities = dict.fromkeys(name for each in columns if each.at_max for name in each.run.last.sizes)
        rows = [
            ("", *(each.scheme.name for each in columns)),
            ("optimizer", *(each.scheme.optimizer.name for each in columns)),
            ("largest stable", *map(_largest, columns)),
            *((name, *(str(each.decisions.get(name, NOTHING)) for each in columns)) for name in conditions),
            *((f"{name} there", *(str(each.at_max.get(name, NOTHING)) for each in columns)) for name in quantities),
        ]
        hardly = [*map(_undertrained, columns)]
        if {*hardly} != {NOTHING}:
            rows.append(("undertrained", *hardly))
        policies = dict.fromkeys(each.policy for each in columns)
        said = (advice(each) for each in columns)
        return "\n".join([*said, text_table(rows), *(line for policy in policies for line in policy.lines)])


def compare(
    *specs: Spec,
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
) -> Comparison:
    """Schemes side by side; a value in `at` applies to each scheme that has its name free.

    Args:
        specs: of one scheme each, as in `exponents`.
        optimizer, at, without, align: as in `exponents`, and the same for every scheme.

    Raises:
        BadInput: as in `exponents`, or there is no scheme.
    """
    if not specs:
        raise BadInput("no scheme to compare")
    schemes, policy = selected(specs), supposed_policy(without, align)
    together = schemes_and_policies([(scheme, optimizer, policy) for scheme in schemes], at)
    return Comparison(tuple(derived_from(scheme, "all", policy) for scheme, policy in together))


def _largest(derivation: Derivation) -> str:
    found = [
        f"{name} = {rate.value}" if rate.attained else f"{name} < {rate.value}"
        for name, rate in derivation.max_stable.items()
        if rate.value is not None
    ]
    return ", ".join(found) or NOTHING


def _undertrained(derivation: Derivation) -> str:
    """The factors that hardly learn there; nothing where that is not known, or not asked."""
    is_asked = derivation.at_max and factors_of(derivation.scheme.model)
    return ", ".join(derivation.undertrained) or "no factor" if is_asked else NOTHING
