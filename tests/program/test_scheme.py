"""A scheme made in Python says what a spec file may say, and nothing else."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc import derive, transfer
from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import MODULE, LoraStack, Model
from gamma_calc.program.optimizers import Optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

TEXTS: dict[str, Any] = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta"}


def made(**changes: Any) -> Scheme:
    exponents = {**TEXTS, **changes.pop("exponents", {})}
    return Scheme(**{"name": "mine", "exponents": exponents, **changes})


def test_texts_and_numbers_are_read_as_in_a_file() -> None:
    text = """
        optimizer = "sgd"
        [exponents]
        A = "-1/2"
        B = "zero"
        eta_A = "eta"
        eta_B = "eta"
        scale = 1
        rank = "1/2"
        [trained]
        A = false
        [domain]
        between = ["eta <= 0"]
    """
    more = {"A": Fraction(-1, 2), "scale": 1, "rank": Affine.of(Fraction(1, 2))}
    scheme = made(exponents=more, optimizer="sgd", trained=["B"], between=["eta <= 0"])
    assert scheme == scheme_from_text(text, default_name="mine")
    assert hash(scheme) == hash(scheme_from_text(text, default_name="mine"))
    assert made() == Scheme("mine", CATALOGUE["init-a"].exponents)


@pytest.mark.parametrize(("frozen", "trained"), [("A", "B"), ("B", "A")])
@pytest.mark.parametrize("model", [MODULE, LoraStack(2)], ids=lambda model: model.kind)
def test_a_frozen_factor_needs_no_rate(frozen: str, trained: str, model: Model) -> None:
    exponents = {"A": "-1/2", "B": "-1/2", f"eta_{trained}": "eta"}
    without = Scheme("mine", exponents, trained=frozenset(trained), model=model)
    given = Scheme("mine", {**exponents, f"eta_{frozen}": "-3"}, trained=frozenset(trained), model=model)
    assert derive(without).json() == derive(given).json()
    places: dict[str, Any] = {"learning_rate": 1e-3, "from_width": 64, "to_width": 128}
    assert transfer(without, **places).json() == transfer(given, **places).json()
    with pytest.raises(BadInput, match=f"the exponent eta_{frozen} is missing"):
        Scheme("mine", exponents, model=model)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "number-for-a-name": ({"name": 3}, "name: found 3, expected up to 64 letters"),
    "no-name": ({"name": ""}, "name: found ''"),
    "path-for-a-name": ({"name": "../../escaped"}, "name: found '../../escaped'"),
    "markup-for-a-name": ({"name": "<script>"}, "name: found"),
    "lines-for-a-name": ({"name": "a\nb"}, r"name: found 'a\\nb'"),
    "other-digits-for-a-name": ({"name": "\u0661"}, "name: found"),
    "float": ({"exponents": {"A": -0.5}}, "A: found -0.5, expected an affine form"),
    "truth": ({"exponents": {"A": True}}, "A: found True"),
    "list": ({"exponents": {"A": ["eta"]}}, r"A: found \['eta'\]"),
    "power-of-ten": ({"exponents": {"A": "-5e-1"}}, "A: affine form '-5e-1'"),
    "key-as-a-name": ({"exponents": {"A": "gradient"}}, "A: affine form 'gradient'.* reserved"),
    "large-integer": ({"exponents": {"A": 10**30}}, "A: found 1000.*at most 30 digits"),
    "larger-integer": ({"exponents": {"A": 10**5000}}, "A: found an integer of thousands of digits"),
    "large-fraction": ({"exponents": {"A": Fraction(1, 10**30)}}, "A: found Fraction.*at most 30 digits"),
    "steps-as-a-name": ({"exponents": {"eta_A": "1 - T"}}, "eta_A: affine form '1 - T'.* reserved"),
    "zero-rate": ({"exponents": {"eta_A": None}}, "eta_A cannot be zero"),
    "misspelt-zero": ({"exponents": {"B": "zro"}}, "B: found 'zro', expected zero, .* Did you mean 'zero'"),
    "unknown-key": ({"exponents": {"etaA": 0}}, "unknown exponent 'etaA'.* Did you mean 'eta_A'"),
    "number-for-a-key": ({"exponents": {3: 0}}, "unknown exponent 3"),
    "no-table": ({"exponents": ["A"]}, "exponents: found"),
    "list-of-exponents": ({"exponents": {}, "between": "eta <= 0"}, "between: found 'eta <= 0', expected a list"),
    "bad-inequality": ({"between": ["eta"]}, "between: inequality 'eta'"),
    "number-in-between": ({"between": [3]}, "between: found"),
    "unknown-optimizer": ({"optimizer": "adm"}, "optimizer: found 'adm'.* Did you mean 'adam'"),
    "number-for-an-optimizer": ({"optimizer": 3}, "optimizer: found 3"),
    "text-for-trained": ({"trained": "A"}, "trained: found 'A'"),
    "unknown-trained": ({"trained": ["C"]}, "trained: found"),
}


@pytest.mark.parametrize("subject", CATALOGUE.values(), ids=CATALOGUE)
def test_a_scheme_travels_to_another_process(subject: Scheme) -> None:
    assert pickle.loads(pickle.dumps(subject)) == copy.deepcopy(subject) == subject


def test_a_value_may_be_a_text_as_in_derive() -> None:
    init_a = CATALOGUE["init-a"]
    assert init_a.at({"eta": "-1/2"}) == init_a.at({"eta": Fraction(-1, 2)})
    assert init_a.at({"eta": "k - 1"}).free == ("k",)
    with pytest.raises(BadInput, match=r"the value of eta: found 0\.5"):
        init_a.at({"eta": 0.5})  # type: ignore[dict-item]


@pytest.mark.parametrize("word", ["zro", "zeros", "zerp", "hero", "azero", "zzero", "zer", "zer0", "Zero", " ZERO "])
def test_a_word_within_one_edit_of_zero_is_no_exponent(word: str) -> None:
    with pytest.raises(BadInput, match="expected zero"):
        made(exponents={"B": word})
    assert made(exponents={"scale": "zeros"}).form("scale") is not None  # which cannot be zero


@pytest.mark.parametrize("word", ["zeta", "ro", "er", "euro", "zo", "z", "zeroth", "eta", "zeros + 1"])
def test_a_word_less_like_zero_is_an_exponent(word: str) -> None:
    assert made(exponents={"B": word}).form("B") is not None


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    exponents = changes.get("exponents", {})
    whole = {
        "name": "mine",
        **changes,
        "exponents": {**TEXTS, **exponents} if isinstance(exponents, dict) else exponents,
    }
    with pytest.raises(BadInput, match=said):
        Scheme(**whole)


def test_a_value_that_breaks_a_rule_is_told_with_it() -> None:
    scheme = made(exponents={"A": "p", "rank": "rho"}, between=["rho < 1", "p <= 0"])
    with pytest.raises(BadInput, match=r"between: rho < 1 does not hold at rho = 1$"):
        scheme.at({"rho": 1, "p": -1})
    assert scheme.at({"rho": "1/2", "p": 0}).free


def test_a_key_that_there_is_not_is_no_zero() -> None:
    with pytest.raises(BadInput, match=r"a key: found 'eta_a', expected one of .*Did you mean 'eta_A'"):
        CATALOGUE["init-a"]["eta_a"]
    with pytest.raises(BadInput, match="B is zero and has no exponent"):
        CATALOGUE["init-a"]["B"]


def test_an_update_rule_of_an_unknown_kind_is_refused_by_name() -> None:
    class Momentous:
        pass

    with pytest.raises(BadInput, match="update rule: found 'Momentous', expected one of Raw, Moments"):
        Optimizer("new", Momentous())  # type: ignore[arg-type]
