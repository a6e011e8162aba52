"""Where a condition holds: inequalities, vertices, rays and lines with exact rationals, in words and as plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from gamma_calc.algebra import Polyhedron
from gamma_calc.analysis.conditions import STABLE, conditions_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation, free_exponents
from gamma_calc.derivation.as_json import SCHEMA, Json, policy_json
from gamma_calc.derivation.questions import derived_from
from gamma_calc.derivation.suppositions import Alignments, scheme_and_policy
from gamma_calc.document.tables import Shown
from gamma_calc.errors import BadInput
from gamma_calc.program.selection import Spec, Values

MOST_UNKNOWNS = 8


@dataclass(frozen=True, slots=True, repr=False)
class ConditionRegion(Shown):
    """Where one of a derivation's conditions holds.

    >>> print(region("init-a", "efficient"))
    init-a under adam: efficient where eta = -1/2
    polyhedron 1: eta = -1/2
      vertex  eta = -1/2
    """

    derivation: Derivation
    decision: Decision

    def json(self) -> Json:
        """The answer as plain data; what every polyhedron lists covers all free exponents."""
        scheme, free = self.derivation.scheme, self.derivation.free
        return {
            "schema": SCHEMA,
            "scheme": scheme.name,
            "optimizer": scheme.optimizer.name,
            "free": list(free),
            **policy_json(self.derivation.policy),
            "condition": self.decision.condition.name,
            "status": self.decision.status.value,
            "reason": self.decision.reason,
            "region": str(self.decision),
            "polyhedra": [_polyhedron(each, free) for each in self.decision.region.irredundant().members],
        }

    def __str__(self) -> str:
        answered = self.json()
        unknown = answered["status"] == Status.UNKNOWN.value
        verdict = f"unknown: {answered['reason']}" if unknown else f"where {answered['region']}"
        lines = [f"{self.derivation.title}: {answered['condition']} {verdict}"]
        for number, member in enumerate(answered["polyhedra"], start=1):
            lines.append(f"polyhedron {number}: {' and '.join(member['inequalities']) or 'always'}")
            lines += [] if member["closed"] else ["  its closure has"]
            start = "point" if member["lines"] else "vertex"  # what has a line has no vertex
            for kind, word in (("vertices", start), ("rays", "ray"), ("lines", "line")):
                points = (", ".join(f"{name} = {value}" for name, value in point.items()) for point in member[kind])
                lines += [f"  {word:<6}  {point}" for point in points if point]
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        return f"$${self.decision.latex()}$$"


def region(
    spec: Spec,
    condition: str = STABLE.name,
    *,
    steps: int | Literal["all"] = "all",
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
) -> ConditionRegion:
    """Where a condition holds, as polyhedra of the free exponents.

    Args:
        condition: stable, internally_stable, gradient_stable, feature_learning or efficient.
        spec, steps, optimizer, at, without, align: as in `derive`.

    Raises:
        BadInput: as in `derive`, the scheme has no such condition, or more than eight exponents are free.
    """
    scheme, policy = scheme_and_policy(spec, optimizer, at, without, align)
    known = [each.name for each in conditions_of(scheme.model)]
    if condition not in known:
        expected = f"one of {', '.join(known)}"
        raise BadInput(f"the condition of a {scheme.model.kind}", found=condition, expected=expected)
    if len(free := free_exponents(scheme, policy)) > MOST_UNKNOWNS:
        found = f"{len(free)} free exponents ({', '.join(free)})"
        raise BadInput(scheme.name, found=found, expected=f"at most {MOST_UNKNOWNS}; fix others with --at NAME=P/Q")
    answered = derived_from(scheme, steps, policy).derivation
    return ConditionRegion(answered, answered.decisions[condition])


def _polyhedron(member: Polyhedron, names: Sequence[str]) -> Json:
    """A polyhedron as its inequalities (equalities among them) and as what generates it, or, if it is not closed, its
    closure.

    A free exponent that it does not restrict is 0 at its vertices and has a line of its own.
    """
    unrestricted = ({name: Fraction(1)} for name in names if name not in member.free)
    return {
        "inequalities": [str(constraint) for constraint in member.constraints],
        "closed": member.is_closed,
        "vertices": [coordinates(vertex, names) for vertex in member.vertices()],
        "rays": [coordinates(ray, names) for ray in member.rays()],
        "lines": [coordinates(line, names) for line in (*member.lines(), *unrestricted)],
    }


def coordinates(point: Mapping[str, Fraction], names: Sequence[str]) -> dict[str, str]:
    """A point by name; a free exponent that it does not name is 0."""
    return {name: str(point.get(name, Fraction(0))) for name in names}
