"""The law of every finite horizon, to read: in words for a terminal, and as a section of a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gamma_calc.algebra import Affine, Exponent, Inequality, name_latex
from gamma_calc.algebra.notation import rational_latex
from gamma_calc.analysis.horizon import HorizonLaw
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.certificate.law_words import turns_letter
from gamma_calc.derivation.conditions import spaced
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.derivation.texts import prose
from gamma_calc.document.blocks import Column, Math, Paragraph, PrintedBlock, Table, Text, joined, typeset
from gamma_calc.maxplus.cycle_time import LeastGrowth
from gamma_calc.maxplus.horizon_families import HorizonFamily

MOST_WRITTEN = 12
"""Families of one law that a terminal shows."""

MOST_IN_LINE = 3
"""Families that a terminal shows on one line."""

Laws = Mapping[str, HorizonLaw | str]
Growth = Mapping[str, Exponent | LeastGrowth | str]


def growth_lines(growth: Growth) -> Iterator[str]:
    """What the quantities gain a step in the long run, where any gains something."""
    known = {name: each for name, each in growth.items() if isinstance(each, Exponent)}
    if any(each.pieces not in ((Affine.of(0),), ()) for each in known.values()):
        yield f"growth per step: {', '.join(f'{name} {each}' for name, each in known.items())}"
    for name, each in growth.items():
        if isinstance(each, LeastGrowth):
            yield f"growth per step: {name} {each}"


def growth_blocks(growth: Growth) -> tuple[PrintedBlock, ...]:
    """The same, as a paragraph."""
    known = {name: each for name, each in growth.items() if isinstance(each, Exponent)}
    least = tuple(_least_growth(name, each) for name, each in growth.items() if isinstance(each, LeastGrowth))
    if all(each.pieces in ((Affine.of(0),), ()) for each in known.values()):
        return least
    gains: list[Text] = [(Math(quantity_latex(name)), " by ", Math(each.latex())) for name, each in known.items()]
    means = "the largest means of the cycles that feed them, as often as they enter"
    return (Paragraph(("In the long run the exponents grow a step, ", *joined(gains), f": {means}.")), *least)


def _least_growth(name: str, growth: LeastGrowth) -> PrintedBlock:
    """What is known of a quantity whose growth is only bounded from below."""
    gain = typeset(f"In the long run ${quantity_latex(name)}$ grows a step by at least ${growth.least.latex()}$")
    forms: list[Text] = [(Math(Inequality(each, strict=True).latex()),) for each in growth.faster]
    fast: Text = (", and faster than any fixed power where ", *joined(forms, ", ", " or ")) if forms else ()
    still = "" if growth.still.is_empty else f"; it does not grow where ${growth.still.latex()}$"
    return Paragraph((*gain, *fast, *typeset(f"{still}.")))


def telling(laws: Laws) -> Laws:
    """The laws that say more than the region for every step count: what T steps ask goes on changing with T."""
    return {name: law for name, law in laws.items() if isinstance(law, str) or law.elsewhere or not _is_constant(law)}


def _is_constant(law: HorizonLaw) -> bool:
    if isinstance(law.largest, RateLaw):
        return law.largest.is_constant
    return not any(family.is_turning for family in law.families)


def horizon_lines(laws: Laws) -> Iterator[str]:
    """One line a condition whose bound goes on changing with the number of steps T, where the law is known."""
    for name, law in telling(laws).items():
        if not isinstance(law, str):
            where = f" where {law.domain}" if law.elsewhere else ""
            rest = f"; elsewhere unknown ({law.elsewhere})" if law.elsewhere else ""
            yield f"{name} for T steps{where}:{_law(law)}{rest}"


def _law(law: HorizonLaw) -> str:
    """What T steps ask, behind a colon: on the same line, or on lines of their own where it is much."""
    if isinstance(law.largest, RateLaw):
        return f" {law.largest.statement}"
    texts = [_family(family) for family in law.families[:MOST_WRITTEN]]
    left = len(law.families) - len(texts)
    more = [f"and {left} more, which --json gives"] if left else []
    if len(texts) <= MOST_IN_LINE:
        return f" {' and '.join(texts) or 'always'}"
    return "".join(f"\n  {text}" for text in [*texts, *more])


def _family(family: HorizonFamily) -> str:
    """What a family asks: that its exponents are not positive, for any number of turns."""
    base = [str(family.base)] if family.base != Affine.of(0) else []
    asked = str(Inequality(-family.base))
    notes = [f"T >= {family.start}"] if family.start > 1 else []
    if family.is_turning:
        turns = turns_letter(family.base, family.cycle)
        asked = f"{' + '.join([*base, f'{turns}*({family.cycle})'])} <= 0"
        notes = [f"{turns} <= {family.most_text}", *notes]
    return f"{asked} ({', '.join(notes)})" if notes else asked


def horizon_blocks(laws: Laws) -> tuple[PrintedBlock, ...]:
    """What T steps ask for each condition, and the largest stable rate as a function of T."""
    return tuple(block for name, law in telling(laws).items() for block in _blocks(spaced(name), law))


def _blocks(name: str, law: HorizonLaw | str) -> Iterator[PrintedBlock]:
    if isinstance(law, str):
        yield Paragraph((f"What makes T steps {name} is not known: ", *prose(law), "."))
        return
    if law.elsewhere:
        where = typeset(f"What follows holds where ${law.domain.latex()}$; elsewhere ")
        yield Paragraph((*where, *prose(law.elsewhere), "."))
    if not law.families:
        yield Paragraph((f"Any number of steps is {name}.",))
        return
    yield Paragraph(typeset(f"A run of $T$ steps is {name} if and only if none of these exponents is positive:"))
    rows = tuple(_row(family) for family in law.families)
    columns = (Column("exponent", share=500), Column("turns", share=340), Column("steps", share=160))
    yield Table(columns, rows)
    if isinstance(law.largest, RateLaw):
        yield Paragraph(_sentence(law.largest))


def _row(family: HorizonFamily) -> tuple[Text, ...]:
    terms = [] if family.base == Affine.of(0) else [family.base.latex()]
    turns: Text = ("none",)
    if family.is_turning:
        letter = turns_letter(family.base, family.cycle)
        terms.append(rf"{letter}\,({family.cycle.latex()})")
        turns = (Math(rf"0 \le {letter} \le {family.most_latex}"),)
    return (Math(" + ".join(terms or ["0"])),), turns, (Math(rf"T \ge {family.start}"),)


def _sentence(law: RateLaw) -> Text:
    whole = rf"The largest stable ${name_latex(law.rate)}$ is ${law.latex()}$ for all $T \ge {law.since}$"
    for steps, value in enumerate(law.early, 1):
        bound = "every value is stable" if value is None else f"it is ${rational_latex(value)}$"
        whole += f"; {bound} for $T = {steps}$"
    if law.attained_at is not None:
        return typeset(f"{whole}.")
    limit = r"-\infty" if law.limit is None else rational_latex(law.limit)
    return typeset(f"{whole}. Its limit is ${limit}$, which no number of steps attains.")
