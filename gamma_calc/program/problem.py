"""Problems: a network written in Python, with what its scheme chooses and what is asked of it.

    def gated() -> Problem:
        n, r, batch = axis("width", 1), axis("rank"), axis("batch")
        a = parameter("A", r, n, init="-1/2", rate="eta")
        b = parameter("B", axis("out", 1), r, init="zero", rate="eta")
        z_a = named("Z_A", a @ data("Z", n, batch))
        return Problem("mine", named("Z_B", b @ z_a), internally_stable=("Z_A",), efficient=("A", "B"))

The graph is the table of parameters: each carries its init and its rate. The loss is linear in the output, as that of
one module is; gradients come by reverse mode, changes from `differences`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from gamma_calc.algebra import Affine, Constraint
from gamma_calc.errors import BadInput, nearest, quoted
from gamma_calc.program.axes import Axis
from gamma_calc.program.differences import after_step, difference
from gamma_calc.program.expressions import (
    At,
    Expression,
    Given,
    Moment,
    Named,
    Ones,
    Scaled,
    Trained,
    divisor,
    nodes,
    operands_first,
    rewritten,
)
from gamma_calc.program.gradients import backward, gradients
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import DRAWN, INIT, MOVES, RATE, LoraModule, LoraStack, Model, Numbers, Perceptron
from gamma_calc.program.network import Power
from gamma_calc.program.optimizers import Optimizer
from gamma_calc.program.perceptron import perceptron
from gamma_calc.program.product_order import vectors_first
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme, exponent_form
from gamma_calc.program.stack import lora_stack

ZERO = Affine.of(0)
GRADIENT = "gradient"


@dataclass(frozen=True, slots=True)
class Problem(Model):
    """A network of one's own, by the value that the loss reads.

    Every named value of it is looked at, with its change over a step, and so is every trained parameter. `stable` are
    those that have to stay O(1), and `learning` those that have to move by Theta(1) besides, from some step on; both
    are the output where nothing is said. `internally_stable` have to stay O(1) too, as a condition of its own.
    `efficient` are parameters each of which has to move the output by Theta(1) by itself: its part `delta_W` is what
    the step of W alone would change.

    Exponents: `gradient` is that of the loss gradient at the output; that of the data, of scalars, and the sizes of
    axes stand in the graph. `numbers` are those of a model that it was read from.

    Raises:
        BadInput: two different things have one name, an operation has no gradient, a parameter that has a rate does
            not reach the output, or a condition speaks of what is not there.
    """

    name: str
    output: Named
    stable: tuple[str, ...] = ()
    learning: tuple[str, ...] = ()
    internally_stable: tuple[str, ...] = ()
    efficient: tuple[str, ...] = ()
    gradient: Power = 0
    optimizer: str | Optimizer = "adam"
    between: tuple[str | Constraint, ...] = ()
    numbers: Numbers = field(default=DRAWN, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.output, Named):
            found = type(self.output).__name__
            raise BadInput("the output of a problem", found=found, expected="a named value, as named() makes it")
        object.__setattr__(self, "stable", _names("stable", self.stable) or (self.output.name,))
        object.__setattr__(self, "learning", _names("learning", self.learning) or (self.output.name,))
        object.__setattr__(self, "internally_stable", _names("internally_stable", self.internally_stable))
        object.__setattr__(self, "efficient", _names("efficient", self.efficient))
        if isinstance(self.between, list):  # what is neither a list nor a tuple is refused where the scheme is made
            object.__setattr__(self, "between", tuple(self.between))
        _check_distinct(self)
        _check_conditions(self)
        self.scheme  # noqa: B018 - says what is wrong with an exponent here, where the problem is written

    def __repr__(self) -> str:
        return repr(self.scheme)

    @property
    def kind(self) -> str:
        """What it is called."""
        return self.name

    @property
    def scheme(self) -> Scheme:
        """The scheme that trains the network as it is written."""
        return Scheme(
            self.name,
            self.exponents,
            self.optimizer,
            between=self.between,
            model=self,
            frozen=frozenset(weight.name for weight in self.weights if not weight.is_trained),
        )

    @property
    def weights(self) -> tuple[Trained, ...]:
        """The parameters, those that meet the data first."""
        return _weights(self.output)

    @property
    def features(self) -> tuple[Named, ...]:
        """What is looked at, in the order in which it is computed."""
        return tuple(node for node in _written(self.output) if isinstance(node, Named))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, in the order of appearance."""
        return tuple(dict.fromkeys(axis for node in _written(self.output) for axis in node.axes))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters, by name."""
        return tuple(weight.name for weight in self.weights)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The data, by name."""
        return tuple(node.name for node in _written(self.output) if isinstance(node, Given))

    @property
    def exponents(self) -> Mapping[str, Affine | None]:
        """What the graph says of each key."""
        data = (node for node in _written(self.output) if isinstance(node, Given) and not isinstance(node, Ones))
        scalars = (node for node in _written(self.output) if isinstance(node, Scaled) and divisor(node) is None)
        return {
            **{axis.name: axis.size for axis in self.axes},
            **{each.name: each.exponent for each in data},
            **{each.symbol: each.exponent for each in scalars},
            GRADIENT: exponent_form(GRADIENT, self.gradient, ()),
            **{f"{weight.name}.{INIT}": weight.initial for weight in self.weights},
            **{f"{weight.name}.{RATE}": weight.learning_rate for weight in self.weights if weight.is_trained},
        }

    @property
    def required(self) -> tuple[str, ...]:
        """Nothing that the graph says can be left out but a rate, of a parameter that a spec freezes."""
        own = set(self.own)
        return tuple(key for key in self.exponents if key not in own)

    @property
    def defaults(self) -> Mapping[str, Affine | None]:
        """Nothing beside the rates."""
        return dict.fromkeys(MOVES)

    @property
    def own(self) -> tuple[str, ...]:
        """The rates."""
        return tuple(f"{weight.name}.{RATE}" for weight in self.weights)

    @property
    def sizes(self) -> tuple[str, ...]:
        """The axes."""
        return tuple(axis.name for axis in self.axes)


@lru_cache(maxsize=64)
def _written(output: Named) -> tuple[Expression, ...]:
    """The nodes of a network, each after its operands."""
    return tuple(operands_first(output))


@lru_cache(maxsize=64)
def _weights(output: Named) -> tuple[Trained, ...]:
    """A product is written with its weight on the left, so what is written last is used first."""
    return tuple(node for node in nodes(output) if isinstance(node, Trained))[::-1]


def contribution(weight: str) -> str:
    """What the part of a parameter in the output's change is called."""
    return f"delta_{weight}"


@lru_cache(maxsize=64)
def problem_program(scheme: Scheme, problem: Problem) -> Program:
    """The program of a problem, with the exponents that a scheme has for it."""
    output = _placed(problem.output, scheme)
    weights = _weights(output)
    # What a spec freezes does not move: its changes are looked at all the same, and are zero.
    trained = {weight.name for weight in problem.weights if weight.is_trained}
    movable = _movable(output, trained)
    known = {node.name: node for node in operands_first(movable) if isinstance(node, Named)}
    # A named product of matrices is looked at as it is written, whichever way the output takes it.
    features = [known.get(each.name) or _movable(_placed(each, scheme), trained) for each in problem.features]
    changes = {f"Delta_{each.name}": difference(each) for each in features}
    parts = {contribution(name): _own_change(movable, name) for name in problem.efficient}
    return Program(
        parameters=weights,
        gradients=gradients({output: Given(_slope(output), output.axes, scheme[GRADIENT])}),
        quantities={
            **{each.name: At(each, Moment.CURRENT) for each in weights if each.is_trained},
            **{each.name: after_step(each) for each in features},
            **{name: change for name, change in {**changes, **parts}.items() if change is not None},
        },
        optimizer=scheme.optimizer,
        changes={f"Delta_{each.name}": each.name for each in features},
    )


def feature_slopes(scheme: Scheme, problem: Problem) -> Mapping[str, Expression]:
    """The loss gradient at each named value that training changes, before the step, with the exponents of a scheme."""
    output = _placed(problem.output, scheme)
    found = backward({output: Given(_slope(output), output.axes, scheme[GRADIENT])})
    return {node.name: slope for node, slope in found.items() if isinstance(node, Named)}


def program_of(scheme: Scheme) -> Program:
    """What a scheme trains."""
    match scheme.model:
        case LoraModule():
            return lora_module(scheme)
        case LoraStack() as stack:
            return lora_stack(scheme, stack)
        case Perceptron() as model:
            return perceptron(scheme, model)
        case Problem() as problem:
            return problem_program(scheme, problem)
    raise TypeError(f"no program for {type(scheme.model).__name__}")


def _placed(output: Named, scheme: Scheme) -> Named:
    """The network with the exponents of a scheme in place of its own."""

    domain = scheme.domain

    @cache
    def axis_size(name: str) -> Affine:
        return domain.reduced(scheme[name])

    def axis(old: Axis) -> Axis:
        return Axis(old.name, axis_size(old.name))

    def leaf(old: Expression) -> Expression:
        axes = tuple(map(axis, old.axes))
        if isinstance(old, Trained):
            found = scheme.parameter(old.name, axes)
            start = None if old.start is None else rewritten(old.start, leaf, axis, scalar)
            return replace(found, start=start, block=old.block)
        assert isinstance(old, Given)
        return Ones(old.name, axes, old.exponent) if isinstance(old, Ones) else Given(old.name, axes, scheme[old.name])

    def scalar(node: Scaled) -> Affine:
        divides = divisor(node)
        return scheme[node.symbol] if divides is None else -axis_size(divides)

    return Named(output.name, rewritten(output.operand, leaf, axis, scalar, vectors_first), output.is_cut)


def _movable(output: Named, names: Collection[str]) -> Named:
    """The network with these parameters as trained ones."""

    def leaf(old: Expression) -> Expression:
        return replace(old, is_trained=old.name in names) if isinstance(old, Trained) else old

    return Named(output.name, rewritten(output.operand, leaf), output.is_cut)


def _own_change(output: Named, weight: str) -> Expression | None:
    """What the step of one parameter alone changes of the output."""

    def leaf(old: Expression) -> Expression:
        return At(old, Moment.PREVIOUS) if isinstance(old, Trained) and old.name != weight else old

    change = difference(rewritten(output.operand, leaf))
    return None if change is None else Named(contribution(weight), change)


def _slope(output: Named) -> str:
    return f"d{output.name}"


def _names(key: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise BadInput(key, found=given, expected='a tuple of names, such as ("Z_B",)')
    return tuple(given)


def _things(problem: Problem) -> Iterator[tuple[str, str, object]]:
    """What has a name: what it is, its name, and what tells it from another one of that name."""
    for axis in problem.axes:
        yield "axis", axis.name, axis
    for node in _written(problem.output):
        match node:
            case Trained(name):
                yield "parameter", name, node
            case Ones():
                pass
            case Given(name):
                yield "data", name, node
            case Named(name):
                yield "named value", name, node
            case Scaled(symbol, exponent) if divisor(node) is None:
                yield "scalar", symbol, exponent
    yield "loss gradient", _slope(problem.output), None


def _check_distinct(problem: Problem) -> None:
    """That a name means one thing, and that every operation and parameter has a way to the loss."""
    known: dict[str, tuple[str, object]] = {}
    for what, name, thing in _things(problem):
        first, other = known.setdefault(name, (what, thing))
        if (first, other) != (what, thing):
            sizes = [f"of size n^({each.size})" for each in (other, thing) if isinstance(each, Axis)]
            is_one = f"one {first} {sizes[0] if sizes else ''}".rstrip()
            is_other = f"another {what} {sizes[-1] if sizes else ''}".rstrip()
            raise BadInput(f"{problem.name}: {quoted(name)} is the name of {is_one} and of {is_other}")
    try:
        reached = gradients({problem.output: Given(_slope(problem.output), problem.output.axes, ZERO)})
        _ = [difference(each) for each in problem.features]
    except TypeError as missing:
        raise BadInput(f"{problem.name}: {missing}") from None
    trained = [weight for weight in problem.weights if weight.is_trained]
    if not trained:
        raise BadInput(f"{problem.name}: no parameter has a rate, so nothing is trained")
    for weight in trained:
        if weight not in reached:
            raise BadInput(f"{problem.name}: {weight.name} has a rate, and no gradient reaches it")


def _check_conditions(problem: Problem) -> None:
    named = [each.name for each in problem.features]
    moving = [each.name for each in problem.features if difference(each) is not None]
    trained = [weight.name for weight in problem.weights if weight.is_trained]
    asked = {
        "stable": ("a named value", named),
        "internally_stable": ("a named value", named),
        "learning": ("a named value that training changes", moving),
        "efficient": ("a parameter with a rate", trained),
    }
    for key, (what, known) in asked.items():
        for name in getattr(problem, key):
            if name not in known:
                found = f"{problem.name}: {key}: {quoted(name)} is not {what}"
                raise BadInput(f"{found}: expected {', '.join(known)}.{nearest(name, known)}")
