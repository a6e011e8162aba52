"""Optimisers: update rules as graphs. A new one is a function of a few lines here, and a line in the table at the end.

    W_t = W_{t-1} - eta_W lambda W_{t-1} - eta_W c step(D)

A rule says in symbols what the direction D is made from (the raw gradient G, memories, W itself), how its memories
move, and what scalar c stands in front. The step processes D as a whole: raw keeps its size, a normalised step brings
every entry to size one, an orthogonalised one every singular value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import mul
from types import MappingProxyType
from typing import ClassVar, TypeAlias, cast, get_args

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, Ones, PowerOf, Scaled, Trained
from gamma_calc.program.update_expressions import Count, Kept, Larger, Memory, Norm, Scalar

ONE, HALF = Fraction(1), Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Raw:
    """g = D."""

    degree: ClassVar[int] = 1
    """The power with which g grows with all gradients of a run."""


@dataclass(frozen=True, slots=True)
class Moments:
    """g = m / (sqrt(v) + epsilon), m and v the bias-corrected running means of D and D^2 (Adam); 0/0 is 0.

    With beta1 = beta2 = epsilon = 0 this is sign(D).
    """

    beta1: Fraction
    beta2: Fraction
    epsilon: Fraction
    degree: ClassVar[int] = 0
    """The power with which g grows with all gradients of a run, epsilon being negligible."""

    @property
    def has_memory(self) -> bool:
        """Whether earlier gradients enter the step."""
        return bool(self.beta1 or self.beta2)

    @property
    def has_momentum(self) -> bool:
        """Whether they enter its direction, and not only what that is divided by."""
        return bool(self.beta1)


@dataclass(frozen=True, slots=True)
class Factored:
    """g = u / max(1, rms(u)), u = D / sqrt(r c^T / mean(r)), r and c running means of D^2 over columns and over rows.

    Step t takes t^(-decay) of the newest mean. Entries are normalised up to constants, as those of `Moments` are.
    """

    decay: Fraction
    has_memory: ClassVar[bool] = True
    has_momentum: ClassVar[bool] = False
    epsilon: ClassVar[Fraction] = Fraction(0)
    """Nothing beside the root; what torch has there is the rounding of its numbers."""
    degree: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Orthogonalised:
    """g = p(...p(D / |D|)), p(X) = a X + b X X^T X + c (X X^T)^2 X: nearly U V^T of D = U S V^T.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: coefficients and steps.
    """

    steps: int
    coefficients: tuple[Fraction, Fraction, Fraction]
    degree: ClassVar[int] = 0


Step: TypeAlias = Raw | Moments | Factored | Orthogonalised


@dataclass(frozen=True, slots=True)
class Update:
    """What a step makes of one parameter, in symbols: the direction D, the memories after it, and the scalar c.

    `beside` are the directions of the other blocks of a matrix that a step is made of as a whole.
    """

    direction: Expression
    memories: tuple[Kept, ...] = ()
    factor: Expression | None = None
    beside: tuple[tuple[Trained, Expression], ...] = ()

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All of it."""
        beside = (direction for _, direction in self.beside)
        return (self.direction, *self.memories, *(() if self.factor is None else (self.factor,)), *beside)


Gradients: TypeAlias = Mapping[Trained, Expression]
UpdateRule: TypeAlias = Callable[[Trained, Gradients], Update]


def descent(weight: Trained, gradients: Gradients) -> Update:
    """D = G; of a parameter with momentum the heavy ball D = m, m <- beta m + G.

    Source: Polyak, "Some Methods of Speeding Up the Convergence of Iteration Methods", 1964.
    """
    gradient = gradients[weight]
    if weight.momentum is None:
        return Update(gradient)
    moved = _ball(weight, gradient)
    return Update(moved, (moved,))


def nesterov(weight: Trained, gradients: Gradients) -> Update:
    """D = G + beta m, m <- beta m + G.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013, as in torch.
    """
    gradient = gradients[weight]
    if weight.momentum is None:
        return Update(gradient)
    moved = _ball(weight, gradient)
    return Update(_beta(weight, moved) + gradient, (moved,))


def spectral(weight: Trained, gradients: Gradients) -> Update:
    """Nesterov's direction, times sqrt(fan_out / fan_in): a step changes outputs as much as inputs are large.

    Source: Yang, Simon, Bernstein, "A Spectral Condition for Feature Learning", arXiv:2310.17813, condition 1.
    """
    found = nesterov(weight, gradients)
    fan_out, fan_in = (_power_of_fan(found, weight, gradients, *each) for each in ((0, HALF), (1, -HALF)))
    return Update(found.direction, found.memories, fan_out * fan_in)


def original(weight: Trained, gradients: Gradients) -> Update:
    """Nesterov's direction, times sqrt(max(1, fan_out / fan_in)): steps of wide matrices are not made less.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024, its code; torch's default.
    """
    found = spectral(weight, gradients)
    assert found.factor is not None
    return Update(found.direction, found.memories, Larger(Scalar("1", Affine.of(0), Fraction(1)), found.factor))


def matched(weight: Trained, gradients: Gradients) -> Update:
    """Nesterov's direction, times 0.2 sqrt(max(fan_out, fan_in)): a step of full rank has Adam's root mean square.

    Source: Liu et al., "Muon is Scalable for LLM Training", arXiv:2502.16982, section 2.2.
    """
    found = nesterov(weight, gradients)
    largest = Larger(*(_power_of_fan(found, weight, gradients, place, HALF) for place in (0, 1)))
    return Update(found.direction, found.memories, times(Fraction(1, 5), largest))


def lion(weight: Trained, gradients: Gradients) -> Update:
    """D = b_1 m + (1 - b_1) G, m <- b_2 m + (1 - b_2) G, with (b_1, b_2) = (0.9, 0.99).

    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675, program 1.
    """
    memory, gradient, (b_1, b_2) = Memory("m", weight), gradients[weight], (Fraction(9, 10), Fraction(99, 100))
    moved = Kept(memory, times(b_2, memory) + times(1 - b_2, gradient))
    return Update(times(b_1, memory) + times(1 - b_1, gradient), (moved,))


def adafactor(weight: Trained, gradients: Gradients) -> Update:
    """D = G, times max(floor, rms(W)): without a floor a tensor that starts at zero never moves.

    Source: Shazeer, Stern, "Adafactor", arXiv:1804.04235, algorithm 4; floor = 1e-3, as in torch.
    """
    size = rms(weight)
    if weight.floor is not None:
        size = Larger(Scalar(f"floor_{weight.name}", weight.floor), size)
    return Update(gradients[weight], (), size)


def clipped(weight: Trained, gradients: Gradients) -> Update:
    """Descent along min(1, 1/|G|) G, with |G| over all trained tensors.

    Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", arXiv:1211.5063.
    """
    share = PowerOf(Larger(Scalar("1", Affine.of(0), ONE), Norm(tuple(gradients.values()))), -ONE)
    return descent(weight, {each: share * gradient for each, gradient in gradients.items()})


def times(number: Fraction, operand: Expression) -> Expression:
    """A fixed number times an expression."""
    return Scaled(str(number), Affine.of(0), operand, number)


def rms(tensor: Expression) -> Expression:
    """The root mean square of all entries; of a parameter that starts from data, of both."""
    if isinstance(tensor, Trained) and tensor.start is not None:
        return rms(tensor.start + tensor)
    counts = (Count(tensor, axis, -HALF) for axis in tensor.axes)
    return reduce(mul, counts, cast(Expression, Norm((tensor,))))


def _fans(weight: Trained) -> tuple[Axis, Axis]:
    """The output axis and the input axis of a matrix.

    Raises:
        BadInput: it is none.
    """
    if len(weight.axes) != 2:
        what = {0: "a number", 1: "a vector"}.get(len(weight.axes), "a tensor of more axes")
        asked = f"{weight.name}: only a matrix is orthogonalised, and this is {what}"
        raise BadInput(asked, expected="another optimiser, such as adam")
    fan_out, fan_in = weight.axes
    return fan_out, fan_in


def blocks_beside(weight: Trained, trained: Iterable[Trained]) -> tuple[Trained, ...]:
    """The other blocks of the matrix that a parameter is some rows or columns of."""
    if weight.block is None:
        return ()
    return tuple(each for each in trained if each.block == weight.block and each is not weight)


def _power_of_fan(found: Update, weight: Trained, gradients: Gradients, place: int, power: Fraction) -> Expression:
    """A power of a fan of a matrix: of all of its blocks together, where it is cut along that axis.

    Of blocks of n and m rows sqrt(n + m) is the norm of as many ones.
    """
    if weight.block is None or weight.block[1] != place:
        return Count(found.direction, _fans(weight)[place], power)
    root = Norm(tuple(Ones.along(_fans(each)[place]) for each in (weight, *blocks_beside(weight, gradients))))
    return root if power == HALF else PowerOf(root, 2 * power)


def _beta(weight: Trained, operand: Expression) -> Expression:
    assert weight.momentum is not None  # asked of a parameter with momentum
    return Scaled(f"beta_{weight.name}", weight.momentum, operand)


def _ball(weight: Trained, gradient: Expression) -> Kept:
    memory = Memory("m", weight)
    return Kept(memory, _beta(weight, memory) + gradient)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A step and a rule for its direction, under the name that a spec calls it by.

    `numbers` are prefactors of what stands beside the step (momentum, decay, floor): each is n^0 times its number where
    a spec gives no exponent. `keys` are those keys of a spec that the rule has a use for; a decay goes with every one.

    Raises:
        BadInput: the step is of no known kind.
    """

    name: str
    step: Step
    update: UpdateRule = descent
    numbers: tuple[tuple[str, Fraction], ...] = ()
    keys: tuple[str, ...] = ("momentum",)

    def __post_init__(self) -> None:
        if not isinstance(self.step, Step):
            kinds = ", ".join(kind.__name__ for kind in get_args(Step))
            raise BadInput("update rule", found=type(self.step).__name__, expected=f"one of {kinds}")


ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
"""Kingma and Ba, "Adam", arXiv:1412.6980, with their defaults."""
RMSPROP = Moments(Fraction(0), Fraction(99, 100), Fraction(1, 10**8))
"""Torch's, but for the correction of the mean's bias, which torch leaves out: it changes early steps by a constant."""
SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
NEWTON_SCHULZ = Orthogonalised(5, (Fraction(34445, 10000), Fraction(-47750, 10000), Fraction(20315, 10000)))
HEAVY = (("momentum", Fraction(9, 10)),)
MUON = (("momentum", Fraction(95, 100)),)

OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(
    {
        optimizer.name: optimizer
        for optimizer in (
            Optimizer("adam", ADAM, keys=("momentum", "epsilon")),
            Optimizer("sign", SIGN),
            Optimizer("sgd", Raw()),
            Optimizer("adamw", ADAM, numbers=(("decay", Fraction(1, 100)),), keys=("momentum", "epsilon")),
            Optimizer("momentum", Raw(), numbers=HEAVY),
            Optimizer("nesterov", Raw(), nesterov, HEAVY),
            Optimizer("lion", SIGN, lion, keys=()),
            Optimizer("adafactor", Factored(Fraction(4, 5)), adafactor, (("floor", Fraction(1, 1000)),), ("floor",)),
            Optimizer("adafactor-unscaled", Factored(Fraction(4, 5)), keys=()),
            Optimizer("rmsprop", RMSPROP, keys=("epsilon",)),
            Optimizer("muon", NEWTON_SCHULZ, spectral, MUON),
            Optimizer("muon-original", NEWTON_SCHULZ, original, MUON),
            Optimizer("muon-rms", NEWTON_SCHULZ, matched, MUON),
            Optimizer("sgd-clipped", Raw(), clipped),
            Optimizer("adam-clipped", ADAM, clipped, keys=("momentum", "epsilon")),
        )
    }
)
"""The optimisers that a spec can name. AdamW: Loshchilov, Hutter, "Decoupled Weight Decay Regularization"."""


SIMPLE = tuple(
    each.name for each in OPTIMIZERS.values() if each.update is descent and isinstance(each.step, Raw | Moments)
)
"""Those that are a step along the gradient or its momentum, and nothing else."""


def check_step(step: object) -> None:
    """Refuse a step of a kind that these experiments do not train, rather than take it for another.

    Raises:
        BadInput: the step is of no such kind.
    """
    if not isinstance(step, Raw | Moments):
        raise BadInput("update rule", found=type(step).__name__, expected=f"{Raw.__name__} or {Moments.__name__}")


IMPLEMENTATIONS = (
    *("torch", "hf", "apex", "xla", "npu", "bnb", "anyprecision"),
    *("fused", "foreach", "paged", "4bit", "8bit", "32bit"),
)
"""Words of an optimiser's name, as trainers write it, that say how it is computed and not what."""

SPELLINGS: Mapping[str, str] = MappingProxyType(
    {"signsgd": "sign", "pagedadamw": "adamw", "pagedadam": "adam", "pagedlion": "lion"}
)
"""Names that are written otherwise elsewhere."""


def named_optimizer(name: str) -> Optimizer:
    """The optimiser called `name`, here or by a trainer: `adamw_torch_fused`, `paged_lion_8bit` or `AdamW8bit`.

    Moments of fewer bits, pages and fused loops change no exponent. A trainer's `adafactor` leaves out the size of the
    tensor itself, unlike torch's: that is `adafactor-unscaled` here.

    >>> named_optimizer("paged_adamw_8bit").name
    'adamw'

    Raises:
        BadInput: no optimiser has that name.
    """
    found = _plain_name(name) if isinstance(name, str) else ""
    if found not in OPTIMIZERS:
        written = ("adamw_torch", "adamw_8bit", "paged_adamw_32bit", "lion_8bit")
        expected = f"one of {', '.join(OPTIMIZERS)}, or a trainer's name of one, such as adamw_torch"
        expected += "" if isinstance(name, str) else "; an Optimizer of your own is given to the Scheme or the Problem"
        raise BadInput("optimizer", found=name, expected=expected, choices=(*OPTIMIZERS, *SPELLINGS, *written))
    return OPTIMIZERS[found]


def _plain_name(name: str) -> str:
    """A trainer's name without what says how the optimiser is computed."""
    bits = re.sub(r"(?<=[a-z])(4|8|32)bit$", r"_\1bit", name.strip().lower())
    plain = "_".join(word for word in bits.split("_") if word not in IMPLEMENTATIONS)
    return SPELLINGS.get(plain, plain)
