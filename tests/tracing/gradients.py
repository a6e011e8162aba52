"""The gradients of a traced problem, read in torch, beside those that autograd finds in the model itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from gamma_calc import Traced
from gamma_calc.tracing.blocks import coordinates
from tests.simulation.problem_runs import gradient, runs

TOPK = torch.topk
LARGE = 0.3
"""Entries of parameters: none is zero, so that every term of a gradient counts."""


def both(found: Traced) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Each trained parameter with its gradient by the problem and by autograd, at the sizes of the first twin."""
    assert found.problem is not None
    twin = found.twins.twins[0]
    choices = _choices(twin.model.eval(), twin.inputs)
    model = _without_epsilon(twin.model.double().eval())
    leaves = {each.name: each.source for each in found.parameters}
    generator = torch.Generator().manual_seed(1)
    weights: dict[str, Tensor] = dict(model.named_buffers(remove_duplicate=False)) | dict(model.named_parameters())
    for source in dict.fromkeys(leaves.values()):
        weights[source].requires_grad_().data.normal_(0, LARGE, generator=generator)
    data = {**found.tensors, **{name: _leaf(found, name, weights[source]) for name, source in leaves.items()}}
    # A trained vector is what it starts from, and what training adds, which is nothing yet.
    starts = {f"{_root(found, name)}_0": source for name, source in leaves.items()}
    for name in [each for each in data if _root(found, each) in starts]:
        start = weights[starts[_root(found, name)]].detach()
        data[name] = _block(found, name, start).reshape(data[name].shape)
    output = found.problem.output
    slope = torch.randn([found.coordinates[axis] for axis in found.output], generator=generator, dtype=torch.double)
    data[f"d{output.name}"] = slope.permute([found.output.index(axis.name) for axis in output.axes])
    step, before, _ = next(iter(runs(found.problem, found.coordinates, data, found.scalars, steps=1)))
    with _choosing(lambda x, k, dim, **options: _chosen(x, dim, choices.pop(0))):
        logits = _output(model, twin.inputs)
    (logits * slope.reshape(logits.shape)).sum().backward()
    for name in (each.name for each in found.parameters if each.rate is not None):
        grad = weights[leaves[name]].grad
        assert grad is not None
        yield name, gradient(step, name, before[name]), _leaf(found, name, grad)


def _choices(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The places of the largest entries that a model looks for, in order, at the parameters that it was traced with."""
    found: list[Tensor] = []

    def noted(x: Tensor, k: int, dim: int, **options: bool) -> Any:
        value = TOPK(x, k, dim=dim, **options)
        found.append(value.indices)
        return value

    with torch.no_grad(), _choosing(noted):
        model(**inputs)
    return found


@contextmanager
def _choosing(choose: Any) -> Iterator[None]:
    """A function of a tensor, a number and a dimension in the place of those that look for the largest entries."""

    def topk(x: Tensor, k: int, dim: int = -1, **options: bool) -> Any:
        return choose(x, k, dim, **options)

    with patch.object(torch, "topk", topk), patch.object(Tensor, "topk", topk):
        yield


def _chosen(x: Tensor, dim: int, places: Tensor) -> Any:
    """The entries at places, as the largest ones are given."""
    return torch.return_types.topk((x.gather(dim, places), places))  # type: ignore[attr-defined]


def _without_epsilon(model: nn.Module) -> nn.Module:
    """The model with norms that add nothing to what they divide by, as a problem reads them."""
    for module in model.modules():
        for name in ("eps", "variance_epsilon"):
            if hasattr(module, name):
                setattr(module, name, 0.0)
    return model


def _leaf(found: Traced, name: str, value: Tensor) -> Tensor:
    """What a leaf of the problem has of a parameter."""
    shape = [found.coordinates[axis] for axis in next(each.shape for each in found.parameters if each.name == name)]
    return _block(found, name, value.detach()).reshape(shape)


def _root(found: Traced, name: str) -> str:
    """The leaf that one is a block of, or of a block of; itself where it is none."""
    while name in found.blocks:
        name, *_ = found.blocks[name]
    return name


def _block(found: Traced, name: str, value: Tensor) -> Tensor:
    """The block of a parameter, or of a block of it, that a leaf is."""
    if name not in found.blocks:
        return value
    whole, place, rows = found.blocks[name]
    return coordinates(_block(found, whole, value), place, rows)


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def _output(model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
    """The first output, data as they are and all else in double precision: norms and softmax go to single precision."""
    single, to_single = torch.float32, Tensor.float
    torch.float32 = torch.float64
    Tensor.float = lambda value: value if value.requires_grad else to_single(value)  # type: ignore[method-assign]
    softmax = patch.object(nn.functional, "softmax", lambda x, dim, dtype=None: x.softmax(dim))
    try:
        with softmax:
            found = model(**{name: _double(value) for name, value in inputs.items()})
    finally:
        torch.float32, Tensor.float = single, to_single  # type: ignore[method-assign]
    return found if isinstance(found, Tensor) else next(iter(found.values()))
