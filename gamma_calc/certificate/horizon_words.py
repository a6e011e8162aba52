"""The largest rate for which something stays bounded for T steps, as a formula in T, from a law that is proved.

It is worked out from what the checker has proved, and from nothing else: of the engine this takes what makes a formula
of products of families, and no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from gamma_calc.algebra import Affine
from gamma_calc.analysis.rate_law import Product, rate_law
from gamma_calc.certificate.checker import CheckedRun, Law
from gamma_calc.certificate.parts import LOWER, UPPER

LATEST = 64
"""The longest family."""
MOST_PRODUCTS = 1000
"""Products of families beyond which no formula is looked for."""


def horizon_text(run: CheckedRun, rate: str, quantities: Sequence[str]) -> str:
    """Up to which rate quantities stay at most 0 for T steps, where a run's law proves a formula for it, or nothing.

    Assumes:
        What is looked at is known exactly, nothing but the rate is free, each family turns one cycle at most.
    """
    law = run.law
    if law is None or run.is_settled or run.where or not law.is_exact or any(each.free for each in run.domain):
        return ""
    bounds = [[step[of].bounds for of in quantities] for step in (*run.steps[:-1], law.looked_at)]
    if any({*each[LOWER]} != {*each[UPPER]} for sizes in bounds for each in sizes):
        return ""
    *early, last = ([piece for each in sizes for piece in each[UPPER]] for sizes in bounds)
    families = [family for piece in last for i in law.factors(piece) for family in law.families.get(i, [])]
    later = dict.fromkeys(_products(law, last, len(bounds)))
    if len(later) > MOST_PRODUCTS or any(length > LATEST or len(turns) > 1 for _, length, turns in families):
        return ""
    found = [(t, form, ()) for t, forms in enumerate(early, 1) for form in forms]
    formula = rate_law(rate, [*found, *later])
    return "" if isinstance(formula, str) or formula.is_constant else formula.statement


def _products(law: Law, pieces: Sequence[Affine], before: int) -> Iterator[Product]:
    """What the quantities are the largest of, one step after their families; so many steps come before these."""
    for piece in pieces:
        factors = law.factors(piece)
        rest = sum((-law.x[i] for i in factors), piece)
        for way in product(*(law.families.get(i, []) for i in factors)):
            start = before + max((length for _, length, _ in way), default=0)
            turns = [(turn, ((before + length, steps),)) for _, length, each in way for turn, steps in each]
            yield start, sum((base for base, _, _ in way), rest), tuple(sorted(turns, key=str))
