"""Reading a scheme from a TOML file. No text is ever evaluated: values go through the grammar of `algebra.text`."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput, named_in, nearest, quoted
from gamma_calc.files import file_content
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import INIT, MODULE, RATE, LoraStack, Model, Perceptron, check_module
from gamma_calc.program.problem import Problem
from gamma_calc.program.problem_file import is_place, problem_at
from gamma_calc.program.scheme import INITIAL, KEYS, NAME_RULE, TOP, ZERO, Scheme, is_name

BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A name that TOML takes without quotation marks."""
LAYER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
"""What a layer can be called."""
LARGEST_FILE = 64 * 1024
LONGEST_LINE = 2048
"""Characters. Python's parser takes time and memory that grow as the square of the parts of a dotted key."""

TABLES = {"exponents": KEYS, "trained": INITIAL, "domain": ("between",)}
MODEL_KEYS = {
    "lora-module": (),
    "lora-stack": ("depth", "norm", "frozen", "map"),
    "perceptron": ("layers",),
}
"""The keys of [model] beside its kind, by kind."""
NAMED = (*CATALOGUE, *ADAPTERS)
"""The schemes that have a name of their own."""
OWN_KEYS = (f".{INIT}", f".{RATE}")
"""How the keys of single parameters end."""


def scheme_from(spec: str, *, allow_code: bool = False) -> Scheme:
    """The scheme that a SPEC names: of the catalogue, of an adapter, in a TOML file, or FILE.py:FUNCTION.

    Args:
        allow_code: whether Python files that it names may be run.

    Raises:
        BadInput: nothing of the kind is there, the file is not a scheme, or code was not allowed.
    """
    if spec in CATALOGUE:
        return CATALOGUE[spec]
    if spec in ADAPTERS:
        return ADAPTERS[spec]().scheme
    if is_place(spec):
        return problem_at(spec, Path(), allow_code=allow_code).scheme
    looks_like_a_path = spec.endswith(".toml") or "/" in spec or "\\" in spec
    if looks_like_a_path or (spec and os.path.exists(spec)):
        return scheme_from_file(Path(spec), allow_code=allow_code)
    expected = f"one of {', '.join(NAMED)}, the path of a TOML file, or FILE.py:FUNCTION"
    raise BadInput("unknown scheme", found=spec, expected=expected, choices=NAMED)


def scheme_from_file(path: Path, *, allow_code: bool = False) -> Scheme:
    """The scheme written in a TOML file of at most 64 KiB; a Python file that it names is looked for beside it.

    Raises:
        BadInput: the file cannot be read or is not a scheme; the message names the file, the key and what was found.
    """
    if path.suffix == ".py":
        raise BadInput(
            "a network in Python", found=str(path), expected=f"its function too: {path}:FUNCTION --allow-code"
        )
    if path.suffix == ".json" or os.path.isfile(path / "adapter_config.json"):
        expected = (
            f"a TOML file; gamma-calc lint {path} --specs . writes those of an adapter_config.json, "
            f'and in Python lint("{path}").scheme is a scheme'
        )
        raise BadInput("a scheme", found=str(path), expected=expected)
    document = toml_file(path, f"a TOML file or one of {', '.join(NAMED)}")
    with named_in(path):
        return scheme_from_table(document, path.stem, path.parent, allow_code=allow_code)


def scheme_from_text(text: str, *, default_name: str = "scheme") -> Scheme:
    """The scheme written in a TOML text; the counterpart of `scheme_from_file` for notebooks and tests.

    Raises:
        BadInput: as `scheme_from_file`.
    """
    return scheme_from_table(toml_document(text), default_name)


def spec_text(scheme: Scheme) -> str:
    """The spec, as TOML, of a scheme of one module; it reads back as the same scheme.

    >>> all(scheme_from_text(spec_text(scheme)) == scheme for scheme in CATALOGUE.values())
    True
    """
    check_module(scheme.model, "a spec as text")
    forms = {key: ZERO if form is None else str(form) for key, form in scheme.exponents.items()}
    lines = [f'name = "{scheme.name}"', f'optimizer = "{scheme.optimizer.name}"', "[exponents]"]
    lines += [f'{key} = "{form}"' for key, form in forms.items()]
    lines += ["[trained]", *(f"{key} = {'true' if scheme.is_trained(key) else 'false'}" for key in INITIAL)]
    lines += ["[domain]", f"between = {json.dumps([str(rule) for rule in scheme.between])}"]
    return "\n".join(lines) + "\n"


def toml_file(path: Path, expected: str) -> Mapping[str, Any]:
    """The document in a TOML file of at most 64 KiB.

    Args:
        expected: what the file should be, for the message that refuses it.

    Raises:
        BadInput: it cannot be read or is not TOML; the message begins with the path.
    """
    content = file_content(path, LARGEST_FILE, expected)
    try:
        return toml_document(content.decode("utf-8-sig"))  # some editors begin a file with a mark
    except UnicodeDecodeError as problem:
        raise BadInput(f"{path}: is not UTF-8 text: byte {problem.start} cannot be decoded") from None
    except BadInput as problem:
        raise BadInput(f"{path}: {problem}") from None


def toml_document(text: str) -> Mapping[str, Any]:
    """The document that a TOML text is.

    Raises:
        BadInput: it is not TOML, or takes more to parse than a file of its kind may.
    """
    if not isinstance(text, str):
        raise BadInput("a TOML text", found=text, expected="a string")
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise BadInput(f"line {number} has {len(line)} characters, and the most is {LONGEST_LINE}: break it")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"is not TOML: {problem}") from None
    except RecursionError:
        raise BadInput("its values are nested too deeply") from None


def scheme_from_table(
    document: Mapping[str, Any], default_name: str, folder: Path = Path(), *, allow_code: bool = False
) -> Scheme:
    """The scheme of a document, or of a table in a larger one, with the keys of a scheme's own file.

    Raises:
        BadInput: it is not a scheme.
    """
    check_names("the top level", document, TOP)
    keys_of_models = ("kind", *(key for keys in MODEL_KEYS.values() for key in keys))
    model = _model(_table(document, "model", keys_of_models), folder, allow_code=allow_code)
    own, frozen = _parameters(document.get("parameters", {}), model)
    if isinstance(model, Problem):
        return _of_problem(document, default_name, model, own, frozen)
    tables = {title: _table(document, title, keys) for title, keys in TABLES.items()}
    if "name" not in document and not is_name(default_name):
        raise BadInput(
            f"the file gives no name, and its own, {quoted(default_name)}, cannot stand for it; expected name ="
            f' "my-scheme", {NAME_RULE}'
        )
    return Scheme(
        name=document.get("name", default_name),
        exponents={**tables["exponents"], **own},
        optimizer=document.get("optimizer", "adam"),
        trained=frozenset(key for key in INITIAL if _flag(f"trained.{key}", tables["trained"].get(key, True))),
        between=tables["domain"].get("between", []),
        model=model,
        frozen=frozen,
    )


def _of_problem(
    document: Mapping[str, Any], default_name: str, problem: Problem, own: Mapping[str, Any], frozen: frozenset[str]
) -> Scheme:
    """The scheme of a problem, with what a spec says in place of what the problem does."""
    if "trained" in document:
        raise BadInput(f"[trained] speaks of one module; write trained under [parameters] of {problem.name}")
    shared = tuple(key for key in problem.keys if not key.endswith(OWN_KEYS))
    written = problem.scheme
    exponents = {**written.exponents, **_table(document, "exponents", shared), **own}
    lost = {f"{name}.{RATE}" for name in frozen} - set(own)
    return Scheme(
        name=document.get("name", default_name),
        exponents={key: value for key, value in exponents.items() if key not in lost},
        optimizer=document.get("optimizer", written.optimizer),
        between=(*written.between, *_table(document, "domain", TABLES["domain"]).get("between", [])),
        model=problem,
        frozen=written.frozen | frozen,
    )


def _model(table: Mapping[str, Any], folder: Path, *, allow_code: bool) -> Model:
    """The network that a spec names."""
    kind = table.get("kind", MODULE.kind)
    if isinstance(kind, str) and is_place(kind):
        check_names(f"[model] of kind {kind}", table, ("kind",))
        return problem_at(kind, folder, allow_code=allow_code)
    if not isinstance(kind, str) or kind not in MODEL_KEYS:
        expected = f"one of {', '.join(MODEL_KEYS)}, or FILE.py:FUNCTION"
        raise BadInput("model.kind", found=kind, expected=expected, choices=MODEL_KEYS)
    for meant, keys in MODEL_KEYS.items():
        if "kind" not in table and (own := [key for key in table if key in keys]):
            raise BadInput("model.kind", found="nothing", expected=f'"{meant}", which has the key {own[0]}')
    check_names(f"[model] of kind {kind}", table, ("kind", *MODEL_KEYS[kind]))
    if kind == "lora-stack":
        norm, frozen = (_flag(f"model.{key}", table.get(key, False)) for key in ("norm", "frozen"))
        return LoraStack(table.get("depth", 2), frozen, table.get("map", "none"), norm)
    if kind == "perceptron":
        layers = table.get("layers", [])
        if not isinstance(layers, list) or not all(isinstance(each, str) and LAYER.fullmatch(each) for each in layers):
            raise BadInput(f'model.layers: found {quoted(layers)}, expected names such as ["W_1", "W_2"]')
        return Perceptron(tuple(layers))
    return MODULE


def _parameters(tables: object, model: Model) -> tuple[Mapping[str, Any], frozenset[str]]:
    """The exponents of single parameters, and those that are frozen."""
    if not isinstance(tables, Mapping):
        raise BadInput(f"parameters: found {quoted(tables)}, expected tables such as [parameters.W_1]")
    exponents: dict[str, Any] = {}
    frozen = set()
    for name in tables:
        keys = [key.removeprefix(f"{name}.") for key in model.keys if key.startswith(f"{name}.")]
        if not keys:
            known = model.parameters if model is not MODULE else ()
            expected = f"one of {', '.join(known)}" if known else "[exponents] and [trained], which say all of a module"
            raise BadInput(f"parameters of {model.kind}", found=name, expected=expected, choices=known)
        table = _table(tables, name, (*keys, "trained"), where=f"parameters.{_key(name)}")
        exponents |= {f"{name}.{key}": value for key, value in table.items() if key != "trained"}
        if not _flag(f"parameters.{_key(name)}.trained", table.get("trained", True)):
            frozen.add(name)
    return exponents, frozenset(frozen)


def _key(name: str) -> str:
    """A name as TOML has it between dots."""
    return name if BARE.fullmatch(name) else f'"{name}"'


def _table(document: Mapping[str, Any], title: str, keys: Collection[str], *, where: str = "") -> Mapping[str, Any]:
    """A table of a document; `where` says how it is headed, if not by its title."""
    table, heading = document.get(title, {}), where or title
    if not isinstance(table, Mapping):
        raise BadInput(f"{heading}: found {quoted(table)}, expected a table [{heading}]")
    check_names(f"[{heading}]", table, keys)
    return table


def check_names(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse a table with a key that is not known."""
    for key in table:
        if key not in known:
            raise BadInput(f"{where}: unknown key {quoted(key)}: expected {', '.join(known)}.{nearest(key, known)}")


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{key}: found {quoted(value)}, expected true or false")
    return value
