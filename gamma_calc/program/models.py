"""Models: the networks that a scheme can train, and which exponents each of them has.

A model says no more than its shape. Its equations stand with its program: `lora.py`, `stack.py`, `perceptron.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput, quoted
from gamma_calc.numbers import whole_number

DEEPEST = 64
"""The most layers of a stack."""
MOST_LAYERS = 32
"""The most layers of a perceptron: what one has seen nests once a layer, and Python goes no deeper than some 37."""
RANK, FAN_OUT = "rank", "fan_out"
FACTORS = ("A", "B")
FACTOR_RATES = ("eta_A", "eta_B")
EXTRA = ("momentum", "decay", "feedback")
"""What a scheme may add to its update rule and to its loss; absent unless it says so."""
BESIDE = ("epsilon", "floor")
"""What an update rule may compare a gradient and a tensor with."""
MOVES = ("momentum", "decay", *BESIDE)
"""What a scheme may say of an update rule beside its rate."""
FACTOR_DEFAULTS: Mapping[str, Affine | None] = MappingProxyType(
    {
        "scale": Affine.of(0),
        RANK: Affine.of(0),
        FAN_OUT: Affine.of(1),
        "gradient": Affine.of(0),
        **dict.fromkeys((*EXTRA, *BESIDE)),
    }
)
INIT, RATE, MULTIPLIER = "init", "rate", "multiplier"
MAPS: Mapping[str, str | None] = MappingProxyType({"none": None, "relu": "phi"})
"""The maps of a stack, and how a program writes them."""


MASKED = -(2**127)
"""What a mask adds to a logit that it hides; half of it is far beyond all that is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The numbers that a network has of its own, for a reading that trains it; what is not there is drawn, or 1.

    Shapes: `data` are arrays, by name, of which entries are repeated along axes that grow, and `sizes` those of axes of
    fixed size. `factors` are the k of scalars k n^exponent, by symbol. Entries of a mask that hide something are
    `MASKED`.
    """

    sizes: Mapping[str, int]
    data: Mapping[str, Any]
    factors: Mapping[str, float]


DRAWN = Numbers({}, {}, {})
"""Of a network that has none."""


@dataclass(frozen=True, slots=True)
class Model:
    """A network: the keys of its exponents.

    `required` have to be given; `defaults` are what others stand at; `own` are those that one parameter may have in
    place of what all share. `rates` are learning rates, and `sizes` those of axes.
    """

    @property
    def kind(self) -> str:
        """How a spec calls it."""
        raise NotImplementedError

    @property
    def parameters(self) -> tuple[str, ...]:
        """The trained tensors, by name."""
        return FACTORS

    @property
    def inputs(self) -> tuple[str, ...]:
        """The data that it reads, by name."""
        return ("Z",)

    @property
    def numbers(self) -> Numbers:
        """The numbers that it has of its own."""
        return DRAWN

    @property
    def required(self) -> tuple[str, ...]:
        """The keys that a scheme has to give."""
        return (*FACTORS, *FACTOR_RATES)

    @property
    def defaults(self) -> Mapping[str, Affine | None]:
        """What the other keys stand at."""
        return FACTOR_DEFAULTS

    @property
    def own(self) -> tuple[str, ...]:
        """The keys of single parameters, in place of those of all."""
        return ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys."""
        return (*self.required, *self.defaults, *self.own)

    @property
    def rates(self) -> tuple[str, ...]:
        """The keys of learning rates."""
        return tuple(key for key in self.keys if key in FACTOR_RATES or key.endswith(f".{RATE}"))

    @property
    def sizes(self) -> tuple[str, ...]:
        """The keys of the sizes of axes."""
        return tuple(key for key in (RANK, FAN_OUT) if key in self.defaults)

    @property
    def can_be_zero(self) -> tuple[str, ...]:
        """The keys of what may be zero."""
        return tuple(key for key in self.keys if key in (*FACTORS, *EXTRA, *BESIDE) or key.endswith(f".{INIT}"))


@dataclass(frozen=True, slots=True)
class LoraModule(Model):
    """One adapter beside a frozen weight."""

    kind: ClassVar[str] = "lora-module"


@dataclass(frozen=True, slots=True)
class LoraStack(Model):
    """Adapters on one residual stream.

    `is_frozen` puts a frozen random W_l beside each adapter, else W_l = 0; `map` is f in z + f(h), "none" or
    "relu", and `has_norm` puts an RMS norm in front of each module.

    Raises:
        BadInput: no such depth, or no such map.
    """

    kind: ClassVar[str] = "lora-stack"
    depth: int
    is_frozen: bool = False
    map: str = "none"
    has_norm: bool = False

    def __post_init__(self) -> None:
        whole_number("depth", self.depth, 1, DEEPEST)
        if not isinstance(self.map, str) or self.map not in MAPS:
            raise BadInput("model.map", found=self.map, expected=f"one of {', '.join(MAPS)}", choices=MAPS)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The factors of each layer."""
        return tuple(f"{factor}[{layer}]" for layer in range(1, self.depth + 1) for factor in FACTORS)

    @property
    def own(self) -> tuple[str, ...]:
        """The init and the rate of a single factor."""
        return tuple(f"{name}.{key}" for name in self.parameters for key in (INIT, RATE))

    @property
    def defaults(self) -> Mapping[str, Affine | None]:
        """As of one module, without what only one module has: a stream is as wide behind a layer as in front of it."""
        return {key: form for key, form in FACTOR_DEFAULTS.items() if key not in (FAN_OUT, "feedback")}


@dataclass(frozen=True, slots=True)
class Perceptron(Model):
    """Layers of weights with a map between them, each with a multiplier, an init and a rate of its own.

    Raises:
        BadInput: there are fewer than two layers, more than `MOST_LAYERS`, or two of one name.
    """

    kind: ClassVar[str] = "perceptron"
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    layers: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.layers) < 2:
            raise BadInput(f"layers: found {quoted(list(self.layers))}, expected two names or more")
        if len(self.layers) > MOST_LAYERS:
            raise BadInput(f"layers: found {len(self.layers)}, expected at most {MOST_LAYERS}")
        for name in self.layers:
            if self.layers.count(name) > 1:
                raise BadInput(f"layers: found {quoted(name)} twice, expected names that differ")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The weights, from the input on."""
        return self.layers

    @property
    def required(self) -> tuple[str, ...]:
        """The init and the rate of each layer."""
        return tuple(f"{name}.{key}" for name in self.layers for key in (INIT, RATE))

    @property
    def defaults(self) -> Mapping[str, Affine | None]:
        """No multiplier, and nothing beside the rates."""
        return {**{f"{name}.{MULTIPLIER}": Affine.of(0) for name in self.layers}, **dict.fromkeys(MOVES)}

    @property
    def can_be_zero(self) -> tuple[str, ...]:
        """The initial weights, and what is beside the rates."""
        return (*(f"{name}.{INIT}" for name in self.layers), *MOVES)


MODULE = LoraModule()


def check_module(model: Model, asked: str) -> None:
    """That a question which is about one module is asked of one.

    Raises:
        BadInput: the model is another one.
    """
    if model != MODULE:
        expected = (
            "a scheme of plain LoRA, such as init-a; of an adapter of PEFT its adapter_config.json, in Python "
            "lint(...).scheme"
        )
        raise BadInput(f"{asked} speaks of one module", found=model.kind, expected=expected)
