"""What a question is about: the schemes it names, under one optimiser, at some values of their free exponents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from gamma_calc.algebra import Affine, exact, parsed_rational
from gamma_calc.errors import BadInput, nearest
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from, scheme_from_file

Spec = str | Path | Scheme
"""A name of the catalogue, a TOML file, or a scheme."""

Values = Mapping[str, str | int | Fraction]
"""Exact values of free exponents, by name."""


def selected(specs: Sequence[Spec], *, optimizer: str | None = None, at: Values | None = None) -> tuple[Scheme, ...]:
    """The schemes that are meant. A value applies to every scheme that has its name free.

    Raises:
        BadInput: a spec is none, an optimiser is unknown, or a name is free in none of the schemes.
    """
    schemes = [_scheme(spec) for spec in specs]
    if optimizer is not None:
        schemes = [scheme.under(optimizer) for scheme in schemes]
    values = {name: _exact(name, value) for name, value in (at or {}).items()}
    known = tuple(dict.fromkeys(name for scheme in schemes for name in scheme.free))
    for name in values:
        if name not in known:
            free = f"free are {', '.join(known)}" if known else "nothing is free"
            titles = ", ".join(scheme.name for scheme in schemes)
            raise BadInput(f"{name!r} is not a free exponent of {titles}: {free}.{nearest(name, known)}")
    return tuple(
        scheme.at({name: value for name, value in values.items() if name in scheme.free}) for scheme in schemes
    )


def _scheme(spec: Spec) -> Scheme:
    if isinstance(spec, Scheme):
        return spec
    return scheme_from_file(spec) if isinstance(spec, Path) else scheme_from(spec)


def _exact(name: str, value: str | int | Fraction) -> Affine:
    try:
        return Affine.of(parsed_rational(value) if isinstance(value, str) else exact(value))
    except BadInput as problem:
        raise BadInput(f"the value of {name}: {problem}") from None
