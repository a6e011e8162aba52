"""What is recorded of a student along training: losses, and the sizes of the factors, the features and their changes.

All root mean squares come from Grams of the rank's size. With the factor B [n, r] and features z = A H [r, N]

    |B z|^2 = <B^T B, z z^T>,

and with the change of step t stacked below what it changed, the Grams of [B, dB] and of [z; dz] hold, block by block,

    delta_1 = B dz,    delta_2 = dB z,    delta_3 = dB dz,    Delta Z_B = B dz + dB (z + dz),

all of B and z being those before the step. So no array of all units and points is formed, and a record costs little
beside a step. The Grams are accumulated in float64. The changes are differences of what is stored: in float32 a change
that is a share c of what it changes is known to about 2^-24 / c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

RECORDED = (
    "Z_A",
    "Z_B",
    "training_loss",
    "test_loss",
    "A",
    "B",
    "Delta_Z_B",
    "delta_1",
    "delta_2",
    "delta_3",
)
"""What a record holds, in its order."""


@dataclass(frozen=True, slots=True)
class State:
    """A factor B and the features z = A H on the training points, as they stood at some step, in float64.

    Shapes: b [L, n, r], z [L, r, N].
    """

    b: Tensor
    z: Tensor

    @classmethod
    def of(cls, b: Tensor, z: Tensor) -> Self:
        """A copy of what training goes on to change."""
        return cls(b.to(torch.float64, copy=True), z.to(torch.float64, copy=True))

    def changes(self, after: State) -> Tensor:
        """Delta Z_B, delta_1, delta_2, delta_3 from this state to the next one, as root mean squares, [4, L]."""
        r = self.b.shape[-1]
        dz, db = after.z - self.z, after.b - self.b
        factors = torch.cat([self.b, db], dim=-1)
        # Against B stands dz, against dB the features of afterwards; those of before come last.
        features = torch.cat([dz, after.z, self.z], dim=-2)
        gram_b, gram_z = factors.mT @ factors, features @ features.mT
        old, new, both = slice(0, r), slice(r, 2 * r), slice(0, 2 * r)
        pairs = ((both, both), (old, old), (new, slice(2 * r, 3 * r)), (new, old))
        squares = [(gram_b[:, of_b, of_b] * gram_z[:, of_z, of_z]).sum(dim=(-2, -1)) for of_b, of_z in pairs]
        # A square that rounding left below zero is zero.
        return (torch.stack(squares).clamp(min=0) / (self.b.shape[-2] * self.z.shape[-1])).sqrt()


def record(before: State | None, now: State, a: Tensor, outputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """One record of L copies, [len(RECORDED), L] in float64.

    Shapes: a, which is A or its transpose, [L, n, r]; outputs, which are Z_A, Z_B and the two losses, [L] each.

    Args:
        before: the state one step earlier; None before the first step, where nothing has changed yet.
    """
    sizes = [each.double().square().mean(dim=(-2, -1)).sqrt() for each in (a, now.b)]
    changes = now.z.new_zeros(4, len(now.z)) if before is None else before.changes(now)
    return torch.stack([*outputs, *sizes, *changes])
