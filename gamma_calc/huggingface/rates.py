"""Learning rates of a scheme for the parameters of a PEFT model, as groups that any torch optimiser takes.

Nothing is attached to a tensor: a group is a list of parameters and its rate, so sharding and compiling see plain ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gamma_calc.derivation.alpha import (
    AlphaReading,
    alpha_convention,
    alpha_named,
    alpha_reading,
    check_scale,
    says_scale,
)
from gamma_calc.derivation.transfer import Place, TransferLaw
from gamma_calc.errors import BadInput
from gamma_calc.experiment.setup import size_of
from gamma_calc.huggingface.adapters import (
    BESIDE_LORA,
    FROZEN_B,
    Adapter,
    configuration,
    has_adapters,
    lora_adapters,
    trained_adapters,
    trained_beside,
)
from gamma_calc.huggingface.layers import (
    ModelLike,
    adapted_shapes,
    kind_names,
    module_names,
    shape_config,
    title_of,
    width_of,
)
from gamma_calc.huggingface.model_transfer import law_between, law_in, paired_kinds, place
from gamma_calc.numbers import real_number, whole_number
from gamma_calc.program.models import check_module
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.program.selection import Spec, selected

if TYPE_CHECKING:
    from gamma_calc.huggingface.network_rates import NetworkEdge

NO_DECAY = {"weight_decay": 0.0}
"""What an optimiser of a scheme has, unless it is said otherwise."""
OTHERS = "others"
SMALLEST_EPSILON = 1e-30
"""Stands for an epsilon of zero, with which torch would divide the zero gradient of step 1 by zero."""


def parameter_groups(
    model: nn.Module,
    scheme: Spec,
    learning_rate: float,
    *,
    base_width: int | None = None,
    base_model: ModelLike | None = None,
    base_rank: int | None = None,
    network: NetworkEdge | None = None,
    alpha: AlphaReading | str | None = None,
    learning_rate_b: float | None = None,
    other_learning_rate: float | None = None,
    weight_decay: float | None = None,
    momentum: float | None = None,
    adapter: str | None = None,
) -> list[dict[str, Any]]:
    """The trainable parameters of a model in groups, each factor with the scheme's rate at its layer's width.

    The rate of a factor whose layer has fan-in n and rank r is its rate at the base times (n / base_width)^c and, with
    a base rank, a power of r / base_rank: the exponents of the scheme, a free one at its largest stable value as
    derived (see `gamma_calc.derivation.transfer`). At the base width A's rate is `learning_rate` and B's
    `learning_rate_b`, by default the same: a scheme such as LoRA+ says how their ratio grows, never what it is at one
    width. Other trainable parameters (a head, biases, norms) are outside the theory and keep `other_learning_rate`, by
    default `learning_rate`; so do the magnitudes of DoRA's layers, whose largest stable rate is n^0 as derived. Weight
    decay goes to matrices, by default as the optimiser has it; one-dimensional tensors have none.
    Where the scheme has an exponent for it, a factor's decay follows that from the base, as its rate does; so does its
    momentum, if one is given: beta of m = beta m + G, which every parameter outside the adapters has as it is given.

    Args:
        base_width: the fan-in at which the rates were chosen. n is each layer's own fan-in, so in one model a layer
            four times as wide as another has its rate times 4^c.
            base_width=64 at a model of width 64 therefore keeps the given rate at layers of fan-in 64 alone. MiCA's
            rate goes with the fan-out too: layers of it that are not square need a base_model.
        base_model: in place of both, the model at which they were chosen, its configuration, or a folder with its
            config.json: each layer's base is then the layer of that name there. A model without adapters is read with
            this one's; ranks and scales are read from both.
        base_rank: the rank at which they were chosen; without it the rank has to be the same in all layers.
        network: of `network_edge(base_model, model, scheme)`: the largest stable rate of the whole model is followed in
            place of one module's, which is too large for LoRA+ from Init[A] in depth; n of a layer whose fan-in is
            less than the width of the residual stream is that width.
        alpha: what lora_alpha does from the base rank to the layers': "fixed" where it is kept, "proportional" where
            alpha/r is. Layers of several ranks show it by their scales, and a scheme whose scale is a power of the
            rank says it; otherwise it has to be given where a rank is not the base rank.

    Raises:
        BadInput: `lora_adapters` refuses the model, a number is out of range, ranks differ without a base rank, nothing
            says what lora_alpha does between ranks, or two say different things, layers of one rank differ in their
            scale without a base model, what is trained is not what the scheme trains, another adapter is trained too,
            a momentum is given for a scheme that has none, or no weight decay for one whose decay goes by the width.
        Unknown: the largest stable rate is not known, one power law does not reach from the base to a layer, or DoRA's
            layers go by another one.
    """
    given = {
        "learning_rate": learning_rate,
        "learning_rate_b": learning_rate if learning_rate_b is None else learning_rate_b,
        "other_learning_rate": learning_rate if other_learning_rate is None else other_learning_rate,
    }
    *both, others = (real_number(name, value, is_positive=True) for name, value in given.items())
    rates = dict(zip(RATES, both, strict=True))
    momentum = None if momentum is None else real_number("momentum", momentum, is_positive=True)
    if weight_decay is not None:
        weight_decay = real_number("weight_decay", weight_decay, is_positive=False)
    adapters = lora_adapters(model, adapter, knows=BESIDE_LORA)
    (chosen,) = selected([scheme])
    if network is not None:
        _check_network(model, adapters, chosen, network, base_model)
    if base_model is None:
        law, bases = _at_one_base(chosen, adapters, base_width, base_rank, alpha)
    elif base_width is None and base_rank is None:
        law, bases = _at_a_model(chosen, model, adapters, base_model, alpha, network)
    else:
        raise BadInput("base_model says all widths and ranks: leave base_width and base_rank out")
    if momentum is not None and law.scheme.form("momentum") is None:
        raise BadInput(f"{law.scheme.name} has no momentum, and {momentum:g} is given: leave it out")
    _check_trained(law, adapters)
    _check_others(model, adapters[0].key)
    groups: dict[str, dict[str, Any]] = {}
    stream = width_of(model) if network else 0

    def add(group: str, parameter: nn.Parameter, rate: float, decay: float | None, beta: float | None) -> None:
        said = {"lr": rate, "weight_decay": decay, "momentum": beta}
        empty = {"name": group, "params": [], **{key: value for key, value in said.items() if value is not None}}
        groups.setdefault(group, empty)["params"].append(parameter)

    starts = {*bases}
    for each, base in zip(adapters, bases, strict=True):
        end = place(each, law, stream)
        piece = law.between(base, end)
        origin = "" if len({start.by(piece) for start in starts}) == 1 else f", from {base.by(piece)}"
        decay, share = (_ratio(law, key, base, end, each.rank) for key in ("decay", "momentum"))
        for (key, factor), rate in zip(each.factors.items(), RATES, strict=True):
            if law.scheme.is_trained(key):
                value, beta = (
                    rates[rate] * law.multiplier(rate, base, end),
                    None if momentum is None else momentum * share,
                )
                add(f"lora_{key} {end.by(piece)}{origin}", factor, value, _decay(law, weight_decay, decay), beta)
    for parameter in trained_beside(model, adapters).values():
        is_matrix = parameter.ndim > 1
        name = OTHERS if is_matrix else f"{OTHERS}, one-dimensional"
        add(name, parameter, others, weight_decay if is_matrix else 0.0, momentum)
    return list(groups.values())


def _at_one_base(
    scheme: Scheme,
    adapters: tuple[Adapter, ...],
    base_width: int | None,
    base_rank: int | None,
    alpha: AlphaReading | str | None,
) -> tuple[TransferLaw, list[Place]]:
    """The law, and the base of each adapter: one width, and one rank if any, for all."""
    if base_width is None:
        raise BadInput("parameter_groups: found no base, expected the base_model, or the base_width, of the rates")
    base_width = whole_number("base_width", base_width)
    base_rank = None if base_rank is None else whole_number("base_rank", base_rank)
    check_module(scheme.model, "parameter_groups")
    _check_scales(adapters)
    reading = _alpha(scheme, adapters, base_rank, alpha)
    is_mica = not scheme.is_trained(INITIAL[1]) and any(map(FROZEN_B.applies, adapters))
    law = law_in(adapters, scheme, is_mica=is_mica, with_rank=base_rank is not None, alpha=reading)
    end = place(adapters[0], law)
    base = replace(law.moved(end, base_width, base_rank or end.rank), fan_out=end.fan_out and base_width)
    if base_rank is None and len({each.rank for each in adapters}) > 1:
        ranks = ", ".join(sorted({str(each.rank) for each in adapters}, key=int))
        raise BadInput(f"the layers have ranks {ranks}; give the base_rank at which the rates were chosen")
    _check_square(law, base, adapters)
    return law, [base] * len(adapters)


def _check_network(
    model: nn.Module,
    adapters: Sequence[Adapter],
    scheme: Scheme,
    network: NetworkEdge,
    base_model: ModelLike | None,
) -> None:
    """Refuse the edge of another class, scheme or set of adapters, or one without the model that rates come from."""
    if not hasattr(network, "modules"):
        raise BadInput("network", found=network, expected="what network_edge(base_model, model, scheme) gives")
    if base_model is None:
        raise BadInput("network: the law of whole models carries from one to the other; give base_model")
    if network.model != title_of(model):
        raise BadInput(f"network: found the edge of a {network.model}, and the model is a {title_of(model)}")
    if replace(network.scheme, name=scheme.name) != scheme:
        raise BadInput(f"network: found the edge of {network.scheme.title}, and the scheme is {scheme.title}")
    if others := network.modules ^ module_names(adapters):
        found = f"network: found the edge of {len(network.modules)} adapters, and the model has {len(adapters)}"
        raise BadInput(f"{found}; {min(others)} has one here or there only")
    if network.is_dora != any(each.is_dora for each in adapters):
        raise BadInput("network: found the edge of a model with DoRA's layers, or the model has them, and not both")


def _check_scales(adapters: tuple[Adapter, ...]) -> None:
    """Refuse layers of one rank and several scales, as an alpha_pattern makes them: one base has one scale."""
    first: dict[int, Adapter] = {}
    for each in adapters:
        other = first.setdefault(each.rank, each)
        if not math.isclose(each.scale, other.scale):
            raise BadInput(
                f"layers {other.name} and {each.name} have s = {other.scale:g} and s = {each.scale:g} at one rank"
                f" r = {each.rank}. The stable rates go with s as well (gamma-calc lint prints their power of s), and"
                " one base has one s: give base_model, whose layers have the s of those of their name here"
            )


def _check_square(law: TransferLaw, base: Place, adapters: tuple[Adapter, ...]) -> None:
    """Refuse one width as the base of layers that are not square where a rate goes by the fan-out as well."""
    for each in adapters:
        if each.fan_in != each.fan_out and law.between(base, place(each, law)).has_fan_out:
            raise BadInput(
                f"layer {each.name}: found fan-in {each.fan_in} and fan-out {each.fan_out}; the rates of"
                f" {law.scheme.title} go by both, and base_width says one: give base_model"
            )


def _at_a_model(
    scheme: Scheme,
    model: nn.Module,
    adapters: tuple[Adapter, ...],
    base_model: ModelLike,
    alpha: AlphaReading | str | None,
    network: NetworkEdge | None,
) -> tuple[TransferLaw, list[Place]]:
    """The law, and the base of each adapter: the layer of its kind in the base model."""
    key = adapters[0].key
    adapter = None if has_adapters(base_model) else shape_config(configuration(model, key))
    shapes = adapted_shapes(base_model, adapter, key)
    pairs = paired_kinds(shapes, adapters)
    if network is not None:
        network.check_start(base_model, shapes)
    is_mica = any(map(FROZEN_B.applies, adapters))
    if is_mica and network is not None:
        raise BadInput("network: it goes by the width, and the rates of MiCA by the fan-out too; leave it out")
    said = None if alpha is None else alpha_named(alpha)
    law, _ = law_between(scheme, pairs, said, is_mica=is_mica, network=network)
    stream = width_of(base_model) if network else 0
    return law, [place(pairs[name][0], law, stream) for name in kind_names(adapters, pairs)]


def _alpha(
    scheme: Scheme, adapters: tuple[Adapter, ...], base_rank: int | None, alpha: AlphaReading | str | None
) -> AlphaReading | None:
    """What lora_alpha does between the base rank and the layers'; None where no rank changes, or the scheme says it."""
    said = None if alpha is None else alpha_named(alpha)
    moved = [each for each in adapters if base_rank is not None and each.rank != base_rank]
    if not moved:
        return None
    shown = alpha_reading((each.rank, each.alpha) for each in adapters)
    points = "; ".join(sorted({f"r = {each.rank}, lora_alpha = {each.alpha:g}" for each in adapters}))
    if shown is None and len({each.rank for each in adapters}) > 1:
        raise BadInput(f"the layers have {points}: lora_alpha is neither kept nor in proportion to r")
    if says_scale(scheme):
        check_scale(scheme, shown, points, is_rank_stabilised=adapters[0].is_rank_stabilised)
        return said
    return alpha_convention(
        said, shown, f"layer {moved[0].name} has {points}, and the rates were chosen at rank {base_rank}"
    )


def _check_trained(law: TransferLaw, adapters: tuple[Adapter, ...]) -> None:
    for each in adapters:
        for key, factor in each.factors.items():
            if factor.requires_grad != law.scheme.is_trained(key):
                found, meant = ("trained", "frozen") if factor.requires_grad else ("frozen", "trained")
                said = f"layer {each.name}: {key} is {found}, and {law.scheme.name} has it {meant}"
                raise BadInput(f"{said}; {_remedy(each, factor)}")


def _remedy(adapter: Adapter, factor: nn.Parameter) -> str:
    """How a factor comes to be trained, or frozen, as a scheme has it, with what it has learned left in it."""
    new = "init_lora_(model, scheme) draws A and B anew, and sets which are trained"
    if factor.requires_grad:
        return f"freeze it with requires_grad_(False); before any training {new}"
    if FROZEN_B.applies(adapter) and factor is adapter.B:
        return "MiCA freezes it: take lint(its adapter_config.json).scheme"
    return (
        f'train it: model.set_adapter("{adapter.key}") where the adapter is not active, disabled, or of inference_mode;'
        f" is_trainable=True in PeftModel.from_pretrained; else requires_grad_(True). Before any training {new}"
    )


def _check_others(model: nn.Module, key: str) -> None:
    """Refuse trained factors of other adapters, which no scheme is asked for."""
    for name, other in trained_adapters(model):
        if other != key:
            raise BadInput(
                f"layer {name}: the factors of adapter {other} are trained beside those of {key}, and belong to no"
                f' group; make {key} the one that is trained, model.set_adapter("{key}"), or freeze those of {other}'
            )


def _decay(law: TransferLaw, weight_decay: float | None, ratio: float) -> float | None:
    """The decay of a layer; None where that is the optimiser's own."""
    if weight_decay is not None:
        return weight_decay * ratio
    if ratio != 1:
        raise BadInput(f"{law.scheme.name}: its decay goes by the width; say weight_decay at the base, 0 for none")
    return None


def _ratio(law: TransferLaw, key: str, base: Place, end: Place, rank: int) -> float:
    """What the decay or the momentum of a layer is to that at the base: 1 for a scheme that has no exponent for it."""
    power = size_of(law.scheme.written(key))
    if power is None:
        return 1.0
    return power.at(end.width, rank) / power.at(base.width, base.rank or rank)


def scheme_optimizer(model: nn.Module, scheme: Spec, learning_rate: float, **options: Any) -> torch.optim.Optimizer:
    """The scheme's own update rule as torch ships it, over `parameter_groups`.

    A normalised step is `AdamW` with the rule's moments and epsilon (decoupled decay; sign descent is the one without
    memory), a raw step `SGD`, whose momentum is the scheme's, and whose decay is decoupled where it has none. Pass it
    to a loop, or to a Trainer as `optimizers=(optimizer, None)`. `base_width` is a fan-in and not a model's width: at
    the model where a rate was found, a layer of another fan-in, such as down_proj, has another rate than that one.

    A momentum in front of a normalised step is none of torch's: beta1 of AdamW averages the gradients in the numerator
    alone, while the root below it is that of each by itself.

    Args:
        options: those of `parameter_groups`, with no weight decay by default; with `momentum` where the scheme has one.

    Raises:
        BadInput, Unknown: as `parameter_groups`; or the scheme has a momentum that is not given, or that torch has no
            optimiser for, as it has none beside weight decay.
    """
    (chosen,) = selected([scheme])
    rule = chosen.simple_step(f"{chosen.name}: an optimiser of torch")
    if chosen.form("momentum") is not None and isinstance(rule, Moments):
        raise BadInput(
            f"{chosen.name}: found momentum in front of the normalised step of {chosen.optimizer.name}, which no betas"
            " of AdamW are; expected none, or sgd, or an optimiser of yours over parameter_groups"
        )
    if chosen.form("momentum") is not None and options.get("momentum") is None:
        raise BadInput(f"{chosen.name} has a momentum; say which one it is at the base width, such as momentum=0.9")
    if chosen.form("momentum") is not None and options.get("weight_decay"):
        raise BadInput(
            f"{chosen.name}: found weight_decay={options['weight_decay']} beside a momentum, through which torch's SGD"
            " has it go, and the theory does not; expected 0, or an optimiser of yours over parameter_groups"
        )
    groups = parameter_groups(model, scheme, learning_rate, **{**NO_DECAY, **options})
    match rule:
        case Moments():
            betas = (float(rule.beta1), float(rule.beta2))
            return torch.optim.AdamW(groups, betas=betas, eps=float(rule.epsilon) or SMALLEST_EPSILON)
        case Raw():
            return torch.optim.SGD(groups)


class SchemeCallback(TrainerCallback):  # type: ignore[misc]  # the base is not annotated
    """Checks, when training begins, that the Trainer's optimiser has the rates of the scheme.

    A Trainer that is given no optimiser builds its own with one rate for all; PEFT's LoRA+ helper has its own ratio and
    decay. The arguments are those of `parameter_groups`.
    """

    def __init__(self, scheme: Spec, learning_rate: float, **options: Any) -> None:
        self.scheme = scheme
        self.learning_rate = learning_rate
        self.options = options

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Hold the optimiser's rates, those before any schedule, to the scheme's."""
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        found = {
            id(parameter): float(group.get("initial_lr", group["lr"]))
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        for group in parameter_groups(model, self.scheme, self.learning_rate, **{**NO_DECAY, **self.options}):
            for parameter in group["params"]:
                rate = found.get(id(parameter))
                if rate != group["lr"]:
                    name = names.get(id(parameter), group["name"])
                    seen = "no rate: it is not optimised" if rate is None else f"{rate:g}"
                    advice = "give the Trainer optimizers=(scheme_optimizer(model, ...), None)"
                    raise BadInput(
                        f"learning rate of {name}: found {seen}, expected {group['lr']:g} ({group['name']}); {advice}"
                    )
