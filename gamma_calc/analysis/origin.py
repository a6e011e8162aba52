"""Where a quantity's exponent comes from: its leading term, and the cut points through which that term came.

A run keeps the rule applications that it is made of. Here one is followed back: from a quantity to its largest term,
from what changed in that term to the largest term of the change, and so on, until a term has no cut point left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.components import total
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.trace import Application
from gamma_calc.program.expressions import Contraction, Expression, Map, Named, Sum, Unary, nodes
from gamma_calc.program.terms import Kind, Label, is_initial

Made = defaultdict[Expression, list[Application]]
"""What was concluded in one step, by the value that it is about."""


@dataclass(frozen=True, slots=True)
class Leading:
    """The largest term of a value: n^exponent; `sums` are its growing sums by kind of alignment, such as aligned."""

    value: str
    term: tuple[str, ...]
    exponent: str
    sums: tuple[str, ...]

    def __str__(self) -> str:
        sums = f" ({', '.join(self.sums)})" if self.sums else ""
        return f"{self.value} by {' '.join(self.term)}{sums}"


def origin(run: Trajectory, quantity: str, t: int) -> tuple[Leading, ...]:
    """The leading term of a quantity at step t, then of each change of a cut point that it is made from.

    Where several terms lead, the first one in the order of the program stands for them, of those that training changed
    where there are such.
    """
    made: Made = defaultdict(list)
    for application in run.applications:
        if application.subject.t == t:
            made[application.subject.expression].append(application)
    node: Expression = run.program.quantities[quantity]
    cuts = {each.name: each for each in nodes(node) if isinstance(each, Named) and each.is_cut and each is not node}
    found, name = [], quantity
    while (leading := _leading(made, node)) is not None:
        term, application = leading
        label = application.subject.label
        sums = tuple(dict.fromkeys(_sums(made, term, label)))
        found.append(Leading(name, tuple(map(str, label)), str(_size(application)), sums))
        changed = (part for part in label if part.kind is Kind.UPDATE and part.tensor in cuts)
        part = next(changed, None)
        if part is None:
            break
        name, node = str(part), cuts.pop(part.tensor)
    return tuple(found)


def _leading(made: Made, node: Expression) -> tuple[Expression, Application] | None:
    """The application that concludes the largest term of a value, and its node; of a cut point, of its change."""
    is_cut = isinstance(node, Named) and node.is_cut
    largest: tuple[Expression, Application] | None = None
    for term in _terms(made, node.operands[0] if isinstance(node, Named) else node):
        for application in made[term]:
            label = application.subject.label
            is_wanted = bool(label) and not (is_cut and is_initial(label)) and bool(application.conclusion)
            if is_wanted and (largest is None or _leads(application, largest[1])):
                largest = term, application
    return largest


def _leads(one: Application, other: Application) -> bool:
    """Whether a term is larger than an earlier one, or as large and changed by training, which the other is not."""
    if not _size(one).is_at_most(_size(other)):
        return True
    is_as_large = _size(other).is_at_most(_size(one))
    return is_as_large and is_initial(other.subject.label) and not is_initial(one.subject.label)


def _terms(made: Made, node: Expression) -> Iterator[Expression]:
    """The nodes that a value is the sum of, as far as something was concluded of each."""
    if isinstance(node, Sum):
        for summand in node.summands:
            yield from _terms(made, summand)
    elif isinstance(node, Unary) and (node not in made or (isinstance(node, Named) and not node.is_cut)):
        yield from _terms(made, node.operand)
    else:
        yield node


def _sums(made: Made, node: Expression, label: Label) -> Iterator[str]:
    """The sums over growing axes in one term of a value, outermost first, each as its largest part is."""
    if isinstance(node, Contraction):
        over = [axis.name for axis in node.over if not axis.is_fixed]
        parts = [each for each in made.get(node, ()) if _is_part(each.subject.label, label)]
        leading = [each for each in parts if all(_size(other).is_at_most(_size(each)) for other in parts)]
        if over and leading:
            yield f"{leading[0].rule.name} over {' and '.join(over)}"
    if not (isinstance(node, Map) or (isinstance(node, Named) and node.is_cut)):
        for operand in node.operands:
            yield from _sums(made, operand, label)


def _is_part(part: Label, label: Label) -> bool:
    """Whether a label stands in another one as it is."""
    return any(label[start : start + len(part)] == part for start in range(len(label) - len(part) + 1)) and bool(part)


def _size(application: Application) -> Exponent:
    return total(application.conclusion).upper
