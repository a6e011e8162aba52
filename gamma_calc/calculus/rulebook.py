"""The rules that a policy leaves: the calculus's own, or what remains of them without some of their assumptions.

A rule that rests on an assumption which is taken away gives way to one that rests on the others only and concludes
less: an upper bound stays one, and the lower bound falls to what is still proved, -oo if nothing is.

- A3, symmetric independent inits: an initial factor keeps the size that is given for it; a sum that was centred by a
  sign symmetry adds an alignment from 1/2 to 1; parities no longer share out a normalised step; a map such as ReLU is
  only bounded from above where it is open which part of its argument is the largest.
- A4, no cancellation: a sum is as large as its largest term only where that one leads everywhere; a sum over a fixed
  axis, and a map, are only bounded from above.
- A5, alignment: a sum that no symmetry centres adds an alignment from 1/2 to 1 (to its diluted gain where it has one).
- A6, normalised entries of size 1: they are at most of size 1, since a mean is at most its root mean square times a
  constant.
- A7, a negligible epsilon: epsilon is a constant n^0, so an entry is of size min(1, |G|): 1 where the gradient is
  nowhere below n^0, G where it is nowhere above.
- A8, running means like their newest gradient, and A9, several samples: the shares of a step's parities are only
  bounded. Its leading size stays, for each entry is still normalised by its own history; of a step without A8 and
  without momentum that is a bound too.

Source: Everett et al., "Scaling Exponents Across Parameterizations and Optimizers", for alignments from 1/2 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from itertools import chain
from types import MappingProxyType

from gamma_calc.algebra import VANISHING, Exponent
from gamma_calc.calculus.assumptions import (
    FIXED_RUN,
    MEMORY,
    NEGLIGIBLE_EPSILON,
    NO_CANCELLATION,
    NORMALISED_ENTRIES,
    SEVERAL_SAMPLES,
    SYMMETRIC_INIT,
    Assumption,
)
from gamma_calc.calculus.citations import EVERETT, Citation
from gamma_calc.calculus.components import Component, Term, by_parity, gathered, is_there, needed, total
from gamma_calc.calculus.maps import (
    ABSOLUTE_VALUE,
    ABSOLUTE_VALUE_CHANGE,
    BOUNDED,
    CURVED,
    CURVED_CHANGE,
    CURVED_SLOPE,
    HOMOGENEOUS,
    MAP_CHANGE,
    SATURATING,
    SATURATING_CHANGE,
    SATURATING_SLOPE,
    SIGN,
    SOFTMAX,
    SOFTMAX_CHANGE,
    SOFTMAX_SLOPE,
    leading_part,
)
from gamma_calc.calculus.policy import GROUNDS, Alignment, Policy
from gamma_calc.calculus.provenance import Flip, Provenance
from gamma_calc.calculus.rules import CONTRACTIONS, INITIAL, PRODUCT, SUM, Rule
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.update_rules import RAW_STEP, normalised_step, orthogonalised_step
from gamma_calc.errors import Unknown
from gamma_calc.program.optimizers import Factored, Moments

SHARES = frozenset((SYMMETRIC_INIT, MEMORY, SEVERAL_SAMPLES))
"""What the shares of a normalised step's parities rest on."""
BETWEEN = Citation(EVERETT, "alignment exponents, from a random walk to full alignment")
SUMMED, SUMMANDS = r"\gamma[\sum_{i\le n^\delta}u_iv_i]", r"\gamma[u]+\gamma[v]"
BOUNDED_MAPS: Mapping[Rule, str] = MappingProxyType(
    {
        HOMOGENEOUS: r"\gamma[\phi(v)]\le\gamma[v]",
        MAP_CHANGE: r"\gamma[\phi(v+\delta)-\phi(v)]\le\gamma[\delta]",
        ABSOLUTE_VALUE: r"\gamma[\lvert v\rvert]\le\gamma[v]",
        ABSOLUTE_VALUE_CHANGE: r"\gamma[\lvert v+\delta\rvert-\lvert v\rvert]\le\gamma[\delta]",
        SIGN: r"\gamma[\mathrm{sgn}(v)]\le0",
        CURVED: r"\gamma[\phi(v)]\le\gamma[v]",
        CURVED_CHANGE: r"\gamma[\phi(v+\delta)-\phi(v)]\le\gamma[\delta]",
        CURVED_SLOPE: r"\gamma[\phi'(v)]\le0",
        SATURATING: r"\gamma[\phi(v)]\le\gamma[v]",
        SATURATING_CHANGE: r"\gamma[\phi(v+\delta)-\phi(v)]\le\gamma[\delta]",
        SATURATING_SLOPE: r"\gamma[\phi'(v)]\le0",
        BOUNDED: r"\gamma[\phi'(v)]\le0",
        SOFTMAX: r"\gamma[\mathrm{softmax}(v)]\le0",
        SOFTMAX_SLOPE: r"\gamma[p_i]\le0\ \text{in }p_i(\mathrm{d}v_i-\sum_jp_j\mathrm{d}v_j)",
        SOFTMAX_CHANGE: r"\gamma[\Delta\,\mathrm{softmax}(v)]\le\gamma[\Delta v]",
    }
)
"""What is left of maps that are bounded whatever cancels; the others divide by a norm or a power."""
BY_PARTS = (HOMOGENEOUS, MAP_CHANGE, BOUNDED, ABSOLUTE_VALUE, ABSOLUTE_VALUE_CHANGE, SIGN)
"""Of ReLU and its kind: what they make of a part of their argument is told by which part is the largest."""


@dataclass(frozen=True)
class Rulebook:
    """The rules under a policy, under the names that the interpreter calls them by."""

    policy: Policy

    @property
    def without(self) -> frozenset[Assumption]:
        """The assumptions that were taken away."""
        return self.policy.without

    @property
    def initial(self) -> Rule:
        """The size of W_0, which the scheme states whatever its law is."""
        return self._left_of(INITIAL, INITIAL.conclude, r"\gamma[W_0]\ \text{is given}")

    @property
    def sum(self) -> Rule:
        """The exponent of a sum of a few terms."""
        return self._left_of(SUM, self._sum, r"\gamma[u+v]\le\max(\gamma[u],\gamma[v])")

    @property
    def product(self) -> Rule:
        """The exponent of an entrywise product; its parities are brought together as those of a sum."""
        if NO_CANCELLATION not in self.without:
            return PRODUCT
        return replace(PRODUCT, name="product, bounded", conclude=self._product)

    def of_map(self, rule: Rule) -> Rule:
        """What is left of the rule of a map, or of its change: a bound, or nothing where it divides."""
        if NO_CANCELLATION not in self.without:
            return self._where_one_leads(rule) if SYMMETRIC_INIT in self.without and rule in BY_PARTS else rule
        if rule in BOUNDED_MAPS:
            return self._left_of(rule, _AtMost(rule), BOUNDED_MAPS[rule])
        raise Unknown(
            f"without {NO_CANCELLATION.key} a norm, or a power, may divide by next to nothing, and bounds nothing; "
            f"what has one is derived with {NO_CANCELLATION.key} only"
        )

    def _where_one_leads(self, rule: Rule) -> Rule:
        statement = rf"{rule.statement}\ \text{{where one part leads, else}}\ {BOUNDED_MAPS[rule]}"
        return replace(rule, name=f"{rule.name}, bounded", statement=statement, conclude=_WhereOneLeads(rule))

    @cached_property
    def contractions(self) -> Mapping[Alignment, Rule]:
        """The exponent of a sum over an axis, by its kind; its gain comes from the policy, which is a premise."""
        return {kind: self._contraction(kind) for kind in Alignment}

    def _contraction(self, kind: Alignment) -> Rule:
        rule, coefficient = CONTRACTIONS[kind], self.policy.coefficient(kind)
        if coefficient is not None:
            statement = rf"{SUMMED}={SUMMANDS}+({coefficient.latex()})\,\delta\ \text{{as set}}"
            return replace(rule, name=f"{rule.name}, set", statement=statement, source=BETWEEN, assumptions=())
        if not GROUNDS[kind] & self.without:
            return rule
        loose = self._left_of(rule, rule.conclude, self._bounds(kind))
        return loose if kind is Alignment.FIXED else replace(loose, source=BETWEEN)

    def normalised_step(
        self, step: Moments | Factored, *, has_parities: bool, has_epsilon: bool, is_after_larger: bool = False
    ) -> Rule:
        """The size of a processed gradient's entries, times the rate; beside an epsilon, or after larger gradients."""
        rule = normalised_step(
            step, has_parities=has_parities, has_epsilon=has_epsilon, is_after_larger=is_after_larger
        )
        history = frozenset[Assumption]() if step.has_momentum else frozenset((MEMORY,))
        return self._step(rule, SHARES if has_parities else frozenset(), history | {NORMALISED_ENTRIES})

    def orthogonalised_step(self, *, has_parities: bool, has_blocks: bool) -> Rule:
        """The size of an orthogonalised direction's entries, times the rate."""
        rule = orthogonalised_step(has_parities=has_parities, has_blocks=has_blocks)
        return self._step(rule, frozenset(rule.assumptions) - {FIXED_RUN}, frozenset(), r"-(m+k)/2")

    def _step(self, rule: Rule, shares: frozenset[Assumption], whole: frozenset[Assumption], spread: str = "") -> Rule:
        """A step that brings its direction to one size, which rests on `whole`; on `shares` what its parities keep."""
        if NO_CANCELLATION in self.without:
            rule = replace(rule, conclude=_StepOfBounds(rule))
        used = frozenset(rule.assumptions)
        lost = self.without & used & (used - SHARES | shares | whole)
        if not lost:
            return replace(rule, assumptions=self._kept(rule)) if self.without & used else rule
        statement = rf"\gamma[\Delta W]\le\gamma[\eta_W]{spread}"
        if NEGLIGIBLE_EPSILON in lost:
            statement += r"+\min(0,\gamma[G_W])\ \text{where its sign is known, else}\ \le\gamma[\eta_W]"
        conclude = _Step(rule, lost, bool(lost & shares), bool(lost & whole), forgets=MEMORY not in self.without)
        return replace(
            rule, name=f"{rule.name}, bounded", statement=statement, assumptions=self._kept(rule), conclude=conclude
        )

    def gathered(self, components: Iterable[Component]) -> Term:
        """Components brought together by parity, as a sum of them."""
        if NO_CANCELLATION not in self.without:
            return needed(gathered(components))
        term = tuple(part for alike in _of_one_sign(components) for part in _joined(alike))
        # Parities that no symmetry keeps apart may cancel each other.
        return _bounded(term) if SYMMETRIC_INIT in self.without and len(term) > 1 else term

    def _sum(self, *terms: Term) -> Term:
        return self.gathered(component for term in terms for component in term)

    def _product(self, left: Term, right: Term) -> Term:
        return self.gathered(part for x in left for y in right for part in PRODUCT.conclude((x,), (y,)))

    def _bounds(self, kind: Alignment) -> str:
        """What is known of a sum whose grounds are gone."""
        if kind is Alignment.FIXED:
            return r"\textstyle\gamma[\sum_{i\le k}u_iv_i]\le\gamma[u]+\gamma[v]\ \text{for fixed }k"
        least = "" if kind is Alignment.DILUTED or NO_CANCELLATION in self.without else rf"{SUMMANDS}+\delta/2\le"
        is_diluted = kind is Alignment.DILUTED and SYMMETRIC_INIT not in self.without
        most = r"\delta-\mu/2" if is_diluted else r"\delta"
        return rf"\textstyle {least}{SUMMED}\le{SUMMANDS}+{most}"

    def _kept(self, rule: Rule) -> tuple[Assumption, ...]:
        return tuple(assumption for assumption in rule.assumptions if assumption not in self.without)

    def _left_of(self, rule: Rule, conclude: Callable[..., Term], statement: str) -> Rule:
        """The rule itself, or what concludes in its place where it has lost an assumption."""
        kept = self._kept(rule)
        if kept == rule.assumptions:
            return rule
        return replace(rule, name=f"{rule.name}, bounded", statement=statement, assumptions=kept, conclude=conclude)


@lru_cache(maxsize=64)
def rulebook(policy: Policy) -> Rulebook:
    """The rules that a policy leaves."""
    return Rulebook(policy)


@dataclass(frozen=True, slots=True)
class _Step:
    """A step that has lost some of its grounds: what its parities keep rests on them if it `bounds_shares`.

    Its size does if it `bounds_size`; `forgets` tells whether means are like their newest part. A sign of three parts
    is correlated with that of their product too.
    """

    rule: Rule
    lost: frozenset[Assumption]
    bounds_shares: bool
    bounds_size: bool
    forgets: bool

    def __call__(self, rate: Exponent, gradient: Term, *beside: object) -> Term:
        term, whole = self.rule.conclude(rate, gradient, *beside), total(gradient)
        if self.bounds_shares and len(term) > 1:
            size = Size(VANISHING, total(term).upper)
            term = tuple(Component(size, each.provenance) for each in term)
            if SEVERAL_SAMPLES in self.lost and len(by_parity(gradient)) > 2:
                term = (*term, Component(size, _product_of_unknown_sign(term)))
        if NEGLIGIBLE_EPSILON in self.lost and not Exponent.of(0).is_at_most(whole.lower):
            is_linear = self.forgets and whole.upper.is_at_most(Exponent.of(0))
            term = RAW_STEP.conclude(rate, gradient) if is_linear else _bounded(term)
        return _bounded(term) if self.bounds_size else term


@dataclass(frozen=True, slots=True)
class _StepOfBounds:
    """A step along what may have cancelled: in part, and it has its size, and only may have seen what that has; or all.

    Along nothing there is no step.
    """

    rule: Rule

    def __call__(self, rate: Exponent, gradient: Term, *beside: object) -> Term:
        term = self.rule.conclude(rate, gradient, *beside)
        if all(map(is_there, gradient)):
            return term
        if not any(map(is_there, gradient)):
            return _bounded(term)
        return gathered(part for each in term for part in _blind(each))


def _product_of_unknown_sign(term: Term) -> Provenance:
    return reduce(Provenance.multiplied, (each.provenance.even_and_odd for each in term))


def _blind(component: Component) -> Iterator[Component]:
    """A component that has seen nothing for sure, and the bound of what it may have seen."""
    size, provenance = component.size, component.provenance
    if not size.lower.is_vanishing:
        yield Component(Size.exactly(size.lower), replace(provenance, seen=frozenset(), alone=frozenset()))
    yield Component(Size(VANISHING, size.upper), provenance)


def _bounded(term: Term) -> Term:
    """The term with nothing known from below."""
    return tuple(Component(Size(VANISHING, each.size.upper), each.provenance) for each in term)


@dataclass(frozen=True, slots=True)
class _AtMost:
    """A rule whose conclusion is only an upper bound."""

    rule: Rule

    def __call__(self, *premises: Term) -> Term:
        return _bounded(self.rule.conclude(*premises))


@dataclass(frozen=True, slots=True)
class _WhereOneLeads:
    """The rule of a map, only an upper bound where it is open which part of its argument is the largest.

    The images of an unknown mixture are odd under no flip that is known, which would count as aligned in every sum.
    """

    rule: Rule

    def __call__(self, *premises: Term) -> Term:
        found, parts = self.rule.conclude(*premises), (*chain(*premises),)
        return found if len(parts) < 2 or leading_part(parts) is not None else _bounded(found)


def _of_one_sign(components: Iterable[Component]) -> Iterable[list[Component]]:
    """Components that may cancel each other: those of one parity, or all where some are even and odd at once."""
    every, found = [*components], dict[frozenset[Flip], list[Component]]()
    for each in every:
        found.setdefault(each.provenance.odd, []).append(each)
    return [every] if any(each.provenance.mixed for each in every) else found.values()


def _joined(components: list[Component]) -> Iterable[Component]:
    """A sum that may cancel: as large as its largest part where that one leads everywhere.

    What is kept apart of it is as large as that part only where it holds it; else it is smaller, and may be absent.
    """
    leaders = [
        each
        for place, each in enumerate(components)
        if all(at == place or each.size.lower.is_above(other.size.upper) for at, other in enumerate(components))
    ]
    for part in gathered(components):
        least = [each.size.lower for each in leaders if each.size.lower.is_at_most(part.size.lower)]
        yield Component(Size(least[0] if least else VANISHING, part.size.upper), part.provenance)
