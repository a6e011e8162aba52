"""A reading in numbers of normalised steps on a loss that feeds back, at a fixed rank: vectors over the outputs.

At a fixed rank every vector over the rank is a few numbers, so all that a sum can feel is how vectors over the outputs
relate: parts like dZ ("given") and parts like B_0 z ("random"), which change sign with a row of B_0. Over the outputs a
part adds the whole axis against its like and half of it against the other. A normalised step brings the leading part
of its gradient to size 1 and leaves the gap to the other one; where the gradient is numbers, it is size 1.
"""

from __future__ import annotations

from tests.analysis.brute import (
    HALF,
    Numbers,
    Parts,
    Run,
    Size,
    State,
    added,
    decayed,
    largest,
    processed,
    remembered,
    shifted,
    unrolled,
)

GIVEN, RANDOM, NUMBER = "given", "random", "number"


def whole(updates: Parts, initial: Size, part: str) -> Parts:
    """A factor as one vector: its updates and a multiple of its initial entries."""
    return updates if initial is None else added(updates, {part: initial})


def against_input(updates: Parts, initial: Size) -> Size:
    """A times Z."""
    return largest(*(size + 1 for size in updates.values()), None if initial is None else initial + HALF)


def output(b: Parts, z_a: Size, scheme: Numbers) -> Parts:
    """s B z_A."""
    return {} if z_a is None else shifted(b, z_a + scheme.scale)


def step(scheme: Numbers, state: State) -> tuple[State, dict[str, Size]]:
    """One step of training, and the exponents of its quantities."""
    z_a, b = against_input(state.a, state.a_0), whole(state.b, state.b_0, RANDOM)
    slope = {GIVEN: scheme.gradient}
    if scheme.feedback is not None:
        slope = added(slope, shifted(output(b, z_a, scheme), scheme.feedback))
    m_a, m_b, step_a, step_b = state.m_a, state.m_b, Parts(), Parts()
    less_a, less_b = None, None
    if "A" in scheme.trained:
        pairs = [p + q + scheme.fan_out * (1 if i == j else HALF) for i, p in b.items() for j, q in slope.items()]
        m_a = remembered(m_a, {NUMBER: max(pairs) + scheme.scale} if pairs else {}, scheme)
        less, less_a = decayed(state.a, state.a_0, scheme.eta_a, scheme)
        step_a = added(shifted(processed(m_a, scheme), scheme.eta_a), less)
    if "B" in scheme.trained:
        m_b = remembered(m_b, {} if z_a is None else shifted(slope, z_a + scheme.scale), scheme)
        less, less_b = decayed(state.b, state.b_0, scheme.eta_b, scheme)
        step_b = added(shifted(processed(m_b, scheme), scheme.eta_b), less)
    after = State(
        largest(state.a_0, less_a), largest(state.b_0, less_b), added(state.a, step_a), added(state.b, step_b), m_a, m_b
    )
    moved, change = against_input(step_a, less_a), whole(step_b, less_b, RANDOM)
    b_after = whole(after.b, after.b_0, RANDOM)
    deltas = [output(b, moved, scheme), output(change, z_a, scheme), output(change, moved, scheme)]
    sizes = [largest(*each.values()) for each in deltas]
    z_a_after = against_input(after.a, after.a_0)
    return after, {
        "A": largest(after.a_0, *after.a.values()),
        "B": largest(*b_after.values()),
        "Z_A": z_a_after,
        "Z_B": largest(*output(b_after, z_a_after, scheme).values()),
        "Delta_Z_B": largest(*sizes),
        "delta_1": sizes[0],
        "delta_2": sizes[1],
        "delta_3": sizes[2],
    }


def run(scheme: Numbers, horizon: int) -> Run:
    """The exponents at steps 1 to `horizon`."""
    assert scheme.rank == 0 and not scheme.is_raw, "only normalised steps at a fixed rank"
    return unrolled(lambda state: step(scheme, state), State(scheme.a, scheme.b), horizon)
