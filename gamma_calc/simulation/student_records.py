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
from typing import NamedTuple

import torch
from torch import Tensor

from gamma_calc.simulation.steps import mean_square


class StudentMeasurement(NamedTuple):
    """What one experiment recorded: losses, and root mean squares over entries and training points.

    Delta_Z_B and its parts delta_1, delta_2, delta_3 are changes of the last step before a record, zero at step 0.

    Shapes: [T, L, S] in float64, each.
    """

    Z_A: Tensor
    Z_B: Tensor
    training_loss: Tensor
    test_loss: Tensor
    A: Tensor
    B: Tensor
    Delta_Z_B: Tensor
    delta_1: Tensor
    delta_2: Tensor
    delta_3: Tensor


RECORDED = StudentMeasurement._fields


@dataclass(frozen=True, slots=True)
class State:
    """The factor B and the features z = A H on the training points of L copies, as they stood at some step.

    Shapes: b [L, n, r], z [L, r, N].
    """

    b: Tensor
    z: Tensor

    def copied(self) -> State:
        """The same, out of reach of what training goes on to write."""
        return State(self.b.clone(), self.z.clone())

    def changes(self, after: State) -> Tensor:
        """Delta Z_B, delta_1, delta_2, delta_3 from this state to the next one, as root mean squares, [4, L]."""
        # One copy at a time: what is formed in float64 is then small enough to stay in the cache.
        pairs = zip(self.b, self.z, after.b, after.z, strict=True)
        grams = [_grams(*(each.double() for each in pair)) for pair in pairs]
        gram_b, gram_z = (torch.stack(each) for each in zip(*grams, strict=True))
        r = self.b.shape[-1]
        old, new, both = slice(0, r), slice(r, 2 * r), slice(0, 2 * r)
        blocks = ((both, both), (old, old), (new, slice(2 * r, 3 * r)), (new, old))
        squares = [(gram_b[:, of_b, of_b] * gram_z[:, of_z, of_z]).sum(dim=(1, 2)) for of_b, of_z in blocks]
        # A square that rounding left below zero is zero.
        return (torch.stack(squares).clamp(min=0) / (self.b.shape[-2] * self.z.shape[-1])).sqrt()


def record(before: State | None, now: State, a: Tensor, outputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """One record of L copies, [len(RECORDED), L] in float64.

    Shapes: a, which is A or its transpose, [L, n, r]; outputs, which are Z_A, Z_B and the two losses, [L] each.

    Args:
        before: the state one step earlier; None before the first step, where nothing has changed yet.
    """
    sizes = [mean_square(each).sqrt() for each in (a, now.b)]
    changes = outputs[0].new_zeros(4, len(now.z)) if before is None else before.changes(now)
    return torch.stack([*outputs, *sizes, *changes])


def _grams(b: Tensor, z: Tensor, new_b: Tensor, new_z: Tensor) -> tuple[Tensor, Tensor]:
    """The Grams of [B, dB], and of dz, the features of afterwards and those of before.

    The first 2 r rows of the second stand against those of the first.

    Shapes: b, new_b [n, r]; z, new_z [r, N]; returns [2 r, 2 r] and [3 r, 3 r].
    """
    factors, features = torch.cat([b.T, (new_b - b).T]), torch.cat([new_z - z, new_z, z])
    return factors @ factors.T, features @ features.T
