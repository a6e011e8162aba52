"""A module trained at several widths: slopes known in closed form; the engine's own predictions are not used."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.experiment.setup import RANK_AT_ONE, Settings, network_experiment
from gamma_calc.simulation.axis_sizes import FIXED
from gamma_calc.simulation.program_sizes import (
    MEAN,
    ProgramExperiment,
    ProgramMeasurement,
    _paired,
    drawn_tensors,
    program_sizes,
    sizes_at_rates,
)
from gamma_calc.simulation.slopes import slope_estimate
from gamma_calc.simulation.verdicts import Verdict, verdict
from tests.schemes import scheme

WIDTHS = tuple(2**k for k in range(4, 11))
HALF = Fraction(1, 2)
SIGNIFICANCE = 1e-4
"""The chance that a right sampler fails one of these tests; the seeds are fixed, so it is drawn once."""


def experiment(*exponents: str, **others: str) -> ProgramExperiment:
    settings = Settings(widths=WIDTHS, seeds=16, steps=2, seed=3)
    return network_experiment(scheme(*exponents, optimizer="sign", **others), settings, Fraction(1))


@pytest.fixture(scope="module")
def init_a() -> ProgramMeasurement:
    return program_sizes(experiment("-1/2", "zero", "-1", "-1/2"))


def test_the_first_sign_step_has_its_closed_form(init_a: ProgramMeasurement) -> None:
    """With B_0 = 0: U_B = -eta_B sign(..) exactly, U_A = 0, and delta_2 is all that happens at t = 1."""
    found, n = init_a.mean_square, np.array(WIDTHS, dtype=np.float64)[:, None]
    # 2^-53 a rounding in the sum of some thousand equal squares, pairwise: far below 1e-12.
    np.testing.assert_allclose(found[1, "B", ("U_B",)], np.repeat(1 / n, 16, axis=1), rtol=1e-12)
    assert not {(1, "A", ("U_A",)), (1, "Delta_Z_B", ("U_B", "dA"))} & found.keys()
    np.testing.assert_array_equal(found[1, "Delta_Z_B", None], found[1, "delta_2", ("dB", "A_0")])
    assert not init_a.is_excluded.any()


EXPECTED = {
    # Sums over the width: independent adds 1/2, aligned adds 1 (THEORY: rules); sizes of the experiment above.
    (1, "Z_A", ("A_0",)): Fraction(0),
    (1, "delta_2", ("dB", "A_0")): -HALF,
    (2, "Z_A", ("U_A",)): Fraction(0),
    (2, "delta_1", ("U_B", "dA")): -HALF,
    (2, "A", ("A_0",)): -HALF,
}


def test_slopes_are_those_of_the_central_limit_and_the_law_of_large_numbers(init_a: ProgramMeasurement) -> None:
    for key, predicted in EXPECTED.items():
        estimate = slope_estimate(WIDTHS, init_a.mean_square[key], init_a.is_excluded)
        assert verdict(predicted, estimate).verdict is Verdict.PASS, (key, verdict(predicted, estimate).reason)
        assert verdict(Fraction(1, 4), estimate).verdict is Verdict.FAIL


def test_seeds_repeat_and_differ() -> None:
    one, key = experiment("-1/2", "zero", "-1", "-1/2"), (2, "Z_B", None)
    first, again, other = (program_sizes(replace(one, seed=seed)).mean_square[key] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()
    more = program_sizes(replace(one, seed=1, runs=20)).mean_square[key]
    np.testing.assert_allclose(more[:, :16], first, rtol=1e-10)


@pytest.mark.parametrize(("growth", "first"), [("0", FIXED), ("1/2", RANK_AT_ONE)])
def test_a_coefficient_of_the_rank_is_a_power_of_it(growth: str, first: int) -> None:
    """B_0 has variance 1/r, and s = 1/r, at a rank that is fixed as at one that grows."""
    of_rank = experiment("-1/2", "-rank/2", "-1", "-1/2", rank=growth, scale="-rank")
    found = program_sizes(replace(of_rank, widths=(64, 256), runs=64)).mean_square
    rank = np.array([round(first * n ** float(Fraction(growth))) for n in (64, 256)])
    # 64 runs of some hundred entries or more each, of a variance that is known to 1 %.
    np.testing.assert_allclose(found[1, "B", ("B_0",)].mean(axis=1), 1 / rank, rtol=0.05)
    # Z has a mean of MEAN beside a variance of one; the few entries of A_0 Z in each run leave some 5 % of chance.
    expected = (1 + MEAN**2) / rank**2
    np.testing.assert_allclose(found[1, "Z_B", ("B_0", "A_0")].mean(axis=1), expected, rtol=0.2)


@pytest.mark.parametrize("width", [12, 5, 2], ids="{} coordinates".format)
def test_initial_entries_are_iid_normal(width: int) -> None:
    """Though their sums against the data are replaced; with fewer coordinates than samples nothing is."""
    found = drawn_tensors(experiment("-1/2", "-1/2", "-1", "-1/2"), width, range(600))
    for name in ("A", "B"):
        entries = found[name].flatten(1).numpy()
        assert stats.kstest(entries.ravel(), "norm").pvalue > SIGNIFICANCE
        # Independence of entries, through all pairs: under the law, runs times the sum of squared correlations over
        # pairs is chi-squared to first order.
        pairs = (entries.T @ entries / len(entries))[np.triu_indices(entries.shape[1], 1)]
        assert stats.chi2.sf(len(entries) * (pairs**2).sum(), len(pairs)) > SIGNIFICANCE
        # A second, sharper look at the direction that is replaced: random projections of all entries.
        projected = entries @ np.random.default_rng(0).standard_normal((entries.shape[1], 1))
        assert stats.kstest(projected.ravel() / projected.std(), "norm").pvalue > SIGNIFICANCE


def test_initial_entries_are_independent_of_the_data() -> None:
    """The sizes of A_0 Z relative to Z are those of r normal numbers, whatever Z is."""
    one = replace(experiment("-1/2", "zero", "-1", "-1/2"), first={"rank": 3, "batch": 1})
    found = drawn_tensors(one, 9, range(800))
    size = found["Z"].square().sum((1, 2))
    squares = ((found["A"] @ found["Z"]).square().sum((1, 2)) / size).numpy()
    assert stats.kstest(squares, "chi2", args=(3,)).pvalue > SIGNIFICANCE
    assert stats.spearmanr(squares, size.numpy()).pvalue > SIGNIFICANCE


def test_sums_against_the_data_are_paired_over_widths() -> None:
    """A_0 H = G L^T, H = (dZ, Z), L L^T = H^T H, with the same G at every width, also where each is drawn by itself."""
    one, sums = experiment("-1/2", "-1/2", "-1", "-1/2"), []
    for width in (16, 64):
        found = drawn_tensors(one, width, range(4, 5))
        data = torch.cat([found[each.name][0] for each in one.givens], dim=1)
        for factor in (found["A"][0], found["B"][0].mT):
            root = torch.linalg.cholesky(data.mT @ data)
            sums.append(torch.linalg.solve_triangular(root.mT, factor @ data, upper=True, left=False))
    torch.testing.assert_close(sums[0], sums[2], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sums[1], sums[3], rtol=1e-10, atol=1e-10)
    assert not torch.isclose(sums[0], sums[1]).any()


def test_entries_are_left_as_they_were_drawn_where_data_depend_on_each_other() -> None:
    """Columns that are multiples of each other, as a model's own decays of its states are, have one sum, not three."""
    drawn, sums = torch.randn(2, 4, 9).double(), torch.randn(2, 4, 3).double()
    data = torch.randn(2, 9, 1).double() * torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(_paired(drawn, 2, data, sums), drawn)
    assert not torch.equal(_paired(drawn, 2, torch.randn(2, 9, 3).double(), sums), drawn)


def test_a_run_does_not_depend_on_the_others() -> None:
    many, one = (drawn_tensors(experiment("-1/2", "-1/2", "-1", "-1/2"), 10, runs) for runs in (range(5), range(3, 4)))
    assert all(torch.equal(each[3], one[name][0]) for name, each in many.items())


@pytest.mark.parametrize("others", [{}, {"decay": "1/2", "momentum": "0", "feedback": "-1"}], ids=["plain", "all"])
def test_runs_at_several_rates_are_those_at_each(others: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    one = replace(experiment("-1/2", "-1/2", "-1", "-1/2", **others), widths=(24,), runs=5)
    whole = sizes_at_rates(one, (1.0, 0.25))
    for place, factor in enumerate((1.0, 0.25)):
        rates = {name: one.prefactors.get(name, 1.0) * factor for name in ("eta_A", "eta_B")}
        alone = program_sizes(replace(one, prefactors={**one.prefactors, **rates}))
        for key, squares in alone.mean_square.items():
            # A batched product may add in another order.
            np.testing.assert_allclose(whole.mean_square[key][0, place], squares[0], rtol=1e-10)
    monkeypatch.setattr("gamma_calc.simulation.program_sizes.MEMORY_BOUND", 1)
    pieces = sizes_at_rates(one, (1.0, 0.25), first=2)
    for key, squares in whole.mean_square.items():
        np.testing.assert_allclose(pieces.mean_square[key][..., :3], squares[..., 2:], rtol=1e-10)
    assert pieces.underflowed.shape == (1, 2, 5)
