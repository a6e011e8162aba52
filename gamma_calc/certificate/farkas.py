"""Farkas multipliers and points, by exact linear programs: what proves that a form is at most the largest of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra import Affine, Inequality, Optimal
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.cover import witness
from gamma_calc.algebra.linear_program import Infeasible, maximum
from gamma_calc.algebra.plain import Forms
from gamma_calc.certificate.parts import is_trivial

Weights = list[list[list[object]]]
"""Places and numbers: of the tops, and of the hypotheses."""
_LEAD = auxiliary("lead")


def is_proved(hypotheses: Forms, piece: Affine, tops: Forms) -> bool:
    """Whether a claim has a proof."""
    return is_trivial(piece, tops) or proof_of(hypotheses, piece, tops) is not None


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
    point = witness([*map(Inequality, hypotheses), *(Inequality(each, strict=True) for each in above)])
    if point is None:
        return None
    names = sorted({name for each in (*hypotheses, *above) for name in each.free})
    return {name: point.get(name, Fraction(0)) for name in names}
