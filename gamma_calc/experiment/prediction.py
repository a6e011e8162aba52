"""What the theory says will be measured: one exponent a quantity, step and term, at a single point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived, example
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import best_trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Values
from gamma_calc.program.terms import Label


@dataclass(frozen=True, slots=True)
class Predicted:
    """An exponent to be measured: None for -oo. `is_upper` marks one that is only bounded from above."""

    exponent: Fraction | None
    is_upper: bool = False

    def __str__(self) -> str:
        return "-oo" if self.exponent is None else str(self.exponent)


ZERO = Predicted(None)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The exponent of a quantity at step t and those of its terms, by the parts they are made from."""

    quantity: str
    t: int
    total: Predicted
    terms: Mapping[tuple[str, ...], Predicted]


def as_options(values: Values) -> str:
    """Values as they are given to a command."""
    return " ".join(f"--at {name}={value}" for name, value in values.items())


def at_largest_rate(scheme: Scheme, said: Callable[[Values], str] = as_options) -> Scheme:
    """The scheme at its largest stable rate, where one rate and nothing else is free.

    Args:
        said: how values are given where they are asked for.

    Raises:
        BadInput: something else is free, or nothing bounds the rate.
        Unknown: the largest stable rate is not known.
    """
    if not scheme.free:
        return scheme
    if not program_of(scheme).gradients:
        raise BadInput(f"{scheme.name}: nothing is trained, so nothing moves that could be measured")
    if len(scheme.free) > 1 or scheme.free != scheme.rates:
        names, tried = ", ".join(scheme.free), said(_tried(scheme))
        raise BadInput(f"{scheme.name}: {names} are free; only a single free rate has a largest stable value: {tried}")
    derivation = derived(scheme)
    (largest,) = derivation.max_stable.values()
    if largest.exponent is None or not largest.attained:
        problem = (
            f"{scheme.name}: no largest stable {largest.rate} to take: {largest.reason}; "
            f"give one: {said(_tried(scheme))}"
        )
        raise Unknown(problem) if derivation.is_unknown else BadInput(problem)
    return scheme.at({largest.rate: Affine.of(largest.exponent)})


def _tried(scheme: Scheme) -> Values:
    """Values of the free exponents to type."""
    values = example(scheme)
    return {name: values.get(name, -1 if name in scheme.rates else 0) for name in scheme.free}


def predictions(scheme: Scheme, steps: int, policy: Policy = CALCULUS) -> tuple[Prediction, ...]:
    """The exponents of a scheme without free exponents at steps 1 to `steps`, in order."""
    run = best_trajectory(program_of(scheme), steps, scheme.domain, policy)
    return tuple(
        prediction(name, step.t, size, step.terms[name])
        for step in run.upto(steps)
        for name, size in step.sizes.items()
    )


def moved(prediction: Prediction, shift: Fraction) -> Prediction:
    """The prediction with every finite exponent moved by as much."""

    def shifted(each: Predicted) -> Predicted:
        return each if each.exponent is None else replace(each, exponent=each.exponent + shift)

    terms = {term: shifted(each) for term, each in prediction.terms.items()}
    return replace(prediction, total=shifted(prediction.total), terms=terms)


def differing(supposed: Iterable[Prediction], own: Iterable[Prediction]) -> tuple[Prediction, ...]:
    """The predictions that say something else than a scheme's own ones of the same quantities, in the same order."""
    return tuple(each for each, true in zip(supposed, own, strict=True) if each != true)


def prediction(quantity: str, t: int, size: Size, terms: Mapping[Label, Size]) -> Prediction:
    """The prediction that sizes without free exponents are."""
    written = {tuple(map(str, label)): _predicted(each) for label, each in terms.items()}
    return Prediction(quantity, t, _predicted(size), written)


def _predicted(size: Size) -> Predicted:
    if size.upper.is_vanishing:
        return ZERO
    (piece,) = size.upper.pieces
    return Predicted(piece.constant, is_upper=not size.is_exact)
