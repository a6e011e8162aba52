"""Whether what a certificate says is so: each line against the plain numbers of a run, or against `derived`."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property

from gamma_calc.algebra.text import parsed_affine
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.program.scheme import Scheme
from tests.analysis import brute
from tests.analysis.brute_cases import numbers
from tests.certificate.certificates import holds, is_inside

STEPS, PERIOD = 60, 12
"""Steps of a run in numbers, and a multiple of every cycle's length that occurs."""
SLIGHTLY = Fraction(1, 10**6)
Point = Mapping[str, Fraction]
Run = tuple[tuple[brute.State, dict[str, brute.Size]], ...]
_SIZE = re.compile(r"(\w+) (<= )?(max\([^)]*\)|[^,]+)(?:, |$)")
_FAMILY = re.compile(r"^(.*?)(?: for (.*) <= t(?: - (\d+))?| from t = (\d+) on)?$")


@dataclass(frozen=True)
class Truth:
    """A scheme at points of its domain, followed in plain numbers."""

    scheme: Scheme
    runs: dict[tuple[tuple[str, Fraction], ...], Run] = field(default_factory=dict, compare=False, repr=False)
    """Those of points, as far as they were asked for."""

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Points of the domain, many of them on edges of regions."""
        choose, found = random.Random(7), list[Point]()
        while len(found) < 16:
            point = {name: _number(choose) for name in self.scheme.free}
            if self.scheme.domain.contains(point):
                found.append(point)
        return tuple(dict((tuple(sorted(point.items())), point) for point in found).values())

    @cached_property
    def whole(self) -> Derivation:
        return _derived(self.scheme, None)

    def steps(self, point: Point) -> Run:
        key = tuple(point.items())
        if key not in self.runs:
            self.runs[key] = _followed(numbers(self.scheme, CALCULUS, point))
        return self.runs[key]

    def falsehoods(self, conclusions: tuple[str, ...]) -> Iterator[str]:
        """The lines that are not so at some point, or that nothing here can read."""
        families: dict[str, dict[str, str]] = {}
        for line in conclusions:
            where, text = "", line
            if line.startswith("where "):
                where, _, text = line.removeprefix("where ").partition(", ")
            points = [point for point in self.points if not where or holds(where, point)]
            if text.startswith("t steps after step"):
                families[where] = {name: said for name, said in _parts(text.partition(": ")[2])}
            if not self.is_so(text, points, families.get(where, {}), conclusions):
                yield line

    def is_so(self, text: str, points: list[Point], parts: dict[str, str], every: tuple[str, ...]) -> bool:
        """Whether a line holds at all points."""
        said = text.partition(": ")[2]
        after = re.search(r"t steps after step (\d+)", "\n".join(each for each in every if "t steps" in each))
        start = int(after[1]) if after else 0
        if match := re.match(r"step (\d+)( and every later one)?: ", text):
            steps = range(int(match[1]) - 1, STEPS if match[2] else int(match[1]))
            return all(_is_size(self.steps(p)[t][1], said, p) for p in points for t in steps)
        if match := re.match(r"invariant of every step from (\d+) on: ", text):
            return all(_is_state(self.steps(p)[t][0], said, p) for p in points for t in range(int(match[1]) - 1, STEPS))
        if text.startswith("t steps after"):
            return all(
                self.is_law(parts, start, t, p, is_least=said.startswith("at least"))
                for p in points
                for t in (0, 1, 2, 5, 8)
            )
        if text.startswith("one step more: "):
            return all(self.is_product(said, parts, start, t, p) for p in points for t in (0, 1, 2, 5, 8))
        if text.startswith("growth per step: "):
            return all(self.is_growth(said, p) for p in points)
        if re.match(r"undertrained(?: \(steps 1 to \d+\))?: ", text):
            known, _, left = said.rpartition("unknown of ")
            known, left = (known, left) if "unknown of" in said else (said, "")
            found, open_ = ({*re.findall(r"\b[AB]\b", each)} for each in (known, left))
            return {*self.whole.undertrained} - open_ == found
        if match := re.match(r"(\w+) \((every step|steps 1 to (\d+))\): ", text):
            return self.is_region(match[1], said, int(match[3]) if match[3] else None)
        if match := re.match(r"(\w+) for T steps: (\w+) <= ", text):
            return self.is_formula(match[1], match[2], text.partition(" <= ")[2])
        if match := re.match(r"largest stable (\w+)(?: \(steps 1 to (\d+)\))?: ", text):
            return self.is_largest(match[1], said, int(match[2]) if match[2] else None)
        if match := re.match(r"frontier of ([\w, ]+?)(?: \(steps 1 to (\d+)\))?: ", text):
            return self.is_on_frontier(match[1].split(", "), said, int(match[2]) if match[2] else None)
        if text.startswith("there: "):
            return all(_is_told(str(self.whole.at_max[key]), bound, value) for key, bound, value in _SIZE.findall(said))
        return text.startswith("after step ")

    def is_law(self, parts: dict[str, str], start: int, t: int, point: Point, *, is_least: bool) -> bool:
        """Whether the parts of the state are of the sizes that their families say."""
        state, found = self.steps(point)[start + t - 1][0], dict[str, brute.Size]()
        for name, said in parts.items():
            size = _family_value(said, t, point)
            found[name.partition("[")[0]] = brute.largest(found.get(name.partition("[")[0]), size)
        return all(_is_below(size, _held(state, name), not is_least) for name, size in found.items())

    def is_product(self, said: str, parts: dict[str, str], start: int, t: int, point: Point) -> bool:
        sizes = self.steps(point)[start + t][1]
        for name, text in _parts(said):
            found: list[brute.Size] = []
            for way in _alternatives(text):
                factors = [parts[each] for each in way.split(" + ") if each in parts]
                rest = " + ".join(each for each in way.split(" + ") if each not in parts) or "0"
                values = [_family_value(each, t, point) for each in factors]
                if None not in values:
                    found.append(_form(rest).at(point) + sum(v for v in values if v is not None))
            if not _is_below(brute.largest(*found), sizes[name], not said.startswith("at least")):
                return False
        return True

    def is_growth(self, said: str, point: Point) -> bool:
        steps = self.steps(point)
        for name, _, text in _SIZE.findall(said.removeprefix("at least ")):
            (early, late) = (steps[t][1][name] for t in (STEPS - 1 - PERIOD, STEPS - 1))
            if early is None or late is None:
                return text == "-oo"
            most, grown = _maximum(text, point), (late - early) / PERIOD
            if most is None or most > grown or (most != grown and not said.startswith("at least ")):
                return False
        return True

    def is_region(self, name: str, said: str, steps: int | None) -> bool:
        """Whether a condition's region is that of the engine, and its onset the engine's."""
        decision = _derived(self.scheme, steps).decisions[name]
        said, _, onset = said.partition(", from step ")
        sure, _, most = said.removeprefix("unknown; surely ").partition("; at most ")
        for point in _anywhere(self.scheme):
            is_so = is_inside(decision.region, point)
            if (holds(sure, point) and not is_so) or (is_so and not holds(most or sure, point)):
                return False
        given = int(onset.split()[0]) if onset else 0
        return not onset or given == decision.onset or ("at the latest" in onset and given >= (decision.onset or 0))

    def is_formula(self, name: str, rate: str, text: str) -> bool:
        """Whether the largest rate for T steps is what it is said to be, for some T."""
        match = re.match(r"(.*) \(T >= (\d+)(.*?)\)(?:; tends to (\S+), which no T attains)?$", text)
        if match is None:
            return False
        since, early = int(match[2]), {int(t): value for value, t in re.findall(r"(\S+) at T = (\d+)", match[3])}
        cases = match[1].split("; ")
        for steps in range(1, 13):
            formula = early.get(steps) if steps < since else cases[steps % len(cases)].partition(" if ")[0]
            largest = Fraction(10**3) if formula in ("any", None) else _ratio(formula, steps)
            both = (self.stays(name, steps, {rate: largest}), self.stays(name, steps, {rate: largest + SLIGHTLY}))
            if both != (True, formula == "any"):
                return False
        return True

    def stays(self, name: str, steps: int, point: Point) -> bool:
        bounded = {"stable": ("Z_B",), "internally_stable": ("Z_B", "Z_A")}[name]
        return brute.holds([sizes for _, sizes in self.steps(point)[:steps]], bounded, ())

    def is_largest(self, rate: str, said: str, steps: int | None) -> bool:
        """Whether no larger rate is stable, and this one is, wherever it is said to be the largest."""
        if rate not in self.scheme.rates:
            return False
        region, others = (
            _derived(self.scheme, steps).decisions["stable"].region,
            [n for n in self.scheme.free if n != rate],
        )
        value, _, where = said.partition(", where ")
        for point in _anywhere(self.scheme):
            if value.startswith("none"):
                if is_inside(region, point) and not is_inside(region, {**point, rate: Fraction(10**6)}):
                    return False
                continue
            bounds = [_form(each).at(point) for each in _alternatives(value, "min")]
            is_there = not where or holds(where, point)
            if is_there != is_inside(region, {**point, rate: min(bounds)}) and (is_there or not others):
                return False
            if is_inside(region, {**point, rate: min(bounds) + SLIGHTLY}) or (
                is_inside(region, point) and (point[rate] > min(bounds) or not is_there)
            ):
                return False
        return True

    def is_on_frontier(self, rates: list[str], said: str, steps: int | None) -> bool:
        region = _derived(self.scheme, steps).decisions["stable"].region
        for point in _anywhere(self.scheme):
            if holds(said, point):
                raised = [{**point, rate: point[rate] + SLIGHTLY} for rate in rates]
                if not is_inside(region, point) or all(is_inside(region, each) for each in raised):
                    return False
        return set(rates) <= set(self.scheme.rates)


@cache
def _derived(scheme: Scheme, steps: int | None) -> Derivation:
    return derived(scheme, steps)


@cache
def _anywhere(scheme: Scheme) -> tuple[Point, ...]:
    """Points of the domain and others."""
    choose = random.Random(8)
    return tuple({name: _number(choose) for name in scheme.free} for _ in range(100))


def _number(choose: random.Random) -> Fraction:
    """A number that may well lie on an edge, or just beside it."""
    return Fraction(choose.randint(-12, 8), 4) if choose.random() < 0.5 else Fraction(choose.randint(-15, 5), 10)


@cache
def _followed(numbers: brute.Numbers) -> Run:
    found, state = [], brute.State(numbers.a, numbers.b)
    for _ in range(STEPS):
        state, sizes = brute.step(numbers, state)
        found.append((state, sizes))
    return tuple(found)


_form = cache(parsed_affine)


def _held(state: brute.State, name: str) -> brute.Size:
    """What a named value of the state is as large as."""
    parts = {"U_A": state.a, "U_B": state.b, "m_A": state.m_a, "m_B": state.m_b}
    return (
        {"A_0": state.a_0, "B_0": state.b_0}[name] if name in ("A_0", "B_0") else brute.largest(*parts[name].values())
    )


def _is_below(said: brute.Size, size: brute.Size, is_exact: bool) -> bool:
    return said == size if is_exact or said is None or size is None else said <= size


def _is_size(sizes: Mapping[str, brute.Size], said: str, point: Point) -> bool:
    return all(
        (sizes[name] == _maximum(text, point)) if not bound else _is_below(sizes[name], _maximum(text, point), False)
        for name, bound, text in _SIZE.findall(said)
    )


def _is_told(size: str, bound: str, said: str) -> bool:
    """Whether a number, or -oo, is the one that is told, or is at most that."""
    return size == said or bool(bound and (size == "-oo" or (said != "-oo" and Fraction(size) <= Fraction(said))))


def _is_state(state: brute.State, said: str, point: Point) -> bool:
    found: dict[str, brute.Size] = {}
    for name, _, text in _SIZE.findall(said):
        found[name] = brute.largest(found.get(name), _maximum(text, point))
    return said == "nothing moves" or all(_held(state, name) == size for name, size in found.items())


def _parts(said: str) -> Iterator[tuple[str, str]]:
    """The named sizes of a line that parts them by semicolons."""
    for each in said.removeprefix("at least ").split("; "):
        name, _, text = each.partition(" ")
        yield name, text


def _alternatives(text: str, word: str = "max") -> list[str]:
    inner = text[len(word) + 1 : -1] if text.startswith(f"{word}(") else text
    return [] if inner == "-oo" else re.split(r", (?![^(]*\))", inner)


def _maximum(text: str, point: Point) -> brute.Size:
    return max((_form(each).at(point) for each in _alternatives(text)), default=None)


def _family_value(said: str, t: int, point: Point) -> brute.Size:
    """The largest of some families, as they are written, after t steps."""
    return brute.largest(*(_one_family(each, t, point) for each in _alternatives(said)))


def _one_family(text: str, t: int, point: Point) -> brute.Size:
    match = _FAMILY.match(text)
    assert match is not None
    sum_, times, less, late = match.groups()
    left = t - int(less or late or 0)
    if left < 0:
        return None
    lengths = {k: int(n or 1) for n, k in re.findall(r"(?:(\d+)\*)?(k\d*)", times or "")}
    turns = [(lengths[k], _form(turn).at(point)) for k, turn in re.findall(r"(k\d*)\*\(([^)]*)\)", sum_)]
    base = re.sub(r"(?: \+ )?k\d*\*\([^)]*\)", "", sum_) or "0"
    most = [Fraction(0)] * (left + 1)
    for time in range(1, left + 1):
        most[time] = max([most[time - 1], *(most[time - n] + turn for n, turn in turns if n <= time)])
    return _form(base.removeprefix(" + ")).at(point) + most[left]


def _ratio(formula: str, steps: int) -> Fraction:
    """A formula in T at some T."""
    match = re.fullmatch(r"(-?)\((.*)\)/\((.*)\)", formula)
    point = {"T": Fraction(steps)}
    if match is None:
        return _form(formula).at(point)
    return _form(match[2]).at(point) / _form(match[3]).at(point) * (-1 if match[1] else 1)
