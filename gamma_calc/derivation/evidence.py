"""Finding what proves a claim: the checker's own questions, answered by exact linear programs and written down.

The checker asks for evidence step by step. Here it is asked by a proof that finds the evidence and notes it, so that
the same code accepts a certificate when it is written and when it is read, and finding a proof is nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra import Affine, Inequality, Optimal, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.answer import Infeasible
from gamma_calc.algebra.envelope import upper_envelope
from gamma_calc.algebra.linear_program import maximum
from gamma_calc.derivation.checker import Forms, Json, Proof, Refuted
from gamma_calc.derivation.conclusions import form_json

Claim = tuple[Affine, Forms]
Weights = list[list[list[object]]]
"""Places and numbers: of the tops, and of the hypotheses."""
_LEAD = auxiliary("lead")


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


class FoundProof(Proof):
    """A proof that finds the evidence asked for: `written` are its steps, `obligations` the claims that it proves."""

    def __init__(self) -> None:
        super().__init__(())
        self.written: list[Json] = []
        self.obligations: list[Obligation] = []

    def step(self, of: str) -> Json:
        """A new step."""
        self.written.append({"of": of, "proof": []})
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
            if not _is_trivial(piece, tops):
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

    def maximum(self, data: Json, key: str, ways: Forms, hypotheses: Forms) -> Forms:
        """The pieces that are needed, which are stated."""
        data[key] = [form_json(piece) for piece in _envelope(ways, hypotheses)]
        return super().maximum(data, key, ways, hypotheses)

    def _note(self, evidence: object) -> None:
        self.written[-1]["proof"].append(evidence)
        self.evidence = iter([evidence])


def is_proved(hypotheses: Forms, piece: Affine, tops: Forms) -> bool:
    """Whether a claim has a proof."""
    return _is_trivial(piece, tops) or proof_of(hypotheses, piece, tops) is not None


def _is_trivial(piece: Affine, tops: Forms) -> bool:
    return any(top.terms == piece.terms and top.constant >= piece.constant for top in tops)


@lru_cache(maxsize=4096)
def _envelope(pieces: Forms, domain: Forms) -> Forms:
    return upper_envelope(pieces, _polyhedron(domain))


@lru_cache(maxsize=64)
def _polyhedron(domain: Forms) -> Polyhedron:
    return Polyhedron.of(*map(Inequality, domain))


@lru_cache(maxsize=4096)
def proof_of(hypotheses: Forms, piece: Affine, tops: Forms) -> Weights | None:
    """The weights that prove that a piece is at most the largest top where the hypotheses hold; None if it is not.

    >>> eta = Affine.symbol("eta")
    >>> proof_of((-eta - 1,), eta, (Affine.of(0),))
    [[[0, '1']], [[0, '1']]]
    """
    rivals = [Inequality(piece - top - _LEAD) for top in tops]
    answer = maximum(_LEAD, [*rivals, *map(Inequality, hypotheses), Inequality(1 - _LEAD)])
    if isinstance(answer, Infeasible):
        return _contradiction(answer, piece, tops, hypotheses)
    if not isinstance(answer, Optimal) or answer.value > 0:
        return None
    scales = [-rival.form.coefficient(_LEAD.free[0]) for rival in rivals]
    average = [multiplier * scale for multiplier, scale in zip(answer.multipliers, scales, strict=False)]
    return [_sparse(average), _sparse(_unscaled(answer.multipliers[len(rivals) : -1], hypotheses))]


def _contradiction(answer: Infeasible, piece: Affine, tops: Forms, hypotheses: Forms) -> Weights | None:
    """From hypotheses that cannot hold together, only a constant follows without more ado."""
    weights = _unscaled(answer.multipliers[len(tops) : -1], hypotheses)
    negative = sum(form.constant * weight for form, weight in zip(hypotheses, weights, strict=True))
    lacking = (piece - tops[0]).constant if tops and (piece - tops[0]).is_constant else None
    if lacking is None or lacking <= 0 or negative >= 0:
        return None
    return [[[0, "1"]], _sparse([weight * lacking / -negative for weight in weights])]


def _unscaled(multipliers: Sequence[Fraction], forms: Forms) -> list[Fraction]:
    """Multipliers of the forms themselves: an inequality scales its form on construction."""
    found = []
    for multiplier, form in zip(multipliers, forms, strict=True):
        scaled, plain = (_first(each) for each in (Inequality(form).form, form))
        found.append(multiplier * scaled / plain)
    return found


def _first(form: Affine) -> Fraction:
    """A number of a form that scales with it."""
    return form.terms[0][1] if form.terms else form.constant or Fraction(1)


def _sparse(weights: Sequence[Fraction]) -> list[list[object]]:
    return [[place, str(weight)] for place, weight in enumerate(weights) if weight]


def point_of(hypotheses: Forms, above: Forms) -> Mapping[str, Fraction] | None:
    """A point where the hypotheses are at least 0, and other forms above 0, if there is one."""
    asked = [*map(Inequality, hypotheses), *(Inequality(each - _LEAD) for each in above), Inequality(1 - _LEAD)]
    answer = maximum(_LEAD, asked)
    if not isinstance(answer, Optimal) or (above and answer.value <= 0):
        return None
    names = sorted({name for each in (*hypotheses, *above) for name in each.free})
    return {name: answer.point.get(name, Fraction(0)) for name in names}
