"""The conditions, as data: which exponents have to stay at or below zero, and which have to reach it.

Hayou, Ghosh and Yu call a run stable when its LoRA features stay bounded, and feature learning efficient when both
factors contribute at order one. Other papers bound other quantities under the same words; here that is another row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, THIS, YANG, Citation
from gamma_calc.program.models import LoraStack, Model, Perceptron
from gamma_calc.program.problem import Problem, contribution


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
GRADIENT_STABLE = Condition(
    "gradient_stable", ("Z_B", "dZ"), (), Citation(THIS, "stable, and no loss gradient inside outgrows the loss's own")
)
CONDITIONS = (STABLE, INTERNALLY_STABLE, FEATURE_LEARNING, EFFICIENT)
FACTORS = (Factor("A", "delta_1"), Factor("B", "delta_2"))


@lru_cache(maxsize=64)
def conditions_of(model: Model) -> tuple[Condition, ...]:
    """The conditions on what a model computes: in a stack, on every layer at once."""
    match model:
        case LoraStack(depth):
            rows = (STABLE, INTERNALLY_STABLE, GRADIENT_STABLE, FEATURE_LEARNING, EFFICIENT)
            return tuple(_in_layers(each, range(1, depth + 1)) for each in rows)
        case Problem() as problem:
            return tuple(_stated(problem))
        case Perceptron(layers):
            features = (*(f"h[{layer}]" for layer in range(1, len(layers))), "f")
            changes = tuple(f"Delta_{feature}" for feature in features)
            return (
                replace(STABLE, bounded=features, source=Citation(YANG, "definition of stability")),
                Condition("feature_learning", features, changes, Citation(YANG, "definition of feature learning")),
            )
    return CONDITIONS


@lru_cache(maxsize=64)
def factors_of(model: Model) -> tuple[Factor, ...]:
    """The trained factors whose own part in the output's change the program follows."""
    match model:
        case LoraStack(depth):
            layers = range(1, depth + 1)
            pairs = ((each, f"[{layer}]") for layer in layers for each in FACTORS)
            return tuple(Factor(each.name + layer, each.contribution + layer) for each, layer in pairs)
        case Perceptron():
            return ()
        case Problem() as problem:
            return tuple(Factor(name, contribution(name)) for name in problem.efficient)
    return FACTORS


def _stated(problem: Problem) -> Iterator[Condition]:
    """The conditions that a problem states."""
    stated = Citation(THIS, "as the problem states it")
    stable = problem.stable
    yield replace(STABLE, bounded=stable, source=stated)
    if problem.internally_stable:
        inner = tuple(dict.fromkeys((*stable, *problem.internally_stable)))
        yield replace(INTERNALLY_STABLE, bounded=inner, source=stated)
    changes = tuple(f"Delta_{name}" for name in problem.learning)
    yield replace(FEATURE_LEARNING, bounded=stable, reached=changes, source=stated)
    if problem.efficient:
        yield replace(EFFICIENT, bounded=stable, reached=tuple(map(contribution, problem.efficient)), source=stated)


def _in_layers(condition: Condition, layers: Iterable[int]) -> Condition:
    """A condition on every layer."""
    bounded, reached = (
        tuple(f"{name}[{layer}]" for layer in layers for name in names)
        for names in (condition.bounded, condition.reached)
    )
    return replace(condition, bounded=bounded, reached=reached)
