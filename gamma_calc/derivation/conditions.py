"""The conditions of a derivation: what each of them asks, where it holds, and which exponents decide that."""

from __future__ import annotations

from collections.abc import Iterator

from gamma_calc.algebra import Inequality, Polyhedron, Region, nonpositive_region, zero_region
from gamma_calc.analysis.bounded import Bounded
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.decision import decision as decision_of
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.calculus.citations import BACCELLI, Citation
from gamma_calc.calculus.recursion import ExponentStep, Trajectory
from gamma_calc.derivation.layers import Layers
from gamma_calc.derivation.symbols import part_symbol, quantity_latex
from gamma_calc.derivation.texts import prose, region_text
from gamma_calc.document.blocks import Cite, Column, Math, Paragraph, PrintedBlock, Table, Text, joined, typeset
from gamma_calc.maxplus.graph import Circuit, Node

CYCLES = Citation(BACCELLI, "cycle means and the star of a matrix over max and plus, chapter 3")
Row = tuple[Text, ...]
REQUIRED = (Column("steps", share=140), Column("exponent", share=460), Column("requirement", share=400))
ASKED = (Column("condition", share=180), Column("what it asks", share=500), Column("source", share=320))


def spaced(name: str) -> str:
    """A condition's name as words."""
    return name.replace("_", " ")


def verdict(decision: Decision, subject: str) -> Text:
    """A decision about a subject, as a sentence without its full stop."""
    name, region = spaced(decision.condition.name), decision.region
    if decision.status is Status.UNKNOWN:
        return _unknown(decision, subject)
    onset = f", from step {decision.onset} on" if decision.condition.reached and decision.onset is not None else ""
    if decision.holds is not None:
        return (f"{subject} is {name}{onset}" if decision.holds else f"{subject} is not {name}",)
    if region.is_empty:
        return (f"{subject} is never {name}",)
    if region.is_everywhere:
        return (f"{subject} is always {name}{onset}",)
    return (f"{subject} is {name} if and only if ", *region_text(region), onset)


def _unknown(decision: Decision, subject: str) -> Text:
    """What is left of a decision that could not be made, and why."""
    name, sure, possible = spaced(decision.condition.name), decision.region, decision.possible
    if possible is None:
        return (f"{subject} is {name} on an unknown region: ", *prose(decision.reason))
    why = f"{subject} is {name} on a region that is unknown, for some sizes are only bounded from above: "
    known: Text = ("nowhere for sure",) if sure.is_empty else ("surely where ", *region_text(sure))
    return (why, *known, "; at most where ", *region_text(possible))


def condition_blocks(decision: Decision, bound: Bounded, layers: Layers, *, is_first: bool) -> tuple[PrintedBlock, ...]:
    """The exponents that decide a condition, and the result.

    `is_first` is false where an earlier condition bounds the same quantities: their rows have then been shown.
    """
    condition = decision.condition
    rows = [_cycle_row(cycle) for cycle in bound.cycles] if is_first else []
    rows += [row for name in condition.bounded if is_first for row in _rows(name, bound.run, is_bound=True)]
    rows += [row for name in condition.reached for row in _rows(name, bound.run, is_bound=False)]
    table = Table(REQUIRED, layers.rows(rows))
    result: Text = (*verdict(decision, f"{_grounds(decision, bound)} it"), ".")
    cycles = _cycles(bound) if is_first else ()
    return (*cycles, *((table,) if rows else ()), Paragraph(result))


def _grounds(made: Decision, bound: Bounded) -> str:
    """What a condition was decided from, as the beginning of a sentence: the run that is printed, or others."""
    own = decision_of(made.condition, bound, is_free=made.holds is None)
    is_own = made.reason == own.reason or bool(made.frozen)
    if is_own and not made.runs and (own.status, own.region) == (made.status, made.region):
        return "Taken together,"
    if Status.UNKNOWN not in (own.status, made.status) and not made.runs:
        return f"{made.reason.capitalize()}:"
    rows, count = "The rows are of a run that does not decide it.", len(made.runs)
    if not count:
        return f"{rows} By runs that are not printed here,"
    parts = "one part of the domain, whose run is" if count == 1 else f"{count} parts of the domain, whose runs are"
    return f"{rows} It was decided on {parts} not printed here:"


def conditions_table(found: Derivation, layers: Layers) -> Table:
    """What each condition asks, and whose definition it is."""
    rows = []
    for condition in (each.condition for each in found.decisions.values()):
        at_most = [(Math(rf"\gamma[{quantity_latex(name, 't')}] \le 0"),) for name in condition.bounded]
        equal = [(Math(rf"\gamma[{quantity_latex(name, 't')}] = 0"),) for name in condition.reached]
        asked: Text = (*layers.listed(at_most), " at every step")
        if equal:
            asked = (*asked, ", and ", *layers.listed(equal), " from some fixed step on")
        source: Text = (Cite(condition.source.paper.key), ", ", *prose(condition.source.statement))
        rows.append(((spaced(condition.name),), asked, source))
    return Table(ASKED, tuple(rows))


def _cycle_row(cycle: Circuit) -> Row:
    walk = r" \to ".join(_node(edge.source, "t") for edge in (*cycle.edges, cycle.edges[0]))
    turn: Text = (Math(walk), " gains ", Math(cycle.weight.latex()))
    return ("every turn",), turn, (Math(r"\le 0"), " where ", *region_text(Polyhedron.of(Inequality(-cycle.weight))))


def _cycles(bound: Bounded) -> tuple[PrintedBlock, ...]:
    """Why nothing stays bounded where a cycle of the step map gains."""
    if not bound.cycles:
        return ()
    edges = tuple(dict.fromkeys(edge for cycle in bound.cycles for edge in cycle.edges))
    claims = [
        (Math(rf"\gamma[{_node(edge.target, 't')}] \ge \gamma[{_node(edge.source, 't-1')}] + ({edge.weight.latex()})"),)
        for edge in edges
    ]
    text: Text = (
        "Read from unknown exponents, one step is linear over maximum and plus: ",
        *joined(claims, last=" and "),
        *typeset(
            ". Where going once round a cycle of such bounds adds a positive exponent, its members gain a fixed power "
            "of $n$ every turn, and so does what is made from them; where no cycle gains, the run settles ("
        ),
        Cite(CYCLES.paper.key),
        ", ",
        *prose(CYCLES.statement),
        ").",
    )
    return (Paragraph(text),)


def _node(node: Node, time: str) -> str:
    return part_symbol(node.part, time, has_decay=True).latex()


def _rows(name: str, run: Trajectory, *, is_bound: bool) -> Iterator[Row]:
    """One row for each stretch of steps with the same exponent."""
    for first, last in stretches(name, run):
        size = first.sizes[name]
        below = Region.of(nonpositive_region(size.upper))
        met = below if is_bound else below & zero_region(size.lower)
        relation = "=" if size.is_exact else r"\le"
        exponent = Math(rf"\gamma[{quantity_latex(name, 't')}] {relation} {size.upper.latex()}")
        asked = Math(r"\le 0" if is_bound else "= 0")
        where: Text = (
            (" always",) if met.is_everywhere else (" never",) if met.is_empty else (" where ", *region_text(met))
        )
        yield (Math(steps_latex(first.t, run, last)),), (exponent,), (asked, *where)


def stretches(name: str, run: Trajectory) -> Iterator[tuple[ExponentStep, ExponentStep]]:
    """The first and the last step of each stretch in which a quantity keeps its exponent."""
    first = last = run.steps[0]
    for step in run.steps[1:]:
        if step.sizes[name] != first.sizes[name]:
            yield first, last
            first = step
        last = step
    yield first, last


def steps_latex(first: int, run: Trajectory, last: ExponentStep) -> str:
    """The steps of a run from one to another; a settled run goes on for ever."""
    if last is run.last and run.settled_from is not None:
        return rf"t \ge {first}"
    return f"t = {first}" if first == last.t else rf"{first} \le t \le {last.t}"
