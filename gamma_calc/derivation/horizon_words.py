"""The largest rate for which something stays bounded for T steps, as a formula in T, from a law that is proved.

For T steps, products of the law's families ask that some exponents are at most 0: each family turned not at all, or as
often as there is time for. The formula is that of the answers, in analysis/rate_law.py, of the families as proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import lcm

from gamma_calc.algebra import EVERYWHERE, Affine
from gamma_calc.analysis.rate_law import RateLaw, rate_law
from gamma_calc.derivation.checker import LOWER, UPPER, Family, Law, Run
from gamma_calc.maxplus.horizon_families import HorizonFamily
from gamma_calc.maxplus.quasi_linear import FloorSum, Repetitions

LATEST = 64
"""The longest period of turns, and the longest family, of which a formula is looked for."""
MOST_PRODUCTS = 1000
"""Products of families beyond which no formula is looked for."""
Product = tuple[Affine, tuple[Family, ...]]
"""What one more step adds to some families, and those."""


def horizon_text(run: Run, rate: str, quantities: Sequence[str]) -> str:
    """Up to which rate quantities stay at most 0 for T steps, where a run's law proves a formula for it, or nothing.

    Assumes:
        What is looked at is known exactly, nothing but the rate is free, each family turns one cycle at most.
    """
    law = run.law
    if law is None or run.is_settled or run.where or not law.is_exact:
        return ""
    bounds = [[step[of].bounds for of in quantities] for step in (*run.steps[:-1], law.looked_at)]
    if any({*each[LOWER]} != {*each[UPPER]} for sizes in bounds for each in sizes):
        return ""
    early = [[form for each in sizes for form in each[UPPER]] for sizes in bounds[:-1]]
    products = _products(law, [piece for each in bounds[-1] for piece in each[UPPER]])
    if not _is_plain(run, rate, [form for forms in early for form in forms], products):
        return ""
    fixed = [HorizonFamily.fixed(form, t) for t, forms in enumerate(early, 1) for form in forms]
    later = [_exponents(each, len(early) + 1) for each in products]
    found = rate_law(rate, [*fixed, *later], EVERYWHERE, ())
    return found.statement if isinstance(found, RateLaw) and not found.is_constant else ""


def _products(law: Law, pieces: Sequence[Affine]) -> list[Product]:
    """What the quantities are the largest of, one step after their families."""
    found = dict.fromkeys(
        (sum((-law.x[i] for i in law.factors(piece)), piece), tuple(sorted(way, key=str)))
        for piece in pieces
        for way in product(*(law.families.get(i, []) for i in law.factors(piece)))
    )
    return list(found)


def _is_plain(run: Run, rate: str, early: Sequence[Affine], products: Sequence[Product]) -> bool:
    """Whether nothing but the rate is free, and single cycles turn, of which there are few and short ones."""
    families = [family for _, families in products for family in families]
    turns = [turn for _, _, each in families for turn in each]
    forms = [*run.domain, *early, *(rest for rest, _ in products), *(base for base, _, _ in families)]
    forms += [weight for weight, _ in turns]
    is_alone = not any(rate in each.free for each in run.domain) and {f for each in forms for f in each.free} <= {rate}
    is_single = len(products) <= MOST_PRODUCTS and all(len(each) < 2 for _, _, each in families)
    is_short = lcm(*(steps for _, steps in turns)) <= LATEST and all(length <= LATEST for _, length, _ in families)
    return is_alone and is_single and is_short


def _exponents(made: Product, before: int) -> HorizonFamily:
    """A product as the exponents that it has by step T; `before` are the steps that its families come after."""
    rest, families = made
    start = before + max((length for _, length, _ in families), default=0)
    turned = tuple(
        (turn, Repetitions((FloorSum(0, ((before + length, steps),), start),)))
        for _, length, turns in families
        for turn, steps in turns
    )
    still = HorizonFamily.fixed(sum((base for base, _, _ in families), rest), start)
    return HorizonFamily(still.base, turned or still.turns)
