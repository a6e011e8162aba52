"""What a question supposes: schemes at some values, and the assumptions under which they are derived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from gamma_calc.algebra import Affine, parsed_affine
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.policy import Alignment, Policy
from gamma_calc.errors import BadInput
from gamma_calc.program.models import RANK
from gamma_calc.program.scheme import RESERVED, Scheme, constant_form
from gamma_calc.program.selection import Spec, Values, checked_values, selected

Alignments = Mapping[str, str | int | float | Fraction | Affine]
"""An exponent from 1/2 to 1, or a free one, by the kind of sum; a float, as measured, is the decimal that it prints."""

KINDS = tuple(kind.value for kind in Alignment if kind is not Alignment.FIXED)


def supposed_policy(without: Collection[str] = (), align: Alignments | None = None) -> Policy:
    """The policy without some assumptions, and with alignments, by kind of sum, instead of the calculus's own.

    Raises:
        BadInput: an assumption or an alignment cannot be understood.
    """
    given = checked_values("align", align, '{"aligned": "0.97"}')
    alignments = tuple(_alignment(*item) for item in given.items())
    is_list = isinstance(without, Collection) and not isinstance(without, str | bytes)
    if not is_list or not all(isinstance(key, str) for key in without):
        raise BadInput("without", found=without, expected='a list of assumptions, such as ["A3"]')
    return Policy(alignments, dispensable(without))


def scheme_and_policy(
    spec: Spec, optimizer: str | None, at: Values | None, without: Collection[str], align: Alignments | None
) -> tuple[Scheme, Policy]:
    """The scheme that is meant and the policy to derive it under; a value applies wherever its name is free.

    Raises:
        BadInput: something is not what its argument takes, or a name with a value is free nowhere.
    """
    return schemes_and_policies([(spec, optimizer, supposed_policy(without, align))], at)[0]


def schemes_and_policies(
    asked: Sequence[tuple[Spec, str | None, Policy]], at: Values | None
) -> tuple[tuple[Scheme, Policy], ...]:
    """Several schemes, each under an optimiser of its own if one is given, with their policies, at the same values.

    Raises:
        BadInput: as in `scheme_and_policy`, or an alignment has the name of a scheme's free exponent.
    """
    specs, optimizers, policies = zip(*asked, strict=True)
    schemes = selected(specs)
    for scheme, policy in zip(schemes, policies, strict=True):
        for name in {*policy.free} & {*scheme.free}:
            expected = f"a number, or a name that is no free exponent of {scheme.name}"
            raise BadInput("an alignment", found=name, expected=expected)
    free = {name for scheme in schemes for name in scheme.free}
    # A name that is free in an alignment only is no business of the schemes.
    only_aligned = {name for policy in policies for name in policy.free} - free
    values = checked_values("at", at)
    schemes = selected(schemes, at={name: value for name, value in values.items() if name not in only_aligned})
    schemes = tuple(
        scheme if optimizer is None else scheme.under(optimizer)
        for scheme, optimizer in zip(schemes, optimizers, strict=True)
    )
    exact = {name: _value(f"value of {name}", value) for name, value in values.items()}
    return tuple((scheme, policy.at(exact)) for scheme, policy in zip(schemes, policies, strict=True))


def measured_policy(align: Alignments | None) -> Policy:
    """The policy of alignments that are numbers, such as measured ones.

    Raises:
        BadInput: a kind or a value is none, or an alignment is free.
    """
    policy = supposed_policy(align=align)
    if policy.free:
        raise BadInput("an alignment", found=policy.free[0], expected="a number, such as 3/4 or 0.97")
    return policy


def _alignment(kind: str, value: str | int | float | Fraction | Affine) -> tuple[Alignment, Affine]:
    if kind not in KINDS:
        raise BadInput("align", found=kind, expected=f"one of {', '.join(KINDS)}", choices=KINDS)
    exact = str(value) if isinstance(value, float) else value
    return Alignment(kind), _value(f"alignment of {kind} sums", exact)


def _value(what: str, value: str | int | Fraction | Affine) -> Affine:
    try:
        if isinstance(value, Affine):
            return value
        if isinstance(value, str):
            return parsed_affine(value, forbidden=(*RESERVED, RANK))
        return constant_form("a number", value)
    except BadInput as problem:
        raise BadInput(f"the {what}: {problem}") from None
