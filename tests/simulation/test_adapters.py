"""Adapters against PEFT's own layers, and their derived exponents against measured slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest
import torch
from peft import LoraConfig, VeraConfig, get_peft_model
from torch import Tensor, nn

from gamma_calc import Problem, derive, exponents
from gamma_calc.algebra import Affine
from gamma_calc.program.adapters import ADAPTERS, dora, lora, lora_fa, lora_xs, pissa, rslora, three_factors, vera
from gamma_calc.program.problem import program_of
from gamma_calc.simulation.program_sizes import ProgramExperiment, program_sizes
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from tests.simulation.problem_runs import gradient, runs, tensors, whole

SIZES = {"width": 8, "out": 6, "rank": 3, "rank_out": 3, "batch": 4}
ALPHA = 6.0
D_INITIAL = 0.1

Weights = Mapping[str, Tensor]


class Alone(nn.Module):
    """A linear layer that PEFT can wrap."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
        self.layer.weight = nn.Parameter(weight.clone())

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.layer(x)
        return value


@dataclass(frozen=True)
class Case:
    """A problem beside PEFT's layer: how the layer is made, and its own tensor for each of the problem's."""

    problem: Problem
    config: object
    scale: float
    owners: Mapping[str, str]
    """PEFT's parameter, by the problem's."""
    has_frozen_part: bool = False
    """Whether the output of the problem has W Z in it."""
    offsets: Mapping[str, Callable[[Weights], Tensor]] = field(default_factory=dict)
    """What a trained tensor of the problem is counted from, in PEFT's layer."""


def factors(**more: bool) -> LoraConfig:
    return LoraConfig(r=SIZES["rank"], lora_alpha=ALPHA, target_modules=["layer"], **more)


LORA = {"A": "lora_A.default.weight", "B": "lora_B.default.weight"}
CASES = {
    "lora": Case(lora(), factors(), ALPHA / SIZES["rank"], LORA),
    "lora from both": Case(pissa(), factors(), ALPHA / SIZES["rank"], LORA),
    "lora-fa": Case(lora_fa(), factors(), ALPHA / SIZES["rank"], LORA),
    "rslora": Case(rslora(), factors(use_rslora=True), ALPHA / math.sqrt(SIZES["rank"]), LORA),
    "dora": Case(
        dora(),
        factors(use_dora=True),
        ALPHA / SIZES["rank"],
        {**LORA, "m": "lora_magnitude_vector.default.weight"},
        has_frozen_part=True,
        offsets={"m": lambda w: w["W"].norm(dim=1)},
    ),
    "vera": Case(
        vera(),
        VeraConfig(r=SIZES["rank"], target_modules=["layer"], d_initial=D_INITIAL, projection_prng_key=0),
        1.0,
        {"d": "vera_lambda_d.default", "b": "vera_lambda_b.default"},
        offsets={"d": lambda w: w["d_0"]},
    ),
}


def peft_layer(case: Case, weights: Weights, frozen: Tensor) -> nn.Module:
    """PEFT's model with the problem's values in it."""
    model: nn.Module = get_peft_model(Alone(frozen), case.config).double()  # type: ignore[arg-type]
    named = {name.partition("layer.")[2]: value for name, value in model.named_parameters()}
    with torch.no_grad():
        for name, owner in case.owners.items():
            offset = case.offsets[name](weights) if name in case.offsets else 0.0
            named[owner].copy_(weights[name] + offset)
        for buffers, name in (("vera_A", "A"), ("vera_B", "B")):
            if hasattr(model.base_model, buffers):
                getattr(model.base_model, buffers)["default"].copy_(weights[name])
    return model


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_adapter_is_pefts(case: Case) -> None:
    data = tensors(case.problem, SIZES)
    frozen = data.get("W", torch.randn(2, SIZES["out"], SIZES["width"], dtype=torch.float64))
    if "d_0" in data:
        data["d_0"] = torch.full_like(data["d_0"], D_INITIAL)
    scalars = {"s": case.scale, "c_m": 1 / math.sqrt(SIZES["width"])}
    output = case.problem.output.name
    for step, before, _ in runs(case.problem, SIZES, data, scalars):
        for seed in range(2):
            state = {name: value[seed] for name, value in {**data, **before}.items()}
            model = peft_layer(case, state, frozen[seed])
            value = model(state["Z"].T).T
            (value * state[f"d{output}"]).sum().backward()
            gradients = {name.partition("layer.")[2]: each.grad for name, each in model.named_parameters()}
            for name, owner in case.owners.items():
                if name in step.changes and not step.changes[name].is_zero:
                    mine = gradient(step, name, before[name])[seed]
                    assert gradients[owner] is not None
                    torch.testing.assert_close(mine, gradients[owner], rtol=1e-10, atol=1e-10)
            change = whole(step.quantities[f"Delta_{output}"], data[f"d{output}"])[seed]
            now = whole(step.quantities[output], data[f"d{output}"])[seed]
            expected = value if case.has_frozen_part else value - frozen[seed] @ state["Z"]
            torch.testing.assert_close(now - change, expected.detach(), rtol=1e-10, atol=1e-10)


def test_three_factors_have_the_gradients_of_autograd() -> None:
    problem = three_factors(init=("-1/2", "0", "0"))
    data = tensors(problem, SIZES)
    for step, before, _ in runs(problem, SIZES, data, {"s": 0.5}):
        weights = {name: value.clone().requires_grad_() for name, value in before.items()}
        (0.5 * data["dZ_B"] * (weights["B"] @ weights["M"] @ weights["A"] @ data["Z"])).sum().backward()
        for name, weight in weights.items():
            assert weight.grad is not None
            torch.testing.assert_close(gradient(step, name, weight), weight.grad, rtol=1e-10, atol=1e-10)


STEPS, TOLERANCE = 3, 0.1
"""Of a slope between two widths; exponents of the adapters here are multiples of 1/4."""
DORA = {"eta_A": 4.0, "eta_B": 0.05, "eta_m": 0.3}
"""A first step of -1 would cancel DoRA's magnitude, and B A n^(-1/2) below W bends its norm, the less the smaller B."""
RANKS, PREFACTORS = {"rank": 5, "rank_out": 5}, {"eta_A": 2.0, "eta_B": 2.0}
EDGES: Mapping[str, tuple[Problem, Mapping[str, str]]] = {
    "lora-fa": (lora_fa(), {"eta": "0"}),
    "rslora at n^(1/2)": (rslora(), {"eta": "-5/8", "rho": "1/2"}),
    "vera": (vera(), {"eta": "0"}),
    "lora-xs": (lora_xs(), {"eta": "1/2"}),
    "lora-xs, stable inside": (lora_xs(), {"eta": "0"}),
    "three factors": (three_factors(), {"eta": "-1"}),
    "dora": (dora(), {"eta": "-1/2", "eta_m": "0"}),
}


def local_slopes(problem: Problem, at: Mapping[str, str], widths: tuple[int, int]) -> dict[tuple[int, str], float]:
    scheme = problem.scheme.at({name: Affine.of(Fraction(value)) for name, value in at.items()})
    k = DORA if problem.name == "dora" else PREFACTORS
    experiment = ProgramExperiment(program_of(scheme), widths, 8, STEPS, prefactors=k, first=RANKS)
    wholes = {key[:2]: square for key, square in program_sizes(experiment).mean_square.items() if key[2] is None}
    means = {key: square.mean(axis=1) for key, square in wholes.items()}
    octaves = math.log2(widths[1] / widths[0])
    return {key: math.log2(wide / narrow) / 2 / octaves for key, (narrow, wide) in means.items()}


@pytest.mark.parametrize(("problem", "at"), EDGES.values(), ids=EDGES)
def test_slopes_are_the_exponents_derived(problem: Problem, at: Mapping[str, str]) -> None:
    widths = (2**7, 2**8) if problem.name == "dora" else (2**10, 2**12)
    slopes = local_slopes(problem, at, widths)
    found = exponents(problem, steps=STEPS, at=at)
    predicted = {(step.t, name): size for step in found.steps for name, size in step.sizes.items()}
    assert {key for key, size in predicted.items() if str(size) != "-oo"} == set(slopes)
    wrong = [
        (*key, str(size), round(slopes[key], 2))
        for key, size in predicted.items()
        if key in slopes and abs(slopes[key] - float(Fraction(str(size.upper)))) > TOLERANCE
    ]
    assert not wrong


def singular(width: int) -> dict[str, Tensor]:
    """PiSSA's factors: the leading singular vectors of a random W, each times the root of its singular value."""
    generator = torch.Generator().manual_seed(3)
    drawn = {"Z": (3,), "dZ_B": (3,), "W": (width,)}
    found = {
        name: torch.randn(4, width, *more, generator=generator, dtype=torch.float64) for name, more in drawn.items()
    }
    u, s, v = torch.linalg.svd(found.pop("W") / math.sqrt(width))
    rank = RANKS["rank"]
    roots = s[:, :rank].sqrt()
    return {**found, "A": roots[:, :, None] * v[:, :rank], "B": u[:, :, :rank] * roots[:, None, :]}


def test_singular_vectors_of_a_random_weight_have_the_exponents_of_independent_factors() -> None:
    at, widths = {"eta": "-1/2"}, (2**7, 2**9)
    program = program_of(pissa().scheme.at({"eta": Affine.of(Fraction(-1, 2))}))
    sizes: list[dict[tuple[int, str], float]] = []
    for width in widths:
        rates = dict.fromkeys("AB", 2 / math.sqrt(width))
        run = trained_in_torch(program, TorchReading(program.optimizer, singular(width), rates, {"s": 1.0}), STEPS)
        values = {(step.t, name): value for step in run for name, value in step.quantities.items()}
        sizes.append({key: float(sum(each for _, each in value).square().mean()) for key, value in values.items()})
    slopes = {key: math.log2(sizes[1][key] / size) / 4 for key, size in sizes[0].items()}
    found = exponents(pissa(), steps=STEPS, at=at)
    predicted = {
        (step.t, name): float(Fraction(str(size))) for step in found.steps for name, size in step.sizes.items()
    }
    wrong = {key: (value, slopes[key]) for key, value in predicted.items() if abs(value - slopes[key]) > 2 * TOLERANCE}
    assert not wrong


EDGE = {"lora-fa": "0", "rslora": "-rho/4 - 1/2", "vera": "0", "lora-xs": "1/2", "pissa": "-1/2"}
"""The largest stable rate. For rsLoRA it is muA's -1/2 - (1 - k) rho/2 at k = 1/2 (arXiv:2602.06204)."""


@pytest.mark.parametrize("name", EDGE)
def test_the_largest_stable_rate(name: str) -> None:
    assert derive(ADAPTERS[name]()).max_stable["eta"].value == EDGE[name]


def test_dora_is_efficient_where_lora_is_and_its_magnitude_moves() -> None:
    found = derive(dora()).conditions
    assert str(found["stable"]) == "eta <= -1/2 and eta_m <= 0"
    assert str(found["efficient"]) == "eta = -1/2 and eta_m = 0"


def test_a_rate_above_the_edge_is_not_stable() -> None:
    """What is derived of the edge is not true beside it."""
    slopes = local_slopes(vera(), {"eta": "1/2"}, (2**10, 2**12))
    assert slopes[STEPS, "Z_B"] > 0.4


@pytest.mark.parametrize("optimizer", ["adam", "sign", "sgd"])
def test_no_part_of_the_change_of_a_direction_is_larger_than_the_whole(optimizer: str) -> None:
    """Where A's step leads, what it changes is n^(1/2), as measured; its norm divides it by what it has become."""
    found = exponents(replace(dora(init=("zero", "0")), optimizer=optimizer), steps=1, at={"eta": "-1/4", "eta_m": -2})
    assert [str(found[1].sizes[name]) for name in ("Delta_Y", "delta_A")] == ["1/2", "1/2"]
