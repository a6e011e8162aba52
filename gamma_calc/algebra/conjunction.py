"""The canonical form of a conjunction of affine inequalities and equalities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra.affine import Affine, Terms, auxiliary
from gamma_calc.algebra.inequality import Equality, Inequality, echelon, reduced
from gamma_calc.algebra.linear_program import Optimal, maximum

FALSE = Inequality(Affine.of(-1))
"""The inequality -1 >= 0."""

_MARGIN = auxiliary("margin")


@lru_cache(maxsize=8192)
def canonical(
    inequalities: tuple[Inequality, ...], equalities: tuple[Equality, ...]
) -> tuple[tuple[Inequality, ...], tuple[Equality, ...]]:
    """The one conjunction that is chosen for its set of solutions.

    Equalities are in reduced row echelon form, inequalities reduced modulo them, irredundant, and sorted; the empty
    set is `FALSE` alone. A strict inequality excludes a face of the closure: it is the strict form of a facet, or the
    sum of the facets that meet in a lower face, and stands only for faces that lie in no other excluded one.

    >>> x = Affine.symbol("x")
    >>> canonical((Inequality(x), Inequality(x + 1)), ())
    ((Inequality(form=Affine('x'), strict=False),), ())
    """
    strict = tuple(inequality.form for inequality in inequalities if inequality.strict)
    if not strict:
        return _closed(inequalities, equalities)
    facets, rows = canonical(tuple(Inequality(inequality.form) for inequality in inequalities), equalities)
    forms = dict.fromkeys(Inequality(reduced(form, rows)) for form in strict)
    if facets == (FALSE,) or any(each.form.is_constant and each.form.constant <= 0 for each in forms):
        return (FALSE,), ()
    faces = {_tight(each, facets, rows) for each in forms if not each.form.is_constant} - {None}
    largest = [face for face in faces if face and not any(other and other < face for other in faces)]
    open_facets = {next(iter(face)) for face in largest if len(face) == 1}
    sides = [Inequality(facet.form, facet in open_facets) for facet in facets]
    corners = [Inequality(sum((each.form for each in face), Affine.of(0)), True) for face in largest if len(face) > 1]
    return tuple(sorted((*sides, *corners), key=_order)), rows


def _tight(
    inequality: Inequality, facets: tuple[Inequality, ...], rows: tuple[Equality, ...]
) -> frozenset[Inequality] | None:
    """The facets that hold the face on which the inequality is an equality; None where no point lies there."""
    if inequality in facets:
        return frozenset({inequality})
    inner, there = canonical(facets, (*rows, Equality(inequality.form)))
    if inner == (FALSE,):
        return None
    return frozenset(facet for facet in facets if reduced(facet.form, there) == Affine.of(0))


def _closed(
    inequalities: tuple[Inequality, ...], equalities: tuple[Equality, ...]
) -> tuple[tuple[Inequality, ...], tuple[Equality, ...]]:
    """The canonical form where no inequality is strict."""
    rows = echelon(equalities)
    while rows is not None:
        tight = _tightest(Inequality(reduced(inequality.form, rows)) for inequality in inequalities)
        hidden = None if tight is None else _hidden_equalities(tight)
        if tight is None or hidden is None:
            break
        if not hidden:
            return tuple(sorted(irredundant(tight), key=_order)), rows
        rows = echelon((*rows, *hidden))
    return (FALSE,), ()


def _order(inequality: Inequality) -> tuple[tuple[str, ...], tuple[Fraction, ...], bool]:
    """Names, then coefficients (the leading one taken positive), then >= before <=."""
    is_turned = inequality.form.terms[0][1] < 0
    coefficients = tuple(-value if is_turned else value for _, value in inequality.form.terms)
    return inequality.free, coefficients, is_turned


def _tightest(inequalities: Iterable[Inequality]) -> tuple[Inequality, ...] | None:
    """The tightest inequality of each direction; None where one is false everywhere."""
    tightest: dict[Terms, Inequality] = {}
    for inequality in inequalities:
        terms = inequality.form.terms
        if not terms:
            if inequality.form.constant < 0:
                return None
            continue
        known = tightest.get(terms)
        if known is None or inequality.form.constant < known.form.constant:
            tightest[terms] = inequality
    return tuple(tightest.values())


def _hidden_equalities(inequalities: tuple[Inequality, ...]) -> tuple[Equality, ...] | None:
    """Inequalities that can only hold as equalities (some of them if there are any); None where all cannot hold.

    The greatest margin by which all can hold is negative, zero, or positive. Where it is zero, the inequalities with
    a positive multiplier add up to zero identically, so each of them is zero wherever all hold.
    """
    if not _clashing(inequalities):
        return ()
    slackened = [Inequality(inequality.form - _MARGIN) for inequality in inequalities]
    answer = maximum(_MARGIN, [*slackened, Inequality(1 - _MARGIN)])
    assert isinstance(answer, Optimal)  # the margin is at most 1, and a low enough one is feasible
    if answer.value < 0:
        return None
    if answer.value > 0:
        return ()
    return tuple(
        Equality(inequality.form)
        for inequality, multiplier in zip(inequalities, answer.multipliers, strict=False)
        if multiplier
    )


def _clashing(inequalities: Sequence[Inequality]) -> set[str]:
    """Free exponents that some inequality wants large and another small; without any, all can hold strictly."""
    wants_large: set[str] = set()
    wants_small: set[str] = set()
    for inequality in inequalities:
        for name, coefficient in inequality.form.terms:
            (wants_large if coefficient > 0 else wants_small).add(name)
    return wants_large & wants_small


def may_follow(inequality: Inequality, others: Sequence[Inequality]) -> bool:
    """Whether each of its terms occurs among the others with the same sign: else no combination of them gives it."""
    signs = {(name, coefficient > 0) for other in others for name, coefficient in other.form.terms}
    return all((name, coefficient > 0) in signs for name, coefficient in inequality.form.terms)


def irredundant(inequalities: Sequence[Inequality]) -> list[Inequality]:
    """The inequalities that the others do not imply, in their order.

    Assumes:
        All can hold at once, and none is strict.

    >>> x = Affine.symbol("x")
    >>> irredundant([Inequality(x), Inequality(x + 1)]) == [Inequality(x)]
    True
    """
    left = list(inequalities)
    for each in inequalities:
        others = [other for other in left if other is not each]
        if may_follow(each, others) and _is_implied(each, others):
            left = others
    return left


def _is_implied(inequality: Inequality, others: Sequence[Inequality]) -> bool:
    answer = maximum(-inequality.form, others)
    return isinstance(answer, Optimal) and answer.value <= 0
