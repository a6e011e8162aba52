"""Training the adapters of a width family under several schemes, and what the probes saw, layer by layer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapters import Adapter, lora_adapters, trained_beside
from gamma_calc.huggingface.initialisation import init_lora_
from gamma_calc.huggingface.probe import Observation, Probe
from gamma_calc.huggingface.rates import scheme_optimizer
from gamma_calc.numbers import whole_number
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import Key, Progress
from gamma_calc.simulation.slopes import Array, shortfall
from gamma_calc.simulation.verdicts import TOLERANCE
from gamma_calc.tracing.initial_sizes import SURE, root_mean_square
from gamma_calc.tracing.names import WRAPPING

MakeModel = Callable[[int, int], nn.Module]
"""From a width and a seed to a model with LoRA adapters; everything else in it frozen."""

Loss = Callable[[nn.Module, int], Tensor]
"""From a model and a seed to the loss of that seed's batch, the same at every step."""

WIDTHS = tuple(2**k for k in range(6, 13))
SEEDS = 16
STEPS = 3
ROUNDING = 1.1
"""The most by which the share of a fan-in in the width may change, as where it is rounded to a multiple of something.

Over the 2^6 that widths have to span that moves a slope by 0.023, less than half of what is tolerated.
"""


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


def other_laws(make_model: MakeModel, layout: CoordinateLayout) -> Mapping[str, float]:
    """The exponent in the fan-in of frozen entries that are not n^(-1/2), as theory takes them, by adapted layer.

    Between the narrowest and the widest model of the first seed; none where there is one width.
    """
    with torch.random.fork_rng(devices=()):  # what is trained stays as it is without this
        models = (make_model(width, 0) for width in (layout.widths[0], layout.widths[-1]))
        narrow, wide = ({each.name.removeprefix(WRAPPING): each for each in lora_adapters(one)} for one in models)
    exponents = {name: _exponent(narrow[name], wide[name]) for name in narrow if name in wide}
    return {name: exponent for name, exponent in exponents.items() if exponent is not None}


def _exponent(small: Adapter, large: Adapter) -> float | None:
    """That of the frozen entries of a layer, where they surely are not n^(-1/2); a matrix of zeros has none."""
    sizes = [root_mean_square(each.W) for each in (small, large)]
    if small.fan_in == large.fan_in or 0 in sizes:
        return None
    growth = math.log(large.fan_in / small.fan_in)
    exponent = math.log(sizes[1] / sizes[0]) / growth
    error = math.sqrt(sum(1 / (2 * each.W.numel()) for each in (small, large))) / growth
    return exponent if abs(exponent + 1 / 2) > TOLERANCE + SURE * error else None


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
    first: dict[str, tuple[int, int]] = {}
    for row, width in enumerate(layout.widths):
        for run in range(layout.seeds):
            model = make_model(width, run)
            adapters = lora_adapters(model)
            _check_one_law(adapters)
            _check_fan_ins(adapters, width, first)
            if others := [*trained_beside(model, adapters)]:
                raise BadInput(f"{others[0]} is trained, and the check speaks of LoRA factors alone; freeze it")
            for index, (scheme, k) in enumerate(zip(schemes, prefactors, strict=True)):
                init_lora_(model, scheme, generator=run_generator(layout.seed, run, width))
                optimizer = scheme_optimizer(
                    model, scheme, float(k), base_width=1, weight_decay=weight_decay, momentum=momentum
                )
                with Probe(model, optimizer) as probe:
                    for _ in range(layout.steps):
                        optimizer.zero_grad()
                        _checked(loss(model, run)).backward()  # type: ignore[no-untyped-call]
                        optimizer.step()
                for each in probe.observations:
                    seen[index][each.layer.removeprefix(WRAPPING)][row, run].append(each)
            if progress is not None:
                progress(row * layout.seeds + run + 1, len(layout.widths) * layout.seeds)
    return seen


def _check_one_law(adapters: Sequence[Adapter]) -> None:
    """Refuse what bends the slopes: several ranks or scales, whose rates go by these too, and dropout of the input."""
    one = adapters[0]
    for each in adapters:
        if each.rank != one.rank or not math.isclose(each.scale, one.scale):
            points = " and ".join(f"{every.name} r = {every.rank}, s = {every.scale:g}" for every in (one, each))
            expected = "one rank and one lora_alpha in all layers; leave rank_pattern and alpha_pattern out"
            raise BadInput(f"a coordinate check: found {points}, expected {expected}")
        dropout = each.layer.get_submodule(f"lora_dropout.{each.key}")
        if isinstance(dropout, nn.Dropout) and dropout.training:
            expected = "none, for one loss at every step: lora_dropout=0, or model.eval() before training"
            raise BadInput(f"{each.name}: found lora_dropout of {dropout.p:g}, expected {expected}")


def _check_fan_ins(adapters: Sequence[Adapter], width: int, first: dict[str, tuple[int, int]]) -> None:
    """Refuse a fan-in that does not grow in proportion to the width: the slopes are those in the width."""
    for each in adapters:
        start, fan_in = first.setdefault(each.name, (width, each.fan_in))
        ratio = each.fan_in * start / (fan_in * width)
        if not 1 / ROUNDING <= ratio <= ROUNDING:
            found = f"fan-in {fan_in} at width {start} and {each.fan_in} at width {width}"
            expected = "one in proportion to the width, n of the theory; leave the layer out of the adapter"
            raise BadInput(f"layer {each.name}: found {found}, expected {expected}")


def _checked(loss: object) -> Tensor:
    """The same loss, of one number with a gradient."""
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        shown = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        detached = " without a gradient" if isinstance(loss, Tensor) and not loss.requires_grad else ""
        raise BadInput(f"loss: found {shown}{detached}, expected a tensor of one number, with its gradient")
    return loss


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
