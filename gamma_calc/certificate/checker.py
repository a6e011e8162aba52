"""The checker of certificates, which knows affine forms and nothing else of the package; see docs/certificate.md."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain, product
from math import prod
from typing import Any, cast

from gamma_calc.algebra.affine import Affine, auxiliary
from gamma_calc.algebra.plain import Forms, Json, form, forms, rational
from gamma_calc.certificate.maps import expansion, linear, outer
from gamma_calc.certificate.parts import (
    ANY,
    FORGOTTEN,
    LOWER,
    SUMMED,
    UNIT,
    UPPER,
    ZERO,
    BoundedPart,
    SeenTensor,
    absorbed,
    bound,
    brought_back,
    divides,
    is_below,
    is_trivial,
    largest,
    marked,
    moved,
    of_either_sign,
    only,
    past,
    remembered,
    seen_by_all,
    share_factor,
    united,
)

Family = tuple[Affine, int, tuple[tuple[Affine, int], ...]]
"""The sums of a base and k >= 0 turns of each of some cycles with a length + the sum of k * their steps at most t."""
ONE, LOST = Affine.of(1), BoundedPart((), seen=frozenset({FORGOTTEN}), is_mixed=True)
MOST_STEPS, MOST_WORK, MOST_APART = 64, 300_000, 3


class Refuted(Exception):
    """A step of a certificate does not hold."""


def nonnegative(conclusions: Forms) -> list[tuple[Affine, Forms]]:
    """The claims that forms are at least 0."""
    return [(-each, (ZERO,)) for each in conclusions]


def are_centred(x: BoundedPart, y: BoundedPart, axis: str = SUMMED) -> bool:
    """Whether a flip along an axis changes the sign of a product."""
    return bool(only(x.odd ^ y.odd, axis)) and not (x.is_mixed or y.is_mixed)


def share_entries(x: BoundedPart, y: BoundedPart, axis: str) -> bool:
    """Whether one part has entries W_ij at an axis, and the other has seen W there through a sum, such as (W z)_i."""
    return any(
        s.tensor == o.tensor and len(s.at) > len(o.at) and only(s.at, axis) and only(o.at, axis)
        for own, other in ((x, y), (y, x))
        for s, o in product(own.seen, other.seen)
    )


def has_seen_more(name: str | tuple[str], axis: str, *parts: BoundedPart) -> bool:
    """Whether a part may have met a tensor at an axis in other ways than it names."""
    return any(each.tensor == (name,) and only(each.at, axis) for part in parts for each in part.seen)


class ProofSteps:
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
        self.check(self.left >= 0, f"this takes more than {MOST_WORK} sums of forms and parts")
        return product(*choices)

    def below(self, hypotheses: Forms, claims: Iterable[tuple[Affine, Forms]]) -> None:
        """Claims, each trivial or proved by the next weights."""
        for piece, tops in (claim for claim in claims if not is_trivial(*claim)):
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


class CheckedRun:
    """Steps of a program, to the first that keeps the state, where its domain's and some more forms are at least 0."""

    def __init__(self, data: Json, proof: ProofSteps, where: Forms, steps: int) -> None:
        self.data, self.proof, self.where, self.without = data, proof, where, frozenset(data["without"])
        self.size = {axis: form(value) for axis, value in data["axes"].items()}
        self.state, self.gradients, self.steps = (
            dict[str, tuple[BoundedPart, ...]](),
            dict[str, list[BoundedPart]](),
            list[dict[str, BoundedPart]](),
        )
        self.domain = (*forms(data["domain"]), *self.size.values(), *where)
        for name, each in data["start"].items():
            size, at = (
                forms(each["size"]),
                frozenset((axis, axis) for axis in each["random"] if self.size[axis] != ZERO),
            )
            proof.check(len(at) < 3, f"{name} has more than two axes that grow")
            odd, seen = (
                frozenset((name, *pair) for pair in at),
                frozenset({SeenTensor(name, at, is_factor=True)} if at else ()),
            )
            self.state[name] = (BoundedPart((size, size), next(iter(seen), None), odd, seen),) if size else ()
        self.matrices = frozenset(
            tensor.tensor for (each,) in filter(None, self.state.values()) for tensor in each.seen if len(tensor.at) > 1
        )
        self.is_settled, self.is_symbolic, self.law = False, False, cast("Law | None", None)
        proof.step("domain")
        proof.point(self.domain)
        while len(self.steps) < min(steps, MOST_STEPS) and not self.is_settled:
            self.step()

    def times(self, gains: Sequence[Forms], like: BoundedPart, *parts: BoundedPart) -> BoundedPart:
        """The product of parts, with what a rule adds."""
        ways = (self.proof.ways([gains[side], *(part.bounds[side] for part in parts)]) for side in (LOWER, UPPER))
        return replace(like, bounds=tuple(tuple(dict.fromkeys(sum(way, ZERO) for way in each)) for each in ways))

    def entrywise(self, gain: Affine, like: BoundedPart, *parts: BoundedPart) -> BoundedPart:
        """A product of parts entry by entry, times n^gain; `like` is what it is but for its size."""
        return self.times(((gain,),) * 2, like, *parts, like)

    def contracted(self, x: BoundedPart, y: BoundedPart, axis: str) -> Iterable[BoundedPart]:
        """The sum over an axis of the products of two parts, by what is known of their signs and sights."""
        fresh = {w.fresh: met for w, met in ((x, y), (y, x)) if w.fresh and only(w.fresh.at, axis)}
        tensor, other = next(iter(fresh.items()), (None, x))
        left = {s: SeenTensor(s.tensor, s.at - only(s.at, axis)) if only(s.at, axis) else s for s in x.seen | y.seen}
        left |= {
            w: SeenTensor(w.tensor, left[w].at, remembered(replace(met, bounds=()), axis), True)
            for w, met in fresh.items()
        }
        is_mixed, flips = x.is_mixed or y.is_mixed, x.odd ^ y.odd
        odd = frozenset() if is_mixed else flips - only(flips, axis)
        whole = BoundedPart(UNIT, None, odd, united(frozenset(left.values())), is_mixed=is_mixed)
        sights = [
            s for s in marked(other, False).seen if tensor and s.tensor in (tensor.tensor, ANY) and only(s.at, axis)
        ]
        if self.size[axis] == ZERO:
            found: Iterable[tuple[str, Affine, BoundedPart]] = [("fixed", ZERO, whole)]
        elif tensor and all(s.at == only(s.at, axis) for s in sights):
            found = self.hat_and_dot(tensor, other, sights, axis, whole, frozenset(left[s] for s in other.seen))
        else:
            found = self.of_two(x, y, axis, whole)
        for kind, gain, part in found:
            yield self.times(self.gains(kind, gain, axis), part, x, y, part)

    def of_two(
        self, x: BoundedPart, y: BoundedPart, axis: str, whole: BoundedPart
    ) -> list[tuple[str, Affine, BoundedPart]]:
        """A sum of two factors: independent where a flip along the axis changes its sign, else aligned or walks."""
        size, is_centred = self.size[axis], are_centred(x, y, axis)
        met = ([], True) if is_centred else self.walks(x, y, axis)
        dot = [("aligned", size, of_either_sign(whole))] if met is None or share_entries(x, y, axis) else []
        walks, is_sure = met or ([], False)
        if is_centred or walks:
            return [
                ("independent", size / 2, whole),
                *(("diluted", size - walk / 2, whole if is_sure else bound(whole)) for walk in walks),
                *dot,
            ]
        if (
            is_sure
            and not dot
            and all(
                {name for name, *_ in only(x.odd & y.odd, axis)} <= {s.tensor for s in p.seen if only(s.at, axis)}
                for p in (x, y)
            )
        ):
            return [("aligned", size, whole)]
        return [("independent", size / 2, whole), ("aligned", size, bound(whole)), *dot]

    def hat_and_dot(
        self,
        tensor: SeenTensor,
        other: BoundedPart,
        sights: list[SeenTensor],
        axis: str,
        hat: BoundedPart,
        seen: frozenset[SeenTensor],
    ) -> Iterable[tuple[str, Affine, BoundedPart]]:
        """A sum of a random tensor W: the hat, independent of all before, and a dot for each W^T y that was seen."""
        size, ((through, place), *_) = self.size[axis], [*(tensor.at - only(tensor.at, axis)), ("", "")]
        yield "independent", size / 2, hat
        flips, at_axis = {(tensor.tensor, own, axis) for own, _ in only(tensor.at, axis)}, only(other.odd, axis)
        backs = {
            moved(s.factor or (LOST if place else BoundedPart(())), SUMMED, place)
            for s in sights
            if flips & other.odd or other.is_mixed
        }
        for back in sorted(backs, key=lambda each: (sorted(each.odd), each.is_past, each.is_mixed)):
            part = replace(
                hat,
                odd=other.odd - at_axis ^ back.odd,
                seen=united(seen, brought_back(seen, back.seen, place, self.matrices)),
            )
            gain = (size / 2 if at_axis - flips else size) - self.size.get(through, ZERO) / 2
            yield (
                "diluted",
                gain,
                of_either_sign(part)
                if other.is_mixed or back.is_mixed
                else bound(part)
                if len(backs) > 1 or has_seen_more(tensor.tensor, axis, other)
                else part,
            )

    def walks(self, x: BoundedPart, y: BoundedPart, axis: str, *before: Affine) -> tuple[list[Affine], bool] | None:
        """How long the random walks u . v are where W u and W v, which W gives a common sign, are summed over an axis;
        and whether they surely leave so much, for one W and one pair u, v walk there, or none do.

        The product u . v is centred, or u and v are themselves V a and V b that know of each other by walks. None where
        it is not known what W met.
        """
        every = list[list[tuple[list[Affine], bool] | None]]()
        for name, own, _ in sorted(only(x.odd & y.odd, axis)):
            us, vs = (
                [s.factor for s in marked(p, False).seen if s.tensor in (name, ANY) and only(s.at, axis)]
                for p in (x, y)
            )
            length = sum((self.size[each] for each in {*self.data["start"][name]["random"]} - {own}), ZERO)
            every.append(
                [
                    self.walks(u, v, SUMMED, length)
                    if u and v and not are_centred(u, v)
                    else ([length], True)
                    if u and v
                    else ([], True)
                    if length == ZERO
                    else None
                    for u, v in product(us, vs)
                ]
            )
        found = next((pairs for pairs in every if pairs and all(pair and pair[0] for pair in pairs)), [])
        if not found and any(None in pairs for pairs in every):
            return None
        known = [pair or ([], False) for pairs in every for pair in pairs]
        is_sure = (
            all(sure for _, sure in known)
            and sum(bool(walks) for walks, _ in known) == len(found) < 2
            and not any(has_seen_more(name, axis, x, y) for name, *_ in only(x.odd & y.odd, axis))
        )
        return sorted({each for pair in found if pair for each in (*before, *pair[0])}, key=str), is_sure

    def gains(self, kind: str, known: Affine, axis: str) -> tuple[Forms, ...]:
        """What a sum of a kind over an axis adds: bounds, which part where an assumption is missing."""
        size, stated = self.size[axis], self.data["align"].get(kind, {})
        if axis in stated:
            return ((form(stated[axis]),),) * 2
        lost = {"fixed": {"A4"}, "aligned": {"A5"}, "diluted": {"A3", "A5"}}.get(kind, {"A3"}) & self.without
        nothing = lost and ("A4" in self.without or kind == "diluted")
        return () if nothing else (size / 2 if lost else known,), (size if "A3" in lost else known,)

    def gathered(self, parts: Sequence[BoundedPart], apart: int = MOST_APART) -> list[BoundedPart]:
        """Parts brought together by parity and sights; of one parity they may cancel without A4, of others without A3.

        Of W^T x + W^T y a sum against W brings back x, as large as the first part, and y, as large as the second.
        Where too many have seen different things, one part has the bounds of all and has seen what all have, and
        another one is only bounded from above and has seen what any of them has.
        """
        self.proof.ways([parts])  # each part counts as work, as each sum of forms does
        found, kinds = list[BoundedPart](), dict[tuple[Any, ...], list[BoundedPart]]()
        for part in parts:
            kinds.setdefault((part.fresh, part.odd, part.is_mixed), []).append(part)
        for (fresh, odd, is_mixed), same in kinds.items():
            alike = [each for each in parts if "A3" in self.without or is_mixed or each.is_mixed or each.odd == odd]
            sights = dict.fromkeys(marked(part, False).seen for part in same)
            kin = [[part for part in same if marked(part, False).seen == seen] for seen in sights]
            groups = [(united(*(each.seen for each in some)), largest(some)) for some in ([same] if is_mixed else kin)]
            if len(groups) > apart:
                groups = [
                    (seen_by_all([marked(past(part), True).seen for part in same]), largest(same)),
                    (united(*(seen for seen, _ in groups)), ((), largest(same)[UPPER])),
                ]
            can_cancel = "A4" in self.without and len(alike) > 1
            found += (
                BoundedPart((() if can_cancel else lower, upper), fresh, odd, seen, is_mixed=is_mixed)
                for seen, (lower, upper) in groups
            )
        return absorbed(found)

    def pruned(self, of: str, part: BoundedPart) -> BoundedPart:
        """The part with the bounds that are stated for it; a symbolic one as it is."""
        of = f"step {len(self.steps) + 1}, {of}"
        return part if self.is_symbolic else replace(part, bounds=self.proof.stated(of, part.bounds, self.domain))

    def leading(self, of: str, some: Sequence[BoundedPart], parts: Sequence[BoundedPart]) -> BoundedPart | None:
        """The one of some parts that is named as no smaller than any other part, or none."""
        self.proof.step(f"step {len(self.steps) + 1}, {of}")
        cases = [[(p, x.bounds[LOWER]) for y in parts if y is not x for p in y.bounds[UPPER]] for x in some]
        return [*some, None][self.proof.choice(self.domain, [*cases, []])]

    def normalised(self, data: Json, gradient: Iterable[BoundedPart]) -> Iterable[BoundedPart]:
        """Entries of the rate's size for the leading parity, and less by the gap beside it or a leading epsilon.

        Without A8 the direction may have kept what earlier gradients had; without A9 the product of parities is there.
        """
        of, rate, keeps_all = data["name"], form(data["by"]), "A8" in self.without and data["epsilon"]
        leader, is_lost = cast(BoundedPart | None, None), "A6" in self.without
        parts = [
            self.pruned(f"{of}, gradient", each)
            for each in self.gathered([*gradient, *(self.gradients.get(of, ()) if keeps_all else ())], apart=1)
        ]
        self.gradients = self.gradients | {of: [replace(past(part), bounds=((), part.bounds[UPPER])) for part in parts]}
        if data["epsilon"] and "A7" in self.without:
            self.proof.step(f"step {len(self.steps) + 1}, {of}, epsilon")
            least, most = largest(parts)
            small = nonnegative((-ONE,) if "A8" in self.without else tuple(-piece for piece in most))
            case = self.proof.choice(self.domain, [[(ZERO, least)], small, []])
            leader, is_lost = BoundedPart(UNIT) if case == 1 else None, is_lost or case == 2
        parities = {(part.odd, part.is_mixed) for part in parts}
        if not leader and (len(parities) == 1 or not (self.is_symbolic or {"A3", "A8", "A9"} & self.without)):
            leader = self.leading(f"{of}, leading parity", parts, parts)
        top = leader.bounds[UPPER] if leader and leader.bounds[LOWER] == leader.bounds[UPPER] else ()
        every = united(*(marked(part, False).seen for part in parts))
        for part in parts:
            bounds = (
                tuple(tuple(rate + piece - top[0] for piece in side) for side in part.bounds)
                if len(top) == 1
                else ((rate,) if part is leader else (), (rate,))
            )
            is_open = (
                (is_lost or part.is_mixed or not part.bounds[LOWER])
                or (keeps_all and (self.is_symbolic or part.bounds[LOWER] != part.bounds[UPPER]))
                or (leader is not None and part is not leader and divides(leader, part))
            )
            mine = marked(replace(part, bounds=(() if is_open else bounds[LOWER], bounds[UPPER]), fresh=None), False)
            yield mine
            if mine.seen != every:
                yield replace(mine, bounds=((), bounds[UPPER]), seen=every)
        if "A9" in self.without and len(parities) > 2:
            yield BoundedPart(((), (rate,)), seen=every, is_mixed=True)

    def mapped(self, data: Json, value: Sequence[BoundedPart], change: Sequence[BoundedPart]) -> list[BoundedPart]:
        """What a change of its argument makes of a homogeneous map, or of degree 0 the slope at what is changed."""
        parts, degree = [*value, *change], data["degree"]
        exact = [
            p
            for p in parts
            if len(p.bounds[UPPER]) == 1
            and p.bounds[LOWER] == p.bounds[UPPER]
            and not any(share_factor(p, other) and not is_below(other, p) for other in parts if other is not p)
        ]
        leader = self.leading(f"{data['name']}, leading part", () if "A4" in self.without else exact, parts)
        value, change = (
            [
                replace(p, bounds=((), p.bounds[UPPER])) if leader and p is not leader and divides(leader, p) else p
                for p in some
            ]
            for some in (value, change)
        )
        return [
            *linear(degree, change),
            *(
                part if degree else marked(part, False)
                for gain, like, some in expansion(leader, degree, value, change)
                for part in [self.entrywise(gain, like, *some)]
            ),
        ]

    def step(self) -> None:
        """One training step: its assignments, the state that it leaves, and what is looked at."""
        values, before, moving = dict(self.state), self.state, self.data["next"]
        for each in self.data["step"]:
            given = [values[name] for name in each["of"]]
            parts = [*chain.from_iterable(given)]
            if each["is"] == "product":
                made: Iterable[BoundedPart] = self.gathered(
                    [*chain.from_iterable(self.contracted(x, y, each["over"]) for x, y in product(*given))]
                )
            elif each["is"] == "entrywise":
                made = self.gathered([self.entrywise(ZERO, outer(x, y), x, y) for x, y in product(*given)])
            elif each["is"] == "map":
                beside = self.gathered([part for name in each["beside"] for part in values[name]])
                made = self.gathered(self.mapped(each, beside, self.gathered(parts)))
            elif each["is"] == "renamed":
                self.proof.check(
                    self.size[each["from"]] == self.size[each["to"]]
                    and not any(only(p.odd | {at for s in p.seen for at in s.at}, each["to"]) for p in parts),
                    f"{each['name']} has the axis already, or one of another size",
                )
                made = [moved(part, each["from"], each["to"]) for part in parts]
            elif each["is"] == "scaled":
                made = [self.times(((form(each["by"]),),) * 2, part, part) for part in parts]
            else:
                made = self.gathered(parts)
            values[each["name"]] = tuple(self.normalised(each, made) if each["is"] == "normalised" else made)
        self.state = before | {
            name: tuple(self.gathered([past(self.pruned(name, part)) for part in values[new]]))
            for name, new in moving.items()
        }
        whole = {of: largest(self.gathered(values[name])) for of, name in self.data["quantities"].items()}
        self.steps.append({of: self.pruned(of, BoundedPart(bounds)) for of, bounds in whole.items()})
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

    def __init__(self, run: CheckedRun) -> None:
        self.run, self.families, step, moving = run, dict[int, list[Family]](), copy(run), run.data["next"]
        self.before = [part for name in moving for part in run.state[name]]
        self.x = [auxiliary(f"x{i}") for i in range(len(self.before))]
        unknown, floors = iter(self.x), [(i, p) for i, part in enumerate(self.before) for p in part.bounds[LOWER]]
        parts = {
            of: tuple(
                replace(p, bounds=(x if p.bounds[LOWER] else (), x)) for p in run.state[of] for x in [(next(unknown),)]
            )
            for of in moving
        }
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
        proof, domain, later = self.run.proof, self.run.domain, dict[str, BoundedPart]()
        self.quantities = data["quantities"]
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
            later[of] = self.run.pruned(of, BoundedPart(tuple(tuple(dict.fromkeys(each)) for each in asked)))
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


def verified(data: Json, proof: ProofSteps) -> list[CheckedRun]:
    """The runs of a certificate, whose steps the proof shows; Refuted, or IndexError for a place that there is not."""
    runs = list[CheckedRun]()
    for each in data["runs"]:
        runs.append(CheckedRun(data["premises"], proof, forms(each["where"]), each["steps"]))
        if each["later"] is not None:
            Law(runs[-1]).read(each["later"])
        for said in each["claims"]:
            runs[-1].claim(said)
    return runs
