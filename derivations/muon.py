"""The chapter on Muon: what orthogonalised steps do to LoRA's factors, in one module and in a stack of them.

Every region in it is derived when the chapter is written. That one rate of Muon is LoRA+'s two rates of Adam is derived
too, for each init and depth of a table, and writing stops where it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from derivations.depth import INITS as ENTRIES
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.document.tables import markdown_table
from gamma_calc.program.models import LoraStack
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.scheme import Scheme

INITS = ("Init[A]", "Init[B]")
DEPTHS = (1, 2, 3)
CONDITIONS = ("stable", "internally_stable", "efficient")
ADAMS = {"muon": ("a - 1", "b"), "muon-rms": ("a", "b")}
"""The exponents of Adam's two rates whose steps have the same entries as those at n^a and n^b."""

SETTING = r"""# Muon on adapters

Written by `python derivations/make.py`. Derived here, and measured in
[validation/muon](../validation/muon/README.md); no published exponent of Muon on LoRA is known to us.

Muon replaces a gradient $G = U S V^\top$ by $U V^\top$. With a batch of fixed size and a fixed rank its singular values
are $\Theta(1)$ and few, so the entries of a step of an $n^m \times n^k$ matrix are $\Theta(n^{-(m+k)/2})$, and they are
aligned with what the matrix meets. Both factors of LoRA have one growing side, so $U V^\top$ has entries $n^{-1/2}$ in
$A$ and in $B$. Two scales are in use:

- `muon`, $\sqrt{\text{fan out}/\text{fan in}}$, makes them $n^{-1}$ in $A$ and $n^0$ in $B$;
- `muon-rms`, $0.2\sqrt{\max(\text{fan out}, \text{fan in})}$, makes them $n^0$ in both, as Adam does.

So one rate $\eta$ of `muon` moves the factors as Adam does with $\eta_A = \eta/n$ and $\eta_B = \eta$: the ratio of
LoRA+, which the scale has built in. One rate of `muon-rms` is one rate of Adam.
"""
EQUAL = r"""## The same regions as Adam's

With rates $n^a$ and $n^b$, `muon` has the regions of Adam at $(a - 1, b)$, and `muon-rms` those of Adam at $(a, b)$:
derived and compared for every condition, from both inits, in stacks of 1, 2 and 3 adapters, $z_l = z_{l-1} + B_l A_l
z_{l-1}$.
"""
CONSEQUENCES = r"""## What follows

- In one module, one rate $n^0$ of `muon` is stable and efficient from Init[A] and from Init[B], with $Z_A = \Theta(1)$.
  No single rate of Adam does that.
- In a stack, `muon` from Init[A] inherits what LoRA+ does [in depth](depth.md). By the law there its rate has to fall
  to $n^{-(L-1)/(2L)}$ with $L$ adapters, and from two on no rate is efficient. At $n^0$ the second layer's $Z_A$ and
  $Z_B$ grow as $n^{1/2}$.
- From Init[B], $n^0$ is stable and efficient at each of these depths.
- `muon-rms` has to be scaled as Adam: a rate $n^{-1/2}$ from Init[A], $n^{-1}$ from Init[B].
"""


def chapter() -> str:
    """The chapter as Markdown.

    Raises:
        AssertionError: a region of Muon's is not that of Adam's at the rates named for it.
    """
    return "\n".join((SETTING, *_one_rate(), EQUAL, *_two_rates(), CONSEQUENCES))


def _one_rate() -> Iterator[str]:
    yield "## One rate\n"
    rows = [["optimiser", "init", "adapters", *(name.replace("_", " ") for name in CONDITIONS)]]
    for optimizer in ADAMS:
        for init in INITS:
            for depth in DEPTHS:
                found = _at(optimizer, init, "eta", "eta", depth).decisions
                rows.append([optimizer, init, str(depth), *(f"${found[name].latex()}$" for name in CONDITIONS)])
    yield f"{markdown_table(rows)}\n"


def _two_rates() -> Iterator[str]:
    rows = [["init", "adapters", *(name.replace("_", " ") for name in CONDITIONS)]]
    for init in INITS:
        for depth in DEPTHS:
            for optimizer, rates in ADAMS.items():
                muon, adam = _at(optimizer, init, "a", "b", depth), _at("adam", init, *rates, depth)
                regions = {name: made.region for name, made in muon.decisions.items()}
                assert regions == {name: made.region for name, made in adam.decisions.items()}, (optimizer, init, depth)
            found = _at("muon", init, "a", "b", depth).decisions
            rows.append([init, str(depth), *(f"${found[name].latex()}$" for name in CONDITIONS)])
    yield f"Those of `muon`:\n\n{markdown_table(rows)}\n"


def _at(optimizer: str, init: str, a: str, b: str, depth: int) -> Derivation:
    factors = dict(zip(("A", "B"), ENTRIES[init], strict=True))
    scheme = Scheme("stack", {**factors, "eta_A": a, "eta_B": b}, named_optimizer(optimizer), model=LoraStack(depth))
    return derived(scheme)
