"""Certificates: a derivation as a list of claims with what proves each of them, for anybody to check.

The checker replays the module's training and asks for evidence line by line. Here it is run with lines and sections
that find that evidence (the engine's envelopes, exact linear programs) and write it down as it is asked for. So the
same code accepts a certificate when it is written and when it is read, and finding a proof is nobody's word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache, partial

from gamma_calc.algebra import Affine, Constraint, Equality, Inequality, Optimal, Polyhedron, Region
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.answer import Infeasible
from gamma_calc.algebra.envelope import upper_envelope
from gamma_calc.algebra.linear_program import maximum
from gamma_calc.analysis.bounded import Bounded
from gamma_calc.analysis.decision import Decision, decision
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.step_map import Cycle, Node
from gamma_calc.derivation.checker.claims import SCHEMA, conclusions, read_setting
from gamma_calc.derivation.checker.proofs import ONE, ZERO, Forms, Json, Section, Ways, total
from gamma_calc.derivation.checker.replay import Component, Lines
from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Raw
from gamma_calc.program.scheme import EXTRA, INITIAL, Scheme

Weights = list[list[list[object]]]
"""Places and numbers: of the tops, and of the hypotheses."""
_LEAD = auxiliary("lead")


@dataclass(frozen=True, slots=True)
class Obligation:
    """A claim of a certificate: where the hypotheses are at least 0, the sum of a way is at most the largest top."""

    place: str
    hypotheses: Forms
    way: Forms
    tops: Forms

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that occur."""
        forms = (*self.hypotheses, *self.way, *self.tops)
        return tuple(sorted({name for form in forms for name in form.free}))


@dataclass(slots=True)
class Certificate:
    """A certificate as plain data, what it proves, and every inequality that its checker had to believe."""

    data: Json
    conclusions: tuple[str, ...] = ()
    obligations: list[Obligation] = field(default_factory=list)

    @property
    def distinct_obligations(self) -> tuple[Obligation, ...]:
        """The obligations, each at the first place that asks for it."""
        found: dict[tuple[Forms, ...], Obligation] = {}
        for each in self.obligations:
            found.setdefault((each.hypotheses, each.way, each.tops), each)
        return tuple(found.values())

    def text(self) -> str:
        """The certificate as a file: one line of a run a line."""
        return json.dumps(self.data, indent=1) + "\n"


def certificate(found: Derivation) -> Certificate:
    """The certificate of a derivation.

    Raises:
        BadInput: the derivation sets alignments of its own, or its update rule has parts, that no checker knows.
    """
    if found.policy != CALCULUS:
        raise BadInput("a certificate needs the calculus's own alignments: this derivation sets others")
    extra = [key for key in EXTRA if found.scheme.form(key) is not None]
    if extra:
        raise BadInput(f"a certificate does not speak of {' and '.join(extra)} yet: {found.scheme.name} has it")
    scheme, bound = found.scheme, _widest(found)
    data: Json = {"schema": SCHEMA, "kind": "gamma-calc certificate", "scheme": scheme.name}
    data["setting"] = _setting(scheme)
    data["runs"] = [{"steps": len(run.steps), "lines": []} for run in bound.runs if not run.domain.is_empty]
    data["cycles"] = [_cycle(each) for each in _distinct(bound.cycles)]
    data["no_room"] = {}
    data["conditions"] = {name: _condition(found, each) for name, each in found.decisions.items()}
    data["max_stable"] = _largest(found)
    written = Certificate(data)
    sections = partial(_WrittenSection, obligations=written.obligations)
    lines = partial(_WrittenLines, obligations=written.obligations)
    texts = conclusions(data, read_setting(data), sections, lines)
    written.conclusions = tuple(texts)
    return written


class _WrittenSection(Section):
    """A section that finds the evidence asked for, and notes it."""

    def __init__(self, name: str, data: Json, obligations: list[Obligation]) -> None:
        super().__init__(name, data)
        self.obligations = obligations

    def below(self, hypotheses: Forms, way: Forms, tops: Forms) -> None:
        self.obligations.append(Obligation(self.name, hypotheses, way, tops))
        piece = total(way)
        if not any(top.terms == piece.terms and top.constant >= piece.constant for top in tops):
            proof = proof_of(hypotheses, piece, tops)
            self.check(proof is not None, f"no proof of {piece} <= max({', '.join(map(str, tops))})")
            self.proofs = iter(_noted(self.data, "proofs", proof))
        super().below(hypotheses, way, tops)

    def point(self, hypotheses: Forms, strict: Forms = ()) -> Mapping[str, Fraction]:
        found = _point(hypotheses, strict)
        self.check(found is not None, "no point")
        self.points = iter(_noted(self.data, "points", {name: str(value) for name, value in (found or {}).items()}))
        return super().point(hypotheses, strict)

    def place(self, hypotheses: Forms, members: Sequence[Forms]) -> int | None:
        if proof_of(hypotheses, ONE, (ZERO,)) is None:
            fits = (all(proof_of(hypotheses, -each, (ZERO,)) is not None for each in member) for member in members)
            place = next((index for index, is_fit in enumerate(fits) if is_fit), None)
        else:
            place = None
        self.places = iter(_noted(self.data, "places", place))
        return super().place(hypotheses, members)


def _noted(data: Json, key: str, value: object) -> list[object]:
    data.setdefault(key, []).append(value)
    return [value]


class _WrittenLines(Lines):
    """Lines that are written as the replay asks for them."""

    def __init__(self, written: list[Json], obligations: list[Obligation]) -> None:
        super().__init__()
        self.written, self.obligations = written, obligations

    def section(self, header: Json, parts: Sequence[Component], ways: tuple[Ways, Ways], domain: Forms) -> Section:
        data = dict(header)
        upper, lower = (_envelope(tuple(map(total, side)), domain) for side in ways)
        if header["rule"] == "leading parities":
            data["leaders"] = [index for index in range(len(parts)) if _leads(index, parts, domain)]
        else:
            data |= {"value": list(map(form_json, upper))}
            data |= {"lower": list(map(form_json, lower))} if list(ways[0]) != list(ways[1]) else {}
        self.written.append(data)
        return _WrittenSection(header["of"], data, self.obligations)


def _leads(index: int, parts: Sequence[Component], domain: Forms) -> bool:
    pieces = (piece for j, part in enumerate(parts) if j != index for piece in part.upper)
    return all(proof_of(domain, piece, parts[index].lower) is not None for piece in pieces)


@lru_cache(maxsize=4096)
def _envelope(pieces: Forms, domain: Forms) -> Forms:
    return upper_envelope(pieces, _polyhedron(domain))


@lru_cache(maxsize=64)
def _polyhedron(domain: Forms) -> Polyhedron:
    return Polyhedron.of(*map(Inequality, domain))


def form_json(form: Affine) -> Json:
    """An affine form as a certificate writes it.

    >>> form_json(Affine.symbol("eta") / 2 - 1)
    {'eta': '1/2', '1': '-1'}
    """
    constant = {"1": str(form.constant)} if form.constant else {}
    return {name: str(coefficient) for name, coefficient in form.terms} | constant


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
    negative = total(form * weight for form, weight in zip(hypotheses, weights, strict=True)).constant
    lacking = (piece - tops[0]).constant if (piece - tops[0]).is_constant else None
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


def _point(hypotheses: Forms, strict: Forms) -> Mapping[str, Fraction] | None:
    """A point where the hypotheses hold, with room for the strict ones."""
    asked = [*map(Inequality, hypotheses), *(Inequality(each - _LEAD) for each in strict), Inequality(1 - _LEAD)]
    answer = maximum(_LEAD, asked)
    if not isinstance(answer, Optimal) or (strict and answer.value <= 0):
        return None
    names = sorted({name for each in (*hypotheses, *strict) for name in each.free})
    return {name: answer.point.get(name, Fraction(0)) for name in names}


def _setting(scheme: Scheme) -> Json:
    """The setting, axes reduced modulo what the domain fixes."""
    exponents: Json = {}
    for key in (each for each in scheme.exponents if each not in EXTRA):
        value = scheme.initial(key)
        reduced = scheme.domain.reduced(value) if value is not None and key in ("rank", "fan_out") else value
        exponents[key] = "zero" if reduced is None else form_json(reduced)
    rank = {"rank": scheme["rank"]}
    return exponents | {
        "step": "raw" if isinstance(scheme.optimizer.step, Raw) else "normalised",
        "trained": {name: scheme.is_trained(name) for name in INITIAL},
        "between": [form_json(form) for rule in scheme.between for form in _forms(rule.substituted(rank))],
    }


def _forms(constraint: Constraint) -> Forms:
    return (constraint.form, -constraint.form) if isinstance(constraint, Equality) else (constraint.form,)


def _region(region: Region) -> list[list[Json]]:
    return [[form_json(form) for each in member.constraints for form in _forms(each)] for member in region.members]


def _widest(found: Derivation) -> Bounded:
    """The runs and cycles that the conditions were decided from; they are the same for all conditions."""
    return next(iter(found.bounds.values()))


def _distinct(cycles: Sequence[Cycle]) -> Iterator[Cycle]:
    """One cycle a gain: the others ask nothing more."""
    yield from {cycle.weight: cycle for cycle in reversed(cycles)}.values()


def _cycle(cycle: Cycle) -> Json:
    weights = [form_json(edge.weight) for edge in cycle.edges]
    return {"nodes": [_node(node) for node in cycle.nodes], "weights": weights}


def _node(node: Node) -> list[object]:
    fresh = node.provenance.fresh
    odd = sorted(f"{flip.tensor.name} {flip.axis.name}" for flip in node.provenance.odd)
    return [str(node.part), "" if fresh is None else fresh.name, odd]


def _condition(found: Derivation, made: Decision) -> Json:
    """The regions of a condition, and its onset; of the steps that were unrolled where more is not known."""
    bound = found.bounds[made.condition.bounded]
    if not bound.is_final:
        made = decision(made.condition, replace(bound, is_final=True), is_free=bool(found.scheme.free))
    data: Json = {"sure": {"region": _region(made.region)}}
    sizes = [step.sizes[name] for step in bound.run.steps for name in made.condition.bounded]
    if not all(size.is_exact for size in (*sizes, *(bound.run.last.sizes[name] for name in made.condition.reached))):
        possible = made.region if made.possible is None else made.possible
        data["possible"] = {"region": _region(possible)}
    if made.onset is not None and made.condition.reached:
        data["onset"] = {"step": made.onset, **_early(made, bound.run)}
    return data


def _early(made: Decision, run: Trajectory) -> Json:
    """What is still below 0 in the step before the onset, and on which member of the region."""
    if made.onset is None or made.onset == 1:
        return {}
    sizes = run.steps[made.onset - 2].sizes
    for place, member in enumerate(made.region.members):
        inside = tuple(form for each in member.constraints for form in _forms(each))
        for name in made.condition.reached:
            if _point(inside, tuple(-piece for piece in sizes[name].upper.pieces)) is not None:
                return {"member": place, "quantity": name}
    return {}


def _largest(found: Derivation) -> Json:
    """The bounds on the free rate, and where they hold."""
    for rate in found.max_stable.values():
        valid = [form_json(form) for each in rate.valid_on.constraints for form in _forms(each)]
        return {"bounds": [form_json(bound) for bound in rate.bounds or ()], "valid_on": valid}
    return {}
