"""Batches and numbers of steps: sums over samples and steps, where signals are aligned and noise is independent.

Here the number of samples is the size n that grows, and a batch has n^beta of them. The gradient of a sample is a
signal n^-sigma and noise of size 1. Steps do not see each other, as under a loss that is linear; so a run is a sum over
an axis of them like any other:

    moved = sum over steps of W[step],  f = sum over steps of W[step] (signal + noise[step])

What decay takes of a weight, and what a running mean forgets, is an aligned sum over steps in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.atlas.questions import Subject
from gamma_calc.program.expressions import InverseRms, Ones
from gamma_calc.program.network import axis, contract, data, mean, named, parameter, power, scaled
from gamma_calc.program.problem import Problem

BATCH, ENTRIES = axis("batch", "beta"), axis("entries")
BATCHES = ("0 <= beta", "beta <= 1")
IS_NOISY = "beta/2 <= sigma"
"""The noise in the mean of a batch is no smaller than the signal."""
DRIFTS, DIFFUSES = "sigma <= 1/2", "sigma >= 1/2"
"""Which of the two leads after all samples: n aligned signals or n independent noises."""


def _run(words: str, optimizer: str, *regime: str) -> Subject:
    """All samples once, in steps of one batch each, at a rate n^c."""
    steps = axis("steps", "1 - beta")
    weight = parameter("W", steps, ENTRIES, init="zero", rate="c")
    moved = named("moved", contract(Ones.along(steps), weight, steps))
    gain = contract(moved, data("signal", ENTRIES, exponent="-sigma"), ENTRIES)
    luck = contract(weight, parameter("noise", steps, ENTRIES, BATCH, init="0"), steps, ENTRIES)
    output = named("f", gain * Ones.along(BATCH) + luck)
    problem = Problem("run", output, gradient="-beta", optimizer=optimizer, between=(*BATCHES, *regime))
    return Subject(f"n samples once, in batches of n^beta, {words}, rate n^c; {optimizer}", problem.scheme)


def _quadratic(words: str, regime: str) -> Subject:
    """One step of n^c in every entry on a loss with curvature along the vector of ones: its cost over its gain.

    The cost is half the square of the step's sum over the entries, the gain what the signal's part of the step brings.
    """
    entries = axis("entries", 1)
    signal = data("signal", entries, exponent="-sigma")
    gradient = signal + mean(parameter("noise", entries, BATCH, init="0", rate="0"), BATCH)
    size = InverseRms(gradient, entries)
    along = contract(gradient * size, Ones.along(entries), entries)
    gain = contract(signal, signal * size, entries)
    ratio = named("ratio", scaled("rate", "c", along * along * power(gain, -1)))
    problem = Problem("quadratic", ratio, between=("0 <= beta", IS_NOISY, regime))
    return Subject(f"n entries, batches of n^beta, normalised steps of n^c, {words}", problem.scheme)


def _forgetful(words: str, steps: str, share: str) -> Subject:
    """What some steps take of a weight, or of a running mean, each of which takes a share n^share of it."""
    axis_of_steps = axis("steps", steps)
    weight = parameter("W", ENTRIES, init="0", rate="0") * Ones.along(axis_of_steps)
    taken = contract(Ones.along(axis_of_steps), scaled("share", share, weight), axis_of_steps)
    return Subject(words, Problem("forgetful", named("taken", taken)).scheme)


def _balanced() -> Subject:
    """A weight that is the sum of the steps that decay has not taken yet, and one step relative to it."""
    window = axis("window", "-c - k")
    step = scaled("rate", "c", parameter("steps", window, ENTRIES, init="0", rate="0"))
    weight = named("W", contract(Ones.along(window), step, window))
    relative = named("relative", step * InverseRms(weight, ENTRIES))
    words = "independent steps of n^c, of which decay n^k times the rate leaves the last n^(-c - k)"
    return Subject(words, Problem("balanced", relative, between=("c + k <= 0",)).scheme)


SUBJECTS: Mapping[str, Subject] = {
    "sgd-drift": _run("signals lead", "sgd", "0 <= sigma", DRIFTS),
    "sgd-diffusion": _run("noise leads", "sgd", DIFFUSES),
    "adam-drift": _run("noise leads a step and signals the run", "adam", IS_NOISY, DRIFTS),
    "rmsprop-drift": _run("noise leads a step and signals the run", "rmsprop", IS_NOISY, DRIFTS),
    "small-batches": _quadratic("noise leads the sum of a step", "beta <= 2*sigma - 1"),
    "large-batches": _quadratic("the signal leads the sum of a step", "beta >= 2*sigma - 1"),
    "decay": _forgetful("a rate n^c and a decay n^k times it, n^tau steps", "tau", "c + k"),
    "decay-of-a-run": _forgetful("a decay that takes the share n^k of a weight in each of n steps", "1", "k"),
    "memory-of-a-run": _forgetful(
        "n samples once, in batches of n^beta; a running mean that forgets the share n^k in each step", "1 - beta", "k"
    ),
    "balanced": _balanced(),
}
