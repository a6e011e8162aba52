"""The probe against plain formulas on the same run, and its manners."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from gamma_calc import derive
from gamma_calc.errors import BadInput
from gamma_calc.huggingface import Observation, Probe, init_lora_, lora_adapters, scheme_optimizer
from gamma_calc.huggingface.block_products import TERMS
from tests.huggingface.models import IDS, gpt2, llama, logits, wrapped

STEPS = 3


def loss(model: PeftModel) -> Tensor:
    return model(input_ids=IDS, labels=IDS).loss


def snapshot(model: PeftModel) -> list[tuple[Tensor, Tensor]]:
    return [(each.A.detach().double().clone(), each.B.detach().double().clone()) for each in lora_adapters(model)]


def plainly(
    z: Tensor, scale: float, initial: tuple, before: tuple, after: tuple, kept: tuple = (1.0, 1.0)
) -> dict[tuple, float]:
    """Every quantity and term as its definition says, with the whole output formed.

    `kept` is what weight decay has left of the initial part before and after the step.
    """
    (a0, b0), (a1, b1), (a2, b2), (first, last) = initial, before, after, kept
    early = {"A_0": first * a0, "U_A": a1 - first * a0, "dA": a2 - a1}
    early |= {"B_0": first * b0, "U_B": b1 - first * b0, "dB": b2 - b1}
    late = {"A_0": last * a0, "U_A": a2 - last * a0, "B_0": last * b0, "U_B": b2 - last * b0}
    found = {}
    for name, terms in TERMS.items():
        parts = early if "elta" in name else late
        values = []
        for term in terms:
            factors = [parts[part] for part in term]
            product = factors[0] if len(factors) == 1 else scale * factors[0] @ factors[1]
            values.append(product if name in ("A", "B") else product @ z.T)
        for term, value in zip((*terms, None), (*values, sum(values)), strict=True):
            found[name, term] = float(value.square().mean())
    return found


@pytest.mark.parametrize("name", ["init-a", "init-b", "init-ab"])
@pytest.mark.parametrize(("kind", "decay"), [("llama", 0.0), ("llama", 2.0), ("gpt2", 0.0)])
def test_every_quantity_and_term_is_what_its_definition_says(name: str, kind: str, decay: float) -> None:
    model = wrapped(llama(), lora_alpha=8) if kind == "llama" else wrapped(gpt2(), ("c_attn",), fan_in_fan_out=True)
    init_lora_(model.eval(), name)  # without dropout, so that inputs can be seen again
    seen: dict[str, Tensor] = {}
    for each in lora_adapters(model):
        each.layer.register_forward_pre_hook(lambda _, x, key=each.name: seen.update({key: x[0].detach()}))
    optimizer = scheme_optimizer(model, name, 0.05, base_width=16, weight_decay=decay)
    left = 1 - 0.05 * decay
    states, inputs = [snapshot(model)], []
    with Probe(model, optimizer) as probe:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss(model).backward()
            inputs.append({key: z.flatten(0, 1).double() for key, z in seen.items()})
            optimizer.step()
            states.append(snapshot(model))
    observations = probe.observations
    assert len(observations) == STEPS * len(lora_adapters(model))
    for found in observations:
        index = next(i for i, each in enumerate(lora_adapters(model)) if each.name == found.layer)
        scale = lora_adapters(model)[index].scale
        z = inputs[found.t - 1][found.layer]
        initial, before, after = (states[t][index] for t in (0, found.t - 1, found.t))
        expected = plainly(z, scale, initial, before, after, (left ** (found.t - 1), left**found.t))
        assert found.input == pytest.approx(float(z.square().mean()), rel=1e-5)
        assert set(found.mean_square) == set(expected)
        for key, value in expected.items():
            assert found.mean_square[key] == pytest.approx(value, rel=1e-3, abs=1e-12), (key, found.t)


def observed(name: str = "init-a", **options: int) -> tuple[Observation, ...]:
    return probed(name, **options).observations


def probed(name: str = "init-a", **options: int) -> Probe:
    model = init_lora_(wrapped(llama(64)), name)
    optimizer = scheme_optimizer(model, name, 0.05, base_width=16)
    with Probe(model, optimizer, **options) as probe:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()
    return probe


def test_gradients_slopes_and_epsilon() -> None:
    """With B = 0 the raw gradient of B is the sum of dL/dZbar times Z_A over positions."""
    model = init_lora_(wrapped(), "init-a")
    optimizer = scheme_optimizer(model, "init-a", 0.05, base_width=16)
    with Probe(model, optimizer) as probe:
        loss(model).backward()
        gradient = lora_adapters(model)[0].B.grad.square().mean()
        optimizer.step()
    first = probe.observations[0]
    assert first.gradient_A == 0 and first.gradient_B == pytest.approx(float(gradient), rel=1e-5)
    assert first.epsilon_ratio == pytest.approx(math.sqrt(float(gradient)) / 1e-8, rel=1e-4)
    assert first.output_gradient > 0


@pytest.mark.parametrize("epsilons", [(1e-3, 1e-8), (1e-8, 1e-3), (1e-3, 0.0), (0.0, 0.0)])
def test_each_gradient_is_held_against_its_own_factor_s_epsilon(epsilons: tuple[float, float]) -> None:
    model = init_lora_(wrapped(), "init-ab")
    factors = [[each.A for each in lora_adapters(model)], [each.B for each in lora_adapters(model)]]
    groups = [{"params": members, "eps": eps} for members, eps in zip(factors, epsilons, strict=True)]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    with Probe(model, optimizer) as probe:
        loss(model).backward()
        sizes = [float(members[0].grad.square().mean().sqrt()) for members in factors]
        optimizer.step()
    expected = min(size / eps if eps else math.inf for size, eps in zip(sizes, epsilons, strict=True))
    assert probe.observations[0].epsilon_ratio == pytest.approx(expected, rel=1e-4)


def test_decay_moves_a_at_step_one_and_leaves_its_updates_exactly_zero() -> None:
    model = init_lora_(wrapped(), "init-a")
    optimizer = scheme_optimizer(model, "init-a", 0.05, base_width=16, weight_decay=0.01)
    with Probe(model, optimizer) as probe:
        loss(model).backward()
        optimizer.step()
    for each in probe.observations:
        assert each.gradient_A == 0 == each.mean_square["A", ("U_A",)]
        assert each.mean_square["delta_3", None] > 0


class Decoupled(torch.optim.Optimizer):
    """Sign descent with decoupled decay, of which its groups say nothing, as those of older AdamWs."""

    def __init__(self, groups: list, lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(group["lr"] * parameter.grad.sign())


class Unmade(Decoupled):
    """An optimiser that is not made like torch's."""

    def __init__(self, groups: list, *, rate: float) -> None:
        super().__init__(groups, rate, 0.5)


OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, float], bool]] = {
    "AdamW": (torch.optim.AdamW, {}, True),
    "Adam": (torch.optim.Adam, {}, False),
    "SGD": (torch.optim.SGD, {}, True),
    "SGD-with-momentum": (torch.optim.SGD, {"momentum": 0.9}, False),
    "RMSprop": (torch.optim.RMSprop, {}, False),
    "Muon": (torch.optim.Muon, {}, True),
    "of-others": (Decoupled, {}, True),
}
"""Optimisers, and whether their weight decay is apart from the step."""


def once(optimizer: torch.optim.Optimizer, model: PeftModel) -> tuple[Observation, ...]:
    with Probe(model, optimizer) as probe:
        loss(model).backward()
        optimizer.step()
    return probe.observations


@pytest.mark.parametrize(("kind", "options", "is_apart"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_decay_is_no_update_where_the_optimiser_has_it_apart(
    kind: type[torch.optim.Optimizer], options: dict[str, float], is_apart: bool
) -> None:
    model = init_lora_(wrapped(), "init-a")
    factors = [factor for each in lora_adapters(model) for factor in (each.A, each.B)]
    for each in once(kind(factors, lr=0.03, weight_decay=0.7, **options), model):
        assert each.gradient_A == 0 < each.mean_square["delta_3", None]
        assert (each.mean_square["A", ("U_A",)] == 0) == is_apart


def test_what_decay_does_is_asked_where_an_optimiser_cannot_be_tried() -> None:
    model = init_lora_(wrapped(), "init-a")
    optimizer = Unmade([factor for each in lora_adapters(model) for factor in (each.A, each.B)], rate=0.03)
    with pytest.raises(BadInput, match=r'Unmade with weight decay.*"decoupled_weight_decay"\] = True'):
        Probe(model, optimizer)
    optimizer.param_groups[0]["decoupled_weight_decay"] = True
    assert all(each.mean_square["A", ("U_A",)] == 0 for each in once(optimizer, model))


def test_measured_alignments_are_means_over_layers_that_a_derivation_takes() -> None:
    probe = probed()
    last = [each.alignment for each in probe.observations if each.t == STEPS]
    found = probe.alignments
    assert found["aligned"] == pytest.approx(sum(each["U_A"] for each in last) / len(last), abs=0.005)
    assert 0.5 <= found["independent"] < found["aligned"] <= 1
    asked = {kind: str(value) for kind, value in found.items()}
    largest = derive("init-b", align=asked).max_stable["eta"].exponent
    assert largest == -Fraction(asked["aligned"])  # and -1 under the calculus's own


def test_a_first_update_is_aligned_with_its_input_and_the_initial_part_is_not() -> None:
    last = [each.alignment for each in observed() if each.t == STEPS]
    assert all(0.35 < each["A_0"] < 0.65 for each in last)
    assert all(each["U_A"] > each["A_0"] + 0.1 for each in last)
    assert all("U_A" not in each.alignment for each in observed() if each.t == 1)  # it is zero: no exponent


def test_a_sample_of_the_positions_estimates_the_mean() -> None:
    whole, part = observed(), observed(samples=4)
    for one, other in zip(whole, part, strict=True):
        assert one.mean_square["A", None] == other.mean_square["A", None]
        assert other.mean_square["Z_A", None] == pytest.approx(one.mean_square["Z_A", None], rel=0.9)
    assert any(one.input != other.input for one, other in zip(whole, part, strict=True))


def test_hooks_are_gone_afterwards_also_after_an_error() -> None:
    model = init_lora_(wrapped(), "init-a")
    optimizer = scheme_optimizer(model, "init-a", 0.05, base_width=16)
    probe = Probe(model, optimizer)
    with pytest.raises(RuntimeError, match="stop"), probe:
        assert any(module._forward_hooks for module in model.modules())
        raise RuntimeError("stop")
    assert not any(module._forward_hooks for module in model.modules())
    loss(model).backward()
    optimizer.step()
    assert probe.observations == ()


def test_training_is_the_same_with_and_without_a_probe() -> None:
    ends = []
    for is_probed in (False, True):
        model = init_lora_(wrapped(), "init-a", generator=torch.Generator().manual_seed(0))
        optimizer = scheme_optimizer(model, "init-a", 0.05, base_width=16)
        if is_probed:
            with Probe(model, optimizer):
                loss(model).backward()
                optimizer.step()
        else:
            loss(model).backward()
            optimizer.step()
        ends.append(logits(model))
    assert torch.equal(*ends)


def test_an_evaluation_between_steps_is_not_looked_at() -> None:
    model = init_lora_(wrapped(), "init-a")
    optimizer = scheme_optimizer(model, "init-a", 0.05, base_width=16)
    with Probe(model, optimizer) as probe:
        loss(model).backward()
        with torch.no_grad():
            model(input_ids=IDS * 0)
        optimizer.step()
    with Probe(model, optimizer) as other:
        optimizer.step()
    assert len({each.input for each in probe.observations}) > 1 and other.observations == ()


def test_refusals() -> None:
    model = init_lora_(wrapped(), "init-a")
    with pytest.raises(BadInput, match="holds none"):
        Probe(model, torch.optim.SGD(wrapped().parameters(), lr=0.1))
    with pytest.raises(BadInput, match="samples"):
        Probe(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=0)
