"""The coordinate check with verdicts: every exponent of every LoRA layer of a real model, over a family of widths.

mup's coordinate check draws how activations grow over widths and leaves the reader to look. Here each quantity and term
of each layer has a predicted exponent, a slope with its interval and a verdict by the rule of `crosscheck`; and what
the theory takes for granted of a layer, inputs of size Theta(1), is measured beside it.

The theory of a module knows neither the layers around it nor other adapters. Two things follow for a deep model. The
loss gradient dL/dZbar of a layer scales as its architecture makes it: a normalised step does not feel that, a raw one
does. And once the adapters above a layer have moved, its gradient has passed through their A_0: from the third step on
the inputs of those layers are no longer independent of A_0 (tests/huggingface/test_coupling.py cuts that path and sees
the effect go). `LayerCheck.alignments` shows it; a small scale s puts it off to larger widths. The theory of the whole
network knows both: `is_network` takes the predictions from it, layer by layer.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.derivation.suppositions import Alignments, measured_policy
from gamma_calc.document.tables import text_table
from gamma_calc.errors import BadInput
from gamma_calc.experiment.crosscheck import FALSE_ASSUMPTION
from gamma_calc.experiment.prediction import Predicted, Prediction, at_largest_rate, differing, predictions
from gamma_calc.experiment.setup import SMALL
from gamma_calc.experiment.verdicts import Judged, VerdictRow, best, judged, judged_alone, worst
from gamma_calc.huggingface.family_training import (
    CoordinateLayout,
    LayerMeasurement,
    Loss,
    MakeModel,
    family_observations,
    layer_measurement,
    other_laws,
)
from gamma_calc.huggingface.network_predictions import network_predictions, traced_adapters, traced_predictions
from gamma_calc.huggingface.probe import KINDS, mean_alignments
from gamma_calc.numbers import real_number
from gamma_calc.program.models import check_module
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, Values, selected
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.verdicts import Verdict

CLEAR_OF_EPSILON = 1000
"""Gradient roots this far above epsilon move by at most 0.1 % because of it."""

SIZE = Predicted(Fraction(0))
"""What is assumed of the input of a layer."""

UNSETTLED = "nothing is settled: {}"
OTHER_LAW = (
    "frozen entries of {} are n^({:.2f}) in the fan-in n, and theory takes n^(-1/2): rows may FAIL for that;"
    " of a model of transformers set initializer_range=width**-0.5"
)

DECAYED = {"dA_0": "dA", "dU_A": "dA", "dB_0": "dB", "dU_B": "dB"}
"""What a step makes of a factor by weight decay is measured together with the rest of its change."""


@dataclass(frozen=True, slots=True)
class LayerAlignment:
    """The alignment of one part of A with the layer's input at step t, as the theory has it and as measured.

    That of a sum P Z is the a of rms(P Z) = rms(P) rms(Z) n^a: 1/2 where its terms have random signs, 1 where they
    agree. At one width a constant factor c counts as log c / log n; as a slope over widths it does not.
    """

    part: str
    t: int
    judged: Judged

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"part": self.part, "t": self.t, **self.judged.json()}


@dataclass(frozen=True, slots=True)
class LayerCheck:
    """The verdicts on one layer under one scheme.

    `assumed` are those on its inputs' size, by step, `alignments` those on how its sums over the width grow;
    `gradients` the slopes of dL/dZbar. The rows' verdicts rest on none of these.
    """

    scheme: Scheme
    prefactor: Fraction
    layer: str
    measurement: LayerMeasurement
    rows: tuple[VerdictRow, ...]
    control: tuple[VerdictRow, ...]
    assumed: tuple[Judged, ...]
    alignments: tuple[LayerAlignment, ...]
    gradients: tuple[float | None, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the rows'."""
        return worst(row.verdict for row in self.rows)


@dataclass(frozen=True, slots=True)
class CoordinateCheck:
    """The verdicts on every layer under every scheme.

    `other_laws` are the exponents in the fan-in of frozen entries that are not n^(-1/2), by layer.
    """

    layout: CoordinateLayout
    layers: tuple[LayerCheck, ...]
    other_laws: Mapping[str, float]

    @property
    def rows(self) -> tuple[VerdictRow, ...]:
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
        """FAIL if the control of every layer is, which shows that the check can tell; else what it is at best."""
        return best(worst(row.verdict for row in layer.control) for layer in self.layers)

    @property
    def alignments(self) -> Mapping[str, float]:
        """Those of independent and aligned sums at the last step, the mean over layers, as `align` takes them."""
        last = [each for layer in self.layers for each in layer.alignments if each.t == self.layout.steps]
        return mean_alignments((each.part, each.judged.measured) for each in last if each.judged.measured is not None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know before trusting the rows."""
        beforehand = (_few_widths(self.layout), _other_law(self.other_laws))
        return (*filter(None, beforehand), *(w for each in self.layers for w in _warnings(each)))

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        if self.layout.shortfall:
            return f"{self.verdict.value}: {UNSETTLED.format(self.layout.shortfall)}."
        tally = self._tally(self.rows)
        counts = ", ".join(f"{count} {verdict.value}" for verdict, count in tally.items() if count)
        control = "fails as it has to" if self.control is Verdict.FAIL else f"is {self.control.value}: it shows nothing"
        inputs = f"inputs of size Theta(1): {self.assumed.value}"
        return f"{self.verdict.value}: {counts}; {inputs}. The control, whose assumption is false, {control}."

    @staticmethod
    def _tally(rows: Iterable[VerdictRow]) -> Mapping[Verdict, int]:
        found = Counter(row.verdict for row in rows)
        return {verdict: found[verdict] for verdict in Verdict}

    def __repr__(self) -> str:
        return f"<coordinate check of {len(self.layers)} layers: {self.verdict.value}>"

    def __str__(self) -> str:
        rows = [("scheme", "layer", *(verdict.value for verdict in Verdict), "")]
        for each in self.layers:
            other = next((row for row in each.rows if row.verdict is each.verdict is not Verdict.PASS), None)
            remark = "" if other is None else f"{other.quantity} t={other.t}: {other.reason}"
            rows.append((each.scheme.name, each.layer, *map(str, self._tally(each.rows).values()), remark))
        return "\n".join([text_table(rows), *(f"warning: {each}" for each in self.warnings), self.summary])

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
                    "prefactor": str(each.prefactor),
                    "layer": each.layer,
                    "verdict": each.verdict.value,
                    "inputs": [one.json() for one in each.assumed],
                    "alignments": [one.json() for one in each.alignments],
                    "gradient_slopes": list(each.gradients),
                }
                for each in self.layers
            ],
            "alignments": dict(self.alignments),
            "settings": {
                "widths": list(self.layout.widths),
                "seeds": self.layout.seeds,
                "steps": self.layout.steps,
                "prefactor": ", ".join(dict.fromkeys(str(each.prefactor) for each in self.layers)),
            },
            "warnings": list(self.warnings),
        }


def _few_widths(layout: CoordinateLayout) -> str:
    """That so few widths or seeds settle nothing; nothing where they may."""
    return UNSETTLED.format(layout.shortfall) if layout.shortfall else ""


def _other_law(exponents: Mapping[str, float]) -> str:
    """One warning for all layers with frozen entries of another law, by the one in the middle; nothing for none."""
    if not exponents:
        return ""
    name = sorted(exponents, key=lambda each: exponents[each])[len(exponents) // 2]
    others = f" and of {len(exponents) - 1} more" if len(exponents) > 1 else ""
    return OTHER_LAW.format(name + others, exponents[name])


def _warnings(layer: LayerCheck) -> Iterable[str]:
    measurement, name = layer.measurement, f"{layer.scheme.name}, {layer.layer}"
    ratio = float(measurement.epsilon_ratio[~measurement.is_excluded].min(initial=np.inf))
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
    momentum: float | None = None,
    against: Spec | None = None,
    is_network: bool = False,
    align: Alignments | None = None,
    progress: Progress | None = None,
) -> CoordinateCheck:
    """Train the adapters of a model at every width and seed under every scheme, and judge each layer's exponents.

    A rate is k n^c at a layer's fan-in n, c the scheme's exponent, a free one at its largest stable value. The
    schemes share the frozen model of a width and seed.

    Args:
        make_model, loss: the model of a width and a seed, and the loss of a seed's batch.
        specs: names of the catalogue, TOML files or `Scheme`s, under optimisers that torch ships.
        prefactor: the k of all schemes; by default 4 for one under a normalised step, 1/16 under a raw one.
        weight_decay: decoupled; a scheme has to have an exponent for it.
        momentum: beta at width 1; a scheme has to have an exponent for it, and to be under a raw step.
        against: takes the predictions from this scheme instead, which has to FAIL.
        is_network: takes the predictions of each layer from the whole model, as `gamma-calc model` derives it.
        align: alignments to predict by in place of the calculus's own, such as {"aligned": "0.98"} where
            `Probe.alignments` or `CoordinateCheck.alignments` has that; the rates stay.
        progress: called with the number of models done and the number in all.

    Raises:
        BadInput: a scheme or a model is refused, more than the adapters is trained, layers change with the width, a
            fan-in is not in proportion to it, ranks or scales differ, lora_dropout is on, or a loss is none.
        Unknown: the largest stable rate of a scheme is not known, or an operation of the model has no rule.

    Warns:
        UserWarning: before anything is trained, that so few widths or seeds settle nothing, or that frozen entries are
            not n^(-1/2) in the fan-in n.
    """
    if not specs:
        raise BadInput("no scheme to check")
    layout = CoordinateLayout() if layout is None else layout
    if not isinstance(layout, CoordinateLayout):
        raise BadInput("layout", found=layout, expected="CoordinateLayout(...)")
    chosen = selected([*specs, specs[0] if against is None else against])
    for scheme in chosen:
        check_module(scheme.model, "a coordinate check")
    *schemes, reference = [at_largest_rate(each, _as_call) for each in chosen]
    if prefactor is not None:
        real_number("prefactor", prefactor, is_positive=True)
    policy, prefactors = measured_policy(align), [prefactor or _prefactor(scheme) for scheme in schemes]
    for scheme in schemes:
        if weight_decay and scheme.form("decay") is None:
            raise BadInput(f"{scheme.name} has no weight decay, and the check is asked to train with {weight_decay:g}")
    theories = [
        _theory(make_model, layout, is_network, scheme, scheme if against is None else reference, policy)
        for scheme in schemes
    ]
    if few := _few_widths(layout):
        warnings.warn(few, stacklevel=2)
    laws = other_laws(make_model, layout)
    if laws:
        warnings.warn(_other_law(laws), stacklevel=2)
    seen = family_observations(make_model, loss, schemes, layout, prefactors, weight_decay, momentum, progress)
    checks = [
        _layer_check(scheme, k, theories[index], layer, layer_measurement(observations, layout))
        for index, (scheme, k) in enumerate(zip(schemes, prefactors, strict=True))
        for layer, observations in seen[index].items()
    ]
    return CoordinateCheck(layout, tuple(checks), laws)


def _as_call(values: Values) -> str:
    """Values as a scheme takes them."""
    return f"give scheme.at({{{', '.join(f'{name!r}: {str(value)!r}' for name, value in values.items())}}})"


NORMALISED = Fraction(4)


def _prefactor(scheme: Scheme) -> Fraction:
    """The k with which crossovers lie below the widths of small models.

    A normalised step follows the leading part of its gradient once that part clearly leads. Parts lead each other by
    half a power of n or more, that is by a factor of 11 at n = 128: k = 4 speeds up the sums that the updates lead
    and still leaves those that the initial part leads in its hands.
    """
    return SMALL if program_of(scheme).is_polynomial else NORMALISED


Theory = Callable[[str], tuple[tuple[Prediction, ...], tuple[Prediction, ...]]]
"""From a layer to what is predicted of it, and what is under a false assumption."""


def _theory(
    make_model: MakeModel, layout: CoordinateLayout, is_network: bool, scheme: Scheme, asked: Scheme, policy: Policy
) -> Theory:
    if not is_network:
        own, supposed = (predictions(scheme, layout.steps, each) for each in (CALCULUS, FALSE_ASSUMPTION))
        alone = predictions(asked, layout.steps, policy), differing(supposed, own)
        return lambda layer: alone
    model = make_model(layout.widths[0], 0)
    whole = network_predictions(model, asked, layout.steps, policy)
    traced = traced_adapters(model, scheme)
    true, false = (traced_predictions(traced, layout.steps, each) for each in (CALCULUS, FALSE_ASSUMPTION))
    return lambda layer: (whole[layer], differing(false[layer], true[layer]))


def _layer_check(
    scheme: Scheme, prefactor: Fraction, theory: Theory, layer: str, measurement: LayerMeasurement
) -> LayerCheck:
    expected, control = ([together(each) for each in every] for every in theory(layer))
    gradients = [judged_alone(SIZE, squares, measurement).measured for squares in measurement.slopes.values()]
    return LayerCheck(
        scheme,
        prefactor,
        layer,
        measurement,
        judged(scheme.name, expected, measurement),
        judged(scheme.name, control, measurement),
        tuple(judged_alone(SIZE, squares, measurement) for squares in measurement.inputs.values()),
        tuple(_layer_alignments(expected, measurement)),
        tuple(gradients),
    )


def _layer_alignments(expected: Iterable[Prediction], measurement: LayerMeasurement) -> Iterator[LayerAlignment]:
    """The alignments of a layer with an input of size n^0, by step and part; what is zero, or frozen, has none.

    Where the theory derives an input that grows, its growth counts as alignment on both sides of the comparison.
    """
    terms = {(each.t, each.quantity): each.terms for each in expected}
    for t in measurement.inputs:
        for part in KINDS.values():
            assumed = _growth(terms.get((t, "Z_A"), {}), terms.get((t, "A"), {}), part)
            whole, single = (measurement.mean_square.get((t, name, (part,))) for name in ("Z_A", "A"))
            if assumed is not None and whole is not None and single is not None:
                growth = np.divide(whole, single, out=np.zeros_like(whole), where=single > 0)
                yield LayerAlignment(part, t, judged_alone(assumed, growth, measurement))


def _growth(
    sums: Mapping[tuple[str, ...], Predicted], entries: Mapping[tuple[str, ...], Predicted], part: str
) -> Predicted | None:
    whole, single = (each.get((part,)) for each in (sums, entries))
    if whole is None or single is None or whole.exponent is None or single.exponent is None:
        return None
    return Predicted(whole.exponent - single.exponent, whole.is_upper)


def together(prediction: Prediction) -> Prediction:
    """The prediction with what weight decay makes of a step joined to the rest of the step, as it is measured."""
    terms: dict[tuple[str, ...], Predicted] = {}
    for term, each in prediction.terms.items():
        name = tuple(DECAYED.get(part, part) for part in term)
        terms[name] = _larger(terms[name], each) if name in terms else each
    return Prediction(prediction.quantity, prediction.t, prediction.total, terms)


def _larger(one: Predicted, other: Predicted) -> Predicted:
    if one.exponent == other.exponent:
        return Predicted(one.exponent, one.is_upper and other.is_upper)
    return max(one, other, key=lambda each: -math.inf if each.exponent is None else each.exponent)
