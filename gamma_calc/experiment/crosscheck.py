"""The cross-check: schemes derived, trained at several widths, and judged exponent by exponent.

Every network is trained by reading its program. What the widths leave open is asked of a population.

Every scheme carries a negative control: the same measurement judged by predictions that are known to be false. They are
made by supposing that aligned sums grow like independent ones; where a scheme has no aligned sum to get wrong, or the
measurement does not tell, by moving every finite exponent: up, or down where only a prediction that is too small can
FAIL, as without a population. If such predictions passed too, the check could not tell right from wrong. A prediction
that is the same as without the assumption is not judged: its FAIL would show nothing. How far off a prediction has to
be to FAIL, the resolution, is stated beside, and where only down.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from html import escape
from typing import Any

from gamma_calc.algebra import Affine
from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy
from gamma_calc.derivation.as_json import policy_json
from gamma_calc.derivation.suppositions import Alignments, schemes_and_policies, supposed_policy
from gamma_calc.document.tables import html_table, text_table
from gamma_calc.errors import BadInput
from gamma_calc.experiment.far_widths import far_refusal, settled
from gamma_calc.experiment.prediction import Prediction, at_largest_rate, differing, moved, predictions
from gamma_calc.experiment.setup import WIDTHS, Settings, extra_prefactors, network_experiment, network_prefactor
from gamma_calc.experiment.sweep import part
from gamma_calc.experiment.sweep_run import available_memory, check_network
from gamma_calc.experiment.verdicts import VerdictRow, best, judged, number, unjudged, worst
from gamma_calc.numbers import LONGEST
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, Values
from gamma_calc.simulation.program_sizes import ProgramExperiment, ProgramMeasurement, Progress, program_sizes
from gamma_calc.simulation.slopes import SlopeEstimate, shortfall
from gamma_calc.simulation.verdicts import EXCEPTIONS, RULE, RULES, TOLERANCE, Verdict

FALSE_ASSUMPTION = Policy(((Alignment.ALIGNED, Affine.of(Fraction(1, 2))),))
"""The control's: a sum of correlated terms grows like a random walk."""
SHIFT = Fraction(1, 4)
"""The other control's: beyond what a row that is PASS can bear, three tolerances."""
ALIGNMENT = "aligned sums grow like independent ones (false)"
LARGER = f"every finite exponent is larger by {SHIFT} (false)"
SMALLER = f"every finite exponent is smaller by {SHIFT} (false)"
COLUMNS = ("quantity", "t", "predicted", "measured", "95 % interval", "inside", "raw", "verdict", "")


@dataclass(frozen=True, slots=True)
class Control:
    """Predictions that are known to be false, judged by the measurement; only FAIL shows that it can tell.

    None of `rows` is of a prediction that is the scheme's own.
    """

    assumption: str
    rows: tuple[VerdictRow, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the rows'."""
        return worst(row.verdict for row in self.rows)


@dataclass(frozen=True, slots=True)
class Checked:
    """One scheme: how it was measured, what was found, and what the control says.

    There is no measurement where the settings lack widths or runs: no verdict would follow from it. `no_population` is
    why nothing can be asked of one: then a prediction that is too large cannot FAIL.
    """

    scheme: Scheme
    prefactor: Fraction
    configuration: ProgramExperiment
    measurement: ProgramMeasurement | None
    rows: tuple[VerdictRow, ...]
    control: Control
    no_population: str = ""

    @property
    def refutes_larger(self) -> bool:
        """Whether a prediction that is too large can FAIL; one that is too small always can."""
        return not self.no_population and self.control.assumption != SMALLER

    @property
    def resolutions(self) -> tuple[float, ...]:
        """How far off the prediction of a row that is PASS would have to be to FAIL, one a finite exact exponent."""
        passed = (row.leading for row in self.rows if row.verdict is Verdict.PASS)
        found = (each.resolution if self.refutes_larger else each.resolution_below for each in passed)
        return tuple(each for each in found if each is not None)

    @property
    def rates(self) -> str:
        """The learning rates that it was trained at, as formulas in the width."""
        keys = self.scheme.trained_rates.values()
        return ", ".join(f"{key} = {self.prefactor} n^({self.scheme[key]})" for key in keys)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know before trusting the rows."""
        found = []
        if reason := cancellation(self.scheme):
            found.append(
                f"{self.scheme.name}: {reason}: "
                f"predictions do without assumption {NO_CANCELLATION.key}, and most are bounds from above"
            )
        if self.measurement is None:
            return tuple(found)
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
    def rows(self) -> tuple[VerdictRow, ...]:
        """Every verdict, scheme by scheme."""
        return tuple(row for scheme in self.schemes for row in scheme.rows)

    @property
    def verdict(self) -> Verdict:
        """FAIL if any row is, else INCONCLUSIVE if any is, else PASS."""
        return worst(row.verdict for row in self.rows)

    @property
    def control(self) -> Verdict:
        """FAIL if the control of every scheme is, which shows that the check can tell; else what it is at best."""
        return best(scheme.control.verdict for scheme in self.schemes)

    @property
    def resolutions(self) -> tuple[float, ...]:
        """The resolutions of every scheme."""
        return tuple(each for scheme in self.schemes for each in scheme.resolutions)

    @property
    def only_below(self) -> tuple[Checked, ...]:
        """The schemes of which no prediction that is too large can FAIL."""
        return tuple(each for each in self.schemes if not each.refutes_larger)

    @property
    def shortfall(self) -> str:
        """Why nothing was trained; nothing where something was."""
        return shortfall(self.settings.widths or WIDTHS, self.settings.seeds)

    @property
    def widths(self) -> tuple[int, ...] | None:
        """The widths of every scheme; None where they differ."""
        found = {each.configuration.widths for each in self.schemes}
        return found.pop() if len(found) == 1 else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of every scheme."""
        return tuple(text for scheme in self.schemes for text in scheme.warnings)

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        if self.shortfall:
            return f"{self.verdict.value}: nothing was trained, for nothing would be settled: {self.shortfall}."
        count = len(self.rows)
        tally = {verdict: sum(row.verdict is verdict for row in self.rows) for verdict in Verdict}
        if self.verdict is Verdict.PASS:
            outcome = f"all {count} exponents are confirmed"
        else:
            words = {Verdict.FAIL: "refuted", Verdict.INCONCLUSIVE: "undecided", Verdict.PASS: "confirmed"}
            outcome = ", ".join(f"{tally[verdict]} {word}" for verdict, word in words.items() if tally[verdict])
        decided = (row for row in self.rows if row.verdict is not Verdict.INCONCLUSIVE)
        decided_far = sum(any(each.far for each in row.judged) for row in decided)
        sentences = [f"{outcome}{self._intervals}"]
        if decided_far:
            rows = "1 row is" if decided_far == 1 else f"{decided_far} rows are"
            sentences.append(f"{rows} decided by a population at larger widths")
        sentences.append(self._control_sentence)
        if found := self.resolutions:
            off = "too small" if len(self.only_below) == len(self.schemes) else "off"
            half = f"A prediction that is {off} by {statistics.median(found):.3f} fails in half of the rows"
            sentences.append(f"{half}, by {max(found):.3f} in each")
            sentences += self._larger_sentences
        return f"{self.verdict.value}: {' '.join(f'{sentence}.' for sentence in sentences)}"

    @property
    def _intervals(self) -> str:
        """How many intervals of rows that are PASS hold the prediction, and by how much the others miss it."""
        passed = [row.leading for row in self.rows if row.verdict is Verdict.PASS and row.leading.far is None]
        missed = [(each.distance, each.places) for each in passed if each.distance is not None]
        if not missed:
            return ""
        held, (most, places) = sum(distance == 0 for distance, _ in missed), max(missed)
        others = f"; the others miss it by at most {most:.{places}f}, within the tolerance of {TOLERANCE:g}"
        return f", and {held} of {len(missed)} intervals hold the prediction{others if held < len(missed) else ''}"

    @property
    def _larger_sentences(self) -> list[str]:
        """That a prediction which is too large cannot fail, for the schemes of which that is so."""
        if not self.only_below:
            return []
        names = ", ".join(each.scheme.name for each in self.only_below)
        of = "" if len(self.only_below) == len(self.schemes) else f", of {names},"
        reasons = ", ".join(dict.fromkeys(each.no_population for each in self.only_below if each.no_population))
        why = f", and there is no population at far widths: {reasons}" if reasons else ""
        return [f"One that is too large{of} cannot fail: what leads may not lead yet{why}"]

    @property
    def _control_sentence(self) -> str:
        if self.control is Verdict.FAIL:
            other = ""
            for assumption in (LARGER, SMALLER):
                names = ", ".join(each.scheme.name for each in self.schemes if each.control.assumption == assumption)
                said = assumption.removesuffix(" (false)")
                other += f"; for {names}, where no aligned sum tells, it is that {said}" if names else ""
            return f"The control, whose assumption is false, fails as it has to{other}"
        idle = ", ".join(each.scheme.name for each in self.schemes if each.control.verdict is not Verdict.FAIL)
        return f"No control: false predictions for {idle} are {self.control.value}, so its verdicts show nothing"

    def __repr__(self) -> str:
        return f"<cross-check of {', '.join(each.scheme.name for each in self.schemes)}>"

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        failed = [row for scheme in self.schemes for row in scheme.control.rows if row.verdict is Verdict.FAIL]
        return {
            "schema": 1,
            "verdict": self.verdict.value,
            "against": self.against,
            **policy_json(self.policy),
            "summary": self.summary,
            "rule": {"tolerance": TOLERANCE, **RULE},
            "quantities": [row.json() for row in self.rows],
            "control": {
                "assumption": "; ".join(dict.fromkeys(each.control.assumption for each in self.schemes)),
                "expected": Verdict.FAIL.value,
                "verdict": self.control.value,
                "failed": [f"{row.scheme} {row.quantity} t={row.t}" for row in failed],
                "resolution": {"half": statistics.median(found), "every": max(found)}
                if (found := self.resolutions)
                else None,
                "only_below": [each.scheme.name for each in self.only_below],
            },
            "schemes": [
                {
                    "scheme": each.scheme.name,
                    "optimizer": each.scheme.optimizer.name,
                    "prefactors": dict.fromkeys(each.scheme.trained_rates, str(each.prefactor)),
                    **{f"prefactor_{key}": str(k) for key, k in extra_prefactors(each.scheme, each.prefactor).items()},
                    "control": {"assumption": each.control.assumption, "verdict": each.control.verdict.value},
                    "widths": list(each.configuration.widths),
                }
                for each in self.schemes
            ],
            "settings": {
                "widths": None if self.widths is None else list(self.widths),
                "seeds": self.settings.seeds,
                "steps": self.settings.steps,
                "dtype": self.settings.dtype,
                "device": self.settings.device,
                "seed": self.settings.seed,
            },
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        if self.shortfall:
            return self.summary
        blocks = [
            f"{each.scheme.title} at {each.rates}\n{text_table([COLUMNS, *map(_cells, each.rows)])}"
            for each in self.schemes
        ]
        return "\n\n".join([*self.policy.lines, *blocks, "\n".join((*RULES, EXCEPTIONS)), self.summary])

    def _repr_html_(self) -> str:
        rows = [("scheme", *COLUMNS), *((row.scheme, *_cells(row)) for row in self.rows)]
        return f"<p>{escape(self.summary)}</p>{html_table(rows)}"


def _cells(row: VerdictRow) -> tuple[str, ...]:
    """What a table shows of a verdict, its remark where it is not PASS by the trained widths."""
    predicted, measured, ends = row.leading.cells("")
    distance = row.leading.distance
    return (
        row.quantity,
        str(row.t),
        predicted,
        "zero" if row.leading.estimate.is_zero else measured,
        ends,
        "" if distance is None else "no" if distance else "yes",
        number(row.raw_slope),
        row.verdict.value,
        "" if row.verdict is Verdict.PASS and row.leading.far is None else row.remark,
    )


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
    """Judge every derived exponent of some schemes by training their networks at several widths.

    A free rate takes its largest stable value, derived on all assumptions; what is supposed otherwise enters the
    predictions only. Without an assumption most of them are bounds, tested from above, and an alignment that is set has
    to FAIL where sums have another one.

    Args:
        specs: names of the catalogue, TOML files, `Scheme`s or `Problem`s, of any models.
        settings: widths, seeds, steps, device and the like.
        optimizer: takes the schemes, and `against`, under another optimiser.
        at: exact values of free exponents; each applies to every scheme that has its name free.
        against: takes the predictions from this scheme of the same quantities instead, which has to FAIL.
        without, align: as in `derive`; no alignment can be free.
        progress: called with the work done and the work in all; the work of a run is its width.

    Raises:
        BadInput: a scheme, a value or a setting cannot be understood, or another exponent than a rate is free.
        Unknown: the largest stable rate is not known.
    """
    if not specs:
        raise BadInput("no scheme to check")
    settings = Settings() if settings is None else settings
    if not isinstance(settings, Settings):
        raise BadInput("settings", found=settings, expected="Settings(...)")
    if settings.steps > LONGEST:  # so that its steps can be derived too
        raise BadInput("steps", found=settings.steps, expected=f"at most {LONGEST}")
    supposed = supposed_policy(without, align)
    asked = specs if against is None else (*specs, against)
    every = schemes_and_policies([(spec, optimizer, supposed) for spec in asked], at)
    policy = every[0][1]
    if policy.free:
        names = ", ".join(policy.free)
        raise BadInput(f"an alignment leaves {names} free: expected a number to test, such as --at {policy.free[0]}=1")
    schemes = [at_largest_rate(scheme) for scheme, _ in every]
    reference = None if against is None else schemes.pop()
    checked = [
        _checked(scheme, reference or scheme, policy, settings, part(progress, index, len(schemes)))
        for index, scheme in enumerate(schemes)
    ]
    return Crosscheck(settings, tuple(checked), None if reference is None else reference.name, policy)


def _checked(
    scheme: Scheme, reference: Scheme, policy: Policy, settings: Settings, progress: Progress | None
) -> Checked:
    own = predictions(scheme, settings.steps)
    if all(each.total.exponent is None for each in own):
        raise BadInput(f"{scheme.name}: every quantity is zero at every step, so there is nothing to measure")
    k = settings.prefactor or network_prefactor(program_of(scheme))
    experiment = network_experiment(scheme, settings, k)
    # Where steps may undo each other, nothing rests on the assumption that they do not.
    tested = replace(policy, without=policy.without | {NO_CANCELLATION}) if cancellation(reference) else policy
    predicted = predictions(reference, settings.steps, tested)
    if [(each.quantity, each.t) for each in predicted] != [(each.quantity, each.t) for each in own]:
        expected = f"a scheme with the quantities of {scheme.name}, a {scheme.model.kind}"
        raise BadInput("against", found=f"{reference.name}, a {reference.model.kind}", expected=expected)
    if missing := shortfall(experiment.widths, settings.seeds):
        nothing = SlopeEstimate(experiment.widths, settings.seeds, shortfall=missing)
        rows = tuple(unjudged(scheme.name, each, nothing) for each in predicted)
        return Checked(scheme, k, experiment, None, rows, Control("", rows))
    check_network(experiment, available_memory())
    measurement = program_sizes(experiment, progress)

    def verdicts(predicted: Sequence[Prediction]) -> tuple[VerdictRow, ...]:
        """By the trained widths, and by those far beyond."""
        return settled(judged(scheme.name, predicted, measurement), predicted, measurement.configuration)

    no_population = far_refusal(experiment)
    # The better control breaks an assumption, if the scheme has a sum to get wrong. Without a population a prediction
    # that is too large cannot FAIL, and with one it may not where steps are signs.
    controls = {
        ALIGNMENT: predictions(scheme, settings.steps, FALSE_ASSUMPTION),
        **({} if no_population else {LARGER: [moved(each, SHIFT) for each in own]}),
        SMALLER: [moved(each, -SHIFT) for each in own],
    }
    for assumption, supposed in controls.items():
        control = Control(assumption, verdicts(differing(supposed, own)))
        if control.verdict is Verdict.FAIL:
            break
    return Checked(scheme, k, experiment, measurement, verdicts(predicted), control, no_population)
