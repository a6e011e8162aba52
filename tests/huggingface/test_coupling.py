"""Adapters of a deep model are not alone: what the theory of one module leaves out, measured with its control.

Once an upper adapter has B_1 != 0, the gradient of a lower layer passes through its A_0, so from step 3 on the upper
layer's inputs have moved along A_0, and A_0 Z is no longer an independent sum. LoRA+ feels it first: with B = Theta(1)
that part of the gradient leads. Cut that path (values as they are, no gradient through it), and the sum is independent.
"""

from __future__ import annotations

import torch

from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.huggingface import Probe, init_lora_, lora_adapters, scheme_optimizer
from gamma_calc.program.catalogue import CATALOGUE
from validation.architectures import family_model, linear_readout

WIDTH, SEEDS, STEPS = 512, 5, 3
UPPER = "layers.1.self_attn.v_proj"


def alignment(*, is_cut: bool) -> float:
    """The mean alignment of A_0 Z in the upper value projection after the last step."""
    scheme, found = at_largest_rate(CATALOGUE["lora-plus-a"]), []
    for seed in range(SEEDS):
        model = init_lora_(family_model("llama", WIDTH, seed), scheme, generator=torch.Generator().manual_seed(seed))
        for each in lora_adapters(model):
            if is_cut and "layers.1" in each.name:
                each.lora_A.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
        optimizer = scheme_optimizer(model, scheme, 1.0, base_width=1)
        with Probe(model, optimizer) as probe:
            for _ in range(STEPS):
                optimizer.zero_grad()
                linear_readout(model, seed).backward()
                optimizer.step()
        found += [each.alignment["A_0"] for each in probe.observations if each.t == STEPS and UPPER in each.layer]
    return sum(found) / len(found)


def test_an_upper_adapter_s_inputs_come_to_know_its_initial_value_through_the_gradient_below() -> None:
    coupled, cut = alignment(is_cut=False), alignment(is_cut=True)
    assert abs(cut - 0.5) < 0.04
    assert coupled > cut + 0.05
