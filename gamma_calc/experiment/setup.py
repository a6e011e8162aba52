"""From a scheme to the experiment that measures it.

The prefactor k of a learning rate k n^exponent moves the crossovers of sums, never an exponent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

from gamma_calc.algebra import Affine, exact_number
from gamma_calc.errors import BadInput, named_in
from gamma_calc.numbers import LARGEST_WIDTH, MOST_SEEDS, whole_number
from gamma_calc.program.expressions import Expression, InverseRms, PowerOf, Softmax, nodes
from gamma_calc.program.models import EXTRA, RANK
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.axis_sizes import FIXED
from gamma_calc.simulation.devices import DEVICES, DTYPES
from gamma_calc.simulation.power import Power
from gamma_calc.simulation.program_sizes import ProgramExperiment

BALANCED = Fraction(1)
SMALL = Fraction(1, 16)
GROWING = Fraction(16)
PREFACTORS: Mapping[str, Fraction] = MappingProxyType(
    {"momentum": Fraction(1, 2), "decay": Fraction(1, 16), "feedback": Fraction(1), "floor": Fraction(1)}
)
"""k in beta, lambda, kappa and a floor = k n^exponent. A momentum keeps half of itself where beta is of size one, and a
decay takes a quarter of a part in a normalised step where eta lambda is: far from all, where 1 - eta lambda would
cancel. A floor of torch's 1/1000 would lead entries of n^(-1/2) from n = 10^6 on."""


def network_prefactor(program: Program) -> Fraction:
    """The k of every rate of a network: what speeds up the crossovers of one sum puts off those of another.

    A raw step keeps every monomial of its iterates, which are polynomials in k: where several share the leading
    exponent, a small k leaves the lowest in charge at every width instead of having it overtaken within the widths that
    are measured. Each step multiplies layers by layers, so that with k = 1 the squares of a few runs come to carry the
    mean over all of them, and no number of seeds in use tells its slope; behind a norm they saturate the maps that they
    reach. A softmax saturates where a step changes its argument by much, as one with k = 1 does at these widths. The
    norm of a random matrix is 1 to leading order: with k = 1 a first step along a sign would take a magnitude, as
    DoRA's, to 0 in half of the outputs.
    """
    written = nodes(*program.gradients.values(), *program.quantities.values())
    is_careful = program.is_raw or any(isinstance(node, Softmax) or _is_norm(node) for node in written)
    return SMALL if is_careful else BALANCED


def _is_norm(node: Expression) -> bool:
    return isinstance(node, PowerOf) and node.degree < 0 and isinstance(node.operand, InverseRms)


WIDTHS = tuple(2**k for k in range(7, 14))
SQUARE_WIDTHS = tuple(2**k for k in range(5, 12))
"""Of a network with matrices of n^2 entries or more."""
RANK_AT_ONE = 5
"""The rank at width 1 of one that grows: odd, and so large that it is no few sums of signs at the widths above."""
SEEDS = 32
STEPS = 4
MOST_WIDTHS = 256
COUNTS = {"seeds": (1, MOST_SEEDS), "steps": (1, 10**6), "seed": (0, 2**63 - 1)}
"""The least and the most of what is counted; more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a cross-check is run, apart from the schemes.

    `widths` are those that suit the network, where none are given; `prefactor` is the k in eta = k n^exponent, also as
    a text such as "1/16"; None to have it chosen.
    """

    widths: tuple[int, ...] | None = None
    seeds: int = SEEDS
    steps: int = STEPS
    device: str = "auto"
    dtype: str = "float64"
    prefactor: Fraction | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.widths is not None:
            object.__setattr__(self, "widths", _checked_widths(self.widths))
        for name, (least, most) in COUNTS.items():
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least, most))
        for name, choices in {"device": DEVICES, "dtype": DTYPES}.items():
            if (value := getattr(self, name)) not in tuple(choices):
                raise BadInput(name, found=value, expected=f"one of {', '.join(choices)}")
        if self.prefactor is not None:
            with named_in("prefactor"):
                prefactor = exact_number(self.prefactor)
            if prefactor <= 0:
                raise BadInput("prefactor", found=self.prefactor, expected="a positive number")
            object.__setattr__(self, "prefactor", prefactor)


def _checked_widths(widths: object) -> tuple[int, ...]:
    if isinstance(widths, tuple | list) and 1 <= len(widths) <= MOST_WIDTHS:
        found = tuple(whole_number("widths", width, 2, LARGEST_WIDTH) for width in widths)
        if all(a < b for a, b in pairwise(found)):
            return found
    expected = f"at most {MOST_WIDTHS} increasing whole numbers from 2 to {LARGEST_WIDTH}"
    raise BadInput("widths", found=widths, expected=expected)


def network_experiment(
    scheme: Scheme, settings: Settings, prefactor: Fraction, first: Mapping[str, int] = MappingProxyType({})
) -> ProgramExperiment:
    """The runs of a network for a scheme without free exponents; every rate has one prefactor.

    A number of the scheme is read as a power of n, and a coefficient of `rank` as that power of r. A model that was
    read has its own data, and its own factors of scalars; where no widths are given, they are such that no part of an
    axis has a fraction of a coordinate.

    Args:
        first: how many coordinates axes have at width 1, by name, in place of those that suit most networks.
    """
    program = program_of(scheme)
    numbers = {**PREFACTORS, **extra_prefactors(scheme, prefactor), **dict(scheme.optimizer.numbers)}
    numbers["floor"] = PREFACTORS["floor"]
    letters = {"beta": "momentum", "lambda": "decay", "epsilon": "epsilon", "floor": "floor"}
    k = {"eta": prefactor} | {letter: numbers.get(key, Fraction(1)) for letter, key in letters.items()}
    names = [tensor.name for tensor in program.parameters if tensor.is_trained]
    factors = {f"{letter}_{name}": float(number) for letter, number in k.items() for name in names}
    growing = {axis.name for tensor in program.parameters for axis in tensor.axes if not axis.is_fixed}
    own = scheme.model.numbers
    first = {RANK: RANK_AT_ONE if RANK in growing else FIXED, **first, **own.sizes}
    powers = _powers_of_rank(scheme, program, first[RANK])
    factors |= own.factors
    factors |= {name: factors.get(name, 1.0) * power for name, power in powers.items()}
    is_square = any(sum(axis.size.constant for axis in tensor.axes) >= 2 for tensor in program.parameters)
    found = ProgramExperiment(
        program,
        settings.widths or (SQUARE_WIDTHS if is_square else WIDTHS),
        settings.seeds,
        settings.steps,
        scheme.model.inputs,
        factors,
        first,
        own.data,
        dtype=settings.dtype,
        device=settings.device,
        seed=settings.seed,
    )
    (narrow, *_), step = found.widths, found.axis_sizes.step
    least = max(step, narrow // step * step)
    return found if settings.widths else replace(found, widths=tuple(least * each // narrow for each in found.widths))


def _powers_of_rank(scheme: Scheme, program: Program, rank: int) -> Mapping[str, float]:
    """What the rank at width 1 makes of inits, rates and the scale, by the names of their prefactors."""
    keys = {"s": "scale", "dZ": "gradient"}
    for tensor in program.parameters:
        keys[tensor.name], keys[f"eta_{tensor.name}"] = scheme.keys_of(tensor.name)
    forms = {name: scheme.exponents.get(key) for name, key in keys.items()}
    return {name: math.pow(rank, form.coefficient(RANK)) for name, form in forms.items() if form is not None}


def extra_prefactors(scheme: Scheme, prefactor: Fraction) -> Mapping[str, Fraction]:
    """The k of beta, lambda and kappa beside that of the rates, by the keys of those that the scheme has.

    Where eta lambda grows with the width, its k is so large that it has left 1 behind throughout.
    """
    parameters = program_of(scheme).parameters
    grows = any(each.decay is not None and (each.decay + each.learning_rate).constant > 0 for each in parameters)
    numbers = {**PREFACTORS, "decay": GROWING / prefactor} if grows else PREFACTORS
    return {key: numbers[key] for key in EXTRA if scheme.form(key) is not None}


def size_of(form: Affine | None) -> Power | None:
    """The number that a form of a scheme stands for at a width and a rank; None for zero."""
    if form is None:
        return None
    if set(form.free) - {RANK}:
        raise BadInput(f"{form} has no value: give one for {', '.join(form.free)}")
    return Power(form.constant, form.coefficient(RANK))
