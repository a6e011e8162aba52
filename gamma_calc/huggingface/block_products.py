"""The quantities of a LoRA layer as sums of products of blocks, three or four of B times as many of A.

Before a step a factor is I + U: its initial part and its updates so far. The step adds dW, and decoupled weight decay
adds dI, a negative multiple of I that stays with it (the initial part is then a multiple of W_0). With the blocks

    b in (B_0, U_B, dB, decay of B_0)  and  a in (A_0, U_A, dA, decay of A_0),

each quantity and each of its terms is s times the sum of b a Z over some of the pairs: a table of zeros and ones.
Its mean square needs no output of the layer's width m: with X_a = a Z, v_b the sum of the X_a that the table pairs
with b, and G the Gram matrix of the blocks of B, the squares of one sample sum to v^T G v.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from gamma_calc.simulation.program_sizes import Term

INITIAL, UPDATES, CHANGE, DECAY = range(4)
BLOCKS = 4
WITHOUT_DECAY = 3

Quantity = tuple[str, Term | None]
"""A quantity and one of its terms; None stands for their sum."""


def _terms() -> Mapping[str, tuple[Term, ...]]:
    a, b = (("A_0",), ("U_A",)), (("B_0",), ("U_B",))
    factors = {
        "Z_B": (b, a),
        "delta_1": (b, (("dA",),)),
        "delta_2": ((("dB",),), a),
        "delta_3": ((("dB",),), (("dA",),)),
    }
    products = {name: tuple(x + y for x in left for y in right) for name, (left, right) in factors.items()}
    changes = products["delta_1"] + products["delta_2"] + products["delta_3"]
    return {"A": a, "B": b, "Z_A": a, **products, "Delta_Z_B": changes}


TERMS = _terms()
"""The terms of each quantity; in delta_1 and delta_2 the parts U_A, U_B are those before the step."""

Blocks = dict[str, tuple[int, ...]]

BEFORE: Blocks = {
    "A_0": (INITIAL,),
    "U_A": (UPDATES,),
    "dA": (CHANGE, DECAY),
    "B_0": (INITIAL,),
    "U_B": (UPDATES,),
    "dB": (CHANGE, DECAY),
}
"""The blocks of each part, in a quantity that speaks of the state before the step."""

AFTER: Blocks = {
    **{"A_0": (INITIAL, DECAY), "U_A": (UPDATES, CHANGE)},
    **{"B_0": (INITIAL, DECAY), "U_B": (UPDATES, CHANGE)},
}
"""The blocks of each part, in a quantity that speaks of the state after the step."""

CHANGES = frozenset({"delta_1", "delta_2", "delta_3", "Delta_Z_B"})


def _places(quantity: str, term: Term | None) -> Iterator[tuple[int, ...]]:
    """The blocks that a term multiplies, those of B first; of all terms for their sum."""
    parts = BEFORE if quantity in CHANGES else AFTER
    for each in TERMS[quantity] if term is None else (term,):
        yield from product(*(parts[part] for part in each))


def _with_sums(*names: str) -> tuple[Quantity, ...]:
    return tuple((name, term) for name in names for term in (*TERMS[name], None))


OF_ONE_FACTOR = ("A", "Z_A", "B")
SINGLE = _with_sums(*OF_ONE_FACTOR)
"""Sums over the blocks of one factor."""

DOUBLE = _with_sums(*(name for name in TERMS if name not in OF_ONE_FACTOR))
"""Sums over pairs of blocks."""


def table(quantities: Sequence[Quantity]) -> Tensor:
    """Which blocks, or pairs of them, enter quantities and terms of one kind, [quantities, blocks] or one axis more."""
    places = [(row, *place) for row, each in enumerate(quantities) for place in _places(*each)]
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
