"""Training tiny models: what a run measures, what it shares with its pair, and that nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gamma_calc.errors import BadInput
from gamma_calc.experiment.study import Interrupted
from gamma_calc.huggingface.adapters import lora_adapters
from gamma_calc.huggingface.language import study as studied
from gamma_calc.huggingface.language.model_source import ModelSource, model_source
from gamma_calc.huggingface.language.run import LanguageRun, initialise
from gamma_calc.huggingface.language.settings import LLAMA, ROBERTA, SCHEMES, Building, LanguageTraining, Plan
from gamma_calc.huggingface.language.study import prepared, study
from gamma_calc.huggingface.language.task import task
from gamma_calc.simulation.store import Store

TRAINING = LanguageTraining(steps=4, batch=4, length=8, rank=2, alpha=2.0)
BUILDING = Building(width=16, layers=1, head_width=8, vocabulary=64, steps=2, batch=4)
WORDS = ("the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree")


def sentence(k: int) -> str:
    return " ".join(WORDS[(k * step) % len(WORDS)] for step in (1, 3, 7, 9, 2, 4))


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    table, text = tmp_path / "a.tsv", tmp_path / "a.txt"
    rows = [f"{sentence(k)} {'yes' if k % 2 else 'no'}\t{k % 2}" for k in range(60)]
    table.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    text.write_text("\n".join(sentence(k) for k in range(400)), encoding="utf-8")
    return {ROBERTA: str(table), LLAMA: str(text)}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    task.cache_clear()
    yield
    task.cache_clear()


BUILT = ModelSource("built")


def plan(experiment: str, data: dict[str, str]) -> Plan:
    return Plan(experiment, "tiny", "built", data[experiment], TRAINING, BUILDING, (-9, -8, -7), seeds=2, held_out=8)


@pytest.mark.parametrize("experiment", [ROBERTA, LLAMA])
def test_a_run_measures_what_it_says_and_repeats_itself(experiment: str, data: dict[str, str]) -> None:
    ready = task(plan(experiment, data), BUILT)
    run = LanguageRun(plan(experiment, data), BUILT, ready.digest, "init-a", -7.0, 0)
    first, again = run.measured(), run.measured()
    adapters = len(lora_adapters(ready.model))
    assert first["training_loss"].shape == (TRAINING.steps,)
    assert first["Z_A"].shape == first["Z_B"].shape == (len(first["steps"]), adapters) == (5, 2)
    assert (first["Z_B"][0] == 0).all() and (first["Z_A"] > 0).all()
    assert first["validation_loss"][1] != first["validation_loss"][0]
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_pairs_share_the_head_and_the_batches(data: dict[str, str]) -> None:
    ready = task(plan(ROBERTA, data), BUILT)
    heads = []
    for scheme in SCHEMES:
        initialise(ready.model, scheme, 3)
        named = ready.model.named_parameters()
        heads.append([each.detach().clone() for name, each in named if each.requires_grad and "lora" not in name])
        (first, *_) = lora_adapters(ready.model)
        zero = {"init-a": first.B, "init-b": first.A}[scheme]
        assert not zero.any()
    assert len(heads[0]) == 4 and heads[0][0].any()
    assert all(torch.equal(a, b) for a, b in zip(*heads, strict=True))
    batches = [[batch["input_ids"] for batch in ready.batches(3, 4, seed)] for seed in (3, 3, 4)]
    assert all(torch.equal(a, b) for a, b in zip(batches[0], batches[1], strict=True))
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(batches[0], batches[2], strict=True))


def test_the_size_of_a_feature_is_its_root_mean_square(data: dict[str, str]) -> None:
    ready = task(plan(LLAMA, data), BUILT)
    initialise(ready.model, "init-a", 0)
    (first, *_) = lora_adapters(ready.model)
    seen = []
    hook = first.lora_A.register_forward_hook(
        lambda module, inputs, output: seen.append((inputs[0] @ first.A.T, output))
    )
    run = LanguageRun(plan(LLAMA, data), BUILT, ready.digest, "init-a", -20.0, 0)
    sizes = run.measured()["Z_A"][0, 0]
    hook.remove()
    by_hand, output = next(pair for pair in seen if pair[0].shape[0] == ready.probe()["input_ids"].shape[0])
    assert torch.allclose(by_hand, output)
    assert sizes == pytest.approx(float(output.square().mean().sqrt()), rel=1e-5)


def test_a_study_does_only_what_is_missing(data: dict[str, str], tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    with Store(tmp_path / "runs.sqlite") as store:
        first = study(prepared(plan(LLAMA, data)), store, progress=lambda done, total: calls.append((done, total)))
        trained = len(store.keys)
        again = study(prepared(plan(LLAMA, data)), store, progress=lambda done, total: calls.append((done, total)))
        assert len(store.keys) == trained
    assert trained >= 12
    assert all(np.array_equal(a.test_loss, b.test_loss) for a, b in zip(first.curves, again.curves, strict=True))
    assert [each.scheme for each in first.curves] == list(SCHEMES)


def test_ctrl_c_leaves_what_is_finished(data: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured, left = LanguageRun.measured, [3]

    def until(run: LanguageRun) -> object:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return measured(run)

    monkeypatch.setattr(LanguageRun, "measured", until)
    with Store(tmp_path / "runs.sqlite") as store:
        with pytest.raises(Interrupted, match="3 of 12"):
            study(prepared(plan(LLAMA, data)), store)
        assert len(store.keys) == 3


def test_a_grid_is_made_longer_while_its_end_is_lowest(
    data: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def falling(run: LanguageRun) -> dict[str, np.ndarray]:
        loss = abs(run.log2_rate + 11.0) + 1.0
        pair = np.array([100.0, loss])
        names = ("validation_loss", "test_loss", "validation_right", "test_right")
        return {**dict.fromkeys(names, pair), "steps": np.arange(2.0), "Z_A": np.ones((2, 1)), "Z_B": np.ones((2, 1))}

    monkeypatch.setattr(LanguageRun, "measured", falling)
    with Store(tmp_path / "runs.sqlite") as store:
        found = study(prepared(plan(LLAMA, data)), store)
    assert [each.log2_rate.tolist() for each in found.curves] == [[-12.0, -11.0, -10.0, -9.0, -8.0, -7.0]] * 2
    assert not found.curves[0].optimum.is_at_edge.any()
    assert studied.LONGEST_EXTENSION == 3


def test_a_path_is_no_part_of_a_run(data: dict[str, str], tmp_path: Path) -> None:
    here = LanguageRun(plan(LLAMA, data), BUILT, "d", "init-a", -7.0, 0)
    there = replace(here, plan=replace(here.plan, data="elsewhere.txt"))
    assert here.parameters == there.parameters
    for other in (replace(here, seed=1), replace(here, log2_rate=-8.0), replace(here, digest="e")):
        assert other.parameters != here.parameters
    with pytest.raises(BadInput, match="not those that the runs were planned with"):
        here.measured()


def test_a_saved_model_is_trained_as_it_is(data: dict[str, str], tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    words = {word: k for k, word in enumerate(["[UNK]", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]").save_pretrained(tmp_path / "m")
    configuration = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(configuration).save_pretrained(tmp_path / "m")
    source = model_source(str(tmp_path / "m"))
    assert source.size > 0 and source.digest and not source.is_built
    saved = plan(LLAMA, data), source
    ready = task(*saved)
    assert ready.facts["tokens"] == "the model's own tokens"
    run = LanguageRun(*saved, ready.digest, "init-b", -7.0, 0)
    assert source.digest in run.parameters and str(tmp_path) not in run.parameters
    assert np.isfinite(run.measured()["test_loss"]).all()


def test_another_weight_is_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"another format")
    weights, sources = bytearray(2**22), []
    for name, place in (("model-1-of-2", -1), ("model", 0), ("model", 2**21), ("training_args", 0)):
        weights[place] += 1
        suffix = "bin" if name == "training_args" else "safetensors"
        (tmp_path / f"{name}.{suffix}").write_bytes(weights)
        sources.append(model_source(str(tmp_path)))
    assert [each.size for each in sources] == [2**22] * 4
    assert len({each.digest for each in sources}) == 3
    assert sources[-1] == sources[-2]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("./nowhere", "the folder of a saved model"),
        ("numpy", "carries no weights"),
        ("no-such-model-at-all", "is no folder, no installed package, and cannot be fetched"),
        ("a\0b", "--model"),
    ],
)
def test_a_model_that_is_not_there(word: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput) as refused:
        model_source(word)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no config\.json with weights"):
        model_source(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    source = model_source(str(tmp_path))
    with pytest.raises(BadInput, match="cannot load it"):
        task(plan(LLAMA, {LLAMA: "pydoc"}), source)


@pytest.mark.parametrize(
    ("workers", "memory", "message"),
    [
        (1, 2**31, "2 GiB: take smaller sizes"),
        (4, 2**32, "1 GiB for each of 4 workers: take smaller sizes, fewer workers"),
    ],
)
def test_a_model_that_does_not_fit_is_told_before_it_is_loaded(
    workers: int, memory: int, message: str, data: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a GiB of weights, of which not a byte is on the disk."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(2**29)
    monkeypatch.setattr(studied, "available_memory", lambda: memory)
    monkeypatch.setattr(studied, "task", lambda *_: pytest.fail("the model is loaded"))
    with pytest.raises(BadInput, match=rf"needs about 3\.75 GiB, and there are {message}"):
        prepared(replace(plan(LLAMA, data), model=str(tmp_path)), workers=workers)


def test_data_that_are_not_there_are_told_before_memory(data: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studied, "available_memory", lambda: 1)
    with pytest.raises(BadInput, match=r"--data: found 'nowhere\.txt', expected a text file"):
        prepared(replace(plan(LLAMA, data), data="nowhere.txt"))


def test_layers_that_are_not_there_are_refused(data: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="--targets"):
        task(replace(plan(LLAMA, data), training=replace(TRAINING, targets=("nowhere",))), BUILT)
