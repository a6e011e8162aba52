"""The law that a scheme's rates follow: the published edges in width and rank, and what has no law."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc.algebra import Affine, parsed_affine
from gamma_calc.analysis.edge_law import edge_laws
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text


def scheme_with(**exponents: str) -> Scheme:
    rows = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta", **exponents}
    return scheme_from_text("[exponents]\n" + "".join(f'{key} = "{value}"\n' for key, value in rows.items()))


FIXED_RANK = {
    # name: (optimiser, eta_A, eta_B): what the papers on initialisation and LoRA+ derive
    "init-a": ("adam", "-1/2", "-1/2"),
    "init-b": ("adam", "-1", "-1"),
    "lora-plus-a": ("adam", "-1", "0"),
    "lora-plus-b": ("sign", "-1", "0"),
}


@pytest.mark.parametrize(("name", "row"), FIXED_RANK.items(), ids=FIXED_RANK)
def test_the_width_law_is_the_published_edge(name: str, row: tuple[str, str, str]) -> None:
    (law,) = edge_laws(CATALOGUE[name].under(row[0]))
    assert law.rho is None and law.is_stable is True
    assert (str(law.exponents["eta_A"]), str(law.exponents["eta_B"])) == row[1:]


@pytest.mark.parametrize("k", [Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(1)], ids=str)
def test_the_rank_law_of_init_a_is_the_published_one(k: Fraction) -> None:
    # Largest exponent -1/2 - (1 - k) rho / 2 for a scale r^(-k): the rate goes as r^(-(1 - k)/2).
    (law,) = edge_laws(scheme_with(scale=str(-k * Affine.symbol("rank"))), with_rank=True)
    assert law.rho is not None
    form = law.exponents["eta_A"]
    assert (form.constant, form.coefficient(law.rho)) == (Fraction(-1, 2), -(1 - k) / 2)


def test_init_b_is_free_of_the_rank() -> None:
    (law,) = edge_laws(CATALOGUE["init-b"], with_rank=True)
    assert law.exponents["eta_A"] == Affine.of(-1)


@pytest.mark.parametrize("constant", ["0", "1/3", "1"])
def test_the_law_with_a_free_rank_does_not_ask_which_rank_the_scheme_has(constant: str) -> None:
    expected = edge_laws(CATALOGUE["init-a"], with_rank=True)[0].exponents
    assert edge_laws(scheme_with(rank=constant), with_rank=True)[0].exponents == expected


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)], ids=str)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_each_piece_is_what_the_engine_says_at_that_rank(name: str, optimizer: str, rho: Fraction) -> None:
    scheme = CATALOGUE[name].under(optimizer)
    (there,) = edge_laws(replace(scheme, exponents={**scheme.exponents, "rank": Affine.of(rho)}))
    pieces = [law for law in edge_laws(scheme, with_rank=True) if law.where.contains({"rho": rho})]
    assert pieces
    for law in pieces:
        assert {key: form.at({"rho": rho}) for key, form in law.exponents.items()} == {
            key: form.constant for key, form in there.exponents.items()
        }


@pytest.mark.parametrize("sigma", [Fraction(-1), Fraction(-1, 4), Fraction(0), Fraction(1, 4), Fraction(3, 2)], ids=str)
@pytest.mark.parametrize("rho", [Fraction(0), Fraction(1, 2)], ids=str)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", ["init-a", "init-b", "lora-plus-a", "lora-plus-b"])
def test_a_free_scale_is_a_size_of_its_own(name: str, optimizer: str, rho: Fraction, sigma: Fraction) -> None:
    scheme = CATALOGUE[name].under(optimizer)
    free, there = (
        replace(scheme, exponents={**scheme.exponents, "rank": Affine.of(rho), "scale": form})
        for form in (Affine.symbol("sigma"), Affine.of(sigma))
    )
    (expected,) = edge_laws(there)
    point = {"rho": rho, "sigma": sigma}
    pieces = [law for law in edge_laws(free, with_rank=True, scale="sigma") if law.where.contains(point)]
    assert pieces
    for law in pieces:
        assert {key: form.at(point) for key, form in law.exponents.items()} == {
            key: form.constant for key, form in expected.exponents.items()
        }
        assert law.power("eta_A").endswith(f" s^({law.exponents['eta_A'].coefficient('sigma')})")
    with pytest.raises(BadInput, match="sigma is free; fix it"):
        edge_laws(free)


def test_a_kink_makes_two_laws() -> None:
    laws = edge_laws(CATALOGUE["lora-plus-a"].under("sgd"), with_rank=True)
    assert {(str(law.exponents["eta_A"]), str(law.where)) for law in laws} == {
        ("-3/2", "rho >= 0 and rho <= 1/2"),
        ("-rho - 1", "rho >= 1/2 and rho <= 1"),
    }


def test_a_rate_that_names_the_rank_keeps_it() -> None:
    (law,) = edge_laws(scheme_with(eta_A="eta - rank", eta_B="eta - rank"), with_rank=True)
    assert law.exponents["eta_A"] == parsed_affine("-rho/2 - 1/2")


@pytest.mark.parametrize(("eta", "stable"), [("-1/2", True), ("0", False)])
def test_given_rates_follow_themselves(eta: str, stable: bool) -> None:
    (law,) = edge_laws(CATALOGUE["init-a"].at({"eta": parsed_affine(eta)}))
    assert law.exponents["eta_A"] == parsed_affine(eta)
    assert law.is_stable is stable


def test_a_frozen_factor_has_no_rate() -> None:
    (law,) = edge_laws(replace(CATALOGUE["init-a"], trained=frozenset("A")).at({"eta": Affine.of(-1)}))
    assert set(law.exponents) == {"eta_A"}


REFUSED = {
    "two-rates": (scheme_with(eta_A="a", eta_B="b"), False, "--at a=-1"),
    "free-init": (scheme_with(A="zero", B="-k", eta_A="-1", eta_B="-1"), False, "--at k=0"),
    "free-init-and-rate": (scheme_with(A="p"), False, "--at p=0"),
    "rank-free": (scheme_with(rank="rho"), False, "both ranks"),
    "rank-sum": (scheme_with(rank="rho/2"), True, "one free exponent"),
    "frozen": (replace(CATALOGUE["init-a"], trained=frozenset()), False, "nothing is trained"),
    "nothing-bounds-it": (replace(CATALOGUE["init-b"], trained=frozenset("B")), False, "--at eta=-1"),
    "nothing-is-stable": (scheme_with(A="1", B="1"), False, "no value"),
}


@pytest.mark.parametrize(("scheme", "with_rank", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_law_is_refused(scheme: Scheme, with_rank: bool, expected: str) -> None:
    with pytest.raises((BadInput, Unknown)) as refused:
        edge_laws(scheme, with_rank=with_rank)
    assert expected in str(refused.value)


@pytest.mark.parametrize("phi", [Fraction(0), Fraction(1, 2), Fraction(1), Fraction(3, 2)], ids=str)
def test_a_free_fan_out_is_a_size_of_its_own(phi: Fraction) -> None:
    """A frozen B of n^(-phi/2), as an output of n^phi coordinates has it when its columns have length 1."""

    def frozen(size: str) -> Scheme:
        return replace(scheme_with(A="zero", B=f"-1/2*{size}" if size.isalpha() else str(-phi / 2), fan_out=size))

    free = replace(frozen("phi"), trained=frozenset("A"))
    (law,) = edge_laws(free, with_fan_out=True)
    (there,) = edge_laws(replace(frozen(str(phi)), trained=frozenset("A")))
    assert law.power("eta_A") == "n^(-1) m^(1/2)"
    assert law.exponents["eta_A"].at({"phi": phi}) == there.exponents["eta_A"].constant
    with pytest.raises(BadInput, match="phi is free; fix it"):
        edge_laws(free)
    with pytest.raises(BadInput, match="fan_out: found '1', expected one free exponent"):
        edge_laws(CATALOGUE["init-a"], with_fan_out=True)
