"""Giving a PEFT model the initialisation of a scheme."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.experiment.setup import size_of
from gamma_calc.huggingface.adapters import DORA, EXPERTS, Adapter, configuration, configurations, lora_adapters
from gamma_calc.huggingface.initial_factors import initialisation
from gamma_calc.program.models import check_module
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, selected


def init_lora_(
    model: nn.Module, scheme: Spec, *, adapter: str | None = None, generator: torch.Generator | None = None
) -> nn.Module:
    """Initialise every LoRA layer as the scheme says, in place, and return the model.

    Entries of A_0 and B_0 are drawn from N(0, (n^p r^q)^2), n the layer's own fan-in and r its rank; a factor that the
    scheme starts at zero is exactly zero, and one that it freezes takes no gradient. Where one factor is zero the
    model's outputs are those of its base; where neither is (Init[AB]), they move by s B_0 A_0 Z, as the scheme says.
    The magnitudes of a DoRA layer become the norms of W + s B_0 A_0, as PEFT starts them. Either every layer is written
    or none.

    What the factors have learned is lost: an adapter that goes on training is not initialised again. The factors become
    trainable as the scheme says also where PEFT has the adapter frozen, as one that is not active; other adapters stay
    as they are, trained or not.

    Args:
        scheme: a name of the catalogue, a TOML file or a `Scheme`; its learning rates may be free.
        adapter: the adapter's name; by default the active one.
        generator: where the draws come from, on its own device; by default torch's global generator on the CPU.

    Raises:
        BadInput: the model has no LoRA layers, one of them is outside the theory (`lora_adapters`), PEFT took the
            factors' first values out of the base weights, the scheme's scale is a power of the width or a layer's not
            positive, or an initial entry is not a number in the layer's dtype.
    """
    (chosen,) = selected([scheme])
    check_module(chosen.model, "initialising adapters")
    if not isinstance(generator, torch.Generator | None):
        raise BadInput("generator", found=type(generator).__name__, expected="a torch.Generator")
    adapters = lora_adapters(model, adapter, knows=(DORA, EXPERTS))
    _check_base(model, adapters[0].key)
    _check_scale(chosen)
    values = [_drawn(chosen, each, key, generator) for each in adapters for key in each.factors]
    factors = [(key, factor) for each in adapters for key, factor in each.factors.items()]
    with torch.no_grad():
        for (key, factor), value in zip(factors, values, strict=True):
            factor.copy_(value).requires_grad_(chosen.is_trained(key))
        for each in adapters:
            if each.is_dora:
                _set_magnitudes(each)
    return model


def _set_magnitudes(adapter: Adapter) -> None:
    """The norms of the rows of W + s B A, as PEFT computes them."""
    magnitude = adapter.layer.lora_magnitude_vector[adapter.key]
    added = adapter.B @ adapter.A
    magnitude.weight.copy_(magnitude.get_weight_norm(adapter.W.to(added.device), added, adapter.scale))


def _check_base(model: nn.Module, key: str) -> None:
    """Refuse an adapter whose base weights are not the model's own: other factors would change what it computes.

    PEFT has put W - s B_0 A_0 in the place of W, and keeps neither W nor B_0 A_0.
    """
    for each in configurations(model, key) or (configuration(model, key),):
        option = getattr(each, "init_lora_weights", True)
        known = initialisation(option)
        if known is None or known.rewrites_base:
            raise BadInput(
                f"adapter {key}: init_lora_weights",
                found=str(option),
                expected="one that leaves the base weights as they are; wrap the model with init_lora_weights=True",
            )


def _drawn(scheme: Scheme, adapter: Adapter, key: str, generator: torch.Generator | None) -> Tensor:
    factor = adapter.factors[key]
    power = size_of(scheme.exponents[key])
    device = torch.device("cpu") if generator is None else generator.device
    if power is None:
        return torch.zeros(factor.shape, dtype=factor.dtype, device=device)
    size = power.at(adapter.fan_in, adapter.rank)
    drawn = (torch.randn(factor.shape, generator=generator, device=device) * size).to(factor.dtype)
    if not torch.isfinite(drawn).all() or not drawn.any():
        raise BadInput(f"{scheme.name}: entries of {key} of size {size:.3g} are no numbers of {factor.dtype}")
    return drawn


def _check_scale(scheme: Scheme) -> None:
    """Refuse a scale that is a power of the width, which PEFT's is not."""
    form = scheme.exponents["scale"]
    power = size_of(form)
    assert power is not None  # only A and B can be zero
    if power.width:
        raise BadInput(
            f"{scheme.name}: scale", found=str(form), expected="no power of n: PEFT's scale does not know it"
        )
