"""The checker of certificates, which knows affine forms and nothing else of the package; see docs/certificate.md.

It replays a program's training in exponents, and asks for each maximum and each claim what proves it: that a form is at
most the largest of some tops wherever hypotheses are at least 0, an average of the tops less a combination of the
hypotheses that exceeds the form by a constant; that something can be, a point.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, cast

from gamma_calc.algebra.affine import Affine, auxiliary
from gamma_calc.algebra.plain import form, rational

Json = Any
Forms = tuple[Affine, ...]
Family = tuple[Affine, int, tuple[tuple[Affine, int], ...]]
"""The sums of a base and k >= 0 turns of each of some cycles with a length + the sum of k * their steps at most t."""
KIND, SCHEMA, MOST_STEPS, MOST_FORMS, MOST_WORK = "gamma-calc certificate", 3, 64, 64, 300_000
ZERO, ONE, HALF, LOWER, UPPER = Affine.of(0), Affine.of(1), Fraction(1, 2), 0, 1


class Refuted(Exception):
    """A step of a certificate does not hold."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a sum: bounds on its exponent, each the largest of some forms (none: -oo); the tensor it is up to a
    scalar; the flips (tensor, axis) that change its sign; the tensors it has seen, through sums over which axes."""

    bounds: tuple[Forms, ...]
    fresh: str = ""
    odd: frozenset[tuple[str, str]] = frozenset()
    seen: frozenset[tuple[str, frozenset[str]]] = frozenset()


def forms(data: Json) -> Forms:
    """A list of forms."""
    if type(data) is not list or len(data) > MOST_FORMS:
        raise ValueError(f"expected a list of at most {MOST_FORMS} forms")
    return tuple(map(form, data))


def nonnegative(conclusions: Forms) -> list[tuple[Affine, Forms]]:
    """The claims that forms are at least 0."""
    return [(-each, (ZERO,)) for each in conclusions]


def largest(parts: Sequence[Part]) -> tuple[Forms, ...]:
    """The bounds of parts together."""
    return tuple(tuple(dict.fromkeys(f for each in parts for f in each.bounds[side])) for side in (LOWER, UPPER))


class Proof:
    """The steps of a certificate, and within each its evidence, used up in the order in which they are asked for."""

    def __init__(self, steps: Iterable[Json]) -> None:
        self.steps, self.of, self.left = iter(steps), "start", MOST_WORK

    def step(self, of: str) -> Json:
        """The next step, which has to be about what is asked."""
        self.of, data = of, next(self.steps, {"of": "nothing", "proof": ()})
        self.check(data["of"] == of, f"found {data['of']!s:.80} in its place")
        self.evidence = iter(data["proof"])
        return data

    def check(self, is_so: bool, otherwise: str) -> None:
        """Refuse the certificate at this step unless it is so."""
        if not is_so:
            raise Refuted(otherwise)

    def spend(self, work: int) -> None:
        """Count sums of forms, and refuse too many."""
        self.left -= work
        self.check(self.left >= 0, f"this takes more than {MOST_WORK} sums of forms")

    def below(self, hypotheses: Forms, claims: Iterable[tuple[Affine, Forms]]) -> None:
        """Claims, each trivial (a top has the same coefficients and is no smaller) or proved by the next weights."""
        for piece, tops in claims:
            if any(top.terms == piece.terms and top.constant >= piece.constant for top in tops):
                continue
            average, rest = next(self.evidence, ((), ()))
            chosen = [(tops[i], rational(weight)) for i, weight in average]
            used = [*chosen, *((-hypotheses[i], rational(weight)) for i, weight in rest)]
            excess = sum((each * weight for each, weight in used), -piece)
            is_average = sum(weight for _, weight in chosen) == 1 and all(weight >= 0 for _, weight in used)
            is_proved = is_average and excess.is_constant and excess.constant >= 0
            self.check(is_proved, f"{piece} <= max({', '.join(map(str, tops))}) is not proved")

    def choice(self, hypotheses: Forms, alternatives: Sequence[Iterable[tuple[Affine, Forms]]]) -> int:
        """The alternative that is named next, all of whose claims hold."""
        chosen: int = next(self.evidence, -1)
        self.check(chosen in range(len(alternatives)), "no case is chosen")
        self.below(hypotheses, alternatives[chosen])
        return chosen

    def point(self, hypotheses: Forms, above: Forms = ()) -> None:
        """The next point, at which the hypotheses are at least 0 and other forms above 0."""
        point = {name: rational(value) for name, value in next(self.evidence, {}).items()}
        is_given = all(name in point for each in (*hypotheses, *above) for name in each.free)
        is_in = is_given and all(each.at(point) >= 0 for each in hypotheses)
        self.check(is_in and all(each.at(point) > 0 for each in above), "the point does not show that this can be")

    def covered(self, hypotheses: Forms, family: Family, by: Sequence[Family]) -> None:
        """A family is part of the one that is named next: by so many turns for its base, and for each turn of it."""
        place, rows = next(self.evidence, (-1, ()))
        self.check(place in range(len(by)), f"{family[0]} is in no family")
        (base, length, turns), (start, before, cycles) = family, by[place]
        for (weight, room), row in zip(((base - start, length - before), *turns), rows, strict=True):
            used = [(*cycles[i], times) for i, times in row if times >= 0]
            is_in_time = len(used) == len(row) and sum(steps * times for _, steps, times in used) <= room
            self.check(is_in_time, "there is no time for so many turns")
            self.below(hypotheses, [(weight, (sum((turn * times for turn, _, times in used), ZERO),))])

    def stated(self, of: str, bounds: Sequence[Forms], hypotheses: Forms) -> tuple[Forms, ...]:
        """Bounds that are stated in place of others: no less from above and, as these or on their own, from below."""
        data = self.step(of)
        most, least = forms(data["value"]), forms(data.get("lower", data["value"]))
        self.below(hypotheses, [*((way, most) for way in bounds[UPPER]), *((piece, bounds[LOWER]) for piece in least)])
        return least, most


class Run:
    """Some steps of a program where the forms of its domain, and some more, are at least 0; none follows one that keeps
    the state, for it would be the same."""

    def __init__(self, data: Json, proof: Proof, where: Forms, steps: int) -> None:
        self.data, self.proof, self.where, self.without = data, proof, where, frozenset(data["without"])
        self.size = {axis: form(value) for axis, value in data["axes"].items()}
        self.known = (*forms(data["domain"]), *self.size.values())
        self.axes = {name: frozenset(each["random"]) for name, each in data["start"].items()}
        self.domain, self.state = (*self.known, *where), dict[str, tuple[Part, ...]]()
        for name, each in data["start"].items():
            size, seen = forms(each["size"]), frozenset({(name, frozenset[str]())})
            odd = frozenset((name, axis) for axis in self.axes[name] if self.size[axis] != ZERO)
            self.state[name] = (Part((size, size), name, odd, seen),) if size else ()
        self.steps, self.law = list[dict[str, Part]](), cast("Law | None", None)
        self.is_settled = self.is_symbolic = False
        proof.step("domain")
        proof.point(self.domain)
        while len(self.steps) < min(steps, MOST_STEPS) and not self.is_settled:
            self.step()

    def times(self, gains: Sequence[Forms], like: Part, *parts: Part) -> Part:
        """The product of parts, with what a rule adds."""
        factors = [[gains[side], *(part.bounds[side] for part in parts)] for side in (LOWER, UPPER)]
        self.proof.spend(1 + sum(prod(map(len, each)) for each in factors))
        sums = (dict.fromkeys(sum(way, ZERO) for way in product(*each)) for each in factors)
        return replace(like, bounds=tuple(map(tuple, sums)))

    def contracted(self, x: Part, y: Part, axis: str) -> Part:
        """The sum over an axis of the products of two parts: fixed, independent, echoing, diluted or aligned; it adds
        what is set for it, or what the assumptions prove that are left."""
        size, odd, axes, sights = self.size, x.odd ^ y.odd, self.axes, x.seen | y.seen
        pairs = [(a.fresh, b.seen) for a, b in ((x, y), (y, x)) if axis in axes.get(a.fresh, ())]
        told = {sum((size[k] for k in over - {axis}), ZERO) for a, seen in pairs for b, over in seen if a == b and over}
        is_centred = any(flipped == axis for _, flipped in odd)
        centred = "echoing" if any((name, axis) in odd and axis in over for name, over in sights) else "independent"
        kind = "fixed" if size[axis] == ZERO else centred if is_centred else "diluted" if told else "aligned"
        whole, half = (size[axis],), (size[axis] * HALF,)
        diluted = (*half, *(size[axis] - other * HALF for other in sorted(told, key=str)))
        known = {"fixed": whole, "aligned": whole, "diluted": diluted}.get(kind, half)
        lost = {"fixed": {"A4"}, "aligned": {"A5"}, "diluted": {"A3", "A5"}}.get(kind, {"A3"}) & self.without
        least = known if not lost else () if "A4" in self.without else half
        gains = least, whole if "A3" in lost or kind == "echoing" else known
        if kind in self.data["align"]:
            gains = ((form(self.data["align"][kind][axis]),),) * 2
        seen = frozenset((name, over | ({axis} & axes[name])) for name, over in sights)
        return self.times(gains, Part((), "", frozenset(flip for flip in odd if flip[1] != axis), seen), x, y)

    def gathered(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """Parts brought together by parity; without A4 those of one parity may cancel, without A3 also others."""
        groups: dict[Any, list[Part]] = {}
        for part in parts:
            groups.setdefault((part.fresh, part.odd), []).append(part)
        is_mixed, found = {"A3", "A4"} <= self.without and len(groups) > 1, []
        for (fresh, odd), same in groups.items():
            can_cancel, (lower, upper) = "A4" in self.without and len(same) > 1, largest(same)
            seen = frozenset(sight for part in same for sight in part.seen)
            found.append(Part((() if is_mixed or can_cancel else lower, upper), fresh, odd, seen))
        return tuple(found)

    def pruned(self, of: str, part: Part) -> Part:
        """The part with the bounds that are stated for it; a symbolic one as it is."""
        of = f"step {len(self.steps) + 1}, {of}"
        return part if self.is_symbolic else replace(part, bounds=self.proof.stated(of, part.bounds, self.domain))

    def normalised(self, data: Json, gradient: Iterable[Part]) -> Iterable[Part]:
        """Entries of size 1 times the rate, for the leading parity if one is known; another is less by its gap. Beside
        an epsilon of size 1 that is so of a gradient that is as large, while a smaller one only meets the rate."""
        of, rate, leader, is_lost = data["name"], (form(data["by"]),), None, "A6" in self.without
        parts = [self.pruned(f"{of}, gradient", each) for each in gradient]
        if data["epsilon"] and "A7" in self.without:
            self.proof.step(f"step {len(self.steps) + 1}, {of}, epsilon")
            least, most = largest(parts)
            small = nonnegative((-ONE,) if "A8" in self.without else tuple(-piece for piece in most))
            case = self.proof.choice(self.domain, [[(ZERO, least)], small, []])
            if case == 1:
                return [self.times((() if is_lost else rate, rate), each, each) for each in parts]
            is_lost = is_lost or case == 2
        if len(parts) == 1 or not (self.is_symbolic or {"A3", "A8", "A9"} & self.without):
            self.proof.step(f"step {len(self.steps) + 1}, {of}, leading parity")
            above = [(mine.bounds[LOWER], [other for other in parts if other is not mine]) for mine in parts]
            cases = [[(piece, least) for other in others for piece in other.bounds[UPPER]] for least, others in above]
            leader = [*parts, None][self.proof.choice(self.domain, [*cases, []])]
        found = []
        for part in parts:
            (lower, upper), most, is_exact = part.bounds, rate, part is leader
            if leader and not is_exact and lower == upper and leader.bounds[LOWER] == leader.bounds[UPPER][:1]:
                most, is_exact = tuple(rate[0] + piece - leader.bounds[UPPER][0] for piece in upper), True
            found.append(replace(part, bounds=(most if is_exact and not is_lost else (), most)))
        return found

    def assigned(self, data: Json, given: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
        """The value of an assignment."""
        parts = [part for value in given for part in value]
        if data["is"] == "product":
            return tuple(self.contracted(x, y, data["over"]) for x, y in product(*given))
        if data["is"] == "scaled":
            return tuple(self.times(((form(data["by"]),),) * 2, each, each) for each in parts)
        total = self.gathered(parts)
        return tuple(self.normalised(data, total)) if data["is"] == "normalised" else total

    def step(self) -> None:
        """One training step: its assignments, the state that it leaves, and what is looked at."""
        values, before, moving = dict(self.state), self.state, self.data["next"]
        for each in self.data["step"]:
            values[each["name"]] = self.assigned(each, [values[name] for name in each["of"]])
        self.state = before | {name: tuple(self.pruned(name, part) for part in values[moving[name]]) for name in moving}
        whole = {of: largest(self.gathered(values[name])) for of, name in self.data["quantities"].items()}
        self.steps.append({of: self.pruned(of, Part(bounds)) for of, bounds in whole.items()})
        self.is_settled = self.state == before


class Law:
    """What every step after a run does: a step from unknown sizes x of the parts of a state, which never fall."""

    def __init__(self, run: Run) -> None:
        self.run, self.families, step, moving = run, dict[int, list[Family]](), copy(run), run.data["next"]
        self.before = [part for name in moving for part in run.state[name]]
        self.x = [auxiliary(f"x{i}") for i in range(len(self.before))]
        unknown, floors = iter(self.x), [(i, p) for i, part in enumerate(self.before) for p in part.bounds[LOWER]]
        for name in moving:
            parts = tuple(replace(part, bounds=((next(unknown),),) * 2) for part in run.state[name])
            step.state = step.state | {name: parts}
        step.domain, step.is_symbolic, step.steps = (*run.domain, *(self.x[i] - p for i, p in floors)), True, []
        run.proof.step("later steps")
        step.step()
        self.looked_at, self.after = step.steps[0], [part for name in moving for part in step.state[name]]
        kinds = [[replace(part, bounds=()) for part in state] for state in (self.before, self.after)]
        run.proof.check(kinds[0] == kinds[1], "a step makes other kinds of parts")
        run.proof.below(step.domain, [(piece, self.after[i].bounds[LOWER]) for i, piece in floors])

    def read(self, data: Json) -> None:
        """Families of the parts, each of which steps make; where they are exact, steps make nothing else. What is to be
        at most 0 for a quantity to be so at every later step; it is a last step if nothing changes there any more."""
        proof, domain, self.quantities, later = self.run.proof, self.run.domain, data["quantities"], dict[str, Part]()
        for i, base, length, turns in data["families"]:
            cycles = tuple((form(turn), steps) for turn, steps in turns)
            proof.check(length >= 0 and all(steps > 0 for _, steps in cycles), "a family is there too early")
            self.families.setdefault(i, []).append((form(base), length, cycles))
        self.is_exact = data["exact"] and all(len(self.factors(p)) < 2 for e in self.after for p in e.bounds[UPPER])
        for i, (old, new) in enumerate(zip(self.before, self.after, strict=True)):
            lower, upper = (self.made(new.bounds[side], old.bounds[side]) for side in (LOWER, UPPER))
            for base, length, turns in self.families.get(i, ()):
                lasts = [(base + turn, length + steps, turns[: k + 1]) for k, (turn, steps) in enumerate(turns)]
                for family in ((base, length, ()), *lasts):
                    proof.covered(domain, family, lower)
            for family in upper if self.is_exact else ():
                proof.covered(domain, family, self.families.get(i, ()))
        is_still = self.is_exact
        for of, places in self.quantities.items():
            least, most = self.looked_at[of].bounds
            both = [self.made(tuple(least[i] for i in places)), self.made(most) if self.is_exact else [(ONE, 1, ())]]
            is_still = is_still and all(length == 1 and not turns for side in both for _, length, turns in side)
            asked = [(form for base, _, turns in side for form in (base, *dict(turns))) for side in both]
            later[of] = self.run.pruned(of, Part(tuple(tuple(dict.fromkeys(each)) for each in asked)))
        self.run.steps.append(later)
        self.run.law, self.run.is_settled = self, is_still

    def made(self, pieces: Forms, floors: Forms = ()) -> list[Family]:
        """What is there at first, and what a step makes: products of parts, with time for the turns of all of them."""
        found: list[Family] = [(piece, 0, ()) for piece in floors]
        for piece, factors in ((piece, self.factors(piece)) for piece in pieces):
            choices, rest = [self.families.get(i, []) for i in factors], sum((-self.x[i] for i in factors), piece)
            self.run.proof.spend(prod(map(len, choices)))
            for way in product(*choices):
                base, length = sum((family[0] for family in way), rest), sum(family[1] for family in way)
                found.append((base, length + 1, tuple(turn for family in way for turn in family[2])))
        return found

    def factors(self, piece: Affine) -> list[int]:
        """The parts that a piece is a product of."""
        return [i for i, x in enumerate(self.x) for _ in range(int(piece.coefficient(x.free[0])))]


def claim(data: Json, run: Run) -> None:
    """Forms are at least 0, and sizes at most or at least 0 at some steps, where an alternative holds ("if"), and
    nowhere else ("only if"); and at some point where the forms are at least 0, sizes are below 0."""
    said, where, proof = data["statement"], [forms(each) for each in data["where"]], run.proof
    given, needed, cases = forms(said["forms"]), nonnegative(forms(said["forms"])), list[Forms]()
    proof.step(data["of"])
    for name, first, last, relation in said["sizes"]:
        end = len(run.steps) - (run.law is not None and relation != "<=" and not run.is_settled)
        proof.check(1 <= first <= last <= end, "there are no such steps")
        for lower, upper in (step[name].bounds for step in run.steps[first - 1 : last]):
            if relation == "<":
                proof.point((*run.domain, *given), tuple(-each for each in upper))
            elif relation == "<=":
                needed, given = [*needed, *((each, (ZERO,)) for each in upper)], (*given, *(-each for each in lower))
            else:
                needed, cases = [*needed, (ZERO, lower)], [*cases, upper]
    for member in where if data["if"] else ():
        proof.point((*run.domain, *member))
        proof.below((*run.known, *member), nonnegative(run.where))
        proof.below((*run.domain, *member), needed)
    for case in product(*cases) if data["only if"] else ():
        proof.choice((*run.domain, *given, *case), [nonnegative((-ONE,)), *map(nonnegative, where)])


def verified(data: Json) -> tuple[list[Run], str | None]:
    """Check a certificate read from JSON: its runs, or the first step that fails and why. What is no certificate raises
    one of KeyError, TypeError, AttributeError and ValueError."""
    if (data["kind"], data["schema"]) != (KIND, SCHEMA):
        raise ValueError(f"found {data['kind']!s:.40} of schema {data['schema']!s:.40}")
    proof, runs = Proof(data["proof"]), list[Run]()
    try:
        for each in data["runs"]:
            runs.append(Run(data["premises"], proof, forms(each["where"]), each["steps"]))
            if each["later"] is not None:
                Law(runs[-1]).read(each["later"])
            for said in each["claims"]:
                claim(said, runs[-1])
    except (Refuted, IndexError) as failure:
        return [], f"{proof.of}: {failure}"
    return runs, None
