"""Hooks that are gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

Hook = Callable[[nn.Module, tuple[Any, ...], Tensor], None]
"""Called with a module, its inputs and its output, after a forward pass of it."""


@contextmanager
def forward_hooks(hooks: Iterable[tuple[nn.Module, Hook]]) -> Iterator[None]:
    """Look at the forward passes of some modules, as long as the context is open."""
    with ExitStack() as registered:
        for module, hook in hooks:
            registered.callback(module.register_forward_hook(hook).remove)
        yield
