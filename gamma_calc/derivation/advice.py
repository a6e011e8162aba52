"""What to do about a scheme, in one sentence: which rates to take, what learns there and what grows."""

from __future__ import annotations

from collections.abc import Sequence

from gamma_calc.algebra import VANISHING, Affine, Exponent, zero_region
from gamma_calc.analysis.conditions import EFFICIENT, FEATURE_LEARNING, STABLE, Factor, factors_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.two_modules import two_are_stable
from gamma_calc.program.scheme import Scheme

ZERO = Exponent.of(0)

MOST_NAMES = 3
"""Names that are listed; of more, the first."""


def advice(found: Derivation) -> str:
    """One sentence, from the conditions, the largest stable rate and the exponents there.

    >>> from gamma_calc.derivation.questions import derive
    >>> print(advice(derive("init-a").derivation))
    Use init-a under adam with a learning rate of n^(-1/2): both factors learn, and Z_A grows like n^(1/2).
    >>> print(advice(derive("init-b").derivation))
    B hardly learns under init-b under adam, with a learning rate of n^(-1): its part of the change falls like n^(-1).
    """
    stable = found.decisions[STABLE.name]
    if factors_of(found.scheme.model) and not _trained(found):
        return f"{found.title} trains no factor: its output stays as it is."
    if stable.status is Status.UNKNOWN:
        others = [name for name in found.scheme.free if name not in found.scheme.rates]
        said = f"Where {found.title} is stable is not known: {stable.reason}."
        asked = others or (found.scheme.rates if stable.possible is None else ())
        values = " ".join(f"--at {name}=P/Q" for name in asked)
        return f"{said} To ask at one {_listed(asked)}: {values}." if asked else said
    if stable.region.is_empty:
        where = f"at any {' or '.join(found.free)}" if found.free else f"with {_rates(found)}"
        return f"{found.title} is not stable {where}."
    return (_at_the_edge(found) if found.at_max else "") or _within(found, stable)


def _trained(found: Derivation) -> list[Factor]:
    return [each for each in factors_of(found.scheme.model) if found.scheme.is_trained(each.name)]


def _at_the_edge(found: Derivation) -> str:
    """What learns and what grows at the largest stable rates; empty where more would learn at others."""
    idle = [each for each in _trained(found) if found.at_max[each.contribution].upper != ZERO]
    changes = found.decisions[FEATURE_LEARNING.name].condition.reached
    still = [name for name in changes if found.at_max[name].upper != ZERO]
    change = Exponent.largest(found.at_max[name].upper for name in still)
    if not idle and (_trained(found) or not still):
        is_for_one = two_are_stable(_chosen(found), found.policy, found.horizon) is False
        alone = ", but two such adapters on one residual stream are not stable there" if is_for_one else ""
        return f"Use {found.title} with {_rates(found)}: {_all(found)}{_growing(found)}{alone}."
    if _holds_somewhere(found.decisions.get(EFFICIENT.name)):
        return ""
    if not idle and len(still) < len(changes):
        where = f"{_soon(found)} under {found.title}, with {_rates(found)}"
        return f"Not every feature learns{where}: {_few(still)} {_falls(change)}."
    if len(idle) in (0, len(_trained(found))):
        return f"{found.title} hardly learns{_soon(found)} with {_rates(found)}: its output's change {_falls(change)}."
    names = [each.name for each in idle]
    part = Exponent.largest(found.at_max[each.contribution].upper for each in idle)
    learn, whose = ("learns", "its part") if len(names) == 1 else ("learn", "their part")
    where = f"under {found.title}, with {_rates(found)}"
    return f"{_listed(names)} hardly {learn}{_soon(found)} {where}: {whose} of the change {_falls(part)}."


def _soon(found: Derivation) -> str:
    """Within how many steps, where they are few: what is not so then may be later."""
    return "" if found.horizon is None else f" within {found.length}"


def _within(found: Derivation, stable: Decision) -> str:
    """What to choose where exponents are left free, or where bounds leave open what learns."""
    efficient, learning = found.decisions.get(EFFICIENT.name), found.decisions[FEATURE_LEARNING.name]
    asked = [each for each in (efficient, learning) if each is not None and not each.frozen]
    for each in asked:
        if _holds_somewhere(each) and each is efficient:
            return f"For {found.title} choose {each.region}: {_all(found)}."
        if _holds_somewhere(each):
            but = ", though not by every factor" if efficient in asked else ""
            return f"For {found.title} choose {each.region}: its output moves{but}."
        if each.status is Status.UNKNOWN:
            return f"{_place(found, stable)}; what learns there is not known: {each.reason}."
    changes = {name: found.run.last.sizes[name].upper for name in learning.condition.reached}
    if all(size.is_vanishing for size in changes.values()):
        return f"{_place(found, stable)}, and its output never moves."
    still = [name for name, size in changes.items() if (stable.region & zero_region(size)).is_empty]
    if len(still) == len(changes):
        return f"{_place(found, stable)}, and its output hardly changes."
    if not still:
        return f"{_place(found, stable)}, but not every feature learns at once."
    are_zero, is_one = all(changes[name].is_vanishing for name in still), len(still) == 1
    fall = ("is zero" if is_one else "are zero") if are_zero else f"{'falls' if is_one else 'fall'} as n grows"
    return f"{_place(found, stable)}, but not every feature learns: {_few(still)} {fall}."


def _place(found: Derivation, stable: Decision) -> str:
    """Where a scheme is stable, as the beginning of a sentence."""
    if not stable.region.is_everywhere:
        return f"For {found.title} stay within {stable.region}: it is stable there"
    rates = [name for name in found.free if name in found.scheme.rates]
    return f"{found.title} is stable at every {'rate' if rates == [*found.free] else ' and '.join(found.free)}"


def _holds_somewhere(decision: Decision | None) -> bool:
    return decision is not None and decision.status is not Status.UNKNOWN and not decision.region.is_empty


def _chosen(found: Derivation) -> Scheme:
    """The scheme at the largest stable value of the free rate."""
    largest = {name: rate.exponent for name, rate in found.max_stable.items() if rate.exponent is not None}
    return found.scheme.at({name: Affine.of(value) for name, value in largest.items()})


def _rates(found: Derivation) -> str:
    """The learning rates there, by what is trained."""
    scheme = _chosen(found)
    forms = {name: str(scheme[key]) for name, key in scheme.trained_rates.items()}
    if len(set(forms.values())) == 1:
        return f"a learning rate of {power(*set(forms.values()))}"
    return f"learning rates of {_listed([f'{power(form)} for {name}' for name, form in forms.items()])}"


def _all(found: Derivation) -> str:
    names = [each.name for each in _trained(found)]
    match len(names):
        case 0:
            return "its features learn"
        case 1:
            return f"{names[0]} learns"
        case 2 if len(factors_of(found.scheme.model)) == 2:
            return "both factors learn"
    every = len(names) == len(factors_of(found.scheme.model))
    return "every factor learns" if every else f"{_listed(names)} learn"


def _growing(found: Derivation) -> str:
    """What grows although the output does not: what some condition bounds and exceeds n^0."""
    bounded = dict.fromkeys(name for each in found.decisions.values() for name in each.condition.bounded)
    grown: dict[Exponent, list[str]] = {}
    for name in bounded:
        size = found.at_max[name]
        if size.is_exact and size.upper.is_above(ZERO):
            grown.setdefault(size.upper, []).append(name)
    each = [
        f"{_few(names)} {'grows' if len(names) == 1 else 'grow'} like {power(str(size))}"
        for size, names in grown.items()
    ]
    return f", and {_listed(each)}" if each else ""


def _few(names: Sequence[str]) -> str:
    return _listed(names if len(names) <= MOST_NAMES else [names[0], f"{len(names) - 1} others"])


def _falls(exponent: Exponent) -> str:
    return "is zero" if exponent == VANISHING else f"falls like {power(str(exponent))}"


def power(form: str) -> str:
    """A power of the width in words."""
    return f"n^{form}" if form.isdigit() else f"n^({form})"


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
