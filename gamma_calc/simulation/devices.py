"""Where a simulation runs and in which floating-point format, from the words that a user types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import torch

from gamma_calc.errors import BadInput

DEVICES = ("auto", "cpu", "cuda", "mps")
"""The devices that can be asked for; auto takes the fastest one that is there."""

DTYPES: Mapping[str, torch.dtype] = MappingProxyType({"float32": torch.float32, "float64": torch.float64})
"""The floating-point formats that can be asked for."""


def resolved_dtype(name: str) -> torch.dtype:
    """The floating-point format called `name`.

    >>> resolved_dtype("float64")
    torch.float64
    """
    if name not in DTYPES:
        raise BadInput("dtype", found=name, expected=" or ".join(DTYPES), choices=DTYPES)
    return DTYPES[name]


def resolved_device(name: str, dtype: str = "float64") -> torch.device:
    """The device called `name`, able to compute in `dtype`; "auto" passes over what cannot.

    Raises:
        BadInput: no device has that name, this machine lacks it, or it cannot compute in `dtype`.

    >>> resolved_device("cpu")
    device(type='cpu')
    """
    if name not in DEVICES:
        raise BadInput("device", found=name, expected=" or ".join(DEVICES), choices=DEVICES)
    double = resolved_dtype(dtype) is torch.float64
    present = _present_devices()
    if name == "auto":
        return torch.device(next(kind for kind in present if not (kind == "mps" and double)))
    if name not in present:
        raise BadInput(
            "device, which has to be one of this machine", found=name, expected=" or ".join(("auto", *present))
        )
    if name == "mps" and double:
        raise BadInput("device for float64, which mps lacks", found=name, expected="dtype float32, or --device cpu")
    return torch.device(name)


def _present_devices() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; the CPU is always there."""
    is_available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return (*(kind for kind, is_here in is_available.items() if is_here), "cpu")


def free_device_memory() -> int | None:
    """Bytes that are free on the CUDA device; None where there is none."""
    return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else None


def device_name(name: str, dtype: str = "float64") -> str:
    """What a device is called by its maker, where it says so.

    >>> device_name("cpu")
    'cpu'
    """
    device = resolved_device(name, dtype)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for each tensor operation, so that a result does not depend on their number.

    On small tensors more threads wait for one another, and so do threads of ours that run side by side.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
