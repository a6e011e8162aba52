"""Twins: a model at two sets of sizes, which tell its classes of sizes apart.

A model of transformers is built anew from its configuration with other sizes: of each kind that the configuration has,
heads, their size, the inner size of an MLP, the vocabulary, the rank of adapters, two sizes whose ratio no other has.
Any other module is built by a function of the width.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.tracing.attributes import ATTRIBUTES, SAME_AS_HIDDEN, growing_ranks
from gamma_calc.tracing.capture import Sizes
from gamma_calc.tracing.export import Twin, message_of
from gamma_calc.tracing.sizes import SizeClasses

ADAPTERS = ("LORA", "VERA")
"""Kinds of adapters of PEFT that are traced."""

MULTIPLE = "multiple"
"""How often the number of heads goes into a hidden size that is not that of all heads."""
SIZES: Mapping[str, Sizes] = {
    "kv_heads": (2, 4),
    "groups": (3, 5),
    "heads": (2, 4),
    "head": (8, 24),
    MULTIPLE: (10, 22),
    "intermediate": (46, 118),
    "moe_intermediate": (62, 142),
    "shared_intermediate": (74, 178),
    "vocabulary": (41, 43),
    "experts": (47, 53),
    "rank": (7, 13),
}
"""The sizes of each class in the twins: no two products of a few grow by the same factor. Rotations of a part of a head
ask for a size that 8 divides, ALiBi for a power of two of heads, and some models for even numbers; a hidden size that
is not that of all heads is a multiple of their number."""
GROWTH = {"kv_heads": 1, "heads": 1, "intermediate": 1, "moe_intermediate": 1, "shared_intermediate": 1}
"""The classes that grow with the width, unless it is said otherwise; all others are fixed."""
WIDTHS = (35, 55)
"""Of a module that is built by width."""
DIVIDED = (
    f"the function was called with the widths {' and '.join(map(str, WIDTHS))}: where something has to divide the"
    " width, such as 8 heads, two halves, or the 4 of width // 4, let it make Net(8 * width)"
)
"""What cures most functions of the width that fail."""
POSITIONS = ("max_position_embeddings", "n_positions")
FEWEST_POSITIONS = 16
"""Of a table of positions: a model made for shorter inputs is traced on some of this length too."""
SOURCES = "max_source_positions"
"""Positions of what an encoder hears, which takes two features for one: as few as that."""
ROTATED = "rotary_dim"
"""Coordinates of a head that rotate with the position."""
GROUPS = ("n_group", "topk_group")
"""Groups that a token chooses its experts from: one, as which experts it takes is held."""
SCAN_HEADS, SCAN_HEAD = ("mamba_n_heads", "mamba_num_heads"), ("mamba_d_head", "mamba_head_dim")
SCAN_INNER, SCAN_GROUPS = "mamba_d_ssm", ("mamba_n_groups", "n_groups")
SCAN_CHUNK = ("mamba_chunk_size", "chunk_size")
"""The heads of a Mamba and their size, the product of both, groups of heads that share keys, and tokens of a chunk."""
OF_ROTATION = "qk_rope_head_dim"
"""Coordinates of a head that rotate, where a configuration has as many more that do not."""
WITH_ROTATION = ("head_dim", "qk_head_dim")
"""What is then this size, or that of both."""
SECTIONS = "mrope_section"
"""Parts of a head that rotate by different positions, as of an image."""
NOT_COPIED = ("transformers_version", "stage_names", "out_features", "out_indices")
"""What a configuration tells of its version, and of its number of layers."""


@dataclass(frozen=True, slots=True)
class Twins:
    """A model at two sets of sizes, and the classes of these; `is_own` where a function of the width makes it."""

    name: str
    twins: tuple[Twin, Twin]
    family: SizeClasses
    trained: frozenset[str]
    is_own: bool = False


def twins_of(model: Any, inputs: Mapping[str, Any] | None, growth: Mapping[str, Affine]) -> Twins:
    """The twins of a model of transformers, with adapters of PEFT or without, or of a function of the width.

    Raises:
        BadInput: it is neither, or its configuration has sizes of unknown names.
    """
    if isinstance(model, nn.Module) and _config(model) is not None:
        return _of_transformers(model, inputs, growth)
    if callable(model) and not isinstance(model, nn.Module):
        return _of_function(model, inputs, growth)
    expected = "a model of transformers, with or without PEFT, or a function from a width to a module and its inputs"
    expected += ", such as lambda width: (Net(width), {'x': ...})"
    raise BadInput("what is traced", found=_name(model), expected=expected)


def _config(model: nn.Module) -> Any:
    """The configuration of a model of transformers; None of any other."""
    config = getattr(_base(model), "config", None)
    return config if hasattr(config, "attribute_map") else None


def _name(model: Any) -> str:
    return type(_base(model)).__name__


def _base(model: nn.Module) -> Any:
    """The model below PEFT's wrapping."""
    unwrapped: Any = getattr(model, "get_base_model", None)
    return model if unwrapped is None else unwrapped()


def _of_function(build: Callable[[int], Any], inputs: Mapping[str, Any] | None, growth: Mapping[str, Affine]) -> Twins:
    built = [_built(build, width) for width in WIDTHS]
    made = [each if isinstance(each, tuple) else (each, inputs) for each in built]
    if not all(isinstance(module, nn.Module) and isinstance(given, Mapping) for module, given in made):
        expected = "a module, with inputs given; or a module and its inputs by name, (module, {name: tensor})"
        raise BadInput("what the function of the width returns", found=type(built[0]).__name__, expected=expected)
    first, second = (Twin(module, _renamed_inputs(module, given)) for module, given in made)
    shapes = [[each.shape for each in twin.model.parameters()] for twin in (first, second)]
    if shapes[0] == shapes[1]:
        widths = " and ".join(map(str, WIDTHS))
        raise BadInput(
            "what the function of the width returns",
            found=f"a {_name(first.model)} of the same shapes at the widths {widths}",
            expected="one whose matrices grow with the width",
        )
    family = SizeClasses({"width": (WIDTHS[0], WIDTHS[1])}, {"width": growth.get("width", Affine.of(1))})
    return Twins(_name(first.model), (first, second), family, _trained(first.model), is_own=True)


def _built(build: Callable[[int], Any], width: int) -> Any:
    try:
        return build(width)
    except Exception as problem:  # whatever a function's own code raises
        said = str(problem) if isinstance(problem, BadInput) else f"{type(problem).__name__}: {problem}"
        raise BadInput(f"what the function of the width makes at {width}: {said}; {DIVIDED}") from problem


@contextmanager
def asked_for_widths(twins: Twins) -> Iterator[None]:
    """What is wrong with a function of the width, told with its widths where the module fails at one by itself."""
    try:
        yield
    except BadInput:
        failures = zip(WIDTHS, map(_failure, twins.twins), strict=True)
        width, said = next(((width, said) for width, said in failures if said), (0, ""))
        if not twins.is_own or not said:
            raise
        raise BadInput(f"{twins.name}: called at the width {width} it fails: {said}; {DIVIDED}") from None


def _failure(twin: Twin) -> str:
    """How a module fails that is called with its inputs, and where; empty where it does not."""
    try:
        with torch.no_grad():
            twin.model(**twin.inputs)
    except Exception as problem:  # whatever a module's own code raises
        return message_of(problem)
    return ""


def _renamed_inputs(module: nn.Module, given: Any) -> Mapping[str, Any]:
    names = inspect.signature(module.forward).parameters
    if not set(given) <= set(names) and not any(each.kind is each.VAR_KEYWORD for each in names.values()):
        raise BadInput("inputs", found=sorted(set(given) - set(names)), expected=f"some of {', '.join(names)}")
    return dict(given)


def _trained(model: nn.Module) -> frozenset[str]:
    return frozenset(name for name, value in model.named_parameters() if value.requires_grad)


def _of_transformers(model: nn.Module, inputs: Mapping[str, Any] | None, growth: Mapping[str, Affine]) -> Twins:
    config, base = _config(model), _base(model)
    given = _within(_inputs(base) if inputs is None else inputs, SIZES["vocabulary"][0])
    classes, products = _classes(config, has_adapters=base is not model)
    twins = _twins(model, given, classes)
    # A copy, as a forward pass may put the parameters of PEFT's layers in another order.
    if MULTIPLE in classes and _is_all_heads(config) and _failure(copy.deepcopy(twins[0])):
        classes, products = _classes(config, has_adapters=base is not model, is_all_heads=True)
        twins = _twins(model, given, classes)
    sizes: dict[str, Sizes] = {name: SIZES[name] for name in classes}
    exponents = {name: growth.get(name, Affine.of(GROWTH.get(name, 0))) for name in classes}
    first = next(iter(given.values()))
    fixed = dict(zip(reversed(first.shape[:2]), ("token", "batch"), strict=False)) if first.ndim == 2 else {}
    return Twins(type(base).__name__, twins, SizeClasses(sizes, exponents, products, fixed), _trained(model))


def _twins(model: nn.Module, given: Mapping[str, Any], classes: tuple[str, ...]) -> tuple[Twin, Twin]:
    """A model at the two sizes of each class."""
    first, second = (Twin(_twin(model, {name: SIZES[name][place] for name in classes}), given) for place in (0, 1))
    return first, second


def _twin(model: nn.Module, sizes: Mapping[str, int]) -> nn.Module:
    """The model at other sizes."""
    config, base = _config(model), type(_base(model))
    try:
        smaller = _resized(config, sizes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _with_adapters(base(smaller), model, sizes)
    except BadInput:
        raise
    except Exception as problem:  # whatever a model's own code asks of its sizes
        tried = ", ".join(f"{name} {size}" for name, size in sizes.items())
        said = " ".join(str(problem).split())
        expected = "a model that can be; or a function from a width to the module and its inputs"
        raise BadInput(f"{base.__name__}: cannot be built at the sizes {tried}: {said}", expected=expected) from None


def _inputs(base: Any) -> Mapping[str, Any]:
    """What a model is called with: tokens, an image of the size that it takes, or the features of a sound."""
    name, config, ids = base.main_input_name, base.config, torch.arange(2 * 5).reshape(2, 5)
    match name:
        case "input_ids":
            main = ids
        case "pixel_values" if hasattr(config, "image_size"):
            sides = (config.image_size,) * 2 if isinstance(config.image_size, int) else tuple(config.image_size)
            main = _waves(2, config.num_channels, *sides)
        case "input_features" if hasattr(config, "num_mel_bins") and hasattr(config, SOURCES):
            main = _waves(2, config.num_mel_bins, 2 * FEWEST_POSITIONS)
        case _:
            called = type(base).__name__
            raise BadInput(f"{called}: no {name} are known to call it with", expected="some, as traced(inputs=...)")
    return {name: main, "decoder_input_ids": ids[:, :3]} if config.is_encoder_decoder else {name: main}


def _waves(*sizes: int) -> torch.Tensor:
    """Numbers of size 1 that do not repeat."""
    return torch.arange(float(prod(sizes))).sin().reshape(sizes)


def _within(given: Mapping[str, Any], vocabulary: int) -> Mapping[str, Any]:
    """The inputs with tokens that a small vocabulary has."""
    return {name: value % vocabulary if name.endswith("input_ids") else value for name, value in given.items()}


def _attribute(config: Any, kind: str) -> str | None:
    """What a configuration calls a kind of size, if it has one."""
    return next((name for name in _names(config, kind) if name in config.to_dict()), None)


def _names(config: Any, kind: str) -> list[str]:
    """The names that a kind of size may have in a configuration, as it writes them."""
    return [config.attribute_map.get(name, name) for name in ATTRIBUTES[kind]]


def _is_all_heads(config: Any) -> bool:
    """Whether the hidden size is that of all heads together."""
    known = config.to_dict()
    heads, head, hidden = (known[str(_attribute(config, kind))] for kind in ("heads", "head", "hidden"))
    return bool(heads * head == hidden)


def _classes(
    config: Any, *, has_adapters: bool, is_all_heads: bool = False
) -> tuple[tuple[str, ...], Mapping[frozenset[str], str]]:
    """The classes of sizes of a configuration, and the names of their products.

    A hidden size beside the size of a head is one of its own, unless the model asks for that of all heads together. A
    model without heads has a hidden size of so many coordinates all the same.
    """
    heads, kv_heads, head = (_attribute(config, kind) for kind in ("heads", "kv_heads", "head"))
    known = config.to_dict()
    if _attribute(config, "hidden") is None:
        expected = "a configuration of transformers with a hidden size"
        raise BadInput("the configuration", found=type(config).__name__, expected=expected)
    is_grouped = heads is not None and kv_heads is not None and known[kv_heads] not in (None, known[heads])
    found = ["kv_heads", "groups"] if is_grouped else ["heads"]
    every = frozenset(found)
    products = {every: "heads"} if is_grouped else {}
    if head is not None and known[head] is not None and not is_all_heads:
        products |= {every | {MULTIPLE}: "hidden", every | {"head"}: "features"}
        found += [MULTIPLE]
    else:
        products |= {every | {"head"}: "hidden"}
    if is_grouped:
        products |= {frozenset({"kv_heads", "head"}): "kv_features"}
    kinds = ("intermediate", "moe_intermediate", "shared_intermediate", "vocabulary", "experts")
    others = [kind for kind in kinds if _attribute(config, kind)]
    return (*found, "head", *others, *(["rank"] if has_adapters else [])), products


def _resized(config: Any, sizes: Mapping[str, int]) -> Any:
    """The configuration with other sizes, and the attention that is written out in operations."""
    heads = sizes["heads"] if "heads" in sizes else sizes["kv_heads"] * sizes["groups"]
    hidden = heads * sizes.get(MULTIPLE, sizes["head"])
    every = {**sizes, "heads": heads, "hidden": hidden}
    if _attribute(config, "kv_heads"):
        every["kv_heads"] = sizes.get("kv_heads", heads)
    changed = {name: every[kind] for kind in ATTRIBUTES if kind in every for name in _names(config, kind)}
    changed |= dict.fromkeys(SAME_AS_HIDDEN, hidden)
    known = config.to_dict()
    changed |= {name: max(known[name], FEWEST_POSITIONS) for name in POSITIONS if isinstance(known.get(name), int)}
    changed |= {SOURCES: FEWEST_POSITIONS}
    found = {name: value for name, value in known.items() if name not in changed and name not in NOT_COPIED}
    found |= {
        name: value
        for name, value in changed.items()
        if name in known and (known[name] is not None or name != "head_dim")
    }
    for name, value in known.items():
        if name.endswith("token_id") and isinstance(value, int) and value >= SIZES["vocabulary"][0]:
            found[name] = 1
    if isinstance(known.get(ROTATED), int):
        width, count, head = (known.get(_attribute(config, kind)) for kind in ("hidden", "heads", "head"))
        found[ROTATED] = 2 * max(1, known[ROTATED] * sizes["head"] // (2 * (head or width // count)))
    rotation = found.get("rope_parameters") or {}
    if SECTIONS in rotation or SECTIONS in getattr(config, "ignore_keys_at_rope_validation", ()):
        total = int(sizes["head"] * rotation.get("partial_rotary_factor", 1)) // 2
        found["rope_parameters"] = {**rotation, SECTIONS: _sections(rotation.get(SECTIONS, (1, 1, 1)), total)}
    found |= _scan_sizes(known, heads, sizes["head"], hidden)
    if (old := known.get(_attribute(config, "hidden"))) is not None:
        found |= dict.fromkeys(growing_ranks(config, old), hidden // 4)
    for name in WITH_ROTATION:
        if OF_ROTATION in known and isinstance(known.get(name), int):
            found[name] = sizes["head"] if known[name] == known[OF_ROTATION] else 2 * sizes["head"]
    found |= {name: 1 for name in (*GROUPS, *SCAN_GROUPS) if isinstance(known.get(name), int)}
    found |= {"use_cache": False} if "use_cache" in known or hasattr(config, "use_cache") else {}
    return type(config)(**found, attn_implementation="eager", experts_implementation="batched_mm")


def _scan_sizes(known: Mapping[str, Any], heads: int, head: int, hidden: int) -> dict[str, int]:
    """The sizes of a Mamba: as many heads as attention has, of that size or of what its expansion says."""
    is_beside_attention = any(name in known for name in SCAN_HEADS)
    expansion, size = ("mamba_expand", SCAN_HEAD) if is_beside_attention else ("expand", ("head_dim",))
    if not is_beside_attention and expansion not in known:
        return {}
    inner = hidden * known[expansion] if expansion in known else heads * head
    sizes = dict.fromkeys(SCAN_HEADS, heads) | dict.fromkeys(size, inner // heads)
    sizes |= {SCAN_INNER: inner} | dict.fromkeys(SCAN_CHUNK, FEWEST_POSITIONS)
    return {name: size for name, size in sizes.items() if isinstance(known.get(name), int)}


def _sections(shares: Sequence[int], total: int) -> list[int]:
    """As many coordinates in sections of about these shares; what is left over is the first one's."""
    others = [share * total // sum(shares) for share in shares[1:]]
    return [total - sum(others), *others]


def _with_adapters(base: nn.Module, model: nn.Module, sizes: Mapping[str, int]) -> nn.Module:
    configs = getattr(model, "peft_config", None)
    if configs is None or not hasattr(model, "get_base_model"):
        return _as_trained(base, model)
    chosen = copy.deepcopy(configs[model.active_adapter])
    if getattr(chosen.peft_type, "value", chosen.peft_type) not in ADAPTERS:
        expected = f"{' or '.join(ADAPTERS)}; gamma_calc.program.adapters has others, as a problem of one module"
        raise BadInput("an adapter of PEFT", found=str(chosen.peft_type.value), expected=expected)
    for name, value in {"r": sizes["rank"], "rank_pattern": {}, "alpha_pattern": {}}.items():
        if hasattr(chosen, name):
            setattr(chosen, name, value)
    twin = type(model)(base, chosen, model.active_adapter)
    if len({(each.in_features, each.out_features) for each in twin.modules() if hasattr(each, "vera_lambda_b")}) > 1:
        _enlarge(twin)
    return _as_trained(twin, model)


def _enlarge(twin: Any) -> None:
    """Make the matrices that VeRA's layers share larger than any layer's part: in no twin is one a layer's own."""
    for held, place in ((twin.base_model.vera_A, 1), (twin.base_model.vera_B, 0)):
        for name, matrix in held.items():
            held[name] = torch.cat((matrix, matrix.narrow(place, 0, 1)), place)


def _as_trained(twin: nn.Module, model: nn.Module) -> nn.Module:
    """The twin, with what requires a gradient in the model."""
    wanted = {name: value.requires_grad for name, value in model.named_parameters()}
    for name, value in twin.named_parameters():
        value.requires_grad_(wanted.get(name, False))
    return twin
