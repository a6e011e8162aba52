"""The rules of the gamma-calculus: each an object that says what it concludes, from what, and on whose authority.

A term is a tuple of components, one a sign parity; see `provenance.py`. Values add exponents where quantities multiply
and take the larger exponent where they add, so the rules read like their statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce

from gamma_calc.algebra import VANISHING, Exponent, Verdict
from gamma_calc.calculus.assumptions import (
    ALIGNMENT,
    FIXED_RUN,
    GIVEN_DATA,
    MEMORY,
    NEGLIGIBLE_EPSILON,
    NO_CANCELLATION,
    NORMALISED_ENTRIES,
    SEVERAL_SAMPLES,
    SYMMETRIC_INIT,
    Assumption,
)
from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, THIS, YANG, Citation
from gamma_calc.calculus.policy import Alignment, Policy, alignment
from gamma_calc.calculus.provenance import Provenance, Sight
from gamma_calc.calculus.size import Size
from gamma_calc.program.axes import Axis
from gamma_calc.program.optimizers import Moments


@dataclass(frozen=True, slots=True)
class Component:
    """One parity of a term: how large it is and what it is made from."""

    size: Size
    provenance: Provenance


Term = tuple[Component, ...]
"""A term of a formal sum: its components, no two of one parity."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the calculus. `conclude` maps premises to the term they prove, and refuses where it does not apply."""

    name: str
    statement: str
    source: Citation
    assumptions: tuple[Assumption, ...]
    conclude: Callable[..., Term]


def gathered(components: Iterable[Component]) -> Term:
    """Components brought together by parity; within a parity the largest exponent leads."""
    every = tuple(components)
    if len(every) < 2:
        return every
    found: dict[Provenance, list[Component]] = {}
    for component in every:
        found.setdefault(component.provenance.parity, []).append(component)
    term = tuple([alike[0] if len(alike) == 1 else _together(alike) for alike in found.values()])
    return _seen_alike(term) if any(component.provenance.made for component in term) else term


def _seen_alike(components: Sequence[Component]) -> Term:
    """The components of one parity, kept apart by what they are made from, have all seen what any of them has."""
    seen: dict[Provenance, frozenset[Sight]] = {}
    parities = [component.provenance.parity.unmarked for component in components]
    for parity, component in zip(parities, components, strict=True):
        seen[parity] = seen.get(parity, frozenset()) | component.provenance.seen
    return tuple(
        Component(component.size, replace(component.provenance, seen=seen[parity]))
        for parity, component in zip(parities, components, strict=True)
    )


def _together(components: Sequence[Component]) -> Component:
    """One component for those of one parity."""
    provenance = reduce(Provenance.joined, (component.provenance for component in components))
    return Component(Size.largest(component.size for component in components), provenance)


def total(term: Iterable[Component]) -> Size:
    """The size of a whole term or sum: the largest of its components, -oo for none."""
    return Size.largest(component.size for component in term)


def _given(exponent: Exponent) -> Term:
    return (Component(Size.exactly(exponent), Provenance()),)


def _initial(exponent: Exponent, provenance: Provenance) -> Term:
    return (Component(Size.exactly(exponent), provenance),)


def _zero(*factors: Exponent) -> Term:
    if not any(factor.is_vanishing for factor in factors):
        raise ValueError("none of the factors is zero")
    return ()


def _scaled(scale: Exponent, term: Term) -> Term:
    return tuple(Component(Size.exactly(scale) + part.size, part.provenance) for part in term)


def _product(left: Term, right: Term) -> Term:
    return gathered(Component(x.size + y.size, x.provenance.multiplied(y.provenance)) for x in left for y in right)


def _sum(*terms: Term) -> Term:
    return gathered(component for term in terms for component in term)


def _contraction(kind: Alignment) -> Callable[[Component, Component, Axis, Policy], Term]:
    def conclude(left: Component, right: Component, axis: Axis, policy: Policy) -> Term:
        found = alignment(left.provenance, right.provenance, axis)
        if found is not kind:
            raise ValueError(f"the sum over {axis} is {found.value}, not {kind.value}")
        gain = policy.gains(left.provenance, right.provenance, axis, kind)
        provenance = left.provenance.multiplied(right.provenance).summed(axis)
        return (Component(left.size + right.size + gain, provenance),)

    return conclude


def _homogeneous(argument: Term) -> Term:
    return (Component(total(argument), _blur(argument)),)


def _bounded(argument: Term) -> Term:
    return (Component(Size.exactly(Exponent.of(0)), _blur(argument)),)


def _blur(argument: Term) -> Provenance:
    seen = frozenset(sight for component in argument for sight in component.provenance.seen)
    return Provenance(seen=seen).blurred


def _raw_step(rate: Exponent, gradient: Term) -> Term:
    return _scaled(rate, gradient)


def _normalised_step(rate: Exponent, gradient: Term) -> Term:
    if any(component.provenance.mixed for component in gradient):
        return (Component(Size.exactly(rate), _mixture(gradient)),)
    return gathered(
        Component(Size.exactly(rate) + _share(component, gradient), component.provenance) for component in gradient
    )


def _mixture(gradient: Term) -> Provenance:
    """The provenance of a sum whose parities no longer separate: odd only where every part is."""
    every = [component.provenance for component in gradient]
    odd = frozenset.intersection(*(provenance.odd for provenance in every))
    mixed = frozenset().union(*(provenance.odd | provenance.mixed for provenance in every)) - odd
    return Provenance(None, odd, mixed, frozenset().union(*(provenance.seen for provenance in every)))


def _share(component: Component, gradient: Term) -> Size:
    """What a parity keeps of entries that a normalised step brings to size 1: all if it leads, n^-(gap) if it trails.

    Where the free exponents decide who leads, the share is only known to be at most 1.
    """
    mine, others = component.size, [other.size for other in gradient if other is not component]
    if all(_is_at_most(other.upper, mine.lower) for other in others):
        return Size.exactly(Exponent.of(0))
    for other in others:
        leads = all(_is_at_most(third.upper, other.lower) for third in (mine, *others))
        if leads and mine.is_exact and other.is_exact and len(other.upper.pieces) == 1:
            (leader,) = other.upper.pieces
            return Size.exactly(mine.upper + Exponent.of(-leader))
    return Size(VANISHING, Exponent.of(0))


def _is_at_most(left: Exponent, right: Exponent) -> bool:
    return left.compared(right).verdict is Verdict.ALWAYS


GAMMA = "the gamma-operator and its elementary operations"

GIVEN = Rule("given", r"\gamma[v]\ \text{is given}", Citation(HAYOU_INIT, "setting"), (GIVEN_DATA,), _given)
INITIAL = Rule(
    "initial",
    r"\gamma[W_0]\ \text{is the exponent of its standard deviation}",
    Citation(HAYOU_INIT, "Init[A] and Init[B]"),
    (SYMMETRIC_INIT,),
    _initial,
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
    Alignment.ECHOING: Rule(
        "echoing sum",
        r"\textstyle\delta/2\le\gamma[\sum_{i\le n^\delta}u_iv_i]-\gamma[u]-\gamma[v]\le\delta"
        r"\ \text{for centred summands that saw the centring tensor through a sum over the axis}",
        Citation(THIS, "echoing sums"),
        (SYMMETRIC_INIT,),
        _contraction(Alignment.ECHOING),
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
        r"\textstyle\gamma[\sum_{i\le n^\delta}W_{ji}v_i]=\gamma[W]+\gamma[v]+\max(\delta/2,\delta-\mu/2)"
        r"\ \text{for }v\text{ that saw }W\text{ through a sum over }n^\mu",
        Citation(THIS, "diluted sums"),
        (SYMMETRIC_INIT, ALIGNMENT),
        _contraction(Alignment.DILUTED),
    ),
}
HOMOGENEOUS = Rule(
    "homogeneous map",
    r"\gamma[\phi(v)]=\gamma[v]",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _homogeneous,
)
BOUNDED = Rule(
    "bounded map",
    r"\gamma[\phi'(v)]=0",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _bounded,
)
RAW_STEP = Rule(
    "raw step", r"\gamma[\Delta W]=\gamma[\eta_W]+\gamma[G_W]", Citation(HAYOU_INIT, "gradient descent"), (), _raw_step
)


@cache
def normalised_step(step: Moments, *, has_parities: bool) -> Rule:
    """The rule of a normalised step; what it assumes depends on the step's memory, its epsilon and the parities met."""
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]\ \text{where }G_W\ne0"
    if has_parities:
        statement += r",\ \text{less the gap to the leading parity}"
    extra = (
        (SYMMETRIC_INIT, has_parities),
        (SEVERAL_SAMPLES, has_parities),
        (NEGLIGIBLE_EPSILON, step.epsilon > 0),
        (MEMORY, step.has_memory),
    )
    return Rule(
        "normalised step by parity" if has_parities else "normalised step",
        statement,
        Citation(HAYOU_PLUS, "assumption on processed gradients: entries of order one"),
        (NORMALISED_ENTRIES, *(assumption for assumption, is_used in extra if is_used)),
        _normalised_step,
    )
