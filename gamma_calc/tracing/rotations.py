"""Rotations: pairs of coordinates, read as complex numbers, that data turn, such as by the place of a token."""

from __future__ import annotations

from string import ascii_lowercase as LETTERS
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.tracing.capture import Operation, Reference
from gamma_calc.tracing.translation import Pairs, Translation
from gamma_calc.tracing.values import Value, flat


def as_complex(t: Translation, op: Operation, x: Any) -> Pairs:
    """Each pair of coordinates of the last dimension, as one number, which data may turn."""
    return Pairs(t.value(x))


def as_real(t: Translation, op: Operation, x: Any) -> Value:
    """The pairs again."""
    pairs = t.values[x.name]
    if not isinstance(pairs, Pairs):
        raise Unknown("complex numbers that are no pairs of others")
    return pairs.value


def turned(t: Translation, x: Any, y: Any) -> Pairs | None:
    """Pairs times complex data: each times the matrix of such a product. None where neither operand is pairs."""
    for one, other in ((x, y), (y, x)):
        pairs = t.values.get(one.name) if isinstance(one, Reference) else None
        if isinstance(pairs, Pairs):
            factor = t.capture.operation(other)
            if factor is None or not factor.is_constant or factor.values is None:
                raise Unknown("complex numbers times what is no data")
            return _turned(t, pairs.value, factor)
    return None


def _turned(t: Translation, value: Value, factor: Operation) -> Pairs:
    assert factor.values is not None
    number, dims = factor.values[0], t.dims(factor)
    real, imaginary = torch.view_as_real(number).unbind(-1)
    rows = torch.stack((torch.stack((real, -imaginary), -1), torch.stack((imaginary, real), -1)), -2)
    new = t.axes.axis((2, 2), (*value.axes, *flat(dims)))
    old = t.axes.axis((2, 2), (*value.axes, *flat(dims), new))
    matrix = Value(t.data(f"{factor.name}_turns", rows, (*flat(dims), new, old)), (*dims, (new,), (old,)))
    letters = LETTERS[: len(value.dims)]
    front = letters[:-1][len(letters) - 1 - len(dims) :]
    return Pairs(t.layout.product(value, matrix, (letters, f"{front}z{letters[-1]}", f"{letters[:-1]}z")))
