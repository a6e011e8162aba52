"""One factor of many LoRA modules in training, worked on a block of columns at a time.

A factor [r, k] meets the rest of its module only through its product with data [k, N]: A through A Z, and B, held
transposed, through B^T dZ. Given the other factor's product, a step of some columns of it depends on these columns
alone, and what the step adds to the product is a sum over blocks of columns. So all of a step's work on a block is done
while the block and its temporaries are in the cache, and no temporary is as large as the factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.steps import GradientStep, HeavyBall, epsilon_ratio, is_nonzero
from gamma_calc.simulation.student_data import blocks

Parts = dict[Term, Tensor]
"""A sum with its terms apart; a term that is identically zero is absent."""

Labels = Mapping[Term, Term]
"""From a part to another."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How a factor moves: W_t = W_{t-1} - eta lambda W_{t-1} - eta g, where `rule` makes g of m_t = beta m_{t-1} + G.

    Shapes: rates, the learning rates eta, [L].

    Args:
        momentum: beta, zero where g is made of the gradient itself.
        decay: lambda, or None where the weights do not decay.
    """

    rates: Tensor
    rule: Raw | Moments
    momentum: float = 0.0
    decay: float | None = None


class FactorBlock:
    """Some columns of a factor, the data that they meet, and the memory of their steps.

    Shapes: data X [S, 1, k, N], parts of the factor [S, L, r, k], where an initial part that does not decay has L = 1.
    """

    def __init__(self, parts: Parts, data: Tensor, moves: Moves) -> None:
        self.parts, self.data = parts, data
        self.ball, self.step = HeavyBall(moves.momentum), GradientStep(moves.rule)
        self.moved: Parts = {}


@dataclass(frozen=True, slots=True)
class BlockStep:
    """What the step of a block adds to the product with the data, and what of the step is not zero.

    Shapes: product [S, L, r, N]; the flags, of the gradient G, of m in its place and of the change, [S, L].
    """

    product: Tensor
    has_gradient: Tensor
    has_momentum: Tensor
    has_change: Tensor


class Factor:
    """One factor, its data, and its products with them; A against Z, or B^T against dZ.

    Shapes: products with X, and what the step under way adds to them, [S, L, r, N]; underflowed [S, L].

    Args:
        initial: [S, r, k], or None for zero.
        data: [S, k, N].
        columns: k of a block; the last one may have fewer.
    """

    def __init__(self, name: str, initial: Tensor | None, data: Tensor, moves: Moves, columns: int) -> None:
        start, updates, self.change = (f"{name}_0",), (f"U_{name}",), (f"d{name}",)
        self.decays: Labels = {start: (f"d{name}_0",), updates: (f"dU_{name}",)}
        self.moved_parts: Labels = {decay: part for part, decay in self.decays.items()} | {self.change: updates}
        self.rates, self.rule, self.columns = moves.rates.view(1, -1, 1, 1), moves.rule, data.shape[1]
        self.shrinking = None if moves.decay is None else -self.rates * moves.decay
        self.blocks = [
            FactorBlock(
                {} if initial is None else {start: self._started(initial[..., cut])}, data[:, cut].unsqueeze(1), moves
            )
            for cut in blocks(data.shape[1], columns)
        ]
        self.products = {} if initial is None else _summed([_products(each.parts, each.data) for each in self.blocks])
        self.has_data = _any([is_nonzero(each.data) for each in self.blocks])
        self.moved_products: Parts = {}
        self.underflowed: Tensor | None = None
        self.epsilon_ratio: Tensor | None = None

    def prepared(self, other: Tensor | None, scale: float, t: int) -> Iterator[FactorBlock]:
        """Each block in turn with its changes of step t, found from the other factor's whole product [S, L, r, N].

        The changes are added where the block is told to `move`. Once all blocks are through, `moved_products` is there.
        """
        self.moved_products, self.underflowed = self._decayed(self.products), None
        if other is not None:
            other = other.expand(-1, self.rates.shape[1], -1, -1)
        steps: list[BlockStep] = []
        for block in self.blocks:
            block.moved = self._decayed(block.parts)
            if other is not None:
                steps.append(self._stepped(block, other, scale, t))
            yield block
        if other is not None:
            self._note(steps, is_nonzero(other))

    def move(self, block: FactorBlock) -> None:
        """Add this step's changes to a block's parts, in place; the changes are not kept."""
        for label, change in block.moved.items():
            part = self.moved_parts[label]
            block.parts[part] = block.parts[part].add_(change) if part in block.parts else change
        block.moved = {}

    def move_products(self) -> None:
        """Add what all blocks changed to the products; those of before are left as they are for who holds them."""
        self.products = dict(self.products)
        for label, change in self.moved_products.items():
            part = self.moved_parts[label]
            self.products[part] = self.products[part] + change if part in self.products else change

    def _started(self, initial: Tensor) -> Tensor:
        """The initial part of a block; one that decays is a tensor of its own at each learning rate."""
        initial = initial.contiguous().unsqueeze(1)
        return initial if self.shrinking is None else initial.repeat(1, self.rates.shape[1], 1, 1)

    def _decayed(self, parts: Parts) -> Parts:
        """What weight decay changes of some parts, or of their products with data."""
        if self.shrinking is None:
            return {}
        return {self.decays[label]: self.shrinking * part for label, part in parts.items()}

    def _stepped(self, block: FactorBlock, other: Tensor, scale: float, t: int) -> BlockStep:
        """Take the step of a block, as far as a change that is not added yet."""
        gradient = contracted(other, block.data.mT).mul_(scale)
        momentum = block.ball.rolled(gradient)
        change = block.step.processed(momentum, t) * -self.rates
        block.moved[self.change] = change
        has_gradient = is_nonzero(gradient)
        has_momentum = has_gradient if momentum is gradient else is_nonzero(momentum)
        return BlockStep(contracted(change, block.data), has_gradient, has_momentum, is_nonzero(change))

    def _note(self, steps: list[BlockStep], has_other: Tensor) -> None:
        """Put the blocks' steps together, and see what of them was rounded to zero."""
        self.moved_products |= _summed([{self.change: step.product} for step in steps])
        has_gradient = _any([step.has_gradient for step in steps])
        has_momentum = _any([step.has_momentum for step in steps])
        has_change = _any([step.has_change for step in steps])
        self.underflowed = (has_other & self.has_data & ~has_gradient) | (has_momentum & ~has_change)
        self._note_epsilon()

    def _note_epsilon(self) -> None:
        """Compare the second moment's root with the epsilon beside it."""
        if not isinstance(self.rule, Moments) or not self.rule.epsilon:
            return
        entries = self.moved_products[self.change].shape[-2] * self.columns
        squares = torch.stack([block.step.root_square for block in self.blocks if block.step.root_square is not None])
        self.epsilon_ratio = epsilon_ratio(squares.sum(dim=0), entries, float(self.rule.epsilon), self.epsilon_ratio)


def contracted(left: Tensor, right: Tensor) -> Tensor:
    """The matrix products of two batches whose second axis is L or 1; a right factor shared by all L is not copied.

    Shapes: left [S, L, p, q], right [S, L, q, k]; returns [S, L, p, k].
    """
    if right.shape[1] > 1:
        return torch.matmul(left, right)
    seeds, rates, rows, columns = left.shape
    folded = torch.bmm(left.reshape(seeds, rates * rows, columns), right.squeeze(1))
    return folded.view(seeds, rates, rows, -1)


def _products(parts: Parts, data: Tensor) -> Parts:
    return {label: contracted(part, data) for label, part in parts.items()}


def _summed(pieces: list[Parts]) -> Parts:
    """The sums of parts that have the same labels."""
    if len(pieces) == 1:
        return pieces[0]
    return {label: torch.stack([piece[label] for piece in pieces]).sum(dim=0) for label in pieces[0]}


def _any(flags: list[Tensor]) -> Tensor:
    """Where one of some flags of the same shape is set."""
    return flags[0] if len(flags) == 1 else torch.stack(flags).any(dim=0)
