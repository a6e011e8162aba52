"""The chapter on LoRA in depth: where a stack of adapters is stable, gradient-stable and efficient, and the law in L.

Every region and exponent in it is derived when the chapter is written; the closed form in the depth is compared with
them, and writing stops where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from gamma_calc.algebra import Affine, Exponent, Polyhedron, Region, nonpositive_region
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.document.tables import markdown_table
from gamma_calc.program.models import LoraStack
from gamma_calc.program.scheme import Scheme

INITS: Mapping[str, tuple[str, str]] = {
    "Init[A]": ("-1/2", "zero"),
    "Init[B]": ("zero", "0"),
    "both": ("-1/2", "-1/2"),
    "A_0 of size 1/n": ("-1", "zero"),
}
"""The entries of A_0 and B_0."""
SHAPES: Mapping[str, LoraStack] = {
    "plain": LoraStack(2),
    "a norm before each module": LoraStack(2, has_norm=True),
    "a frozen W beside each adapter": LoraStack(2, is_frozen=True),
    "frozen W and ReLU": LoraStack(2, is_frozen=True, map="relu"),
    "frozen W, ReLU and norm": LoraStack(2, is_frozen=True, map="relu", has_norm=True),
}
DEPTHS = (1, 2, 3, 4)
"""Depths at which two free rates are derived."""
DEEP = (1, 2, 3, 4, 5, 6)
"""Depths at which one free rate is."""
POINTS: Mapping[str, tuple[str, str, str]] = {
    "Init[A], one rate": ("Init[A]", "-1/2", "-1/2"),
    "Init[B], one rate": ("Init[B]", "-1", "-1"),
    "LoRA+ from Init[A]": ("Init[A]", "-1", "0"),
    "halfway from Init[A]": ("Init[A]", "-3/4", "-1/4"),
    "LoRA+ from Init[B]": ("Init[B]", "-1", "0"),
    "LoRA+ from A_0 of size 1/n": ("A_0 of size 1/n", "-1", "0"),
}
"""Where the rates of an init are looked at: the exponents of eta_A and eta_B."""
CONDITIONS = ("stable", "gradient_stable", "efficient")

SETTING = r"""# LoRA in depth

Written by `python derivations/make.py`. Derived here, and measured in
[validation/depth](../validation/depth/README.md); no published depth exponent of LoRA is known to us.

One adapter's theory takes its input as independent of $A_0$ and its loss gradient as given. In a network neither
holds once the adapters above and below have moved. The smallest network that shows it is a stack of $L$ adapters on
one residual stream,

$$z_l = z_{l-1} + f(W_l z_{l-1} + s\,B_l A_l z_{l-1}), \qquad l = 1, \dots, L,$$

with $W_l = 0$ and $f$ the identity unless a table says otherwise, $s = \Theta(1)$, fixed rank, and a loss that is
linear in $z_L$. The exponents of $\eta_A$ and $\eta_B$ are $a$ and $b$, those of the entries of $A_0$ and $B_0$ are
$p$ and $q$.

- *Stable*: $Z_B$ of every layer stays $O(1)$.
- *Gradient-stable*: so does $\partial L/\partial z_l$, relative to the loss's own gradient.
- *Efficient*: in every layer $A$'s part and $B$'s part of the change of $Z_B$ are both $\Theta(1)$.
"""
ARGUMENT = r"""## The law in the depth

From $B_0 = 0$ and $A_0 = \Theta(n^p)$ under Adam or sign descent, a stack of $L$ adapters is stable if and only if

$$b + \max(p + \tfrac12,\ a + 1) + (L-1)\,\max(0,\ b + p + 1) \le 0.$$

It is one cycle, met once a layer. Let $l$ be a layer above another one.

1. From step 2 on the gradient below $l$ holds $A_{l,0}^\top B_l^\top \partial L/\partial z_l$. There $B_l =
   \Theta(n^b)$ is aligned with what it is summed against, over $n$ terms, and $A_{l,0}$ adds $p$: that is
   $n^{b+1+p}$ times the direct path, and along the rows of $A_{l,0}$.
2. Where $b + 1 + p > 0$ that part leads. A normalised step of the lower $B$ then moves along the rows of $A_{l,0}$,
   and so does the stream: $z_{l-1}$ knows $A_{l,0}$.
3. The sum of $A_{l,0}$ against a $z_{l-1}$ that knows it is aligned, not centred: $Z_A$ of layer $l$ exceeds that
   of the layer below by $n^{b + 1 + p}$, and $Z_B = n^b Z_A$ by as much.

So every layer multiplies by $n^{\max(0,\,b+p+1)}$, and the first one starts with the $Z_A$ of one module,
$n^{\max(p + 1/2,\ a + 1)}$. The law is derived at the depths below and compared with their regions; for other
depths it rests on the three steps above, which are the same in every layer.
"""


def chapter() -> str:
    """The chapter as Markdown.

    Raises:
        AssertionError: a derived region is not the one of the law.
    """
    return "\n".join((SETTING, *_shapes(), ARGUMENT, *_depths(), *_points(), CONSEQUENCES))


def _shapes() -> Iterator[str]:
    yield "## Two adapters, both rates free\n"
    rows = [["init", *(name.replace("_", " ") for name in CONDITIONS), "holds for"]]
    for init in INITS:
        alike: dict[tuple[str, ...], list[str]] = {}
        for shape, model in SHAPES.items():
            found = _at(init, "a", "b", model).decisions
            alike.setdefault(tuple(f"${found[name].latex()}$" for name in CONDITIONS), []).append(shape)
        for regions, shapes in alike.items():
            rows.append([init, *regions, "every shape" if len(shapes) == len(SHAPES) else "; ".join(shapes)])
    yield f"{markdown_table(rows)}\n"
    yield f"The shapes are: {'; '.join(SHAPES)}.\n"


def _depths() -> Iterator[str]:
    yield f"Derived for Init[A] at depths {', '.join(map(str, DEPTHS))}, each equal to the law:\n"
    rows = [["depth", "stable", "gradient stable", "efficient"]]
    for depth in DEPTHS:
        found = _at("Init[A]", "a", "b", LoraStack(depth)).decisions
        assert found["stable"].region == Region.of(_law(depth)), depth
        rows.append([str(depth), *(f"${found[name].latex()}$" for name in CONDITIONS)])
    yield f"{markdown_table(rows)}\n"
    yield r"""So at $a = -1$ the largest stable $b$ is $-\frac{L-1}{2L}$, which tends to $-\frac12$; and with
$\eta_B = n\,\eta_A$, as in LoRA+, the largest stable $\eta_A$ is $n^{-1}$ for one module and less for more:
"""
    rows = [["depth", *map(str, DEEP)]]
    lines = ((r"largest $b$ at $a = -1$", "-1", "b"), (r"largest $a$ where $b = a + 1$", "a", "a + 1"))
    for title, a, b in lines:
        edges = (next(iter(_at("Init[A]", a, b, LoraStack(depth)).max_stable.values())) for depth in DEEP)
        rows.append([title, *(f"${edge.latex()}$" for edge in edges)])
    yield f"{markdown_table(rows)}\n"


def _law(depth: int) -> Polyhedron:
    """b + max(0, a + 1) + (L - 1) max(0, b + 1/2) <= 0."""
    a, b = map(Affine.symbol, "ab")
    zero, half = Affine.of(0), Affine.of(1) / 2
    return nonpositive_region(Exponent((zero, a + 1)) + Exponent((b, b + (depth - 1) * (b + half))))


def _points() -> Iterator[str]:
    yield "## Exponents at the rates in use\n"
    yield "Settled exponents of three plain layers under Adam, lowest layer first:\n"
    rows = [["rates", "$a$", "$b$", "$Z_A$", "$Z_B$", r"$\partial L/\partial z_l$", "stable", "efficient"]]
    for title, (init, a, b) in POINTS.items():
        found = _at(init, a, b, LoraStack(3))
        last = found.run.last.sizes
        layers = (", ".join(str(last[f"{name}[{layer}]"]) for layer in (1, 2, 3)) for name in ("Z_A", "Z_B", "dZ"))
        holds = (str(found.decisions[name].holds).lower() for name in ("stable", "efficient"))
        rows.append([title, f"${a}$", f"${b}$", *(f"${layer}$" for layer in layers), *holds])
    yield f"{markdown_table(rows)}\n"


CONSEQUENCES = r"""## What follows

- One rate for both factors, $n^{-1/2}$ from Init[A] or $n^{-1}$ from Init[B], is as stable in depth as in one
  module.
- LoRA+'s ratio of $n$ **from Init[A] is not**: at $(-1, 0)$ the features of layer $l$ grow like $n^{(l-1)/2}$. A
  norm in front of each module caps $Z_A$ and leaves the edge where it is. On $a + b = -1$ a network bears $b \le
  -\frac12$.
- The same ratio from Init[B], or from an $A_0$ of size $1/n$, is stable and efficient at every depth derived here:
  there the path through $A_{l,0}$ is not larger than the direct one.
"""


@cache
def _at(init: str, a: str, b: str, model: LoraStack) -> Derivation:
    start, end = INITS[init]
    return derived(Scheme("stack", {"A": start, "B": end, "eta_A": a, "eta_B": b}, model=model))
