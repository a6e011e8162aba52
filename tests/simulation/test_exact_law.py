"""The compressed module against the dense one: the same numbers run by run, and the same law drawn apart."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation import exact_law as law
from gamma_calc.simulation.adapter_module import AdapterModule, Extra, Training, measured_training
from gamma_calc.simulation.exact_law import CompressedAxis, CompressedModule, exact_law, law_refusal
from gamma_calc.simulation.probe import Power, ProbeConfiguration, probe
from gamma_calc.simulation.sampling import symmetric_roots

SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(0))
RULES = {"sgd, 1 sample": (Raw(), 1), "sgd, 3 samples": (Raw(), 3), "sign": (SIGN, 1), "adam": (ADAM, 1)}
INITS = {"init-a": (True, False), "init-b": (False, True), "init-ab": (True, True)}


def normal(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(shape))


def dense_module(samples: int, has_a: bool, has_b: bool, n: int = 90, m: int = 70, rank: int = 5) -> AdapterModule:
    # The rank is odd: a first step of Adam is +-1 up to rounding, and an even number of those can cancel to rounding.
    rng = np.random.default_rng(7)
    a, b = normal(rng, 1, rank, n) / math.sqrt(n), normal(rng, 1, m, rank) / 2
    dz = normal(rng, 1, m, samples).sign()
    return AdapterModule(normal(rng, 1, n, samples), dz, a if has_a else None, b if has_b else None, rank, 0.7)


def compressed(data: np.ndarray, rule: Raw | Moments, is_output: bool) -> CompressedAxis:
    """The axis that the given data would be compressed to."""
    size = len(data)
    if isinstance(rule, Raw):
        return CompressedAxis(symmetric_roots(data.T @ data)[0], size)
    if is_output:
        return CompressedAxis(np.full((1, 1), math.sqrt(size)), size, math.sqrt(size))
    z = law.positive_entries(float((data**2).sum()), float(np.abs(data).sum()), size)
    return CompressedAxis(z, size, math.sqrt(size / len(z)))


def carried(factor: np.ndarray, data: np.ndarray, axis: CompressedAxis, rule: Raw | Moments) -> np.ndarray:
    """The factor [r, n] through the isometry that takes the data, and its signs, to the compressed ones."""
    old, new = [data], [axis.data]
    if isinstance(rule, Moments) and len(axis.data) > 1:
        old, new = [data, np.sign(data)], [axis.data, axis.stretch * np.sign(axis.data)]
    basis, corner = np.linalg.qr(np.hstack(old))
    basis_new, corner_new = np.linalg.qr(np.hstack(new))
    signs = np.sign(np.diag(corner)) * np.sign(np.diag(corner_new))
    # The same corner up to signs: the compressed data have the products of the dense data with each other.
    np.testing.assert_allclose(corner_new * signs[:, None], corner, rtol=1e-9, atol=1e-9)
    inside = factor @ basis @ (basis_new * signs).T
    beyond = factor - factor @ basis @ basis.T
    return np.hstack([inside, np.linalg.cholesky(beyond @ beyond.T)])


EXTRAS = {"plain": Extra(), "momentum and decay": Extra(0.5, 0.8, 0.4), "feedback": Extra(feedback=0.02)}


# A normalised step on a loss that feeds back has no exact law, and is refused below.
HAVE_LAW = [(rule, extra) for rule in RULES for extra in EXTRAS if extra != "feedback" or rule.startswith("sgd")]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(("rule", "extra"), HAVE_LAW)
def test_a_compressed_module_measures_what_the_dense_one_does(rule: str, init: str, extra: str) -> None:
    step, samples = RULES[rule]
    module = dense_module(samples, *INITS[init])
    training = Training((0.02,), (0.05,), step, 5, extra=EXTRAS[extra])
    z, dz = module.inputs[0].numpy(), module.gradients[0].numpy()
    axes = compressed(z, step, False), compressed(dz, step, True)
    a, b = module.initial_A, module.initial_B
    small = AdapterModule(
        torch.from_numpy(law._padded(axes[0].data, module.rank))[None],
        torch.from_numpy(law._padded(axes[1].data, module.rank))[None],
        None if a is None else torch.from_numpy(carried(a[0].numpy(), z, axes[0], step))[None],
        None if b is None else torch.from_numpy(carried(b[0].mT.numpy(), dz, axes[1], step).T.copy())[None],
        module.rank,
        module.scale,
    )
    dense, found = measured_training(module, training), CompressedModule(small, axes).trained(training)
    for key, value in dense.mean_square.items():
        # Rotations round to about 1e-16 a step; the smallest terms are 1e-4 of the sums that they are taken from.
        torch.testing.assert_close(found.mean_square[key], value, rtol=1e-8, atol=0, msg=str(key))


BASE = ProbeConfiguration(
    widths=(40,),
    runs=400,
    steps=3,
    A=Power(Fraction(-1, 2)),
    B=Power(Fraction(-1, 2)),
    eta_A=Power(Fraction(-1, 2)),
    eta_B=Power(Fraction(-1, 2)),
    optimizer=SIGN,
    samples=1,
    base_rank=3,
    is_paired=False,
)


@pytest.mark.parametrize(
    ("optimizer", "samples"), [(SIGN, 1), (ADAM, 1), (Raw(), 2)], ids=["sign", "adam", "sgd, 2 samples"]
)
def test_the_drawn_law_is_the_dense_one(optimizer: Raw | Moments, samples: int) -> None:
    configuration = replace(BASE, optimizer=optimizer, samples=samples)
    dense, found = probe(configuration), exact_law(replace(configuration, seed=1))
    keys = [key for key in dense.mean_square if key[0] == 3]
    for key in keys:
        pair = dense.mean_square[key][0], found.mean_square[key][0]
        # Values that only rounding tells apart, such as the size of a sum of signs, have to agree as one.
        rounded = [np.round(np.log(np.maximum(values, 1e-300)), 9) for values in pair]
        assert stats.ks_2samp(*rounded).pvalue > 1e-3 / len(keys), key


def test_above_the_direct_entries_the_sums_keep_their_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """The normal law of (|Z|^2, |Z|_1) against sums of entries: means, variances and correlation."""
    rng, n, draws = np.random.default_rng(0), 4096, 4000
    direct = np.array([law.half_normal_sums(rng, n) for _ in range(draws)])
    monkeypatch.setattr(law, "DIRECT_ENTRIES", 1)
    limit = np.array([law.half_normal_sums(rng, n) for _ in range(draws)])
    for column in range(2):
        assert stats.ks_2samp(direct[:, column], limit[:, column]).pvalue > 1e-4
    # The standard deviation of a correlation of 4000 pairs is at most 4000^-1/2 = 0.016, of a difference 0.022.
    assert abs(np.corrcoef(direct.T)[0, 1] - np.corrcoef(limit.T)[0, 1]) < 4 * 0.022


@pytest.mark.parametrize("columns", [2, 3, 50])
def test_a_gram_root_has_the_law_of_a_gram_matrix(columns: int) -> None:
    rng = np.random.default_rng(0)
    roots = [law.gram_root(rng, 3, columns) for _ in range(2000)]
    grams = np.array([root @ root.T for root in roots])
    dense = np.array([x @ x.T for x in rng.standard_normal((2000, 3, columns))])
    for i, j in ((0, 0), (2, 2), (2, 0), (1, 2)):
        assert stats.ks_2samp(grams[:, i, j], dense[:, i, j]).pvalue > 1e-4
    pair = [np.round(np.linalg.det(each), 9) for each in (grams, dense)]
    assert stats.ks_2samp(*pair).pvalue > 1e-4


def test_positive_entries_have_the_sums_that_were_asked_for() -> None:
    found = law.positive_entries(100.0, 80.0, 100)
    assert found.min() > 0
    assert float((found**2).sum()) == pytest.approx(100.0, rel=1e-12)
    assert float(found.sum() * math.sqrt(100 / len(found))) == pytest.approx(80.0, rel=1e-12)
    with pytest.raises(BadInput, match="too small"):
        law.positive_entries(100.0, 20.0, 100)


def test_the_largest_width_is_exact_to_its_fluctuations() -> None:
    """Init[A] at n = 2^60 has Z_A = 4 n^(1/2) (2 / pi)^(1/2) in its last step's leading order, run by run."""
    eta, n = Power(Fraction(-1, 2)), 2**60
    configuration = replace(
        BASE, widths=(n,), runs=4, steps=2, B=None, eta_A=replace(eta, factor=Fraction(4)), eta_B=eta, is_paired=True
    )
    measured = exact_law(configuration)
    root = np.sqrt(measured.mean_square[2, "Z_A", None])
    # Beside n^(1/2) the initial part is O(1), and |Z|_1 / n fluctuates by n^(-1/2).
    np.testing.assert_allclose(root, 4 * math.sqrt(2 / math.pi) * 2.0**30, rtol=1e-7)
    assert not measured.is_excluded.any()


def test_epsilon_is_noted_though_it_is_not_felt() -> None:
    """The ratio is a lower bound of the dense one, and within the factor by which the factors' axes are shrunk."""
    configuration = replace(BASE, runs=4, optimizer=replace(ADAM, epsilon=Fraction(1, 10**8)))
    dense, found = probe(configuration).epsilon_ratio, exact_law(configuration).epsilon_ratio
    assert (found > 0).all()
    assert np.isfinite(found).all()
    assert np.median(found) < 3 * np.median(dense)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"samples": 2}, "one sample"),
        ({"feedback": Power()}, "feeds back"),
        ({"data": "teacher-student"}, "random data"),
        ({"widths": (2**61,)}, "at most"),
        ({"widths": (16,)}, "at least 32"),
        ({"rank": Fraction(1), "widths": (2**12,)}, "ranks"),
        ({"fan_out": Power(), "samples": 2, "optimizer": Raw()}, "output axis"),
    ],
)
def test_what_has_no_exact_law_is_refused(change: dict[str, object], word: str) -> None:
    configuration = replace(BASE, **change)  # type: ignore[arg-type]
    assert word in law_refusal(configuration)
    with pytest.raises(BadInput, match=word):
        exact_law(configuration)
    assert not law_refusal(BASE)
