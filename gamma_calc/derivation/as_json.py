"""Answers as plain data, in the form that scripts and other programs rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gamma_calc.algebra import Exponent, Inequality
from gamma_calc.analysis.caveats import caveats
from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.derivation import Derivation, free_exponents
from gamma_calc.analysis.horizon import HorizonLaw
from gamma_calc.analysis.largest_rates import FrontierPiece, LargestRate
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.calculus.components import total
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import ExponentStep, Trajectory
from gamma_calc.calculus.trace import Application
from gamma_calc.derivation.notation import Notation
from gamma_calc.maxplus.cycle_time import LeastGrowth
from gamma_calc.maxplus.horizon_families import HorizonFamily
from gamma_calc.program.scheme import Scheme

SCHEMA = 1
FEWEST_STEPS = 4
"""Steps that a derivation shows where it knows so many."""

Json = dict[str, Any]


def shown_steps(run: Trajectory) -> tuple[ExponentStep, ...]:
    """The steps that a derivation shows: all that are known, and of a run that settles early some that repeat."""
    known = len(run.steps)
    return run.upto(known if run.settled_from is None else max(FEWEST_STEPS, known))


def exponents_json(scheme: Scheme, run: Trajectory, steps: Sequence[ExponentStep]) -> Json:
    """The exponents of a scheme at some steps of a run."""
    return {
        "schema": SCHEMA,
        "scheme": scheme.name,
        "optimizer": scheme.optimizer.name,
        "free": list(free_exponents(scheme, run.policy)),
        **policy_json(run.policy),
        "steps": [
            {"t": step.t, **{name: str(size.upper) for name, size in step.sizes.items()}, "upper": list(step.upper)}
            for step in steps
        ],
        "caveats": list(caveats(scheme, run)),
    }


def derivation_json(found: Derivation) -> Json:
    """A derivation with everything that its exponents have: conditions, largest rates, and the trace in order."""
    notation = Notation(found.run.program)
    # Beside the run on the whole domain: what every step count rests on where that does not settle.
    further = {run.domain: run for bound in found.bounds.values() for run in bound.runs[1:]}
    return exponents_json(found.scheme, found.run, shown_steps(found.run)) | {
        "settled_from": found.run.settled_from,
        "unknown": found.run.cut or None,
        "conditions": {name: condition_json(each) for name, each in found.decisions.items()},
        "max_stable": {name: largest_json(rate) for name, rate in found.max_stable.items()},
        "frontier": None if found.frontier is None else [_edge(edge) for edge in found.frontier],
        "at_max": {name: str(size.upper) for name, size in found.at_max.items()},
        "at_max_upper": [name for name, size in found.at_max.items() if not size.is_exact],
        "undertrained": list(found.undertrained),
        "growth": {name: str(each) if isinstance(each, Exponent) else None for name, each in found.growth.items()},
        **_growth_at_least(found),
        "horizons": {name: _horizon(law) for name, law in found.horizons.items()},
        "assumptions": [{"key": each.key, "text": each.text} for each in found.assumptions],
        "rules": [application_json(each, notation) for each in found.run.applications],
        "runs": [_run(run, notation) for run in further.values()],
    }


def _run(run: Trajectory, notation: Notation) -> Json:
    """A run on a part of the domain."""
    return {
        "where": str(run.domain),
        "settled_from": run.settled_from,
        "rules": [application_json(each, notation) for each in run.applications],
    }


def _growth_at_least(found: Derivation) -> Json:
    """What is known of the growth where it is only bounded from below, where there is such a quantity."""
    least = {name: each for name, each in found.growth.items() if isinstance(each, LeastGrowth)}
    written = {
        name: {
            "value": str(each.least),
            "faster_than_any_power_where": [str(Inequality(form, strict=True)) for form in each.faster],
            "zero_where": str(each.still),
        }
        for name, each in least.items()
    }
    return {"growth_at_least": written} if written else {}


def policy_json(policy: Policy) -> Json:
    """What an answer supposes otherwise than the calculus, where it does."""
    alignments = {kind.value: str(coefficient) for kind, coefficient in policy.coefficients}
    without = sorted(assumption.key for assumption in policy.without)
    return ({"align": alignments} if alignments else {}) | ({"without": without} if without else {})


def condition_json(decision: Decision) -> Json:
    """What is known of a condition."""
    return {
        "region": str(decision),
        "onset": decision.onset,
        "holds": decision.holds,
        "status": decision.status.value,
        "reason": decision.reason,
    }


def largest_json(rate: LargestRate) -> Json:
    """The largest stable value of a rate."""
    return {
        "value": rate.value,
        "attained": rate.attained,
        "valid_on": str(rate.valid_on),
        "reason": rate.reason,
    }


def _horizon(law: HorizonLaw | str) -> Json:
    """The exponents that must not be positive for T steps, and the largest stable rate as a function of T."""
    if isinstance(law, str):
        return {"families": None, "max_stable": {}, "reason": law}
    rate = law.largest
    return {
        "families": [_family(family) for family in law.families],
        "max_stable": {} if isinstance(rate, str) else {rate.rate: _rate_law(rate)},
        "reason": rate if isinstance(rate, str) else "",
        **({"where": str(law.domain), "elsewhere": law.elsewhere} if law.elsewhere else {}),
    }


def _family(family: HorizonFamily) -> Json:
    turns = {"cycle": str(family.cycle), "most": family.most_text, "since": family.start}
    return {"base": str(family.base), "turns": [turns] if family.is_turning else [], "from": family.start}


def _rate_law(law: RateLaw) -> Json:
    return {
        "value": str(law),
        "since": law.since,
        "early": [None if each is None else str(each) for each in law.early],
        "limit": "-oo" if law.limit is None else str(law.limit),
        "attained_at": law.attained_at,
    }


def _edge(edge: FrontierPiece) -> Json:
    return {
        "line": str(edge.line),
        "where": str(edge.where),
        "endpoints": [{name: str(value) for name, value in end.items()} for end in edge.endpoints],
    }


def application_json(application: Application, notation: Notation) -> Json:
    """A rule application, in a program's notation."""
    size = total(application.conclusion)
    return {
        "t": application.subject.t,
        "subject": notation.subject(application.subject),
        "rule": application.rule.name,
        "source": str(application.rule.source),
        "assumptions": [assumption.key for assumption in application.rule.assumptions],
        "conclusion": str(size.upper),
        "upper": not size.is_exact,
    }
