"""A model's folder is data: the Python code in it is never run, whatever is typed."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import save, zeros

from gamma_calc.cli.main import main
from gamma_calc.huggingface.layers import adapted_shapes

EVIL = """
from pathlib import Path
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizer
Path("it-ran").touch()
class EvilConfig(PretrainedConfig):
    model_type = "evil"
class EvilModel(PreTrainedModel):
    config_class = EvilConfig
class EvilTokenizer(PreTrainedTokenizer):
    pass
"""
CLASSES = {
    "AutoConfig": "evil.EvilConfig",
    "AutoModelForSequenceClassification": "evil.EvilModel",
    "AutoModelForCausalLM": "evil.EvilModel",
}
OWN = {"model_type": "evil", "auto_map": CLASSES}
"""A class of model that is in the folder alone."""

LLAMA = {
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "vocab_size": 8,
}
"""A class of model that transformers has; the tokenizer alone is the folder's own."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "m"
    found.mkdir()
    (found / "evil.py").write_text(EVIL, encoding="utf-8")
    save_file({"weight": zeros(1)}, found / "model.safetensors", metadata={"format": "pt"})
    return found


@pytest.mark.parametrize(
    ("experiment", "configuration"),
    [("roberta", OWN), ("llama", OWN), ("llama", LLAMA)],
    ids=["roberta, model", "llama, model", "llama, tokenizer"],
)
def test_code_in_a_models_folder_is_never_run(
    experiment: str,
    configuration: dict[str, object],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
    tokenizer = {"auto_map": {"AutoTokenizer": ["evil.EvilTokenizer", None]}, "tokenizer_class": "EvilTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 100))
    assert main(["reproduce", experiment, "--quick", "--model", "./m"]) == 2
    printed = capsys.readouterr()
    assert (
        printed.out == "" and printed.err.count("\n") == 1 and "code of its own, which is never run here" in printed.err
    )
    assert not Path("it-ran").exists()


class Touching:
    """What a pickle may hold: a call that is made where it is read."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("it-ran",)


def test_a_pickle_of_weights_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    save({"lm_head.weight": Touching()}, tmp_path / "m" / "pytorch_model.bin")
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "llama", "--quick", "--model", "./m"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and "a pickle of more than numbers" in printed and "weights_only" not in printed
    assert not Path("it-ran").exists()


def test_a_kernel_is_not_fetched_from_the_hub(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = LLAMA | {"_attn_implementation": "some/kernel"}
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
    assert main(["reproduce", "llama", "--quick", "--model", str(folder)]) == 2
    assert "names a kernel on the hub, whose code is never run here" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["pipeline"], [3], 7, "LlamaForCausalLM", ["LlamaConfig", "LlamaForCausalLM"]])
def test_of_what_a_configuration_names_only_models_are_made(names: object, folder: Path) -> None:
    configuration = LLAMA | {"architectures": names}
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
    assert {each.fan_in for each in adapted_shapes(folder, None)} == {8}
