"""Random schemes, suppositions and points, and which readings in numbers know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product

from hypothesis import strategies as st

from gamma_calc.algebra import Affine
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy, dispensable
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from tests.analysis import brute, brute_signs, brute_vectors
from tests.analysis.brute import HALF, Numbers, Run, Size

Point = Mapping[str, Fraction]

DISPENSABLE = ("A3", "A4", "A5", "A6", "A7", "A8", "A9")
ALIGNMENTS = (HALF, Fraction(3, 4), Fraction(1))
FREE_ALIGNMENT = "u"

halves = st.integers(-4, 2).map(lambda k: str(Fraction(k, 2)))


def forms(*names: str) -> st.SearchStrategy[str]:
    term = st.builds(lambda sign, name: f"{sign}{name}", st.sampled_from(("", "-", "2*")), st.sampled_from(names))
    return st.one_of(halves, st.builds(lambda name, constant: f"{name} + {constant}", term, halves))


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    """A scheme as a spec writes it, with every key and up to five free exponents."""
    optimizer = draw(st.sampled_from(("adam", "sign", "sgd")))
    # No reading in numbers knows what normalised steps make of a feedback at a growing rank; gradient descent on a loss
    # that feeds back has a test of its own, since its step map from unknown exponents takes long to write out.
    feeds_back = optimizer != "sgd" and draw(st.sampled_from((False, False, True)))
    ranks = ("0",) if feeds_back else ("0", "1/2", "1", "k")
    exponents = {
        "A": draw(st.one_of(st.just("zero"), forms("x"))),
        "B": draw(st.one_of(st.just("zero"), forms("x", "y", "rank"))),
        "eta_A": draw(forms("e")),
        "eta_B": draw(forms("e", "y")),
        "scale": draw(st.one_of(st.just("0"), forms("x"))),
        "rank": draw(st.sampled_from(ranks)),
        "fan_out": draw(st.sampled_from(("1", "0", "1/2", "m"))),
        "gradient": draw(st.sampled_from(("0", "-1/2", "-2"))),
        "momentum": draw(st.sampled_from(("zero", "zero", "0", "-1/2", "1/2", "b"))),
        "decay": draw(st.sampled_from(("zero", "zero", "0", "-1/2", "1", "l", "1 - e"))),
        "feedback": draw(st.sampled_from(("0", "-1", "1/2", "e", "-x"))) if feeds_back else "zero",
    }
    frozen = draw(st.sampled_from((None, None, None, "A", "B")))
    lines = [f'optimizer = "{optimizer}"', "[exponents]", *(f'{key} = "{value}"' for key, value in exponents.items())]
    lines += ["[trained]", f"{frozen} = false"] if frozen else []
    return scheme_from_text("\n".join(lines), default_name="random")


@st.composite
def policies(draw: st.DrawFn, scheme: Scheme) -> Policy:
    """Mostly the calculus itself; else alignments that are set, one of them free, or assumptions that are missing."""
    kind = draw(st.sampled_from(("none", "none", "none", "align", "without")))
    if kind == "none":
        return CALCULUS
    if kind == "without":
        return Policy(without=dispensable(draw(st.lists(st.sampled_from(DISPENSABLE), max_size=3, unique=True))))
    if scheme.form("feedback") is not None:
        return CALCULUS
    values = [Affine.of(value) for value in ALIGNMENTS]
    if scheme["rank"].is_constant and scheme["fan_out"].is_constant:
        values.append(Affine.symbol(FREE_ALIGNMENT))
    kinds = (Alignment.ALIGNED, Alignment.INDEPENDENT, Alignment.DILUTED)
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True))
    return Policy(tuple((each, draw(st.sampled_from(values))) for each in chosen))


coordinates = st.integers(-6, 4).map(lambda k: Fraction(k, 2))
shares = st.integers(0, 4).map(lambda k: Fraction(k, 4))
STRATEGIES = {"k": shares, "m": shares, FREE_ALIGNMENT: st.sampled_from(ALIGNMENTS)}


def places(scheme: Scheme, policy: Policy, count: int) -> st.SearchStrategy[list[dict[str, Fraction]]]:
    """Points of the domain, on a grid that meets many edges."""
    names = dict.fromkeys((*scheme.free, *policy.free))
    places = {name: STRATEGIES.get(name, coordinates) for name in names}
    return st.lists(st.fixed_dictionaries(places), min_size=count, max_size=count)


def fixed_at(scheme: Scheme, policy: Policy, point: Point) -> tuple[Scheme, Policy]:
    """The scheme and the policy with these exponents fixed."""
    values = {name: Affine.of(place) for name, place in point.items()}
    return scheme.at({name: value for name, value in values.items() if name in scheme.free}), policy.at(values)


def numbers(scheme: Scheme, policy: Policy, point: Point) -> Numbers:
    """The scheme at a point, with the alignments that are set there."""

    def at(key: str) -> Size:
        form = scheme.form(key)
        return None if form is None else form.at(point)

    keys = {"A": "a", "B": "b", "eta_A": "eta_a", "eta_B": "eta_b"}
    same = ("scale", "rank", "fan_out", "gradient", "momentum", "decay", "feedback")
    set_to = {kind.value: form.at(point) for kind, form in policy.coefficients}
    return Numbers(
        **{name: at(key) for key, name in keys.items()},
        **{key: at(key) for key in same},
        is_raw=scheme.optimizer.name == "sgd",
        trained=scheme.trained,
        feels_epsilon=scheme.optimizer.name == "adam" and "A7" in missing(policy),
        **set_to,
    )


def missing(policy: Policy) -> frozenset[str]:
    """The keys of the assumptions that are done without."""
    return frozenset(assumption.key for assumption in policy.without)


def possible(subject: Numbers, policy: Policy) -> list[Numbers]:
    """The numbers themselves, and others that the assumptions which are left allow."""
    if subject.feedback is not None:
        return [subject]
    lost = missing(policy)
    aligned = ALIGNMENTS if "A5" in lost and subject.aligned == 1 else (subject.aligned,)
    independent = ALIGNMENTS if "A3" in lost and subject.independent == HALF else (subject.independent,)
    return [replace(subject, aligned=one, independent=other) for one, other in product(aligned, independent)]


def readings(subject: Numbers, policy: Policy) -> list[Callable[[Numbers, int], Run]]:
    """The readings that know the scheme; where several do, they share no rule with each other."""
    found: list[Callable[[Numbers, int], Run]] = []
    is_plain = policy.coefficients == () and not subject.feels_epsilon and subject.aligned == 1
    if subject.feedback is None:
        found.append(brute.run)
    if subject.is_raw and is_plain and subject.independent == HALF:
        found.append(brute_vectors.run)
    if subject.rank == 0 and not subject.is_raw and is_plain and subject.independent == HALF:
        found.append(brute_signs.run)
    return found
