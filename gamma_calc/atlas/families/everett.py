"""Largest stable rates of each layer in four parametrisations, by optimiser and by how sums are aligned.

The source measures alignment by exponents: full alignment adds n to sums with updates, while the initial readout meets
moved features as if it had not seen them (its omega = 1/2: here diluted sums at 1/2); without alignment every sum adds
n^(1/2). Adafactor has no floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gamma_calc.algebra import Affine
from gamma_calc.atlas.perceptrons import MUP, NTK, PER_LAYER, STANDARD, perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.calculus.policy import Alignment, Policy

HALF = Affine.of(Fraction(1, 2))
FULL = Policy(((Alignment.DILUTED, HALF),))
NONE = Policy(tuple((kind, HALF) for kind in (Alignment.DILUTED, Alignment.ALIGNED, Alignment.INDEPENDENT)))
ALIGNMENTS = {"full": ("full alignment, the readout's at 1/2", FULL), "none": ("no alignment", NONE)}
OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {"sgd": {}, "adam": {}, "adafactor": {"floor": "zero"}}
PARAMETRISATIONS = {
    "sp": ("standard", *STANDARD),
    "ntk": ("NTK", *NTK),
    "mup": ("muP", *MUP),
    "mfp": ("mean-field", ("0", "-1/2", "-1"), ("0", "0", "0")),
}
"""Multipliers and initial entries of embedding, hidden layer and readout."""

SUBJECTS: Mapping[str, Subject] = {
    f"{short}-{optimizer}-{alignment}": perceptron(
        f"{name} parametrisation under {optimizer}, {words}",
        multipliers,
        inits,
        optimizer=optimizer,
        policy=policy,
        **beside,
    )
    for short, (name, multipliers, inits) in PARAMETRISATIONS.items()
    for optimizer, beside in OPTIMIZERS.items()
    for alignment, (words, policy) in ALIGNMENTS.items()
} | {
    f"shifted-{optimizer}": perceptron(
        f"muP under {optimizer}, full alignment, n^theta moved from the hidden multiplier to the hidden init",
        ("1/2", "-theta", "-1/2"),
        ("-1/2", "theta - 1/2", "-1/2"),
        PER_LAYER,
        optimizer=optimizer,
        policy=FULL,
        **beside,
    )
    for optimizer, beside in OPTIMIZERS.items()
}
