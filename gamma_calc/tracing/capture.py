"""Capture: the operations of a module's forward pass, the same at two widths.

Twins of a module that differ in their sizes do the same operations, one for one; a size or a number that differs
between them is one that grows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export.graph_signature import InputKind

from gamma_calc.errors import BadInput
from gamma_calc.tracing.export import FILLED, Twin, exported, is_model_output, kind_of, needed, outputs, read_output

RANDOM_BUFFER = re.compile(r"(.*\.)?vera_[AB]\.[^.]+")
"""What PEFT calls the random matrices that VeRA's adapters share and do not train."""

SAME = ("to", "type_as", "contiguous", "alias", "clone", "dropout", "_to_copy", "float", "lift_fresh_copy")
"""Operations that leave a value as it is."""

VIEWS = (
    "view",
    "reshape",
    "unsqueeze",
    "squeeze",
    "flatten",
    "unflatten",
    "_unsafe_view",
    "view_as",
    "reshape_as",
    "ravel",
)
"""Operations that leave its entries in order, in other dimensions."""

TRANSPOSES = ("t", "numpy_T", "transpose", "permute")
"""Operations that leave its entries, with its dimensions in another order."""

PRODUCTS = ("linear", "einsum", "mm", "bmm", "mv", "matmul", "addmm", "baddbmm")
"""Products of matrices."""

CHOICES = ("topk", "max")
"""Operations whose second value are places: those of the largest entries."""

FIRST_LAYERS = re.compile(r"\.slice\((None|0), [^)]*\)")
"""What stands in the path of a module that a model takes from the first ones of a list."""

Sizes = tuple[int, ...]
"""A number of coordinates in each of the twins."""


class Across(tuple[float, ...]):
    """A number that differs between the twins, in each of them."""


def in_each(number: Any) -> Sizes:
    """A whole number in each of the twins."""
    return tuple(map(int, number if isinstance(number, Across) else (number, number)))


@dataclass(frozen=True, slots=True)
class Uneven:
    """A list that is longer in one twin than in another."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of an operation, by its name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of the forward pass, in all twins at once.

    Shapes: `shape` has the sizes of each dimension of its value; None if that is no tensor.

    `kind` is ATen's name without its overload ("linear"), and without the underscore of one in place; or "parameter".
    `arguments` are numbers, what differs between twins as `Across`, other operations as `Reference`, lists of them;
    what has more of them in one twin than in another is `Uneven`. `values` are those of a value that depends on no
    parameter, or the parameters themselves, of which those that start as data do have `is_vector`; `places` where a
    choice finds the largest entries, in each twin; `made_from` the kinds of what its value is made from: inputs,
    parameters, buffers, and `has_wide_input` whether an input with a dimension that grows is one of these: of what a
    rule makes of that the values are not known. `module` is the path of the module that does it, `where` the line of
    its source.
    """

    name: str
    kind: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    shape: tuple[Sizes, ...] | None
    module: str
    where: str
    values: tuple[Any, ...] | None = None
    parameter: str = ""
    is_vector: bool = False
    places: tuple[Any, ...] | None = None
    made_from: frozenset[InputKind] = frozenset()
    has_wide_input: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether its value depends on no parameter."""
        return self.values is not None and not self.parameter

    @property
    def is_random_buffer(self) -> bool:
        """Whether it is a random matrix that is not trained and that layers share."""
        return RANDOM_BUFFER.fullmatch(self.parameter) is not None

    @property
    def indices(self) -> tuple[Tensor, ...] | None:
        """Its value in each twin, where that is whole numbers that depend on no parameter; else None."""
        values = self.values if self.is_constant else None
        is_whole = values and not any(each.is_floating_point() or each.dtype == torch.bool for each in values)
        return values if is_whole else None


@dataclass(frozen=True, slots=True)
class Capture:
    """The operations that an output is made from, each after what it uses; `output` is the last one's name.

    `choices` are the lines of the model's source that find the largest entries: where these are is held, so what they
    are found among is none of the operations, unless their values are used too. `read` is what the module calls the
    output, and `unread` are the others that it returns, each with the trained parameters in it that the output lacks.
    """

    operations: Mapping[str, Operation]
    output: str
    choices: tuple[str, ...]
    read: str
    unread: Mapping[str, tuple[str, ...]]

    def operation(self, argument: Any) -> Operation | None:
        """The operation that an operand is the value of; None where it is none, or only constants are made from it."""
        return self.operations.get(argument.name) if isinstance(argument, Reference) else None

    def behind(self, argument: Any, kinds: Collection[str]) -> Operation | None:
        """The operation that an operand is the value of, behind any of some kinds."""
        operation = self.operation(argument)
        while operation is not None and operation.kind in kinds:
            operation = self.operation(operation.arguments[0])
        return operation


def captured(twins: Sequence[Twin], rules: Set[str]) -> Capture:
    """The forward pass of some twins, in evaluation mode.

    Args:
        twins: of one module.
        rules: kinds of operations that a rule translates. Any other one is written in such, if torch can.

    Raises:
        BadInput: the forward pass depends on the values of its inputs, the twins do not do the same operations, or
            nothing that comes out is a tensor of numbers.
    """
    programs = [exported(twin, rules) for twin in twins]
    graphs = [needed(program) for program in programs]
    _check_alike(graphs)
    leaves = [_leaves(program, twin.model) for program, twin in zip(programs, twins, strict=True)]
    chosen = [_chosen(graph, each) for graph, each in zip(graphs, leaves, strict=True)]
    found: dict[str, Operation] = {}
    for nodes in zip(*graphs, strict=True):
        found[nodes[0].name] = _operation(nodes, leaves, chosen, found, rules)
    choices = dict.fromkeys(each.where for each in found.values() if each.places is not None)
    unread = _unread(
        programs[0], leaves[0], {name for name, value in twins[0].model.named_parameters() if value.requires_grad}
    )
    return Capture(_used(graphs[0], found), graphs[0][-1].name, tuple(choices), read_output(programs[0]), unread)


def _unread(program: Any, leaves: Mapping[str, _Leaf], trained: Set[str]) -> dict[str, tuple[str, ...]]:
    """The outputs that are not read, and their own trained parameters; of a cache, say, only where it has some."""

    def made_from(output: str) -> list[str]:
        names = (leaves[node.name].parameter for node in needed(program, output) if node.name in leaves)
        return [name for name in names if name in trained]

    read = read_output(program)
    known = {*made_from(read)}
    own = {
        name: tuple(each for each in made_from(name) if each not in known) for name in outputs(program) if name != read
    }
    return {name: parameters for name, parameters in own.items() if parameters or not is_model_output(program)}


def _used(graph: Sequence[Any], found: Mapping[str, Operation]) -> dict[str, Operation]:
    """The operations whose values the last one is made from; what is constant is made from nothing."""
    used = {graph[-1].name}
    for node in reversed(graph):
        if node.name in used and not found[node.name].is_constant:
            used.update(each.name for each in node.all_input_nodes)
    return {name: each for name, each in found.items() if name in used}


def _check_alike(graphs: Sequence[Sequence[Any]]) -> None:
    for nodes in zip(*graphs, strict=False):
        if len({str(node.target) if node.op == "call_function" else node.op for node in nodes}) > 1:
            kinds = " and ".join(kind_of(node) for node in nodes)
            raise BadInput(f"two widths of the module do different operations: {kinds} ({_where(nodes[0])})")
    if len({len(graph) for graph in graphs}) > 1:
        counts = " and ".join(str(len(graph)) for graph in graphs)
        raise BadInput(f"two widths of the module do different operations: {counts} of them")


class _Leaf(NamedTuple):
    """A value that no operation makes, of a kind, and which parameter it is, if any, and whether that is a vector."""

    value: Any
    parameter: str = ""
    is_vector: bool = False
    kind: InputKind = InputKind.BUFFER


def _leaves(program: Any, model: nn.Module) -> Mapping[str, _Leaf]:
    """What each placeholder is; tied parameters have the name of their first.

    A frozen vector (a norm's weight, a bias) is data, not a random tensor: it has no name. Nor has a buffer but those
    that are random.
    """
    first: dict[int, str] = {}
    parameters: dict[str, nn.Parameter] = dict(model.named_parameters(remove_duplicate=False))
    names = {name: first.setdefault(id(value), name) for name, value in parameters.items()}
    buffers = {**dict(model.named_buffers(remove_duplicate=False)), **program.constants}
    inputs = iter(torch.utils._pytree.tree_leaves(program.example_inputs))
    nodes = {node.name: node for node in program.graph.nodes}
    found: dict[str, _Leaf] = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.PARAMETER:
            value = parameters[spec.target]
            is_vector = _is_vector(value, nodes[spec.arg.name])
            name = "" if is_vector and not value.requires_grad else names[spec.target]
            found[spec.arg.name] = _Leaf(value.detach(), name, is_vector, spec.kind)
        elif spec.kind is InputKind.USER_INPUT:
            found[spec.arg.name] = _Leaf(next(inputs), kind=spec.kind)
        else:
            name = spec.target if RANDOM_BUFFER.fullmatch(spec.target) else ""
            found[spec.arg.name] = _Leaf(buffers[spec.target], name)
    return found


def _is_vector(parameter: Tensor, node: Any) -> bool:
    """Whether a parameter has one dimension, and is not a matrix of one row that is multiplied as others are.

    One of several is taken for a vector where its powers of e are all that is used, as the rates of decay of a Mamba.
    """
    if sum(size > 1 for size in parameter.shape) < 2:
        return not (parameter.ndim == 2 and _is_multiplied(node))
    return not parameter.requires_grad and _is_exponent(node)


def _is_exponent(node: Any) -> bool:
    read = (user for user in node.users if user.users)
    return all(kind_of(user) == "exp" or (kind_of(user) in SAME and _is_exponent(user)) for user in read)


def _is_multiplied(node: Any) -> bool:
    kinds = {user: kind_of(user) for user in node.users}
    return any(
        kind in PRODUCTS or (kind in (*SAME, *TRANSPOSES) and _is_multiplied(user)) for user, kind in kinds.items()
    )


def _chosen(graph: Sequence[Any], leaves: Mapping[str, _Leaf]) -> Mapping[Any, Any]:
    """The places that each choice of a twin picks, at the parameters that it has; they are held."""
    choices = [place for place, node in enumerate(graph) if _is_choice(node)]
    values: dict[Any, Any] = {}
    with torch.no_grad():
        for node in graph[: choices[-1] + 1 if choices else 0]:
            values[node] = leaves[node.name].value if node.op == "placeholder" else _done(node, values.__getitem__)
    return {graph[place]: values[graph[place]][1] for place in choices}


def _is_choice(node: Any) -> bool:
    """Whether an operation finds the largest entries, and where they are; of one largest entry that may go unread."""
    if kind_of(node) not in CHOICES or not isinstance(node.meta["val"], tuple | list):
        return False
    return kind_of(node) != "max" or any(user.args[1] == 1 and user.users for user in node.users)


def _operation(
    nodes: Sequence[Any],
    leaves: Sequence[Mapping[str, _Leaf]],
    chosen: Sequence[Any],
    known: Mapping[str, Operation],
    rules: Set[str],
) -> Operation:
    node, kind = nodes[0], kind_of(nodes[0])
    leaf, values = _Leaf(None), None
    sources = [] if kind in FILLED else [known[each.name] for each in node.all_input_nodes]
    has_wide_input = any(each.has_wide_input for each in sources)
    if node.op == "placeholder":
        leaf, *others = [each[other.name] for each, other in zip(leaves, nodes, strict=True)]
        values = tuple(each.value for each in (leaf, *others))
        has_wide_input = leaf.kind is InputKind.USER_INPUT and _is_wide(values)
    elif kind == "getitem" and node.args[1] == 1 and (held := known[node.args[0].name].places) is not None:
        values = held
    elif kind in FILLED:
        values = tuple(_filled(other) for other in nodes)
    elif all(each.is_constant for each in sources) and not (has_wide_input and kind.removesuffix("_") in rules):
        values = tuple(_computed(other, place, known, nodes) for place, other in enumerate(nodes))
    return Operation(
        node.name,
        kind.removesuffix("_"),
        _merged([other.args for other in nodes]),
        _merged([dict(other.kwargs) for other in nodes]),
        _shape(nodes, values),
        _module(node),
        _where(node),
        values,
        leaf.parameter,
        leaf.is_vector,
        tuple(each[other] for each, other in zip(chosen, nodes, strict=True)) if node in chosen[0] else None,
        frozenset([leaf.kind] if node.op == "placeholder" else ()).union(*(each.made_from for each in sources)),
        has_wide_input,
    )


def _is_wide(values: Sequence[Any]) -> bool:
    """Whether a value is numbers along a dimension that grows."""
    return isinstance(values[0], Tensor) and values[0].is_floating_point() and len({each.shape for each in values}) > 1


def _computed(node: Any, place: int, known: Mapping[str, Operation], nodes: Sequence[Any]) -> Any:
    """The value of a node that depends on no parameter, in one twin.

    Operations are known by the names of the first twin's nodes, which the inputs of all twins follow in order.
    """
    names = dict(zip(node.all_input_nodes, nodes[0].all_input_nodes, strict=True))

    def value(each: Any) -> Any:
        values = known[names[each].name].values
        assert values is not None  # a constant has them
        return values[place]

    return _done(node, value)


def _filled(node: Any) -> Any:
    """The value of a node that takes no more than a shape, in one twin."""
    found = _done(node, lambda each: torch.zeros(each.meta["val"].shape, dtype=each.meta["val"].dtype))
    return torch.zeros_like(found) if "empty" in kind_of(node) else found


def _done(node: Any, value: Callable[[Any], Any]) -> Any:
    """The value of a node that is no leaf, from those of what it uses."""
    if node.op == "get_attr":
        return attrgetter(node.target)(node.graph.owning_module)
    function: Callable[..., Any] = node.target
    try:
        return function(*torch.fx.map_arg(node.args, value), **torch.fx.map_arg(node.kwargs, value))
    except RuntimeError as problem:
        raise BadInput(f"{_where(node)}: {str(problem).splitlines()[0]}") from None


def _merged(arguments: Sequence[Any]) -> Any:
    """The arguments of one operation in all twins."""
    first = arguments[0]
    match first:
        case torch.fx.Node():
            return Reference(first.name)
        case list() | tuple():
            if len(set(map(len, arguments))) > 1:
                return Uneven()
            return tuple(_merged(each) for each in zip(*arguments, strict=True))
        case dict():
            return {key: _merged([each[key] for each in arguments]) for key in first}
        case int() | float() if len(set(arguments)) > 1:
            return Across(arguments)
    return first


def _shape(nodes: Sequence[Any], known: tuple[Any, ...] | None) -> tuple[Sizes, ...] | None:
    """The sizes of each dimension in all twins: of the known values of data, or as they were written down."""
    values = known or [node.meta.get("val") for node in nodes]
    if not all(isinstance(value, Tensor) for value in values):
        return None
    shapes = [value.shape for value in values]
    if any(isinstance(size, torch.SymInt) for shape in shapes for size in shape):
        raise BadInput(f"a size that depends on the values of the inputs ({_where(nodes[0])})")
    return tuple(zip(*(map(int, shape) for shape in shapes), strict=True))


def _module(node: Any) -> str:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return FIRST_LAYERS.sub("", str(stack[-1][0])) if stack else ""


def _where(node: Any) -> str:
    """The innermost line of source of an operation."""
    lines = [line.strip() for line in str(node.meta.get("stack_trace") or "").splitlines() if line.strip()]
    places = [place for place, line in enumerate(lines) if line.startswith("File ")]
    if not places:
        return str(node.name)
    _, path, rest = lines[places[-1]].split('"', 2)
    number = rest.split(",")[1].removeprefix(" line ")
    return f"{'/'.join(path.split('/')[-2:])}:{number}: {' '.join(lines[places[-1] + 1 :])}"
