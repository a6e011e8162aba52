"""What a certificate proves: it is read, its runs are replayed, and its claims are checked against them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from gamma_calc.algebra.affine import Affine, auxiliary
from gamma_calc.derivation.checker.proofs import (
    ONE,
    ZERO,
    Forms,
    Json,
    Malformed,
    Refuted,
    Section,
    Ways,
    form,
    forms,
    total,
)
from gamma_calc.derivation.checker.replay import Component, Lines, Replay

SCHEMA, MOST_STEPS = 1, 64
CONDITIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "stable": (("Z_B",), ()),
    "internally_stable": (("Z_B", "Z_A"), ()),
    "feature_learning": (("Z_B",), ("Delta_Z_B",)),
    "efficient": (("Z_B",), ("delta_1", "delta_2")),
}
"""At most 0 at every step; 0 from some step on."""
Sections = Callable[[str, Json], Section]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a certificate proves, or the first of its steps that fails."""

    setting: str
    conclusions: tuple[str, ...]
    first_failure: str | None = None


def verified(data: Json) -> Verified:
    """Check a certificate that has been read from JSON.

    Raises:
        Malformed: it is not a certificate of this schema, so that nothing can be said about it.
    """
    try:
        setting = read_setting(data)
        try:
            return Verified(setting_text(setting), tuple(conclusions(data, setting)))
        except Refuted as failure:
            return Verified(setting_text(setting), (), str(failure))
    except Malformed:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as problem:
        raise Malformed(f"not a certificate of schema {SCHEMA}: {type(problem).__name__}: {problem!s:.200}") from None


def read_setting(data: Json) -> Json:
    """The exponents of the module, the kind of step, what is trained, and the declared domain."""
    if data["kind"] != "gamma-calc certificate" or data["schema"] != SCHEMA:
        raise Malformed(f"found {str(data['kind'])[:40]!r} of schema {str(data['schema'])[:40]}")
    given = data["setting"]
    found: Json = {key: form(given[key]) for key in ("eta_A", "eta_B", "scale", "rank", "fan_out", "gradient")}
    found |= {key: None if given[key] == "zero" else form(given[key]) for key in ("A", "B")}
    if given["step"] not in ("raw", "normalised") or any(type(given["trained"][key]) is not bool for key in "AB"):
        raise Malformed("step is raw or normalised, and A and B are trained or not")
    return found | {key: given[key] for key in ("step", "trained")} | {"between": forms(given["between"])}


def setting_text(setting: Json) -> str:
    """The setting in a line."""
    parts = [f"{key} = {'zero' if value is None else value}" for key, value in setting.items() if key != "between"]
    return ", ".join([*parts, *(f"0 <= {each}" for each in setting["between"])])


def conclusions(
    data: Json, setting: Json, sections: Sections = Section, lines: Callable[[list[Json]], Lines] = Lines
) -> list[str]:
    """What a certificate proves, once all of it has been checked; `sections` and `lines` say where evidence is."""
    domain = (*setting["between"], setting["rank"], ONE - setting["rank"], setting["fan_out"])
    run = replayed(data["runs"][0], lines, setting, domain)
    found = exponent_texts(run)
    if data["cycles"]:
        gains = cycles(data["cycles"], run, sections)
        turns = zip(data["cycles"], gains, strict=True)
        found += [f"every turn of {cycle_text(cycle)} gains {gain}" for cycle, gain in turns]
        domain = (*domain, *(-gain for gain in gains))
        if len(data["runs"]) == 1:
            sections("no room between the cycles", data["no_room"]).below(domain, (ONE,), (ZERO,))
            return [*found, *(f"{name}: never" for name in CONDITIONS)]
        run = replayed(data["runs"][1], lines, setting, domain)
        if run.settled is None:
            raise Refuted("run 2: it does not settle")
        found += [f"where {' and '.join(f'{g} <= 0' for g in gains)}, {text}" for text in exponent_texts(run)]
    regions = {}
    for name in CONDITIONS:
        regions[name], text = condition(name, data["conditions"][name], run, sections)
        found.append(text)
    return found + largest(data["max_stable"], regions["stable"], run, sections)


def replayed(data: Json, lines: Callable[[list[Json]], Lines], setting: Json, domain: Forms) -> Replay:
    """A run, with nothing left over."""
    run = Replay(setting, domain, lines(data["lines"]))
    if type(data["steps"]) is not int or not 1 <= data["steps"] <= MOST_STEPS:
        raise Malformed(f"steps: expected a whole number from 1 to {MOST_STEPS}")
    run.run(data["steps"])
    if len(run.steps) != data["steps"] or run.count != len(data["lines"]):
        raise Refuted(f"step {run.t}: the run goes on after it has settled")
    return run


def exponent_texts(run: Replay) -> list[str]:
    """The exponents of each step."""
    texts = []
    for t, step in enumerate(run.steps, 1):
        when = f"step {t}" + (" and every later one" if run.settled == t else "")
        texts.append(f"{when}: {', '.join(f'{name} {size_text(size)}' for name, size in step.items())}")
    return texts


def size_text(size: Component) -> str:
    """An exponent, marked where it is only a bound."""
    texts = sorted(map(str, size.upper))
    text = texts[0] if len(texts) == 1 else f"max({', '.join(texts)})" if texts else "-oo"
    return text if is_exact(size) else f"<= {text}"


def is_exact(size: Component) -> bool:
    """Whether the exponent is known, not only bounded."""
    return set(size.lower) == set(size.upper)


class Unpruned(Lines):
    """Lines that keep every piece, for a step from a state of unknown exponents."""

    def section(self, header: Json, parts: Sequence[Component], ways: tuple[Ways, Ways], domain: Forms) -> Section:
        """A line that states all that comes about."""
        return _Unpruned(header["of"], {})


class _Unpruned(Section):
    def maximum(self, key: str, ways: Ways, hypotheses: Forms) -> Forms:
        return tuple(dict.fromkeys(map(total, ways)))

    def point(self, hypotheses: Forms, strict: Forms = ()) -> Mapping[str, Fraction]:
        return {}

    def check(self, is_so: bool, otherwise: str) -> None:
        """Nothing is stated, so nothing can be wrong."""


def symbolic(run: Replay) -> tuple[list[Any], Replay, dict[str, Component]]:
    """One step from a state like that of a run, but of unknown exponents: its nodes, and what comes of it."""
    step = Replay(run.setting, run.domain, Unpruned())
    nodes = list(run.kinds())
    unknown = {node: (auxiliary(f"x{i}"),) for i, node in enumerate(nodes)}
    step.state = {
        name: {
            label: tuple(
                Component(0, unknown[label, p.fresh, p.odd], unknown[label, p.fresh, p.odd], p.fresh, p.odd, p.seen)
                for p in term
            )
            for label, term in value.items()
        }
        for name, value in run.state.items()
    }
    return nodes, step, step.step()


def cycles(data: Sequence[Json], run: Replay, sections: Sections) -> list[Affine]:
    """What one turn of each cycle gains; every cycle feeds Z_B, which each condition bounds."""
    nodes, step, sizes = symbolic(run)
    section, after = sections("cycles", {}), step.kinds()
    before, is_finite = run.kinds(), all(part.lower for part in run.kinds().values())
    is_closed = {kind: p.seen for kind, p in before.items()} == {kind: p.seen for kind, p in after.items()}
    section.check(run.setting["step"] == "raw" and is_closed and is_finite, "the step map is not linear")
    places = {(label[0], fresh, tuple(sorted(map(" ".join, odd)))): i for i, (label, fresh, odd) in enumerate(nodes)}
    gains = []
    for cycle in data:
        section = sections(f"cycle {cycle_text(cycle)}", {})
        walk = [places.get((part, fresh, tuple(odd)), -1) for part, fresh, odd in cycle["nodes"]]
        section.check(min(walk) >= 0, "there is no such node")
        weights = tuple(map(form, cycle["weights"]))
        for (source, target), weight in zip(pairwise((*walk, walk[0])), weights, strict=True):
            edge = auxiliary(f"x{source}") + weight
            section.check(edge in after[nodes[target]].upper, f"no step turns {nodes[source][0][0]} into {edge}")
        names = {f"*x{i}" for i in walk}
        section.check(any(names & set(piece.free) for piece in sizes["Z_B"].upper), "it does not feed Z_B")
        gains.append(total(weights))
    return gains


def cycle_text(cycle: Json) -> str:
    """A cycle's parts in the order of the walk."""
    parts = [str(part) for part, _, _ in cycle["nodes"]]
    return " -> ".join((*parts, parts[0]))


def condition(name: str, data: Json, run: Replay, sections: Sections) -> tuple[tuple[Forms, ...] | None, str]:
    """The region of a condition, where it is known, and what is proved of it."""
    bounded, reached = CONDITIONS[name]
    sizes = [step[q] for step in run.steps for q in bounded] + [run.steps[-1][q] for q in reached]
    sure = region(sections(f"{name}, where it holds", data["sure"]), run, bounded, reached, ("upper", "lower"))
    length = "every step" if run.settled else f"steps 1 to {run.t}"
    if not all(map(is_exact, sizes)):
        section = sections(f"{name}, where it can hold", data["possible"])
        possible = region(section, run, bounded, reached, ("lower", "upper"))
        if possible != sure:
            texts = region_text(sure), region_text(possible)
            return None, f"{name} ({length}): surely {texts[0]}; at most {texts[1]}"
    onset = ""
    if sure and reached:
        onset = f", from step {begin(sections(f'{name}, onset', data['onset']), run, reached, sure)} on"
    return sure, f"{name} ({length}): {region_text(sure)}{onset}"


def region(
    section: Section, run: Replay, bounded: Sequence[str], reached: Sequence[str], sides: tuple[str, str]
) -> tuple[Forms, ...]:
    """The region on which sizes are at most 0 on the first side, and those that are reached at least 0 on the second.

    Each member lies in it, and in the domain, and every way to fulfil what is asked lies in a member or cannot be.
    """
    members = tuple(map(forms, section.data["region"]))
    last = [run.steps[-1][name] for name in reached]
    caps = [*(step[name] for step in run.steps for name in bounded), *last]
    bounds = tuple(dict.fromkeys(piece for size in caps for piece in getattr(size, sides[0])))
    tops: list[Forms] = [getattr(size, sides[1]) for size in last]
    for member in members:
        section.point(member)
        for piece in (*(-each for each in run.domain), *bounds):
            section.below(member, (piece,), (ZERO,))
        for pieces in tops:
            section.below(member, (ZERO,), pieces)
    for choice in product(*tops):
        asked = (*run.domain, *(-piece for piece in bounds), *choice)
        place = section.place(asked, members)
        section.check(place is None or place in range(len(members)), "a place is that of no member")
        for needed in (ONE,) if place is None else tuple(-each for each in members[place]):
            section.below(asked, (needed,), (ZERO,))
    return members


def begin(section: Section, run: Replay, reached: Sequence[str], members: Sequence[Forms]) -> int:
    """The least step from which what is to be reached is 0 throughout a region."""
    onset: int = section.data["step"]
    section.check(onset in range(1, run.t + 1), "there is no such step")
    for size in (step[name] for step in run.steps[onset - 1 :] for name in reached):
        for member in members:
            for piece in size.upper:
                section.below(member, (piece,), (ZERO,))
            section.below(member, (ZERO,), size.lower)
    if onset > 1:
        size = run.steps[onset - 2][reached[reached.index(section.data["quantity"])]]
        section.point(members[section.data["member"]], tuple(-piece for piece in size.upper))
    return onset


def largest(data: Json, stable: tuple[Forms, ...] | None, run: Replay, sections: Sections) -> list[str]:
    """The largest stable value of the free rate, and what happens there where nothing else is free."""
    free = {name for each in run.setting.values() if isinstance(each, Affine) for name in each.free}
    rates = sorted({name for key in ("eta_A", "eta_B") for name in run.setting[key].free})
    if not stable or len(rates) > 1:
        return []
    if not rates:
        return at_point(run, {}) if not free else []
    (rate,), section, member = rates, sections("largest stable rate", data), stable[0]
    section.check(len(stable) == 1, "the stable region is no polyhedron")
    bounds, valid = forms(section.data["bounds"]), forms(section.data["valid_on"])
    if not bounds:
        section.check(all(each.coefficient(rate) >= 0 for each in member), f"{rate} is bounded from above")
        return [f"largest stable {rate}: none, nothing bounds it from above"]
    for bound in bounds:
        section.below(member, (Affine.symbol(rate), -bound), (ZERO,))
    for each in valid:
        section.below(member, (-each,), (ZERO,))
    for each in member:
        slope = each.coefficient(rate)
        if slope < 0:
            rest = each - Affine.symbol(rate) * slope
            section.below(valid, (rest / slope,), tuple(-bound for bound in bounds))
        else:
            for bound in bounds if slope else (ZERO,):
                section.below(valid, (-each.substituted({rate: bound}),), (ZERO,))
    section.check(all(rate not in each.free for each in (*bounds, *valid)), f"{rate} bounds itself")
    texts = sorted(map(str, bounds))
    value = texts[0] if len(texts) == 1 else f"min({', '.join(texts)})"
    found = [f"largest stable {rate}: {value}" + (f", where {member_text(valid)}" if valid else "")]
    point = {rate: bounds[0].constant}
    return found + (at_point(run, point) if free == {rate} and len(bounds) == 1 else [])


def at_point(run: Replay, point: Mapping[str, Fraction]) -> list[str]:
    """The settled exponents at a point, and the factors that never contribute at order one."""
    last = run.steps[-1]
    values = {name: max((p.at(point) for p in size.upper), default="-oo") for name, size in last.items()}
    factors = {"A": "delta_1", "B": "delta_2"}
    idle = [f for f, name in factors.items() if all(p.at(point) < 0 for step in run.steps for p in step[name].upper)]
    text = ", ".join(f"{name} {'' if is_exact(last[name]) else '<= '}{value}" for name, value in values.items())
    return [f"there: {text}", f"undertrained: {', '.join(idle) or 'no factor'}"]


def region_text(members: Sequence[Forms]) -> str:
    """A region in words."""
    return " or ".join(sorted(map(member_text, members))) or "never"


def member_text(member: Forms) -> str:
    """A conjunction of inequalities, an equality where both directions stand."""
    texts = []
    for each in dict.fromkeys(member):
        lowest = each.primitive()
        is_negative = bool(lowest.terms) and lowest.terms[0][1] < 0
        shown = -lowest if is_negative else lowest
        relation = "=" if -each in member else "<=" if is_negative else ">="
        texts.append(f"{shown.linear} {relation} {-shown.constant}")
    return " and ".join(sorted(dict.fromkeys(texts))) or "always"
