"""Carrying learning rates from one width and rank to another, at the same place relative to the stability edge."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from gamma_calc.algebra import Affine
from gamma_calc.analysis.edge_law import EdgeLaw, edge_laws
from gamma_calc.analysis.two_modules import two_are_stable
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.derivation.alpha import SCALE, AlphaReading, alpha_named, says_scale, with_alpha, with_free_scale
from gamma_calc.derivation.as_json import policy_json
from gamma_calc.derivation.suppositions import Alignments, scheme_and_policy
from gamma_calc.document.tables import Shown, text_table
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.numbers import LARGEST_SIZE, check_rank, real_number, whole_number
from gamma_calc.program.models import MODULE, RANK
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.program.selection import Spec, Values

ZERO = Affine.of(0)
ROUNDING = 1e-12
"""What rounding may add to a comparison of logarithms; where two laws meet they agree, so either may be taken."""

LEFT_OPEN = (
    "The theory gives exponents: the constant before each rate, and how far below its edge the optimum lies, "
    "are carried over from the rates that were given."
)


MODULE_ALONE = "The answer is one module's: adapters above and below it are not in it."
NETWORK_ALONE = (
    "The answer is that of the network as it is written: a model around it may bear less. Of adapters of PEFT "
    "gamma-calc model derives what it bears."
)


STACK = (
    "Two adapters on one residual stream are not stable at the largest rates of one, and need not be at smaller ones. "
    "What all adapters of a model bear, gamma-calc model derives, and transfer --network carries between models."
)
"""What `MODULE_ALONE` leaves out where two are not; tests/huggingface/test_coupling.py measures why of LoRA+."""


@dataclass(frozen=True, slots=True)
class Place:
    """A width, and a rank where the rank varies, and a fan-out and a scale s where those do by themselves.

    Raises:
        BadInput: one is not a whole number from 1, or s not positive, or the rank exceeds the width.
    """

    width: int
    rank: int | None = None
    fan_out: int | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        for name in ("width", "rank", "fan_out"):
            value = getattr(self, name)
            if value is not None or name == "width":
                object.__setattr__(self, name, whole_number(name.replace("_", "-"), value, 1, LARGEST_SIZE))
        if self.scale is not None:
            real_number("s", self.scale, is_positive=True)
        if self.rank is not None:
            check_rank(self.rank, self.width)

    def __str__(self) -> str:
        sizes = (("width", self.width), ("rank", self.rank), ("fan-out", self.fan_out))
        of_scale = [] if self.scale is None else [f"s = {self.scale:g}"]
        return ", ".join([*(f"{word} {value}" for word, value in sizes if value is not None), *of_scale])

    def by(self, law: EdgeLaw) -> Place:
        """The place by the sizes that a law goes by."""
        return Place(
            self.width,
            None if law.rho is None else self.rank,
            self.fan_out if law.has_fan_out else None,
            None if law.sigma is None else self.scale,
        )

    def powers(self, form: Affine, law: EdgeLaw) -> Iterator[tuple[float, float]]:
        """The sizes n, r, m and s with their exponents, for a form c + k rho + d phi + e sigma of a law."""
        yield self.width, float(form.constant)
        for name, size in ((law.rho, self.rank), (law.phi, self.fan_out), (law.sigma, self.scale)):
            yield size or 1, 0.0 if name is None else float(form.coefficient(name))

    def satisfies(self, law: EdgeLaw) -> bool:
        """Whether the law's bounds hold here; every law holds where nothing but the width varies by itself."""
        if law.rho is None and law.phi is None and law.sigma is None:
            return True

        def logarithm(form: Affine) -> float:
            return sum(power * math.log(size) for size, power in self.powers(form, law))

        rounding = ROUNDING * math.log(max(self.width, 2))
        forms = [rule.form for rule in law.where.inequalities if not rule.strict]
        forms += [sign * rule.form for rule in law.where.equalities for sign in (1, -1)]
        is_inside = all(logarithm(rule.form) > rounding for rule in law.where.inequalities if rule.strict)
        return is_inside and all(logarithm(form) >= -rounding for form in forms)


@dataclass(frozen=True, slots=True)
class TransferLaw:
    """How a scheme's rates follow its stability edge, by pieces of r against powers of n.

    Where places have an s, which piece holds goes by that and the rank, though neither need vary by itself: `tied` has
    the exponents of those that do not.

    >>> law = transfer_law("init-a")
    >>> law.multiplier("eta_B", Place(256), Place(1024))
    0.5
    """

    scheme: Scheme
    pieces: tuple[EdgeLaw, ...]
    policy: Policy = CALCULUS
    tied: Mapping[str, Affine] = field(default_factory=dict)

    def between(self, start: Place, end: Place) -> EdgeLaw:
        """The piece that covers both places.

        Raises:
            Unknown: none does, so that constants which exponents do not tell would enter.
        """
        first, last = map(self._with_constant_scale, (start, end))
        for piece in self.pieces:
            if first.satisfies(piece) and last.satisfies(piece):
                return piece.along(self.tied)
        where = "; ".join(str(piece.where) for piece in self.pieces)
        law = self.pieces[0]
        others = (
            " and phi = log(fan-out)/log(width)" * bool(law.phi),
            " and sigma = log(s)/log(width)" * bool(law.sigma),
        )
        raise Unknown(
            f"{self.scheme.name}: one power law does not reach from {start} to {end}: "
            f"with rho = log(rank)/log(width){''.join(others)} the laws hold where {where}; "
            "gamma-calc lint tells the edge of an adapter_config.json at either end"
        )

    def _with_constant_scale(self, place: Place) -> Place:
        """The place; with s = 1 where no law holds at its s, which then is a constant, and no power of the width."""
        is_known = place.scale is None or any(place.satisfies(piece) for piece in self.pieces)
        return place if is_known else replace(place, scale=1.0)

    def moved(self, place: Place, width: int, rank: int | None) -> Place:
        """A place at another width and rank, with an s that goes with the rank as the scheme has it."""
        if place.scale is None or place.rank is None or rank is None:
            return replace(place, width=width, rank=rank)
        form = self.scheme.exponents[SCALE]
        power = 0.0 if form is None else float(form.coefficient(RANK))
        return replace(place, width=width, rank=rank, scale=place.scale * (rank / place.rank) ** power)

    def multiplier(self, rate: str, start: Place, end: Place) -> float:
        """What the rate of a trained factor, "eta_A" or "eta_B", is multiplied by from one place to another.

        Raises:
            BadInput: the factor is frozen, or the multiplier leaves the range of floats.
            Unknown: as `between`.
        """
        law = self.between(start, end)
        if rate not in law.exponents:
            raise BadInput("rate", found=rate, expected=f"one of {', '.join(law.exponents)}", choices=law.exponents)
        form = law.exponents[rate]
        ends = zip(start.powers(form, law), end.powers(form, law), strict=True)
        try:
            found = math.prod(float((there / here) ** power) for (here, power), (there, _) in ends)
        except OverflowError:
            found = math.inf
        if not 0 < found < math.inf:
            raise BadInput(f"{rate} from {start} to {end}: its multiplier is beyond the range of floats")
        return found


@dataclass(frozen=True, slots=True, repr=False)
class Transferred(Shown):
    """The rates at `end` that stand where the given ones stood at `start`; a frozen factor has none.

    `alpha` is what was said of lora_alpha between the ranks. Where neither that nor the scheme's scale says how s goes
    with the rank, s is the same at both, and `otherwise` holds the rates for an alpha that is kept.
    """

    scheme: Scheme
    start: Place
    end: Place
    given: Mapping[str, float]
    rates: Mapping[str, float]
    law: EdgeLaw
    policy: Policy = CALCULUS
    alpha: AlphaReading | None = None
    otherwise: Mapping[str, float] | None = None

    @property
    def title(self) -> str:
        """The scheme, its optimiser, and what is supposed otherwise than the calculus does."""
        return self.policy.titled(self.scheme.title)

    @property
    def scope(self) -> tuple[str, ...]:
        """What the answer speaks of, and what a model has beside that."""
        if self.scheme.model != MODULE:
            return (NETWORK_ALONE,)
        return (MODULE_ALONE, STACK) if two_are_stable(self._at_the_edge(), self.policy) is False else (MODULE_ALONE,)

    def _at_the_edge(self) -> Scheme:
        """The scheme with the rates of the law, at a fixed rank and a fixed scale and as many outputs as inputs."""
        sizes = {self.law.rho: 0, self.law.sigma: 0, self.law.phi: 1}
        values = {name: Affine.of(size) for name, size in sizes.items() if name is not None}
        rates = {key: form.substituted(values) for key, form in self.law.exponents.items()}
        frozen = {key: ZERO for key in RATES if key not in rates}
        scheme = replace(self.scheme, exponents={**self.scheme.exponents, **frozen, **rates})
        return scheme.at({name: size for name, size in values.items() if name in scheme.free})

    @property
    def remarks(self) -> tuple[str, ...]:
        """How s, the ratio of the rates and their stability were taken."""
        return tuple(_remarks(self))

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known to use the rates, and what the theory does not say."""
        return (LEFT_OPEN, *self.scope, *self.remarks)

    def __str__(self) -> str:
        rows = [("rate", "given", "transferred", "law")]
        for key in self.law.exponents:
            rows.append((key, f"{self.given[key]:g}", f"{self.rates[key]:g}", self.law.power(key)))
        return "\n".join([f"{self.title}, from {self.start} to {self.end}", text_table(rows), *self.notes])

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return {
            "schema": 1,
            "scheme": self.scheme.name,
            "optimizer": self.scheme.optimizer.name,
            **policy_json(self.policy),
            **self._by_key(self.rates),
            "exponent": {key: power_json(form, self.law.rho) for key, form in self.law.exponents.items()},
            "from": self._place_json(self.start, self.given),
            "to": self._place_json(self.end, self.rates),
            "stable": self.law.is_stable,
            "scale": None if self.scheme.form(SCALE) is None else str(self.scheme.exponents[SCALE]),
            "alpha": None if self.alpha is None else self.alpha.value,
            "if_alpha_is_fixed": None if self.otherwise is None else self._by_key(self.otherwise),
            "notes": list(self.notes),
        }

    def _by_key(self, rates: Mapping[str, float]) -> dict[str, float | None]:
        """Rates by key, also of a frozen A or B."""
        factors = (key for key in self.scheme.model.required if key in RATES)
        return {key: rates.get(key) for key in (*factors, *self.law.exponents)}

    def _place_json(self, place: Place, rates: Mapping[str, float]) -> dict[str, Any]:
        return {"width": place.width, "rank": place.rank, **self._by_key(rates)}


def transfer_law(
    spec: Spec,
    *,
    with_rank: bool = False,
    with_fan_out: bool = False,
    with_scale: bool = False,
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
    alpha: AlphaReading | None = None,
    is_rank_stabilised: bool = False,
    at_scale: bool = False,
) -> TransferLaw:
    """The law by which a scheme's rates follow its edge; see `edge_laws`.

    Args:
        spec, optimizer, at, without, align: as in `derive`. A free rate takes its largest stable value.
        with_rank: whether the rank varies by itself; places then need one.
        with_fan_out: whether the fan-out does, for which the scheme then has a free exponent.
        with_scale: whether s does, in place of the scheme's own scale; places then need one.
        alpha, is_rank_stabilised: what gives s = alpha/r its power of the rank; by default the scheme's scale does.
        at_scale: whether places have a rank and an s: at a rank of n/s and more another law may hold.
    """
    written, policy = scheme_and_policy(spec, optimizer, at, without, align)
    scheme = with_alpha(written, alpha, is_rank_stabilised=is_rank_stabilised) if alpha is not None else written
    if not (with_scale or (at_scale and scheme.rates and written.exponents.get(SCALE) == ZERO)):
        return TransferLaw(scheme, edge_laws(scheme, policy, with_rank=with_rank, with_fan_out=with_fan_out), policy)
    freed, sigma = with_free_scale(written)
    laws = edge_laws(freed, policy, with_rank=with_rank or at_scale, with_fan_out=with_fan_out, scale=sigma)
    if with_scale:
        return TransferLaw(freed, laws, policy)
    (rho,) = {law.rho for law in laws if law.rho is not None}
    form = scheme.exponents[SCALE]
    assert form is not None and sigma is not None  # of an s that was left free
    tied = {sigma: Affine.symbol(rho) * form.coefficient(RANK)} if with_rank else dict.fromkeys((rho, sigma), ZERO)
    return TransferLaw(scheme, laws, policy, tied)


def transfer(
    spec: Spec,
    *,
    learning_rate: float,
    from_width: int,
    to_width: int,
    from_rank: int | None = None,
    to_rank: int | None = None,
    learning_rate_b: float | None = None,
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
    alpha: AlphaReading | str | None = None,
    is_rank_stabilised: bool = False,
    scale: float | None = None,
) -> Transferred:
    """The rates at one width (and rank) that stand where the given ones stood at another.

    Args:
        spec, optimizer, at, without, align: as in `derive`. A free rate takes its largest stable value.
        learning_rate: the rate of all at `from_width`, but of B where `learning_rate_b` is given. A scheme says how the
            ratio of the two grows, never what it is at one width: where they differ (LoRA+), give both.
        from_rank, to_rank: both or neither; without them the rank follows the scheme (fixed, unless it says otherwise).
        alpha: "fixed" where lora_alpha is kept from rank to rank, "proportional" where alpha/r is. By default the
            scheme's scale says how s goes with the rank; where it is a constant, `otherwise` has the rates at a kept
            alpha beside it.
        is_rank_stabilised: whether s is alpha/r^(1/2), rsLoRA's.
        scale: s at `from_rank`, where it is known: at a rank of n/s and more another law may hold.

    Raises:
        BadInput: a rate is not positive, a width or rank is no whole number from 1, or as `edge_laws`.
        Unknown: the edge is not known, or no single law reaches from one place to the other.
    """
    if (from_rank is None) != (to_rank is None):
        raise BadInput("only one of the two ranks is given; expected both or neither")
    if scale is not None and from_rank is None:
        raise BadInput(f"scale: found {scale}, and no ranks; it matters beside them")
    reading = None if alpha is None else alpha_named(alpha)
    if reading is not None and from_rank is None:
        raise BadInput(f"alpha: found {reading.value}, and no ranks; what it does matters from one rank to another")
    law = transfer_law(
        spec,
        with_rank=from_rank is not None and (scale is None or from_rank != to_rank),
        optimizer=optimizer,
        at=at,
        without=without,
        align=align,
        alpha=reading,
        is_rank_stabilised=is_rank_stabilised,
        at_scale=scale is not None,
    )
    start = Place(from_width, from_rank, None, scale)
    end = law.moved(start, to_width, to_rank)
    if is_rank_stabilised and reading is None and from_rank != to_rank and not says_scale(law.scheme):
        expected = 'alpha="fixed" or alpha="proportional": rsLoRA\'s s = lora_alpha/r^(1/2) goes by it'
        raise BadInput(f"from rank {from_rank} to {to_rank}: alpha", found="none", expected=expected)
    return carried_rates(law, start, end, learning_rate, learning_rate_b, reading)


def carried_rates(
    law: TransferLaw,
    start: Place,
    end: Place,
    learning_rate: float,
    learning_rate_b: float | None = None,
    alpha: AlphaReading | None = None,
) -> Transferred:
    """The rates by a law that is at hand; the arguments are those of `transfer`."""
    keys, of_b = law.scheme.trained_rates.values(), law.scheme.trained_rates.get(INITIAL[1])
    if learning_rate_b is not None and of_b is None:
        raise BadInput(f"{law.scheme.name}: a learning rate of B is given, and no B is trained")
    offered = {}
    for key in keys:
        rate = learning_rate_b if key == of_b and learning_rate_b is not None else learning_rate
        offered[key] = real_number("learning rate", rate, is_positive=True)
    rates = _carried(law, offered, start, end)
    given = {key: offered[key] for key in rates}
    piece, has_scale = law.between(start, end), law.scheme.form(SCALE) is not None
    is_said = alpha is not None or start.rank == end.rank or says_scale(law.scheme) or piece.sigma is not None
    otherwise = None
    if has_scale and not is_said:
        kept = with_alpha(law.scheme, AlphaReading.FIXED)
        with suppress(BadInput, Unknown):
            otherwise = _carried(TransferLaw(kept, edge_laws(kept, law.policy, with_rank=True)), offered, start, end)
    return Transferred(law.scheme, start.by(piece), end.by(piece), given, rates, piece, law.policy, alpha, otherwise)


def _carried(law: TransferLaw, offered: Mapping[str, float], start: Place, end: Place) -> dict[str, float]:
    """The rates of the trained factors at the end."""
    keys = law.between(start, end).exponents
    found = {key: offered[key] * law.multiplier(key, start, end) for key in keys}
    for key, rate in found.items():
        if not 0 < rate < math.inf:
            raise BadInput(f"{key}: the transferred rate is beyond the range of floats")
    return found


def power_json(form: Affine, rho: str | None) -> dict[str, str | None]:
    """The exponents of the width and of the rank in a monomial; None for a rank that does not vary by itself."""
    return {"width": str(form.constant), "rank": None if rho is None else str(form.coefficient(rho))}


def _remarks(found: Transferred) -> Iterator[str]:
    if found.law.sigma is not None:
        yield f"s goes from {found.start.scale:g} to {found.end.scale:g}, and rates by s itself, beside n and r."
    elif found.start.rank != found.end.rank and found.scheme.form(SCALE) is not None:
        yield _scale_note(found)
    forms = set(found.law.exponents.values())
    if len(forms) > 1 and len(set(found.given.values())) == 1:
        yield "All start from the same rate; the scheme lets their ratio grow and does not say what it is at one width."
    if found.law.is_stable is not True:
        known = "is not known to be" if found.law.is_stable is None else "is not"
        yield f"At the rates that were fixed the scheme {known} stable: the transfer keeps that."


def _scale_note(found: Transferred) -> str:
    """How s was taken to go with the rank, and what the rates are otherwise."""
    form = found.scheme.exponents[SCALE]
    assert form is not None  # only A and B, and what is absent, can be zero
    power = f"s goes as r^({form.coefficient(RANK)}) from rank to rank"
    if found.alpha is not None:
        return f"lora_alpha is taken as {found.alpha.words}: {power}."
    if says_scale(found.scheme):
        return f"{power[0].upper()}{power[1:]}, as the scheme's scale {form} says."
    same = (
        "s is taken as the same at both ranks, as the scheme's scale says: lora_alpha in proportion to r "
        "(--alpha proportional)."
    )
    if found.otherwise is None:
        return f"{same} With lora_alpha kept (--alpha fixed) the law is another."
    other = ", ".join(f"{key} {value:g}" for key, value in found.otherwise.items())
    return f"{same} With lora_alpha kept (--alpha fixed) it is {other}."
