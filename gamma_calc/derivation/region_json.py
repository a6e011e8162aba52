"""Regions as plain data: inequalities, vertices, rays and lines with exact rationals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gamma_calc.algebra import Polyhedron, Region
from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.derivation.as_json import policy_json

SCHEMA = 1

Json = dict[str, Any]


def region_json(derivation: Derivation, decision: Decision) -> Json:
    """The region of one of a derivation's conditions; what every polyhedron lists covers all free exponents."""
    scheme, free = derivation.scheme, derivation.free
    region = decision.region.irredundant()
    return {
        "schema": SCHEMA,
        "scheme": scheme.name,
        "optimizer": scheme.optimizer.name,
        "free": list(free),
        **policy_json(derivation.policy),
        "condition": decision.condition.name,
        "status": decision.status.value,
        "reason": decision.reason,
        "region": str(decision),
        "polyhedra": polyhedra_json(region, free),
    }


def polyhedra_json(region: Region, names: Sequence[str]) -> list[Json]:
    """Each member as its inequalities (equalities among them) and as what generates it, or, if it is not closed, its
    closure.

    A free exponent that a member does not restrict is 0 at its vertices and has a line of its own.
    """
    return [_polyhedron(member, names) for member in region.members]


def _polyhedron(member: Polyhedron, names: Sequence[str]) -> Json:
    unrestricted = ({name: Fraction(1)} for name in names if name not in member.free)
    return {
        "inequalities": [str(constraint) for constraint in member.constraints],
        "closed": member.is_closed,
        "vertices": [_values(vertex, names) for vertex in member.vertices()],
        "rays": [_values(ray, names) for ray in member.rays()],
        "lines": [_values(line, names) for line in (*member.lines(), *unrestricted)],
    }


def _values(point: Mapping[str, Fraction], names: Sequence[str]) -> dict[str, str]:
    return {name: str(point.get(name, Fraction(0))) for name in names}
