"""Signs: those that the entries of a value may have, from the operations that it is made by."""

from __future__ import annotations

from typing import Any

import torch

from gamma_calc.tracing.capture import SAME, TRANSPOSES, VIEWS, Operation
from gamma_calc.tracing.translation import Translation

SAME_SIGNS = (*SAME, *VIEWS, *TRANSPOSES, "select", "slice", "expand", "repeat", "cumsum", "pad")
"""Operations whose values have no sign that those of their first operand have not."""
NEVER_NEGATIVE = ("softplus", "sigmoid", "relu", "exp", "square", "abs", "softmax")


def signs(t: Translation, argument: Any) -> set[int]:
    """The signs that entries of an operand may have."""
    operation = t.capture.operation(argument)
    numbers = t.number(argument) if operation is None else operation.values if operation.is_constant else None
    if numbers is not None:
        every = [torch.as_tensor(each) for each in (numbers if isinstance(numbers, tuple) else (numbers,))]
        return {sign for sign in (1, -1) for each in every if bool((sign * each > 0).any())}
    match operation:
        case Operation(kind=kind, arguments=(operand, *_)) if kind in SAME_SIGNS:
            return signs(t, operand)
        case Operation(kind=kind) if kind in NEVER_NEGATIVE:
            return {1}
        case Operation(kind="neg", arguments=(operand,)):
            return {-sign for sign in signs(t, operand)}
        case Operation(kind="mul", arguments=(one, other)):
            return {mine * theirs for mine in signs(t, one) for theirs in signs(t, other)}
        case Operation(kind="masked_fill", arguments=(operand, _, number)):
            return signs(t, operand) | signs(t, number)
        case Operation(kind="clamp" | "clamp_min", arguments=(_, int(low) | float(low), *_)) if low >= 0:
            return {1}
        case Operation(kind="sub", arguments=(one, other)) if _is_last_sum(t, one, other):
            return signs(t, other)
        case Operation(kind="min" | "minimum", arguments=(one, other)) if t.number(other) is not None:
            return signs(t, one) if 1 in signs(t, other) else {-1}
    return {1, -1}


def _is_last_sum(t: Translation, argument: Any, sums: Any) -> bool:
    """Whether an operand is the last of some sums of the first coordinates: the largest where all have one sign."""
    whole, end, taken = t.capture.operation(sums), t.capture.operation(argument), list[tuple[Any, ...]]()
    if whole is None or whole.kind != "cumsum" or whole.shape is None:
        return False
    while end is not None and end.kind in ("slice", "select"):
        taken.append(end.arguments[1:3])
        end = t.capture.operation(end.arguments[0])
    return end is whole and (whole.arguments[1] % len(whole.shape), -1) in taken
