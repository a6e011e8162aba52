"""The shape of a certificate: which keys it has, and what stands there. Whether any of it is true is not asked here.

A shape is given as what it looks like: a dict for an object with these keys, a list of one shape for a list of any
length, a tuple for a list of this length, or a function that refuses what it does not take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gamma_calc.algebra.plain import MOST_FORMS, Json, form, rational
from gamma_calc.errors import BadInput

KIND, SCHEMA = "gamma-calc certificate", 7
LARGEST = 4 * 2**20
"""Bytes of the largest file that is read."""
QUOTED = 40
"""Characters of what was found that a message repeats."""
Shape = Any
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ '+]|\[[0-9]+\]|\([0-9]+\)){0,199}", re.ASCII)


class Malformed(ValueError):
    """What was read is not a certificate: what is wrong, and where."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place.removeprefix('.') or 'the file'}: {problem}")


@dataclass(frozen=True, slots=True)
class Optional:
    """A key that may be left out."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Among:
    """Keys of an object that may have others."""

    keys: Mapping[str, Shape]


def check_shape(data: Json) -> None:
    """See that something read from JSON has the shape of a certificate of this version.

    Raises:
        Malformed: it has not; the message says where, what was found and what was expected.
    """
    _check(data, Among({"kind": _one_of((KIND,)), "schema": _one_of((SCHEMA,))}), "")
    _check(data, CERTIFICATE, "")
    _check_names(data["premises"])


def _check(data: Json, shape: Shape, place: str) -> None:
    if isinstance(shape, dict | Among):
        keys = shape.keys if isinstance(shape, Among) else shape
        _expect(type(data) is dict, data, "an object", place)
        for key in data if keys is shape else ():
            if key not in keys:
                raise Malformed(f"the key {_shown(key)} is not one of {', '.join(keys)}", place)
        for key, part in keys.items():
            if key in data:
                _check(data[key], part.shape if isinstance(part, Optional) else part, _inner(place, key))
            elif not isinstance(part, Optional):
                raise Malformed(f"the key {key!r} is missing", place)
    elif isinstance(shape, list | tuple):
        is_any = isinstance(shape, list)
        is_long = type(data) is list and (is_any or len(data) == len(shape))
        _expect(is_long, data, "a list" if is_any else f"a list of {len(shape)}", place)
        for i, each in enumerate(data):
            _check(each, shape[0 if is_any else i], f"{place}[{i}]")
    else:
        shape(data, place)


def _inner(place: str, key: str) -> str:
    return f"{place}.{key:.39}"


def _expect(is_so: bool, data: Json, expected: str, place: str) -> None:
    if not is_so:
        raise Malformed(f"found {_shown(data)}, expected {expected}", place)


def _shown(data: Json) -> str:
    """What was found, by its kind where it would be long."""
    kinds: Mapping[type, str] = {dict: "an object", list: "a list", bool: str(data).lower(), type(None): "null"}
    return kinds.get(type(data)) or (repr(data) if len(repr(data)) <= QUOTED else f"{repr(data)[:QUOTED]}...")


def _such(is_so: Callable[[Json], bool], expected: str) -> Shape:
    return lambda data, place: _expect(is_so(data), data, expected, place)


_text = _such(lambda data: type(data) is str and data.isprintable(), "text on one line")
_name = _such(
    lambda data: type(data) is str and bool(_NAME.fullmatch(data)),
    "a name: letters, digits, any of _ + ' or blanks, and numbers in brackets",
)
"""A name of the program, which `verify` prints among its own words."""
_word = _such(lambda data: type(data) is str and data.isidentifier() and data.isascii() and len(data) < 40, "one word")
"""A name of a condition, which stands in front of what is proved of it."""
_each_once = _such(
    lambda data: type(data) is list and all(type(each) is str for each in data) and len({*data}) == len(data),
    "a list of axes, each of them once",
)
_whole = _such(lambda data: type(data) is int, "a whole number")
_flag = _such(lambda data: type(data) is bool, "true or false")


def _number(data: Json, place: str) -> None:
    _text(data, place)
    try:
        rational(data)
    except ValueError as problem:
        raise Malformed(str(problem), place) from None


def _form(data: Json, place: str) -> None:
    _check(data, _named(_number), place)
    try:
        form(data)
    except BadInput as problem:
        raise Malformed(str(problem), place) from None


def _forms(data: Json, place: str) -> None:
    _check(data, [_form], place)
    _expect(len(data) <= MOST_FORMS, data, f"at most {MOST_FORMS} forms", place)


def _anything(data: Json, place: str) -> None:
    """Whatever stands there."""


def _named(shape: Shape, key: Shape = _anything) -> Shape:
    """An object with any keys, or with keys of some shape."""

    def check(data: Json, place: str) -> None:
        _expect(type(data) is dict, data, "an object", place)
        for name, each in data.items():
            _check(each, shape, _inner(place, name))
        for name in data:
            key(name, place)

    return check


def _by_name(shape: Shape) -> Shape:
    """An object whose keys are names."""
    return _named(shape, _name)


def _maybe(shape: Shape) -> Shape:
    """Null or something else."""
    return lambda data, place: None if data is None else _check(data, shape, place)


def _one_of(choices: Collection[str | int]) -> Shape:
    """One of what there is by then."""

    def check(data: Json, place: str) -> None:
        if not (type(data) in (str, int) and data in choices):
            _expect(False, data, " or ".join(map(repr, choices)), place)

    return check


def _evidence(data: Json, place: str) -> None:
    """A case, a point, the turns of a family, or weights."""
    if type(data) is dict:
        _check(data, _named(_number), place)
    elif type(data) is list:
        is_turns = bool(data) and type(data[0]) is int
        _check(data, (_whole, [[(_whole, _whole)]]) if is_turns else ([(_whole, _number)], [(_whole, _number)]), place)
    else:
        _expect(type(data) is int, data, "a case, a point, turns or weights", place)


_KINDS: Mapping[str, Shape] = {
    "sum": {},
    "scaled": {"by": _form, "of": (_text,)},
    "product": {"over": _text, "of": (_text, _text)},
    "renamed": {"from": _text, "to": _text, "of": (_text,)},
    "normalised": {"by": _form, "epsilon": _flag},
    "entrywise": {"of": (_text, _text)},
    "map": {"beside": [_text], "degree": _one_of((0, 1))},
}


def _assignment(data: Json, place: str) -> None:
    """An assignment, with what its kind asks for."""
    _check(data, Among({"is": _one_of(_KINDS)}), place)
    _check(data, {"name": _name, "is": _text, "of": [_text]} | _KINDS[data["is"]], place)
    if data.get("degree") == 0:
        _expect(not data["beside"], data["beside"], "nothing beside what a slope is taken of", f"{place}.beside")


_TURN = (_form, _whole)
_CLAIM = {
    "of": _text,
    "statement": {"forms": _forms, "sizes": [(_text, _whole, _whole, _one_of(("<=", ">=", "<")))]},
    "where": [_forms],
    "if": _flag,
    "only if": _flag,
}
_LATER = {"exact": _flag, "quantities": _named([_whole]), "families": [(_whole, _form, _whole, [_TURN])]}
_PREMISES = {
    "axes": _by_name(_form),
    "domain": _forms,
    "without": [_one_of([f"A{number}" for number in range(3, 11)])],
    "align": _named(_by_name(_form), _one_of(("aligned", "independent", "diluted"))),
    "start": _by_name({"size": _forms, "random": _each_once}),
    "step": [_assignment],
    "next": _named(_text),
    "quantities": _by_name(_text),
    "conditions": _named({"bounded": [_text], "reached": [_text]}, _word),
    "factors": _by_name(_text),
}
CERTIFICATE = {
    "kind": _text,
    "schema": _whole,
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
    values: dict[str | int, None] = dict.fromkeys(premises["start"])
    axis, value = _one_of(premises["axes"]), _one_of(values)
    by_axis = {"start": _named(Among({"random": [axis]})), "align": _named(_named(_anything, axis))}
    _check(premises, Among(by_axis), ".premises")
    used = {"of": [value], "beside": Optional([value]), **dict.fromkeys(("over", "from", "to"), Optional(axis))}
    for i, each in enumerate(premises["step"]):
        place = f".premises.step[{i}]"
        _check(each, Among(used), place)
        _expect(each["name"] not in values, each["name"], "a name that no value has yet", f"{place}.name")
        values[each["name"]] = None
    _check(premises, Among({"next": _named(value), "quantities": _named(value)}), ".premises")
    looked_at = _one_of(premises["quantities"])
    conditions = {name: {"bounded": [looked_at], "reached": [looked_at]} for name in premises["conditions"]}
    _check(premises, Among({"conditions": conditions, "factors": _named(looked_at)}), ".premises")
    for name in premises["next"]:
        _check(name, _one_of(premises["start"]), ".premises.next")
