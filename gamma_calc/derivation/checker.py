"""The checker of certificates, which knows affine forms and nothing else of the package; see docs/certificate.md.

It replays a program's training in exponents by the rules of the calculus, and asks for each maximum and each claim what
proves it. That a form is at most the largest of some tops wherever hypotheses are at least 0 is proved by an average of
the tops less a combination of the hypotheses that exceeds the form by a constant; that something can be, by a point.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from math import prod
from typing import Any

from gamma_calc.algebra.affine import Affine, auxiliary

Json = Any
Forms = tuple[Affine, ...]
KIND, SCHEMA, MOST_STEPS, MOST_FORMS, MOST_WORK = "gamma-calc certificate", 2, 64, 64, 300_000
ZERO, ONE, HALF, LOWER, UPPER = Affine.of(0), Affine.of(1), Fraction(1, 2), 0, 1
NUMBER = re.compile(r"(-?[0-9]{1,200})(?:/(0*[1-9][0-9]{0,199}))?", re.ASCII)


class Malformed(ValueError):
    """What was read is not a certificate."""


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


def rational(text: str) -> Fraction:
    """The number P or P/Q."""
    if not (match := NUMBER.fullmatch(text)):
        raise Malformed(f"found {text[:40]!r}, expected P or P/Q of at most 200 digits")
    return Fraction(int(match[1]), int(match[2] or 1))


def form(data: Json) -> Affine:
    """An affine form: the coefficients by name, the constant under "1"."""
    terms = tuple((name, rational(value)) for name, value in data.items() if name != "1")
    return Affine(terms, rational(data.get("1", "0")))


def forms(data: Json) -> Forms:
    """A list of forms."""
    if type(data) is not list or len(data) > MOST_FORMS:
        raise Malformed(f"expected a list of at most {MOST_FORMS} forms")
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
        self.check(all(name in point for each in (*hypotheses, *above) for name in each.free), "the point is not given")
        is_there = all(each.at(point) >= 0 for each in hypotheses) and all(each.at(point) > 0 for each in above)
        self.check(is_there, "the point does not show that this can be")

    def maximum(self, data: Json, key: str, ways: Forms, hypotheses: Forms) -> Forms:
        """The stated pieces, whose maximum is proved to be that of the ways."""
        pieces = forms(data.get(key, []))
        self.below(hypotheses, [*((way, pieces) for way in ways), *((p, ways) for p in pieces if p not in ways)])
        return pieces


class Run:
    """Steps of a program where the forms of its domain, and some more, are at least 0."""

    def __init__(self, data: Json, proof: Proof, where: Forms = ()) -> None:
        self.data, self.proof, self.where, self.without = data, proof, where, frozenset(data["without"])
        self.size = {axis: form(value) for axis, value in data["axes"].items()}
        self.domain = (*forms(data["domain"]), *self.size.values(), *where)
        self.axes = {name: frozenset(each["random"]) for name, each in data["start"].items()}
        self.state: dict[str, tuple[Part, ...]] = {}
        for name, each in data["start"].items():
            size, seen = forms(each["size"]), frozenset({(name, frozenset[str]())})
            odd = frozenset((name, axis) for axis in self.axes[name] if self.size[axis] != ZERO)
            self.state[name] = (Part((size, size), name, odd, seen),) if size else ()
        self.steps: list[dict[str, Part]] = []
        self.is_settled = self.is_symbolic = False

    def times(self, gains: Sequence[Forms], like: Part, *parts: Part) -> Part:
        """The product of parts, with what a rule adds."""
        factors = [[gains[side], *(part.bounds[side] for part in parts)] for side in (LOWER, UPPER)]
        self.proof.left -= 1 + sum(prod(map(len, each)) for each in factors)
        self.proof.check(self.proof.left >= 0, f"this takes more than {MOST_WORK} sums of forms")
        sums = (dict.fromkeys(sum(way, ZERO) for way in product(*each)) for each in factors)
        return replace(like, bounds=tuple(map(tuple, sums)))

    def contracted(self, x: Part, y: Part, axis: str) -> Part:
        """The sum over an axis of the products of two parts: fixed, independent, echoing, diluted or aligned."""
        size, odd, axes = self.size, x.odd ^ y.odd, self.axes
        pairs = [(a.fresh, b.seen) for a, b in ((x, y), (y, x)) if axis in axes.get(a.fresh, ())]
        told = {sum((size[k] for k in over - {axis}), ZERO) for a, seen in pairs for b, over in seen if a == b and over}
        is_centred, sights = any(flipped == axis for _, flipped in odd), x.seen | y.seen
        centred = "echoing" if any((name, axis) in odd and axis in over for name, over in sights) else "independent"
        kind = "fixed" if size[axis] == ZERO else centred if is_centred else "diluted" if told else "aligned"
        seen = frozenset((name, over | ({axis} & axes[name])) for name, over in sights)
        like = Part((), "", frozenset(flip for flip in odd if flip[1] != axis), seen)
        return self.times(self.gains(kind, axis, sorted(told, key=str)), like, x, y)

    def gains(self, kind: str, axis: str, others: Iterable[Affine]) -> Sequence[Forms]:
        """What a sum over an axis adds: what is set for it, or what the assumptions prove that are left."""
        if kind in self.data["align"]:
            return ((form(self.data["align"][kind][axis]),),) * 2
        whole, half = (self.size[axis],), (self.size[axis] * HALF,)
        diluted = (*half, *(self.size[axis] - other * HALF for other in others))
        known = {"fixed": whole, "aligned": whole, "diluted": diluted}.get(kind, half)
        lost = {"fixed": {"A4"}, "aligned": {"A5"}, "diluted": {"A3", "A5"}}.get(kind, {"A3"}) & self.without
        least = known if not lost else () if "A4" in self.without else half
        return least, whole if "A3" in lost or kind == "echoing" else known

    def gathered(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """Parts brought together by parity; without A4 those of one parity may cancel, without A3 also others."""
        groups: dict[Any, list[Part]] = {}
        for part in parts:
            groups.setdefault((part.fresh, part.odd), []).append(part)
        is_mixed, found = {"A3", "A4"} <= self.without and len(groups) > 1, []
        for (fresh, odd), same in groups.items():
            lower, upper = largest(same)
            can_cancel = is_mixed or ("A4" in self.without and len(same) > 1)
            seen = frozenset(sight for part in same for sight in part.seen)
            found.append(Part((() if can_cancel else lower, upper), fresh, odd, seen))
        return tuple(found)

    def pruned(self, of: str, part: Part) -> Part:
        """The part with the pieces that are stated for it and proved to be the same; of a symbolic one, all."""
        if self.is_symbolic:
            return part
        data, (lower, upper) = self.proof.step(f"step {len(self.steps) + 1}, {of}"), part.bounds
        most = self.proof.maximum(data, "value", upper, self.domain)
        least = most if set(lower) == set(upper) else self.proof.maximum(data, "lower", lower, self.domain)
        return replace(part, bounds=(least, most))

    def normalised(self, data: Json, gradient: Iterable[Part]) -> Iterable[Part]:
        """Entries of size 1 times the rate, for the leading parity if one is known; another is less by its gap."""
        of, rate, leader = data["name"], form(data["by"]), None
        parts = [self.pruned(f"{of}, gradient", each) for each in gradient]
        if len(parts) == 1 or not (self.is_symbolic or {"A3", "A8", "A9"} & self.without):
            rest = [(mine, largest([each for each in parts if each is not mine])[UPPER]) for mine in parts]
            self.proof.step(f"step {len(self.steps) + 1}, {of}, leading parity")
            cases = [[(piece, mine.bounds[LOWER]) for piece in others] for mine, others in rest]
            leader = [*parts, None][self.proof.choice(self.domain, [*cases, []])]
        is_lost = "A6" in self.without or (data["epsilon"] and "A7" in self.without)
        for part in parts:
            (lower, upper), is_exact, most = part.bounds, part is leader, forms([data["by"]])
            if leader and not is_exact and lower == upper and leader.bounds[LOWER] == leader.bounds[UPPER][:1]:
                most, is_exact = tuple(rate + piece - leader.bounds[UPPER][0] for piece in upper), True
            yield replace(part, bounds=(most if is_exact and not is_lost else (), most))

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

    def unrolled(self, steps: int) -> None:
        """Some steps; none follows one that leaves the state as it was, for it would be the same."""
        self.proof.step("domain")
        self.proof.point(self.domain)
        while len(self.steps) < min(steps, MOST_STEPS) and not self.is_settled:
            self.step()


def claim(data: Json, run: Run) -> None:
    """Forms are at least 0, and sizes at most or at least 0 at some steps, where an alternative holds ("if"), and
    nowhere else ("only if"); or at some point where the forms are at least 0, sizes are below 0 ("below")."""
    said, where, proof = data["statement"], [forms(each) for each in data["where"]], run.proof
    given, needed, cases = forms(said["forms"]), nonnegative(forms(said["forms"])), list[Forms]()
    proof.step(data["of"])
    for name, first, last, relation in (*said["sizes"], *((name, t, t, "<") for name, t in data["below"])):
        proof.check(1 <= first <= last <= len(run.steps), "there are no such steps")
        for lower, upper in (step[name].bounds for step in run.steps[first - 1 : last]):
            if relation == "<":
                proof.point((*run.domain, *given), tuple(-each for each in upper))
            elif relation == "<=":
                needed, given = [*needed, *((each, (ZERO,)) for each in upper)], (*given, *(-each for each in lower))
            else:
                needed, cases = [*needed, (ZERO, lower)], [*cases, upper]
    for member in where if data["if"] else ():
        proof.point(member)
        proof.below((*run.domain, *member), needed)
    for case in product(*cases) if data["only if"] else ():
        proof.choice((*run.domain, *given, *case), [nonnegative((-ONE,)), *map(nonnegative, where)])


def gain(data: Json, run: Run) -> Affine:
    """What a turn of a cycle adds after a run, by a step from its last state, of unknown size; Z_B grows with it."""
    moving, step = run.data["next"], Run(run.data, run.proof)
    parts = [(name, each) for name in moving for each in run.state[name]]
    unknown, step.is_symbolic, step.state = [auxiliary(f"x{i}") for i in range(len(parts))], True, dict(run.state)
    known = [replace(part, bounds=((x,), (x,))) for x, (_, part) in zip(unknown, parts, strict=True)]
    step.state |= {name: tuple(k for k, (own, _) in zip(known, parts, strict=True) if own == name) for name in moving}
    run.proof.step(data["of"])
    step.step()
    after = [each for name in moving for each in step.state[name]]
    is_closed = [replace(each, bounds=()) for each in after] == [replace(each, bounds=()) for _, each in parts]
    run.proof.check(is_closed and all(each.bounds[LOWER] for _, each in parts), "the step map has not settled")
    walk, weights, lower = data["nodes"], forms(data["weights"]), [each.bounds[LOWER] for each in after]
    for (source, target), weight in zip(pairwise((*walk, walk[0])), weights, strict=True):
        run.proof.check(unknown[source] + weight in lower[target], "no step makes this edge")
    turning = {unknown[i].free[0] for i in walk}
    steady = turning | {x.free[0] for x, pieces in zip(unknown, lower, strict=True) if x in pieces}
    fed = [{name for name in piece.free if name[0] == "*"} for piece in step.steps[0]["Z_B"].bounds[LOWER]]
    run.proof.check(any(each & turning and each <= steady for each in fed), "Z_B need not grow with it")
    return sum(weights, ZERO)


def verified(data: Json) -> tuple[list[Run], Forms, str | None]:
    """Check a certificate read from JSON: its runs and what its cycles gain, or the first step that fails and why."""
    proof, runs = Proof(()), []
    try:
        if (data["kind"], data["schema"]) != (KIND, SCHEMA):
            raise Malformed(f"found {data['kind']!s:.40} of schema {data['schema']!s:.40}")
        proof = Proof(data["proof"])
        for each in data["runs"]:
            runs.append(Run(data["premises"], proof, forms(each["where"])))
            runs[-1].unrolled(each["steps"])
            for said in each["claims"]:
                claim(said, runs[-1])
        return runs, tuple(gain(each, runs[0]) for each in data["cycles"]), None
    except (Refuted, IndexError) as failure:
        return [], (), f"{proof.of}: {failure}"
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise Malformed(f"not a certificate of schema {SCHEMA}: {type(problem).__name__}: {problem!s:.200}") from None
