"""Finding what proves a claim: the checker's own questions, answered by exact linear programs and written down.

The checker asks for evidence step by step. Here it is asked by a proof that finds the evidence and notes it, so that
the same code accepts a certificate when it is written and when it is read, and finding a proof is nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.algebra.envelope import upper_envelope
from gamma_calc.algebra.plain import Forms, Json
from gamma_calc.certificate.checker import Family, ProofSteps, Refuted
from gamma_calc.certificate.conclusions import form_json
from gamma_calc.certificate.farkas import is_proved, point_of, proof_of
from gamma_calc.certificate.parts import LOWER, UPPER, is_trivial
from gamma_calc.maxplus.path_families import Cycle, Order

Claim = tuple[Affine, Forms]


@dataclass(frozen=True, slots=True)
class Obligation:
    """A claim of a certificate: where the hypotheses are at least 0, a form is at most the largest top."""

    place: str
    hypotheses: Forms
    piece: Affine
    tops: Forms

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that occur."""
        forms = (*self.hypotheses, self.piece, *self.tops)
        return tuple(sorted({name for form in forms for name in form.free}))


class FoundProof(ProofSteps):
    """A proof that finds the evidence asked for: `written` are its steps, `obligations` the claims that it proves."""

    def __init__(self) -> None:
        super().__init__(())
        self.written: list[Json] = []
        self.obligations: list[Obligation] = []
        self._orders: dict[Forms, Order] = {}
        self._to_state: Json = {}

    def step(self, of: str) -> Json:
        """A new step."""
        self.written.append({"of": of, "proof": []} | self._to_state)
        self._to_state = {}
        self.steps = iter(self.written[-1:])
        return super().step(of)

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Steps that are forgotten where one of them turns out to be refuted."""
        marks = len(self.written), len(self.obligations)
        try:
            yield
        except Refuted:
            del self.written[marks[0] :], self.obligations[marks[1] :]
            raise

    def below(self, hypotheses: Forms, claims: Iterable[Claim]) -> None:
        """Claims, whose weights are found."""
        for piece, tops in claims:
            self.obligations.append(Obligation(self.of, hypotheses, piece, tops))
            if not is_trivial(piece, tops):
                proof = proof_of(hypotheses, piece, tops)
                self.check(proof is not None, f"no proof of {piece} <= max({', '.join(map(str, tops))})")
                self._note(proof)
            super().below(hypotheses, [(piece, tops)])

    def choice(self, hypotheses: Forms, alternatives: Sequence[Iterable[Claim]]) -> int:
        """The first alternative that has a proof."""
        cases = [list(each) for each in alternatives]
        chosen = next((i for i, case in enumerate(cases) if all(is_proved(hypotheses, *each) for each in case)), -1)
        self._note(chosen)
        return super().choice(hypotheses, cases)

    def point(self, hypotheses: Forms, above: Forms = ()) -> None:
        """A point, which is found."""
        found = point_of(hypotheses, above)
        self.check(found is not None, "no point")
        self._note({name: str(value) for name, value in (found or {}).items()})
        super().point(hypotheses, above)

    def covered(self, hypotheses: Forms, families: Iterable[Family], by: Sequence[Family]) -> None:
        """The families that hold others, and the turns that show it, which are found."""
        for family in families:
            found = _holder(family, by, self.order(hypotheses))
            self.check(found is not None, f"{family[0]} is in no family")
            self._note(list(found or ()))
            super().covered(hypotheses, [family], by)

    def stated(self, of: str, bounds: Sequence[Forms], hypotheses: Forms) -> tuple[Forms, ...]:
        """The pieces that are needed, which are stated."""
        most, least = (_envelope(tuple(dict.fromkeys(bounds[side])), hypotheses) for side in (UPPER, LOWER))
        self._to_state = {"value": [form_json(piece) for piece in most]}
        if {*least} != {*most}:
            self._to_state["lower"] = [form_json(piece) for piece in least]
        return super().stated(of, bounds, hypotheses)

    def order(self, domain: Forms) -> Order:
        """Which forms are at least as large as which on a domain."""
        return self._orders.setdefault(domain, Order(_polyhedron(domain)))

    def _note(self, evidence: object) -> None:
        self.written[-1]["proof"].append(evidence)
        self.evidence = iter([evidence])


def _holder(family: Family, by: Sequence[Family], order: Order) -> tuple[int, list[list[list[int]]]] | None:
    """The first family that holds another one, and the turns that show it: their places, and how often each is taken.

    One row of turns makes up for the base of the other one, and one for each of its own turns; None if no family does.
    """
    base, length, turns = family
    for place, (start, before, cycles) in enumerate(by):
        known, rows = tuple(Cycle(*each) for each in cycles), []
        for lead, edges in ((base - start, length - before), *turns):
            numbers = order.reaching(lead, known, edges)
            if numbers is None:
                break
            rows.append([[i, number] for i, number in enumerate(numbers) if number])
        else:
            return place, rows
    return None


@lru_cache(maxsize=4096)
def _envelope(pieces: Forms, domain: Forms) -> Forms:
    return upper_envelope(pieces, _polyhedron(domain))


@lru_cache(maxsize=64)
def _polyhedron(domain: Forms) -> Polyhedron:
    return Polyhedron.of(*map(Inequality, domain))
