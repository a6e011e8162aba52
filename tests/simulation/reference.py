"""A slow LoRA module in float64, written from its definition alone: m x n products, autograd, one seed at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Rule = Callable[[Tensor, int], Tensor]
"""The processed gradient, from the raw gradient and the step; one instance for each factor."""


def raw() -> Rule:
    return lambda gradient, t: gradient


def sign() -> Rule:
    return lambda gradient, t: torch.sign(gradient)


def adam(beta1: float, beta2: float, epsilon: float) -> Rule:
    """Adam as torch.optim has it: the change of a zero parameter at rate 1, so that no rounding hides."""
    parameter: Tensor | None = None
    optimizer: torch.optim.Adam | None = None

    def processed(gradient: Tensor, t: int) -> Tensor:
        nonlocal parameter, optimizer
        if parameter is None or optimizer is None:
            parameter = torch.zeros_like(gradient, requires_grad=True)
            optimizer = torch.optim.Adam([parameter], lr=1.0, betas=(beta1, beta2), eps=epsilon, foreach=False)
        with torch.no_grad():
            parameter.zero_()
        parameter.grad = gradient.clone()
        optimizer.step()
        return -parameter.detach().clone()

    return processed


def heavy_ball(beta: float, rule: Rule) -> Rule:
    """A rule that is given m_t = beta m_{t-1} + G in place of G."""
    momentum: Tensor | None = None

    def processed(gradient: Tensor, t: int) -> Tensor:
        nonlocal momentum
        momentum = gradient if momentum is None else beta * momentum + gradient
        return rule(momentum, t)

    return processed


def gradients(
    a: Tensor, b: Tensor, z: Tensor, dz: Tensor, scale: float, feedback: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The gradients of <dZ, Z_B> + feedback |Z_B|^2 / 2 with Z_B = s B A Z, by autograd."""
    a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
    z_b = scale * (b @ a) @ z
    loss = (dz * z_b + 0.5 * feedback * z_b.square()).sum()
    grad_a, grad_b = torch.autograd.grad(loss, (a, b))
    return grad_a, grad_b


def trained(
    z: Tensor,
    dz: Tensor,
    a_0: Tensor,
    b_0: Tensor,
    scale: float,
    rates: tuple[float, float],
    rules: tuple[Rule, Rule],
    steps: int,
    trains: tuple[bool, bool] = (True, True),
    decays: tuple[float, float] | None = None,
    feedback: float = 0.0,
) -> dict[tuple[int, str, tuple[str, ...] | None], float]:
    """The mean square of every quantity and term after every step, of one seed; decays are lambda of A and of B."""
    shrink_a, shrink_b = (0.0, 0.0) if decays is None else (rates[0] * decays[0], rates[1] * decays[1])
    u_a, u_b = torch.zeros_like(a_0), torch.zeros_like(b_0)
    measured: dict[tuple[int, str, tuple[str, ...] | None], float] = {}
    for t in range(1, steps + 1):
        grad_a, grad_b = gradients(a_0 + u_a, b_0 + u_b, z, dz, scale, feedback)
        d_a = -rates[0] * rules[0](grad_a, t) if trains[0] else torch.zeros_like(a_0)
        d_b = -rates[1] * rules[1](grad_b, t) if trains[1] else torch.zeros_like(b_0)
        move_a = {"dA": d_a, "dA_0": -shrink_a * a_0, "dU_A": -shrink_a * u_a}
        move_b = {"dB": d_b, "dB_0": -shrink_b * b_0, "dU_B": -shrink_b * u_b}
        a = {"A_0": a_0 + move_a["dA_0"], "U_A": u_a + move_a["dU_A"] + d_a}
        b = {"B_0": b_0 + move_b["dB_0"], "U_B": u_b + move_b["dU_B"] + d_b}
        before_a, before_b = {"A_0": a_0, "U_A": u_a}, {"B_0": b_0, "U_B": u_b}
        if decays is None:
            move_a, move_b = {"dA": d_a}, {"dB": d_b}
        sums = {
            "A": {(i,): x for i, x in a.items()},
            "B": {(j,): y for j, y in b.items()},
            "Z_A": {(i,): x @ z for i, x in a.items()},
            "Z_B": {(j, i): scale * (y @ x) @ z for j, y in b.items() for i, x in a.items()},
            "delta_1": {(j, i): scale * (y @ x) @ z for j, y in before_b.items() for i, x in move_a.items()},
            "delta_2": {(j, i): scale * (y @ x) @ z for j, y in move_b.items() for i, x in before_a.items()},
            "delta_3": {(j, i): scale * (y @ x) @ z for j, y in move_b.items() for i, x in move_a.items()},
        }
        sums["Delta_Z_B"] = sums["delta_1"] | sums["delta_2"] | sums["delta_3"]
        for quantity, terms in sums.items():
            for term, value in terms.items():
                measured[t, quantity, term] = float(value.square().mean())
            measured[t, quantity, None] = float(sum(terms.values()).square().mean())
        (a_0, u_a), (b_0, u_b) = a.values(), b.values()
    return measured
