"""Initial sizes: how large the entries of a random matrix are, by its fan-in, as the twins have it, or a checkpoint.

Each way is a function of a matrix that says which power of the width its entries are. By fan-in nothing is measured.
Between twins two widths are compared, and one power of its fan-in has to fit, to within what so many entries tell. A
checkpoint has one width n: there entries of size x are n^(log x / log n), rounded to a half, so a factor c in front is
taken for log c / log n: at n = 4096 a factor of 8 is a quarter, which is as far as that can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import safetensors
import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.scheme import nonzero_form
from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.names import last_word, longest_ends, plain_name
from gamma_calc.tracing.sizes import ZERO

FAN_IN, MODEL = "fan-in", "model"
POWERS = (Fraction(0), Fraction(-1, 2), Fraction(-1))
SURE = 3
"""Standard errors within which a power fits, and beyond which another one does not."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A parameter that starts random: the exponents of its dimensions, and those dimensions that are summed over."""

    operation: Operation
    growths: tuple[Affine, ...]
    summed: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The dimensions of which its entries may be a power: those of its fan-in, all of what is looked up in."""
        return self.summed or tuple(range(len(self.growths)))

    @property
    def name(self) -> str:
        """What the model calls it, without PEFT's words."""
        return plain_name(self.operation.parameter)

    @property
    def is_zero(self) -> bool:
        """Whether it has no entry but zero in the twins."""
        return not any(value.is_meta or bool(value.any()) for value in self.operation.values or ())


InitialSize = Callable[[Matrix], Affine | None]
"""The exponent of the entries of a matrix at the start; None where they are zero."""


def initial_size(init: str | Path, *, is_own: bool = False) -> InitialSize:
    """How large matrices are at the start, in one of the three ways.

    Random matrices of an adapter start as PEFT has them, by their fan-in.

    Args:
        init: "fan-in", "model", or the folder of a checkpoint.
        is_own: whether a matrix that is zero in the twins is zero: those of a pretrained model have been trained.

    Raises:
        BadInput: it is none of these, or the folder has no safetensors.
    """
    match init:
        case Path():
            way: InitialSize = _Checkpoint(init)
        case "fan-in":
            way = by_fan_in
        case "model":
            way = by_twins
        case _:
            expected = f"{FAN_IN}, {MODEL}, or the folder of a checkpoint as a path"
            raise BadInput("init", found=init, expected=expected, choices=(FAN_IN, MODEL))

    def size(matrix: Matrix) -> Affine | None:
        if is_own and matrix.is_zero:
            return None
        return by_fan_in(matrix) if matrix.operation.is_random_buffer else way(matrix)

    return size


def stated_sizes(inits: Mapping[str, str], parameters: Collection[str]) -> Mapping[str, Affine | None]:
    """How large some parameters are at the start, for which it is said by the end of their name.

    Args:
        inits: exponents, or "zero".
        parameters: all that there are; of each the longest of the ends that are its own counts.

    Raises:
        BadInput: an end is that of none, or used for none, or an exponent is none.
    """
    ends = longest_ends("inits", inits, parameters)
    for end in inits:
        if end not in ends.values():
            known = dict.fromkeys(last_word(each) for each in parameters)
            said = f"init of {end}: there is no matrix or trained vector whose name ends so"
            raise BadInput(said, expected=", ".join(known))
    expected = 'an exponent, such as "-1/2", or "zero"'
    sizes = {
        end: None if value == "zero" else nonzero_form(f"init of {end}", value, expected)
        for end, value in inits.items()
    }
    return {each: sizes[end] for each, end in ends.items()}


def by_fan_in(matrix: Matrix) -> Affine:
    """Variance 1/fan_in; what a table is looked up in has a fan-in of 1."""
    return -sum((matrix.growths[place] for place in matrix.summed), ZERO) / 2


def by_twins(matrix: Matrix) -> Affine | None:
    """What the init of the model itself has at two widths.

    Raises:
        BadInput: no power of its fan-in fits, or two do, as so few entries do not tell them apart.
    """
    values, shape = matrix.operation.values, matrix.operation.shape
    assert values is not None and shape is not None
    first, second = map(root_mean_square, values)
    measured = f"init of {matrix.name}: entries of {first:.3g} at one width and {second:.3g} at another"
    if not first or not second:
        if first != second:
            raise BadInput(f"{measured} are no one power of its fan-in", expected=_said(matrix, ZERO))
        return None
    error = math.sqrt(sum(1 / (2 * each.numel()) for each in values))
    growth = math.log(second / first)
    misses: dict[Affine, float] = {}
    for place in matrix.places:
        small, large = shape[place]
        for power in POWERS:
            miss = abs(growth - float(power) * math.log(large / small)) / error
            exponent = matrix.growths[place] * power
            misses[exponent] = min(miss, misses.get(exponent, math.inf))
    best, *others = sorted(misses, key=lambda exponent: misses[exponent])
    if misses[best] > SURE:
        raise BadInput(f"{measured} are no one power of its fan-in", expected=_said(matrix, best))
    if close := [other for other in others if misses[other] < SURE]:
        counts = " and ".join(str(each.numel()) for each in values)
        fitting = ", ".join(f"n^({each})" for each in (best, *close))
        few = f"{measured}, {counts} of them, are too few to choose from {fitting}"
        raise BadInput(few, expected=_said(matrix, best))
    return best


def _said(matrix: Matrix, exponent: Affine) -> str:
    """How the exponent of a matrix is given."""
    return f'its exponent from you, such as inits={{"{matrix.name}": "{exponent}"}}'


class _Checkpoint:
    """What the matrices of a checkpoint are as a power of its width."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}
        for path in sorted(folder.glob("*.safetensors")):
            try:
                with safetensors.safe_open(path, "pt") as file:
                    self.files |= dict.fromkeys(file.keys(), path)
            except (safetensors.SafetensorError, OSError) as problem:
                raise BadInput(f"{path}: it cannot be read as safetensors: {problem}") from None
        if not self.files:
            raise BadInput(f"{folder}: there is no .safetensors in it, whose entries could be measured")

    def __call__(self, matrix: Matrix) -> Affine | None:
        tensor = self._tensor(matrix.name)
        if tensor.ndim != len(matrix.growths):
            expected = f"{len(matrix.growths)} dimensions"
            raise BadInput(f"{self.folder}: {matrix.name}", found=f"a shape of {[*tensor.shape]}", expected=expected)
        growing = [place for place in matrix.places if matrix.growths[place] != ZERO and tensor.shape[place] > 1]
        size = root_mean_square(tensor)
        if not size or not growing:
            return ZERO if size else None
        widest = max(growing, key=lambda place: tensor.shape[place])
        exponent = Fraction(round(2 * math.log(size) / math.log(tensor.shape[widest])), 2)
        return matrix.growths[widest] * exponent

    def _tensor(self, name: str) -> Tensor:
        keys = [key for key in self.files if key == name or f".{key}".endswith(f".{name}") or name.endswith(f".{key}")]
        if not keys:
            raise BadInput(f"{self.folder}: there is no {name} in its safetensors")
        nearest = min(keys, key=lambda key: abs(len(key) - len(name)))
        with safetensors.safe_open(self.files[nearest], "pt") as file:
            found = file.get_tensor(nearest)
        assert isinstance(found, Tensor)
        return found


def root_mean_square(values: Tensor) -> float:
    """How large the entries of a tensor are."""
    return float(values.detach().to(torch.float32).square().mean().sqrt())
