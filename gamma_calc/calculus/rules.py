"""The rules of the gamma-calculus: each an object that says what it concludes, from what, and on whose authority.

These are the elementary ones: products, sums and contractions. Values add exponents where quantities multiply and take
the larger exponent where they add, so the rules read like their statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from gamma_calc.algebra import VANISHING, Affine, Exponent
from gamma_calc.calculus.assumptions import (
    ALIGNMENT,
    FIXED_RUN,
    GIVEN_DATA,
    NO_CANCELLATION,
    SYMMETRIC_INIT,
    Assumption,
)
from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, YANG, Citation
from gamma_calc.calculus.components import Component, Term, gathered, needed, total
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy, Summation, summations
from gamma_calc.calculus.provenance import Flip, Provenance, is_centred, walks
from gamma_calc.calculus.size import Size
from gamma_calc.program.axes import Axis


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the calculus. `conclude` maps premises to the term they prove, and refuses where it does not apply."""

    name: str
    statement: str
    source: Citation
    assumptions: tuple[Assumption, ...]
    conclude: Callable[..., Term]


def _given(exponent: Exponent, provenance: Provenance | None = None) -> Term:
    return (Component(Size.exactly(exponent), provenance or Provenance()),)


def _zero(*factors: Exponent) -> Term:
    if not any(factor.is_vanishing for factor in factors):
        raise ValueError("none of the factors is zero")
    return ()


def _scaled(scale: Exponent, term: Term) -> Term:
    return tuple(Component(Size.exactly(scale) + part.size, part.provenance) for part in term)


def _product(left: Term, right: Term) -> Term:
    return gathered(_multiplied(x, y) for x in left for y in right)


@lru_cache(maxsize=65536)
def _multiplied(left: Component, right: Component) -> Component:
    return Component(left.size + right.size, left.provenance.multiplied(right.provenance))


def _sum(*terms: Term) -> Term:
    return needed(gathered(component for term in terms for component in term))


def _change(before: Size, after: Size, *parts: Term) -> Term:
    """Of parts that may be larger than the value was and is, it is open how much of each other they cancel."""
    whole, made = before | after, total(part for term in parts for part in term)
    if before.lower.is_above(after.upper) or after.lower.is_above(before.upper):
        return (Component(whole, Provenance()),)
    lower = made.lower if made.lower.is_at_most(whole.lower) else VANISHING
    upper = whole.upper if whole.upper.is_at_most(made.upper) else made.upper
    return (Component(Size(lower, upper), Provenance()),)


def may_cancel(part: Component, least: Exponent) -> bool:
    """Whether a part is only bounded, and may be as large as what surely is there."""
    return not part.size.is_exact and not least.is_above(part.size.upper)


def _contraction(kind: Alignment) -> Callable[[Component, Component, Summation, Policy], Term]:
    @lru_cache(maxsize=65536)
    def conclude(left: Component, right: Component, part: Summation, policy: Policy) -> Term:
        parts = summations(left.provenance, right.provenance, part.over)
        if part.kind is not kind or part not in parts:
            found = ", ".join(each.kind.value for each in parts)
            raise ValueError(f"the sum over {', '.join(map(str, part.over))} is {found}, not {kind.value}")
        return (Component(left.size + right.size + policy.gain(part), part.provenance),)

    return conclude


def summed_pairs(
    left: Term, right: Term, over: tuple[Axis, ...], policy: Policy
) -> Iterable[tuple[Component, Component]]:
    """The pairs of components to sum along axes: all, or under the calculus's own policy those that make more."""
    is_plain = policy is CALCULUS and not any(each.provenance.fresh for each in (*left, *right))
    if is_plain and len(over) == 1 and not over[0].is_fixed and len(left) > 1 and len(right) > 1:
        return unlike_pairs(left, right, *over)
    return product(left, right)


def unlike_pairs(left: Term, right: Term, axis: Axis) -> Iterator[tuple[Component, Component]]:
    """The pairs of components of which a sum along an axis makes more, or something else, than of another pair.

    Components that are alike but for flips along the axis leave terms of one kind. Of the pairs of two such groups one
    is enough: one that is aligned, if there is any, else those that know of each other by walks of different lengths.
    """
    for alike, others in product(_alike(left, axis), _alike(right, axis)):
        found: dict[frozenset[Affine], tuple[Component, Component]] = {}
        for x, y in _uncentred(alike, others, axis):
            lengths = walks(x.provenance, y.provenance, axis)
            if not lengths:
                yield x, y
                break
            found.setdefault(lengths, (x, y))
        else:
            yield from found.values() or ((alike[0], others[0]),)


def _alike(term: Term, axis: Axis) -> Iterable[list[Component]]:
    found: dict[tuple[Size, Provenance], list[Component]] = {}
    for each in term:
        found.setdefault((each.size, each.provenance.summed((axis,))), []).append(each)
    return found.values()


def _uncentred(
    left: Sequence[Component], right: Sequence[Component], axis: Axis
) -> Iterator[tuple[Component, Component]]:
    """The pairs of components whose products along an axis have no random sign, in order.

    A flip there leaves a product as it is where it changes the sign of both or of none; so where each component has a
    sign under each flip, those that are odd under the same ones are looked up.
    """
    pairs: Iterable[tuple[Component, Component]] = product(left, right)
    if not any(flip.at is axis for each in (*left, *right) for flip in each.provenance.mixed):
        equally = dict[frozenset[Flip], list[Component]]()
        for each in right:
            equally.setdefault(_odd_at(each, axis), []).append(each)
        pairs = ((x, y) for x in left for y in equally.get(_odd_at(x, axis), ()))
    return ((x, y) for x, y in pairs if not is_centred(x.provenance, y.provenance, axis))


def _odd_at(component: Component, axis: Axis) -> frozenset[Flip]:
    return frozenset(flip for flip in component.provenance.odd if flip.at is axis)


GAMMA = "the gamma-operator and its elementary operations"

GIVEN = Rule("given", r"\gamma[v]\ \text{is given}", Citation(HAYOU_INIT, "setting"), (GIVEN_DATA,), _given)

INITIAL = Rule(
    "initial",
    r"\gamma[W_0]\ \text{is the exponent of its standard deviation}",
    Citation(HAYOU_INIT, "Init[A] and Init[B]"),
    (SYMMETRIC_INIT,),
    _given,
)

ZERO = Rule("zero", r"\gamma[0]=-\infty", Citation(HAYOU_INIT, GAMMA), (), _zero)

SCALE = Rule("scale", r"\gamma[s\,u]=\gamma[s]+\gamma[u]", Citation(HAYOU_INIT, GAMMA), (), _scaled)

PRODUCT = Rule("product", r"\gamma[u\,v]=\gamma[u]+\gamma[v]", Citation(HAYOU_INIT, GAMMA), (), _product)

SUM = Rule(
    "sum",
    r"\gamma[u+v]=\max(\gamma[u],\gamma[v])",
    Citation(HAYOU_INIT, GAMMA),
    (FIXED_RUN, NO_CANCELLATION),
    _sum,
)

CHANGE = Rule(
    "change",
    r"\gamma[v_t-v_{t-1}]\le\max(\gamma[v_t],\gamma[v_{t-1}])\text{, and }=\text{ where the two differ}",
    Citation(HAYOU_INIT, GAMMA),
    (),
    _change,
)

CONTRACTIONS = {
    Alignment.FIXED: Rule(
        "fixed sum",
        r"\textstyle\gamma[\sum_{i\le k}u_iv_i]=\gamma[u]+\gamma[v]\ \text{for fixed }k",
        Citation(HAYOU_INIT, GAMMA),
        (FIXED_RUN, NO_CANCELLATION),
        _contraction(Alignment.FIXED),
    ),
    Alignment.INDEPENDENT: Rule(
        "independent sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}u_iv_i]=\gamma[u]+\gamma[v]+\delta/2\ \text{for centred summands}",
        Citation(YANG, "central limit behaviour of sums against an independent matrix"),
        (SYMMETRIC_INIT,),
        _contraction(Alignment.INDEPENDENT),
    ),
    Alignment.ALIGNED: Rule(
        "aligned sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}u_iv_i]=\gamma[u]+\gamma[v]+\delta\ \text{for correlated summands}",
        Citation(HAYOU_PLUS, "assumption on processed gradients: g_A Z has entries of order n"),
        (ALIGNMENT,),
        _contraction(Alignment.ALIGNED),
    ),
    Alignment.DILUTED: Rule(
        "diluted sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}W_{ji}v_i]=\gamma[W]+\gamma[v]+\delta-\mu/2"
        r"\ \text{along }y\allowbreak\text{, for }v\text{ that saw }W^\top y\allowbreak\text{, a sum over }n^\mu"
        r"\allowbreak\text{; }\delta/2\text{ for }\delta\text{ where another flip centres it;}"
        r"\ \allowbreak\text{and of }(Wx)_iu_i\text{ where }u\text{ saw }W\text{ through }Wy\text{ of walks }x\cdot y",
        Citation(YANG, "a matrix against what has seen its transpose"),
        (SYMMETRIC_INIT, ALIGNMENT),
        _contraction(Alignment.DILUTED),
    ),
}
