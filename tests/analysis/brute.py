"""A second reading of the LoRA module, in numbers: every exponent a rational from the start, no rule shared.

At a rational point a term of a vector over the rank axis is one number, its exponent, for each of two parities: odd in
the rows of A_0, or odd in the columns of B_0. What the theory says of sums is written out for this one module:

    A_0 Z          gains 1/2 (independent), an update times Z gains 1 (aligned);
    B_0^T dZ       gains fan_out / 2,       an update transposed times dZ gains fan_out;
    over the rank  equal parities gain the rank, different ones half of it; B_0 against what was made from B_0^T dZ
                   gains max(rank / 2, rank - fan_out / 2), and A_0 Z against what was made from it the whole rank.

A normalised step has entries of size 1 in its leading parity and keeps the gap to the other one; a raw step is its
gradient. Updates add up to their maximum. None is the exponent of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

Size = Fraction | None
Parts = dict[str, Fraction]
"""An exponent for each parity that occurs: "A" is odd in A_0, "B" is odd in B_0."""

QUANTITIES = ("A", "B", "Z_A", "Z_B", "Delta_Z_B", "delta_1", "delta_2", "delta_3")
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Numbers:
    """A scheme at a point; `a` and `b` are the exponents of A_0 and B_0."""

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


@dataclass
class State:
    """What the updates so far have added up to."""

    a: Parts = field(default_factory=dict)
    b: Parts = field(default_factory=dict)


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
    return shifted(gradient, -max(gradient.values()))


def over_rank(b: Parts, b_0: Size, x: Parts, scheme: Numbers) -> Size:
    """The exponent of the sum over the rank axis of B, updates and B_0, times what stands for Z_A."""
    diluted = max(scheme.rank * HALF, scheme.rank - scheme.fan_out * HALF)
    sums = [
        mine + theirs + scheme.rank * (1 if odd == other else HALF)
        for odd, mine in b.items()
        for other, theirs in x.items()
    ]
    if b_0 is not None:
        sums += [b_0 + size + (diluted if odd == "B" else scheme.rank * HALF) for odd, size in x.items()]
    return largest(*(total + scheme.scale for total in sums))


def step(scheme: Numbers, state: State) -> tuple[State, dict[str, Size]]:
    """One step of training, and the exponents of its quantities."""
    z_a = shifted(state.a, Fraction(1))
    if scheme.a is not None:
        z_a = added(z_a, {"A": scheme.a + HALF})
    seen = shifted(state.b, scheme.gradient + scheme.fan_out)
    if scheme.b is not None:
        seen = added(seen, {"B": scheme.b + scheme.gradient + scheme.fan_out * HALF})
    step_a = shifted(processed(shifted(seen, scheme.scale), scheme), scheme.eta_a) if "A" in scheme.trained else {}
    g_b = shifted(z_a, scheme.scale + scheme.gradient)
    step_b = shifted(processed(g_b, scheme), scheme.eta_b) if "B" in scheme.trained else {}
    after = State(added(state.a, step_a), added(state.b, step_b))
    moved = shifted(step_a, Fraction(1))
    z_a_after = added(z_a, moved)
    delta_1 = over_rank(state.b, scheme.b, moved, scheme)
    delta_2, delta_3 = over_rank(step_b, None, z_a, scheme), over_rank(step_b, None, moved, scheme)
    return after, {
        "A": largest(scheme.a, *after.a.values()),
        "B": largest(scheme.b, *after.b.values()),
        "Z_A": largest(*z_a_after.values()),
        "Z_B": over_rank(after.b, scheme.b, z_a_after, scheme),
        "Delta_Z_B": largest(delta_1, delta_2, delta_3),
        "delta_1": delta_1,
        "delta_2": delta_2,
        "delta_3": delta_3,
    }


def run(scheme: Numbers, horizon: int) -> list[dict[str, Size]]:
    """The exponents at steps 1 to `horizon`; a step that leaves the state as it was is every later one too."""
    state, found = State(), []
    while len(found) < horizon:
        after, sizes = step(scheme, state)
        found += [sizes] * (horizon - len(found) if after == state else 1)
        state = after
    return found


def holds(steps: list[dict[str, Size]], bounded: tuple[str, ...], reached: tuple[str, ...]) -> bool:
    """Whether a condition holds of these steps: bounded throughout, and reached at the last one.

    Sizes never fall from step to step, so what is 0 at the last step was reached by some step and kept.
    """
    stays = all(sizes[name] is None or sizes[name] <= 0 for sizes in steps for name in bounded)
    return stays and all(steps[-1][name] == 0 for name in reached)
