"""Training the adapters of a width family under several schemes, and what the probes saw, layer by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapters import lora_adapters
from gamma_calc.huggingface.initialisation import init_lora_
from gamma_calc.huggingface.probe import Observation, Probe
from gamma_calc.huggingface.rates import scheme_optimizer
from gamma_calc.numbers import whole_number
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import Key, Progress
from gamma_calc.simulation.slopes import shortfall

Array = NDArray[np.float64]
MakeModel = Callable[[int, int], nn.Module]
"""From a width and a seed to a model with LoRA adapters; everything else in it frozen."""

Loss = Callable[[nn.Module, int], Tensor]
"""From a model and a seed to the loss of that seed's batch, the same at every step."""

WIDTHS = tuple(2**k for k in range(6, 13))
SEEDS = 16
STEPS = 3
WRAPPING = "base_model.model."
"""What PEFT puts before the names of the layers of a model it wraps."""


@dataclass(frozen=True, slots=True)
class CoordinateLayout:
    """Widths, the number of seeds at each, and steps.

    A seed's runs share its batch and loss over the widths, so they are resampled together; that is right also for what
    they do not share.
    """

    widths: tuple[int, ...] = WIDTHS
    seeds: int = SEEDS
    steps: int = STEPS
    seed: int = 0

    def __post_init__(self) -> None:
        is_list = isinstance(self.widths, tuple | list) and all(type(width) is int for width in self.widths)
        if not is_list or not self.widths or list(self.widths) != sorted({1, *self.widths} - {1}):
            raise BadInput("widths", found=self.widths, expected="whole numbers from 2, each above the one before")
        for name in ("seeds", "steps"):
            whole_number(name, getattr(self, name))

    @property
    def shortfall(self) -> str:
        """Why no verdict follows from so few widths or seeds; nothing where one may."""
        return shortfall(self.widths, self.seeds)


@dataclass(frozen=True, slots=True)
class LayerMeasurement:
    """What the probes saw of one layer under one scheme.

    Shapes: each mean square [widths, seeds], by step, quantity and term; inputs, slopes (of Z and dL/dZbar, by step),
    epsilon_ratio and is_excluded the same.
    """

    configuration: CoordinateLayout
    mean_square: Mapping[Key, Array]
    inputs: Mapping[int, Array]
    slopes: Mapping[int, Array]
    epsilon_ratio: Array
    is_excluded: NDArray[np.bool_]


Seen = Mapping[int, Mapping[str, dict[tuple[int, int], list[Observation]]]]
"""The observations of each scheme, layer, and place [width, seed]."""


def family_observations(
    make_model: MakeModel,
    loss: Loss,
    schemes: Sequence[Scheme],
    layout: CoordinateLayout,
    prefactors: Sequence[Fraction],
    weight_decay: float,
    momentum: float | None,
    progress: Progress | None,
) -> Seen:
    """What probes saw of every adapter, trained under each scheme at every width and seed."""
    seen: dict[int, dict[str, dict[tuple[int, int], list[Observation]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row, width in enumerate(layout.widths):
        for run in range(layout.seeds):
            model = make_model(width, run)
            inside = {id(factor) for each in lora_adapters(model) for factor in (each.A, each.B)}
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and id(parameter) not in inside:
                    raise BadInput(f"{name} is trained, and the check speaks of LoRA factors alone; freeze it")
            for index, (scheme, k) in enumerate(zip(schemes, prefactors, strict=True)):
                init_lora_(model, scheme, generator=run_generator(layout.seed, run, width))
                optimizer = scheme_optimizer(
                    model, scheme, float(k), base_width=1, weight_decay=weight_decay, momentum=momentum
                )
                with Probe(model, optimizer) as probe:
                    for _ in range(layout.steps):
                        optimizer.zero_grad()
                        loss(model, run).backward()  # type: ignore[no-untyped-call]
                        optimizer.step()
                for each in probe.observations:
                    seen[index][each.layer.removeprefix(WRAPPING)][row, run].append(each)
            if progress is not None:
                progress(row * layout.seeds + run + 1, len(layout.widths) * layout.seeds)
    return seen


def run_generator(*key: int) -> torch.Generator:
    """Where the factors of a run come from, by its seed, number and width."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))


def layer_measurement(
    places: Mapping[tuple[int, int], list[Observation]], layout: CoordinateLayout
) -> LayerMeasurement:
    """The observations of one layer under one scheme as arrays."""
    shape = (len(layout.widths), layout.seeds)
    if len(places) != shape[0] * shape[1]:
        raise BadInput("the layers of the model change with the width; a family has to have the same ones")
    squares: dict[Key, Array] = defaultdict(lambda: np.zeros(shape))
    inputs: dict[int, Array] = defaultdict(lambda: np.zeros(shape))
    slopes: dict[int, Array] = defaultdict(lambda: np.zeros(shape))
    ratio = np.full(shape, np.inf)
    for place, observations in places.items():
        for each in observations:
            for (quantity, term), value in each.mean_square.items():
                squares[each.t, quantity, term][place] = value
            inputs[each.t][place], slopes[each.t][place] = each.input, each.output_gradient
            ratio[place] = min(ratio[place], each.epsilon_ratio)
    excluded = ~np.all([np.isfinite(values) for values in squares.values()], axis=0)
    return LayerMeasurement(layout, dict(squares), dict(inputs), dict(slopes), ratio, excluded)
