"""A derivation as a document: the theorem, its proof from the trace, the table of exponents, and what all rests on."""

from __future__ import annotations

from collections.abc import Iterator

from gamma_calc.algebra import name_latex
from gamma_calc.analysis.conditions import STABLE, factors_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.largest_rates import FrontierPiece, LargestRate
from gamma_calc.calculus.assumptions import Assumption
from gamma_calc.calculus.citations import Paper
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import ExponentStep, Trajectory
from gamma_calc.calculus.rules import Rule
from gamma_calc.derivation.conditions import CYCLES, condition_blocks, conditions_table, spaced, verdict
from gamma_calc.derivation.exponent_table import exponent_table
from gamma_calc.derivation.horizons import growth_blocks, horizon_blocks
from gamma_calc.derivation.layers import Layers
from gamma_calc.derivation.proof import SETTING, ProofLines
from gamma_calc.derivation.setting import PARITIES, rules_listing, setting_blocks
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.derivation.texts import prose, region_text
from gamma_calc.document.blocks import (
    Document,
    Entry,
    Line,
    Listing,
    Math,
    Paragraph,
    PrintedBlock,
    Proof,
    Ref,
    Section,
    Statement,
    Text,
    joined,
    typeset,
)

PREFACE = (
    "One line a rule application: what it concludes, how the value comes about, the rule with the lines that it is "
    "applied to, its source and its assumptions. A line that has been proved is not repeated in a later step."
)
SMALLER = (
    "Here no cycle of the step map gains, as the proof of the conditions shows, and some maxima are decided. The lines "
    "that read differently from those above are these."
)
BY_LAYERS = typeset(
    r"Lines that differ by the layer only stand together as one, with $\ell$ for the layer and further letters for "
    "other layers that a component names; where the values differ, each has its layers behind it. Such a line refers "
    "to the lines that any of its layers needs: those of the stream in front of a layer come from the layers below it, "
    "those of the gradient behind it from the layers above."
)
HORIZONS = typeset(
    "Of a run that settles the exponents of its first steps say everything. Where the step map is linear over maximum "
    "and plus, an exponent after $T$ steps is that of a walk: a path from the initial state, and the turns of a cycle "
    "that $T$ steps leave room for."
)


def document(found: Derivation) -> Document:
    """The document of a derivation; what prints it adds nothing and leaves nothing out."""
    runs, lines, layers = _runs(found), ProofLines(found.run), Layers.of(found.run.program)
    chapters = [range(0)]
    for run in runs:
        chapters.append(lines.added(run, max(chapters[-1].stop, 1)))
    rules = tuple(dict.fromkeys(each.rule for run in runs for each in run.applications))
    assumptions = tuple(sorted({each for rule in rules for each in rule.assumptions}))
    listed = Listing(tuple(Entry(each.key, prose(each.text)) for each in assumptions))
    caveats = (Paragraph(prose(f"Caveat: {each}.")) for each in found.caveats)
    sections = (
        Section(("Setting",), (*setting_blocks(found.run.program, layers), conditions_table(found, layers))),
        Section(("Result",), (_statement(found, assumptions, layers),)),
        Section(("Rules",), (rules_listing(rules), *_notes(runs))),
        *_proof(runs, chapters[1:], layers.proof(lines.chapters), layers),
        *_conditions(found, layers),
        *_horizons(found),
        Section(("Exponents by step",), tuple(_tables(runs, layers))),
        Section(("Assumptions",), (listed, *caveats)),
    )
    title = f"Scaling exponents of {found.scheme.title}"
    return Document(title, sections, tuple(map(_reference, _papers(found, rules))))


def _runs(found: Derivation) -> tuple[Trajectory, ...]:
    """The run on the whole domain, and the runs on smaller regions from which conditions were decided."""
    runs = {found.run.domain: found.run}
    for bound in found.bounds.values():
        for run in bound.runs:
            runs[run.domain] = max(runs.get(run.domain, run), run, key=lambda each: len(each.steps))
    return tuple(runs.values())


def _statement(found: Derivation, assumptions: tuple[Assumption, ...], layers: Layers) -> Statement:
    domain = found.run.domain
    where: Text = () if domain.is_everywhere else (", on the domain ", *region_text(domain))
    names = dict.fromkeys((*found.scheme.free, *found.policy.free))
    free = joined([(Math(name_latex(name)),) for name in names], last=" and ")
    exponents: Text = (", with ", *free, " free") if free else ()
    grounds = joined([(Ref(each.key),) for each in assumptions], last=" and ")
    trained = f"Let {found.scheme.title} be trained for {found.length}"
    given: Text = (trained, *exponents, *where, ". Under ", *grounds, *_suppositions(found.policy), ":")
    return Statement(given, tuple((*item, ".") for item in _items(found, layers)))


def _suppositions(policy: Policy) -> Text:
    """What is supposed otherwise than the calculus does."""
    lost = [(f"{each.key} (that is, not supposing: {each.text.rstrip('.')})",) for each in sorted(policy.without)]
    without: Text = (", without ", *joined(lost, last=" and ")) if lost else ()
    kinds = [(f"{kind.value} sums ", Math(value.latex())) for kind, value in policy.coefficients]
    return (*without, *((", with the alignment of ", *joined(kinds, last=" and ")) if kinds else ()))


def _items(found: Derivation, layers: Layers) -> Iterator[Text]:
    yield from (verdict(each, "It") for each in found.decisions.values())
    yield from (_largest(rate, found.decisions[STABLE.name]) for rate in found.max_stable.values())
    if found.frontier is not None:
        yield from map(_edge, found.frontier)
    if found.at_max:
        where = "There" if found.max_stable else "The exponents are"
        when = "once settled" if found.horizon is None else f"at step {found.horizon}"
        chains = [
            Math(rf"\gamma[{quantity_latex(name, 't')}] {'=' if size.is_exact else ''} {size.latex()}")
            for name, size in found.at_max.items()
        ]
        by = "" if _is_printed(found) else ", by a run at this point, which is not printed here"
        yield (f"{where}, {when}{by}: ", *layers.listed(((chain,) for chain in chains), last=" and "))
        if factors_of(found.scheme.model):
            yield _undertrained(found, layers)


def _is_printed(found: Derivation) -> bool:
    """Whether a run that is printed says what the exponents at the largest stable rates are."""
    point = {name: rate.exponent for name, rate in found.max_stable.items() if rate.exponent is not None}
    return any(
        run.domain.contains(point)
        and all(
            (there.lower.at(point), there.upper.at(point)) == (size.lower.at({}), size.upper.at({}))
            for there, size in ((run.last.sizes[name], size) for name, size in found.at_max.items())
        )
        for run in _runs(found)
    )


def _largest(rate: LargestRate, stable: Decision) -> Text:
    name = Math(name_latex(rate.rate))
    if stable.status is Status.UNKNOWN:
        return ("The largest stable ", name, " is unknown, for the stable region is")
    if rate.bounds is None:
        return ("A largest stable ", name, " does not exist: ", *prose(rate.reason))
    where: Text = () if rate.valid_on.is_everywhere else (", where ", *region_text(rate.valid_on))
    is_reached = "" if rate.attained else ", a supremum that is not attained"
    return ("The largest stable ", name, " is ", Math(rate.latex()), is_reached, *where)


def _edge(edge: FrontierPiece) -> Text:
    ends = [
        (Math(", ".join(f"{name_latex(name)} = {value}" for name, value in end.items())),) for end in edge.endpoints
    ]
    points: Text = ((", from " if len(ends) > 1 else ", starting at "), *joined(ends, last=" to ")) if ends else ()
    return ("Stability is lost beyond the edge ", *region_text(edge.where), *points)


def _undertrained(found: Derivation, layers: Layers) -> Text:
    factors = [factor for factor in factors_of(found.scheme.model) if factor.name in found.undertrained]
    if not factors:
        return ("There, no factor is undertrained",)
    reasons = [
        (Math(quantity_latex(factor.name)), " (", Math(rf"\gamma[{quantity_latex(factor.contribution, 't')}] < 0"), ")")
        for factor in factors
    ]
    return ("There, undertrained at every step: ", *layers.listed(reasons))


def _notes(runs: tuple[Trajectory, ...]) -> tuple[PrintedBlock, ...]:
    has_parities = any(len(each.conclusion) > 1 and each.subject.label for run in runs for each in run.applications)
    return (Paragraph(PARITIES),) if has_parities else ()


def _proof(
    runs: tuple[Trajectory, ...], chapters: list[range], lines: dict[int, list[Line]], layers: Layers
) -> Iterator[Section]:
    induction = (Paragraph(BY_LAYERS),) if layers.names else ()
    yield Section(("Proof of the exponents",), (Paragraph((PREFACE,)), *induction))
    yield Section(("Given, and before step 1",), (Proof(tuple(lines[SETTING])),), depth=1)
    for run, numbers in zip(runs, chapters, strict=True):
        is_whole = run is runs[0]
        if not is_whole:
            yield Section(("On the region ", *region_text(run.domain)), (Paragraph((SMALLER,)),), depth=1)
        for step, chapter in zip(run.steps, numbers, strict=True):
            said = tuple(lines.get(chapter, ()))
            zeros = _zeros(step, layers) if is_whole else ()
            if said or is_whole:
                title = f"Step {step.t}" + ("" if is_whole else ", on the region")
                yield Section((title,), (*((Proof(said),) if said else ()), *zeros), depth=1)
        end = f"Beyond step {len(run.steps)}" if run.settled_from is None else f"All steps from {run.settled_from} on"
        yield Section((end + ("" if is_whole else ", on the region"),), (Paragraph(_extent(run, layers)),), depth=1)


def _zeros(step: ExponentStep, layers: Layers) -> tuple[PrintedBlock, ...]:
    """The quantities that take no line, for they are sums of no term."""
    names = [(Math(quantity_latex(name, str(step.t))),) for name, size in step.sizes.items() if size.upper.is_vanishing]
    text = typeset(r"Exactly 0, for each of their terms has a factor that is 0, and so of exponent $-\infty$: ")
    return (Paragraph((*text, *layers.listed(names), ".")),) if names else ()


def _tables(runs: tuple[Trajectory, ...], layers: Layers) -> Iterator[PrintedBlock]:
    for run in runs:
        if run is not runs[0]:
            yield Paragraph(("On the region ", *region_text(run.domain), ":"))
        yield from exponent_table(run, layers)
        yield Paragraph(_extent(run, layers))


def _extent(run: Trajectory, layers: Layers) -> Text:
    """For which steps the exponents of a run are proved, and why."""
    if run.settled_from is None:
        return (f"The run has not settled: these exponents are proved for the steps 1 to {len(run.steps)} only.",)
    t = run.settled_from
    names = layers.listed(((Math(quantity_latex(tensor.name)),) for tensor in run.program.parameters), last=" and ")
    before, repeated = "before it", f"step {t}, and its"
    if run.period is not None and run.period > 1:
        start = t - run.period
        before = f"after step {start}, and steps {start + 1} to {t} have the same exponents"
        repeated = "one of these, and their"
    repeats = typeset(
        f" and what they are made from, is the same after step {t} as {before}. A step depends on nothing but the "
        f"state, so by induction every step from {t} on repeats {repeated} exponents hold for all "
        rf"$t \ge {t}$."
    )
    return ("The state, that is the exponents of all parts of ", *names, *repeats)


def _conditions(found: Derivation, layers: Layers) -> Iterator[Section]:
    yield Section(("Proof of the conditions",), ())
    seen = set()
    for decision in found.decisions.values():
        bounded = decision.condition.bounded
        blocks = condition_blocks(decision, found.bounds[bounded], layers, is_first=bounded not in seen)
        seen.add(bounded)
        yield Section((spaced(decision.condition.name).capitalize(),), blocks, depth=1)


def _horizons(found: Derivation) -> Iterator[Section]:
    blocks = (*horizon_blocks(found.horizons), *growth_blocks(found.growth))
    if blocks:
        yield Section(("Every finite horizon",), (Paragraph(HORIZONS), *blocks))


def _papers(found: Derivation, rules: tuple[Rule, ...]) -> tuple[Paper, ...]:
    cited = [rule.source.paper for rule in rules] + [each.condition.source.paper for each in found.decisions.values()]
    cited += [CYCLES.paper for bound in found.bounds.values() if bound.cycles]
    return tuple(dict.fromkeys(cited))


def _reference(paper: Paper) -> Entry:
    identifier = f" {paper.identifier}." if paper.identifier else ""
    return Entry(paper.key, (f"{paper.authors}. {paper.title}. {paper.year}.{identifier}",))
