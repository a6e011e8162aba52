"""The learning rates at another width, or rank, at the same place relative to the stability edge.

$ gamma-calc transfer init-a --lr 2e-4 --from-width 768 --to-width 4096 --from-rank 8 --to-rank 64 --alpha fixed
init-a under adam, from width 768, rank 8 to width 4096, rank 64
rate   given   transferred  law
eta_A  0.0002  8.66025e-05  n^(-1/2) r^(0)
eta_B  0.0002  8.66025e-05  n^(-1/2) r^(0)
...
lora_alpha is taken as kept: s goes as r^(-1) from rank to rank.

SPEC may also be an adapter_config.json. From one rank to another the answer depends on lora_alpha: --alpha fixed where
it is kept (s = alpha/r falls), proportional where alpha/r is. A spec's scale says it, and one that is no power of the
rank is alpha in proportion to r; a configuration says it where rank_pattern and alpha_pattern show it.

From one model to another each kind of layer goes by its own fan-in, with r and s as the adapters have them. A CONFIG is
a folder or a file with a model's config.json; no weight is read:

$ gamma-calc transfer init-a --lr 2e-4 --from ./1b --to ./8b --adapter adapter_config.json
init-a under adam, from ./1b to ./8b
layer      count  fan-in         rank  s  eta_A                  eta_B                  law
q_proj     32     2048 -> 4096   8     2  0.0002 -> 0.000141421  0.0002 -> 0.000141421  n^(-1/2)
v_proj     32     2048 -> 4096   8     2  0.0002 -> 0.000141421  0.0002 -> 0.000141421  n^(-1/2)
down_proj  32     8192 -> 14336  8     2  0.0002 -> 0.000151186  0.0002 -> 0.000151186  n^(-1/2)
...

Where the adapters' use_rslora differs, or lora_alpha is neither kept nor in proportion to r, rates go by s as it stands
at both ends: n^(-1/2) r^(-1/2) s^(-1/2) for Init[A].

That is the law of one module. --network carries by the largest rate of the whole model, as gamma-calc model derives it
(seconds, and a minute or more for LoRA+ on all linear layers); the two models have to be of one class and one rank,
and LoRA+ from Init[A] (lora-plus-a) needs equal depth.

A free rate takes its largest stable value, which is derived. --lr is A's rate at the first place, and B's unless --lr-b
is given: a scheme says how the ratio of the two grows (LoRA+: in proportion to n), never what it is at one width.
--without and --align move the edge; where it is not known any more, neither are the rates.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gamma_calc.cli.options import add_question_arguments, positive, schemes, show, supposition_arguments, whole
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.alpha import AlphaReading, alpha_convention, alpha_named
from gamma_calc.derivation.transfer import transfer
from gamma_calc.document.tables import text_table
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface.adapter_config import AdapterConfig
from gamma_calc.huggingface.adapter_file import config_from_file, is_config
from gamma_calc.huggingface.dora import NOTE, check_dora_law
from gamma_calc.huggingface.implemented_scheme import adapter_scheme
from gamma_calc.program.scheme import INITIAL, Scheme

if TYPE_CHECKING:
    from gamma_calc.huggingface.adapters import Adapter
    from gamma_calc.huggingface.network_rates import NetworkEdge

OF_MICA = (
    "The entries of MiCA's B are of size fan_out^(-1/2): these are rates of layers whose fan-out grows with their "
    "fan-in."
)
BETWEEN_MODELS = "Between models (--from, --to) each layer goes by its own."
OF_OTHERS = (
    "Trained beside A and B, by default at the adapters' rate: {}. No rate here is theirs; scheme_optimizer gives them "
    "other_learning_rate."
)
OF_EMBEDDINGS = "By name {} is an embedding, which has another law (gamma-calc lint); these are rates of linear layers."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, the rates, the widths, the ranks and --alpha."""
    add_question_arguments(parser, may_align_freely=False)
    parser.add_argument("--lr", metavar="X", required=True, type=positive("--lr"), help="the rate at the first place")
    parser.add_argument("--lr-b", metavar="X", type=positive("--lr-b"), help="B's rate there (that of --lr)")
    for axis in ("width", "rank"):
        for end in ("from", "to"):
            option = f"--{end}-{axis}"
            also = f"; a number of parameters is no width: --{end} takes a config.json" if axis == "width" else ""
            words = f"the {axis} to carry the rate {end}"
            parser.add_argument(option, metavar="N", type=whole(option, also=also), help=words)
    for end in ("from", "to"):
        words = f"the model to carry the rate {end}: a folder or file with its config.json"
        parser.add_argument(f"--{end}", metavar="CONFIG", help=words)
    words = "the adapter_config.json in both models (every linear layer, at one rank)"
    parser.add_argument("--adapter", metavar="FILE", type=Path, help=words)
    parser.add_argument("--to-adapter", metavar="FILE", type=Path, help="the one in the second model (--adapter)")
    words = "between models: carry by the largest rate of the whole model, as gamma-calc model derives it"
    parser.add_argument("--network", action="store_true", help=words)
    words = " or ".join(reading.value for reading in AlphaReading)
    parser.add_argument("--alpha", metavar="READING", type=alpha_named, help=f"lora_alpha from rank to rank: {words}")


def answer(options: argparse.Namespace) -> int:
    """Print the rates."""
    (spec,) = options.specs
    config = config_from_file(Path(spec)) if is_config(spec) else None
    if _is_between_models(options):
        return _between_models(options, config)
    if config is not None and config.has_only_embeddings:
        targets = ", ".join(config.embeddings)
        raise BadInput(
            f"{spec}: {targets} is an embedding by name, with another law than linear layers: see gamma-calc lint"
        )
    if config is not None and options.from_rank == options.to_rank:
        options.from_rank = options.to_rank = _own_rank(options, config)
    elif config is not None and options.to_rank is not None:
        options.from_rank = _own_rank(options, config)
    found = transfer(
        schemes(options, [spec])[0] if config is None else adapter_scheme(config),
        learning_rate=options.lr,
        learning_rate_b=options.lr_b,
        from_width=options.from_width,
        to_width=options.to_width,
        from_rank=options.from_rank,
        to_rank=options.to_rank,
        **supposition_arguments(options),
        alpha=options.alpha if config is None else _alpha(options, config),
        is_rank_stabilised=config is not None and config.is_rank_stabilised,
        scale=None if config is None else abs(config.scale),
    )
    if config is None:
        show(options, found.json, lambda: str(found))
        return 0
    if config.is_dora:
        with shown_runs():
            check_dora_law(found.scheme, found.policy, with_rank=options.from_rank is not None)
    slips = [f"{spec}: {note}" for note in config.notes]
    told = [*_of_the_configuration(config)]
    lines = [*told, f"Read from {spec}: {config}.", *slips]
    answered = found.json()
    answered |= {"read": config.json(), "notes": [*answered["notes"], *told, *slips]}
    show(options, lambda: answered, lambda: "\n".join([str(found), *lines]))
    return 0


def _of_the_configuration(config: AdapterConfig) -> Iterator[str]:
    """What the rates of a configuration's adapters are of."""
    if names := config.embeddings:
        yield OF_EMBEDDINGS.format(", ".join(names))
    if config.initialisation.is_b_of_fan_out:
        yield f"{OF_MICA} {BETWEEN_MODELS}" if config.initialisation.is_b_frozen else OF_MICA
    if config.is_dora:
        yield NOTE
    yield from _trained_beside(config)


def _trained_beside(config: AdapterConfig) -> Iterator[str]:
    """What else is trained, at a rate that is none of these."""
    if names := config.trained_beside:
        yield OF_OTHERS.format(", ".join(names))


def _of_the_files(configs: Mapping[Path, AdapterConfig]) -> Iterator[str]:
    """What of each file PEFT reads otherwise than it looks, and what else it trains."""
    for file, config in configs.items():
        yield from (f"{file}: {note}" for note in (*config.keys.notes, *_trained_beside(config)))


def _own_rank(options: argparse.Namespace, config: AdapterConfig) -> int:
    """The rank to carry from: the configuration's, or one that its layers have by rank_pattern."""
    ranks = [config.rank, *(rank for rank, _ in config.linear_sizes.values())]
    if options.from_rank not in (None, *ranks):
        expected = f"{' or '.join(map(str, dict.fromkeys(ranks)))}, as {options.specs[0]} has it"
        raise BadInput("--from-rank", found=options.from_rank, expected=expected)
    return config.rank if options.from_rank is None else int(options.from_rank)


ENDS = ("from", "to")
WIDTHS = ("from_width", "to_width")


def _is_between_models(options: argparse.Namespace) -> bool:
    """Whether the ends are models; else they are widths.

    Raises:
        BadInput: an end is missing, or the two are of different kinds.
    """
    given = [name for name in (*ENDS, *WIDTHS) if getattr(options, name) is not None]
    if given not in ([*ENDS], [*WIDTHS]):
        found = " ".join(f"--{name.replace('_', '-')}" for name in given) or "nothing"
        raise BadInput(
            f"the two ends: found {found}; expected --from-width N --to-width N, or --from CONFIG --to CONFIG"
        )
    is_between_models = given == [*ENDS]
    others = ("from_rank", "to_rank") if is_between_models else ("adapter", "to_adapter", "network")
    for name in others:
        if (value := getattr(options, name)) not in (None, False):
            why = "it goes with --from CONFIG --to CONFIG; leave it out"
            if is_between_models:
                file = "--adapter" if name == "from_rank" else "--to-adapter"
                why = f"between models the rank stands in a file; give {file} FILE with r = {value}, and its lora_alpha"
            raise BadInput(f"--{name.replace('_', '-')}: {why}")
    return is_between_models


def _between_models(options: argparse.Namespace, config: AdapterConfig | None) -> int:
    from gamma_calc.huggingface.layers import adapted_shapes, adapter_from
    from gamma_calc.huggingface.model_transfer import carried_pairs, paired_kinds

    (spec,) = options.specs
    first = options.adapter or (None if config is None else Path(spec))
    files: tuple[Path | None, Path | None] = (first, options.to_adapter or first)
    start, end = (
        adapted_shapes(Path(getattr(options, name)), None if file is None else adapter_from(file))
        for name, file in zip(ENDS, files, strict=True)
    )
    scheme = schemes(options, [spec])[0] if config is None else adapter_scheme(config)
    pairs = paired_kinds(start, end)
    named = [(file, config_from_file(file)) for file in dict.fromkeys(files) if file is not None]
    every = named if config is None else [(Path(spec), config), *named]
    _check_starts(every)
    is_mica = any(each.initialisation.is_b_frozen for _, each in named)
    if config is not None and config.initialisation.is_b_of_fan_out and scheme.is_trained(INITIAL[1]):
        expected = '"mica": under another spelling PEFT trains B, which has no law between models here'
        raise BadInput(f"{spec}: init_lora_weights", found=config.initialisation.name, expected=expected)
    if is_mica and scheme.is_trained(INITIAL[1]):
        raise BadInput(
            f"{scheme.name}: B", found="trained", expected="frozen, as MiCA has it: give the adapter as SPEC"
        )
    if is_mica and options.network:
        raise BadInput("--network goes by the width, and the rates of MiCA by the fan-out too; leave it out")
    network = _network(options, scheme, files) if options.network else None
    found = carried_pairs(
        scheme,
        pairs,
        learning_rate=options.lr,
        learning_rate_b=options.lr_b,
        alpha=options.alpha,
        is_mica=is_mica,
        network=network,
        **supposition_arguments(options),
    )
    title = f"{found.one.title}, from {getattr(options, 'from')} to {options.to}"
    notes = [*found.notes, *([] if config is not None else _starts_of_its_own(scheme, named))]
    notes += [*_of_the_files(dict(every)), *_passed_over(options, (start, end), files), *_by_default(options)]
    show(
        options,
        lambda: {**found.json(), **({} if config is None else {"read": config.json()}), "notes": notes},
        lambda: "\n".join([title, text_table(found.table()), *notes]),
    )
    return 0


def _passed_over(
    options: argparse.Namespace, adapters: Sequence[Sequence[Adapter]], files: Sequence[Path | None]
) -> list[str]:
    """What of the files no layer of their models is called, though others are adapted."""
    from gamma_calc.huggingface.layers import adapter_from, named_targets, notes_of_targets, on_meta

    found = []
    for end, layers, file in zip(ENDS, adapters, files, strict=True):
        config = None if file is None else adapter_from(file)
        if not all(any(each.name.endswith(name) for each in layers) for name in named_targets(config)):
            found += [f"{file}: {note}" for note in notes_of_targets(on_meta(getattr(options, end)), config)]
    return list(dict.fromkeys(found))


def _by_default(options: argparse.Namespace) -> Iterator[str]:
    """What sizes of the models are not in their files."""
    from gamma_calc.huggingface.layers import sizes_by_default

    for path in dict.fromkeys(getattr(options, end) for end in ENDS):
        for name, size in sizes_by_default(Path(path)).items():
            yield f"{path} has no {name}: transformers' own {size} is taken"


def _check_starts(named: Sequence[tuple[Path, AdapterConfig]]) -> None:
    """Refuse adapters that do not start alike."""
    for (first, one), (file, other) in pairwise(named):
        if one.initialisation != other.initialisation:
            expected = f"{one.initialisation.name}, as {first} has it; another start has another law"
            raise BadInput(f"{file}: init_lora_weights", found=other.initialisation.name, expected=expected)


def _starts_of_its_own(scheme: Scheme, named: Sequence[tuple[Path, AdapterConfig]]) -> Iterator[str]:
    """That an adapter starts otherwise than the scheme whose rates are carried."""
    for file, config in named:
        try:
            forms = adapter_scheme(config).exponents
        except (BadInput, Unknown):
            forms = {}
        if any(key not in forms or forms[key] != scheme.exponents.get(key) for key in INITIAL):
            start = config.initialisation.name
            yield f"{file} has init_lora_weights={start}; these rates are for A and B that start as in {scheme.name}."


def _network(options: argparse.Namespace, scheme: Scheme, files: tuple[Path | None, Path | None]) -> NetworkEdge:
    from gamma_calc.huggingface.network_rates import network_edge

    asked = supposition_arguments(options)
    if asked.pop("without"):
        raise BadInput("--network with --without: a whole model is derived under all assumptions")
    try:
        with shown_runs():
            return network_edge(getattr(options, "from"), options.to, scheme, adapters=files, **asked)
    except Unknown as problem:
        raise Unknown(f"{problem}; without --network each layer goes by the law of one module") from None


def _alpha(options: argparse.Namespace, config: AdapterConfig) -> AlphaReading | None:
    """What lora_alpha does between the ranks: what the configuration shows, else what was said.

    Raises:
        BadInput: neither says it, or they contradict each other.
    """
    said: AlphaReading | None = options.alpha
    if options.from_rank == options.to_rank:
        return said
    for end, other in (("from", "to"), ("to", "from")):
        if getattr(options, f"{end}_rank") is None:
            raise BadInput(f"--{other}-rank without --{end}-rank: say both ranks, or none")
    if config.is_alpha_mixed:
        raise BadInput(
            f"{options.specs[0]}: by its patterns lora_alpha is neither kept nor in proportion to r, so that no one "
            "law carries rates from rank to rank; leave --from-rank and --to-rank out, or ask between models"
        )
    ranks = f"the rank changes from {options.from_rank} to {options.to_rank}"
    return alpha_convention(said, config.alpha_reading, f"{options.specs[0]} has {config}, and {ranks}")
