"""What a certificate's proved claims say, in words.

A named conclusion (a condition's region, a largest rate, a frontier) is worded only where the claims that it amounts to
are among those that the checker has proved; here they are built, for the certificate and again for the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.plain import Forms, Json, form, forms
from gamma_calc.analysis.conditions import CONDITIONS
from gamma_calc.certificate.checker import CheckedRun
from gamma_calc.certificate.horizon_words import horizon_text
from gamma_calc.certificate.law_words import law_texts, one_of
from gamma_calc.certificate.parts import LOWER, UPPER, BoundedPart


class Asked(NamedTuple):
    """What a condition asks to be at most 0 at every step, and to be 0 from some step on."""

    bounded: tuple[str, ...]
    reached: tuple[str, ...]


MODULE = {each.name: Asked(each.bounded, each.reached) for each in CONDITIONS}
"""The conditions on one module."""


def asked(premises: Json) -> Mapping[str, Asked]:
    """The conditions by name, as the premises define them."""
    return {name: Asked(*map(tuple, each.values())) for name, each in premises["conditions"].items()}


def form_json(form: Affine) -> Json:
    """An affine form as a certificate writes it.

    >>> form_json(Affine.symbol("eta") / 2 - 1)
    {'eta': '1/2', '1': '-1'}
    """
    constant = {"1": str(form.constant)} if form.constant else {}
    return {name: str(coefficient) for name, coefficient in form.terms} | constant


def statement(inside: Sequence[Json] = (), sizes: Sequence[Json] = ()) -> Json:
    """That forms are at least 0, and sizes at most or at least 0 at some steps, as a certificate writes it."""
    return {"forms": list(inside), "sizes": list(sizes)}


def condition_statement(bounded: Sequence[str], reached: Sequence[str], last: int) -> Json:
    """That sizes are at most 0 at every step to the last, and others are 0 at the last."""
    sizes = [[name, 1, last, "<="] for name in bounded]
    return statement(sizes=sizes + [[name, last, last, relation] for name in reached for relation in ("<=", ">=")])


def claim(of: str, said: Json, where: Sequence[Json], *, holds: bool = True, only: bool = True) -> Json:
    """A claim as a certificate writes it."""
    return {"of": of, "statement": said, "where": list(where), "if": holds, "only if": only}


def largest_claims(rate: str, said: Json, bounds: Forms, valid: Forms) -> list[Json]:
    """That a rate is at most the least of some bounds wherever something holds, which it does where they are met."""
    symbol, own = Affine.symbol(rate), [form_json(each) for each in valid]
    capped = [form_json(bound - symbol) for bound in bounds]
    met = []
    for bound in bounds:
        others = [form_json(other - bound) for other in bounds if other != bound]
        met.append([form_json(symbol - bound), form_json(bound - symbol), *others, *own])
    return [
        claim(f"largest {rate}, a bound", said, [[*capped, *own]], holds=False),
        claim(f"largest {rate}, met", said, met, only=False),
    ]


def frontier_claims(rates: Sequence[str], member: Forms, edges: Sequence[Forms]) -> list[Json]:
    """The edges of a region: where a form that falls with a rate is 0."""
    return [
        claim("frontier", statement([*map(form_json, (*member, -form))]), [list(map(form_json, edge))])
        for form, edge in zip(falling(rates, member), edges, strict=True)
    ]


def falling(rates: Sequence[str], member: Forms) -> list[Affine]:
    """The forms of a region that forbid to raise some rate where they are 0."""
    return [form for form in member if any(form.coefficient(rate) < 0 for rate in rates)]


def onset_claims(
    name: str, reached: Sequence[str], steps: tuple[int, int], region: Sequence[Json], below: tuple[int, str] | None
) -> list[Json]:
    """That what a condition reaches is 0 from a step on, to a last one, and that it is not yet before: where, and which
    size."""
    step, last = steps
    sizes = [[each, step, last, relation] for each in reached for relation in ("<=", ">=")]
    later = claim(f"{name}, onset", statement(sizes=sizes), region, only=False)
    if below is None:
        return [later]
    place, size = below
    before = statement(region[place], [[size, step - 1, step - 1, "<"]])
    return [later, claim(f"{name}, before", before, [], holds=False, only=False)]


def coverage_claim(premises: Json, steps: int, where: Sequence[Json]) -> Json:
    """That the output can stay bounded, for so many steps (the last of them: every later one), only somewhere."""
    said = condition_statement(*asked(premises)["stable"], steps)
    return claim("where the output can stay bounded", said, where, holds=False)


def conclusions(data: Json, runs: Sequence[CheckedRun]) -> tuple[str, ...]:
    """What is proved, in words."""
    texts = []
    for run in runs:
        prefix = f"where {member_text(run.where)}, " if run.where else ""
        texts += [prefix + text for text in (*_exponents(run), *law_texts(run))]
    said = _Said(data, runs)
    found = (*(said.condition(name) for name in said.asked), *said.rates(), *said.horizons(), *said.later())
    return (*texts, *found)


def open_conditions(data: Json, runs: Sequence[CheckedRun], horizon: int | None) -> tuple[str, ...]:
    """The conditions of which no region is proved for so many steps (None: for every one)."""
    said = _Said(data, runs)
    is_reached = said.length == "every step" or (horizon is not None and len(said.last.steps) >= horizon)
    return tuple(
        name for name in said.asked if said.region(name)[0] is None or not (is_reached or said.early(name) == [])
    )


def free_exponents(premises: Json) -> frozenset[str]:
    """The exponents that the premises leave free."""
    lists = [premises["domain"], *(each["size"] for each in premises["start"].values())]
    every = [*premises["axes"].values(), *(each for forms in lists for each in forms)]
    every += [gain for gains in premises["align"].values() for gain in gains.values()]
    every += [each["by"] for each in premises["step"] if "by" in each]
    return frozenset(name for each in every for name in form(each).free)


def premises_text(data: Json) -> str:
    """What is taken for granted, in a line."""
    parts = [f"{axis} of size n^({form(size)})" for axis, size in data["axes"].items()]
    parts += [f"0 <= {form(each)}" for each in data["domain"]]
    parts += [f"without {key}" for key in data["without"]]
    for kind, gains in data["align"].items():
        parts += [f"{kind} sums over {axis} add {form(gain)}" for axis, gain in gains.items()]
    for name, given in data["start"].items():
        what = f"random {name}[{', '.join(given['random'])}]" if given["random"] else name
        parts.append(f"{what} starts at {one_of('max', [*map(str, forms(given['size']))])}")
    parts += [_assignment(each) for each in data["step"]]
    parts += [f"next {name} is {source}" for name, source in data["next"].items()]
    parts += [f"{of} is {name}" for of, name in data["quantities"].items() if of != name]
    parts += [f"{name} asks that {_definition(each)}" for name, each in asked(data).items()]
    return "; ".join([*parts, *(f"the part of {factor} is {part}" for factor, part in data["factors"].items())])


def _definition(condition: Asked) -> str:
    """What a condition asks.

    >>> _definition(Asked(("Z_B[1]", "Z_B[2]"), ("Delta_Z_B[2]",)))
    'Z_B[1], Z_B[2] <= 0 and Delta_Z_B[2] = 0 from some step on'
    """
    parts = [f"{', '.join(condition.bounded)} <= 0"] if condition.bounded else []
    parts += [f"{', '.join(condition.reached)} = 0 from some step on"] if condition.reached else []
    return " and ".join(parts) or "nothing"


def _assignment(data: Json) -> str:
    said = f"{data['name']} = {data['is']} of {', '.join(data['of']) or 'nothing'}"
    match data["is"]:
        case "scaled":
            return f"{said} by n^({form(data['by'])})"
        case "product":
            return f"{said} over {data['over']}"
        case "renamed":
            return f"{said} from {data['from']} to {data['to']}"
        case "normalised":
            return f"{said} by n^({form(data['by'])}){' with an epsilon' * data['epsilon']}"
        case "map":
            beside = f" beside {', '.join(data['beside'])}" if data["beside"] else ""
            return f"{said}{beside} of degree {data['degree']}"
    return said


class _Said:
    """The proved claims of a certificate, and what they amount to.

    A claim of sizes up to the last step of a run speaks of every step where the run settles or has a law. What the
    first run says of regions is used only where it is about no more steps than the last run.
    """

    def __init__(self, data: Json, runs: Sequence[CheckedRun]) -> None:
        self.data, self.first, self.last = data, runs[0], runs[-1]
        self.claims = [each["claims"] for each in data["runs"]]
        coverage = coverage_claim(data["premises"], len(self.first.steps), [data["runs"][-1]["where"]])
        is_final = self.last.is_settled or self.last.law is not None
        self.length = "every step" if is_final else f"steps 1 to {len(self.last.steps)}"
        is_first_longer = self.first.law is not None or len(self.first.steps) > len(self.last.steps)
        self.is_comparable = not self.first.where and (is_final or not is_first_longer)
        self.is_alone, self.is_covered = len(runs) == 1, coverage in self.claims[0]
        self.asked = asked(data["premises"])
        self.free = free_exponents(data["premises"])

    def condition(self, name: str) -> str:
        """The region of a condition, or what is known of it."""
        region, sure, possible = self.region(name)
        length = "every step" if self.early(name) == [] else self.length
        what = name if MODULE.get(name) == self.asked[name] else f"{name}, {_definition(self.asked[name])}"
        if region is not None:
            return f"{what} ({length}): {region_text(region)}{self.onset(name, region)}"
        texts = (region_text(sure or []), "always" if possible is None else region_text(possible))
        return f"{what} ({length}): unknown; surely {texts[0]}; at most {texts[1]}"

    def horizons(self) -> Iterator[str]:
        """The largest rate for T steps, of conditions that bound quantities only."""
        for name, (bounded, reached) in self.asked.items():
            if self.data["largest"] is not None and not reached:
                text = horizon_text(self.first, self.data["largest"]["rate"], bounded)
                yield from [f"{name} for T steps: {text}"] if text else []

    def later(self) -> Iterator[str]:
        """What is not known of later steps."""
        if self.length != "every step" and any(self.early(name) != [] for name in self.asked):
            yield f"after step {len(self.last.steps)}: unknown, for the exponents have not settled"

    def region(self, name: str) -> tuple[list[Json] | None, list[Json] | None, list[Json] | None]:
        """Where a condition holds, if that is known; where it surely does; outside what it surely does not."""
        said = condition_statement(*self.asked[name], len(self.last.steps))
        early, sure = self.early(name), _where(self.claims[-1], said, "if")
        if early == []:
            return [], [], []
        possible = None
        if self.is_comparable:
            is_whole = self.is_alone or (self.is_covered and self.is_within_stable(name))
            claimed = _where(self.claims[-1], said, "only if") if is_whole else None
            possible = early if claimed is None else claimed
        return (sure if sure == possible else None), sure, possible

    def early(self, name: str) -> list[Json] | None:
        """Outside what the whole first run already breaks the bounds of a condition."""
        if self.first.where:
            return None
        judged = [name, "stable"] if self.is_within_stable(name) else [name]
        said = [condition_statement(self.asked[each].bounded, (), len(self.first.steps)) for each in judged]
        found = [_where(self.claims[0], each, "only if") for each in said]
        return next((where for where in found if where is not None), None)

    def is_within_stable(self, name: str) -> bool:
        """Whether a condition bounds all that `stable` does, so that it holds nowhere else."""
        return {*self.asked["stable"].bounded} <= {*self.asked[name].bounded}

    def onset(self, name: str, region: list[Json]) -> str:
        """The least step from which what a condition reaches is 0 on its region."""
        steps, reached = len(self.last.steps), self.asked[name].reached
        for step in range(1, steps + 1) if region and reached else ():
            below = [(place, size) for place in range(len(region)) for size in reached]
            least, *others = (onset_claims(name, reached, (step, steps), region, each) for each in (None, *below))
            if all(each in self.claims[-1] for each in least):
                is_least = step == 1 or any(all(each in self.claims[-1] for each in claims) for claims in others)
                return f", from step {step} on{'' if is_least else ' at the latest'}"
        return ""

    def rates(self) -> Iterator[str]:
        """The largest stable rate and what happens there, or the frontier of two rates."""
        stable, _, _ = self.region("stable")
        if stable is None or len(stable) != 1:
            return
        said = condition_statement(*self.asked["stable"], len(self.last.steps))
        largest, frontier = self.data["largest"], self.data["frontier"]
        when = "" if self.length == "every step" else f" ({self.length})"
        if frontier is not None and {*frontier["rates"]} <= self.free:
            edges = [forms(each) for each in frontier["edges"]]
            if all(each in self.claims[-1] for each in frontier_claims(frontier["rates"], forms(stable[0]), edges)):
                yield from (f"frontier of {', '.join(frontier['rates'])}{when}: {member_text(edge)}" for edge in edges)
        if largest is None and not self.free:
            yield from self.there({})
        elif largest is not None and largest["rate"] in self.free:
            rate, bounds, valid = largest["rate"], forms(largest["bounds"]), forms(largest["valid_on"])
            if any(rate in each.free for each in (*bounds, *valid)):
                return
            built = largest_claims(rate, said, bounds, valid)
            if not bounds and all(each.coefficient(rate) >= 0 for each in forms(stable[0])):
                yield f"largest stable {rate}{when}: none, nothing bounds it from above"
            elif bounds and all(each in self.claims[-1] for each in built):
                where = f", where {member_text(valid)}" if valid else ""
                yield f"largest stable {rate}{when}: {one_of('min', [*map(str, bounds)])}{where}"
                if len(bounds) == 1 and self.free == {rate}:
                    yield from self.there({rate: bounds[0].constant})

    def there(self, point: Mapping[str, Fraction]) -> Iterator[str]:
        """The last exponents at a point, and which factors never contribute at order one, as far as bounds tell it."""
        if self.last.law is not None and not self.last.is_settled:
            return
        texts = []
        for name, size in self.last.steps[-1].items():
            least, most = _values(size, point)
            texts.append(f"{name} {'' if least == most else '<= '}{'-oo' if most is None else most}")
        yield f"there: {', '.join(texts)}"
        idle, open_ = [], []
        for factor, name in self.data["premises"]["factors"].items():
            sizes = [_values(step[name], point) for step in self.last.steps]
            if all(most is None or most < 0 for _, most in sizes):
                idle.append(factor)
            elif all(least is None or least < 0 for least, _ in sizes):
                open_.append(factor)
        known = ", ".join(idle) or ("no factor" if not open_ else "")
        if self.data["premises"]["factors"]:
            said = "; ".join(filter(None, [known, f"unknown of {', '.join(open_)}" if open_ else ""]))
            yield f"undertrained{'' if self.length == 'every step' else f' ({self.length})'}: {said}"


def _where(claims: Sequence[Json], said: Json, key: str) -> list[Json] | None:
    """The alternatives of the claim that says something, in one direction or the other."""
    return next((each["where"] for each in claims if each["statement"] == said and each[key]), None)


def _exponents(run: CheckedRun) -> Iterator[str]:
    """The exponents of each step, and the state that every later step leaves as it is."""
    known = run.steps if run.law is None or run.is_settled else run.steps[:-1]
    for t, step in enumerate(known, 1):
        when = f"step {t}" + (" and every later one" if run.is_settled and t == len(run.steps) else "")
        yield f"{when}: {', '.join(f'{name} {_exponent(size)}' for name, size in step.items())}"
    if run.is_settled and run.law is None:
        parts = [f"{name} {_exponent(part)}" for name in run.data["next"] for part in run.state[name]]
        yield f"invariant of every step from {len(run.steps)} on: {', '.join(parts) or 'nothing moves'}"


def _exponent(size: BoundedPart) -> str:
    """An exponent, marked where it is only a bound."""
    text = one_of("max", [*map(str, size.bounds[UPPER])])
    return text if size.bounds[LOWER] == size.bounds[UPPER] else f"<= {text}"


def _values(size: BoundedPart, point: Mapping[str, Fraction]) -> tuple[Fraction | None, ...]:
    """What a size is at least and at most at a point; None is -oo."""
    return tuple(max((piece.at(point) for piece in side), default=None) for side in size.bounds)


def region_text(members: Sequence[Json]) -> str:
    """A region in words."""
    return " or ".join(sorted(member_text(forms(each)) for each in members)) or "never"


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
