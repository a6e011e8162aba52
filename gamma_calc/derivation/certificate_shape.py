"""The shape of a certificate: which keys it has, and what stands there. Whether any of it is true is not asked here.

A shape is given as what it looks like: a dict for an object with these keys, a list of one shape for a list of any
length, a tuple for a list of this length, or a function that refuses what it does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gamma_calc.algebra.plain import MOST_FORMS, Json, form, rational
from gamma_calc.errors import BadInput

KIND, SCHEMA = "gamma-calc certificate", 3
QUOTED = 40
"""Characters of what was found that a message repeats."""
Shape = Any


class Malformed(ValueError):
    """What was read is not a certificate."""


@dataclass(frozen=True, slots=True)
class Optional:
    """A key that may be left out."""

    shape: Shape


def check_shape(data: Json) -> None:
    """See that something read from JSON has the shape of a certificate of this version.

    Raises:
        Malformed: it has not; the message says where, what was found and what was expected.
    """
    _check(data, {}, "the file")
    found = tuple(data.get(key) for key in ("kind", "schema"))
    if found != (KIND, SCHEMA):
        raise Malformed(f"found {_shown(found[0])} of schema {_shown(found[1])}, expected {KIND!r} of schema {SCHEMA}")
    _check(data, CERTIFICATE, "")
    _check_names(data["premises"])


def _check(data: Json, shape: Shape, place: str) -> None:
    if isinstance(shape, dict):
        _expect(type(data) is dict, data, "an object", place)
        for key, part in shape.items():
            is_needed = not isinstance(part, Optional)
            if is_needed and key not in data:
                raise Malformed(f"{place or 'the file'}: the key {key!r} is missing")
            if key in data:
                _check(data[key], part if is_needed else part.shape, f"{place}.{key}" if place else key)
    elif isinstance(shape, list):
        _expect(type(data) is list, data, "a list", place)
        for i, each in enumerate(data):
            _check(each, shape[0], f"{place}[{i}]")
    elif isinstance(shape, tuple):
        _expect(type(data) is list and len(data) == len(shape), data, f"a list of {len(shape)}", place)
        for i, (each, part) in enumerate(zip(data, shape, strict=True)):
            _check(each, part, f"{place}[{i}]")
    else:
        shape(data, place)


def _expect(is_so: bool, data: Json, expected: str, place: str) -> None:
    if not is_so:
        raise Malformed(f"{place}: found {_shown(data)}, expected {expected}")


def _shown(data: Json) -> str:
    """What was found, by its kind where it would be long."""
    kinds: Mapping[type, str] = {dict: "an object", list: "a list", bool: str(data).lower(), type(None): "null"}
    return kinds.get(type(data)) or (repr(data) if len(repr(data)) <= QUOTED else f"{repr(data)[:QUOTED]}...")


def _text(data: Json, place: str) -> None:
    _expect(type(data) is str, data, "text", place)


def _whole(data: Json, place: str) -> None:
    _expect(type(data) is int, data, "a whole number", place)


def _flag(data: Json, place: str) -> None:
    _expect(type(data) is bool, data, "true or false", place)


def _number(data: Json, place: str) -> None:
    _text(data, place)
    _read(rational, data, place)


def _form(data: Json, place: str) -> None:
    _named(_number)(data, place)
    _read(form, data, place)


def _forms(data: Json, place: str) -> None:
    _check(data, [_form], place)
    _expect(len(data) <= MOST_FORMS, f"{len(data)} forms", f"at most {MOST_FORMS}", place)


def _read(reading: Callable[[Json], object], data: Json, place: str) -> None:
    try:
        reading(data)
    except (ValueError, BadInput) as problem:
        raise Malformed(f"{place}: {problem}") from None


def _named(shape: Shape) -> Shape:
    """An object with any keys."""

    def check(data: Json, place: str) -> None:
        _expect(type(data) is dict, data, "an object", place)
        for key, each in data.items():
            _check(each, shape, f"{place}.{key:.40}")

    return check


def _maybe(shape: Shape) -> Shape:
    """Null or something else."""
    return lambda data, place: None if data is None else _check(data, shape, place)


def _one_of(*words: str) -> Shape:
    return lambda data, place: _expect(data in words, data, f"one of {', '.join(words)}", place)


def _evidence(data: Json, place: str) -> None:
    """A case, a point, the turns of a family, or weights."""
    if type(data) is dict:
        _check(data, _named(_number), place)
    elif type(data) is list and data and type(data[0]) is int:
        _check(data, (_whole, [[(_whole, _whole)]]), place)
    elif type(data) is list:
        _check(data, ([(_whole, _number)], [(_whole, _number)]), place)
    else:
        _expect(type(data) is int, data, "a case, a point, turns or weights", place)


def _assignment(data: Json, place: str) -> None:
    """An assignment, with what its kind asks for."""
    kinds = {"sum": {}, "scaled": {"by": _form}, "product": {"over": _text, "of": (_text, _text)}}
    kinds["normalised"] = {"by": _form, "epsilon": _flag}
    _check(data, {"name": _text, "is": _one_of(*kinds), "of": [_text]}, place)
    _check(data, kinds[data["is"]], place)


_TURN = (_form, _whole)
_CLAIM = {
    "of": _text,
    "statement": {"forms": _forms, "sizes": [(_text, _whole, _whole, _one_of("<=", ">=", "<"))]},
    "where": [_forms],
    "if": _flag,
    "only if": _flag,
}
_LATER = {"exact": _flag, "quantities": _named([_whole]), "families": [(_whole, _form, _whole, [_TURN])]}
_PREMISES = {
    "axes": _named(_form),
    "domain": _forms,
    "without": [_text],
    "align": _named(_named(_form)),
    "start": _named({"size": _forms, "random": [_text]}),
    "step": [_assignment],
    "next": _named(_text),
    "quantities": _named(_text),
}
CERTIFICATE = {
    "scheme": _text,
    "conclusions": [_text],
    "premises": _PREMISES,
    "runs": [{"where": _forms, "steps": _whole, "later": _maybe(_LATER), "claims": [_CLAIM]}],
    "largest": _maybe({"rate": _text, "bounds": _forms, "valid_on": _forms}),
    "frontier": _maybe({"rates": [_text], "edges": [_forms]}),
    "proof": [{"of": _text, "proof": [_evidence], "value": Optional(_forms), "lower": Optional(_forms)}],
}


def _check_names(premises: Json) -> None:
    """See that a program uses no axis and no value that there is not."""
    axes, values = premises["axes"], [*premises["start"]]
    for name, given in premises["start"].items():
        for axis in given["random"]:
            _expect(axis in axes, axis, "an axis", f"premises.start.{name:.40}.random")
    for i, each in enumerate(premises["step"]):
        for name in each["of"]:
            _expect(name in values, name, "a value that is there by then", f"premises.step[{i}].of")
        _expect("over" not in each or each["over"] in axes, each.get("over"), "an axis", f"premises.step[{i}].over")
        values.append(each["name"])
    for name in premises["next"]:
        _expect(name in premises["start"], name, "a tensor of the start", "premises.next")
    for key in ("next", "quantities"):
        for name in premises[key].values():
            _expect(name in values, name, "a value of a step", f"premises.{key}")
