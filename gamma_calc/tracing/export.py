"""Export: a module's forward pass as a graph of operations, as far as it can in those that have rules.

`torch.export` writes down which operations a module does on some inputs; those that change numbers in place are written
anew, and of what has no rule torch knows for many how it is made of others.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
import warnings
from collections.abc import Collection, Iterator, Mapping, Set
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.experimental.proxy_tensor import make_fx

from gamma_calc.errors import BadInput

FILLED = ("new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like", "new_empty", "empty_like")
"""Operations that take no more than the shape of a value; what is empty is put in later, and zero before."""

PARTS = ("wrap_with_set_grad_enabled", "wrap_with_autocast")
"""What `torch.export` makes of a part of a forward pass that takes no gradient, or has a type of its own."""

CHUNKS, TOKENS = "torch_chunk_", "torch_recurrent_"
"""What transformers calls a recurrence that takes many tokens at once, and the same of one token after the other."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A module at some sizes, and the inputs that it is called with, by name."""

    model: nn.Module
    inputs: Mapping[str, Any]


def exported(twin: Twin, rules: Set[str]) -> Any:
    """The forward pass of a module in evaluation mode, in operations of kinds that have rules as far as torch can.

    Raises:
        BadInput: it depends on the values of its inputs, or fails.
    """
    try:
        with torch.no_grad(), _unspoken(), _token_by_token(twin.model):
            with torch.enable_grad():
                program = torch.export.export(twin.model.eval(), (), dict(twin.inputs), strict=False)
            _write_out(program.graph_module)
            if any(map(_changes_shared, program.graph.nodes)):
                program = _written_in(program, {})
            return _with_rules(program, rules)
    except Exception as problem:  # whatever a module's own code raises
        asked = f"{type(twin.model).__name__}: its forward pass cannot be written down as a list of operations"
        raise BadInput(f"{asked}: {message_of(problem)}") from None


def _write_out(module: Any) -> None:
    """Write the parts of a forward pass that have a type of their own, or no gradient, among its other operations."""
    graph = module.graph
    for node in [each for each in graph.nodes if each.op == "call_function" and kind_of(each) in PARTS]:
        first, *operands = [each for each in node.args if isinstance(each, fx.Node)]
        part = module.get_submodule(first.target)
        _write_out(part)
        with graph.inserting_before(node):
            inputs = part.graph.find_nodes(op="placeholder")
            values = graph.graph_copy(part.graph, dict(zip(inputs, operands, strict=True)))
            if node.args[0] is False:
                values = [_stopped(graph, each) for each in values]
        for item in [*node.users]:
            item.replace_all_uses_with(values[item.args[1]])
            graph.erase_node(item)
        graph.erase_node(node)
    module.recompile()


def _stopped(graph: Any, value: Any) -> Any:
    """A value through which no gradient goes."""
    found = graph.call_function(torch.ops.aten.detach.default, (value,))
    found.meta = dict(value.meta)
    return found


def _written_in(program: Any, ways: Mapping[Any, Any]) -> Any:
    """The program with none of its operations in place, and with others for some of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own use of what is deprecated
        return program.run_decompositions(ways)


def _with_rules(program: Any, rules: Set[str]) -> Any:
    """The program with operations that have rules in place of each other one that torch makes of such alone."""
    inputs = zip(program.graph.find_nodes(op="placeholder"), program.graph_signature.input_specs, strict=True)
    parameters = {node for node, spec in inputs if spec.kind is InputKind.PARAMETER}
    learnt = _made_from(parameters, needed(program))
    unknown = {node.target: node for node in learnt if kind_of(node).removesuffix("_") not in rules}
    if not unknown:
        return program
    every: Any = torch.export.default_decompositions()
    ways = {target: way for target, way in every.items() if _name(target) not in rules}
    made = [target for target, node in unknown.items() if _kinds_of(node, ways) <= rules]
    left = {target: way for target, way in ways.items() if target in made or target not in unknown}
    return _written_in(program, left) if made else program


def _made_from(values: Collection[Any], graph: Collection[Any]) -> list[Any]:
    """The operations of a graph whose values depend on some."""
    known = {*values}
    for node in graph:
        if not known.isdisjoint(node.all_input_nodes) and kind_of(node) not in FILLED:
            known.add(node)
    return [node for node in graph if node in known and node not in values]


def _kinds_of(node: Any, ways: Mapping[Any, Any]) -> Set[str]:
    """The kinds of operations that one is made of, where some are written in others."""

    def done(*values: Any) -> Any:
        of = dict(zip(node.all_input_nodes, values, strict=True))
        return node.target(*fx.map_arg(node.args, of.get), **fx.map_arg(node.kwargs, of.get))

    try:
        graph = make_fx(done, decomposition_table=ways)(*(each.meta["val"] for each in node.all_input_nodes)).graph
    except Exception:  # what cannot be done by itself is left as it is
        return {kind_of(node)}
    made = _made_from(graph.find_nodes(op="placeholder"), [*graph.nodes])
    return {kind_of(each).removesuffix("_") for each in made if each.op == "call_function"}


def _changes_shared(node: Any) -> bool:
    """Whether an operation changes, in place, numbers that are another value's too: a part of one, or seen in parts."""
    if not (node.op == "call_function" and kind_of(node).endswith("_") and isinstance(node.args[0], fx.Node)):
        return False
    changed = node.args[0]
    return _is_view(changed) or any(map(_is_view, changed.users))


def _is_view(node: Any) -> bool:
    """Whether the value of an operation shares its numbers with that of another one."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(each.alias_info and not each.alias_info.is_write for each in schema.returns)


@contextmanager
def _unspoken() -> Iterator[None]:
    """Without what torch writes beside an error, such as the operations so far: the error itself says what is wrong."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The tensor attribute")  # of the lists of weights that a GRU sets
            yield
    finally:
        logging.disable(before)


@contextmanager
def _token_by_token(model: nn.Module) -> Iterator[None]:
    """With recurrences over tokens as they are, where a model's own code takes them in chunks for speed."""
    spaces = [vars(sys.modules[name]) for name in {type(each).__module__ for each in model.modules()}]
    before = [(space, name, space[name]) for space in spaces for name in space if name.startswith(CHUNKS)]
    for space, name, in_chunks in before:
        space[name] = space.get(f"{TOKENS}{name.removeprefix(CHUNKS)}", in_chunks)
    try:
        yield
    finally:
        for space, name, in_chunks in before:
            space[name] = in_chunks


def message_of(problem: BaseException) -> str:
    """What an exception says, and the innermost line of its traceback outside torch."""
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if "/torch/" not in frame.filename]
    own = [frame for frame in frames if not frame.filename.endswith(("tracing/export.py", "tracing/twins.py"))]
    line = f"{own[-1].filename}:{own[-1].lineno}: {own[-1].line}" if own else "no line known"
    return f"{str(problem).splitlines()[0] if str(problem) else repr(problem)} ({line})"


def outputs(program: Any) -> Mapping[str, Any]:
    """The nodes of floating point that a module returns, by what it calls them: logits, or [0] for the first of some.

    Raises:
        BadInput: there are none.
    """
    (last,) = program.graph.find_nodes(op="output")
    kinds = [spec.kind for spec in program.graph_signature.output_specs]
    returned = [node for node, kind in zip(last.args[0], kinds, strict=True) if kind is OutputKind.USER_OUTPUT]
    named = zip(_paths(program.call_spec.out_spec), returned, strict=True)
    found = {name: node for name, node in named if isinstance(node, fx.Node) and _is_floating(node)}
    if not found:
        raise BadInput("the output of a module", found="no tensor of numbers", expected="logits, or another value")
    return found


def _paths(spec: Any) -> Iterator[str]:
    """What each value of a returned tuple, list or dictionary is called, in order."""
    if spec.is_leaf():
        yield ""
        return
    children = spec.children() if hasattr(spec, "children") else spec.children_specs
    has_names = isinstance(spec.context, list) and len(spec.context) == len(children)
    for place, child in enumerate(children):
        name = str(spec.context[place]) if has_names else f"[{place}]"
        yield from (f"{name}{'.' if rest[:1] not in ('', '[') else ''}{rest}" for rest in _paths(child))


def is_model_output(program: Any) -> bool:
    """Whether a module returns what the models of transformers do: one value, and others beside it, such as a cache."""
    return any(each.__name__ == "ModelOutput" for each in getattr(program.call_spec.out_spec.type, "__mro__", ()))


def read_output(program: Any) -> str:
    """The name of the output that is read: the first that is no single number, or the first."""
    found = outputs(program)
    return next((name for name, node in found.items() if node.meta["val"].ndim), next(iter(found)))


def needed(program: Any, output: str | None = None) -> list[Any]:
    """The nodes that an output is made from, by default the one that is read, in order."""
    needed, waiting = set(), [outputs(program)[read_output(program) if output is None else output]]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    return [node for node in program.graph.nodes if node in needed]


def _is_floating(node: Any) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_floating_point()


def kind_of(node: Any) -> str:
    """ATen's name of an operation without its overload; "parameter" of what none makes."""
    return "parameter" if node.op == "placeholder" else _name(node.target)


def _name(target: Any) -> str:
    name: str = getattr(target, "__name__", str(target))
    return name.partition(".")[0]
