"""The theory on real models: schemes applied to PEFT's LoRA layers, probed while they train, judged over widths.

Names are resolved when they are first used, so that what needs no torch loads none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gamma_calc.errors import BadInput

if TYPE_CHECKING:
    from gamma_calc.huggingface.adapters import Adapter, lora_adapters
    from gamma_calc.huggingface.coordinates import CoordinateCheck, coordinate_check
    from gamma_calc.huggingface.family_training import CoordinateLayout
    from gamma_calc.huggingface.initialisation import init_lora_
    from gamma_calc.huggingface.network_rates import NetworkEdge, network_edge
    from gamma_calc.huggingface.probe import Observation, Probe
    from gamma_calc.huggingface.rates import SchemeCallback, parameter_groups, scheme_optimizer

__all__ = [
    "Adapter",
    "CoordinateCheck",
    "CoordinateLayout",
    "NetworkEdge",
    "Observation",
    "Probe",
    "SchemeCallback",
    "coordinate_check",
    "init_lora_",
    "lora_adapters",
    "network_edge",
    "parameter_groups",
    "scheme_optimizer",
]

_HOMES = {
    "adapters": ("Adapter", "lora_adapters"),
    "coordinates": ("CoordinateCheck", "coordinate_check"),
    "family_training": ("CoordinateLayout",),
    "initialisation": ("init_lora_",),
    "network_rates": ("NetworkEdge", "network_edge"),
    "probe": ("Observation", "Probe"),
    "rates": ("SchemeCallback", "parameter_groups", "scheme_optimizer"),
}
"""The names by the modules that they come from."""
_EXTRA = ("accelerate", "huggingface_hub", "peft", "tokenizers", "transformers")


def needed(name: str, problem: ImportError) -> Exception:
    """What to raise where `name` finds a package missing: the extra that has it, or the problem itself."""
    package = (problem.name or "").partition(".")[0]
    if package not in _EXTRA or not isinstance(problem, ModuleNotFoundError):
        return problem
    return BadInput(f"{name} needs {package}, which is not installed: pip install 'gamma-calc[transformers]'")


def __getattr__(name: str) -> Any:
    try:
        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as problem:
        raise needed(name, problem) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
