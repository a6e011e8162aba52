"""A second reading of the LoRA module, in numbers: every exponent a rational from the start, no rule shared.

At a rational point a term of a vector over the rank axis is one number, its exponent, for each of two parities: odd in
the rows of A_0, or odd in the columns of B_0. What the theory says of sums is written out for this one module:

    A_0 Z          gains 1/2 (independent), an update times Z gains 1 (aligned);
    B_0^T dZ       gains fan_out / 2,       an update transposed times dZ gains fan_out;
    over the rank  equal parities gain the rank, different ones half of it; B_0 against what was made from B_0^T dZ
                   gains max(rank / 2, rank - fan_out / 2), and A_0 Z against what was made from it the whole rank.

A normalised step has entries of size 1 in its leading parity and keeps the gap to the other one; a raw step is its
gradient. A momentum takes the gradient's place; a weight decay adds multiples of the initial part and of the updates
to a step. Parts add up to their maximum. None is the exponent of zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

Size = Fraction | None
Run = list[dict[str, Size]]
"""The exponents of a step's quantities, by name, from step 1 on."""

S = TypeVar("S")
TOLD = 6
"""The steps of which every exponent is told."""

Parts = dict[str, Fraction]
"""An exponent for each parity that occurs: "A" is odd in A_0, "B" is odd in B_0."""

QUANTITIES = ("A", "B", "Z_A", "Z_B", "Delta_Z_B", "delta_1", "delta_2", "delta_3")
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Numbers:
    """A scheme at a point; `a` and `b` are the exponents of A_0 and B_0.

    `aligned`, `independent` and `diluted` are what such a sum adds in place of the above, a unit of its axis.
    """

    a: Size
    b: Size
    eta_a: Fraction
    eta_b: Fraction
    scale: Fraction
    rank: Fraction
    fan_out: Fraction
    gradient: Fraction
    is_raw: bool
    trained: frozenset[str]
    momentum: Size = None
    decay: Size = None
    feedback: Size = None
    aligned: Fraction = Fraction(1)
    independent: Fraction = HALF
    diluted: Size = None
    feels_epsilon: bool = False


@dataclass
class State:
    """The sizes of the initial parts, what the updates so far have added up to, and the momenta."""

    a_0: Size
    b_0: Size
    a: Parts = field(default_factory=dict)
    b: Parts = field(default_factory=dict)
    m_a: Parts = field(default_factory=dict)
    m_b: Parts = field(default_factory=dict)


def largest(*sizes: Size) -> Size:
    """The exponent of a sum."""
    return max((size for size in sizes if size is not None), default=None)


def added(parts: Parts, others: Mapping[str, Fraction]) -> Parts:
    """The sum of two vectors, parity by parity."""
    return {key: max(each[key] for each in (parts, others) if key in each) for key in {*parts, *others}}


def shifted(parts: Mapping[str, Fraction], by: Fraction) -> Parts:
    """The vector times a power of the width."""
    return {key: size + by for key, size in parts.items()}


def processed(gradient: Parts, scheme: Numbers) -> Parts:
    """The optimiser's step, before its rate."""
    if scheme.is_raw or not gradient:
        return gradient
    largest_entry = max(gradient.values())
    # Epsilon is n^0, where it is felt: g / (|g| + 1).
    return shifted(gradient, -max(largest_entry, Fraction(0)) if scheme.feels_epsilon else -largest_entry)


def remembered(so_far: Parts, gradient: Parts, scheme: Numbers) -> Parts:
    """The momentum, or the gradient where there is none."""
    return gradient if scheme.momentum is None else added(shifted(so_far, scheme.momentum), gradient)


def decayed(parts: Parts, size: Size, rate: Fraction, scheme: Numbers) -> tuple[Parts, Size]:
    """What the decay changes of the updates and of the initial part."""
    if scheme.decay is None:
        return {}, None
    by = rate + scheme.decay
    return shifted(parts, by), None if size is None else size + by


def over_rank(b: Parts, b_0: Size, x: Parts, scheme: Numbers) -> Size:
    """The exponent of the sum over the rank axis of B, updates and B_0, times what stands for Z_A."""
    alike, apart = scheme.rank * scheme.aligned, scheme.rank * scheme.independent
    back = scheme.rank - scheme.fan_out * HALF if scheme.diluted is None else scheme.rank * scheme.diluted
    diluted = max(apart, back)
    sums = [
        mine + theirs + (alike if odd == other else apart) for odd, mine in b.items() for other, theirs in x.items()
    ]
    if b_0 is not None:
        sums += [b_0 + size + (diluted if odd == "B" else apart) for odd, size in x.items()]
    return largest(*(total + scheme.scale for total in sums))


def against_input(updates: Parts, initial: Size, scheme: Numbers) -> Parts:
    """A factor made of updates and of a multiple of A_0, times Z."""
    parts = shifted(updates, scheme.aligned)
    return parts if initial is None else added(parts, {"A": initial + scheme.independent})


def step(scheme: Numbers, state: State) -> tuple[State, dict[str, Size]]:
    """One step of training, and the exponents of its quantities."""
    z_a = against_input(state.a, state.a_0, scheme)
    seen = shifted(state.b, scheme.gradient + scheme.fan_out * scheme.aligned)
    if state.b_0 is not None:
        seen = added(seen, {"B": state.b_0 + scheme.gradient + scheme.fan_out * scheme.independent})
    m_a, m_b, step_a, step_b = state.m_a, state.m_b, Parts(), Parts()
    less_a, less_b = (Parts(), None), (Parts(), None)
    if "A" in scheme.trained:
        m_a = remembered(m_a, shifted(seen, scheme.scale), scheme)
        step_a, less_a = (
            shifted(processed(m_a, scheme), scheme.eta_a),
            decayed(state.a, state.a_0, scheme.eta_a, scheme),
        )
    if "B" in scheme.trained:
        m_b = remembered(m_b, shifted(z_a, scheme.scale + scheme.gradient), scheme)
        step_b, less_b = (
            shifted(processed(m_b, scheme), scheme.eta_b),
            decayed(state.b, state.b_0, scheme.eta_b, scheme),
        )
    step_a, step_b = added(step_a, less_a[0]), added(step_b, less_b[0])
    a_0, b_0 = largest(state.a_0, less_a[1]), largest(state.b_0, less_b[1])
    after = State(a_0, b_0, added(state.a, step_a), added(state.b, step_b), m_a, m_b)
    moved = against_input(step_a, less_a[1], scheme)
    z_a_after = added(z_a, moved)
    delta_1 = over_rank(state.b, state.b_0, moved, scheme)
    delta_2, delta_3 = over_rank(step_b, less_b[1], z_a, scheme), over_rank(step_b, less_b[1], moved, scheme)
    return after, {
        "A": largest(after.a_0, *after.a.values()),
        "B": largest(after.b_0, *after.b.values()),
        "Z_A": largest(*z_a_after.values()),
        "Z_B": over_rank(after.b, after.b_0, z_a_after, scheme),
        "Delta_Z_B": largest(delta_1, delta_2, delta_3),
        "delta_1": delta_1,
        "delta_2": delta_2,
        "delta_3": delta_3,
    }


def run(scheme: Numbers, horizon: int) -> Run:
    """The exponents at steps 1 to `horizon`."""
    assert scheme.feedback is None, "what feeds back is read elsewhere"
    return unrolled(lambda state: step(scheme, state), State(scheme.a, scheme.b), horizon)


def unrolled(step: Callable[[S], tuple[S, dict[str, Size]]], state: S, horizon: int) -> Run:
    """What a step yields again and again; one that leaves the state as it was is every later one too.

    Nothing that is asked of later steps is open where the output has left n^0, so they are not computed.
    """
    found: Run = []
    while len(found) < horizon:
        after, sizes = step(state)
        output = sizes["Z_B"]
        is_over = after == state or (len(found) + 1 >= TOLD and output is not None and output > 0)
        found += [sizes] * (horizon - len(found) if is_over else 1)
        state = after
    return found


def holds(steps: Run, bounded: tuple[str, ...], reached: tuple[str, ...]) -> bool:
    """Whether a condition holds of these steps: bounded throughout, and reached at the last one.

    Sizes never fall from step to step, so what is 0 at the last step was reached by some step and kept.
    """
    stays = all(sizes[name] is None or sizes[name] <= 0 for sizes in steps for name in bounded)
    return stays and all(steps[-1][name] == 0 for name in reached)
