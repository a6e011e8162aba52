"""One factor of many LoRA modules in training, worked on a block of columns at a time.

A factor [r, k] meets the rest of its module only through its product with data [k, N]: A through A Z, and B, held
transposed, through B^T dZ. Given the other factor's product, a step of some columns of it depends on these columns
alone, and what the step adds to the product is a sum over blocks of columns. So all of a step's work on a block is done
while the block and its temporaries are in the cache, and no temporary is as large as the factor.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.steps import GradientStep, epsilon_ratio, is_nonzero
from gamma_calc.simulation.student_data import blocks

Parts = dict[Term, Tensor]
"""A sum with its terms apart; a term that is identically zero is absent."""


class FactorBlock:
    """Some columns of a factor, the data that they meet, and the memory of their steps.

    Shapes: data X [S, 1, k, N], parts of the factor [S, L, r, k], where the initial part has L = 1.
    """

    def __init__(self, parts: Parts, data: Tensor, rule: Raw | Moments) -> None:
        self.parts, self.data, self.step = parts, data, GradientStep(rule)
        self.moved: Parts = {}


class Factor:
    """One factor, its data, and its products with them; A against Z, or B^T against dZ.

    Shapes: products with X, and what the step under way adds to them, [S, L, r, N]; underflowed [S, L].

    Args:
        initial: [S, r, k], or None for zero.
        data: [S, k, N].
        rates: the learning rates [L].
        columns: k of a block; the last one may have fewer.
    """

    def __init__(
        self, name: str, initial: Tensor | None, data: Tensor, rates: Tensor, rule: Raw | Moments, columns: int
    ) -> None:
        self.updates, self.change = (f"U_{name}",), (f"d{name}",)
        self.rates, self.rule, self.columns = rates.view(1, -1, 1, 1), rule, data.shape[1]
        self.blocks = [
            FactorBlock(
                {} if initial is None else {(f"{name}_0",): initial[..., cut].contiguous().unsqueeze(1)},
                data[:, cut].unsqueeze(1),
                rule,
            )
            for cut in blocks(data.shape[1], columns)
        ]
        self.products = {} if initial is None else _summed([_products(each.parts, each.data) for each in self.blocks])
        self.has_data = _any([is_nonzero(each.data) for each in self.blocks])
        self.moved_products: Parts = {}
        self.underflowed: Tensor | None = None
        self.epsilon_ratio: Tensor | None = None

    def prepared(self, other: Tensor | None, scale: float, t: int) -> Iterator[FactorBlock]:
        """Each block in turn with its change of step t, found from the other factor's whole product [S, L, r, N].

        The change is added where the block is told to `move`. Once all blocks are through, `moved_products` is there.
        """
        self.moved_products, self.underflowed = {}, None
        if other is None:
            yield from self.blocks
            return
        other = other.expand(-1, self.rates.shape[1], -1, -1)
        products, has_gradient, has_change = [], [], []
        for block in self.blocks:
            gradient = contracted(other, block.data.mT).mul_(scale)
            change = block.step.processed(gradient, t) * -self.rates
            block.moved = {self.change: change}
            products.append(_products(block.moved, block.data))
            has_gradient.append(is_nonzero(gradient))
            has_change.append(is_nonzero(change))
            yield block
        self.moved_products = _summed(products)
        seen, moved = _any(has_gradient), _any(has_change)
        self.underflowed = (is_nonzero(other) & self.has_data & ~seen) | (seen & ~moved)
        self._note_epsilon()

    def move(self, block: FactorBlock) -> None:
        """Add this step's change to a block's updates."""
        _add(block.parts, self.updates, block.moved.get(self.change))
        block.moved = {}

    def move_products(self) -> None:
        """Add what all blocks changed to the products; those of before are left as they are for who holds them."""
        self.products = dict(self.products)
        change = self.moved_products.get(self.change)
        if change is not None:
            before = self.products.get(self.updates)
            self.products[self.updates] = change if before is None else before + change

    def _note_epsilon(self) -> None:
        """Compare the second moment's root with the epsilon beside it."""
        if not isinstance(self.rule, Moments) or not self.rule.epsilon:
            return
        (product,) = self.moved_products.values()
        entries = product.shape[-2] * self.columns
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


def _add(parts: Parts, label: Term, change: Tensor | None) -> None:
    """Add to a part in place, where there is something to add; the change is not kept."""
    if change is not None:
        parts[label] = parts[label].add_(change) if label in parts else change
