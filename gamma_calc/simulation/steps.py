"""The processed gradient of one tensor: the step that an update rule makes of a raw gradient, and its memory."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from gamma_calc.program.optimizers import Factored, Moments, Orthogonalised, Raw, Step


class GradientStep:
    """One rule at work on one batch of tensors; the moments of all of them are kept apart entry by entry."""

    def __init__(self, rule: Step) -> None:
        self.rule = rule
        self._mean: Tensor | None = None
        self._means: tuple[Tensor, Tensor] | None = None
        self._root: Tensor | None = None

    def processed(self, gradient: Tensor, t: int) -> Tensor:
        """g of step t = 1, 2, ...; a step that is left out counts as one whose gradient was zero.

        Shapes: gradient [..., p, q], the same at every step; returns the same.
        """
        match self.rule:
            case Raw():
                return gradient
            case Moments(beta1, beta2, epsilon):
                return self._normalised(gradient, t, float(beta1), float(beta2), float(epsilon))
            case Factored(decay):
                return self._factored(gradient, t ** -float(decay))
            case Orthogonalised(steps, coefficients):
                return orthogonalised(gradient, steps, *map(float, coefficients))

    def _factored(self, gradient: Tensor, share: float) -> Tensor:
        new = [gradient.square().mean(dim=dim, keepdim=True) for dim in (-1, -2)]
        rows, columns = new if self._means is None else map(partial(torch.lerp, weight=share), self._means, new)
        self._means = rows, columns
        root = (rows @ columns / rows.mean(dim=-2, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)).sqrt()
        update = (gradient / root).masked_fill(root == 0, 0)
        return update / mean_square(update).sqrt().to(update).clamp(min=1)[..., None, None]

    def _normalised(self, gradient: Tensor, t: int, beta1: float, beta2: float, epsilon: float) -> Tensor:
        # A root is kept in place of the second moment, whose squares would leave the number range: the root of the sum
        # of squares so far, each times a power of beta2, so that the gradient enters as it is.
        if self._mean is None or self._root is None:
            self._mean, self._root = gradient * (1 - beta1), gradient.abs()
        else:
            self._mean.lerp_(gradient, 1 - beta1)
            torch.hypot(self._root.mul_(math.sqrt(beta2)), gradient, out=self._root)
        share, scale = 1 - beta1**t, math.sqrt((1 - beta2) / (1 - beta2**t))
        divisor = self._root * (share * scale)
        if epsilon > torch.finfo(divisor.dtype).tiny:
            return torch.div(self._mean, divisor.add_(share * epsilon), out=divisor)
        return (self._mean / divisor).masked_fill_(divisor == 0, 0)


def orthogonalised(direction: Tensor, steps: int, a: float, b: float, c: float) -> Tensor:
    """X = D / |D|, then a X + b X X^T X + c (X X^T)^2 X, so many times; on the side of the smaller Gram matrix.

    Shapes: direction [..., p, q]; returns the same.
    """
    if direction.shape[-2] > direction.shape[-1]:
        return orthogonalised(direction.mT, steps, a, b, c).mT
    x = direction / norm(direction).to(direction).clamp(min=torch.finfo(direction.dtype).tiny)[..., None, None]
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def norm(tensor: Tensor) -> Tensor:
    """The root of the sum of squares over the last two axes, accumulated in float64.

    Shapes: tensor [..., p, q]; returns [...].
    """
    found: Tensor = torch.linalg.vector_norm(tensor.flatten(-2), dim=-1, dtype=torch.float64)
    return found


def mean_square(tensor: Tensor) -> Tensor:
    """The mean square over the last two axes, accumulated in float64.

    Shapes: tensor [..., p, q]; returns [...].
    """
    return norm(tensor).square() / (tensor.shape[-1] * tensor.shape[-2])
