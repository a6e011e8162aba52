"""A transformer with adapters: its gradients against autograd, and its derived exponents against measured slopes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from gamma_calc import Problem, exponents
from gamma_calc.errors import BadInput
from gamma_calc.program.problem import program_of
from gamma_calc.program.transformer import PROJECTIONS, Adapters, transformer
from gamma_calc.simulation.program_sizes import ProgramExperiment, program_sizes
from tests.simulation.problem_runs import gradient, runs, tensors, whole

FIXED = {"rank": 3, "batch": 2, "token": 3, "key": 3, "heads": 2, "vocabulary": 5, "outputs": 2}
SIZES = {**FIXED, "width": 8, "out": 8, "hidden": 8, "head": 4}
SCALE, LOGITS = 0.5, 0.3


def forward(w: Mapping[str, Tensor], blocks: int, adapted: tuple[str, ...], norm: str) -> dict[str, Tensor]:
    """The network in plain torch: batch, token, features."""

    def normed(z: Tensor) -> Tensor:
        centred = z - z.mean(-1, keepdim=True) if norm == "layer" else z
        return centred / centred.square().mean(-1, keepdim=True).sqrt()

    def projected(name: str, block: int, x: Tensor) -> Tensor:
        value = x @ w[f"W_{name}[{block}]"].T
        if name in adapted:
            value = value + SCALE * x @ w[f"A_{name}[{block}]"].T @ w[f"B_{name}[{block}]"].T
        return value

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (SIZES["heads"], SIZES["head"])).transpose(1, 2)

    z, found = torch.einsum("nv,vtb->btn", w["E"], w["tokens"]), {}
    for block in range(1, blocks + 1):
        u = normed(z)
        q, k, v = (heads(projected(each, block, u)) for each in "qkv")
        logits = LOGITS * q @ k.transpose(-1, -2)
        o = (logits.softmax(-1) @ v).transpose(1, 2).flatten(-2)
        z = z + projected("o", block, o)
        u = normed(z)
        g = torch.nn.functional.silu(projected("gate", block, u)) * projected("up", block, u)
        z = z + projected("down", block, g)
        found[f"mlp[{block}]"] = z.permute(2, 1, 0)
    return {**found, "f": (normed(z) @ w["R"].T).permute(2, 1, 0)}


@pytest.mark.parametrize(("norm", "blocks", "adapted"), [("rms", 2, ("q", "v")), ("layer", 1, PROJECTIONS)])
def test_a_transformer_is_what_torch_makes_of_it(norm: str, blocks: int, adapted: tuple[str, ...]) -> None:
    problem = transformer(blocks, Adapters(adapted, init=("-1/2", "-1/2")), norm=norm)
    data = tensors(problem, SIZES)
    data = {name: value if name in ("tokens", "df") else 0.4 * value for name, value in data.items()}
    for step, before, after in runs(problem, SIZES, data, {"s": SCALE, "c": LOGITS}, steps=2):
        for seed in range(2):
            now = {name: value[seed] for name, value in {**data, **after}.items()}
            state = {name: value[seed].clone().requires_grad_() for name, value in {**data, **before}.items()}
            values, then = (forward(each, blocks, adapted, norm) for each in (now, state))
            (then["f"] * data["df"][seed]).sum().backward()
            for name in (name for name in before if name[0] in "AB"):
                expected = state[name].grad
                assert expected is not None
                torch.testing.assert_close(gradient(step, name, before[name])[seed], expected, rtol=1e-10, atol=1e-12)
            for name, value in values.items():
                changed = (value - then[name]).detach()
                for found, wanted in ((name, value), (f"Delta_{name}", changed)):
                    total = whole(step.quantities[found], torch.zeros(2, *wanted.shape))[seed]
                    torch.testing.assert_close(total, wanted, rtol=1e-9, atol=1e-11)


def small(init: tuple[str, str], rates: tuple[str, str]) -> Problem:
    """Two blocks with adapters on v, as THEORY's traced Llama has them, and logits over d."""
    return transformer(2, Adapters(("v",), init, rates), attention="-1")


SCHEMES = {
    "init-a": (
        small(("-1/2", "zero"), ("-1/2", "-1/2")),
        {"Z_A_v": "1/2", "Z_B_v": "0"},
        {"Z_A_v": "1/2", "Z_B_v": "0"},
    ),
    "init-b": (small(("zero", "0"), ("-1", "-1")), {"Z_A_v": "0", "Z_B_v": "0"}, {"Z_A_v": "0", "Z_B_v": "0"}),
    "lora-plus from A": (
        small(("-1/2", "zero"), ("-1", "0")),
        {"Z_A_v": "0", "Z_B_v": "0"},
        {"Z_A_v": "1/2", "Z_B_v": "1/2"},
    ),
    "lora-plus from B": (small(("zero", "0"), ("-1", "0")), {"Z_A_v": "0", "Z_B_v": "0"}, {"Z_A_v": "0", "Z_B_v": "0"}),
}
"""A problem, and the exponents at step 2 in its first and in its second block."""
FAST = ("lora-plus from A",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in SCHEMES]
)
def test_what_adapters_below_do_to_one_above(name: str) -> None:
    problem, first, second = SCHEMES[name]
    sizes = exponents(problem, steps=2)[2].sizes
    assert {each: str(sizes[f"{each}[1]"]) for each in first} == first
    assert {each: str(sizes[f"{each}[2]"]) for each in second} == second


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_slopes_are_the_exponents_derived(name: str) -> None:
    """Of the adapters' features, the streams, the logits and the output; of a bound, that nothing is larger."""
    problem, *_ = SCHEMES[name]
    measured = program_sizes(ProgramExperiment(program_of(problem.scheme), (2**7, 2**9), 12, 2, first=FIXED))
    wholes = {key[:2]: square for key, square in measured.mean_square.items() if key[2] is None}
    medians = {key: np.median(square, axis=1) for key, square in wholes.items()}
    slopes = {key: math.log2(wide / narrow) / 4 for key, (narrow, wide) in medians.items()}
    wrong = []
    for step in exponents(problem, steps=2).steps:
        for each, size in step.sizes.items():
            if each.startswith(("Z_", "attention", "mlp", "logits", "f")) and str(size) != "-oo":
                above = slopes[step.t, each] - float(Fraction(str(size.upper)))
                if above > 0.25 or (size.is_exact and above < -0.25):
                    wrong.append((step.t, each, str(size), round(slopes[step.t, each], 2)))
    assert wrong == []


def test_logits_over_the_root_of_a_growing_head_grow_with_what_q_learns() -> None:
    """Of logits that grow, what a softmax makes is only bounded; over d instead of its root they do not grow."""
    ends = {}
    for attention in ("-1/2", "-1"):
        adapters = Adapters(("q",), rates=("-1/2", "-1/2"))
        ends[attention] = exponents(transformer(1, adapters, attention=attention), steps=2)[2].sizes
    assert [str(ends[each]["logits[1]"]) for each in ends] == ["1/2", "0"]
    assert [ends[each]["Delta_attention[1]"].is_exact for each in ends] == [False, True]
    growing_heads = exponents(transformer(1, adapters, heads=1, attention="-1/2"), steps=2)[2].sizes
    assert str(growing_heads["logits[1]"]) == "0"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: transformer(norm="batch"), "norm: found 'batch', expected one of rms, layer"),
        (lambda: transformer(heads="1/2"), "both grow"),
        (lambda: transformer(attention="x"), "attention: found 'x'"),
        (lambda: Adapters(on=("query",)), "a projection: found 'query'"),
    ],
    ids=["norm", "heads", "attention", "projection"],
)
def test_what_is_refused(write, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput, match=said):
        write()
