"""The quantities of a LoRA layer as sums of products of blocks, three or four of B times as many of A.

Before a step a factor is I + U: its initial part and its updates so far. The step adds dW, and decoupled weight decay
adds dI, a negative multiple of I that stays with it (the initial part is then a multiple of W_0). With the blocks

    b in (B_0, U_B, dB, decay of B_0)  and  a in (A_0, U_A, dA, decay of A_0),

each quantity and each of its terms is s times the sum of b a Z over some of the pairs: a table of zeros and ones.
Its mean square needs no output of the layer's width m: with X_a = a Z, v_b the sum of the X_a that the table pairs
with b, and G the Gram matrix of the blocks of B, the squares of one sample sum to v^T G v.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from gamma_calc.program.expressions import Moment
from gamma_calc.simulation.program_sizes import Term

INITIAL, UPDATES, CHANGE, DECAY = range(4)
BLOCKS = 4
WITHOUT_DECAY = 3

Quantity = tuple[str, Term | None]
"""A quantity and one of its terms; None stands for their sum."""

NEW, OLD, STEP = Moment.CURRENT, Moment.PREVIOUS, Moment.CHANGE
MEASURED: Mapping[str, tuple[str, tuple[tuple[Moment, Moment], ...]]] = {
    "Z_A": ("Z_A", ((NEW, NEW),)),
    "Z_B": ("Z_B", ((NEW, NEW),)),
    "Delta_Z_B": ("Z_B", ((STEP, OLD), (OLD, STEP), (STEP, STEP))),
    "delta_1": ("Z_B", ((STEP, OLD),)),
    "delta_2": ("Z_B", ((OLD, STEP),)),
    "delta_3": ("Z_B", ((STEP, STEP),)),
}
"""What is measured: a value of the layer, and the moments of A and of B in each of its parts."""

Blocks = Mapping[str, tuple[int, ...]]

PARTS: Mapping[Moment, Blocks] = {
    NEW: {"{}_0": (INITIAL, DECAY), "U_{}": (UPDATES, CHANGE)},
    OLD: {"{}_0": (INITIAL,), "U_{}": (UPDATES,)},
    STEP: {"d{}": (CHANGE, DECAY)},
}
"""The parts of a factor at a moment, and the blocks of each."""


def _parts(factor: str, moment: Moment) -> Blocks:
    return {name.format(factor): blocks for name, blocks in PARTS[moment].items()}


def _terms() -> Mapping[str, Mapping[Term, tuple[tuple[int, ...], ...]]]:
    states: dict[str, list[tuple[Blocks, ...]]] = {name: [(_parts(name, NEW),)] for name in "AB"}
    for name, (value, moments) in MEASURED.items():
        states[name] = [(_parts("A", a),) if value == "Z_A" else (_parts("B", b), _parts("A", a)) for a, b in moments]
    return {
        name: {
            term: tuple(product(*(parts[part] for parts, part in zip(factors, term, strict=True))))
            for factors in every
            for term in product(*factors)
        }
        for name, every in states.items()
    }


TERMS = _terms()
"""The terms of each quantity, and the blocks that each multiplies, those of B first."""


def _with_sums(*names: str) -> tuple[Quantity, ...]:
    return tuple((name, term) for name in names for term in (*TERMS[name], None))


OF_ONE_FACTOR = ("A", "Z_A", "B")
SINGLE = _with_sums(*OF_ONE_FACTOR)
"""Sums over the blocks of one factor."""

DOUBLE = _with_sums(*(name for name in TERMS if name not in OF_ONE_FACTOR))
"""Sums over pairs of blocks."""


def table(quantities: Sequence[Quantity]) -> Tensor:
    """Which blocks, or pairs of them, enter quantities and terms of one kind, [quantities, blocks] or one axis more."""
    places = [
        (row, *place)
        for row, (name, term) in enumerate(quantities)
        for each in (TERMS[name] if term is None else (term,))
        for place in TERMS[name][each]
    ]
    found = torch.zeros(len(quantities), *(BLOCKS,) * (len(places[0]) - 1))
    found[tuple(zip(*places, strict=True))] = 1
    return found


def combined_squares(blocks: Tensor, table: Tensor) -> Tensor:
    """The mean squares of sums of blocks.

    Shapes: blocks [blocks, ...], table [rows, at least as many blocks]; returns [rows].
    """
    flat = blocks.reshape(len(blocks), -1)
    return (table[:, : len(flat)].to(flat) @ flat).square().mean(dim=1)


def product_squares(products: Tensor, gram: Tensor, table: Tensor, fan_out: int) -> Tensor:
    """The mean squares, over samples and outputs, of sums of block products.

    Shapes: products X_a [blocks, samples, r], gram [blocks * r, blocks * r], table [rows, blocks of B, blocks of A],
    which may have more blocks than there are; returns [rows].
    """
    blocks, samples, rank = products.shape
    used = table[:, :blocks, :blocks].to(products).reshape(-1, blocks)
    sums = (used @ products.reshape(blocks, -1)).view(len(table), blocks, samples, rank)
    vectors = sums.transpose(1, 2).reshape(-1, blocks * rank)
    squares = ((vectors @ gram) * vectors).view(len(table), -1).sum(dim=1)
    return squares.clamp(min=0) / (samples * fan_out)
