"""What a question is about: the schemes it names, under one optimiser, at some values of their free exponents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from gamma_calc.algebra import Affine, exact_number
from gamma_calc.errors import BadInput, Inexact, nearest, quoted
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import Scheme, check_no_rate, constant_form
from gamma_calc.program.spec_file import scheme_from, scheme_from_file

V = TypeVar("V")

Spec = str | Path | Scheme | Problem
"""A name of the catalogue, a TOML file, a scheme, or a problem."""

Values = Mapping[str, str | int | Fraction]
"""Exact values of free exponents, by name."""


def selected(specs: Sequence[Spec], *, optimizer: str | None = None, at: Values | None = None) -> tuple[Scheme, ...]:
    """The schemes that are meant. A value applies to every scheme that has its name free.

    Raises:
        BadInput: a spec is none, an optimiser is unknown, or a name is free in none of the schemes.
    """
    if isinstance(specs, str | bytes) or not isinstance(specs, Sequence):
        raise BadInput("schemes", found=specs, expected="a list of schemes")
    schemes = [_scheme(spec) for spec in specs]
    if optimizer is not None:
        schemes = [scheme.under(optimizer) for scheme in schemes]
    values = {name: _exact(name, value) for name, value in checked_values("at", at).items()}
    known = tuple(dict.fromkeys(name for scheme in schemes for name in scheme.free))
    for name in values:
        if name not in known:
            free = f"free are {', '.join(known)}" if known else "nothing is free"
            titles = ", ".join(scheme.name for scheme in schemes)
            raise BadInput(f"{quoted(name)} is not a free exponent of {titles}: {free}.{nearest(name, known)}")
    return tuple(
        scheme.at({name: value for name, value in values.items() if name in scheme.free}) for scheme in schemes
    )


def checked_values(argument: str, given: Mapping[str, V] | None, example: str = '{"eta": "-1/2"}') -> Mapping[str, V]:
    """The values by name that an argument gives, such as an example; none where it is left out.

    Raises:
        BadInput: it is no mapping from names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise BadInput(argument, found=given, expected=f"values by name, such as {example}")
    return given


def _scheme(spec: Spec) -> Scheme:
    if isinstance(spec, Scheme):
        return spec
    if isinstance(spec, Problem):
        return spec.scheme
    if isinstance(spec, Path):
        return scheme_from_file(spec)
    if not isinstance(spec, str):
        also = ", which its .problem is" if hasattr(spec, "problem") else ""
        expected = f"a catalogue name, the path of a TOML file, a Scheme or a Problem{also}"
        raise BadInput("a scheme", found=spec, expected=expected)
    return scheme_from(spec)


def _exact(name: str, value: str | int | Fraction) -> Affine:
    check_no_rate(f"the value of {name}", value)
    try:
        number = exact_number(value)
    except Inexact:
        expected = 'an int, a Fraction, or a text such as "-1/2" or "-0.5"'
        raise BadInput(f"the value of {name}", found=value, expected=expected) from None
    except BadInput as problem:
        raise BadInput(f"the value of {name}: {problem}") from None
    return constant_form(f"the value of {name}", number)
