"""The coordinate check with verdicts: every exponent of every LoRA layer of a real model, over a family of widths.

mup's coordinate check draws how activations grow over widths and leaves the reader to look. Here each quantity and term
of each layer has a predicted exponent, a slope with its interval and a verdict by the rule of `crosscheck`; and what
the theory takes for granted of a layer, inputs of size Theta(1), is measured beside it.

The theory of a module knows neither the layers around it nor other adapters. Two things follow for a deep model. The
loss gradient dL/dZbar of a layer scales as its architecture makes it: a normalised step does not feel that, a raw one
does. And once the adapters above a layer have moved, its gradient has passed through their A_0: from the third step on
the inputs of those layers are no longer independent of A_0. `Observation.alignment` shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.experiment.crosscheck import CLEAR_OF_EPSILON, FALSE_ASSUMPTION
from gamma_calc.experiment.prediction import Predicted, Prediction, pinned, predictions
from gamma_calc.experiment.prefactor import chosen_prefactor
from gamma_calc.experiment.verdicts import Judged, Row, judged, judged_alone, worst
from gamma_calc.huggingface.adapters import lora_adapters
from gamma_calc.huggingface.initialisation import init_lora_
from gamma_calc.huggingface.observation import Observation
from gamma_calc.huggingface.probe import SAMPLES, Probe
from gamma_calc.huggingface.rates import scheme_optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, selected
from gamma_calc.simulation.adapter_module import Key
from gamma_calc.simulation.probe import Progress
from gamma_calc.simulation.verdicts import Verdict

Array = NDArray[np.float64]
MakeModel = Callable[[int, int], nn.Module]
"""From a width and a seed to a model with LoRA adapters; everything else in it frozen."""

Loss = Callable[[nn.Module, int], Tensor]
"""From a model and a seed to the loss of that seed's batch, the same at every step."""

WIDTHS = tuple(2**k for k in range(6, 13))
SEEDS = 16
STEPS = 3
SIZE = Predicted(Fraction(0))
"""What is assumed of the input of a layer."""

WRAPPING = "base_model.model."
"""What PEFT puts before the names of the layers of a model it wraps."""

DECAYED = {"dA_0": "dA", "dU_A": "dA", "dB_0": "dB", "dU_B": "dB"}
"""What a step makes of a factor by weight decay is measured together with the rest of its change."""


@dataclass(frozen=True, slots=True)
class CoordinateLayout:
    """Widths, the number of seeds at each, steps, and the samples of a batch that are measured.

    A seed's runs share its batch and loss over the widths, so they are resampled together (`is_paired`); that is right
    also for what they do not share.
    """

    widths: tuple[int, ...] = WIDTHS
    seeds: int = SEEDS
    steps: int = STEPS
    samples: int = SAMPLES
    is_paired: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.widths or list(self.widths) != sorted(set(self.widths)):
            raise BadInput("widths", found=str(self.widths), expected="integers, each above the one before")
        for name in ("seeds", "steps", "samples"):
            if getattr(self, name) < 1:
                raise BadInput(name, found=str(getattr(self, name)), expected="a whole number from 1")


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


@dataclass(frozen=True, slots=True)
class LayerCheck:
    """The verdicts on one layer under one scheme.

    `assumed` are those on its inputs' size, by step; `gradients` the slopes of dL/dZbar, which no verdict rests on.
    """

    scheme: Scheme
    layer: str
    measurement: LayerMeasurement
    rows: tuple[Row, ...]
    control: tuple[Row, ...]
    assumed: tuple[Judged, ...]
    gradients: tuple[float | None, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the rows'."""
        return worst(row.verdict for row in self.rows)


@dataclass(frozen=True, slots=True)
class CoordinateCheck:
    """The verdicts on every layer under every scheme."""

    layout: CoordinateLayout
    prefactor: Fraction
    layers: tuple[LayerCheck, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every verdict, scheme by scheme and layer by layer."""
        return tuple(row for layer in self.layers for row in layer.rows)

    @property
    def verdict(self) -> Verdict:
        """FAIL if any row is, else INCONCLUSIVE if any is, else PASS."""
        return worst(row.verdict for row in self.rows)

    @property
    def assumed(self) -> Verdict:
        """The verdict on the inputs' size, without which the others mean little."""
        return worst(each.judgement.verdict for layer in self.layers for each in layer.assumed)

    @property
    def control(self) -> Verdict:
        """The verdict on predictions made under a false assumption; only FAIL shows that the check can tell."""
        return worst(row.verdict for layer in self.layers for row in layer.control)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know before trusting the rows."""
        return tuple(text for layer in self.layers for text in _warnings(layer))

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        tally = {verdict: sum(row.verdict is verdict for row in self.rows) for verdict in Verdict}
        counts = ", ".join(f"{count} {verdict.value}" for verdict, count in tally.items() if count)
        control = "fails as it has to" if self.control is Verdict.FAIL else f"is {self.control.value}: it shows nothing"
        inputs = f"inputs of size Theta(1): {self.assumed.value}"
        return f"{self.verdict.value}: {counts}; {inputs}. The control, whose assumption is false, {control}."

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return {
            "schema": 1,
            "verdict": self.verdict.value,
            "quantities": [{"layer": each.layer, **row.json()} for each in self.layers for row in each.rows],
            "control": {
                "assumption": "aligned sums grow like independent ones (false)",
                "expected": Verdict.FAIL.value,
                "verdict": self.control.value,
            },
            "layers": [
                {
                    "scheme": each.scheme.name,
                    "layer": each.layer,
                    "verdict": each.verdict.value,
                    "inputs": [one.json() for one in each.assumed],
                    "gradient_slopes": list(each.gradients),
                }
                for each in self.layers
            ],
            "settings": {
                "widths": list(self.layout.widths),
                "seeds": self.layout.seeds,
                "steps": self.layout.steps,
                "prefactor": str(self.prefactor),
            },
            "warnings": list(self.warnings),
        }


def _warnings(layer: LayerCheck) -> Iterable[str]:
    measurement, name = layer.measurement, f"{layer.scheme.name}, {layer.layer}"
    ratio = float(np.min(measurement.epsilon_ratio))
    if ratio < CLEAR_OF_EPSILON:
        yield f"{name}: gradients come within a factor of {ratio:.3g} of the optimiser's epsilon"
    excluded = int(measurement.is_excluded.sum())
    if excluded:
        yield f"{name}: {excluded} runs diverged and are not fitted"


def coordinate_check(
    make_model: MakeModel,
    loss: Loss,
    *specs: Spec,
    layout: CoordinateLayout | None = None,
    prefactor: Fraction | None = None,
    weight_decay: float = 0.0,
    against: Spec | None = None,
    progress: Progress | None = None,
) -> CoordinateCheck:
    """Train the adapters of a model at every width and seed under every scheme, and judge each layer's exponents.

    A rate is k n^c at a layer's fan-in n, c the scheme's exponent, a free one at its largest stable value. The
    schemes share the frozen model of a width and seed.

    Args:
        make_model, loss: the model of a width and a seed, and the loss of a seed's batch.
        specs: names of the catalogue, TOML files or `Scheme`s, under optimisers that torch ships.
        prefactor: the k of all schemes; by default the one that `crosscheck` takes.
        weight_decay: decoupled; a scheme has to have an exponent for it.
        against: takes the predictions from this scheme instead, which has to FAIL.
        progress: called with the number of models done and the number in all.

    Raises:
        BadInput: a scheme or a model is refused, more than the adapters is trained, or layers change with the width.
        Unknown: the largest stable rate of a scheme is not known.
    """
    if not specs:
        raise BadInput("no scheme to check")
    layout = layout or CoordinateLayout()
    *schemes, reference = [pinned(each) for each in selected([*specs, specs[0] if against is None else against])]
    k = prefactor or chosen_prefactor(schemes[0].optimizer.step)
    for scheme in schemes:
        if weight_decay and scheme.exponents["decay"] is None:
            raise BadInput(f"{scheme.name} has no weight decay, and the check is asked to train with {weight_decay:g}")
    seen = _observed(make_model, loss, schemes, layout, float(k), weight_decay, progress)
    checks = [
        _layer_check(scheme, scheme if against is None else reference, layer, _measurement(observations, layout))
        for index, scheme in enumerate(schemes)
        for layer, observations in seen[index].items()
    ]
    return CoordinateCheck(layout, k, tuple(checks))


Seen = Mapping[int, Mapping[str, dict[tuple[int, int], list[Observation]]]]
"""The observations of each scheme, layer, and place [width, seed]."""


def _observed(
    make_model: MakeModel,
    loss: Loss,
    schemes: Sequence[Scheme],
    layout: CoordinateLayout,
    k: float,
    weight_decay: float,
    progress: Progress | None,
) -> Seen:
    seen: dict[int, dict[str, dict[tuple[int, int], list[Observation]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row, width in enumerate(layout.widths):
        for run in range(layout.seeds):
            model = make_model(width, run)
            _check_frozen(model)
            for index, scheme in enumerate(schemes):
                init_lora_(model, scheme, generator=_generator(layout.seed, run, width))
                optimizer = scheme_optimizer(model, scheme, k, base_width=1, weight_decay=weight_decay)
                with Probe(model, optimizer, samples=layout.samples) as probe:
                    for _ in range(layout.steps):
                        optimizer.zero_grad()
                        loss(model, run).backward()  # type: ignore[no-untyped-call]
                        optimizer.step()
                for each in probe.observations:
                    seen[index][each.layer.removeprefix(WRAPPING)][row, run].append(each)
            if progress is not None:
                progress(row * layout.seeds + run + 1, len(layout.widths) * layout.seeds)
    return seen


def _generator(*key: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))


def _check_frozen(model: nn.Module) -> None:
    inside = {id(factor) for each in lora_adapters(model) for factor in (each.A, each.B)}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and id(parameter) not in inside:
            raise BadInput(f"{name} is trained, and the check speaks of LoRA factors alone; freeze it")


def _measurement(places: Mapping[tuple[int, int], list[Observation]], layout: CoordinateLayout) -> LayerMeasurement:
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


def _layer_check(scheme: Scheme, reference: Scheme, layer: str, measurement: LayerMeasurement) -> LayerCheck:
    steps = measurement.configuration.steps
    expected = [together(each) for each in predictions(reference, steps)]
    control = [together(each) for each in predictions(scheme, steps, FALSE_ASSUMPTION)]
    gradients = [judged_alone(SIZE, squares, measurement).measured for squares in measurement.slopes.values()]
    return LayerCheck(
        scheme,
        layer,
        measurement,
        judged(scheme.name, expected, measurement),
        judged(scheme.name, control, measurement),
        tuple(judged_alone(SIZE, squares, measurement) for squares in measurement.inputs.values()),
        tuple(gradients),
    )


def together(prediction: Prediction) -> Prediction:
    """The prediction with what weight decay makes of a step joined to the rest of the step, as it is measured."""
    terms: dict[tuple[str, ...], Predicted] = {}
    for term, each in prediction.terms.items():
        name = tuple(DECAYED.get(part, part) for part in term)
        terms[name] = _larger(terms[name], each) if name in terms else each
    return Prediction(prediction.quantity, prediction.t, prediction.total, terms)


def _larger(one: Predicted, other: Predicted) -> Predicted:
    if one.exponent is None or other.exponent is None:
        return other if one.exponent is None else one
    if one.exponent == other.exponent:
        return Predicted(one.exponent, one.is_upper and other.is_upper)
    return max(one, other, key=lambda each: each.exponent or Fraction(0))
