"""The cross-check: schemes derived, trained at several widths, and judged exponent by exponent.

Every run carries a negative control: the same measurement judged by predictions made under an assumption that is known
to be false, that aligned sums grow like independent ones. If those predictions passed too, the check could not tell
right from wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from html import escape
from typing import Any

import numpy as np

from gamma_calc.algebra import Affine
from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON, NO_CANCELLATION
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy
from gamma_calc.derivation.as_json import policy_json
from gamma_calc.derivation.questions import LONGEST
from gamma_calc.derivation.suppositions import Alignments, Suppositions, supposed_together
from gamma_calc.derivation.tables import html_table
from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import Prediction, pinned, predictions
from gamma_calc.experiment.prefactor import chosen_prefactor
from gamma_calc.experiment.settled_by_law import settled
from gamma_calc.experiment.setup import Settings, configuration
from gamma_calc.experiment.sweep_memory import available_memory, check_widths
from gamma_calc.experiment.verdicts import Row, judged, worst
from gamma_calc.program.scheme import EXTRA, Scheme
from gamma_calc.program.selection import Spec, Values
from gamma_calc.simulation.probe import ProbeMeasurement, Progress, probe
from gamma_calc.simulation.verdicts import Verdict

FALSE_ASSUMPTION = Policy(((Alignment.ALIGNED, Affine.of(Fraction(1, 2))),))
"""The control's: a sum of correlated terms grows like a random walk."""
CLEAR_OF_EPSILON = 1000
"""Gradient roots this far above epsilon move by at most 0.1 % because of it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One scheme: how it was measured, what was found, and what the control says."""

    scheme: Scheme
    prefactor: Fraction
    measurement: ProbeMeasurement
    rows: tuple[Row, ...]
    control: tuple[Row, ...]

    @property
    def extra_prefactors(self) -> Mapping[str, Fraction]:
        """The prefactors of beta, lambda and kappa, by the keys of those that the scheme has."""
        found: dict[str, Fraction] = {key: getattr(self.measurement.configuration, f"prefactor_{key}") for key in EXTRA}
        return {key: value for key, value in found.items() if self.scheme.form(key) is not None}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know before trusting the rows."""
        found = []
        if reason := cancellation(self.scheme):
            found.append(
                f"{self.scheme.name}: {reason}: "
                f"predictions do without assumption {NO_CANCELLATION.key}, and most are bounds from above"
            )
        ratio = float(np.min(self.measurement.epsilon_ratio))
        if ratio < CLEAR_OF_EPSILON:
            found.append(
                f"{self.scheme.name}: gradients come within a factor of {ratio:.3g} of the optimiser's epsilon, so its "
                f"steps are not normalised: assumption {NEGLIGIBLE_EPSILON.key} does not hold"
            )
        excluded = int(self.measurement.is_excluded.sum())
        if excluded:
            found.append(f"{self.scheme.name}: {excluded} runs diverged or underflowed and are not fitted")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Crosscheck:
    """The verdicts on several schemes.

    `against` names the scheme whose predictions were judged, where they were not each scheme's own; `policy` is what
    the predictions suppose otherwise than the calculus does.
    """

    settings: Settings
    schemes: tuple[Checked, ...]
    against: str | None = None
    policy: Policy = CALCULUS

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every verdict, scheme by scheme."""
        return tuple(row for scheme in self.schemes for row in scheme.rows)

    @property
    def verdict(self) -> Verdict:
        """FAIL if any row is, else INCONCLUSIVE if any is, else PASS."""
        return worst(row.verdict for row in self.rows)

    @property
    def control(self) -> Verdict:
        """The verdict on the control's predictions; only FAIL shows that the check can tell."""
        return worst(row.verdict for scheme in self.schemes for row in scheme.control)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of every scheme."""
        return tuple(text for scheme in self.schemes for text in scheme.warnings)

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        count = len(self.rows)
        tally = {verdict: sum(row.verdict is verdict for row in self.rows) for verdict in Verdict}
        if self.verdict is Verdict.PASS:
            outcome = f"all {count} exponents are confirmed"
        else:
            words = {Verdict.FAIL: "refuted", Verdict.INCONCLUSIVE: "undecided", Verdict.PASS: "confirmed"}
            outcome = ", ".join(f"{tally[verdict]} {word}" for verdict, word in words.items() if tally[verdict])
        control = "fails as it has to" if self.control is Verdict.FAIL else f"is {self.control.value}: it shows nothing"
        return f"{self.verdict.value}: {outcome}. The control, whose assumption is false, {control}."

    def __repr__(self) -> str:
        return f"<cross-check of {', '.join(each.scheme.name for each in self.schemes)}>"

    def __str__(self) -> str:
        return self.summary

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        failed = [row for scheme in self.schemes for row in scheme.control if row.verdict is Verdict.FAIL]
        return {
            "schema": 1,
            "verdict": self.verdict.value,
            "against": self.against,
            **policy_json(self.policy),
            "quantities": [row.json() for row in self.rows],
            "control": {
                "assumption": "aligned sums grow like independent ones (false)",
                "expected": Verdict.FAIL.value,
                "verdict": self.control.value,
                "failed": [f"{row.scheme} {row.quantity} t={row.t}" for row in failed],
            },
            "schemes": [
                {
                    "scheme": each.scheme.name,
                    "optimizer": each.scheme.optimizer.name,
                    "prefactor": str(each.prefactor),
                    **{f"prefactor_{key}": str(value) for key, value in each.extra_prefactors.items()},
                }
                for each in self.schemes
            ],
            "settings": {
                "widths": list(self.settings.widths),
                "seeds": self.settings.seeds,
                "steps": self.settings.steps,
                "data": self.settings.data,
                "dtype": self.settings.dtype,
                "device": self.settings.device,
                "seed": self.settings.seed,
            },
            "warnings": list(self.warnings),
        }

    def _repr_html_(self) -> str:
        rows = [("scheme", "quantity", "t", "predicted", "measured", "verdict")]
        rows += [
            (row.scheme, row.quantity, str(row.t), str(row.leading.predicted), _number(row), row.verdict.value)
            for row in self.rows
        ]
        return f"<p>{escape(self.summary)}</p>{html_table(rows)}"


def _number(row: Row) -> str:
    return "zero" if row.leading.measured is None else f"{row.leading.measured:.3f}"


def crosscheck(
    *specs: Spec,
    settings: Settings | None = None,
    optimizer: str | None = None,
    at: Values | None = None,
    against: Spec | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
    progress: Progress | None = None,
) -> Crosscheck:
    """Judge every derived exponent of some schemes by training the module at several widths.

    A free rate takes its largest stable value, derived on all assumptions; what is supposed otherwise enters the
    predictions only. Without an assumption most of them are bounds, tested from above, and an alignment that is set has
    to FAIL where sums have another one.

    Args:
        specs: names of the catalogue, TOML files or `Scheme`s.
        settings: widths, seeds, steps, device and the like.
        optimizer: takes the schemes, and `against`, under another optimiser.
        at: exact values of free exponents; each applies to every scheme that has its name free.
        against: takes the predictions from this scheme instead, which has to FAIL.
        without, align: as in `derive`; no alignment can be free.
        progress: called with the work done and the work in all; the work of a run is its width.

    Raises:
        BadInput: a scheme, a value or a setting cannot be understood, or another exponent than a rate is free.
        Unknown: the largest stable rate is not known.
    """
    if not specs:
        raise BadInput("no scheme to check")
    settings = _checked_settings(settings)
    supposes = Suppositions(optimizer, without, align)
    every = supposed_together([(spec, supposes) for spec in (*specs, *([] if against is None else [against]))], at)
    policy = _checked_policy(every[0][1])
    schemes = [pinned(scheme) for scheme, _ in every]
    reference = None if against is None else schemes.pop()
    checked = [
        _checked(scheme, reference or scheme, policy, settings, _part(progress, index, len(schemes)))
        for index, scheme in enumerate(schemes)
    ]
    return Crosscheck(settings, tuple(checked), None if reference is None else reference.name, policy)


def _checked_settings(settings: Settings | None) -> Settings:
    """The settings, if their steps can be derived too."""
    if settings is None:
        return Settings()
    if not isinstance(settings, Settings):
        raise BadInput("settings", found=settings, expected="Settings(...)")
    if settings.steps > LONGEST:
        raise BadInput("steps", found=settings.steps, expected=f"at most {LONGEST}")
    return settings


def _checked_policy(policy: Policy) -> Policy:
    """The policy, if it predicts numbers."""
    if policy.free:
        names = ", ".join(policy.free)
        raise BadInput(f"an alignment leaves {names} free: expected a number to test, such as --at {policy.free[0]}=1")
    return policy


def _tested(policy: Policy, scheme: Scheme) -> Policy:
    """The policy that predicts: without the assumption of no cancellation where steps may undo each other."""
    if not cancellation(scheme):
        return policy
    return replace(policy, without=policy.without | {NO_CANCELLATION})


def _checked(
    scheme: Scheme, reference: Scheme, policy: Policy, settings: Settings, progress: Progress | None
) -> Checked:
    prefactor = settings.prefactor or chosen_prefactor(scheme.optimizer.step)
    experiment = configuration(scheme, settings, prefactor)
    check_widths(experiment, available_memory())
    measurement = probe(experiment, progress)
    predicted = predictions(reference, settings.steps, _tested(policy, reference))

    def rows(predicted: Sequence[Prediction]) -> tuple[Row, ...]:
        return judged(scheme.name, predicted, measurement)

    return Checked(
        scheme,
        prefactor,
        measurement,
        settled(rows(predicted), predicted, experiment),
        rows(predictions(scheme, settings.steps, FALSE_ASSUMPTION)),
    )


def _part(progress: Callable[[int, int], None] | None, index: int, count: int) -> Progress | None:
    """The progress of one of several experiments of equal length, as progress of all."""
    if progress is None:
        return None
    return lambda done, total: progress(index * total + done, count * total)
