from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.experiment.setup import RANK_AT_ONE, Settings, network_experiment
from gamma_calc.experiment.sweep import run_missing
from gamma_calc.experiment.sweep_plan import planned_runs
from gamma_calc.experiment.sweep_run import (
    NetworkRun,
    Planned,
    StudentRun,
    available_memory,
    check_memory,
    check_network,
    plain,
)
from gamma_calc.huggingface.language.settings import LanguageTraining
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.optimizers import OPTIMIZERS, Optimizer, Raw, Update, UpdateRule, times
from gamma_calc.simulation.program_sizes import drawn_tensors, program_sizes
from gamma_calc.simulation.store import Arrays, Store
from gamma_calc.simulation.student_data import StudentConfiguration
from gamma_calc.simulation.student_plain import RECORDED
from gamma_calc.simulation.teacher_student import teacher_student
from gamma_calc.simulation.torch_reading import TorchReading
from tests.experiment.sweep_runs import sweep_from_text

PROBE = """
experiment = "probe"
schemes = ["init-a", "lora-plus-b"]
widths = [16, 32]
prefactors = [0.5, 4]
seeds = 5
steps = 2
device = "cpu"
seeds_per_run = 2
"""
STUDENT = """
experiment = "teacher-student"
schemes = ["lora-plus-a"]
widths = [16]
rates = [0.01, 0.02, 0.04]
rates_per_run = 2
seeds = 2
steps = 3
points = 20
device = "cpu"
dtype = "float64"
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """All that a sweep measured of one scheme under one optimiser at one width.

    Shapes: each array [..., rates, seeds].
    """

    scheme: str
    optimizer: str
    width: int
    rates: tuple[float, ...]
    arrays: Arrays


def collected(runs: tuple[Planned, ...], store: Store) -> list[Cell]:
    """What the finished runs of a sweep measured, put together cell by cell."""
    found: dict[tuple[str, str, int], list[Planned]] = {}
    for run in runs:
        found.setdefault((run.scheme, run.optimizer, run.width), []).append(run)
    records = {run.key: store.get(run.key) for run in runs}
    return [joined(cell, [(part, records[part.key].arrays) for part in parts]) for cell, parts in found.items()]  # type: ignore[union-attr]


def joined(cell: tuple[str, str, int], parts: list[tuple[Planned, Arrays]]) -> Cell:
    rows: dict[tuple[float, ...], list[Arrays]] = {}
    for part, arrays in parts:
        rows.setdefault(part.rates, []).append(arrays)
    # A store may hold runs of an earlier release, which measured less.
    names = [name for name in parts[0][1] if all(name in arrays for _, arrays in parts)]
    arrays = {
        name: np.concatenate([np.concatenate([each[name] for each in row], axis=-1) for row in rows.values()], axis=-2)
        for name in names
    }
    return Cell(*cell, tuple(rate for rates in rows for rate in rates), arrays)


def runs_of(text: str) -> tuple[Planned, ...]:
    return planned_runs(sweep_from_text(text))


def cells(text: str, path: Path) -> list[Cell]:
    runs = runs_of(text)
    with Store(path) as store:
        assert run_missing(runs, store).is_complete
        return collected(runs, store)


def test_a_sweep_measures_what_a_network_does(tmp_path: Path) -> None:
    found = cells(PROBE, tmp_path / "s")
    assert [(cell.scheme, cell.width) for cell in found] == [
        (s, n) for s in ("init-a", "lora-plus-b") for n in (16, 32)
    ]
    for cell in found:
        scheme, rank = at_largest_rate(catalogue_scheme(cell.scheme)), {"rank": RANK_AT_ONE}
        for at, rate in enumerate(cell.rates):
            experiment = network_experiment(scheme, Settings((cell.width,), 5, 2), Fraction(rate), rank)
            whole = program_sizes(experiment)
            for (t, quantity, term), squares in whole.mean_square.items():
                name = f"{t} {' '.join((quantity, *(term or ())))}"
                # The runs of other batches are summed in another order.
                np.testing.assert_allclose(cell.arrays[name][at], squares[0], rtol=1e-11)
            np.testing.assert_array_equal(cell.arrays["diverged"][at], whole.diverged[0])


def test_a_sweep_takes_other_networks_and_absolute_rates(tmp_path: Path) -> None:
    """Of a stack `rates` are those of eta_A, and eta_B is n times as large."""
    layers = '{ name = "deep", model = { kind = "lora-stack", depth = 2 }, exponents = { A = "-1/2", B = "zero",'
    stack = f'[{layers} eta_A = "eta - 1", eta_B = "eta" }} }}]'
    text = PROBE.replace('["init-a", "lora-plus-b"]', stack).replace("prefactors", "rates")
    (small, _) = cells(text, tmp_path / "s")
    run = runs_of(text)[0].run
    assert isinstance(run, NetworkRun)
    rates = run.experiment.reading(16, drawn_tensors(run.experiment, 16, range(1)), TorchReading).learning_rates
    assert [rates["B[1]"] * factor for factor in run.factors] == pytest.approx([16 * 0.5, 16 * 4.0])
    assert [rates["A[2]"] * factor for factor in run.factors] == pytest.approx([0.5, 4.0])
    assert small.arrays["2 Z_B[2]"].shape == (2, 5)


def test_at_absolute_rates_a_decay_is_what_it_is_beside_prefactors() -> None:
    """sign with lambda = n^(1/4) / 16, whichever way eta = n^(-1/2) is said; the rate's own exponent is not known."""
    own = '[{ optimizer = "sign", exponents = { A = "-1/2", B = "zero", eta_A = "e", eta_B = "e", decay = "1/4" } }]'
    text = PROBE.replace('["init-a", "lora-plus-b"]', own).replace("[16, 32]", "[256]")
    there = text.replace("prefactors = [0.5, 4]", 'prefactors = [1]\nat = { e = "-1/2" }')
    runs = runs_of(there)[0].run, runs_of(text.replace("prefactors = [0.5, 4]", 'rates = ["1/16"]'))[0].run
    said = []
    for run in runs:
        assert isinstance(run, NetworkRun)
        found = run.experiment.reading(256, drawn_tensors(run.experiment, 256, range(1)), TorchReading)
        said.append((found.scalars["lambda_A"], found.learning_rates["A"] * run.factors[0]))
    assert said[0] == pytest.approx(said[1]) == (256**0.25 / 16, 1 / 16)


def test_an_absolute_rate_is_that_of_a_whatever_it_says_of_the_rank() -> None:
    own = '[{ exponents = { A = "-1/2", B = "zero", eta_A = "a - 2*rank", eta_B = "a - 2*rank", rank = "1/2" } }]'
    text = PROBE.replace('["init-a", "lora-plus-b"]', own).replace("prefactors = [0.5, 4]", "rates = [0.1]\nrank = 1")
    for width in (8, 10, 15):
        run = runs_of(text.replace("[16, 32]", f"[{width}]"))[0].run
        assert isinstance(run, NetworkRun)
        found = run.experiment.reading(width, drawn_tensors(run.experiment, width, range(1)), TorchReading)
        assert found.learning_rates["B"] * run.factors[0] == pytest.approx(0.1)


def test_a_sweep_measures_what_the_teacher_student_experiment_does(tmp_path: Path) -> None:
    (cell,) = cells(STUDENT, tmp_path / "s")
    assert cell.rates == (0.01, 0.02, 0.04)
    eta_b = tuple(16 * eta for eta in cell.rates)
    adam = catalogue_scheme("lora-plus-a").optimizer.step
    for seed in range(2):
        each = StudentConfiguration(
            16, 16**-0.5, None, cell.rates, eta_b, adam, 3, points=20, dtype="float64", device="cpu", seed=seed
        )
        whole = teacher_student(each)
        np.testing.assert_allclose(cell.arrays["test_loss"][..., seed], whole.test_loss[..., 0], rtol=1e-9)
        np.testing.assert_allclose(cell.arrays["Z_B"][..., seed], whole.Z_B[..., 0], rtol=1e-9)


def test_every_run_has_its_own_key_and_the_same_one_again() -> None:
    keys = [run.key for run in runs_of(PROBE)]
    assert len(keys) == len(set(keys)) == 2 * 2 * 3
    assert keys == [run.key for run in runs_of(PROBE)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seeds = 5", "seeds = 5\nseed = 1"),
        ("steps = 2", "steps = 3"),
        ("[0.5, 4]", "[0.5, 4.000000000000001]"),
        ('"cpu"', '"cpu"\ndtype = "float32"'),
        ('"cpu"', '"cpu"\nsamples = 4'),
        ('"cpu"', '"cpu"\nrank = 4'),
        ('"cpu"', '"cpu"\noptimizers = ["sign"]'),
        ("[16, 32]", "[17, 33]"),
    ],
)
def test_whatever_determines_a_run_is_in_its_key(old: str, new: str) -> None:
    changed = PROBE.replace(old, new, 1)
    assert changed != PROBE
    assert not {run.key for run in runs_of(PROBE)} & {run.key for run in runs_of(changed)}


def test_a_key_made_once_stays() -> None:
    """Keys that stores hold by now, of both experiments; a key that came later is in them where it says something."""
    assert runs_of(PROBE)[0].key == "5e43ad1f8840efeff57859d2d990f4a845b6b7cc216278593680fb00fbc93b91"
    assert runs_of(STUDENT)[0].key == "7225fe4fc4ce5d51deef761974936bb4beba1b8e3f4ed1373eb19f6190c9e7c4"
    sgd = STUDENT.replace("steps = 3", 'steps = 3\noptimizers = ["sgd"]')
    keys = [runs_of(f"{sgd}{more}")[0].key for more in ("", "momentum = 0", "momentum = 0.5", "momentum = 0.6")]
    assert keys[0] == keys[1] and len(set(keys)) == 3


def test_a_sweep_of_students_has_momentum(tmp_path: Path) -> None:
    text = STUDENT.replace("steps = 3", 'steps = 3\noptimizers = ["sign"]\nmomentum = 0.5\nweight_decay = 0.1')
    (cell,) = cells(text, tmp_path / "s")
    assert cell.arrays.keys() == set(RECORDED)
    assert cell.arrays["Z_B"][1:].all()


def test_a_store_of_before_is_still_read(tmp_path: Path) -> None:
    """Its runs have more arrays than those that are made now; a cell has what all of its runs have."""
    runs = runs_of(STUDENT)
    with Store(tmp_path / "new") as new, Store(tmp_path / "old") as old:
        run_missing(runs, new)
        first, *rest = new.records(run.key for run in runs)
        more = {**first.arrays, "A": first.arrays["Z_A"], "delta_1": first.arrays["Z_B"]}
        for record in (replace(first, arrays=more), *rest):
            old.add(record)
        (cell,) = collected(runs, old)
    assert cell.arrays.keys() == set(RECORDED)


def test_a_name_is_not_in_the_key() -> None:
    own = '{ name = "x", exponents = { A = "-1/2", B = "zero", eta_A = "-1/2", eta_B = "-1/2" } }'
    again = runs_of(PROBE.replace('"init-a"', own))
    assert {run.key for run in runs_of(PROBE)} == {run.key for run in again}
    both = runs_of(PROBE.replace('"init-a"', f'"init-a", {own}'))
    assert len(both) == len(again)


def test_more_seeds_and_widths_keep_the_full_blocks() -> None:
    more = {run.key for run in runs_of(PROBE.replace("seeds = 5", "seeds = 9").replace("[16, 32]", "[16, 32, 64]"))}
    kept = [run for run in runs_of(PROBE) if run.key in more]
    assert len(kept) == 2 * 2 * 2


def test_blocks_made_by_themselves_stay_within_the_work_of_one() -> None:
    text = (
        PROBE.replace("seeds_per_run = 2", "")
        .replace("[16, 32]", "[128, 4096, 65536]")
        .replace("seeds = 5", "seeds = 300")
    )
    sizes = {run.width: len(run.seeds) for run in runs_of(text) if run.seeds.start == 0}
    assert sizes[128] == 300 and 1 <= sizes[65536] < sizes[4096] < 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(STUDENT.replace("rates_per_run", "seeds_per_run"), "runs one seed at a time", id="student-seeds"),
        pytest.param(
            STUDENT.replace(
                '"lora-plus-a"', '{ exponents = { A = "-1/2", B = "zero", eta_A = "c", eta_B = "c", scale = "-1" } }'
            ),
            "takes no other scale: expected 0",
            id="student-scale",
        ),
        pytest.param(
            STUDENT.replace('"lora-plus-a"', '{ exponents = { A = "-1/2", B = "zero", eta_A = "a", eta_B = "b" } }'),
            "a, b are free, and `rates` stand for",
            id="two-rates",
        ),
        pytest.param(
            PROBE.replace('"init-a"', '{ exponents = { A = "a", B = "zero", eta_A = "c", eta_B = "c" } }'),
            'a, c are free; only a single .*: at = { a = "0", c = "-1/2" }',
            id="two-exponents",
        ),
        pytest.param(
            PROBE.replace("prefactors", "rates").replace(
                '"init-a"',
                '{ name = "net", model = { kind = "perceptron", layers = ["V", "W"] }, parameters = '
                '{ V = { init = "0", rate = "c" }, W = { init = "0", rate = "c" } } }',
            ),
            "net: `rates` are values of eta_A, and a perceptron has none: give prefactors",
            id="rates-of-a-perceptron",
        ),
        pytest.param(
            PROBE.replace("prefactors", "rates").replace(
                '"init-a"',
                '{ name = "s", model = { kind = "lora-stack", depth = 2 }, exponents = { A = "-1/2", B = "zero", '
                'eta_A = "a", eta_B = "a" }, parameters = { "B[2]" = { rate = "2*a" } } }',
            ),
            "s: a are free, and `rates` stand for a single free exponent that all rates have alike",
            id="another-rate-of-one-layer",
        ),
        pytest.param(f"{STUDENT}momentum = 0.9", "momentum: this optimiser already", id="student-momentum"),
        pytest.param(
            PROBE.replace("seeds = 5", "seeds = 1000000").replace("seeds_per_run = 2", "seeds_per_run = 1"),
            "the sweep has 4000000 runs",
            id="too-many",
        ),
    ],
)
def test_what_has_no_run_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        runs_of(text)


def test_a_width_that_does_not_fit_is_refused_with_what_it_needs() -> None:
    runs = runs_of(PROBE.replace("[16, 32]", "[16, 1048576]"))
    check_memory(runs, None)
    check_memory(runs, 2**34)
    with pytest.raises(BadInput, match=r"width 1048576 needs about 3\.\d+ GiB, .* 0\.5 GiB for each: width 16 fits"):
        check_memory(runs, 2**29)


def test_a_run_on_a_device_has_to_fit_there_too() -> None:
    runs = runs_of(PROBE.replace("[16, 32]", "[16, 1048576]"))
    check_memory(runs, 2**34, device=2**29)
    on_device = [replace(run, run=replace(run.run, device="cuda")) for run in runs]  # type: ignore[type-var]
    check_memory(on_device, 2**34, device=2**34)
    check_memory(on_device, 2**34, device=None)
    with pytest.raises(BadInput, match=r"width 1048576 needs about .* 0\.5 GiB for each on the device: width 16 fits"):
        check_memory(on_device, 2**34, device=2**29)


def test_widths_of_an_experiment_that_do_not_fit_are_refused() -> None:
    scheme = at_largest_rate(catalogue_scheme("init-a"))
    experiment = network_experiment(scheme, Settings(widths=(128, 2**22)), Fraction(1))
    check_network(experiment, None)
    check_network(experiment, 2**36)
    with pytest.raises(BadInput, match=r"width 4194304 needs about .* GiB, and there are 1 GiB: width 128"):
        check_network(experiment, 2**30)
    with pytest.raises(BadInput, match=r"there are 0\.000977 GiB: take smaller sizes"):
        check_network(experiment, 2**20)


def test_weight_decay_takes_memory() -> None:
    own = '{ name = "x", exponents = { A = "-1/2", B = "-1/2", eta_A = "-1", eta_B = "-1"%s } }'
    plain, decayed = (
        max(run.run.memory for run in runs_of(PROBE.replace('"init-a", "lora-plus-b"', own % decay)))
        for decay in ("", ', decay = "0"')
    )
    assert decayed > plain


def test_the_memory_of_a_run_grows_in_line_with_the_width() -> None:
    for kind in (PROBE.replace("[16, 32]", "[1048576, 2097152]"), STUDENT.replace("[16]", "[1048576, 2097152]")):
        small, large = (next(run.run.memory for run in runs_of(kind) if run.width == 2**k) for k in (20, 21))
        assert 1.5 < large / small < 2.01


def test_the_memory_of_the_machine_is_read(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:      5 kB\n")
    assert available_memory(tmp_path) == 5 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("3000\n")
    (group / "memory.current").write_text("1000\n")
    assert available_memory(tmp_path) == 2000
    (group / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) == 5 * 1024


@pytest.mark.parametrize(("text", "digest"), [(PROBE, "9a9e0a149d0b5e2a"), (STUDENT, "0535ef524bb458f8")])
def test_the_keys_of_runs_stay_as_they_are(text: str, digest: str) -> None:
    """Results in stores are found again: a class or a field that is renamed keeps its name in keys."""
    keys = "\n".join(each.parameters for each in runs_of(text))
    assert sha256(keys.encode()).hexdigest()[:16] == digest


def test_a_language_models_training_has_the_key_of_its_first_results() -> None:
    training = plain(LanguageTraining())
    assert training["is"] == "Training" and "ratio" not in training


def test_what_has_no_plain_form_has_no_key() -> None:
    with pytest.raises(TypeError, match="object has no plain form"):
        plain({"a": object()})


def scaled_descent(factor: int) -> UpdateRule:
    return lambda tensor, gradients: Update(times(Fraction(factor), gradients[tensor]))


def test_functions_that_share_a_name_have_no_key() -> None:
    """Two optimisers made by one function would get each other's runs."""
    for rule in (scaled_descent(1), lambda tensor, gradients: Update(gradients[tensor])):
        with pytest.raises(BadInput, match=r"update rule of a run that is kept: found .* top of a module"):
            plain(Optimizer("mine", Raw(), rule))
    assert {plain(each)["update"] for each in OPTIMIZERS.values()} > {"descent", "lion"}


def test_a_function_of_ones_own_has_another_key_where_its_text_is_another(tmp_path: Path) -> None:
    """Else what it was before, or one of the same name elsewhere, would lend it its runs."""
    keys = set()
    for place, factor in enumerate((1, 2, 2)):
        path = tmp_path / f"rule_{place}.py"
        path.write_text(f"def descent(tensor, gradients):\n    return gradients[tensor] * {factor}\n", encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        keys.add(plain(module.descent))
    assert len(keys) == 2 and all(key.startswith("descent ") for key in keys)


def test_the_runs_name_their_kind() -> None:
    first = runs_of(PROBE)[0]
    assert isinstance(first.run, NetworkRun) and isinstance(runs_of(STUDENT)[0].run, StudentRun)
    assert str(first) == "init-a under adam, n = 16, rates 0.5 to 4, seeds 0 to 1"
    assert str(replace(first, rates=(4.0,), seeds=range(3, 4))).endswith("rates 4, seeds 3")
