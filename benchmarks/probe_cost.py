"""What the probe of `gamma_calc.huggingface` costs: python -m benchmarks.probe_cost [--width N] [--layers L].

Processor time on one thread, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from gamma_calc.huggingface import Probe, init_lora_, scheme_optimizer

ROUNDS = 21
SEQUENCES, LENGTH = 4, 32


def main() -> None:
    """Time training steps with and without a probe in turn, and print the medians and their ratio."""
    parser = argparse.ArgumentParser(prog="benchmarks.probe_cost", description=main.__doc__)
    parser.add_argument("--width", type=int, default=576, metavar="N")
    parser.add_argument("--layers", type=int, default=8, metavar="L")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = llama(arguments.width, arguments.layers)
    optimizer = scheme_optimizer(model, "init-a", 1e-4, base_width=arguments.width)
    ids = torch.randint(1000, (SEQUENCES, LENGTH))
    plain, probed = [], []
    step(model, optimizer, ids)
    for _ in range(ROUNDS):
        plain.append(timed(model, optimizer, ids))
        with Probe(model, optimizer):
            probed.append(timed(model, optimizer, ids))
    ratio = statistics.median(b / a for a, b in zip(plain, probed, strict=True))
    print(f"width {arguments.width}, {arguments.layers} layers, {SEQUENCES} x {LENGTH} tokens, LoRA r = 8 on q and v:")
    without, with_probe = (1e3 * statistics.median(each) for each in (plain, probed))
    print(f"{without:.0f} ms of processor time a step, {with_probe:.0f} ms with the probe;")
    print(f"the median of the ratios in turn is {ratio:.3f}")


def llama(width: int, layers: int) -> nn.Module:
    """A model of SmolLM2-135M's proportions, fewer layers deep."""
    configuration = LlamaConfig(
        vocab_size=1000,
        hidden_size=width,
        intermediate_size=8 * width // 3,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        max_position_embeddings=LENGTH,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = get_peft_model(
            LlamaForCausalLM(configuration), LoraConfig(r=8, lora_alpha=8, target_modules=["q_proj", "v_proj"])
        )
    return init_lora_(model, "init-a")


def step(model: nn.Module, optimizer: torch.optim.Optimizer, ids: torch.Tensor) -> None:
    """One step of training."""
    optimizer.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()


def timed(model: nn.Module, optimizer: torch.optim.Optimizer, ids: torch.Tensor, steps: int = 3) -> float:
    """Seconds of processor time a step."""
    started = time.process_time()
    for _ in range(steps):
        step(model, optimizer, ids)
    return (time.process_time() - started) / steps


if __name__ == "__main__":
    main()
