"""The undamped heavy ball: a step is taken along m = beta m + G in place of the gradient G.

Source: Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).
"""

from __future__ import annotations

from torch import Tensor


class HeavyBall:
    """The momentum of one factor."""

    def __init__(self, beta: float) -> None:
        self.beta = beta
        self._momentum: Tensor | None = None

    def rolled(self, gradient: Tensor) -> Tensor:
        """m after one more gradient; the gradient itself where beta is zero.

        The gradient may be written over afterwards, the result is not to be.
        """
        if not self.beta:
            return gradient
        if self._momentum is None:
            self._momentum = gradient.clone()
        else:
            self._momentum.mul_(self.beta).add_(gradient)
        return self._momentum
