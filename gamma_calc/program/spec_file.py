"""Reading a scheme from a TOML file. No text is ever evaluated: values go through the grammar of `algebra.text`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gamma_calc.algebra import Affine, Constraint, parsed_affine, parsed_inequality
from gamma_calc.errors import BadInput, nearest
from gamma_calc.program.catalogue import CATALOGUE, ZERO, catalogued
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.scheme import CAN_BE_ZERO, INITIAL, KEYS, RANK, Scheme

T = TypeVar("T")

LARGEST_FILE = 64 * 1024
TABLES = {"exponents": KEYS, "trained": INITIAL, "domain": ("between",)}
TOP = ("name", "optimizer", *TABLES)
RESERVED = frozenset((*TOP, *KEYS, "between")) - {RANK}
LONGEST_PATH = 4096
"""Characters of a path that a message repeats: a file has to be found again by it."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")


def scheme_from(spec: str) -> Scheme:
    """The scheme that a SPEC names: a name of the catalogue, or the path of a TOML file.

    Raises:
        BadInput: neither is there, or the file is not a scheme.
    """
    if spec in CATALOGUE:
        return catalogued(spec)
    looks_like_a_path = spec.endswith(".toml") or "/" in spec or "\\" in spec
    if looks_like_a_path or (spec and _is_there(spec)):
        return scheme_from_file(Path(spec))
    return catalogued(spec)


def scheme_from_file(path: Path) -> Scheme:
    """The scheme written in a TOML file of at most 64 KiB.

    Raises:
        BadInput: the file cannot be read or is not a scheme; the message names the file, the key and what was found.
    """
    try:
        return _scheme(_document(path), default_name=path.stem)
    except BadInput as problem:
        raise BadInput(f"{_shown(str(path), most=LONGEST_PATH)}: {problem}") from None


def scheme_from_text(text: str, *, default_name: str = "scheme") -> Scheme:
    """The scheme written in a TOML text; the counterpart of `scheme_from_file` for notebooks and tests.

    Raises:
        BadInput: as `scheme_from_file`.
    """
    return _scheme(_parsed(text), default_name)


def scheme_from_table(table: Mapping[str, Any], *, default_name: str = "scheme") -> Scheme:
    """The scheme that stands as a table in a larger TOML document, with the keys of a scheme's own file.

    Raises:
        BadInput: the table is not a scheme.
    """
    return _scheme(table, default_name)


def _is_there(spec: str) -> bool:
    try:
        return Path(spec).exists()
    except (OSError, ValueError):
        return False


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise BadInput(f"no such file; expected a TOML file or one of {', '.join(CATALOGUE)}") from None
    except (OSError, ValueError) as problem:
        raise BadInput(f"cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    if len(content) > LARGEST_FILE:
        raise BadInput(f"is larger than {LARGEST_FILE // 1024} KiB, the most that a scheme may take")
    try:
        return _parsed(content.decode("utf-8-sig"))  # some editors begin a file with a mark
    except UnicodeDecodeError as problem:
        raise BadInput(f"is not UTF-8 text: byte {problem.start} cannot be decoded") from None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"is not TOML: {problem}") from None
    except RecursionError:
        raise BadInput("is not a scheme: its values are nested too deeply") from None


def _scheme(document: Mapping[str, Any], default_name: str) -> Scheme:
    _check_names("the top level", document, TOP)
    tables = {title: _table(document, title, keys) for title, keys in TABLES.items()}
    name = document.get("name", default_name)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadInput(f"name: found {_shown(repr(name))}, expected up to 64 letters, digits, blanks or . _ + -")
    optimizer = document.get("optimizer", "adam")
    if not isinstance(optimizer, str):
        raise BadInput(f'optimizer: found {_shown(repr(optimizer))}, expected a string such as "adam"')
    return Scheme(
        name=name,
        exponents={key: _form(key, value) for key, value in tables["exponents"].items()},
        optimizer=named_optimizer(optimizer),
        trained=frozenset(key for key in INITIAL if _flag(key, tables["trained"].get(key, True))),
        between=_inequalities(tables["domain"].get("between", [])),
    )


def _table(document: Mapping[str, Any], title: str, keys: Collection[str]) -> Mapping[str, Any]:
    table = document.get(title, {})
    if not isinstance(table, Mapping):
        raise BadInput(f"{title}: found {_shown(repr(table))}, expected a table [{title}]")
    _check_names(f"[{title}]", table, keys)
    return table


def _check_names(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise BadInput(
                f"{where}: unknown key {_shown(repr(key))}: expected {', '.join(known)}.{nearest(key, known)}"
            )


def _form(key: str, value: object) -> Affine | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadInput(f'{key}: found {_shown(repr(value))}, expected an affine form as a string, such as "-1/2"')
    if value.strip() == ZERO and key in CAN_BE_ZERO:
        return None
    return _named(key, parsed_affine, value)


def _inequalities(texts: object) -> tuple[Constraint, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadInput(f'between: found {_shown(repr(texts))}, expected a list of inequalities such as ["0 <= k"]')
    return tuple(rule for text in texts for rule in _named("between", parsed_inequality, text))


def _named(key: str, parse: Callable[..., T], text: str) -> T:
    """What `parse` makes of a text, with the key in its complaint and no key of the file among its names."""
    try:
        return parse(text, forbidden=RESERVED)
    except BadInput as problem:
        raise BadInput(f"{key}: {problem}") from None


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"trained.{key}: found {_shown(repr(value))}, expected true or false")
    return value


def _shown(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
