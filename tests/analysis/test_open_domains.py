"""Schemes whose domain has strict inequalities: all is as on the closed domain, less the edge that is left out."""

from __future__ import annotations

import pytest

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron, Region, at_least, at_most
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.analysis.edge_law import edge_laws
from gamma_calc.analysis.largest_rates import frontier, largest_rate
from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import at_largest_rate
from tests.schemes import scheme

INIT_A, INIT_B, BOTH = ("-1/2", "zero"), ("zero", "-rank/2"), ("p", "q")
ETA, RHO, A, B = (Affine.symbol(name) for name in ("eta", "rho", "a", "b"))


def pair(init: tuple[str, str], rates: tuple[str, str], between: tuple[str, ...], **others: str) -> list[Derivation]:
    """The derivation on an open domain, and on its closure."""
    closed = tuple(rule.replace("<", "<=").replace(">", ">=") for rule in between)
    return [derived(scheme(*init, *rates, between=rules, **others)) for rules in (between, closed)]


CASES = {
    "a rank that grows": (INIT_A, ("eta", "eta"), ("0 < rho",), {"rank": "rho"}),
    "a rank that grows, B random": (
        INIT_B,
        ("eta", "eta"),
        ("0 < rank", "rank < 1"),
        {"rank": "rho", "scale": "-rank"},
    ),
    "a rank that grows, gradient descent": (INIT_A, ("a", "b"), ("0 < rank",), {"rank": "rho", "optimizer": "sgd"}),
    "both random": (BOTH, ("eta", "eta"), ("p < 0", "q < 0", "p + q > -2"), {}),
    "rates": (INIT_A, ("a", "b"), ("b < 0", "a > -3"), {}),
    "rates, decay": (INIT_A, ("a", "b"), ("b < 0", "l > 0"), {"decay": "l"}),
}


@pytest.mark.parametrize(("init", "rates", "between", "others"), CASES.values(), ids=CASES)
def test_an_open_domain_leaves_its_edge_out(
    init: tuple[str, str], rates: tuple[str, str], between: tuple[str, ...], others: dict[str, str]
) -> None:
    opened, closed = pair(init, rates, between, **others)
    domain = opened.scheme.domain
    assert not domain.is_closed and closed.scheme.domain == domain.closure
    for name, decision in opened.decisions.items():
        assert decision.status is closed.decisions[name].status
        assert decision.region == closed.decisions[name].region & domain
    for mine, theirs in zip(opened.run.last.sizes.values(), closed.run.last.sizes.values(), strict=True):
        assert mine.upper.pieces == theirs.upper.pieces and mine.lower.pieces == theirs.lower.pieces


def test_the_edge_matters() -> None:
    """The negative control: the open region is not the closed one."""
    opened, closed = pair(INIT_A, ("eta", "eta"), ("0 < rho",), rank="rho")
    assert opened.decisions["stable"].region != closed.decisions["stable"].region


def test_a_condition_that_holds_on_the_missing_edge_alone_never_holds() -> None:
    opened, closed = pair(INIT_A, ("eta", "eta"), ("eta > -1/2",))
    assert str(closed.decisions["stable"].region) == "eta = -1/2"
    assert opened.decisions["stable"].region.is_empty
    assert opened.max_stable["eta"].bounds is None


def test_a_supremum_that_the_domain_leaves_out_is_not_attained() -> None:
    found = derived(scheme(*INIT_A, "eta", "eta", between=("eta < -3/4",)))
    largest = found.max_stable["eta"]
    assert (largest.value, largest.attained) == ("-3/4", False)
    assert not found.at_max and not found.undertrained
    with pytest.raises(BadInput, match="leaves out"):
        at_largest_rate(found.scheme)
    with pytest.raises(BadInput, match="leaves out"):
        edge_laws(found.scheme)


def test_a_supremum_below_the_missing_edge_is_attained() -> None:
    found = derived(scheme(*INIT_A, "eta", "eta", rank="rho", between=("rho > 0", "eta < 0")))
    largest = found.max_stable["eta"]
    assert (largest.value, largest.attained) == ("-rho/2 - 1/2", True)
    assert str(largest.valid_on) == "rho > 0 and rho <= 1"


def strictly(form: Affine) -> Inequality:
    return Inequality(form, strict=True)


def test_a_supremum_that_is_attained_in_places_is_not_attained() -> None:
    below = [at_most(ETA, RHO), at_most(ETA, 1), strictly(RHO)]
    assert largest_rate("eta", Polyhedron.of(*below)).attained
    assert not largest_rate("eta", Polyhedron.of(*below, strictly(1 - ETA))).attained
    assert largest_rate("eta", Polyhedron.of(*below, strictly(1 - RHO))).attained


def test_a_frontier_has_no_edge_that_is_left_out() -> None:
    stable = Polyhedron.of(at_most(A + B, -1), strictly(-B), at_least(A, -3))
    (edge,) = frontier(("a", "b"), stable)
    assert edge.line == Equality(A + B + 1)
    assert edge.endpoints == ({"a": -1, "b": 0},)
    assert len(frontier(("a", "b"), stable.closure)) == 2
    assert Region.of(edge.where) != Region.of(edge.where.closure)
