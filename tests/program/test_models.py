"""Networks in a spec: what [model] and [parameters] can say, and what is refused."""

from __future__ import annotations

import pytest

from gamma_calc import derive
from gamma_calc.errors import BadInput
from gamma_calc.program.models import LoraStack, Perceptron
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

EXPONENTS = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "a"\neta_B = "b"\n'
STACK = '[model]\nkind = "lora-stack"\ndepth = 2\n' + EXPONENTS
LAYERS = '[model]\nkind = "perceptron"\nlayers = ["W_1", "W_2"]\n'
WEIGHTS = '[parameters.W_1]\ninit = "0"\nrate = "a"\n[parameters.W_2]\ninit = "-1/2"\nrate = "b"\n'


def test_a_stack_has_the_exponents_of_a_module_in_every_layer() -> None:
    scheme = scheme_from_text(STACK)
    assert scheme.model == LoraStack(2)
    assert scheme.free == scheme.rates == ("a", "b")
    assert [tensor.name for tensor in program_of(scheme).parameters] == ["A[1]", "B[1]", "A[2]", "B[2]"]


def test_the_shape_of_a_stack() -> None:
    text = STACK.replace("depth = 2\n", 'depth = 3\nfrozen = true\nmap = "relu"\n')
    assert scheme_from_text(text).model == LoraStack(3, is_frozen=True, map="relu")


def test_a_map_is_named_as_in_a_spec() -> None:
    with pytest.raises(BadInput, match=r"model\.map: found 'phi', expected one of none, relu"):
        LoraStack(2, map="phi")


def test_one_factor_can_have_its_own_init_rate_or_none() -> None:
    text = STACK + '[parameters."B[2]"]\ninit = "-1"\nrate = "c"\n[parameters."A[1]"]\ntrained = false\n'
    scheme = scheme_from_text(text)
    by_name = {tensor.name: tensor for tensor in program_of(scheme).parameters}
    assert scheme.rates == ("a", "b", "c")
    assert (str(by_name["B[2]"].initial), str(by_name["B[2]"].learning_rate)) == ("-1", "c")
    assert [name for name, tensor in by_name.items() if not tensor.is_trained] == ["A[1]"]


def test_a_perceptron_has_a_table_a_layer() -> None:
    scheme = scheme_from_text(LAYERS + WEIGHTS)
    assert scheme.model == Perceptron(("W_1", "W_2"))
    assert list(program_of(scheme).quantities) == ["h[1]", "f", "Delta_h[1]", "Delta_f"]


REFUSED = {
    "kind": ('[model]\nkind = "lora-stak"\n', "model.kind: found 'lora-stak'.*lora-stack"),
    "depth 0": (STACK.replace("depth = 2", "depth = 0"), "depth: found 0, expected a whole number from 1 to 64"),
    "depth 65": (STACK.replace("depth = 2", "depth = 65"), "depth: found 65"),
    "depth text": (STACK.replace("depth = 2", 'depth = "2"'), "depth: found '2'"),
    "map": (STACK.replace("depth = 2", 'map = "gelu"'), "model.map: found 'gelu', expected one of none, relu"),
    "norm": (STACK.replace("depth = 2", 'norm = "yes"'), "model.norm: found 'yes', expected true or false"),
    "foreign key": (STACK.replace("depth = 2", 'layers = ["W"]'), "unknown key 'layers'"),
    "layer out of range": (STACK + '[parameters."B[3]"]\nrate = "c"\n', r"found 'B\[3\]', expected one of A\[1\]"),
    "rate of a frozen factor": (
        STACK + '[parameters."B[2]"]\nrate = "c"\ntrained = false\n',
        r"B\[2\] is frozen and has a rate",
    ),
    "parameters of a module": (EXPONENTS + '[parameters.A]\nrate = "c"\n', "parameters of lora-module"),
    "fan_out of a stack": (STACK + 'fan_out = "1"\n', "unknown exponent 'fan_out'|unknown key 'fan_out'"),
    "one layer": (LAYERS.replace(', "W_2"', "") + WEIGHTS, "layers: found .* expected two names or more"),
    "too many layers": (
        '[model]\nkind = "perceptron"\nlayers = ' + str([f"W_{k}" for k in range(33)]),
        "found 33, .* 32",
    ),
    "no kind": (
        STACK.replace('kind = "lora-stack"\n', ""),
        "model.kind: found 'nothing', expected \"lora-stack\", which",
    ),
    "two of one name": (LAYERS.replace("W_2", "W_1") + WEIGHTS, "layers: found 'W_1' twice"),
    "a layer without a rate": (LAYERS + WEIGHTS.replace('rate = "b"\n', ""), r"W_2.rate is missing; write rate = "),
    "a layer that is not there": (LAYERS + WEIGHTS + '[parameters.W_3]\nrate = "c"\n', "found 'W_3', expected one of"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        scheme_from_text(text)


def test_a_perceptron_whose_first_layer_is_frozen_is_derived() -> None:
    """Random features: they do not move, and so not every feature learns."""
    exponents = {"W_1.init": "0", "W_2.init": "-1/2", "W_2.rate": "a"}
    subject = Scheme("features", exponents, model=Perceptron(("W_1", "W_2")), frozen=frozenset({"W_1"}))
    found = derive(subject).json()
    assert found["conditions"]["feature_learning"]["region"] == "never"
    assert (found["at_max"]["Delta_h[1]"], found["at_max"]["Delta_f"]) == ("-oo", "0")


def test_a_stack_whose_lowest_layer_is_frozen_is_derived() -> None:
    """Its dZ is there, though nothing below reads it."""
    exponents = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "a"}
    subject = Scheme("upper", exponents, model=LoraStack(2), frozen=frozenset({"A[1]", "B[1]"}))
    found = derive(subject).json()
    assert found["max_stable"]["a"]["value"] == "-1/2" and found["at_max"]["dZ[1]"] == "0"
    assert found["at_max"]["Delta_Z_B[1]"] == "-oo"
