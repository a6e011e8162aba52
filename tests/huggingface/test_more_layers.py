"""What further layers would change, told from two: held to stacks of which all layers are derived."""

from __future__ import annotations

import pytest

from gamma_calc.algebra import Exponent
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.size import Size
from gamma_calc.huggingface.more_layers import MoreLayers, more_layers
from gamma_calc.program.models import LoraStack
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from gamma_calc.tracing.traced import TracedLayer

LAYERS = tuple(TracedLayer(f"v[{layer}]", "v", (f"Z_A[{layer}]", f"Z_B[{layer}]")) for layer in (1, 2))


def stack(depth: int, eta_b: str) -> Derivation:
    exponents = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": eta_b}
    return derived(Scheme("stack", exponents, OPTIMIZERS["adam"], model=LoraStack(depth)))


def more(found: Derivation, layers: int) -> MoreLayers:
    sizes = {f"v[{layer}]": {"Z_A": found.at_max[f"Z_A[{layer}]"]} for layer in (1, 2)}
    made = more_layers(LAYERS, sizes, found, layers)
    assert made is not None
    return made


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_two_layers_tell_the_largest_stable_rate_of_all(depth: int) -> None:
    every = stack(depth, "eta + 1").max_stable["eta"]
    assert more(stack(2, "eta + 1"), depth - 2).max_stable["eta"].value == every.value


def test_layers_that_repeat_change_nothing() -> None:
    assert more(stack(2, "eta"), 4) == MoreLayers((), {})


def test_what_grows_and_need_not_stay_bounded_leaves_the_rate() -> None:
    found = stack(2, "eta")
    sizes = {"v[1]": {"Z_A": Size.exactly(Exponent.of(0))}, "v[2]": {"Z_A": found.at_max["Z_A[2]"]}}
    made = more_layers(LAYERS, sizes, found, 4)
    assert made is not None and made.growing
    assert made.max_stable["eta"].value == found.max_stable["eta"].value == "-1/2"
