"""How a scheme's learning rates follow its stability edge: powers of the width and of the rank.

A free rate stands at its largest stable exponent c. At a fixed rank the edge is then n^c. With r = n^rho and rho left
free, c is a min of affine forms c_i + k_i rho, and n^(c_i + k_i rho) = n^(c_i) r^(k_i): where one form is the least,
the edge is one monomial in n and r. Only exponents follow from that; the constant before it is left open. A fan-out
m = n^phi and a scale s = n^sigma are left free in the same way, where they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gamma_calc.algebra import Affine, Polyhedron, at_most
from gamma_calc.analysis.conditions import STABLE, conditions_of
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation, derived, example, free_exponents
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.models import FAN_OUT, RANK
from gamma_calc.program.scheme import Scheme

RHO = "rho"


@dataclass(frozen=True, slots=True)
class EdgeLaw:
    """The rate of each trained parameter, by its key, as one monomial in the width, the rank, the fan-out and s.

    Exponents: a form c + k rho + d phi + e sigma stands for n^c r^k m^d s^e. `rho` is None where the rank does not vary
    by itself, `phi` where the fan-out m does not, and `sigma` where the scale s does not. `where` bounds
    rho = log r / log n, phi = log m / log n and sigma = log s / log n. `is_stable` tells whether the scheme is stable
    there: it is at a largest stable rate; rates that are given may lie beyond the edge, and None says that this is not
    known.
    """

    exponents: Mapping[str, Affine]
    rho: str | None
    where: Polyhedron
    is_stable: bool | None
    phi: str | None = None
    sigma: str | None = None

    @property
    def has_fan_out(self) -> bool:
        """Whether some rate goes by the fan-out."""
        return self.phi is not None and any(form.coefficient(self.phi) for form in self.exponents.values())

    def along(self, sizes: Mapping[str, Affine]) -> EdgeLaw:
        """The law where the rank or s does not vary by itself: `sizes` has, by name, what its exponent is then."""
        rates = {key: form.substituted(sizes) for key, form in self.exponents.items()}
        rho, sigma = (None if name in sizes else name for name in (self.rho, self.sigma))
        return replace(self, exponents=rates, rho=rho, sigma=sigma)

    def power(self, rate: str) -> str:
        """The monomial of a rate as it is typed: n^(-1/2) r^(0); with the fan-out where some rate goes by it."""
        form, phi = self.exponents[rate], self.phi if self.has_fan_out else None
        sizes = (("r", self.rho), ("m", phi), ("s", self.sigma))
        others = [f" {size}^({form.coefficient(name)})" for size, name in sizes if name]
        return "".join((f"n^({form.constant})", *others))


def edge_laws(
    scheme: Scheme,
    policy: Policy = CALCULUS,
    *,
    with_rank: bool = False,
    with_fan_out: bool = False,
    scale: str | None = None,
) -> tuple[EdgeLaw, ...]:
    """The laws that a scheme's rates follow, one for each piece of its largest stable rate.

    Args:
        scheme: at most one rate is free, and nothing else but the exponent of the rank.
        policy: the assumptions under which the edge is derived; none of its alignments is free.
        with_rank: the rank is a variable of its own, whatever (constant) exponent the scheme gives it.
        with_fan_out: so is the fan-out, for which the scheme has one free exponent.
        scale: the free exponent that the scheme has for s, where that is one too.

    Raises:
        BadInput: too much is free, nothing is trained, or there is no largest stable rate.
        Unknown: the largest stable rate is not known.
    """
    scheme, rho = _with_free_rank(scheme) if with_rank else (scheme, None)
    phi = _free_fan_out(scheme) if with_fan_out else None
    sizes = (rho, phi, scale)
    rates = tuple(name for name in scheme.rates if name not in sizes)
    _check_free(scheme, policy, rates, sizes)
    derivation = derived(scheme, policy=policy, conditions=conditions_of(scheme.model)[:1])
    if not rates:
        return (EdgeLaw(_forms(scheme, {}), rho, scheme.domain, _is_stable(derivation), phi, scale),)
    largest = _largest(derivation, rates[0])
    if largest.bounds is None or not largest.attained:
        raise BadInput(f"{scheme.name}: no largest stable {rates[0]}: {largest.reason}; give one: --at {rates[0]}=-1")
    return tuple(
        EdgeLaw(
            _forms(scheme, {largest.rate: bound}),
            rho,
            largest.valid_on & _least(bound, largest.bounds),
            True,
            phi,
            scale,
        )
        for bound in largest.bounds
    )


def _largest(derivation: Derivation, rate: str) -> LargestRate:
    """The largest stable rate, also where the exponent of the rank occurs in a rate as well."""
    stable = derivation.decisions[STABLE.name]
    if stable.status is Status.UNKNOWN:
        raise Unknown(f"{derivation.scheme.name}: the largest stable {rate} is unknown: {stable.reason}")
    region = stable.region.convex()
    if region is None:
        raise Unknown(f"{derivation.scheme.name}: the stable region is not convex: {stable.region}")
    return largest_rate(rate, region)


def _with_free_rank(scheme: Scheme) -> tuple[Scheme, str]:
    if scheme.exponents.get(RANK) is None:
        raise BadInput(f"{scheme.name}: a rank is asked for, and it has no axis of the name {RANK}")
    form = scheme[RANK]
    if form.is_constant:
        name = RHO
        while name in scheme.free:
            name += "_"
        return replace(scheme, exponents={**scheme.exponents, RANK: Affine.symbol(name)}), name
    if form == Affine.symbol(form.free[0]):
        return scheme, form.free[0]
    raise BadInput(
        f"{scheme.name}: rank", found=str(form), expected="a number or one free exponent; fix others with --at NAME=P/Q"
    )


def _free_fan_out(scheme: Scheme) -> str:
    form = scheme.form(FAN_OUT)
    if form is None or not form.free or form != Affine.symbol(form.free[0]):
        raise BadInput(f"{scheme.name}: {FAN_OUT}", found=str(form), expected="one free exponent")
    return form.free[0]


def _check_free(scheme: Scheme, policy: Policy, rates: tuple[str, ...], sizes: tuple[str | None, ...]) -> None:
    if not scheme.trained_rates:
        raise BadInput(f"{scheme.name}: nothing is trained, so there is no learning rate")
    others = [name for name in free_exponents(scheme, policy) if name not in (*rates, *sizes)]
    rank = scheme.form(RANK)
    if sizes[0] is None and rank is not None and rank.free:
        names = ", ".join(rank.free)
        raise BadInput(f"{scheme.name}: the rank's {names} is free: give both ranks, or fix it with --at")
    if others:
        value = 1 if others[0] in policy.free else example(scheme).get(others[0], 0)
        raise BadInput(f"{scheme.name}: {', '.join(others)} is free; fix it, such as with --at {others[0]}={value}")
    if len(rates) > 1:
        names = " and ".join(rates)
        value = example(scheme).get(rates[0], -1)
        raise BadInput(f"{scheme.name}: the rates {names} are free, and one at most can be: --at {rates[0]}={value}")


def _forms(scheme: Scheme, values: Mapping[str, Affine]) -> Mapping[str, Affine]:
    """The rates that are trained, with values of their free exponents."""
    return {key: scheme[key].substituted(values) for key in scheme.trained_rates.values()}


def _least(bound: Affine, bounds: tuple[Affine, ...]) -> Polyhedron:
    """Where one of the forms is the least of them."""
    return Polyhedron.of(*(at_most(bound, other) for other in bounds if other != bound))


def _is_stable(derivation: Derivation) -> bool | None:
    """Whether the scheme is stable on its whole domain; None where that is not known, or holds only in places."""
    stable, domain = derivation.decisions[STABLE.name], derivation.scheme.domain
    if stable.status is Status.UNKNOWN:
        return None
    if stable.region.is_empty:
        return False
    return True if any(member.includes(domain) for member in stable.region.members) else None
