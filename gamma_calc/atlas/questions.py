"""What is asked of a scheme, so that the answer can be set beside a published claim: a closed set of questions.

    largest c                       the largest value of a free exponent where a condition holds
    solution c                      its one value there
    region stable                   where a condition holds
    exponent Z_A                    the exponent of a quantity, after some steps or once it has settled
    onset efficient                 the step from which a condition holds

A condition is one of the scheme's own, or says which quantities stay bounded and which of them keep moving. Nothing
here knows what was published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from gamma_calc.algebra import Affine, Exponent, Region
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.cells import decision_by_parts
from gamma_calc.analysis.conditions import STABLE, Condition, conditions_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import free_exponents
from gamma_calc.analysis.largest_rates import largest_rate
from gamma_calc.calculus.citations import THIS, Citation
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.differences import before_step
from gamma_calc.program.expressions import At, Expression, Moment, Scaled
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.update_expressions import Norm

SETTLED = 9
"""Steps within which the exponents of a run have to settle, where a question names no number of steps."""
NORM_OF = "norm of "
"""Before a quantity: its Frobenius norm, up to constants any norm of a matrix of fixed rank or of a fixed side."""
WIDTH = "n"
"""What the constant part of an exponent is the power of."""


class QuestionKind(Enum):
    """What a question asks for."""

    LARGEST = "largest"
    SOLUTION = "solution"
    REGION = "region"
    EXPONENT = "exponent"
    ONSET = "onset"


@dataclass(frozen=True, slots=True)
class Subject:
    """A scheme, in words too, and the alignments that its source supposes in place of the calculus's own."""

    words: str
    scheme: Scheme
    policy: Policy = CALCULUS

    def at(self, values: dict[str, Affine]) -> Subject:
        """The subject with some free exponents replaced, exactly.

        Raises:
            BadInput: a name is not free in its scheme.
        """
        return replace(self, scheme=self.scheme.at(values))


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a subject.

    `of` is the free exponent, the quantity or the condition that is asked about. `condition` is the scheme's own one of
    that name, or the one that `bounded` and `reached` make. `steps` is the number of steps (0: as initialised; None:
    every step, and of an exponent the settled one). `at` sets free exponents first; `onto` are those that a region is
    told in, whatever the others are. Of the answer, `less` takes away that of another subject, and `per` keeps the
    coefficient of one free exponent ("n": the constant). With `minus` the answer is x where the exponent is -x, as
    sources have it that write n^(-x).
    """

    kind: QuestionKind
    of: str
    condition: str = STABLE.name
    bounded: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    steps: int | None = None
    at: tuple[tuple[str, Affine], ...] = ()
    onto: tuple[str, ...] = ()
    less: str = ""
    per: str = ""
    minus: bool = False

    def __str__(self) -> str:
        holds = f", bounded: {', '.join(self.bounded)}" if self.bounded else f" where {self.condition}"
        words = [f"{'minus ' if self.minus else ''}{self.kind.value} {self.of}"]
        words += [holds] if self.kind in (QuestionKind.LARGEST, QuestionKind.SOLUTION) or self.bounded else []
        words += [f", moving: {', '.join(self.reached)}"] if self.reached else []
        words += [f" in {', '.join(self.onto)}"] if self.onto else []
        words += [] if self.steps is None else [f" after {self.steps} step{'' if self.steps == 1 else 's'}"]
        words += [f" at {', '.join(f'{name} = {value}' for name, value in self.at)}"] if self.at else []
        words += [f", less that of {self.less}"] if self.less else []
        return "".join([*words, *([f", per {self.per}"] if self.per else [])])


Answer = Region | Exponent


def answer_to(question: Question, subject: Subject, other: Subject | None = None) -> Answer:
    """What the rules say; `other` is the subject whose answer is taken away.

    Raises:
        Unknown: they do not decide it.
        BadInput: the subject has no such quantity, condition or free exponent.
    """
    found = _answer(question, subject)
    if other is not None:
        at = tuple((name, value) for name, value in question.at if name in other.scheme.free)
        taken = _answer(replace(question, at=at), other)
        found = Exponent.of(_form(found) - _form(taken), subject.scheme.domain)
    if question.per:
        form = _form(found)
        found = Exponent.of(form.constant if question.per == WIDTH else form.coefficient(question.per))
    return Exponent.of(-_form(found), found.domain) if question.minus and isinstance(found, Exponent) else found


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on: the run that was derived, and the decision on the condition, where there is one."""

    run: Trajectory
    decision: Decision | None = None


def evidence(question: Question, subject: Subject) -> Evidence:
    """What the answer to a question rests on."""
    subject = subject.at(dict(question.at))
    if question.kind is QuestionKind.EXPONENT:
        return Evidence(_run(subject, question.of, question.steps))
    return _decided(subject, _condition(question, subject.scheme), question.steps)


def _answer(question: Question, subject: Subject) -> Answer:
    found = evidence(question, subject)
    if found.decision is None:
        return _exponent(found.run, question.of, question.steps)
    made = found.decision
    if made.status is Status.UNKNOWN:
        raise Unknown(made.reason)
    match question.kind:
        case QuestionKind.ONSET:
            if made.onset is None:
                raise Unknown(f"{question.of} never holds")
            return Exponent.of(made.onset)
        case QuestionKind.REGION:
            names = [name for name in made.region.free if question.onto and name not in question.onto]
            return made.region.projected_out(names)
        case QuestionKind.SOLUTION:
            return _solution(question.of, made.region)
    return _largest(question.of, made.region, subject.scheme)


def _exponent(run: Trajectory, quantity: str, steps: int | None) -> Exponent:
    """The exponent of a quantity after some steps of a run, or the settled one."""
    if steps is None and run.settled_from is None:
        raise Unknown(f"{quantity} has not settled after {len(run.steps)} steps")
    if run.cut:
        raise Unknown(run.cut)
    size = run.upto(max(1, SETTLED if steps is None else steps))[-1].sizes[quantity]
    if not size.is_exact:
        raise Unknown(f"of {quantity} the rules know a bound only: {size}")
    return size.upper


@lru_cache(maxsize=256)
def _run(subject: Subject, quantity: str, steps: int | None) -> Trajectory:
    """The run in which a quantity is looked at; "gradient of W", "change of W" and the norm of any are some, too.

    "relative change of W" is a step by the size of the entries that W starts with.

    Raises:
        BadInput: there is no such quantity.
    """
    scheme, policy = subject.scheme, subject.policy
    program = _looking_at(program_of(scheme), (quantity,), is_initial=steps == 0)
    return trajectory(program, steps or SETTLED, scheme.domain & policy.domain, policy)


@lru_cache(maxsize=256)
def _looking_at(program: Program, names: tuple[str, ...], *, is_initial: bool) -> Program:
    """The program in which some quantities are looked at: as they are before the first step, if that is asked."""
    if not is_initial and all(name in program.quantities for name in names):
        return program
    found = {name: _looked_at(program, name) for name in names}
    moments = {name: before_step(each) if is_initial else each for name, each in found.items()}
    return replace(program, quantities=moments)


def _looked_at(program: Program, quantity: str) -> Expression:
    if quantity.startswith(NORM_OF):
        return Norm((_looked_at(program, quantity.removeprefix(NORM_OF)),))
    weights = {weight.name: weight for weight in program.gradients}
    derived = {f"gradient of {name}": program.gradients[weight] for name, weight in weights.items()}
    changes = {name: At(weight, Moment.CHANGE) for name, weight in weights.items()}
    derived |= {f"change of {name}": change for name, change in changes.items()}
    derived |= {
        f"relative change of {weight.name}": Scaled("1/entries", -weight.initial, changes[weight.name])
        for weight in program.gradients
        if weight.initial is not None
    }
    derived |= {name: At(weight, Moment.CURRENT) for name, weight in weights.items()}
    known = {**derived, **program.quantities}
    if quantity not in known:
        raise BadInput("quantity", found=quantity, expected=f"one of {', '.join(known)}", choices=known)
    return known[quantity]


def _condition(question: Question, scheme: Scheme) -> Condition:
    if question.bounded:
        return Condition(question.of, question.bounded, question.reached, Citation(THIS, "as the claim states it"))
    name = question.of if question.kind in (QuestionKind.REGION, QuestionKind.ONSET) else question.condition
    conditions = {each.name: each for each in conditions_of(scheme.model)}
    if name not in conditions:
        raise BadInput("condition", found=name, expected=f"one of {', '.join(conditions)}", choices=conditions)
    return conditions[name]


@lru_cache(maxsize=256)
def _decided(subject: Subject, condition: Condition, steps: int | None) -> Evidence:
    scheme, policy = subject.scheme, subject.policy
    names = (*condition.bounded, *condition.reached)
    program, domain = _looking_at(program_of(scheme), names, is_initial=steps == 0), scheme.domain & policy.domain
    horizon = steps if steps is None else max(1, steps)
    bound = bounded(program, condition.bounded, domain, horizon, policy)
    free = free_exponents(scheme, policy)
    return Evidence(bound.run, decision_by_parts(program, condition, bound, Region.of(domain), horizon, policy, free))


def _largest(name: str, region: Region, scheme: Scheme) -> Exponent:
    """The largest value of a free exponent, whatever the other rates are."""
    convex = region.projected_out([rate for rate in scheme.rates if rate != name]).convex()
    if convex is None:
        raise Unknown(f"the region is not convex: {region}")
    found = largest_rate(name, convex)
    if found.bounds is None:
        raise Unknown(found.reason)
    if len(found.bounds) > 1:
        raise Unknown(f"the largest {name} is {found.value}, more than one form")
    return Exponent.of(found.bounds[0], found.valid_on)


def _solution(name: str, region: Region) -> Exponent:
    """The one value of a free exponent on a region."""
    shadow = region.projected_out([other for other in region.free if other != name]).convex()
    values = set() if shadow is None or shadow.is_empty else {shadow.minimum(Affine.symbol(name))}
    values |= {shadow.maximum(Affine.symbol(name))} if values and shadow is not None else set()
    if len(values) != 1 or None in values:
        raise Unknown(f"{name} has not one value: {region}")
    (value,) = values
    assert value is not None
    return Exponent.of(value)


def _form(answer: Answer) -> Affine:
    if isinstance(answer, Exponent) and len(answer.pieces) == 1:
        return answer.pieces[0]
    raise Unknown(f"{answer} is not one affine form")
