"""The setting of a derivation: what is trained, how, and what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from gamma_calc.algebra import name_latex
from gamma_calc.calculus.rules import Rule
from gamma_calc.derivation.layers import Layers
from gamma_calc.derivation.notation import Notation, expression_latex, gradient_symbols, moments, oriented, update_latex
from gamma_calc.derivation.symbols import (
    ANY_STEP,
    DECAY,
    DIRECTION,
    FACTOR,
    GRADIENT,
    RATE,
    Symbol,
    Times,
    part_symbol,
    quantity_latex,
    tensor_symbol,
)
from gamma_calc.derivation.texts import prose
from gamma_calc.document.blocks import (
    Cite,
    Column,
    Entry,
    Listing,
    Math,
    Paragraph,
    PrintedBlock,
    Ref,
    Table,
    Text,
    joined,
    typeset,
)
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import At, Expression, Given, Moment, Named, Pointwise, Scaled, Trained, nodes
from gamma_calc.program.models import MAPS
from gamma_calc.program.optimizers import Factored, Moments, Optimizer, Orthogonalised, Raw, Update
from gamma_calc.program.program import Program
from gamma_calc.program.terms import DECAYS, Kind, Part

AFTER = Times("t", "t")
"""What is all of one moment, after a step."""
CONVENTIONS = typeset(
    r"A quantity $v$ has the exponent $\gamma[v]$ when its entries are of size $\Theta(n^{\gamma[v]})$ as the width "
    r"$n$ grows, in second moment where they are random; $\gamma[0] = -\infty$. Lower indices of a bare letter and "
    "upper indices of a letter with an index count steps; there are no powers of quantities. Each trained tensor is "
    r"the sum $W_{t} = W_{0} + U_{W}^{t}$ of what it started from and of its updates "
    r"$\Delta W_{1} + \dots + \Delta W_{t}$; products of such sums are followed term by term."
)
CUTS = typeset(
    "So is a value that several layers read: $v^{0}$ is what of it is made from initial parts and data alone, and "
    "$U_{v}^{t}$ all that training has changed; what reads it has these two terms, whatever terms they were the sum of."
)
DECAYING = typeset(
    r"Weight decay turns the initial part into a multiple $W_{0}^{t}$ of $W_{0}$ and shrinks the updates; "
    r"$\Delta_{\lambda}$ is what it changes of either in a step, and $\Delta W_{t}$ in a product of parts what the "
    "gradient changes."
)
PARITIES = typeset(
    "Where a term has components that behave differently in later sums, angle brackets tell them apart: they name the "
    r"slices of initial tensors with whose sign the component changes its own, $\langle +\rangle$ where there is none, "
    r"$\pm$ in front of slices under which it has both an odd and an even part. Behind a sum they are those of its "
    "factors; what a rule's name stands behind is the part of the sum that the rule speaks of."
)


def setting_blocks(program: Program, layers: Layers) -> tuple[PrintedBlock, ...]:
    """The tensors with their exponents, and the definitions of gradients, updates and quantities."""
    has_decay = any(tensor.has_decay for tensor in program.parameters)
    conventions = (Paragraph(CONVENTIONS), *((Paragraph(DECAYING),) if has_decay else ()))
    if any(isinstance(node, Named) and node.is_cut for node in nodes(*program.quantities.values())):
        conventions = (*conventions, Paragraph(CUTS))
    return *conventions, _tensors(program, layers), _definitions(program, layers)


def _tensors(program: Program, layers: Layers) -> Table:
    rows: list[tuple[Text, ...]] = [
        ((axis.name,), ("axis of fixed size" if axis.is_fixed else "axis",), (Math(axis.size.latex()),))
        for axis in program.axes
    ]
    for node in _distinct(program):
        match node:
            case Trained(name, shape, initial, _, is_trained):
                symbol, origin = Symbol.of(name).latex(), part_symbol(Part(name, Kind.INITIAL), "").latex()
                entries, start = ("zero", r"-\infty") if initial is None else ("random", initial.latex())
                step = tuple(each for scalar in _scalars(node) for each in (", ", scalar))
                kind = f"{'trained' if is_trained else 'frozen'}, {_shape(shape)}, {entries} at the start"
                rows.append(((Math(symbol),), (kind,), (Math(rf"\gamma[{origin}] = {start}"), *step)))
            case Given(name, shape, exponent):
                rows.append(((Math(Symbol.of(name).latex()),), (f"given, {_shape(shape)}",), (Math(exponent.latex()),)))
            case Scaled(symbol, exponent):
                rows.append(((Math(Symbol.of(symbol).latex()),), ("given, scalar",), (Math(exponent.latex()),)))
    columns = (Column("name", share=130), Column("what it is", share=380), Column("exponent", share=490))
    return Table(columns, layers.rows(rows, 1))


def _scalars(tensor: Trained) -> Iterator[Math]:
    """The exponents of what a step multiplies, of a tensor that is trained."""
    scalars = {
        "eta": tensor.learning_rate,
        "beta": tensor.momentum,
        "lambda": tensor.decay,
        "epsilon": tensor.epsilon,
        "floor": tensor.floor,
    }
    for symbol, form in scalars.items():
        if tensor.is_trained and form is not None:
            written = tensor_symbol(name_latex(symbol), tensor.name).latex()
            yield Math(rf"\gamma[{written}] = {form.latex()}")


def _shape(axes: tuple[Axis, ...]) -> str:
    return " by ".join(axis.name for axis in axes)


def _distinct(program: Program) -> Iterator[Expression]:
    """The parameters, then the scalars and the data of the gradients."""
    seen: set[object] = set()
    for node in nodes(*program.parameters, *program.gradients.values()):
        key = (type(node), getattr(node, "name", None) or getattr(node, "symbol", None))
        if isinstance(node, Trained | Given | Scaled) and key not in seen:
            seen.add(key)
            yield node


def _definitions(program: Program, layers: Layers) -> Table:
    notation, updates = Notation(program), program.updates
    rows: list[tuple[Text, str]] = []
    for tensor, gradient in program.gradients.items():
        before = tensor_symbol(GRADIENT, tensor.name).at(ANY_STEP.before).latex()
        rows.append((("raw gradient",), f"{before} = {expression_latex(oriented(gradient, tensor.axes))}"))
        rows += _rule_rows(tensor, updates[tensor], program.gradients)
        rows += _updates(tensor, has_factor=updates[tensor].factor is not None)
    for quantity, value in program.quantities.items():
        if not isinstance(value, At):
            times = AFTER if moments(value) == {Moment.CURRENT} else ANY_STEP
            rows.append((("quantity",), f"{quantity_latex(quantity, 't')} = {notation.definition(value, times)}"))
    known = {formula for _, formula in rows}
    rows += [(("value",), formula) for formula in _cuts(program) if formula not in known]
    rows_of_text = layers.rows((kind, (Math(formula),)) for kind, formula in rows)
    is_plain = all(updates[tensor].direction is gradient for tensor, gradient in program.gradients.items())
    processed = _processed(program.optimizer, "G" if is_plain else "D")
    columns = (Column("what", share=220), Column("definition", share=780))
    return Table(columns, (*rows_of_text, *_maps(program), ("processed gradient", processed), *_blocks(program)))


def _blocks(program: Program) -> Iterator[tuple[str, Text]]:
    """The blocks that a step takes together."""
    named = {tensor.block: (tensor, *(each for each, _ in update.beside)) for tensor, update in program.updates.items()}
    for block, tensors in named.items():
        if block is not None and len(tensors) > 1:
            listed = sorted(Symbol.of(each.name).latex() for each in tensors)
            yield (
                "processed gradient",
                (*joined([(Math(each),) for each in listed]), ": one step, of the matrix that they are blocks of"),
            )


def _maps(program: Program) -> Iterator[tuple[str, Text]]:
    """The maps that are written with a letter, by their names."""
    values = (*program.quantities.values(), *program.gradients.values())
    found = {node.function.rstrip("'") for node in nodes(*values) if isinstance(node, Pointwise)}
    for name, letter in MAPS.items():
        if letter in found:
            yield "map", (Math(name_latex(letter)), f": {name}, entry by entry")


def _cuts(program: Program) -> Iterator[str]:
    """The values whose terms are brought together, with what they are."""
    values = (*program.quantities.values(), *program.gradients.values())
    found = {node.name: node for node in nodes(*values) if isinstance(node, Named) and node.is_cut}
    for node in found.values():
        times = ANY_STEP if len(moments(node)) > 1 else AFTER
        yield f"{quantity_latex(node.name, 't')} = {expression_latex(node.operand, times)}"


def _rule_rows(tensor: Trained, update: Update, gradients: Mapping[Trained, Expression]) -> Iterator[tuple[Text, str]]:
    """What an update rule makes of raw gradients before the step: memories, the direction, the scalar in front."""
    direction, *others = update_latex(update, gradients)
    for kept in update.memories:
        moved = expression_latex(kept.operand, symbols=gradient_symbols(gradients))
        yield (("memory",), f"{part_symbol(kept.memory.part, ANY_STEP.now).latex()} = {moved}")
    if update.direction is not gradients[tensor]:
        yield (("direction",), f"{tensor_symbol(DIRECTION, tensor.name).at(ANY_STEP.before).latex()} = {direction}")
    if update.factor is not None:
        yield (("scalar in front",), f"{tensor_symbol(FACTOR, tensor.name).at(ANY_STEP.before).latex()} = {others[-1]}")


def _updates(tensor: Trained, *, has_factor: bool) -> Iterator[tuple[Text, str]]:
    """How a trained tensor moves."""
    before, after = (Symbol.of(tensor.name).at(time).latex() for time in (ANY_STEP.before, ANY_STEP.now))
    rate, processed = tensor_symbol(RATE, tensor.name), tensor_symbol("g", tensor.name).at(ANY_STEP.before)
    whole = _beside_start(tensor, before)
    decay = rf" - {rate.latex()} {tensor_symbol(DECAY, tensor.name).latex()} {whole}" if tensor.has_decay else ""
    factor = f"{tensor_symbol(FACTOR, tensor.name).at(ANY_STEP.before).latex()} " if has_factor else ""
    yield (("update",), f"{after} = {before}{decay} - {rate.latex()} {factor}{processed.latex()}")
    if tensor.has_decay:
        yield from ((("decay",), text) for text in _decays(tensor))


def _decays(tensor: Trained) -> Iterator[str]:
    """What weight decay changes of each part of a tensor."""
    factor = f"-{tensor_symbol(RATE, tensor.name).latex()} {tensor_symbol(DECAY, tensor.name).latex()}"
    for kind, decay in DECAYS.items():
        part = part_symbol(Part(tensor.name, kind), ANY_STEP.before, has_decay=True).latex()
        whole = _beside_start(tensor, part) if kind is Kind.UPDATE else part
        yield f"{part_symbol(Part(tensor.name, decay), ANY_STEP.now).latex()} = {factor} {whole}"


def _beside_start(tensor: Trained, part: str) -> str:
    """A part of a tensor, with the data that it starts from."""
    return part if tensor.start is None else f"({expression_latex(tensor.start)} + {part})"


def _processed(optimizer: Optimizer, d: str) -> Text:
    """What the optimiser makes of a raw gradient G, or of a direction D."""
    square = rf"{d} \odot {d}"
    match optimizer.step:
        case Raw():
            said = f"$g = {d}$"
        case Moments(has_memory=False):
            said = rf"$g = \operatorname{{sign}}({d})$"
        case Factored():
            formula = rf"g = u / \max(1, \lVert u \rVert / \sqrt{{k}}),\ u = {d} / \sqrt{{v}}"
            said = f"${formula}$, v of rank one, from running means of ${square}$"
        case Orthogonalised(steps):
            said = rf"$g \approx U V^{{\top}}$ for ${d} = U S V^{{\top}}$, in {steps} steps"
        case Moments(beta1, beta2, epsilon):
            said = (
                r"$g = m / (\sqrt{v} + \epsilon)$ with the bias-corrected running means "
                rf"$m$ of ${d}$ and $v$ of ${square}$, $\beta_{{1}} = {beta1}, \beta_{{2}} = {beta2}$, "
                rf"$\epsilon = {_number(epsilon)}$"
            )
    return typeset(f"{optimizer.name}: {said}")


def _number(value: Fraction) -> str:
    """A number, as a power of ten where it is a small one."""
    zeros = len(str(value.denominator)) - 1
    return f"10^{{-{zeros}}}" if zeros > 3 and value == Fraction(1, 10**zeros) else str(value)


def rules_listing(rules: tuple[Rule, ...]) -> Listing:
    """The rules that a derivation uses: statement, source and assumptions."""
    return Listing(tuple(Entry(rule.name, _rule(rule)) for rule in rules))


def _rule(rule: Rule) -> Text:
    assumptions = joined([(Ref(assumption.key),) for assumption in sorted(rule.assumptions)])
    source: Text = (". Source: ", Cite(rule.source.paper.key), ", ", *prose(rule.source.statement))
    return (Math(rule.statement), *source, *((". Assumes ", *assumptions) if assumptions else ()), ".")
