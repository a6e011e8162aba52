"""What a page to explore knows of a derivation: exact formulas, which it evaluates itself, and the engine's regions.

An exponent is the maximum of its pieces, an affine form the pairs of a name and a number as text, with its constant
under "1". Nothing is evaluated here, and no value is listed for a page to look up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from gamma_calc.algebra import Affine, Exponent, Inequality, Polyhedron, Region
from gamma_calc.algebra.inequality import Constraint
from gamma_calc.analysis.caveats import AS_IF
from gamma_calc.analysis.conditions import factors_of
from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.derivation import REFUTED, Derivation
from gamma_calc.analysis.published import PublishedPoint, published_points
from gamma_calc.calculus.size import Size
from gamma_calc.certificate.conclusions import form_json
from gamma_calc.derivation.as_json import SCHEMA, Json, shown_steps
from gamma_calc.derivation.layers import Layers
from gamma_calc.derivation.regions import coordinates
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.document.blocks import Document, Proof
from gamma_calc.document.mathml import mathml
from gamma_calc.document.tables import parted
from gamma_calc.report.window import Window

MOST_DRAWN = 2
"""Free exponents of a drawing: an axis each."""


def page_json(sides: Sequence[tuple[Derivation, Document]], depths: Sequence[int]) -> Json:
    """What a page of one or more derivations knows; a free exponent of one name is the same in all of them.

    `start` is where the page begins, and `low` and `high` how far an exponent can be moved. Where the derivations are
    of one stack at several `depths`, one side is shown at a time.
    """
    windows = _windows([found for found, _ in sides])
    starts = [_start(found) for found, _ in sides]
    shown, free = list(zip(sides, windows, strict=True)), []
    for name in dict.fromkeys(name for found, _ in sides for name in found.free):
        ends = [_ends(found, window, name) for (found, _), window in shown if name in found.free]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        start = next(start[name] for start in starts if name in start)
        free.append({"name": name, "low": str(low), "high": str(high), "start": str(start)})
    return {
        "schema": SCHEMA,
        "free": free,
        "depths": list(depths),
        "sides": [_side(found, document, window, place) for place, ((found, document), window) in enumerate(shown)],
    }


def prefix(place: int) -> str:
    """What the ids of the derivation of a page's side begin with."""
    return f"side-{place}-"


def _side(found: Derivation, document: Document, window: Window, place: int) -> Json:
    """What is known of one derivation; `otherwise` says that its exponents may be others on parts of the domain."""
    names, run = tuple(found.run.last.sizes), found.run
    parts = [parted(name) for name in names]
    in_layers = all(layer for _, layer in parts)
    columns = dict.fromkeys(base for base, _ in parts) if in_layers else names
    lines = _QuantityLines(found, document)
    is_drawn = 0 < len(found.free) <= MOST_DRAWN
    caveats, decisions = found.caveats, found.decisions.values()
    is_otherwise = any(AS_IF in each for each in caveats) or REFUTED in found.horizons.values()
    return {
        "title": found.title,
        "anchor": prefix(place),
        "free": list(found.free),
        "domain": _member(found.run.domain),
        "layers": list(dict.fromkeys(layer for _, layer in parts)) if in_layers else [],
        "columns": [{"name": name, "symbol": mathml(quantity_latex(name))} for name in columns],
        "steps": [
            {"t": step.t, "sizes": {name: _size(size, lines.of(name, step.t)) for name, size in step.sizes.items()}}
            for step in shown_steps(run)
        ],
        "settled": run.settled_from,
        "cut": run.cut,
        "conditions": [_condition(each, window if is_drawn else None) for each in decisions],
        "otherwise": is_otherwise,
        "factors": [
            {"name": each.name, "contribution": each.contribution, "trained": found.scheme.is_trained(each.name)}
            for each in factors_of(found.scheme.model)
        ],
        "window": {"low": list(window.low), "high": list(window.high)} if is_drawn else None,
        "points": [{"name": each.name, "at": coordinates(each.point, found.free)} for each in _points(found)],
        "caveats": list(caveats),
    }


def _size(size: Size, line: str | None) -> Json:
    found: Json = {"upper": _pieces(size.upper)}
    if not size.is_exact:
        found["lower"] = _pieces(size.lower)
    return found | ({} if line is None else {"line": line})


def _pieces(exponent: Exponent) -> list[Json]:
    return [{"text": str(piece), "form": _form(piece)} for piece in exponent.pieces]


def _condition(decision: Decision, window: Window | None) -> Json:
    condition = decision.condition
    return {
        "name": condition.name,
        "bounded": list(condition.bounded),
        "reached": list(condition.reached),
        "status": decision.status.value,
        "reason": decision.reason,
        "onset": decision.onset,
        "region": _region(decision.region, window),
        "possible": None if decision.possible is None else _region(decision.possible, window),
    }


def _region(region: Region, window: Window | None) -> Json:
    region = region.irredundant()
    members = [_member(member) | _drawn(member, window) for member in region.members]
    vertices = [] if window is None else map(window.place, window.vertices(region))
    return {"text": str(region), "members": members, "vertices": [_texts(each) for each in dict.fromkeys(vertices)]}


def _member(member: Polyhedron) -> Json:
    return {"text": str(member), "constraints": [_constraint(each) for each in member.constraints]}


def _constraint(constraint: Constraint) -> Json:
    """What has to be true of a form: that it is at least 0, above 0, or 0."""
    relation = "="
    if isinstance(constraint, Inequality):
        relation = ">" if constraint.strict else ">="
    return {"text": str(constraint), "form": _form(constraint.form), "relation": relation}


def _form(form: Affine) -> list[tuple[str, str]]:
    return list(form_json(form).items())


def _drawn(member: Polyhedron, window: Window | None) -> Json:
    """The corners of what a window shows of a member, and the edges at which the member itself ends."""
    if window is None:
        return {}
    edges = [{"open": is_open, "ends": list(map(_texts, ends))} for is_open, ends in window.edges(member)]
    return {"corners": list(map(_texts, window.corners(member))), "edges": edges}


def _texts(place: Iterable[Fraction]) -> list[str]:
    return list(map(str, place))


def _windows(found: Sequence[Derivation]) -> list[Window]:
    """What the drawings show: the same stretch of a free exponent that several have."""
    alone = [
        Window.around(each.free, each.decisions.values(), published_points(each.scheme, each.policy)) for each in found
    ]
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    for window in alone:
        for name, least, most in zip(window.names, window.low, window.high, strict=True):
            low[name], high[name] = min(least, low.get(name, least)), max(most, high.get(name, most))
    return [
        Window(each.names, tuple(map(low.__getitem__, each.names)), tuple(map(high.__getitem__, each.names)))
        for each in alone
    ]


def _ends(found: Derivation, window: Window, name: str) -> tuple[Fraction, Fraction]:
    """How far a free exponent can be moved: over the window, and no further than the domain."""
    place, symbol, domain = window.names.index(name), Affine.symbol(name), found.run.domain
    low, high = domain.minimum(symbol), domain.maximum(symbol)
    shown = Fraction(window.low[place]), Fraction(window.high[place])
    return max(shown[0], low) if low is not None else shown[0], min(shown[1], high) if high is not None else shown[1]


def _start(found: Derivation) -> Mapping[str, Fraction]:
    """A point where the last condition that holds anywhere does: one of its corners, if it has one."""
    decisions = reversed(tuple(found.decisions.values()))
    for member in (each for decision in decisions for each in decision.region.members):
        corners = ({name: each.get(name, Fraction(0)) for name in found.free} for each in member.vertices())
        point = next((each for each in corners if member.contains(each)), None) or member.point()
        return {name: point.get(name, Fraction(0)) for name in found.free}
    return dict.fromkeys(found.free, Fraction(0)) | found.run.domain.point()


def _points(found: Derivation) -> Iterator[PublishedPoint]:
    """The catalogue's schemes among the free exponents, and the largest stable rate, each point once."""
    points = published_points(found.scheme, found.policy)
    yield from points
    for rate in found.max_stable.values():
        if rate.exponent is not None and rate.attained and found.free == (rate.rate,):
            point = {rate.rate: rate.exponent}
            if point not in [each.point for each in points]:
                yield PublishedPoint(f"largest stable {rate.rate}", point)


class _QuantityLines:
    """The lines of a derivation's document that conclude the exponents of whole quantities."""

    def __init__(self, found: Derivation, document: Document) -> None:
        self.run, self.layers = found.run, Layers.of(found.run.program)
        self.numbers: dict[str, str] = {}
        proofs = (block for section in document.sections for block in section.blocks if isinstance(block, Proof))
        for line in (line for proof in proofs for line in proof.lines):
            for claim in line.claims:
                self.numbers.setdefault(claim.subject, line.number)

    def of(self, name: str, t: int) -> str | None:
        """The line that concludes a quantity's exponent at a step, or at the one that the step repeats."""
        size = self.run.upto(t)[-1].sizes[name]
        for step in reversed(self.run.steps[:t]):
            if step.sizes[name] != size:
                break
            whole = quantity_latex(name, str(step.t))
            layer = self.layers.number(whole)
            for text in (whole, whole if layer is None else self.layers.relative(whole, layer)):
                if text in self.numbers:
                    return self.numbers[text]
        return None
