"""From a scheme to the experiment that measures it.

The prefactor k of a learning rate k n^exponent moves the crossovers of sums, never an exponent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

from gamma_calc.algebra import Affine, exact
from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import ZERO, Prediction
from gamma_calc.numbers import whole_number
from gamma_calc.program.models import RANK, check_module
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import INITIAL, Scheme
from gamma_calc.simulation.devices import DEVICES, DTYPES
from gamma_calc.simulation.probe import Power, ProbeConfiguration
from gamma_calc.simulation.program_sizes import ProgramExperiment
from gamma_calc.simulation.sampling import DATA

NORMALISED = Fraction(4)
BALANCED = Fraction(1)
RAW = Fraction(1, 16)
GROWING = Fraction(16)
PREFACTORS: Mapping[str, Fraction] = MappingProxyType(
    {"momentum": Fraction(1, 2), "decay": Fraction(1, 16), "feedback": Fraction(1), "floor": Fraction(1)}
)
"""k in beta, lambda, kappa and a floor = k n^exponent. A momentum keeps half of itself where beta is of size one, and a
decay takes a quarter of a part in a normalised step where eta lambda is: far from all, where 1 - eta lambda would
cancel. A floor of torch's 1/1000 would lead entries of n^(-1/2) from n = 10^6 on."""


def chosen_prefactor(scheme: Scheme) -> Fraction:
    """The k with which crossovers lie below the smallest widths in use, whatever the scheme.

    A normalised step follows the leading part of its gradient once that part clearly leads. Parts lead each other by
    half a power of n or more, that is by a factor of 11 at n = 128: k = 4 speeds up the sums that the updates lead
    and still leaves those that the initial part leads in its hands. A raw step keeps every monomial of its iterates,
    which are polynomials in k; where several share the leading exponent, a small k leaves the lowest in charge at
    every width instead of having it overtaken within the widths that are measured.
    """
    match scheme.simple_step("a prefactor of the reference experiment"):
        case Moments():
            return NORMALISED
        case Raw():
            return RAW


def chosen_prefactors(scheme: Scheme, predicted: Sequence[Prediction]) -> Mapping[str, Fraction]:
    """The k of each factor's rate, by what its updates make of the products that its step's directions follow.

    A Z is a sum of A_0 Z and U_A Z, B^T dZ of B_0^T dZ and U_B^T dZ, and a normalised step takes the sign of it. Where
    one of the two leads, k makes it lead more; where they tie, k leaves both a say at every width: sums in which only
    the smaller one of the two is aligned would else show at large ranks alone. A raw step has one k, since its iterates
    mix both rates: the small one as above, but 1 where the updates lead, which with a small one they would do late.
    """
    k = chosen_prefactor(scheme)
    last = {each.quantity: each for each in predicted}
    axes = zip(INITIAL, (Fraction(1), scheme["fan_out"].constant), strict=True)
    gaps = {name: _gap(last[name], name, axis) for name, axis in axes}
    if isinstance(scheme.optimizer.step, Raw):
        return dict.fromkeys(INITIAL, BALANCED if any(gap and gap > 0 for gap in gaps.values()) else k)
    return {name: k if gap is None or gap > 0 else 1 / k if gap < 0 else BALANCED for name, gap in gaps.items()}


def _gap(prediction: Prediction, name: str, axis: Fraction) -> Fraction | None:
    """How far the updates lead the initial part once both are summed over the data's axis; None where one is zero.

    The updates are aligned with the data there, and the initial part is not: they gain half of the axis on it.
    """
    updates, initial = (prediction.terms.get((part,), ZERO).exponent for part in (f"U_{name}", f"{name}_0"))
    return None if updates is None or initial is None else updates - initial + axis / 2


def network_prefactor(program: Program) -> Fraction:
    """The k of every rate of a network: what speeds up the crossovers of one layer puts off those of another.

    A raw step has a small one, as in a module. Each step multiplies layers by layers, so that with k = 1 the squares of
    a few runs come to carry the mean over all of them, and no number of seeds in use tells its slope.
    """
    return RAW if program.is_polynomial else BALANCED


def decay_prefactor(prefactor: Fraction, *, grows: bool) -> Fraction:
    """The k of lambda beside that of the rates: where eta lambda grows with the width, it has left 1 behind throughout.

    >>> decay_prefactor(Fraction(1, 16), grows=True)
    Fraction(256, 1)
    """
    return GROWING / prefactor if grows else PREFACTORS["decay"]


WIDTHS = tuple(2**k for k in range(7, 14))
"""Of one module."""
NETWORK_WIDTHS = tuple(2**k for k in range(6, 13))
"""Of a network whose tensors grow along one axis each: as many numbers as a module has, in each of its layers."""
SQUARE_WIDTHS = tuple(2**k for k in range(5, 12))
"""Of a network with matrices that grow along both axes."""
SEEDS = 32
STEPS = 4
LARGEST_WIDTH = 2**24
MOST_WIDTHS = 256
DATA_OF_A_NETWORK = "random"
COUNTS = {"seeds": (1, 4096), "steps": (1, 10**6), "seed": (0, 2**63 - 1)}
"""The least and the most of what is counted; more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a cross-check is run, apart from the schemes.

    `widths` are those that suit the network, where none are given; `data` is "random" or, for one module,
    "teacher-student"; `prefactor` the k in eta = k n^exponent, None to have it chosen.
    """

    widths: tuple[int, ...] | None = None
    seeds: int = SEEDS
    steps: int = STEPS
    device: str = "auto"
    dtype: str = "float64"
    data: str = "random"
    prefactor: Fraction | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.widths is not None:
            _check_widths(self.widths)
        for name, (least, most) in COUNTS.items():
            whole_number(name, getattr(self, name), least, most)
        for name, choices in {"device": DEVICES, "dtype": DTYPES, "data": DATA}.items():
            if (value := getattr(self, name)) not in tuple(choices):
                raise BadInput(name, found=value, expected=f"one of {', '.join(choices)}")
        if self.prefactor is not None and exact(self.prefactor) <= 0:
            raise BadInput("prefactor", found=self.prefactor, expected="a positive number")


def _check_widths(widths: object) -> None:
    expected = f"at most {MOST_WIDTHS} increasing whole numbers from 2 to {LARGEST_WIDTH}"
    if not isinstance(widths, tuple | list) or not 1 <= len(widths) <= MOST_WIDTHS:
        raise BadInput("widths", found=widths, expected=expected)
    is_fine = all(type(width) is int and 2 <= width <= LARGEST_WIDTH for width in widths)
    if not is_fine or any(a >= b for a, b in pairwise(widths)):
        raise BadInput("widths", found=widths, expected=expected)


def configuration(
    scheme: Scheme, settings: Settings, prefactor: Fraction, prefactor_B: Fraction | None = None
) -> ProbeConfiguration:
    """The reference experiment for a scheme without free exponents; B's rate has A's prefactor, or its own.

    In torch a number is read as a power of n, and a coefficient of `rank` as that power of r.
    """
    check_module(scheme.model, "a run of the reference experiment")
    prefactor_B = prefactor if prefactor_B is None else prefactor_B
    lam = scheme.form("decay")
    weights = [] if lam is None else [lam + scheme[f"eta_{key}"] for key in INITIAL if scheme.is_trained(key)]
    decay = decay_prefactor(min(prefactor, prefactor_B), grows=any(weight.constant > 0 for weight in weights))
    return ProbeConfiguration(
        widths=settings.widths or WIDTHS,
        runs=settings.seeds,
        steps=settings.steps,
        A=size_of(scheme.exponents["A"]),
        B=size_of(scheme.exponents["B"]),
        eta_A=_rate(scheme, "eta_A", prefactor),
        eta_B=_rate(scheme, "eta_B", prefactor_B),
        optimizer=scheme.simple_step("a run of the reference experiment"),
        scale=_rate(scheme, "scale"),
        gradient=_rate(scheme, "gradient"),
        fan_out=_rate(scheme, "fan_out"),
        rank=scheme[RANK].constant,
        trains_A=scheme.is_trained("A"),
        trains_B=scheme.is_trained("B"),
        data=settings.data,
        dtype=settings.dtype,
        device=settings.device,
        seed=settings.seed,
        momentum=size_of(scheme.written("momentum"), PREFACTORS["momentum"]),
        decay=size_of(scheme.written("decay"), decay),
        feedback=size_of(scheme.written("feedback"), PREFACTORS["feedback"]),
    )


def network_experiment(scheme: Scheme, settings: Settings, prefactor: Fraction) -> ProgramExperiment:
    """The runs of a network for a scheme without free exponents; every rate has one prefactor."""
    if settings.data != DATA_OF_A_NETWORK:
        raise BadInput(f"data of a {scheme.model.kind}", found=settings.data, expected=DATA_OF_A_NETWORK)
    program = program_of(scheme)
    names = [tensor.name for tensor in program.parameters if tensor.is_trained]
    grows = any(t.decay is not None and (t.decay + t.learning_rate).constant > 0 for t in program.parameters)
    decay = decay_prefactor(prefactor, grows=grows)
    numbers = {**PREFACTORS, "decay": decay, **dict(scheme.optimizer.numbers), "floor": PREFACTORS["floor"]}
    letters = {"beta": "momentum", "lambda": "decay", "epsilon": "epsilon", "floor": "floor"}
    k = {"eta": prefactor} | {letter: numbers.get(key, Fraction(1)) for letter, key in letters.items()}
    is_square = any(sum(not axis.is_fixed for axis in tensor.axes) > 1 for tensor in program.parameters)
    return ProgramExperiment(
        program,
        settings.widths or (SQUARE_WIDTHS if is_square else NETWORK_WIDTHS),
        settings.seeds,
        settings.steps,
        scheme.model.inputs,
        {f"{letter}_{name}": float(number) for letter, number in k.items() for name in names},
        dtype=settings.dtype,
        device=settings.device,
        seed=settings.seed,
    )


def size_of(form: Affine | None, factor: Fraction = Fraction(1)) -> Power | None:
    """The number that a form of a scheme stands for at a width and a rank; None for zero."""
    if form is None:
        return None
    if set(form.free) - {RANK}:
        raise BadInput(f"{form} has no value: give one for {', '.join(form.free)}")
    return Power(form.constant, form.coefficient(RANK), factor)


def _rate(scheme: Scheme, key: str, factor: Fraction = Fraction(1)) -> Power:
    power = size_of(scheme.exponents[key], factor)
    assert power is not None  # only A and B can be zero
    return power
