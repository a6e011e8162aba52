"""The later steps of a certificate's run: what they make of its state, found from one step, and where it stays bounded.

What the parts of a state become in any number of steps are the path families of the step's map. Where a step multiplies
parts, circuits that gain are all that is looked for: each is followed around and on to every part that it feeds.
Whether a result is right is for the checker to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Json, forms
from gamma_calc.certificate.checker import ONE, CheckedRun, Family, Law, Refuted
from gamma_calc.certificate.conclusions import asked, coverage_claim, form_json
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.farkas import proof_of
from gamma_calc.certificate.law_words import bounded_names
from gamma_calc.certificate.parts import LOWER, UPPER, ZERO
from gamma_calc.maxplus.graph import Circuit, Monomial, Node, PathStart, Product, StepMap
from gamma_calc.maxplus.path_families import Order, path_families

PATIENCE = 4
"""Steps by which a whole state may settle later than what the engine's later steps can tell of it."""
MOST_FAMILIES = 96
"""Families beyond which the search ends, and what was found is not claimed to be all."""
LONGEST = 4
"""Steps of a circuit beyond which it is not looked for where a step multiplies parts."""
Found = list[tuple[int, Family]]
"""Families by the places of their parts."""


def law_of_later_steps(
    run: CheckedRun, proof: FoundProof, length: int, left: Sequence[Json] | None, *, is_settling: bool
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
        if run.is_settled:  # a checker tells fewer states apart than the engine
            break
        run.step()
        if left is not None:
            with suppress(Refuted), _tried(run, proof):
                return _left(run, proof, left)
    return None, []


def _left(run: CheckedRun, proof: FoundProof, left: Sequence[Json]) -> tuple[Json, list[Json]]:
    """The law of the later steps, exactly if it can be, and the claim of where it leaves the output bounded."""
    law = Law(run)
    claim, named = coverage_claim(run.data, len(run.steps) + 1, left), bounded_names(run.data)
    found = _exact(law, proof, named)
    if found is not None:
        with suppress(Refuted), _tried(run, proof):
            law.read(found)
            run.claim(claim)
            return found, [claim]
        law.families.clear()
    step = _map(law)
    circuits = _needed(law, _gaining(step, proof.order(run.domain)), left)
    first: Found = [(i, (piece, 0, ())) for i, part in enumerate(law.before) for piece in part.bounds[LOWER]]
    found = _law_json(law, [*first, *_turning(law, step, circuits)], named, is_exact=False)
    law.read(found)
    run.claim(claim)
    return found, [claim]


def _settled(run: CheckedRun, proof: FoundProof, length: int) -> Json:
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
def _tried(run: CheckedRun, proof: FoundProof) -> Iterator[None]:
    """What is taken back where it is refuted."""
    steps = len(run.steps)
    try:
        with proof.tried():
            yield
    except Refuted:
        del run.steps[steps:]
        run.law, run.is_settled = None, False
        raise


def _map(law: Law) -> StepMap:
    """A step of a law as a map of its parts: of a product, all factors but one are as they are in the first state."""
    nodes = tuple(map(Node, range(len(law.x))))
    floors = {node: part.bounds[LOWER] for node, part in zip(nodes, law.before, strict=True)}
    made = ((target, piece) for target, part in zip(nodes, law.after, strict=True) for piece in part.bounds[LOWER])
    edges = dict.fromkeys(edge for target, piece in made for edge in _product(law, target, piece).edges(floors))
    return StepMap(
        nodes=nodes,
        edges=tuple(edge for edge in edges if (edge.source, edge.weight) != (edge.target, ZERO)),
        observed={},
        quantities={},
        sources=tuple(PathStart(node, piece, 0) for node, pieces in floors.items() for piece in pieces),
        kept=frozenset(nodes),
        start=0,
        is_known=True,
    )


def _product(law: Law, target: Node, piece: Affine) -> Product:
    factors = law.factors(piece)
    rest = sum((-law.x[i] for i in factors), piece)
    return Product(target, Monomial(rest, tuple(map(Node, factors))))


def _exact(law: Law, proof: FoundProof, quantities: Iterable[str]) -> Json:
    """All that steps make of the parts; None where they multiply them, bound them only, or make too much."""
    every = (*law.before, *law.after)
    is_linear = all(len(law.factors(piece)) < 2 for part in every for piece in part.bounds[UPPER])
    if not is_linear or any({*part.bounds[LOWER]} != {*part.bounds[UPPER]} for part in every):
        return None
    families = path_families(_map(law), proof.order(law.run.domain))
    found: Found = [
        (node.part, (each.base, each.length, tuple((cycle.weight, cycle.length) for cycle in each.cycles)))
        for node, known in (families or {}).items()
        for each in known
    ]
    too_many = families is None or len(found) > MOST_FAMILIES
    return None if too_many else _law_json(law, found, quantities, is_exact=True)


def _law_json(law: Law, found: Found, quantities: Iterable[str], *, is_exact: bool) -> Json:
    """A law as a certificate writes it, and of which quantities it is asked when they stay at most 0.

    Where it is not exact, the products of the fewest parts that a quantity is at least show well enough that it grows.
    """
    numbers = {of: [len(law.factors(piece)) for piece in law.looked_at[of].bounds[LOWER]] for of in quantities}
    places = {
        of: [i for i, number in enumerate(every) if is_exact or number == min(filter(None, every), default=0)]
        for of, every in numbers.items()
    }
    families = [
        [part, form_json(base), length, [[form_json(turn), steps] for turn, steps in turns]]
        for part, (base, length, turns) in found
    ]
    return {"exact": is_exact, "quantities": places, "families": families}


def _gaining(step: StepMap, order: Order) -> list[Circuit]:
    """Short circuits that can gain, one of each weight."""
    circuits = sorted(step.circuits(LONGEST), key=lambda circuit: len(circuit.edges))
    return [*{each.weight: each for each in reversed(circuits) if not order.is_never_negative(-each.weight)}.values()]


def _needed(law: Law, circuits: Sequence[Circuit], left: Sequence[Json]) -> list[Circuit]:
    """The circuits that keep the output from being bounded elsewhere: those that a proof of it uses."""
    run = law.run
    still = [-circuit.weight for circuit in circuits]
    bounds = asked(run.data)["stable"].bounded
    early = [-piece for step in run.steps for of in bounds for piece in step[of].bounds[LOWER]]
    goals = [form for alternative in left for form in forms(alternative)] or [-ONE]
    used = set[int]()
    for goal in goals:
        found = proof_of((*still, *run.domain, *early), -goal, (ZERO,))
        run.proof.check(found is not None, "no cycle gains elsewhere")
        used |= {int(str(place)) for place, _ in (found or [[], []])[1]}
    return [circuit for place, circuit in enumerate(circuits) if place in used]


def _turning(law: Law, step: StepMap, circuits: Iterable[Circuit]) -> Found:
    """Families that turn one circuit each, at every part that it feeds."""
    found: Found = []
    for circuit in circuits:
        base, turns = law.before[circuit.nodes[0].part].bounds[LOWER][0], ((circuit.weight, len(circuit.edges)),)
        chain: Found = []
        for place, edge in enumerate(circuit.edges):
            chain.append((edge.source.part, (base, place, turns)))
            base += edge.weight
        for i, (start, length, _) in chain:
            for edge in step.edges:
                to = edge.target.part
                if edge.source.part == i and to not in {target for target, _ in chain}:
                    chain.append((to, (start + edge.weight, length + 1, turns)))
        found += chain
    return found
