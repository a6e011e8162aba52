"""Following a run of a certificate until it is known what every later step does, and where that keeps it bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from gamma_calc.algebra.plain import Json, forms
from gamma_calc.derivation.checker import LOWER, ONE, ZERO, Law, Refuted, Run
from gamma_calc.derivation.conclusions import asked, coverage_claim
from gamma_calc.derivation.evidence import FoundProof
from gamma_calc.derivation.families import Cycle, every_family, gaining_cycles, gaining_families, is_linear, law_json
from gamma_calc.derivation.farkas import proof_of
from gamma_calc.derivation.law_words import bounded

PATIENCE = 4
"""Steps by which a whole state may settle later than what the engine's later steps can tell of it."""


def followed(
    run: Run, proof: FoundProof, length: int, left: Sequence[Json] | None, *, is_settling: bool
) -> tuple[Json, list[Json]]:
    """The law of the later steps that a run needs (None: none), and the claim of where it leaves something bounded.

    Args:
        run: a run that has started.
        proof: where its steps are written.
        length: steps that the engine took.
        left: the alternatives outside which what is looked at is not bounded; None where that is not asked.
        is_settling: whether the engine knows it to settle.
    """
    if is_settling:
        return _settled(run, proof, length), []
    for _ in range(length):
        run.step()
        if left is not None:
            with suppress(Refuted), _tried(run, proof):
                return _left(run, proof, left)
    return None, []


def _left(run: Run, proof: FoundProof, left: Sequence[Json]) -> tuple[Json, list[Json]]:
    """The law of the later steps, exactly if it can be, and the claim of where it leaves the output bounded."""
    law = Law(run)
    claim, named = coverage_claim(run.data, len(run.steps) + 1, left), bounded(run.data)
    found = _exact(law, proof, named)
    if found is not None:
        with suppress(Refuted), _tried(run, proof):
            law.read(found)
            run.claim(claim)
            return found, [claim]
        law.families.clear()
    cycles = _needed(law, gaining_cycles(law, proof.inclusion(run.domain)), left)
    found = law_json(law, gaining_families(law, cycles), named, is_exact=False)
    law.read(found)
    run.claim(claim)
    return found, [claim]


def _needed(law: Law, cycles: Sequence[Cycle], left: Sequence[Json]) -> list[Cycle]:
    """The cycles that keep the output from being bounded elsewhere: those that a proof of it uses."""
    run = law.run
    still = [-sum(weights, ZERO) for _, weights in cycles]
    bounds = asked(run.data)["stable"].bounded
    early = [-piece for step in run.steps for of in bounds for piece in step[of].bounds[LOWER]]
    goals = [form for alternative in left for form in forms(alternative)] or [-ONE]
    used = set[int]()
    for goal in goals:
        found = proof_of((*still, *run.domain, *early), -goal, (ZERO,))
        run.proof.check(found is not None, "no cycle gains elsewhere")
        used |= {int(str(place)) for place, _ in (found or [[], []])[1]}
    return [cycle for place, cycle in enumerate(cycles) if place in used]


def _exact(law: Law, proof: FoundProof, quantities: Iterable[str]) -> Json:
    """All that steps make of the parts; None where they multiply them, or make too much."""
    every = every_family(law, proof.inclusion(law.run.domain)) if is_linear(law) else None
    return None if every is None else law_json(law, every, quantities, is_exact=True)


def _settled(run: Run, proof: FoundProof, length: int) -> Json:
    """Steps until every later one is known: the state stays as it is, or all that is looked at does."""
    while len(run.steps) < length and not run.is_settled:
        run.step()
    for _ in range(PATIENCE):
        if run.is_settled:
            return None
        with suppress(Refuted), _tried(run, proof):
            law = Law(run)
            found = _exact(law, proof, law.looked_at)
            proof.check(found is not None, "the law is not linear")
            law.read(found)
            proof.check(run.is_settled, "what is looked at still changes")
            return found
        run.step()
    return None


@contextmanager
def _tried(run: Run, proof: FoundProof) -> Iterator[None]:
    """What is taken back where it is refuted."""
    steps = len(run.steps)
    try:
        with proof.tried():
            yield
    except Refuted:
        del run.steps[steps:]
        run.law, run.is_settled = None, False
        raise
