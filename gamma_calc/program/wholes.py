"""The products on the way to a gradient that are asked for as a whole only.

A quantity is told term by term, and some maps look at the initial part of a value and at what training has changed. Of
a gradient only the whole goes into a step. So a product of which all that asks is gradients may take its factors as
wholes, and a cut its value, where as many terms as there are pairs of terms of two factors say no more.
"""

from __future__ import annotations

from functools import lru_cache

from gamma_calc.program.expressions import Contraction, Entrywise, Expression, Named, Pointwise, nodes
from gamma_calc.program.program import Program


@lru_cache(maxsize=64)
def nodes_as_wholes(program: Program) -> frozenset[Expression]:
    """The products and cuts of a program of which nothing asks for single terms."""
    moving = [*nodes(*(part for update in program.updates.values() for part in update.expressions))]
    told = [node for node in moving if isinstance(node, Pointwise) and node.keeps_parts]
    products = {node for node in moving if isinstance(node, Contraction | Entrywise)}
    cuts = {node for node in moving if isinstance(node, Named) and node.is_cut}
    return frozenset(products | cuts).difference(nodes(*told, *program.quantities.values()))
