"""The trace: every rule application of a derivation, recorded as it happens. The trace is the proof."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gamma_calc.calculus.components import Component, Term, by_parity
from gamma_calc.calculus.rules import Rule
from gamma_calc.errors import TooLong
from gamma_calc.program.expressions import Expression
from gamma_calc.program.terms import Label

_put = object.__setattr__


@dataclass(frozen=True, slots=True)
class TraceSubject:
    """What a conclusion is about: the term of an expression that carries a label, at step t."""

    expression: Expression
    label: Label
    t: int


@dataclass(frozen=True, slots=True)
class Application:
    """A rule applied to premises, and what it concludes.

    `of` applies the rule. Whoever claims a conclusion instead has the rule applied again, and compared.

    Raises:
        ValueError: the rule does not apply to the premises, or concludes something else than is claimed.
    """

    rule: Rule
    subject: TraceSubject
    premises: tuple[Any, ...]
    conclusion: Term

    @classmethod
    def of(cls, rule: Rule, subject: TraceSubject, *premises: Any) -> Application:
        """The application with what the rule concludes; nothing else was claimed, so nothing is left to compare."""
        application = object.__new__(cls)
        _put(application, "rule", rule)
        _put(application, "subject", subject)
        _put(application, "premises", premises)
        _put(application, "conclusion", rule.conclude(*premises))
        return application

    def __post_init__(self) -> None:
        proved = self.rule.conclude(*self.premises)
        if proved != self.conclusion:
            raise ValueError(f"{self.rule.name} does not conclude what was claimed of {self.subject}")


@dataclass(slots=True)
class Trace:
    """Rule applications in the order in which they were made.

    None concludes more than `most` components, or numbers of a parity. The numbers of an exponent are its pieces times
    its free exponents. `longest` is how many applications there may be.
    """

    applications: list[Application] = field(default_factory=list)
    most: int | None = None
    longest: int | None = None

    def concluded(self, rule: Rule, subject: TraceSubject, *premises: Any) -> Term:
        """What a rule concludes from its premises; the application is recorded.

        Raises:
            TooLong: the conclusion has too many numbers, or there are too many applications.
        """
        if self.longest is not None and len(self.applications) >= self.longest:
            raise TooLong
        application = Application.of(rule, subject, *premises)
        if self.most is not None and _is_longer(application.conclusion, self.most):
            raise TooLong
        self.applications.append(application)
        return application.conclusion


@lru_cache(maxsize=16384)
def _is_longer(term: Term, most: int) -> bool:
    """Whether a term has more components, or some parity of it more numbers."""
    if len(term) > most:
        return True
    return _numbers(term) > most and any(_numbers(alike) > most for alike in by_parity(term).values())


def _numbers(components: Iterable[Component]) -> int:
    """The pieces of some components, times their free exponents."""
    sizes = [each.size.upper for each in components]
    return sum(len(each.pieces) for each in sizes) * len({name for each in sizes for name in each.free})
