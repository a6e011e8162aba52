"""Training replayed in exponents: the equations of the module and the rules, applied line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from gamma_calc.derivation.checker.proofs import ONE, ZERO, Forms, Json, Section, Ways, total

AXES = {"A": ("rank", "width"), "B": ("out", "rank")}
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Component:
    """One parity of a term: its line, its bounds, what it is, the flips that change its sign, what it has seen."""

    line: int
    lower: Forms
    upper: Forms
    fresh: str = ""
    odd: frozenset[tuple[str, str]] = frozenset()
    seen: frozenset[tuple[str, frozenset[str]]] = frozenset()


Sum = dict[tuple[str, ...], tuple[Component, ...]]
"""The terms of a value, by the parts that they multiply."""


class Lines:
    """The lines of a run, from a file."""

    def __init__(self, lines: Iterable[Json] = ()) -> None:
        self.lines = iter(lines)

    def section(self, header: Json, parts: Sequence[Component], ways: tuple[Ways, Ways], domain: Forms) -> Section:
        """The next line, which has to be what the header says."""
        section = Section(header["of"], next(self.lines, {}))
        for key, value in header.items():
            if section.data.get(key) != value:
                section.refuse(f"{key} is {section.data.get(key)!r:.80}, not {value!r}")
        return section


class Replay:
    """A run of the module in a setting, where all forms of the domain are at least 0."""

    def __init__(self, setting: Json, domain: Forms, lines: Lines) -> None:
        self.setting, self.domain, self.lines, self.t, self.count = setting, domain, lines, 0, 0
        self.size = {"width": ONE, "batch": ZERO, "rank": setting["rank"], "out": setting["fan_out"]}
        self.z: Sum = {(): (self.line("Z", "given", (), [(ZERO,)]),)}
        self.dz: Sum = {(): (self.line("dZ", "given", (), [(setting["gradient"],)]),)}
        self.state = {name: self.initial(name) for name in AXES}
        self.steps: list[dict[str, Component]] = []
        self.settled: int | None = None

    def line(
        self, of: str, rule: str, parts: Sequence[Component], upper: Ways, lower: Ways | None = None, **more: Any
    ) -> Component:
        """The conclusion of a rule; its value is the maximum of the ways in `upper`, and a bound if `lower` differs."""
        header = {"of": f"step {self.t}, {of}", "rule": rule, "from": [part.line for part in parts]}
        header |= {"gain": [str(each) for each in more.pop("gain")]} if "gain" in more else {}
        is_shown = more.pop("is_shown", False)
        section = self.lines.section(header, parts, (upper, upper if lower is None else lower), self.domain)
        value = section.maximum("value", upper, self.domain)
        least = value if lower is None or lower == upper else section.maximum("lower", lower, self.domain)
        for piece in value if is_shown and len(value) > 1 else ():
            section.point(self.domain, tuple(piece - other for other in value if other != piece))
        self.count += 1
        return Component(self.count, least, value, **more)

    def times(self, of: str, rule: str, parts: Sequence[Component], extra: Forms, **more: Any) -> Component:
        """A line whose value adds an exponent to those of its parts."""
        upper, lower = (list(product(*(getattr(part, side) for part in parts), extra)) for side in ("upper", "lower"))
        return self.line(of, rule, parts, upper, lower, **more)

    def largest(self, of: str, parts: Sequence[Component], **more: Any) -> Component:
        """A line whose value is the largest of its parts."""
        upper, lower = ([(form,) for part in parts for form in getattr(part, side)] for side in ("upper", "lower"))
        return self.line(of, "sum", parts, upper, lower, **more)

    def initial(self, name: str) -> Sum:
        """The tensor before training: each axis that grows carries a sign symmetry."""
        exponent, of = self.setting[name], f"{name}_0"
        if exponent is None:
            return self.nothing(of)
        odd = frozenset((name, axis) for axis in AXES[name] if self.size[axis] != ZERO)
        seen = frozenset({(name, frozenset[str]())})
        return {(of,): (self.line(of, "initial", (), [(exponent,)], fresh=name, odd=odd, seen=seen),)}

    def summed(self, left: Sum, right: Sum, axis: str) -> Sum:
        """The sum over an axis of the products of two values, term by term."""
        found = {}
        for (mine, xs), (theirs, ys) in product(left.items(), right.items()):
            of = f"{axis}: {' '.join((*mine, *theirs))}"
            found[mine + theirs] = self.gathered(of, [self.contracted(of, x, y, axis) for x in xs for y in ys])
        return found

    def contracted(self, of: str, x: Component, y: Component, axis: str) -> Component:
        """A sum over an axis of fixed, independent, diluted or aligned summands."""
        size, odd, seen = self.size[axis], x.odd ^ y.odd, x.seen | y.seen
        pairs = [(a.fresh, b.seen) for a, b in ((x, y), (y, x)) if axis in AXES.get(a.fresh, ())]
        sights = sorted(sorted(over) for fresh, told in pairs for tensor, over in told if tensor == fresh and over)
        if size == ZERO:
            rule, gain = "fixed sum", (ZERO,)
        elif any(flipped == axis for _, flipped in odd):
            rule, gain = "independent sum", (size * HALF,)
        elif sights:
            others = (total(self.size[each] for each in over if each != axis) for over in sights)
            rule, gain = "diluted sum", (size * HALF, *(size - other * HALF for other in others))
        else:
            rule, gain = "aligned sum", (size,)
        seen = frozenset((tensor, over | {axis} if axis in AXES[tensor] else over) for tensor, over in seen)
        odd = frozenset(flip for flip in odd if flip[1] != axis)
        return self.times(of, rule, (x, y), gain, gain=gain, odd=odd, seen=seen)

    def gathered(self, of: str, parts: Iterable[Component]) -> tuple[Component, ...]:
        """Parts brought together by parity."""
        classes: dict[tuple[str, frozenset[tuple[str, str]]], list[Component]] = {}
        for part in parts:
            classes.setdefault((part.fresh, part.odd), []).append(part)
        found = []
        for (fresh, odd), same in classes.items():
            seen = frozenset(sight for part in same for sight in part.seen)
            found.append(same[0] if len(same) == 1 else self.largest(of, same, fresh=fresh, odd=odd, seen=seen))
        return tuple(found)

    def scaled(self, value: Sum) -> Sum:
        """s times a value; s = n^0 is not worth a line."""
        scale = (self.setting["scale"],)

        def times(label: tuple[str, ...], p: Component) -> Component:
            return self.times(f"s {' '.join(label)}", "scale", (p,), scale, fresh=p.fresh, odd=p.odd, seen=p.seen)

        return value if scale == (ZERO,) else {at: tuple(times(at, p) for p in term) for at, term in value.items()}

    def change(self, name: str, gradient: Sum) -> Sum:
        """A raw step keeps the gradient's size; a normalised one has size 1, less the gap to the leading parity."""
        of, rate = f"d{name}", self.setting[f"eta_{name}"]
        parts = self.gathered(f"G_{name}", (part for term in gradient.values() for part in term))
        if not parts:
            return self.nothing(of)
        if self.setting["step"] == "raw":
            return {(of,): tuple(self.times(of, "raw step", (p,), (rate,), odd=p.odd, seen=p.seen) for p in parts)}
        leaders = self.leaders(f"G_{name}", parts) if len(parts) > 1 else [0]
        scales = [parts[i].upper[0] for i in leaders if parts[i].lower == parts[i].upper and len(parts[i].upper) == 1]
        shares = []
        for i, part in enumerate(parts):
            upper: Ways = [(rate,)]
            lower: Ways = upper if i in leaders else []
            if i not in leaders and scales and part.lower == part.upper:
                upper = lower = [(rate, mine, -scales[0]) for mine in part.upper]
            shares.append(self.line(of, "normalised step", (part,), upper, lower, odd=part.odd, seen=part.seen))
        return {(of,): tuple(shares)}

    def nothing(self, of: str) -> Sum:
        """A line that says that something is identically zero."""
        self.line(of, "zero", (), [])
        return {}

    def leaders(self, of: str, parts: Sequence[Component]) -> list[int]:
        """The parities that are proved to be at least as large as every other."""
        header = {"of": f"step {self.t}, {of}", "rule": "leading parities", "from": [part.line for part in parts]}
        section = self.lines.section(header, parts, ((), ()), self.domain)
        found = [list(range(len(parts)))[i] for i in section.data["leaders"]]
        for i in found:
            for piece in (piece for j, part in enumerate(parts) if j != i for piece in part.upper):
                section.below(self.domain, (piece,), parts[i].lower)
        self.count += 1
        return found

    def moved(self, name: str, change: Sum) -> Sum:
        """The tensor after the step: its initial part, and its updates so far with this one."""
        before, update = self.state[name], (f"U_{name}",)
        parts = [*before.get(update, ()), *(part for term in change.values() for part in term)]
        moved = {update: self.gathered(f"U_{name}", parts)} if parts else {}
        return {label: term for label, term in before.items() if label != update} | moved

    def z_b(self, b: Sum, z_a: Sum) -> Sum:
        """s B Z_A."""
        return self.scaled(self.summed(b, z_a, "rank"))

    def step(self) -> dict[str, Component]:
        """One training step: every gradient is taken before it, then every trained tensor moves."""
        self.t += 1
        a, b, is_trained = self.state["A"], self.state["B"], self.setting["trained"]
        z_a = self.summed(a, self.z, "width")
        g_a = self.scaled(self.summed(self.summed(b, self.dz, "out"), self.z, "batch")) if is_trained["A"] else {}
        g_b = self.scaled(self.summed(self.dz, z_a, "batch")) if is_trained["B"] else {}
        d_a, d_b = self.change("A", g_a), self.change("B", g_b)
        after_a, after_b = self.moved("A", d_a), self.moved("B", d_b)
        new_z_a, d_z_a = self.summed(after_a, self.z, "width"), self.summed(d_a, self.z, "width")
        deltas = {"delta_1": self.z_b(b, d_z_a), "delta_2": self.z_b(d_b, z_a), "delta_3": self.z_b(d_b, d_z_a)}
        values = {"A": after_a, "B": after_b, "Z_A": new_z_a, "Z_B": self.z_b(after_b, new_z_a)}
        values |= {"Delta_Z_B": {label: term for each in deltas.values() for label, term in each.items()}} | deltas
        self.state = {"A": after_a, "B": after_b}
        return {
            name: self.largest(name, [part for term in value.values() for part in term], is_shown=True)
            for name, value in values.items()
        }

    def kinds(self) -> dict[Any, Component]:
        """The components of the state, by the part and the parity."""
        state = (item for value in self.state.values() for item in value.items())
        return {(label, part.fresh, part.odd): part for label, term in state for part in term}

    def run(self, steps: int) -> None:
        """Some steps; where one leaves the state as it was, every later one does."""
        for _ in range(steps):
            before = self._snapshot()
            self.steps.append(self.step())
            if self._snapshot() == before:
                self.settled = self.t
                return

    def _snapshot(self) -> Any:
        return {kind: (set(part.lower), set(part.upper), part.seen) for kind, part in self.kinds().items()}
