"""The words in which a network of one's own is written: axes, data, parameters, and operations on them.

    n, r, batch = axis("width", 1), axis("rank"), axis("batch")
    z = data("Z", n, batch)
    a = parameter("A", r, n, init="-1/2", rate="eta")
    z_a = named("Z_A", a @ z)

`left @ right` sums over the one axis that both have, `left * right` multiplies entry by entry, `left + right` adds. An
exponent is a text as in a spec file ("-1/2", "eta + 1", "-rank/2"), an integer or a fraction. An operation on axes that
do not fit is refused where it is written.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Expression,
    Given,
    InverseRms,
    Merged,
    Named,
    Ones,
    Pointwise,
    PowerOf,
    Renamed,
    Scaled,
    Softmax,
    Split,
    Stopped,
    Sum,
    Trained,
    divided,
)
from gamma_calc.program.models import BESIDE, EXTRA, FACTOR_RATES, INIT, RATE
from gamma_calc.program.scheme import exponent_form, nonzero_form

Power: TypeAlias = str | int | Fraction | Affine
"""An exponent of the width."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}(\[[1-9][0-9]{0,2}\])?")
NAME_RULE = "a letter, then letters, digits or _, 32 at most, and for one of several layers its number, as in W_q[2]"
TAKEN = (*FACTOR_RATES, *EXTRA, *BESIDE, "gradient")
"""The keys that exponents of every network have."""


def axis(name: str, size: Power = 0) -> Axis:
    """An index of n^size coordinates; of a fixed number where no size is given."""
    return Axis(_name("an axis", name), nonzero_form(f"the size of {name}", size))


def data(name: str, *axes: Axis, exponent: Power = 0) -> Given:
    """A tensor that training does not change, with entries Theta(n^exponent)."""
    return Given(_name("data", name), _axes(name, axes), nonzero_form(name, exponent))


def parameter(
    name: str, *axes: Axis, init: Power, rate: Power | None = None, multiplier: Power | None = None
) -> Expression:
    """c W: a parameter W with iid entries of standard deviation n^init at the start, or zero where init is "zero".

    Exponents: `rate` is that of its learning rate; a parameter without one is frozen. `multiplier` is that of a scalar
    c_W in front of it, wherever it is used.
    """
    start = f"{name}.{INIT}"
    weight = Trained(
        _name("a parameter", name),
        _axes(name, axes),
        exponent_form(start, init, (start,)) if isinstance(init, str) else nonzero_form(start, init),
        Affine.of(0) if rate is None else nonzero_form(f"{name}.{RATE}", rate),
        is_trained=rate is not None,
    )
    return weight if multiplier is None else scaled(f"c_{name}", multiplier, weight)


def named(name: str, value: Expression, *, cut: bool = False) -> Named:
    """A value that is looked at under its name: how large it is, and how much each step changes it.

    The terms of a value (made from initial parts, from updates) stay apart, and a product has as many as its factors
    together. At a `cut` they are brought together to two, what initial parts make and what training has changed: for
    the streams of a network of several layers.
    """
    return Named(_name("a named value", name), value, cut)


def scaled(symbol: str, exponent: Power, value: Expression) -> Scaled:
    """A scalar n^exponent times a value."""
    return Scaled(_name("a scalar", symbol), nonzero_form(symbol, exponent), value)


def contract(left: Expression, right: Expression, *over: Axis) -> Contraction:
    """The sum over some axes of a product; any other axis that both have is kept."""
    return Contraction(left, right, over)


def renamed(value: Expression, old: Axis, new: Axis) -> Renamed:
    """The same value with one axis called otherwise, such as a layer's outputs as the next one's inputs."""
    return Renamed(value, old, new)


def relu(value: Expression) -> Pointwise:
    """The positive part, entry by entry."""
    return Pointwise("phi", value)


def absolute(value: Expression) -> Pointwise:
    """The absolute value, entry by entry: even, with an odd slope, as relu(v) + relu(-v) is not read."""
    return Pointwise("abs", value)


def silu(value: Expression) -> Pointwise:
    """x sigmoid(x), entry by entry, read as homogeneous of degree one.

    Assumes: that holds for entries that grow (x or 0), and of entries Theta(1) it says no more than that they stay so.
    Of what surely vanishes it is x / 2 and x^2 / 4; where that is open, the sign symmetries of x / 2 are given up.
    """
    return Pointwise("silu", value)


def gelu(value: Expression, approximate: str = "none") -> Pointwise:
    """x Phi(x), with Phi the normal distribution function, or with "tanh" what is close to it; read as SiLU is.

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (arXiv:1606.08415).
    """
    return Pointwise("gelu" if approximate == "none" else "gelu_tanh", value)


def tanh(value: Expression) -> Pointwise:
    """The hyperbolic tangent, entry by entry: as large as its argument where that does not grow, else at most 1.

    It is odd, and keeps the sign symmetries under which its whole argument changes its sign.
    """
    return Pointwise("tanh", value)


def softmax(value: Expression, over: Axis) -> Softmax:
    """e^v over its sum along an axis. Of logits that grow only a bound is known.

    Assumes: of such logits the slope p (dv - sum p dv) may vanish. Where a gradient c times as large makes the same
    step, as under Adam, its parts that pass through the softmax are taken to keep their share beside those that do not.
    """
    return Softmax(value, over)


def power(value: Expression, degree: int | Fraction) -> Expression:
    """v^degree, entry by entry, of a value that is nowhere negative unless the degree is a natural number.

    Of such a degree it is odd or even, as the degree is. A square is the product v * v, whose parts are told apart.
    """
    try:
        exact = Fraction(degree)
    except (TypeError, ValueError, ArithmeticError):
        raise BadInput("the degree of a power", found=degree, expected="an int or a Fraction") from None
    return value * value if exact == 2 else PowerOf(value, exact)


def stop_gradient(value: Expression) -> Stopped:
    """The same value, through which no gradient goes."""
    return Stopped(value)


def split(value: Expression, old: Axis, outer: Axis, inner: Axis) -> Split:
    """The same value with one axis as two, such as features as heads and what each has; one of the two is fixed."""
    return Split(value, old, outer, inner)


def merge(value: Expression, outer: Axis, inner: Axis, new: Axis) -> Merged:
    """The same value with two axes as one."""
    return Merged(value, outer, inner, new)


def mean(value: Expression, over: Axis) -> Scaled:
    """The mean along an axis."""
    return divided(Contraction(value, Ones.along(over), (over,)), over)


def rms_norm(value: Expression, over: Axis) -> Expression:
    """The value over its root mean square along an axis."""
    return value * InverseRms(value, over)


def layer_norm(value: Expression, over: Axis) -> Expression:
    """The value less its mean along an axis, over the root mean square of that.

    Assumes: what follows from its mean being zero is not seen. The mean of its entries is read as n^0.
    """
    total = Contraction(value, Ones.along(over), (over,))
    centred = Sum((value, divided(Ones.along(over) * total, over, "-")))
    return rms_norm(centred, over)


def _axes(name: str, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    for each in axes:
        if not isinstance(each, Axis):
            raise BadInput(f"an axis of {name}", found=each, expected='one that axis() makes, such as axis("width", 1)')
    return axes


def _name(what: str, name: object) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in TAKEN:
        raise BadInput(f"the name of {what}", found=name, expected=f"{NAME_RULE}; not {', '.join(TAKEN)}")
    return name
