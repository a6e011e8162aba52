"""The recursion over steps: a program unrolled in exponents, and the step from which nothing changes any more."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import takewhile

from gamma_calc.algebra import EVERYWHERE, Polyhedron
from gamma_calc.calculus.components import Term, by_parity, total
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.provenance import MOST_APART, Provenance
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.errors import TooLong, Unknown
from gamma_calc.program.program import Program
from gamma_calc.program.reading import State, initial_state, initial_value, training_step
from gamma_calc.program.terms import FormalSum, Label

MOST_NUMBERS = 54
"""Pieces of a parameter's component times free exponents beyond which a run is not followed: a step multiplies them."""

MOST_WRITTEN = 640
"""Pieces of an exponent times its free exponents beyond which it is not worth writing out, nor the step it is in."""

watcher: ContextVar[Callable[[int, Polyhedron], None]] = ContextVar("watcher", default=lambda t, domain: None)
"""Told of each step of a run before it is read, with the run's domain: so a long derivation can show where it is."""


@dataclass(frozen=True, slots=True)
class ExponentStep:
    """The exponents of step t: of each quantity, and of each of its terms by label."""

    t: int
    sizes: Mapping[str, Size]
    terms: Mapping[str, Mapping[Label, Size]]

    @property
    def upper(self) -> tuple[str, ...]:
        """The quantities that are only bounded from above."""
        return tuple(name for name, size in self.sizes.items() if not size.is_exact)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The steps of a program read in exponents on a domain.

    `settled_from` is the least step from which every exponent stays as it is, by induction: the state after that step
    and the one `period` steps before are equal in all that a step depends on, and so are all exponents since. None: the
    steps given do not settle. `cut` says why a run that has not settled has fewer steps than were asked for; nothing
    where it has all. `apart` components of one parity were kept apart.
    """

    program: Program
    domain: Polyhedron
    policy: Policy
    steps: tuple[ExponentStep, ...]
    settled_from: int | None
    applications: tuple[Application, ...]
    cut: str = ""
    apart: int = MOST_APART
    period: int | None = None

    @property
    def last(self) -> ExponentStep:
        """The exponents of the last step; where the run has settled, those of every later one."""
        return self.steps[-1]

    def upto(self, horizon: int) -> tuple[ExponentStep, ...]:
        """Steps 1 to `horizon`; a settled run goes on as it is.

        Raises:
            ValueError: the run has neither settled nor so many steps.
        """
        if horizon <= len(self.steps):
            return self.steps[:horizon]
        if self.settled_from is None:
            raise ValueError(f"{horizon} steps asked of an unsettled run of {len(self.steps)}")
        later = range(len(self.steps) + 1, horizon + 1)
        return (*self.steps, *(ExponentStep(t, self.last.sizes, self.last.terms) for t in later))


class Open(Unknown):
    """A step has no exponents on a domain as a whole; `run` is as far as it came, with the rules applied until then."""

    def __init__(self, reason: str, run: Trajectory) -> None:
        self.run = run
        super().__init__(reason)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Without a look for cycles among what is made, of which there are none: it takes a quarter of a long run."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Run:
    """A run of a program as far as it was followed. Whoever asks for more of its steps goes on from there."""

    def __init__(self, program: Program, domain: Polyhedron, policy: Policy, apart: int = MOST_APART) -> None:
        self.program = program
        self.reading = ExponentReading(program, domain, policy, apart)
        self.states = [initial_state(program, self.reading)]
        self.steps: list[ExponentStep] = []
        self.settled_from: int | None = None
        self.period: int | None = None
        self.alike = [0]  # for each state, how many steps in a row before it changed nothing but sizes
        self._ends = [len(self.reading.trace.applications)]
        self._failure: TooLong | Unknown | None = None

    def follow(self, t: int) -> None:
        """Read step t, the one after those at hand, if it is not one of them.

        Raises:
            TooLong: it has an exponent of more than `MOST_WRITTEN` numbers.
            Unknown: a rule does not say how large something is.
        """
        if t <= len(self.steps):
            return
        if self._failure is not None:
            raise self._failure
        try:
            self._read(t)
        except (TooLong, Unknown) as error:
            self._failure = error
            raise

    def _read(self, t: int) -> None:
        reading, state, wanted = self.reading, self.states[-1], self.program.quantities
        watcher.get()(t, reading.domain)
        del reading.trace.applications[self._ends[-1] :]  # of a step that was interrupted
        reading.t, reading.trace.most = t, MOST_WRITTEN if self.steps else None
        step = training_step(self.program, reading, state, t)
        sizes: dict[str, Size] = {}
        for name, value in step.quantities.items():
            of = self.program.changes.get(name)
            if of in sizes:
                sizes[name] = reading.change_size(wanted[name], value, sizes[of], partial(self._before, of))
            else:
                sizes[name] = reading.size(wanted[name], value)
        terms = {name: {label: total(term) for label, term in value} for name, value in step.quantities.items()}
        self.alike.append(self.alike[-1] + 1 if _kinds(step.after) == _kinds(state) else 0)
        self._ends.append(len(reading.trace.applications))
        self.states.append(step.after)
        self.steps.append(ExponentStep(t, sizes, terms))
        self.period = self._period()
        if self.period is not None:
            self.settled_from = t

    def _period(self) -> int | None:
        """How many steps ago the state was what it is now, if the exponents have stayed as they are since; or None."""
        last, recalled = self.steps[-1], self.reading.recalled
        alike = takewhile(lambda step: replace(step, t=last.t) == last, reversed(self.steps))
        now = recalled(self.states[-1])
        return next((back for back, _ in enumerate(alike, 1) if recalled(self.states[-1 - back]) == now), None)

    def _before(self, quantity: str) -> Size:
        """How large a quantity is before the step that is read."""
        if self.steps:
            return self.steps[-1].sizes[quantity]
        reading = ExponentReading(self.program, self.reading.domain, self.reading.policy, self.reading.apart)
        value = initial_value(self.program, reading, quantity)
        return total(part for _, term in value for part in term)

    def upto(self, t: int, cut: str = "", *, is_failed: bool = False) -> Trajectory:
        """The first t steps; of one after them that failed also the rules that were applied until then."""
        reading, is_settled = self.reading, self.settled_from is not None and self.settled_from <= t
        return Trajectory(
            self.program,
            reading.domain,
            reading.policy,
            tuple(self.steps[:t]),
            self.settled_from if is_settled else None,
            tuple(reading.trace.applications[: None if is_failed else self._ends[t]]),
            cut,
            reading.apart,
            self.period if is_settled else None,
        )


_run = lru_cache(maxsize=64)(_Run)


@lru_cache(maxsize=64)
@without_garbage_collection()
def trajectory(
    program: Program,
    steps: int,
    domain: Polyhedron = EVERYWHERE,
    policy: Policy = CALCULUS,
    most: int | None = None,
    apart: int = MOST_APART,
    alike: int | None = None,
) -> Trajectory:
    """The program read in exponents for at most `steps` steps; it stops at the step in which the state has settled.

    It also stops, unsettled, before a step with an exponent of more than `MOST_WRITTEN` numbers. Where `most` is given,
    it stops before a step from a state in which the pieces of some component, times their free exponents, are more than
    that: where a step multiplies components, they grow with it faster than any power. What an update rule remembers of
    gradients is added up, so its pieces do not count. Of one parity `apart` components are kept apart. Where `alike` is
    given, it stops after so many steps in a row that change nothing but sizes: what will settle does, where nothing
    gains at each turn, soon after the last new component has come.

    Raises:
        Open: a rule does not say how large something is on the domain as a whole.
    """
    run = _run(program, domain, policy, apart)
    for t in range(1, steps + 1):
        if alike is not None and run.alike[t - 1] >= alike:
            return run.upto(t - 1, f"the last {alike} changed sizes only, which may go on for ever")
        if most is not None and length(program, run.states[t - 1]) > most:
            return run.upto(t - 1, f"the exponents after step {t - 1} are too long to follow")
        try:
            run.follow(t)
        except TooLong:
            cut = f"step {t} has an exponent of more than {MOST_WRITTEN} numbers, too long to write out"
            return run.upto(t - 1, cut)
        except Unknown as error:
            raise Open(str(error), run.upto(t - 1, f"step {t}: {error}", is_failed=True)) from error
        if t == run.settled_from:
            return run.upto(t)
    return run.upto(steps)


def best_trajectory(
    program: Program, steps: int, domain: Polyhedron = EVERYWHERE, policy: Policy = CALCULUS
) -> Trajectory:
    """The trajectory that tells most: with twice as many components apart where bounds are left at a point.

    Not where an assumption is taken away, which leaves bounds however many are apart.

    Raises:
        Open: a rule does not say how large something is on the domain as a whole.
    """
    run = trajectory(program, steps, domain, policy)
    sizes = [size for step in run.steps for size in step.sizes.values()]
    is_open = any(not size.is_exact for size in sizes) and not any(size.upper.free for size in sizes)
    if not is_open or policy.without:
        return run
    return trajectory(program, steps, domain, policy, apart=2 * MOST_APART)


def length(program: Program, state: State[Term]) -> int:
    """The pieces of the longest bound on a parity of a parameter, times the free exponents of the parameters."""
    terms = [term for tensor in program.parameters for _, term in state[tensor.name]]
    parities = [[each.size for each in alike] for term in terms for alike in by_parity(term).values()]
    free = {name for sizes in parities for size in sizes for name in (*size.lower.free, *size.upper.free)}
    longest = max(
        (max(sum(len(size.lower.pieces) for size in sizes), sum(len(size.upper.pieces) for size in sizes)))
        for sizes in [*parities, []]
    )
    return len(free) * longest


def _kinds(state: State[Term]) -> Mapping[str, FormalSum[frozenset[Provenance]]]:
    """What the components of a state are made from, whatever their sizes."""
    return {
        name: value.mapped(lambda _, term: frozenset(each.provenance for each in term)) for name, value in state.items()
    }
