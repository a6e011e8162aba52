"""Certificates: a derivation as claims with what proves each of them, for anybody to check."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron, Region
from gamma_calc.algebra.plain import Forms, Json, TooMany, forms
from gamma_calc.analysis.bounded import Bounded
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.analysis.zeros import led_by_zeros
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.certificate.checker import CheckedRun, Refuted
from gamma_calc.certificate.conclusions import (
    claim,
    conclusions,
    condition_statement,
    falling,
    form_json,
    frontier_claims,
    largest_claims,
    onset_claims,
    open_conditions,
)
from gamma_calc.certificate.evidence import FoundProof, Obligation
from gamma_calc.certificate.farkas import point_of
from gamma_calc.certificate.later_steps import law_of_later_steps
from gamma_calc.certificate.premises import premises
from gamma_calc.certificate.shape import KIND, LARGEST, SCHEMA, Malformed, check_shape
from gamma_calc.errors import Unknown
from gamma_calc.program.scheme import Scheme


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as plain data, and every inequality that its checker has to believe.

    `left_open` are the conditions of which it proves no region for as many steps as it was asked for, only bounds.
    """

    data: Json
    left_open: tuple[str, ...]
    obligations: tuple[Obligation, ...]

    @property
    def distinct_obligations(self) -> tuple[Obligation, ...]:
        """The obligations, each at the first place that asks for it."""
        found: dict[tuple[object, ...], Obligation] = {}
        for each in self.obligations:
            found.setdefault((each.hypotheses, each.piece, each.tops), each)
        return tuple(found.values())

    def text(self) -> str:
        """The certificate as a file: one step of the proof a line."""
        steps = ",\n".join(f"  {json.dumps(each)}" for each in self.data["proof"])
        rest = json.dumps({key: value for key, value in self.data.items() if key != "proof"}, indent=1)
        return f'{rest[:-2]},\n "proof": [\n{steps}\n ]\n}}\n'


def certificate(found: Derivation) -> Certificate:
    """The certificate of a derivation; it proves what it can, and what it cannot is unknown in its conclusions.

    A domain that is not closed is closed first: what is proved holds on the closure, and so on the domain.

    Raises:
        Unknown: the program has an operation that no certificate covers, or its certificate would hold more than a
            checker reads.
    """
    try:
        written = _certificate(found)
        check_shape(written.data)
    except (TooMany, Malformed) as problem:
        raise _too_large(found.title, str(problem)) from None
    if len(written.text()) > LARGEST:
        raise _too_large(found.title, f"found a file of {len(written.text())} bytes, expected at most {LARGEST}")
    return written


def _too_large(title: str, problem: str) -> Unknown:
    return Unknown(f"{title}: no certificate can be written that `gamma-calc verify` reads: {problem}")


def _certificate(found: Derivation) -> Certificate:
    label = found.scheme.name
    if led_by_zeros(found.run):
        raise Unknown(
            f"{found.title}: no certificate covers a ReLU that is zero where smaller summands beside it are not"
        )
    if not found.scheme.domain.is_closed:
        label += ", its domain closed"
        found = derived(_closed(found.scheme), found.horizon, found.policy)
    missing = "the first step has no exponents on the domain as a whole"
    for each in _provable(found):
        try:
            return _written(label, each, found.horizon)
        except Refuted as problem:
            missing = str(problem)
    raise _too_large(found.title, missing)


def _provable(found: Derivation) -> Iterator[Derivation]:
    """What a certificate may prove: all that is derived, else what the steps at hand do, else the first of them."""
    known = len(_bound(found).runs[0].steps)
    shorter = [steps for steps in dict.fromkeys((known, 1)) if steps != found.horizon]
    for each in chain([found], (derived(found.scheme, steps, found.policy) for steps in shorter)):
        if _bound(each).is_final:
            yield each


def _bound(found: Derivation) -> Bounded:
    """The runs that a certificate has: those of the first condition."""
    return _apart(next(iter(found.bounds.values())))


def _closed(scheme: Scheme) -> Scheme:
    """The scheme with the strict inequalities of its domain made weak."""
    weak = (each if isinstance(each, Equality) else Inequality(each.form) for each in scheme.between)
    return replace(scheme, between=tuple(weak))


def _written(label: str, found: Derivation, horizon: int | None) -> Certificate:
    bound = _bound(found)
    data: Json = {"schema": SCHEMA, "kind": KIND, "scheme": label, "conclusions": []}
    data |= {"premises": premises(found.scheme, found.policy), "largest": None, "frontier": None, "runs": []}
    proof, runs = FoundProof(), list[CheckedRun]()
    for engine in bound.runs:
        where = [form_json(form) for form in _beyond(engine, bound.runs[0])]
        runs.append(CheckedRun(data["premises"], proof, forms(where), 0))
        left = _left(found, bound) if engine is bound.runs[0] else None
        is_settling = engine.settled_from is not None
        later, claims = law_of_later_steps(runs[-1], proof, len(engine.steps), left, is_settling=is_settling)
        if later is None and len(bound.runs) > len(runs):
            claims = _proved(_early(found, bound, len(runs[0].steps)), runs[0], proof)
        data["runs"].append({"where": where, "steps": 0, "later": later, "claims": claims})
        data["runs"][-1]["steps"] = len(runs[-1].steps) - (later is not None)
    is_covered = len(runs) == 1 or runs[0].law is not None
    if _left(found, bound) != []:
        steps = len(runs[-1].steps)
        conditions = (_condition(found, bound, name, steps, is_covered=is_covered) for name in found.decisions)
        wanted = [claims for condition in conditions for claims in condition]
        data |= _rates(found, steps, wanted)
        data["runs"][-1]["claims"] += _proved(wanted, runs[-1], proof)
    data["proof"] = proof.written
    data["conclusions"] = list(conclusions(data, runs))
    return Certificate(data, open_conditions(data, runs, horizon), tuple(proof.obligations))


def _left(found: Derivation, bound: Bounded) -> list[list[Json]] | None:
    """Where what is looked at can stay bounded at every step, of a first run that does not settle."""
    whole, last = bound.runs[0], bound.run
    if whole.settled_from is not None or found.horizon is not None:
        return None
    if last is not whole:
        return [[form_json(form) for form in _beyond(last, whole)]]
    return [] if bound.inner.is_empty and bound.outer.is_empty else None


def _early(found: Derivation, bound: Bounded, steps: int) -> Iterator[list[Json]]:
    """Outside which regions the first steps already break the conditions."""
    for name, made in found.decisions.items():
        own = _own(found, bound, made.condition.bounded)
        said = condition_statement(made.condition.bounded, (), steps)
        if own is not None:
            yield [claim(f"{name}, where it can hold", said, _region(Region.of(own.outer)), holds=False)]


def _proved(wanted: Iterable[Sequence[Json]], run: CheckedRun, proof: FoundProof) -> list[Json]:
    """Those claims that have a proof; claims that belong together stand or fall together."""
    kept: list[Json] = []
    for claims in wanted:
        with suppress(Refuted), proof.tried():
            for each in claims:
                run.claim(each)
            kept += claims
    return kept


def _beyond(run: Trajectory, whole: Trajectory) -> list[Affine]:
    """What a run supposes beyond the domain of the whole one."""
    new = [each for each in run.domain.constraints if each not in whole.domain.constraints]
    return [form for each in new for form in each.sides]


def _condition(found: Derivation, bound: Bounded, name: str, steps: int, *, is_covered: bool) -> Iterator[list[Json]]:
    """The claims of a condition; none where the runs do not decide it."""
    made = found.decisions[name]
    condition, own = made.condition, _own(found, bound, made.condition.bounded)
    if own is None:
        return
    said, region = condition_statement(condition.bounded, condition.reached, steps), _region(made.region)
    yield [claim(f"{name}, where it holds", said, region, only=False)]
    if is_covered:
        if made.status is not Status.UNKNOWN:
            yield from _onsets(made, own.run, steps)
        possible = made.region if made.possible is None else made.possible
        yield [claim(f"{name}, where it can hold", said, _region(possible), holds=False)]


def _apart(bound: Bounded) -> Bounded:
    """The runs that differ in where they are: a run that goes on where the first one did is enough."""
    return replace(bound, runs=bound.runs[-1:]) if bound.run.domain == bound.runs[0].domain else bound


def _own(found: Derivation, bound: Bounded, quantities: tuple[str, ...]) -> Bounded | None:
    """Where quantities stay bounded, by the runs of a certificate."""
    own = _apart(found.bounds[quantities])
    return own if own.is_final and len(own.runs) == len(bound.runs) else None


def _onsets(made: Decision, run: Trajectory, steps: int) -> Iterator[list[Json]]:
    """The claims of an onset: what is still below 0 in the step before it, and on which member of the region."""
    condition, region = made.condition, _region(made.region)
    if made.onset is None or not condition.reached:
        return
    if made.onset == 1:
        yield onset_claims(condition.name, condition.reached, (1, steps), region, None)
        return
    sizes = run.steps[made.onset - 2].sizes
    below = (
        (place, name)
        for place, member in enumerate(made.region.members)
        for name in condition.reached
        if point_of(_forms(member), tuple(-piece for piece in sizes[name].upper.pieces)) is not None
    )
    yield onset_claims(condition.name, condition.reached, (made.onset, steps), region, next(below, None))


def _rates(found: Derivation, steps: int, wanted: list[list[Json]]) -> Json:
    """The largest stable rate or the frontier, whose claims are added to the others."""
    stable = found.decisions["stable"]
    said = condition_statement(stable.condition.bounded, (), steps)
    more: Json = {}
    for rate in found.max_stable.values():
        if stable.region.is_empty or stable.status is Status.UNKNOWN:
            continue
        bounds, valid = rate.bounds or (), _forms(rate.valid_on)
        wanted += [largest_claims(rate.rate, said, bounds, valid)] if bounds else []
        parts = {"bounds": [*map(form_json, bounds)], "valid_on": [*map(form_json, valid)]}
        more = {"largest": {"rate": rate.rate, **parts}}
    member = None if found.frontier is None or stable.region.is_empty else stable.region.convex()
    if member is not None:
        lines = [member & Polyhedron.of(Equality(form)) for form in falling(found.scheme.rates, _forms(member))]
        edges = [_forms(line) for line in lines]
        wanted.append(frontier_claims(found.scheme.rates, _forms(member), edges))
        written = [[*map(form_json, edge)] for edge in edges]
        more = {"frontier": {"rates": list(found.scheme.rates), "edges": written}}
    return more


def _forms(member: Polyhedron) -> Forms:
    return tuple(form for each in member.constraints for form in each.sides)


def _region(region: Region) -> list[list[Json]]:
    return [[form_json(form) for form in _forms(member)] for member in region.members]
