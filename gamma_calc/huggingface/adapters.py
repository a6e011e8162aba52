"""The LoRA layers of a PEFT model that the theory speaks of, and a plain refusal for every other kind.

The module of the theory is W x + s B A x with a dense input x of growing width: PEFT's adapter of `nn.Linear`, of
transformers' `Conv1D` (whose weight is stored transposed; its factors are not), and of a linear layer in few bits. An
embedding selects columns of A in place of summing over them: another program, other exponents. So is DoRA's layer,
which divides each output by a norm and multiplies it by a magnitude. Each expert of a stack, whose matrices are slices
of one parameter, is a module, but has no layer of its own to look at. Who asks for inits or rates may know both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeGuard, cast

from peft import PeftConfig, PeftModel
from peft.tuners.lora import Linear, LoraLayer
from peft.tuners.lora.layer import ParamWrapper
from peft.tuners.lora.variants import MiCALinearVariant
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.integrations import dequantize_module_weight
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.numbers import check_rank
from gamma_calc.program.scheme import INITIAL
from gamma_calc.tracing.names import WRAPPING


@dataclass(frozen=True, slots=True)
class Adapter:
    """One LoRA adapter of one linear layer, or of each of a stack of experts.

    Shapes: A [experts rank, fan_in], B [fan_out, experts rank].
    """

    name: str
    key: str
    layer: Any  # PEFT's, which has no annotations

    @property
    def lora_A(self) -> nn.Module:
        """The module that computes Z_A = A Z."""
        return cast(nn.Module, self.layer.lora_A[self.key])

    @property
    def lora_B(self) -> nn.Module:
        """The module that computes B Z_A."""
        return cast(nn.Module, self.layer.lora_B[self.key])

    @property
    def A(self) -> nn.Parameter:
        """The factor A."""
        return cast(nn.Parameter, self.lora_A.weight)

    @property
    def B(self) -> nn.Parameter:
        """The factor B."""
        return cast(nn.Parameter, self.lora_B.weight)

    @property
    def W(self) -> Tensor:
        """The matrix that it adapts, also where that is kept in few bits."""
        return cast(Tensor, dequantize_module_weight(self.layer.get_base_layer()))

    @property
    def factors(self) -> Mapping[str, nn.Parameter]:
        """Both factors, by their names."""
        return dict(zip(INITIAL, (self.A, self.B), strict=True))

    @property
    def experts(self) -> int:
        """How many matrices it adapts, each at the rank r."""
        return int(getattr(self.layer, "num_experts", 1))

    @property
    def rank(self) -> int:
        """The rank r."""
        return int(self.A.shape[0]) // self.experts

    @property
    def fan_in(self) -> int:
        """The width n of the layer's input."""
        return int(self.A.shape[1])

    @property
    def fan_out(self) -> int:
        """The width of the layer's output."""
        return int(self.B.shape[0])

    @property
    def scale(self) -> float:
        """The s in front of B A."""
        return float(self.layer.scaling[self.key])

    @property
    def is_dora(self) -> bool:
        """Whether each output is divided by a norm and multiplied by a magnitude."""
        return _holds("use_dora")(self)

    @property
    def is_rank_stabilised(self) -> bool:
        """Whether s is alpha / r^(1/2), rsLoRA's, in place of alpha / r."""
        return _holds("use_rslora")(self)

    @property
    def alpha(self) -> float:
        """The lora_alpha that the scale was made from."""
        return self.scale * (math.sqrt(self.rank) if self.is_rank_stabilised else self.rank)


def lora_adapters(
    model: nn.Module, adapter: str | None = None, *, has_numbers: bool = True, knows: Sequence[Refusal] = ()
) -> tuple[Adapter, ...]:
    """Every layer that a LoRA adapter of the model acts on, in the model's order.

    Args:
        adapter: the adapter's name; by default the active one.
        has_numbers: whether the factors have to be there whole; False where nothing but their shapes is asked for.
        knows: kinds of layers outside the module of the theory for which what is asked has an answer too.

    Raises:
        BadInput: there is none, several are active, or one of its layers is outside the theory: each message names
            the layer and what it found there.
    """
    layers = _layers(model)
    if not isinstance(adapter, str | None):
        raise BadInput("adapter", found=adapter, expected="its name")
    key = _active(layers) if adapter is None else adapter
    for each in configurations(model, key):
        kind = getattr(each.peft_type, "value", each.peft_type)
        if kind != "LORA":
            raise BadInput(f"adapter {key}: PEFT type", found=str(kind), expected="LORA")
    found = [Adapter(_name(name, layer), key, layer) for name, layer in layers.items() if key in _keys(layer)]
    if not found:
        names = sorted({name for layer in layers.values() for name in _keys(layer)})
        raise BadInput("adapter", found=key, expected=f"one of {', '.join(names)}", choices=names)
    expected = knows if has_numbers else (*knows, SHARDED)
    for each, refusal in product(found, (refusal for refusal in REFUSALS if refusal not in expected)):
        if refusal.applies(each):
            name = f"layer {each.name} ({type(each.layer).__name__})"
            raise BadInput(f"{name}: found {refusal.what}; {refusal.advice}")
    if has_numbers:
        _check_shared(found)
    return tuple(found)


def configurations(model: nn.Module, key: str) -> tuple[PeftConfig, ...]:
    """The configurations of an adapter, which PEFT keeps in the model that it wrapped, also inside another module.

    There is one, unless the adapter was put on without PEFT, or on several models inside one module.
    """
    held = (getattr(module, "peft_config", None) for module in model.modules())
    found: list[PeftConfig] = []
    for each in (one[key] for one in held if isinstance(one, Mapping) and key in one):
        found += [] if each in found else [each]
    return tuple(found)


def configuration(model: nn.Module, key: str) -> PeftConfig:
    """The one configuration of an adapter.

    Raises:
        BadInput: there is none, or there are several that differ.
    """
    found = configurations(model, key)
    if len(found) != 1:
        expected = "one, as in what get_peft_model(...) returns, or in a module that holds it"
        raise BadInput(f"adapter {key}: found {len(found)} configurations of PEFT in the model, expected {expected}")
    return found[0]


def active_configuration(model: object) -> PeftConfig | None:
    """That of the active adapter; None of a model without adapters."""
    if isinstance(model, PeftModel):
        return model.active_peft_config
    return configuration(model, _active(dict(_tuned(model)))) if has_adapters(model) else None


def has_adapters(model: object) -> TypeGuard[nn.Module]:
    """Whether PEFT wrapped a model, or put layers of its own into it."""
    return isinstance(model, PeftModel) or (isinstance(model, nn.Module) and any(_tuned(model)))


def check_ranks(model: nn.Module) -> None:
    """Refuse ranks that are larger than the width of the widest linear layer with an adapter.

    Narrow layers among wide ones, such as the rates of a Mamba, may have a rank of more than their own.

    Raises:
        BadInput: one is, with that layer.
    """
    layers = ((path, each) for path, each in model.named_modules() if isinstance(each, LoraLayer))
    every = [Adapter(_name(path, layer), key, layer) for path, layer in layers for key in layer.lora_A]
    linear = [each for each in every if each.A.ndim == 2]  # a convolution sums over more than its channels
    widest = max(linear, key=lambda each: each.fan_in, default=None)
    for each in linear:
        if widest is not None:
            check_rank(each.rank, widest.fan_in, widest.name.removeprefix(WRAPPING))


def trained_adapters(model: nn.Module) -> Iterator[tuple[str, str]]:
    """The layers and adapters of which something is trained: a factor, a magnitude, or a bias inside the adapter."""
    for name, layer in _tuned(model):
        held = [getattr(layer, each) for each in getattr(layer, "adapter_layer_names", ())]
        for parts in (each for each in held if isinstance(each, nn.Module)):
            for path, parameter in parts.named_parameters():
                if parameter.requires_grad:
                    yield _name(name, layer), path.partition(".")[0]


def trained_beside(model: nn.Module, adapters: Iterable[Adapter]) -> Mapping[str, nn.Parameter]:
    """What of a model is trained and is no factor of some adapters: heads, biases, norms, magnitudes."""
    factors = {id(factor) for each in adapters for factor in each.factors.values()}
    named = model.named_parameters()
    return {name: value for name, value in named if value.requires_grad and id(value) not in factors}


def _tuned(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers of any kind of PEFT's, with their paths."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer))


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    if not isinstance(model, nn.Module):
        expected = "a module with adapters, as peft.get_peft_model(...) returns it"
        raise BadInput("the model", found=type(model).__name__, expected=expected)
    tuned = dict(_tuned(model))
    layers = {name: module for name, module in tuned.items() if isinstance(module, LoraLayer)}
    if not layers:
        kinds = sorted({type(module).__module__.split(".")[-2] for module in tuned.values()})
        others = f"; it has layers of {', '.join(kinds)}" if kinds else ""
        cure = "expected LoRA's" if kinds else "wrap it first: peft.get_peft_model(model, LoraConfig(...))"
        raise BadInput(f"the model has no LoRA layers{others}; {cure}")
    return layers


def _name(path: str, layer: nn.Module) -> str:
    """What a layer is called; PEFT wraps the parameters of one module in each other."""
    return f"{path.replace('.base_layer', '')}.{layer.parameter_name}" if isinstance(layer, ParamWrapper) else path


def _keys(layer: nn.Module) -> tuple[str, ...]:
    return tuple(name for held in ("lora_A", "lora_embedding_A") for name in getattr(layer, held))


def _active(layers: Mapping[str, nn.Module]) -> str:
    names: list[str] = sorted({name for layer in layers.values() for name in getattr(layer, "active_adapters", ())})
    if len(names) != 1:
        found = f"{len(names)} adapters are active ({', '.join(names)})" if names else "no adapter is active"
        raise BadInput(f"{found}; make the one that is meant active, model.set_adapter(...), or name it: adapter=...")
    return names[0]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of layer that the theory does not speak of, how it is recognised, and what a user can do."""

    what: str
    advice: str
    applies: Callable[[Adapter], bool]


QUANTISED = ("aqlm", "awq", "bnb", "eetq", "gptq", "hqq", "inc", "torchao")
"""PEFT's modules of adapters beside a quantised linear layer: the factors, and what they compute, are as ever."""


def _is_linear(adapter: Adapter) -> bool:
    kind = type(adapter.layer)
    return kind in (Linear, ParamWrapper) or (kind.__module__ in {f"peft.tuners.lora.{name}" for name in QUANTISED})


def _holds(attribute: str) -> Callable[[Adapter], bool]:
    return lambda adapter: bool(getattr(adapter.layer, attribute, {}).get(adapter.key))


def _is_elsewhere(adapter: Adapter) -> bool:
    rows = adapter.layer.r[adapter.key] * adapter.experts
    shapes = (rows, getattr(adapter.layer, "in_features", 0)), (getattr(adapter.layer, "out_features", 0), rows)
    is_whole = (tuple(adapter.A.shape), tuple(adapter.B.shape)) == shapes
    return not is_whole or adapter.A.is_meta or adapter.B.is_meta


def _is_untold(adapter: Adapter) -> bool:
    """Whether PEFT has to guess the inputs of a stack's matrices, which it takes for the last dimension."""
    layer = adapter.layer
    is_stack = isinstance(layer, ParamWrapper) and layer.get_param().ndim == 3
    return is_stack and not hasattr(layer.get_base_layer(), "is_transposed")


def _variant(adapter: Adapter) -> object | None:
    """What says how PEFT's layer differs from plain LoRA's; None where it does not."""
    found: object | None = getattr(adapter.layer, "lora_variant", {}).get(adapter.key)
    return found


DORA = Refusal("DoRA", "set use_dora=False; gamma-calc derive dora has its exponents", lambda each: each.is_dora)
EXPERTS = Refusal(
    "a parameter without a layer of its own, as experts have",
    "leave it out of target_parameters",
    lambda each: isinstance(each.layer, ParamWrapper),
)
FROZEN_B = Refusal(
    "MiCA, whose B is made from W and frozen",
    "wrap the model with another initialisation",
    lambda each: isinstance(_variant(each), MiCALinearVariant),
)
BIAS = Refusal("a bias inside the adapter", "set lora_bias=False", _holds("lora_bias"))
BESIDE_LORA = (DORA, EXPERTS, BIAS, FROZEN_B)
"""Kinds of layers beside the module of the theory whose rates are known: MiCA's go by fan-out, a bias has its own."""
SHARDED = Refusal("factors that are sharded or on the meta device", "apply the scheme before wrapping", _is_elsewhere)
REFUSALS = (
    Refusal(
        "an embedding, which selects columns of A and sums over nothing",
        "leave it out of target_modules",
        lambda each: each.key in getattr(each.layer, "lora_embedding_A", {}),
    ),
    DORA,
    EXPERTS,
    Refusal(
        "a stack of experts that does not say which way it stores its matrices (is_transposed)",
        "leave it out of target_parameters: PEFT may take its inputs for its outputs",
        _is_untold,
    ),
    Refusal(
        "a LoRA variant",
        "use plain LoRA",
        lambda each: _variant(each) is not None and not each.is_dora and not FROZEN_B.applies(each),
    ),
    FROZEN_B,
    Refusal("a layer that is no nn.Linear or Conv1D", "leave it out", lambda each: not _is_linear(each)),
    Refusal(
        "merged weights",
        "call model.unmerge_adapter() first",
        lambda each: bool(getattr(each.layer, "merged_adapters", ())),
    ),
    BIAS,
    Refusal(
        "a scale s that is 0, or no number: at 0 the adapter adds nothing, and no step changes that",
        "set lora_alpha > 0",
        lambda each: not abs(each.scale) > 0,
    ),
    SHARDED,
)
"""In the order in which they are tried: what comes first is the plainest way to say it."""


def _check_shared(adapters: list[Adapter]) -> None:
    owner: dict[int, str] = {}
    for each in adapters:
        for factor in each.factors.values():
            other = owner.setdefault(factor.data_ptr(), each.name)
            if other != each.name:
                raise BadInput(f"layers {other} and {each.name} share a factor (tied adapters); untie them")
