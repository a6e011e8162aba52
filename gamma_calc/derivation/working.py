"""How the value of a rule application comes about: the sum or the maximum that its premises give, in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.policy import Policy, Summation
from gamma_calc.calculus.rules import PRODUCT, RAW_STEP, SCALE, SUM, Component, Term, total
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.derivation.blocks import Claim
from gamma_calc.derivation.symbols import gradient_symbol, parity_latex, rate_symbol
from gamma_calc.program.expressions import At, Trained

ADDING = (SCALE, RAW_STEP, PRODUCT)
"""Rules that add the exponents of their premises."""


def claims(application: Application, subject: str, direction: str = "", *, shows_parities: bool) -> tuple[Claim, ...]:
    """What an application says of a subject as it is written, one claim a parity where it proves several of one term.

    `direction` is how what a step is made from is written, where it is not the raw gradient. `shows_parities` tells
    apart the applications of a sum whose factors have several components.
    """
    conclusion = application.conclusion
    if shows_parities:
        pair = [premise for premise in application.premises if isinstance(premise, Component)]
        subject += r";\ " + r" \cdot ".join(parity_latex(component.provenance) for component in pair)
    if len(conclusion) < 2 or not application.subject.label:
        return (_claim(subject, application, direction, total(conclusion), None),)
    return tuple(
        _claim(rf"{subject};\ {parity_latex(component.provenance)}", application, direction, component.size, component)
        for component in conclusion
    )


def _claim(subject: str, application: Application, direction: str, size: Size, component: Component | None) -> Claim:
    result = size.upper.latex()
    steps = [step for step in _steps(application, direction, component) if step != result]
    return Claim(subject, size.is_exact, (*steps, result))


def _steps(application: Application, direction: str, component: Component | None) -> Iterable[str]:
    """What stands between a subject and its value; of one component, what the premises of its parity contribute."""
    match application.premises:
        case (Component() as left, Component() as right, Summation() as part, Policy() as policy):
            yield added([left.size, right.size, Size.exactly(policy.gain(part).upper)])
        case (Exponent() as rate, Exponent() as decay, tuple() as term):
            yield added([Size.exactly(rate), Size.exactly(decay), _part(term, component)])
        case (Exponent() as rate, tuple() as term):
            if isinstance(application.subject.expression, At):
                yield _update(application.subject.expression.tensor, direction, application)
            if application.rule in ADDING:
                yield added([Size.exactly(rate), _part(term, component)])
        case premises if premises and all(isinstance(premise, tuple) for premise in premises):
            sizes = [_part(premise, component) for premise in premises]
            if application.rule is PRODUCT:
                yield added(sizes)
            elif application.rule is SUM:
                yield greatest(sizes)


def _update(tensor: Trained, direction: str, application: Application) -> str:
    """An update in symbols: its rate, and the gradient or the direction made from it where its size counts."""
    rate, t = rf"\gamma[{rate_symbol(tensor.name).latex()}]", application.subject.t
    source = direction or gradient_symbol(tensor.name).at(str(t - 1)).latex()
    return rf"{rate} + \gamma[{source}]" if application.rule in ADDING else rate


def _part(term: Term, component: Component | None) -> Size:
    """The size of a term, or of its components with the parity of the given one."""
    if component is None:
        return total(term)
    parity = component.provenance.parity
    return total(each for each in term if each.provenance.parity == parity)


def added(sizes: Sequence[Size]) -> str:
    r"""Exponents added up, in the order of the factors.

    >>> from gamma_calc.algebra import Affine
    >>> print(added([Size.exactly(Exponent.of(0)), Size.exactly(Exponent.of(Affine.symbol("eta") + 1))]))
    0 + (\eta + 1)
    """
    return " + ".join(_bracketed(size.upper, is_first=not place) for place, size in enumerate(sizes))


def greatest(sizes: Sequence[Size]) -> str:
    """The largest of some exponents, as one maximum over all their affine forms."""
    pieces = dict.fromkeys(piece for size in sizes for piece in size.upper.pieces)
    texts = [piece.latex() for piece in sorted(pieces, key=str)]
    return texts[0] if len(texts) == 1 else rf"\max({', '.join(texts)})"


def _bracketed(exponent: Exponent, *, is_first: bool) -> str:
    """An exponent as a summand: in brackets where it is a sum itself, or where its sign follows another one."""
    text = exponent.latex()
    is_sum = len(exponent.pieces) == 1 and len(exponent.pieces[0].terms) + bool(exponent.pieces[0].constant) > 1
    return f"({text})" if is_sum or (text.startswith("-") and not is_first) else text
