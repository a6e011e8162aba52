"""Learning rates from one model to another, layer by layer: each kind of layer has its own fan-in at both ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gamma_calc.algebra import Affine
from gamma_calc.analysis.edge_law import EdgeLaw
from gamma_calc.derivation.alpha import SCALE, AlphaReading, alpha_convention, alpha_reading, check_scale, says_scale
from gamma_calc.derivation.transfer import (
    LEFT_OPEN,
    Place,
    TransferLaw,
    Transferred,
    carried_rates,
    power_json,
    transfer_law,
)
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface.adapters import Adapter
from gamma_calc.huggingface.dora import NOTE, check_dora_law
from gamma_calc.huggingface.implemented_scheme import through_fan_out
from gamma_calc.huggingface.layers import NAMED_CLASS, LayerKind, differences, layer_kinds
from gamma_calc.program.models import check_module
from gamma_calc.program.scheme import RATES, Scheme

if TYPE_CHECKING:
    from gamma_calc.huggingface.network_rates import NetworkEdge

NOT_IN_THE_LAW = "Depth, batch size and the number of steps are not in the law."
NOT_IN_THE_LAW_OF_A_NETWORK = "Batch size and the number of steps are not in the law."

ADVICE = "so each goes by its own name: give all the same, or leave them out of the adapter"
MOST_NAMES = 8
"""Of kinds of layers in one message."""

KEPT = "keep s = lora_alpha/r (lora_alpha/r^(1/2) with use_rslora) from the first model to the second"
OF_FAN_OUT = "m is the fan-out of a layer."
OF_STREAM = (
    "n of {} is the width of the residual stream, {} -> {}: the answer is for one rate in all layers, and their own "
    "fan-in is smaller."
)

Pair = tuple[LayerKind, LayerKind]
"""A kind of layer in the model where the rate was found, and in the one it is carried to."""


@dataclass(frozen=True, slots=True)
class LayerRates:
    """The rates of each kind of layer, with its shapes at both ends.

    `network` is the whole model whose edge they follow, None for that of one module.
    """

    pairs: Mapping[str, Pair]
    layers: Mapping[str, Transferred]
    network: NetworkEdge | None = None

    @property
    def one(self) -> Transferred:
        """Of any kind: what is said of the scheme is said of all."""
        return next(iter(self.layers.values()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known to use the rates."""
        network, every = self.network, self.layers.values()
        notes = [LEFT_OPEN, *((network.note,) if network else (note for each in every for note in each.scope))]
        notes += [note for each in every for note in each.remarks]
        if self.has_fan_out:
            notes.append(OF_FAN_OUT)
        if network and (inner := self._narrower(network.widths)):
            notes.append(OF_STREAM.format(_listed(inner), *network.widths))
        of_dora = [NOTE] if any(end.is_dora for _, end in self.pairs.values()) else []
        return tuple(dict.fromkeys([*notes, *of_dora, NOT_IN_THE_LAW_OF_A_NETWORK if network else NOT_IN_THE_LAW]))

    @property
    def has_fan_out(self) -> bool:
        """Whether a law goes by the fan-out too."""
        return any(each.law.has_fan_out for each in self.layers.values())

    def _narrower(self, widths: Sequence[int]) -> list[str]:
        """The kinds of layers that see less than the residual stream, at one end at least."""
        return [
            name
            for name, pair in self.pairs.items()
            if any(kind.fan_in < width for kind, width in zip(pair, widths, strict=True))
        ]

    def table(self) -> list[tuple[str, ...]]:
        """The shapes and the rates at both ends, a row for each kind of layer."""
        rates = tuple(self.one.rates)
        words = ("fan-in", *(("fan-out",) if self.has_fan_out else ()), "rank", "s")
        rows: list[tuple[str, ...]] = [("layer", "count", *words, *rates, "law")]
        for name, (start, end) in self.pairs.items():
            there = self.layers[name]
            first, second = (
                {"fan-in": each.fan_in, "fan-out": each.fan_out, "rank": each.rank, "s": each.scale}
                for each in (start, end)
            )
            ends = [(first[word], second[word]) for word in words]
            sizes = [f"{a:g}" if a == b else f"{a:g} -> {b:g}" for a, b in ends]
            carried_rates = (f"{there.given[key]:g} -> {there.rates[key]:g}" for key in rates)
            laws = dict.fromkeys(there.law.power(key) for key in rates)
            rows.append((name, str(end.count), *sizes, *carried_rates, ", ".join(laws)))
        return rows

    def json(self) -> dict[str, Any]:
        """The answer as plain data: what is shared, and the rates of each kind of layer."""
        of_one = self.one.json()
        shared = {key: of_one[key] for key in ("schema", "scheme", "optimizer", "stable", "alpha")}
        layers = [
            {
                "layer": name,
                "count": end.count,
                **{key: found.rates.get(key) for key in RATES},
                "exponent": {key: _powers_json(form, found.law) for key, form in found.law.exponents.items()},
                "from": _end_json(start, found.given),
                "to": _end_json(end, found.rates),
            }
            for (name, (start, end)), found in zip(self.pairs.items(), self.layers.values(), strict=True)
        ]
        network = None if self.network is None else self.network.json()
        return {**shared, "layers": layers, "network": network, "notes": list(self.notes)}


def _powers_json(form: Affine, law: EdgeLaw) -> dict[str, str | None]:
    """The exponents of a monomial, also of the fan-out and s; None for what does not vary, or no rate goes by."""
    fan_out = str(form.coefficient(law.phi)) if law.phi is not None and law.has_fan_out else None
    scale = None if law.sigma is None else str(form.coefficient(law.sigma))
    return {**power_json(form, law.rho), "fan_out": fan_out, "scale": scale}


def _end_json(kind: LayerKind, rates: Mapping[str, float]) -> dict[str, Any]:
    sizes = {
        "width": kind.fan_in,
        "fan_out": kind.fan_out,
        "rank": kind.rank,
        "lora_alpha": kind.alpha,
        "scale": kind.scale,
    }
    return {**sizes, **{key: rates.get(key) for key in RATES}}


def paired_kinds(start: Sequence[Adapter], end: Sequence[Adapter]) -> Mapping[str, Pair]:
    """The kinds of the adapted layers at the end, each with the one of its name at the start."""
    before, after = layer_kinds(start, end)
    if missing := [name for name in after if name not in before]:
        found = f"adapted layers that the first model does not have: {_listed(missing)}; it has {_listed(before)}"
        mixed = dict.fromkeys(differences(name, kinds) for name in missing for kinds in (before, after))
        reasons = [f"{each} differs from layer to layer, {ADVICE}" for each in mixed if each]
        if any(name.endswith(f".{other}") or other.endswith(f".{name}") for name in missing for other in before):
            reasons.append(
                f"such names differ as with a head and without: each model has to name its class, {NAMED_CLASS}"
            )
        raise BadInput("; ".join((found, *reasons)))
    pairs = {name: (before[name], kind) for name, kind in after.items()}
    for name, (first, second) in pairs.items():
        if first.is_dora != second.is_dora:
            raise BadInput(f"{name}: use_dora is set at one end and not at the other")
    return pairs


def _listed(names: Collection[str]) -> str:
    """The names, of many only the first."""
    shown, rest = list(names)[:MOST_NAMES], len(names) - MOST_NAMES
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def check_one_scale(pairs: Mapping[str, Pair]) -> None:
    """Refuse pairs of kinds between which a law of whole models does not carry.

    Raises:
        BadInput: the s of one goes by no one reading of lora_alpha.
    """
    if apart := _apart(pairs):
        raise BadInput(f"{apart}: the law of whole models carries at one s; {KEPT}, or leave --network out")


def _apart(pairs: Mapping[str, Pair]) -> str:
    """The first kind of layers whose s goes by no one reading of lora_alpha, in words; nothing where there is none.

    Its use_rslora changes, its lora_alpha does at one rank, or is neither kept nor in proportion to r, or others keep
    the other of the two.
    """
    readings = {name: alpha_reading((kind.rank, kind.alpha) for kind in pair) for name, pair in pairs.items()}
    moved = {readings[name] for name, (start, end) in pairs.items() if start.rank != end.rank}
    for name, pair in pairs.items():
        start, end = pair
        is_read = start.alpha == end.alpha if start.rank == end.rank else len(moved - {None}) == len(moved) == 1
        if not is_read or start.is_rank_stabilised != end.is_rank_stabilised:
            return f"{name} has {_points(pair)}"
    return ""


def _points(pair: Pair) -> str:
    """The rank, the alpha and the kind of scale at both ends."""
    has_both = pair[0].is_rank_stabilised != pair[1].is_rank_stabilised
    return "; ".join(
        f"r = {kind.rank}, lora_alpha = {kind.alpha:g}"
        + (f", use_rslora = {str(kind.is_rank_stabilised).lower()}" if has_both else "")
        for kind in pair
    )


def _alpha_between(scheme: Scheme, pairs: Mapping[str, Pair], said: AlphaReading | None) -> AlphaReading | None:
    """What lora_alpha does from the first model to the second, where that is one thing; None where no rank changes."""
    moved = {name: pair for name, pair in pairs.items() if pair[0].rank != pair[1].rank}
    readings = {name: alpha_reading((kind.rank, kind.alpha) for kind in pair) for name, pair in moved.items()}
    for name, reading in readings.items():
        points = _points(moved[name])
        if says_scale(scheme):
            is_rslora = moved[name][1].is_rank_stabilised
            check_scale(scheme, reading, f"{name} has {points}", is_rank_stabilised=is_rslora)
        else:
            alpha_convention(said, reading, f"{name} has {points}")
    return next(iter(readings.values()), None)


def law_between(
    scheme: Scheme,
    pairs: Mapping[str, Pair],
    alpha: AlphaReading | None,
    *,
    is_mica: bool = False,
    network: NetworkEdge | None = None,
    **asked: Any,
) -> tuple[TransferLaw, AlphaReading | None]:
    """The law by which rates go from the first model's layers to the second's, and how lora_alpha is read in it.

    Args:
        alpha: what was said of lora_alpha; the models show it by themselves.
        is_mica: whether B is MiCA's, whose size goes by the fan-out.
        network: the edge to follow in place of one module's, that of the whole models, whose axes grow as one.
        asked: as for `transfer_law`.

    Raises:
        BadInput, Unknown: lora_alpha contradicts what was said or what the scheme says; s goes by no one reading of it,
            which a law of whole models does not follow; or as `transfer_law`.
    """
    check_module(scheme.model, "a transfer from model to model")
    is_dora = any(end.is_dora for _, end in pairs.values())
    if network is not None:
        check_one_scale(pairs)
    apart = _apart(pairs)
    if apart:
        _check_followed(apart, scheme, alpha, is_dora=is_dora)
    shown = None if apart else _alpha_between(scheme, pairs, alpha)
    reading = None if says_scale(scheme) else shown
    if network is not None:
        asked["at"] = {**(asked.get("at") or {}), network.rate: network.exponent}
    law = law_in(
        [end for _, end in pairs.values()],
        scheme,
        is_mica=is_mica,
        is_of_network=network is not None,
        with_rank=bool(apart) or shown is not None,
        with_scale=bool(apart),
        alpha=reading,
        **asked,
    )
    if network is not None:  # of a rate that is fixed a module would say it
        law = replace(law, pieces=tuple(replace(piece, is_stable=True) for piece in law.pieces))
    return law, reading


def law_in(
    layers: Sequence[LayerKind | Adapter],
    scheme: Scheme,
    *,
    is_mica: bool,
    is_of_network: bool = False,
    with_rank: bool,
    **asked: Any,
) -> TransferLaw:
    """The law of the rates in some layers: it goes by the fan-out as well, but for DoRA's and for a whole model's.

    Raises:
        BadInput, Unknown: as `through_fan_out` and `transfer_law`, or DoRA's layers have another law.
    """
    is_dora = any(each.is_dora for each in layers)
    is_alone = not (is_of_network or is_dora)
    with_fan_out = is_mica or is_alone  # DoRA's law is that of a normalised step, which has none
    law = transfer_law(
        through_fan_out(scheme, is_mica=is_mica) if with_fan_out else scheme,
        with_rank=with_rank,
        with_fan_out=with_fan_out,
        is_rank_stabilised=any(each.is_rank_stabilised for each in layers),
        at_scale=is_alone,
        **asked,
    )
    if is_dora:
        check_dora_law(law.scheme, law.policy, with_rank=with_rank)
    return law


def _check_followed(apart: str, scheme: Scheme, said: AlphaReading | None, *, is_dora: bool) -> None:
    """Refuse what does not go with s that is followed by itself."""
    if is_dora:
        raise Unknown(f"{apart}: how the rates in DoRA's layers go by s is not known; {KEPT}")
    if said is not None:
        raise BadInput(f"{apart}: alpha", found=said.value, expected="none: the rates go by s itself")
    if says_scale(scheme):
        expected = f'"0", with which s is followed as it stands: {apart}'
        raise BadInput(f"{scheme.name}: {SCALE}", found=str(scheme.exponents[SCALE]), expected=expected)


def carried_pairs(
    scheme: Scheme,
    pairs: Mapping[str, Pair],
    *,
    learning_rate: float,
    learning_rate_b: float | None = None,
    alpha: AlphaReading | None = None,
    is_mica: bool = False,
    network: NetworkEdge | None = None,
    **asked: Any,
) -> LayerRates:
    """The rates in the second model that stand where the given one stood in every layer of the first.

    Args:
        learning_rate: A's rate in the first model, one for all layers, and B's unless `learning_rate_b` is given.
        is_mica: as in `law_between`.
        network: as in `law_between`.
        asked: at, without and align, as in `derive`.

    Raises:
        BadInput, Unknown: as `law_between`.
    """
    law, reading = law_between(scheme, pairs, alpha, is_mica=is_mica, network=network, **asked)
    first, second = network.widths if network else (0, 0)
    layers = {
        name: carried_rates(
            law, place(start, law, first), place(end, law, second), learning_rate, learning_rate_b, reading
        )
        for name, (start, end) in pairs.items()
    }
    return LayerRates(pairs, layers, network)


def place(kind: LayerKind | Adapter, law: TransferLaw, stream: int = 0) -> Place:
    """Where a layer stands: its fan-in, and its rank, its fan-out and its s where the law tells regions apart by them.

    Args:
        stream: in the law of a whole model, which is for one rate in all layers, the width of its residual stream: n of
            those whose fan-in is smaller.
    """
    first = law.pieces[0]
    return Place(
        max(kind.fan_in, stream),
        None if first.rho is None else kind.rank,
        None if first.phi is None else kind.fan_out,
        None if first.sigma is None else abs(kind.scale),
    )
