"""The questions a person asks of schemes, and the answers as notebooks and scripts see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any, Literal

from gamma_calc.algebra import name_latex
from gamma_calc.analysis.caveats import caveats
from gamma_calc.analysis.conditions import STABLE, factors_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation, derived, free_exponents
from gamma_calc.analysis.largest_rates import LargestRate
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import ExponentStep, Open, Trajectory, best_trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.derivation.advice import advice
from gamma_calc.derivation.as_json import derivation_json, exponents_json
from gamma_calc.derivation.conditions import spaced
from gamma_calc.derivation.document import document
from gamma_calc.derivation.horizons import growth_lines, horizon_lines
from gamma_calc.derivation.short import shortened
from gamma_calc.derivation.suppositions import Alignments, scheme_and_policy
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.document.blocks import Document
from gamma_calc.document.latex import latex_document, latex_fragment
from gamma_calc.document.markdown import markdown_document
from gamma_calc.document.tables import COLUMNS, fitted, html_table, layer_rows, step_rows, text_table
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.numbers import LONGEST, whole_number
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, Values

STEPS = 4


@dataclass(frozen=True, slots=True)
class Exponents:
    """The exponents of a scheme at steps 1 to `horizon`.

    Fewer steps than were asked for are known where the exponents grow too long; then `unknown` says so.

    >>> found = exponents("init-a", steps=2)
    >>> print(found[2].sizes["Z_B"])
    max(2*eta + 1, eta)
    """

    scheme: Scheme
    run: Trajectory
    horizon: int
    unknown: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """It is pickled, and copied, as what was asked, and read again."""
        return _read_again, (self.scheme, self.horizon, self.run.policy, self.unknown)

    @property
    def policy(self) -> Policy:
        """The policy under which they are derived."""
        return self.run.policy

    @property
    def title(self) -> str:
        """The scheme, its optimiser, and what is supposed otherwise than the calculus does."""
        return self.policy.titled(self.scheme.title)

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents: the scheme's, then those of the alignments that are supposed."""
        return free_exponents(self.scheme, self.policy)

    @property
    def steps(self) -> tuple[ExponentStep, ...]:
        """The steps, in order."""
        return self.run.upto(self.horizon)

    def __getitem__(self, t: int) -> ExponentStep:
        if isinstance(t, bool) or not isinstance(t, int) or not 1 <= t <= self.horizon:
            raise BadInput("step", found=t, expected=f"a whole number from 1 to {self.horizon}; all are in `steps`")
        return self.steps[t - 1]

    def __iter__(self) -> Iterator[ExponentStep]:
        return iter(self.steps)

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return exponents_json(self.scheme, self.run, self.steps) | {"unknown": self.unknown or None}

    def __repr__(self) -> str:
        return f"<exponents of {self.title}, steps 1 to {self.horizon}>"

    def __str__(self) -> str:
        lines = [f"{self.title}; free: {', '.join(self.free) or 'nothing'}", text_table(fitted(self.rows))]
        if any(step.upper for step in self.steps):
            lines.append("<= marks a value that is only bounded from above.")
        if self.run.settled_from is not None and self.run.settled_from <= self.horizon:
            bounds = any(step.upper for step in self.steps[self.run.settled_from - 1 :])
            what = "no bound changes" if bounds else "nothing changes"
            lines.append(f"From step {self.run.settled_from} on {what}.")
        lines += [f"caveat: {each}" for each in caveats(self.scheme, self.run)]
        if self.unknown:
            lines.append(f"unknown: {self.unknown}")
        return "\n".join(lines)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The exponents as rows with a header: one a step, or one a step and layer."""
        return step_rows((step.t, {name: str(size) for name, size in step.sizes.items()}) for step in self.steps)

    def _repr_latex_(self) -> str:
        header, *rows = step_rows(
            (step.t, {name: size.latex() for name, size in step.sizes.items()}) for step in self.steps
        )
        rows = [tuple(quantity_latex(name) if name != "layer" else r"\text{layer}" for name in header), *rows]
        return f"$${_array(rows)}$$"

    def _repr_html_(self) -> str:
        return html_table(self.rows)


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from a scheme, with its proof.

    >>> found = derive("init-b")
    >>> print(found.max_stable["eta"].value, found.undertrained)
    -1 ('B',)
    >>> print(found)  # doctest: +ELLIPSIS
    B hardly learns under init-b under adam, with a learning rate of n^(-1): its part of the change falls like n^(-1).
    init-b under adam, for every fixed number of steps
    stable             eta <= -1
    internally_stable  eta <= -1
    feature_learning   eta = -1   from step 1 on
    efficient          never
    largest stable eta: -1
    ...
    """

    derivation: Derivation

    @property
    def scheme(self) -> Scheme:
        """The scheme that was asked about."""
        return self.derivation.scheme

    @property
    def conditions(self) -> Mapping[str, Decision]:
        """What is known of each condition, by name."""
        return self.derivation.decisions

    @property
    def max_stable(self) -> Mapping[str, LargestRate]:
        """The largest stable value of the free rate, where there is one."""
        return self.derivation.max_stable

    def largest(self, rate: str) -> str:
        """The largest stable value of a rate in a word: also none, or unknown where the stable region is."""
        is_unknown = self.conditions[STABLE.name].status is Status.UNKNOWN
        return self.max_stable[rate].value or ("unknown" if is_unknown else "none")

    @property
    def at_max(self) -> Mapping[str, Size]:
        """The settled exponents at the largest stable rate, where nothing else is free."""
        return self.derivation.at_max

    @property
    def undertrained(self) -> tuple[str, ...]:
        """The factors that hardly learn there."""
        return self.derivation.undertrained

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return derivation_json(self.derivation)

    def latex(self, *, short: bool = False, fragment: bool = False) -> str:
        """The derivation as a LaTeX document.

        Args:
            short: without sums of one term, zeros that are added, and the tables of exponents by step.
            fragment: for \\input, without a preamble of its own.
        """
        return (latex_fragment if fragment else latex_document)(self._document(short))

    def markdown(self, *, short: bool = False) -> str:
        """The derivation as Markdown, with the content of the LaTeX document."""
        return markdown_document(self._document(short))

    def _document(self, short: bool) -> Document:
        whole = document(self.derivation)
        return shortened(whole) if short else whole

    def __repr__(self) -> str:
        return f"<derivation of {self.derivation.title}>"

    def __str__(self) -> str:
        found = self.derivation
        lines = [advice(found), f"{found.scheme.title}, for {found.length}"]
        lines.append(text_table([(name, *_condition(decision)) for name, decision in found.decisions.items()]))
        lines += [f"largest stable {name}: {self._largest_rate(name)}" for name in found.max_stable]
        lines += [f"frontier: {edge.where}" for edge in found.frontier or ()]
        lines += [*horizon_lines(found.horizons), *growth_lines(found.growth)]
        if found.at_max:
            lines.append("exponents there:")
            lines.append(text_table(fitted(layer_rows({name: str(size) for name, size in found.at_max.items()}))))
            if factors_of(found.scheme.model):
                lines.append(f"undertrained: {', '.join(found.undertrained) or 'no factor'}")
        lines.append("assumptions:")
        for assumption in found.assumptions:
            lines += wrap(str(assumption), COLUMNS, initial_indent="  ", subsequent_indent=" " * 6)
        lines += [f"caveat: {each}" for each in found.caveats]
        return "\n".join([*lines, *found.policy.lines])

    def _largest_rate(self, name: str) -> str:
        """The largest stable value of a rate, with what has to be known of it."""
        rate = self.max_stable[name]
        if rate.value is None:
            return f"{self.largest(name)} ({rate.reason})"
        value = rate.value if rate.attained else f"{rate.value} (not attained: {rate.reason})"
        return value if rate.valid_on.is_everywhere else f"{value} where {rate.valid_on}"

    @property
    def _rows(self) -> list[tuple[str, str, str]]:
        found = self.derivation
        rows = [("condition", "region", "onset")]
        rows += [(name, str(each), str(each.onset or "")) for name, each in found.decisions.items()]
        return rows + [(f"largest stable {name}", self.largest(name), "") for name in found.max_stable]

    def _repr_latex_(self) -> str:
        found = self.derivation
        rows = [(rf"\text{{{spaced(name)}}}", each.latex()) for name, each in found.decisions.items()]
        for name, rate in found.max_stable.items():
            value = rate.latex() if rate.bounds else rf"\text{{{self.largest(name)}}}"
            rows.append((rf"\text{{largest stable }}{name_latex(name)}", value))
        return f"$${_array(rows)}$$"

    def _repr_html_(self) -> str:
        return f"<p>{escape(advice(self.derivation))}</p>\n{html_table(self._rows)}"


def exponents(
    spec: Spec,
    *,
    steps: int = STEPS,
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
) -> Exponents:
    """The exponents of a scheme at steps 1 to `steps`.

    Args:
        spec: a name of the catalogue, the path of a TOML file, a `Scheme` or a `Problem`.
        steps: from 1 to 64.
        optimizer: takes the scheme under another optimiser.
        at: exact values of free exponents, such as {"eta": "-1/2"}.
        without: assumptions to do without, such as ["A3"].
        align: alignments to use instead of the calculus's own, such as {"aligned": "3/4"} or {"diluted": "alpha"}.

    Raises:
        BadInput: the scheme, a value, an assumption or the number of steps cannot be understood.
        Unknown: a rule does not say how large something is in the first step.
    """
    scheme, policy = scheme_and_policy(spec, optimizer, at, without, align)
    run = _known(scheme, whole_number("steps", steps, 1, LONGEST), policy)
    if not run.cut:
        return Exponents(scheme, run, steps)
    known = len(run.steps)
    return Exponents(scheme, run, known, f"step {known} of {steps} is the last that is computed: {run.cut}")


def _known(scheme: Scheme, steps: int, policy: Policy) -> Trajectory:
    """The run, as far as the rules say how large everything in a step is."""
    try:
        return best_trajectory(program_of(scheme), steps, scheme.domain & policy.domain, policy)
    except Open as error:
        if error.run.steps:
            return error.run
        free = () if NO_CANCELLATION in policy.without else free_exponents(scheme, policy)
        hint = (
            f" for every {' and '.join(free)}; with values it may be known, as in --at {free[0]}=-1/2" if free else ""
        )
        raise Unknown(f"{error}{hint}") from error


def _read_again(scheme: Scheme, horizon: int, policy: Policy, unknown: str) -> Exponents:
    """The exponents of so many steps, and where `unknown` says why there are no more, also what failed then."""
    return Exponents(scheme, _known(scheme, horizon + bool(unknown), policy), horizon, unknown)


def derive(
    spec: Spec,
    *,
    steps: int | Literal["all"] = "all",
    optimizer: str | None = None,
    at: Values | None = None,
    without: Collection[str] = (),
    align: Alignments | None = None,
) -> Derived:
    """What follows from a scheme for `steps` steps, or for every fixed number of steps.

    Args:
        spec, optimizer, at, without, align: as in `exponents`.
        steps: from 1 to 64, or "all".

    Raises:
        BadInput: as in `exponents`.
    """
    scheme, policy = scheme_and_policy(spec, optimizer, at, without, align)
    return derived_from(scheme, steps, policy)


def derived_from(scheme: Scheme, steps: int | Literal["all"], policy: Policy) -> Derived:
    """What follows from a scheme under a policy.

    Raises:
        BadInput: the number of steps is none.
    """
    return Derived(derived(scheme, None if steps == "all" else whole_number("steps", steps, 1, LONGEST), policy))


def _condition(decision: Decision) -> tuple[str, str]:
    """Where a condition holds, and from when on, or why not."""
    if decision.status is Status.UNKNOWN:
        return "unknown", decision.reason
    text = str(decision) if decision.holds is None else ("yes" if decision.holds else "no")
    if decision.frozen:
        return text, decision.reason
    has_onset = decision.condition.reached and decision.onset is not None
    return text, f"from step {decision.onset} on" if has_onset else ""


def _array(rows: Sequence[Sequence[str]]) -> str:
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{array}}{{{'l' * len(rows[0])}}} {body} \end{{array}}"
