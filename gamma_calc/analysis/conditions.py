"""The conditions, as data: which exponents have to stay at or below zero, and which have to reach it.

Hayou, Ghosh and Yu call a run stable when its LoRA features stay bounded, and feature learning efficient when both
factors contribute at order one. Other papers bound other quantities under the same words; here that is another row.
"""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, Citation


@dataclass(frozen=True, slots=True)
class Condition:
    """gamma <= 0 at every step for the quantities in `bounded`; gamma = 0 from some step on for those in `reached`."""

    name: str
    bounded: tuple[str, ...]
    reached: tuple[str, ...]
    source: Citation


@dataclass(frozen=True, slots=True)
class Factor:
    """A trained factor and the part of the output's change that is its own doing."""

    name: str
    contribution: str


STABLE = Condition("stable", ("Z_B",), (), Citation(HAYOU_INIT, "definition of stability"))
INTERNALLY_STABLE = Condition(
    "internally_stable", ("Z_B", "Z_A"), (), Citation(HAYOU_PLUS, "definition of stability, which bounds Z_A too")
)
FEATURE_LEARNING = Condition(
    "feature_learning", ("Z_B",), ("Delta_Z_B",), Citation(HAYOU_INIT, "definition of stable feature learning")
)
EFFICIENT = Condition(
    "efficient", ("Z_B",), ("delta_1", "delta_2"), Citation(HAYOU_PLUS, "definition of efficient feature learning")
)
CONDITIONS = (STABLE, INTERNALLY_STABLE, FEATURE_LEARNING, EFFICIENT)
FACTORS = (Factor("A", "delta_1"), Factor("B", "delta_2"))
