"""Whether two modules on one residual stream bear the rates that one does: each reads what the other has learned."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from gamma_calc.analysis.conditions import STABLE, conditions_of
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.models import MODULE, LoraStack
from gamma_calc.program.scheme import Scheme

TWO = LoraStack(2)


@lru_cache(maxsize=256)
def two_are_stable(scheme: Scheme, policy: Policy = CALCULUS, horizon: int | None = None) -> bool | None:
    """Whether a stack of two modules is stable with the exponents of one; None where that is not known.

    Nor is it where a scheme has something that a stack has no word for.

    >>> from gamma_calc.program.catalogue import CATALOGUE
    >>> [two_are_stable(CATALOGUE[name].at({"eta": -1})) for name in ("lora-plus-a", "lora-plus-b")]
    [False, True]
    """
    shared = {key: form for key, form in scheme.exponents.items() if key in TWO.keys}
    others = (key for key in scheme.exponents if key not in shared)
    if scheme.model != MODULE or any(scheme.exponents[key] != MODULE.defaults.get(key) for key in others):
        return None
    stack = replace(scheme, exponents=shared, model=TWO)
    return derived(stack, horizon, policy, conditions_of(TWO)[:1]).decisions[STABLE.name].holds
