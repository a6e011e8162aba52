"""The law of the steps after a run in words: what its parts become in t steps, what follows, and how fast it grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.plain import Forms, Json
from gamma_calc.certificate.checker import CheckedRun, Family, Law
from gamma_calc.certificate.parts import ZERO


def bounded_names(premises: Json) -> tuple[str, ...]:
    """What some condition bounds."""
    return tuple(dict.fromkeys(name for each in premises["conditions"].values() for name in each["bounded"]))


def one_of(what: str, texts: Sequence[str]) -> str:
    """The largest or the least of some texts."""
    ordered = sorted(dict.fromkeys(texts))
    return ordered[0] if len(ordered) == 1 else f"{what}({', '.join(ordered)})" if ordered else "-oo"


def law_texts(run: CheckedRun) -> Iterator[str]:
    """What every later step does, where that is proved; and what the bounded quantities gain a step in the long run."""
    law = run.law
    if law is None:
        return
    names, least, after = _names(run), "" if law.is_exact else "at least ", len(run.steps) - 1
    parts = [f"{name} {one_of('max', [*map(_family, law.families.get(i, []))])}" for i, name in enumerate(names)]
    yield f"t steps after step {after}: {least}{'; '.join(parts)}"
    if not run.is_settled:
        made = {of: _pieces(law, of) for of in bounded_names(run.data)}
        most = {of: "<= " if law.is_exact and not _is_known(law, of) else "" for of in made}
        sizes = [f"{of} {most[of]}{one_of('max', [_product(each, law, names) for each in made[of]])}" for of in made]
        yield f"one step more: {least}{'; '.join(sizes)}"
        grown = [f"{of} {most[of]}{one_of('max', [*map(str, growth(law, made[of]))])}" for of in made]
        yield f"growth per step: {least}{', '.join(grown)}"


def _pieces(law: Law, of: str) -> Forms:
    """What a quantity is the largest of, or some of what it is at least."""
    least, most = law.looked_at[of].bounds
    return most if law.is_exact else tuple(least[i] for i in law.quantities[of])


def _is_known(law: Law, of: str) -> bool:
    """Whether a quantity is known of a state that is: it may be a sum whose alignment is not."""
    least, most = law.looked_at[of].bounds
    return {*least} == {*most}


def growth(law: Law, pieces: Forms) -> list[Affine]:
    """What products of parts gain a step in the long run: the largest of these, means of two of which are left out.

    A part grows as the largest mean of the cycles that its families turn, or not at all, and a product as its factors.
    """
    means = [_means(law.families.get(i, [])) for i in range(len(law.x))]
    found = dict.fromkeys(
        sum(choice, ZERO) for piece in pieces for choice in product(*(means[i] for i in law.factors(piece)))
    )
    return [each for each in found if not any(a + b == each * 2 for a in found for b in found if a != b)]


def _means(every: Sequence[Family]) -> list[Affine]:
    means = {turn / steps: None for _, _, turns in every for turn, steps in turns}
    return [*dict.fromkeys((ZERO, *means))] if every else []


def _names(run: CheckedRun) -> list[str]:
    """The parts of the state, those of a tensor numbered where there are several."""
    return [
        name if len(run.state[name]) == 1 else f"{name}[{place}]"
        for name in run.data["next"]
        for place, _ in enumerate(run.state[name], 1)
    ]


def _product(piece: Affine, law: Law, names: Sequence[str]) -> str:
    factors = law.factors(piece)
    rest = sum((-law.x[i] for i in factors), piece)
    return " + ".join([*sorted(names[i] for i in factors), *([str(rest)] if rest != ZERO or not factors else [])])


def turns_letter(*forms: Affine) -> str:
    """A letter for a number of turns, which no free exponent of some forms has: k if it can be.

    >>> turns_letter(Affine.symbol("k"), Affine.symbol("eta"))
    'j'
    """
    return next(letter for letter in "kjmpqrsuvwxyz" if not any(letter in form.free for form in forms))


def _family(family: Family) -> str:
    """The sums of a family, and the steps that they take.

    >>> print(_family((ZERO, 1, ((Affine.symbol("eta"), 2),))))
    k*(eta) for 2*k <= t - 1
    """
    base, length, turns = family
    if not turns:
        return f"{base} from t = {length} on" if length else str(base)
    letter = turns_letter(base, *(turn for turn, _ in turns))
    names = [letter] if len(turns) == 1 else [f"{letter}{place}" for place, _ in enumerate(turns, 1)]
    terms = [f"{k}*({turn})" for k, (turn, _) in zip(names, turns, strict=True)]
    times = [k if steps == 1 else f"{steps}*{k}" for k, (_, steps) in zip(names, turns, strict=True)]
    turned = " + ".join([str(base)] * (base != ZERO) + terms)
    return f"{turned} for {' + '.join(times)} <= t{f' - {length}' if length else ''}"
