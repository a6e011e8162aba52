"""Published schemes as points of another scheme's free exponents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra import Affine, Equality, Polyhedron
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import MODULE
from gamma_calc.program.scheme import KEYS, Scheme


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """A scheme of the catalogue at its largest stable rate, as a point of the free exponents of another scheme."""

    name: str
    point: Mapping[str, Fraction]


def published_points(scheme: Scheme, policy: Policy = CALCULUS) -> tuple[PublishedPoint, ...]:
    """The catalogue's schemes that this scheme becomes at one point of its domain, each at its largest stable rate.

    The rate is derived under this scheme's optimiser and the policy; a scheme without one largest rate is left out. A
    free alignment leaves no points.
    """
    return () if policy.free or scheme.model != MODULE else tuple(_points(scheme, policy))


def _points(scheme: Scheme, policy: Policy) -> Iterator[PublishedPoint]:
    for name, entry in CATALOGUE.items():
        published = entry.under(scheme.optimizer.name)
        largest = derived(published, policy=policy).max_stable
        values = {rate: found.exponent for rate, found in largest.items()}
        if published.trained != scheme.trained or None in values.values():
            continue
        there = published.at({rate: Affine.of(value) for rate, value in values.items() if value is not None})
        meeting = _meeting(scheme, there)
        if len(meeting.equalities) == len(scheme.free) and not there.free and not meeting.is_empty:
            yield PublishedPoint(name, meeting.point())


def _meeting(scheme: Scheme, other: Scheme) -> Polyhedron:
    """Where the exponents of the two schemes are equal."""
    found = scheme.domain
    for key in KEYS:
        mine, theirs = scheme.form(key), other.form(key)
        if mine is None or theirs is None:
            if mine is not theirs:
                return Polyhedron.of(Equality(Affine.of(1)))
        else:
            found &= Polyhedron.of(Equality(mine - theirs))
    return found
