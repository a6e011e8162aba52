"""The checker of certificates, which knows affine forms and nothing else of the package; see docs/certificate.md."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any, cast

from gamma_calc.algebra.affine import Affine, auxiliary
from gamma_calc.algebra.plain import Forms, Json, form, forms, rational

Family = tuple[Affine, int, tuple[tuple[Affine, int], ...]]
"""The sums of a base and k >= 0 turns of each of some cycles with a length + the sum of k * their steps at most t."""
ZERO, ONE, LOWER, UPPER, MOST_STEPS, MOST_WORK = Affine.of(0), Affine.of(1), 0, 1, 64, 300_000


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

    def ways(self, choices: Sequence[Sequence[Any]]) -> Iterable[tuple[Any, ...]]:
        """The ways to take one of each, of which there must not be too many in all."""
        self.left -= 1 + prod(map(len, choices))
        self.check(self.left >= 0, f"this takes more than {MOST_WORK} sums of forms")
        return product(*choices)

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

    def covered(self, hypotheses: Forms, families: Iterable[Family], by: Sequence[Family]) -> None:
        """Families, each part of the one that is named next: by so many turns for its base, and for each turn of it."""
        for base, length, turns in families:
            place, rows = next(self.evidence, (-1, ()))
            self.check(place in range(len(by)), f"{base} is in no family")
            start, before, cycles = by[place]
            for (weight, room), row in zip(((base - start, length - before), *turns), rows, strict=True):
                used = [(*cycles[i], times) for i, times in row if times >= 0]
                is_in_time = sum(steps * times for _, steps, times in used) <= room and len(used) == len(row)
                self.check(is_in_time, "there is no time for so many turns")
                self.below(hypotheses, [(weight, (sum((turn * times for turn, _, times in used), ZERO),))])

    def stated(self, of: str, bounds: Sequence[Forms], hypotheses: Forms) -> tuple[Forms, ...]:
        """Bounds that are stated in place of others: no less from above and, as these or on their own, from below."""
        data = self.step(of)
        most, least = forms(data["value"]), forms(data.get("lower", data["value"]))
        self.below(hypotheses, [*((way, most) for way in bounds[UPPER]), *((piece, bounds[LOWER]) for piece in least)])
        return least, most


class Run:
    """Steps of a program, to the first that keeps the state, where its domain's and some more forms are at least 0."""

    def __init__(self, data: Json, proof: Proof, where: Forms, steps: int) -> None:
        self.data, self.proof, self.where, self.without = data, proof, where, frozenset(data["without"])
        self.size = {axis: form(value) for axis, value in data["axes"].items()}
        self.known, self.state = (*forms(data["domain"]), *self.size.values()), dict[str, tuple[Part, ...]]()
        self.axes = {name: frozenset(each["random"]) for name, each in data["start"].items()}
        self.domain, self.steps = (*self.known, *where), list[dict[str, Part]]()
        for name, each in data["start"].items():
            size, seen = forms(each["size"]), frozenset({(name, frozenset[str]())})
            odd = frozenset((name, axis) for axis in self.axes[name] if self.size[axis] != ZERO)
            self.state[name] = (Part((size, size), name, odd, seen),) if size else ()
        self.is_settled, self.is_symbolic, self.law = False, False, cast("Law | None", None)
        proof.step("domain")
        proof.point(self.domain)
        while len(self.steps) < min(steps, MOST_STEPS) and not self.is_settled:
            self.step()

    def times(self, gains: Sequence[Forms], like: Part, *parts: Part) -> Part:
        """The product of parts, with what a rule adds."""
        factors = [[gains[side], *(part.bounds[side] for part in parts)] for side in (LOWER, UPPER)]
        sums = (dict.fromkeys(sum(way, ZERO) for way in self.proof.ways(each)) for each in factors)
        return replace(like, bounds=tuple(map(tuple, sums)))

    def contracted(self, x: Part, y: Part, axis: str) -> Part:
        """The sum over an axis of the products of two parts, by what is known of their signs and sights."""
        size, odd, axes, sights = self.size, x.odd ^ y.odd, self.axes, x.seen | y.seen
        pairs = [(a.fresh, b.seen) for a, b in ((x, y), (y, x)) if axis in axes.get(a.fresh, ())]
        told = {sum((size[k] for k in over - {axis}), ZERO) for a, seen in pairs for b, over in seen if a == b and over}
        flipped = {name for name, along in odd if along == axis}
        centred = "echoing" if any(name in flipped and axis in over for name, over in sights) else "independent"
        kind = "fixed" if size[axis] == ZERO else centred if flipped else "diluted" if told else "aligned"
        whole, half = (size[axis],), (size[axis] / 2,)
        diluted = (*half, *(size[axis] - other / 2 for other in sorted(told, key=str)))
        known = {"fixed": whole, "aligned": whole, "diluted": diluted}.get(kind, half)
        lost = {"fixed": {"A4"}, "aligned": {"A5"}, "diluted": {"A3", "A5"}}.get(kind, {"A3"}) & self.without
        least = known if not lost else () if "A4" in self.without else half
        gains = least, whole if "A3" in lost or kind == "echoing" else known
        if kind in self.data["align"]:
            gains = ((form(self.data["align"][kind][axis]),),) * 2
        seen = frozenset((name, over | ({axis} & axes[name])) for name, over in sights)
        return self.times(gains, Part((), "", frozenset(flip for flip in odd if flip[1] != axis), seen), x, y)

    def gathered(self, parts: Sequence[Part]) -> Iterable[Part]:
        """Parts brought together by parity; without A4 those of one parity may cancel, without A3 also others."""
        kinds = dict.fromkeys((part.fresh, part.odd) for part in parts)
        for fresh, odd in kinds:
            same = [part for part in parts if (part.fresh, part.odd) == (fresh, odd)]
            can_cancel = "A4" in self.without and (len(same) > 1 or ("A3" in self.without and len(kinds) > 1))
            (lower, upper), seen = largest(same), frozenset(sight for part in same for sight in part.seen)
            yield Part((() if can_cancel else lower, upper), fresh, odd, seen)

    def pruned(self, of: str, part: Part) -> Part:
        """The part with the bounds that are stated for it; a symbolic one as it is."""
        of = f"step {len(self.steps) + 1}, {of}"
        return part if self.is_symbolic else replace(part, bounds=self.proof.stated(of, part.bounds, self.domain))

    def normalised(self, data: Json, gradient: Iterable[Part]) -> Iterable[Part]:
        """Entries of the rate's size for the leading parity, and less by the gap beside it or a leading epsilon."""
        of, rate, leader, is_lost = data["name"], form(data["by"]), cast(Part | None, None), "A6" in self.without
        parts = [self.pruned(f"{of}, gradient", each) for each in gradient]
        if data["epsilon"] and "A7" in self.without:
            self.proof.step(f"step {len(self.steps) + 1}, {of}, epsilon")
            least, most = largest(parts)
            small = nonnegative((-ONE,) if "A8" in self.without else tuple(-piece for piece in most))
            case = self.proof.choice(self.domain, [[(ZERO, least)], small, []])
            leader, is_lost = Part(((ZERO,), (ZERO,))) if case == 1 else None, is_lost or case == 2
        if not leader and (len(parts) == 1 or not (self.is_symbolic or {"A3", "A8", "A9"} & self.without)):
            self.proof.step(f"step {len(self.steps) + 1}, {of}, leading parity")
            cases = [[(p, x.bounds[LOWER]) for y in parts if y is not x for p in y.bounds[UPPER]] for x in parts]
            leader = [*parts, None][self.proof.choice(self.domain, [*cases, []])]
        top = leader.bounds[UPPER] if leader and leader.bounds[LOWER] == leader.bounds[UPPER] else ()
        for part in parts:
            bounds: tuple[Forms, ...] = ((rate,) if part is leader else (), (rate,))
            if len(top) == 1:
                bounds = tuple(tuple(rate + piece - top[0] for piece in side) for side in part.bounds)
            yield replace(part, bounds=(() if is_lost else bounds[LOWER], bounds[UPPER]))

    def step(self) -> None:
        """One training step: its assignments, the state that it leaves, and what is looked at."""
        values, before, moving = dict(self.state), self.state, self.data["next"]
        for each in self.data["step"]:
            given = [values[name] for name in each["of"]]
            if each["is"] == "product":
                made: Iterable[Part] = [self.contracted(x, y, each["over"]) for x, y in product(*given)]
            elif each["is"] == "scaled":
                made = [self.times(((form(each["by"]),),) * 2, part, part) for part in sum(given, ())]
            else:
                made = self.gathered(sum(given, ()))
            values[each["name"]] = tuple(self.normalised(each, made) if each["is"] == "normalised" else made)
        self.state = before | {name: tuple(self.pruned(name, part) for part in values[moving[name]]) for name in moving}
        whole = {of: largest([*self.gathered(values[name])]) for of, name in self.data["quantities"].items()}
        self.steps.append({of: self.pruned(of, Part(bounds)) for of, bounds in whole.items()})
        self.is_settled = self.state == before

    def claim(self, data: Json) -> None:
        """A statement of forms and sizes, where an alternative holds ("if"), and nowhere else ("only if")."""
        said, where, proof = data["statement"], [forms(each) for each in data["where"]], self.proof
        given, needed, cases = forms(said["forms"]), nonnegative(forms(said["forms"])), list[Forms]()
        proof.step(data["of"])
        for name, first, last, relation in said["sizes"]:
            end = len(self.steps) - (self.law is not None and relation != "<=" and not self.is_settled)
            proof.check(1 <= first <= last <= end, "there are no such steps")
            for lower, upper in (step[name].bounds for step in self.steps[first - 1 : last]):
                if relation == "<":
                    proof.point((*self.domain, *given), tuple(-each for each in upper))
                elif relation == "<=":
                    needed, given = [*needed, *((f, (ZERO,)) for f in upper)], (*given, *(-f for f in lower))
                else:
                    needed, cases = [*needed, (ZERO, lower)], [*cases, upper]
        for member in where if data["if"] else ():
            proof.point((*self.domain, *member))
            proof.below(member, nonnegative(self.domain))
            proof.below((*self.domain, *member), needed)
        for case in product(*cases) if data["only if"] else ():
            proof.choice((*self.domain, *given, *case), [nonnegative((-ONE,)), *map(nonnegative, where)])


class Law:
    """What every step after a run does: a step from unknown sizes x of the parts of a state, which never fall."""

    def __init__(self, run: Run) -> None:
        self.run, self.families, step, moving = run, dict[int, list[Family]](), copy(run), run.data["next"]
        self.before = [part for name in moving for part in run.state[name]]
        self.x = [auxiliary(f"x{i}") for i in range(len(self.before))]
        unknown, floors = iter(self.x), [(i, p) for i, part in enumerate(self.before) for p in part.bounds[LOWER]]
        parts = {of: tuple(replace(part, bounds=((next(unknown),),) * 2) for part in run.state[of]) for of in moving}
        step.domain, step.is_symbolic = (*run.domain, *(self.x[i] - p for i, p in floors)), True
        step.state, step.steps = run.state | parts, []
        run.proof.step("later steps")
        step.step()
        self.looked_at, self.after = step.steps[0], [part for name in moving for part in step.state[name]]
        kinds = [[[replace(p, bounds=()) for p in state[of]] for of in moving] for state in (run.state, step.state)]
        run.proof.check(kinds[0] == kinds[1], "a step makes other kinds of parts")
        run.proof.below(step.domain, [(piece, self.after[i].bounds[LOWER]) for i, piece in floors])

    def read(self, data: Json) -> None:
        """Families that steps make, and nothing else if they are exact; what they ask of quantities, as a last step."""
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
                proof.covered(domain, [(base, length, ()), *lasts], lower)
            proof.covered(domain, upper if self.is_exact else (), self.families.get(i, ()))
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
            for way in self.run.proof.ways(choices):
                base, length = sum((family[0] for family in way), rest), sum(family[1] for family in way)
                found.append((base, length + 1, tuple(turn for family in way for turn in family[2])))
        return found

    def factors(self, piece: Affine) -> list[int]:
        """The parts that a piece is a product of."""
        return [i for i, x in enumerate(self.x) for _ in range(int(piece.coefficient(x.free[0])))]


def verified(data: Json, proof: Proof) -> list[Run]:
    """The runs of a certificate, whose steps the proof shows; Refuted, or IndexError for a place that there is not."""
    runs = list[Run]()
    for each in data["runs"]:
        runs.append(Run(data["premises"], proof, forms(each["where"]), each["steps"]))
        if each["later"] is not None:
            Law(runs[-1]).read(each["later"])
        for said in each["claims"]:
            runs[-1].claim(said)
    return runs
