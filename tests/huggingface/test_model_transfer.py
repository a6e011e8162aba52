"""Rates from one model to another: each kind of layer by its own fan-in, ranks and scales as the adapters have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, inject_adapter_in_model
from torch import nn
from transformers import GPT2Config, Llama4TextConfig, LlamaConfig, LlamaForCausalLM, MistralConfig

from gamma_calc.cli.main import main
from gamma_calc.errors import BadInput
from gamma_calc.huggingface import (
    NetworkEdge,
    init_lora_,
    lora_adapters,
    network_edge,
    parameter_groups,
    scheme_optimizer,
)
from gamma_calc.huggingface.layers import adapted_shapes, module_names
from gamma_calc.huggingface.model_theory import model_theory
from gamma_calc.program.catalogue import CATALOGUE
from tests.huggingface.models import AROUND, classifier, gpt2, llama, wrapped
from tests.schemes import scheme

TARGETS = ["q_proj", "down_proj"]
GIVEN = ("--lr", "1e-3")


def folder(path: Path, config: Any, architecture: str = "LlamaForCausalLM") -> Path:
    path.mkdir()
    config.architectures = [architecture]
    config.save_pretrained(path)
    return path


def adapter(path: Path, rank: int, alpha: float, **others: Any) -> str:
    document = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": TARGETS, **others}
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.fixture
def ends(tmp_path: Path) -> tuple[str, ...]:
    """Two models, of which the second is 4 times as wide but for down_proj, 16 times."""
    small = LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=32, num_attention_heads=2, num_hidden_layers=2)
    large = LlamaConfig(
        vocab_size=32, hidden_size=64, intermediate_size=512, num_attention_heads=4, num_hidden_layers=3
    )
    places = folder(tmp_path / "small", small), folder(tmp_path / "large", large) / "config.json"
    return "--from", str(places[0]), "--to", str(places[1])


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["transfer", *words, *GIVEN, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_each_kind_of_layer_goes_by_its_own_fan_in(ends: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "init-a", *ends)
    assert {each["layer"]: each["eta_A"] for each in found["layers"]} == pytest.approx(
        {**dict.fromkeys(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"], 5e-4), "down_proj": 2.5e-4}
    )
    assert {each["count"] for each in found["layers"]} == {3}
    assert main(["transfer", "init-b", *ends, *GIVEN]) == 0
    assert "16 -> 64" in (text := capsys.readouterr().out) and "0.001 -> 6.25e-05" in text


def test_the_sign_of_lora_alpha_changes_no_rate(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        answered(capsys, "init-a", *ends, "--adapter", adapter(tmp_path / f"{alpha}.json", 4, alpha))["layers"]
        for alpha in (8, -8)
    ]
    assert [each["eta_A"] for each in found[0]] == [each["eta_A"] for each in found[1]]


def deep(path: Path, width: int, layers: int) -> str:
    sizes = {"hidden_size": width, "num_attention_heads": width // 8, "intermediate_size": width}
    return str(folder(path, LlamaConfig(vocab_size=32, num_hidden_layers=layers, **sizes)))


@pytest.mark.slow
def test_a_whole_model_carries_rates_by_its_own_edge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LoRA+ from Init[A] on v_proj: -1 - (L - 1)/(2L) for L layers, four of which two are derived."""
    file = adapter(tmp_path / "adapter.json", 4, 8, target_modules=["v_proj"])
    ends = ("--from", deep(tmp_path / "small", 16, 4), "--to", deep(tmp_path / "large", 64, 4), "--adapter", file)
    alone, found = (answered(capsys, "lora-plus-a", *ends, *words) for words in ((), ("--network",)))
    assert alone["network"] is None and alone["layers"][0]["eta_B"] == pytest.approx(1e-3)
    assert found["network"] == {
        "class": "LlamaForCausalLM",
        "layers": 2,
        "adapted": 4,
        "extrapolated": True,
        "other_layers": [],
        "max_stable": {"eta": "-11/8"},
    }
    (layer,) = found["layers"]
    assert (layer["eta_A"], layer["eta_B"]) == pytest.approx((1e-3 * 4 ** (-11 / 8), 1e-3 * 4 ** (-3 / 8)))
    assert found["stable"] and any("2 of 4 layers" in note for note in found["notes"])
    assert not any("one module's" in note or note.startswith("Depth") for note in found["notes"])
    words = ("lora-plus-a", *ends[:3], deep(tmp_path / "deeper", 64, 3), *ends[4:], "--network", *GIVEN)
    assert main(["transfer", *words]) == 2
    assert "in 4 layers" in (said := capsys.readouterr().err) and "such as lora-plus-b, or one rate" in said
    # As many layers as are derived: nothing is extrapolated there, and yet the rates of four go by another power.
    words = ("lora-plus-a", *ends[:3], deep(tmp_path / "flat", 64, 2), *ends[4:], "--network", *GIVEN)
    assert main(["transfer", *words]) == 2
    assert "in 4 layers and" in (said := capsys.readouterr().err) and "in 2, and each layer makes" in said
    one = answered(capsys, "init-a", *ends[:3], deep(tmp_path / "one", 64, 1), *ends[4:], "--network")
    assert one["network"]["max_stable"] == {"eta": "-1/2"}  # which is that of every depth


@pytest.mark.slow
def test_a_layer_of_few_inputs_goes_by_the_residual_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One head at both ends leaves o_proj its fan-in; the whole model's rate is one for all layers, and falls."""

    def one_head(width: int) -> LlamaForCausalLM:
        sizes = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 2 * width}
        return LlamaForCausalLM(LlamaConfig(vocab_size=32, num_hidden_layers=1, hidden_size=width, **sizes))

    targets, base, large = ["o_proj", "q_proj"], one_head(16), one_head(64)
    file = adapter(tmp_path / "adapter.json", 4, 8, target_modules=targets)
    ends = [str(folder(tmp_path / name, each.config)) for name, each in (("small", base), ("large", large))]
    words = ("init-a", "--from", ends[0], "--to", ends[1], "--adapter", file)
    alone, found = (answered(capsys, *words, *network) for network in ((), ("--network",)))
    assert found["network"]["max_stable"] == {"eta": "-1/2"}
    rates = [{each["layer"]: each["eta_B"] for each in one["layers"]} for one in (alone, found)]
    assert rates == [pytest.approx({"q_proj": 5e-4, "o_proj": 1e-3}), pytest.approx(dict.fromkeys(targets, 5e-4))]
    assert any("n of o_proj is the width of the residual stream, 16 -> 64" in note for note in found["notes"])
    model = wrapped(large, targets)
    edge = network_edge(base, model, "init-a")
    groups = parameter_groups(model, "init-a", 1e-3, base_model=base, network=edge)
    assert [group["lr"] for group in groups] == pytest.approx([5e-4] * len(groups))


@pytest.mark.slow
def test_groups_have_the_rates_of_the_whole_model() -> None:
    """LoRA+ from Init[A] on v_proj of two layers: n^(-5/4) for A and n^(-1/4) for B."""
    model, base = wrapped(llama(64), ["v_proj"]), llama(16)
    edge = network_edge(base, model, "lora-plus-a")
    assert (edge.exponent, edge.layers, edge.adapted, edge.is_extrapolated) == (Fraction(-5, 4), 2, 2, False)
    assert network_edge(base.config, model, "lora-plus-a") == edge
    groups = parameter_groups(model, "lora-plus-a", 1e-3, base_model=base, network=edge)
    expected = [1e-3 * 4 ** (-5 / 4), 1e-3 * 4 ** (-1 / 4)]
    assert [group["lr"] for group in groups] == pytest.approx(expected)
    optimizer = scheme_optimizer(model, "lora-plus-a", 1e-3, base_model=base, network=edge)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(expected)
    config = llama(16).config
    config.num_hidden_layers = 1
    with pytest.raises(BadInput, match=r"found 'a LlamaConfig with 1', expected a LlamaConfig with 2 adapters"):
        parameter_groups(model, "lora-plus-a", 1e-3, base_model=config, network=edge)
    magnitudes = replace(edge, is_dora=True)
    with pytest.raises(BadInput, match="with DoRA's layers, or the model has them"):
        parameter_groups(model, "lora-plus-a", 1e-3, base_model=base, network=magnitudes)


def test_an_adapter_is_what_peft_would_write_of_it() -> None:
    """PEFT finds no singular vectors in a model without numbers; where they would start is no part of the edge."""
    config = llama(16).config
    config.architectures, config.num_hidden_layers = ["LlamaForCausalLM"], 1
    adapter = LoraConfig(r=4, target_modules=["v_proj"], init_lora_weights="pissa")
    assert network_edge(config, config, "init-a", adapters=(adapter, adapter)).exponent == Fraction(-1, 2)
    found = model_theory(config, adapter=LoraConfig(r=4, target_modules=["v_proj"]), steps=1)
    assert (found.name, found.scheme.name) == ("LlamaConfig", "peft-true")
    own = model_theory(wrapped(LlamaForCausalLM(config), ["v_proj"]), scheme="init-a", steps=1, layers=1)
    assert {each.module.rpartition(".")[2] for each in own.traced.layers} == {"v_proj"}
    grouped = LoraConfig(r=4, target_modules=["v_proj"], use_qalora=True)
    with pytest.raises(BadInput, match=r"LoraConfig: .* changes the layers' equations"):
        network_edge(config, config, "init-a", adapters=(grouped, grouped))


def test_a_class_that_is_not_of_transformers_has_no_edge() -> None:
    class Mine(LlamaForCausalLM):
        pass

    with pytest.raises(BadInput, match="found 'Mine', expected one of transformers"):
        network_edge(Mine(llama(16).config), wrapped(llama(32), ["v_proj"]), "init-a")


def test_the_edge_of_another_model_is_refused() -> None:
    model = wrapped(llama(32), ["v_proj"])
    nowhere, init_a = frozenset[str](), CATALOGUE["init-a"]
    edge = NetworkEdge("GPT2LMHeadModel", 2, 2, "eta", Fraction(-1, 2), False, init_a, nowhere, ("", nowhere), (0, 0))
    with pytest.raises(BadInput, match=r"edge of a GPT2LMHeadModel, and the model is a LlamaForCausalLM"):
        parameter_groups(model, "init-a", 1e-3, base_model=llama(16), network=edge)
    with pytest.raises(BadInput, match="give base_model"):
        parameter_groups(model, "init-a", 1e-3, base_width=16, network=edge)
    with pytest.raises(BadInput, match=r"network: found 'llama', expected what network_edge"):
        parameter_groups(model, "init-a", 1e-3, base_model=llama(16), network="llama")  # type: ignore[arg-type]
    names = module_names(lora_adapters(model))
    edge = replace(edge, model="LlamaForCausalLM", modules=names)
    for scheme_of, optimizer in (("init-b", "adam"), ("init-a", "sgd")):
        other = CATALOGUE[scheme_of].under(optimizer)
        with pytest.raises(BadInput, match=f"edge of init-a under adam, and the scheme is {other.title}"):
            parameter_groups(init_lora_(model, other), other, 1e-3, base_model=llama(16), network=edge)
    wider = wrapped(llama(32), ["q_proj", "v_proj"])
    with pytest.raises(BadInput, match=r"edge of 2 adapters, and the model has 4; .*0\.self_attn\.q_proj has one"):
        parameter_groups(wider, "init-a", 1e-3, base_model=llama(16), network=edge)
    mistral = MistralConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
    mistral.architectures = ["MistralForCausalLM"]
    with pytest.raises(BadInput, match="MistralConfig is a MistralForCausalLM and LlamaForCausalLM a LlamaForCausalLM"):
        network_edge(mistral, wrapped(llama(32), ["v_proj"]), "init-a")


def test_what_no_law_of_a_network_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, many = (adapter(tmp_path / f"{rank}.json", rank, 8, target_modules=["q_proj"]) for rank in (2, 4))
    both = adapter(tmp_path / "both.json", 2, 8, target_modules=["q_proj", "v_proj"])
    mica = adapter(tmp_path / "mica.json", 2, 8, target_modules=["q_proj"], init_lora_weights="mica")
    start, end = (deep(tmp_path / str(width), width, 1) for width in (16, 32))
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2}
    other = folder(tmp_path / "mistral", MistralConfig(num_hidden_layers=1, **sizes), "MistralForCausalLM")
    models = ("--from", start, "--to", end)
    asked = {
        "goes with --from CONFIG --to CONFIG": ("--from-width=16", "--to-width=64"),
        "has nothing free; expected one rate": ("--at=eta=-1", *models, "--adapter", few),
        "under all assumptions": ("--without=A3", *models, "--adapter", few),
        "is a MistralForCausalLM and": ("--from", str(other), "--to", str(other.parent / "32")),
        "the rank of q_proj changes": (*models, "--adapter", few, "--to-adapter", many),
        "self_attn.v_proj has an adapter in one model only": (*models, "--adapter", both, "--to-adapter", few),
    }
    for said, words in asked.items():
        assert main(["transfer", "init-a", *words, *GIVEN, "--network"]) == 2
        assert said in capsys.readouterr().err
    assert main(["transfer", mica, *models, *GIVEN, "--network"]) == 2
    assert "--network goes by the width, and the rates of MiCA by the fan-out too" in capsys.readouterr().err


FAN_OUTS: dict[str, tuple[str, float, str | None]] = {
    # the optimiser, the power of n in the law of Init[B] and that of m
    "adam": ("adamw_torch", -1, None),
    "lion": ("lion", -1, None),
    "sgd": ("sgd", -1, "-1/2"),
}


@pytest.mark.parametrize(("optimizer", "of_width", "of_fan_out"), FAN_OUTS.values(), ids=FAN_OUTS)
def test_a_raw_step_goes_by_each_layers_fan_out(
    optimizer: str, of_width: float, of_fan_out: str | None, ends: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of gate_proj grow more than its columns do, those of down_proj less."""
    found = answered(capsys, "init-b", *ends, "--optimizer", optimizer)
    assert {each["exponent"]["eta_A"]["fan_out"] for each in found["layers"]} == {of_fan_out}
    assert any("fan-out" in note for note in found["notes"]) == (of_fan_out is not None)
    for layer in found["layers"]:
        wider, taller = (layer["to"][key] / layer["from"][key] for key in ("width", "fan_out"))
        assert layer["eta_A"] == pytest.approx(1e-3 * wider**of_width * taller ** float(Fraction(of_fan_out or 0)))


MICA: dict[str, tuple[int, str, float]] = {
    # the rank at the end (4 at the start), the optimiser: what the rates are to m^(1/2)/n
    "fan-out-alone": (4, "adam", 1.0),
    "of-a-raw-step": (4, "sgd", 1.0),
    "rank-too": (16, "adam", 2.0),  # r^(-1/2) s^(-1), and s = 16/r
}


@pytest.mark.parametrize(("rank", "optimizer", "factor"), MICA.values(), ids=MICA)
def test_micas_rate_goes_by_the_fan_out_too(
    rank: int, optimizer: str, factor: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """v_proj keeps its fan-out, as grouped queries have it."""
    sizes = {"vocab_size": 32, "num_key_value_heads": 1, "head_dim": 16, "num_hidden_layers": 1}
    small = LlamaConfig(hidden_size=16, intermediate_size=32, num_attention_heads=1, **sizes)
    large = LlamaConfig(hidden_size=64, intermediate_size=512, num_attention_heads=4, **sizes)
    ends = "--from", str(folder(tmp_path / "small", small)), "--to", str(folder(tmp_path / "large", large))
    own = {"init_lora_weights": "mica", "target_modules": ["v_proj", "up_proj", "down_proj"]}
    file, other = (adapter(tmp_path / f"{place}.json", r, 16, **own) for place, r in (("a", 4), ("b", rank)))
    found = answered(capsys, file, *ends, "--to-adapter", other, "--optimizer", optimizer)
    assert {each["layer"]: each["eta_A"] for each in found["layers"]} == pytest.approx(
        {
            "v_proj": 1e-3 * factor / 4,  # n 16 -> 64
            "up_proj": 1e-3 * factor / 4 * 16**0.5,  # n 16 -> 64, m 32 -> 512
            "down_proj": 1e-3 * factor / 16 * 4**0.5,  # n 32 -> 512, m 16 -> 64
        }
    )
    assert {each["exponent"]["eta_A"]["fan_out"] for each in found["layers"]} == {"1/2"}


def test_micas_fan_out_is_shown_and_one_width_says_what_it_takes_for_granted(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = adapter(tmp_path / "a.json", 4, 16, init_lora_weights="mica")
    assert main(["transfer", file, *ends, *GIVEN]) == 0
    text = capsys.readouterr().out
    assert "fan-out" in text.splitlines()[1] and "n^(-1) m^(1/2)" in text and "m is the fan-out" in text
    assert main(["transfer", file, "--from-width", "16", "--to-width", "64", *GIVEN]) == 0
    assert "layers whose fan-out grows with their fan-in" in capsys.readouterr().out
    own = tmp_path / "own.toml"  # a scheme that trains A alone, in the adapter's place
    own.write_text(
        '[exponents]\nA = "zero"\nB = "-1/2"\neta_A = "eta"\neta_B = "eta"\n[trained]\nB = false\n', encoding="utf-8"
    )
    found = answered(capsys, str(own), *ends, "--adapter", file)
    assert {each["exponent"]["eta_A"]["fan_out"] for each in found["layers"]} == {"1/2"}
    assert main(["transfer", "init-a", *ends, "--adapter", file, *GIVEN]) == 2
    assert "init-a: B: found trained, expected frozen, as MiCA has it" in capsys.readouterr().err.replace("'", "")


def test_a_b_that_is_not_frozen_has_no_law_between_models(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = adapter(tmp_path / "a.json", 4, 16, init_lora_weights="MiCA")
    assert main(["transfer", file, *ends, *GIVEN]) == 2
    assert "found 'MiCA', expected \"mica\"" in capsys.readouterr().err
    assert main(["transfer", file, "--from-width", "16", "--to-width", "64", *GIVEN]) == 0
    assert "fan-in.\nRead from" in capsys.readouterr().out


def test_what_else_an_adapter_trains_is_named_once(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = adapter(tmp_path / "a.json", 8, 16, modules_to_save=["lm_head"])
    for words in ((file,), ("init-a", "--adapter", file)):
        notes = answered(capsys, words[0], *ends, *words[1:])["notes"]
        (told,) = (note for note in notes if "Trained beside A and B" in note)
        assert told.startswith(f"{file}: ") and "lm_head (modules_to_save)" in told


def test_a_target_of_no_layer_is_named_as_in_a_model(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = adapter(tmp_path / "a.json", 8, 16, target_modules=["q_proj", "v_porj"])
    found = answered(capsys, file, *ends)
    (note,) = (note for note in found["notes"] if note.startswith(file))
    assert note.endswith(
        "target_modules has 'v_porj', and the model has no such layer: PEFT leaves it out. Did you mean 'v_proj'?"
    )
    assert [each["layer"] for each in found["layers"]] == ["q_proj"]
    assert model_theory(ends[1], adapter=file, steps=1, layers=1).notes == (note,)
    assert not [
        note for note in answered(capsys, adapter(tmp_path / "b.json", 8, 16), *ends)["notes"] if "b.json" in note
    ]


RANKS: dict[str, tuple[tuple[int, float], dict[str, Any], str, float]] = {
    # Init[A] at four times the width; the adapter at the end of r = 32 against (8, 16) at the start
    "kept": ((32, 16), {}, "fixed", 1 / 2),
    "in-proportion": ((32, 64), {}, "proportional", 1 / 4),
    "rslora-kept": ((32, 4), {"use_rslora": True}, "fixed", 1 / 2 / 2**0.5),
}


@pytest.mark.parametrize(("there", "others", "alpha", "expected"), RANKS.values(), ids=RANKS)
def test_alpha_is_read_from_both_adapters(
    there: tuple[int, float],
    others: dict[str, Any],
    alpha: str,
    expected: float,
    ends: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = (
        adapter(tmp_path / "a.json", 8, 4 if others else 16, **others),
        adapter(tmp_path / "b.json", *there, **others),
    )
    found = answered(capsys, "init-a", *ends, "--adapter", files[0], "--to-adapter", files[1])
    rates = {each["layer"]: each["eta_B"] for each in found["layers"]}
    assert found["alpha"] == alpha and rates["q_proj"] == pytest.approx(1e-3 * expected)
    assert rates["down_proj"] == pytest.approx(1e-3 * expected / 2)
    assert any("lora_alpha is taken as" in note for note in found["notes"])
    own = answered(capsys, files[0], *ends, "--to-adapter", files[1])  # a configuration is a SPEC, and its adapter
    assert [each["eta_B"] for each in own["layers"]] == pytest.approx(list(rates.values()))


FOLLOWED: dict[str, tuple[str, dict[str, Any], str, float]] = {
    # the scheme, what the second adapter has beside r = 2 and lora_alpha = 4; the power of s, q_proj's rate at 4 n
    "rslora": ("init-a", {"use_rslora": True}, "-1/2", 1 / 2 / 2**0.25),
    "alpha-alone": ("init-a", {"lora_alpha": 8}, "-1/2", 1 / 2 / 2**0.5),
    "out-of-proportion": ("init-a", {"r": 8, "lora_alpha": 8}, "-1/2", 1 / 2 / 2**0.5),
    "init-b": ("init-b", {"lora_alpha": 8}, "-1", 1 / 4 / 2),
    "negative": ("init-a", {"lora_alpha": -8}, "-1/2", 1 / 2 / 2**0.5),
    "by-layer": ("init-a", {"rank_pattern": {"q_proj": 4}, "alpha_pattern": {"down_proj": 8}}, "-1/2", 1 / 2),
}


@pytest.mark.parametrize(("name", "there", "power", "expected"), FOLLOWED.values(), ids=FOLLOWED)
def test_where_no_reading_of_alpha_says_how_s_goes_rates_go_by_s(
    name: str,
    there: dict[str, Any],
    power: str,
    expected: float,
    ends: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start, end = adapter(tmp_path / "a.json", 2, 4), adapter(tmp_path / "b.json", 2, 4, **there)
    found = answered(capsys, name, *ends, "--adapter", start, "--to-adapter", end)
    layers = {each["layer"]: each for each in found["layers"]}
    assert found["alpha"] is None and layers["q_proj"]["eta_B"] == pytest.approx(1e-3 * expected)
    assert {each["exponent"]["eta_B"]["scale"] for each in layers.values()} == {power}
    scales = [layers["down_proj"][place]["scale"] for place in ("from", "to")]
    assert any(f"s goes from 2 to {abs(scales[1]):g}, and rates by s itself" in note for note in found["notes"])
    assert main(["transfer", name, *ends, *GIVEN, "--adapter", start, "--to-adapter", end]) == 0
    assert f"s^({power})" in capsys.readouterr().out


def test_what_a_law_by_s_does_not_say(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [adapter(tmp_path / f"{alpha}.json", 2, alpha, use_dora=True) for alpha in (4, 8)]
    assert main(["transfer", files[0], *ends, "--to-adapter", files[1], *GIVEN]) == 3
    assert "how the rates in DoRA's layers go by s is not known; keep s =" in capsys.readouterr().err
    falling = scheme("-1/2", "zero", "-1", "-1", scale="-rank")
    start, end = (wrapped(llama(width), TARGETS, r=2, lora_alpha=alpha) for width, alpha in ((16, 4), (64, 8)))
    with pytest.raises(
        BadInput, match=r"scale: found '-rank', expected \"0\", with which s is followed as it stands: "
    ):
        parameter_groups(init_lora_(end, falling), falling, 1e-3, base_model=start)
    model = init_lora_(end, "init-a")
    assert by_layer(model, base_model=start) == pytest.approx(dict.fromkeys(TARGETS, 5e-4 / 2**0.5))


def test_a_scheme_beside_an_adapter_that_starts_otherwise_says_so(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, other = adapter(tmp_path / "a.json", 8, 16), adapter(tmp_path / "b.json", 8, 16, init_lora_weights=False)
    notes = [answered(capsys, "init-a", *ends, "--adapter", file)["notes"] for file in (plain, other)]
    said = [[note for note in each if "init_lora_weights=" in note] for each in notes]
    assert said[0] == [] and said[1][0].endswith("these rates are for A and B that start as in init-a.")
    assert main(["transfer", plain, *ends, "--adapter", other, *GIVEN]) == 2
    assert "init_lora_weights: found 'false', expected true, as" in capsys.readouterr().err


def test_a_rank_of_its_own_at_both_ends_is_no_change_of_rank(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PEFT gives the layers of a rank_pattern their own alpha/r, in both models alike."""
    file = adapter(tmp_path / "a.json", 8, 16, rank_pattern={"q_proj": 16}, alpha_pattern={"down_proj": 24})
    found = answered(capsys, "init-a", *ends, "--adapter", file)
    assert [(each["layer"], each["to"]["rank"], each["eta_A"]) for each in found["layers"]] == [
        ("q_proj", 16, pytest.approx(5e-4)),
        ("down_proj", 8, pytest.approx(2.5e-4)),
    ]


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "count": (("--from", "SMALL", "--to", "70B"), "a number of parameters is no width"),
    "width-count": (("--from-width", "1B", "--to-width", "8B"), "--from takes a config.json"),
    "one-end": (("--from", "SMALL"), "expected --from-width N --to-width N, or --from CONFIG --to CONFIG"),
    "mixed": (("--from", "SMALL", "--to-width", "64"), "found --from --to-width"),
    "no-end": ((), "found nothing"),
    "rank": (
        ("--from", "SMALL", "--to", "SMALL", "--to-rank", "64"),
        "--to-rank: between models the rank stands in a file; give --to-adapter FILE with r = 64, and its lora_alpha",
    ),
    "own-rank": (("--from", "SMALL", "--to", "SMALL", "--from-rank", "8"), "give --adapter FILE with r = 8, and its"),
    "adapter-of-widths": (("--from-width", "8", "--to-width", "64", "--adapter", "A"), "it goes with --from CONFIG"),
    "empty-folder": (("--from", "SMALL", "--to", "HERE"), "there is no config.json"),
    "no-json": (("--from", "SMALL", "--to", "A"), "is the configuration of an adapter"),
    "other-layers": (
        ("--from", "SMALL", "--to", "GPT2"),
        "that the first model does not have: c_attn, transformer.h.*.attn.c_proj, c_fc, transformer.h.*.mlp.c_proj;",
    ),
    "other-scale-said": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "A", "--to-adapter", "S", "--alpha", "fixed"),
        "alpha: found 'fixed', expected none: the rates go by s itself",
    ),
    "other-scale-of-a-network": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "A", "--to-adapter", "S", "--network"),
        "carries at one s; keep s = lora_alpha/r (lora_alpha/r^(1/2) with use_rslora) from the first",
    ),
    "contradicted": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "A", "--to-adapter", "K", "--alpha", "proportional"),
        "expected fixed",
    ),
    "dora-at-one-end": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "A", "--to-adapter", "D"),
        "use_dora is set at one end and not at the other",
    ),
    "another-start": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "A", "--to-adapter", "O"),
        "o.json: init_lora_weights: found 'olora', expected true, as ",
    ),
    "rank-above-width": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "W"),
        "mlp.down_proj, its fan-in; give a smaller r",
    ),
    "no-scale": (
        ("--from", "SMALL", "--to", "SMALL", "--adapter", "Z"),
        "z.json: lora_alpha: found 0: the adapter adds",
    ),
    "targets": (("--from", "SMALL", "--to", "GPT2", "--adapter", "A"), "gpt2 is called so: found 'down_proj, q_proj'"),
    "no-class": (("--from", "BARE", "--to", "BARE", "--adapter", "L"), 'names no class, such as "architectures"'),
}


def bare(path: Path) -> Path:
    """A configuration that does not name its class."""
    config = LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=32, num_attention_heads=2)
    config.save_pretrained(path)
    return path


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_carried_is_one_message(
    words: tuple[str, ...], message: str, ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {
        "SMALL": ends[1],
        "HERE": str(tmp_path),
        "GPT2": str(folder(tmp_path / "gpt2", GPT2Config(n_embd=16, n_head=2, n_layer=1), "GPT2LMHeadModel")),
        "A": adapter(tmp_path / "a.json", 8, 16),
        "O": adapter(tmp_path / "o.json", 8, 16, init_lora_weights="olora"),
        "K": adapter(tmp_path / "k.json", 16, 16),
        "S": adapter(tmp_path / "s.json", 8, 32),
        "W": adapter(tmp_path / "w.json", 33, 16),
        "Z": adapter(tmp_path / "z.json", 8, 0),
        "D": adapter(tmp_path / "d.json", 8, 16, use_dora=True),
        "L": adapter(tmp_path / "l.json", 8, 16, layers_to_transform=[0]),
        "BARE": str(bare(tmp_path / "bare")),
    }
    assert main(["transfer", "init-a", *GIVEN, *(names.get(word, word) for word in words)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err


def test_doras_layers_are_carried_by_the_law_that_their_factors_share(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = {}
    for is_dora in (False, True):
        file = adapter(tmp_path / f"{is_dora}.json", 8, 16, use_dora=is_dora)
        assert main(["transfer", "init-a", *GIVEN, *ends, "--adapter", file, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        rates[is_dora] = [(each["layer"], each["eta_A"], each["eta_B"]) for each in found["layers"]]
        assert any("magnitudes keep their rate" in note for note in found["notes"]) is is_dora
    assert rates[True] == rates[False]


def by_layer(model: Any, spec: Any = "init-a", **base: Any) -> dict[str, float]:
    groups = parameter_groups(model, spec, 1e-3, **base)
    rates = {id(each): group["lr"] for group in groups for each in group["params"]}
    return {each.name.rpartition(".")[2]: rates[id(each.A)] for each in lora_adapters(model)}


def test_a_base_model_stands_in_for_one_width() -> None:
    model = init_lora_(wrapped(llama(64), TARGETS), "init-a")
    assert by_layer(model, base_model=model) == dict.fromkeys(TARGETS, 1e-3)
    for base in (llama(16), llama(16).config, wrapped(llama(16), TARGETS)):
        assert by_layer(model, base_model=base) == pytest.approx(dict.fromkeys(TARGETS, 5e-4))
    ranked = wrapped(llama(16), TARGETS, r=1, lora_alpha=4)  # of the same lora_alpha: s falls as 1/r
    assert by_layer(model, base_model=ranked) == pytest.approx(dict.fromkeys(TARGETS, 5e-4))
    ranked = wrapped(llama(16), TARGETS, r=1, lora_alpha=1)
    assert by_layer(model, base_model=ranked) == pytest.approx(dict.fromkeys(TARGETS, 2.5e-4))


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_model_in_another_module_is_read_with_its_own_adapter(around: Callable[[nn.Module], nn.Module]) -> None:
    """Both c_proj of GPT-2 are told apart by their whole names."""
    model = wrapped(gpt2(64), ["c_attn", "c_proj"], r=16, lora_alpha=16, fan_in_fan_out=True)
    rates = [
        [(group["name"], group["lr"]) for group in parameter_groups(each, "init-a", 1e-3, base_model=gpt2())]
        for each in (model, around(model))
    ]
    assert rates[0] == rates[1] and {rate for _, rate in rates[0]} == {5e-4}


def test_a_base_model_has_to_be_read_with_some_adapter() -> None:
    model = wrapped(llama(64), TARGETS, r=16)
    layers = model.base_model.model.model
    with pytest.raises(BadInput, match="adapter default: found 0 configurations of PEFT in the model, expected one"):
        parameter_groups(layers, "init-a", 1e-3, base_model=llama())
    assert parameter_groups(layers, "init-a", 1e-3, base_model=wrapped(targets=TARGETS, r=16))
    two = nn.ModuleList([model, wrapped(llama(64), TARGETS, r=4)])
    with pytest.raises(BadInput, match="found 2 configurations"):
        parameter_groups(two, "init-a", 1e-3, base_model=llama())


INJECTED = {
    "injected": lambda config, base: inject_adapter_in_model(config, base),
    "inside": lambda config, base: wrapped(base, TARGETS, r=config.r, lora_alpha=config.lora_alpha).base_model.model,
    "tuner": lambda config, base: wrapped(base, TARGETS, r=config.r, lora_alpha=config.lora_alpha).base_model,
    "in-another": lambda config, base: nn.DataParallel(inject_adapter_in_model(config, base)),
}
"""Models with PEFT's layers that are none of PEFT's."""


@pytest.mark.parametrize("made", INJECTED.values(), ids=INJECTED)
def test_the_adapters_inside_a_base_model_are_its_own(made: Callable[[LoraConfig, nn.Module], nn.Module]) -> None:
    model, config = wrapped(llama(64), TARGETS), LoraConfig(r=2, lora_alpha=2, target_modules=TARGETS)
    base = made(config, llama())
    expected = by_layer(model, base_model=wrapped(llama(), TARGETS, r=2, lora_alpha=2))
    assert by_layer(model, base_model=base) == expected != by_layer(model, base_model=llama())


def test_the_theory_of_a_model_is_that_of_the_adapters_inside_it() -> None:
    model = inject_adapter_in_model(LoraConfig(target_modules=["v_proj"]), llama())
    found = model_theory(model, layers=1, steps=1)
    assert [each.name.partition("[")[0] for each in found.traced.layers] == ["v_proj"]


@pytest.mark.slow
def test_the_edge_of_a_model_is_that_of_the_adapters_inside_it() -> None:
    model = inject_adapter_in_model(LoraConfig(target_modules=["v_proj"]), llama())
    edge = network_edge(model, model, scheme("-1/2", "zero", "eta", "eta", optimizer="sign"))
    assert {name.rpartition(".")[2] for name in edge.modules} == {"v_proj"}


def test_a_scale_that_the_models_contradict_is_refused() -> None:
    """s is kept from r = 8 to r = 32 by their alpha, and falls as 1/r by the scheme's."""
    falling = scheme("-1/2", "zero", "-1", "-1", scale="-rank")
    start, end = (wrapped(llama(width), TARGETS, r=rank, lora_alpha=2 * rank) for width, rank in ((16, 8), (64, 32)))
    with pytest.raises(BadInput, match=r"found '-rank', expected \"0\*rank\", as the layers show: .* has r = 8"):
        parameter_groups(init_lora_(end, falling), falling, 1e-3, base_model=start)
    kept = wrapped(llama(16), TARGETS, r=8, lora_alpha=64)
    assert by_layer(end, falling, base_model=kept) == pytest.approx(dict.fromkeys(TARGETS, 1e-3 / 4))


def test_the_base_is_said_once() -> None:
    model = init_lora_(wrapped(), "init-a")
    for base, message in (({}, "found no base"), ({"base_model": model, "base_width": 16}, "leave base_width")):
        with pytest.raises(BadInput, match=message):
            parameter_groups(model, "init-a", 1e-3, **base)
    with pytest.raises(BadInput, match="expected a PEFT model or one of transformers"):
        parameter_groups(model, "init-a", 1e-3, base_model=llama().model.layers)
    with pytest.raises(BadInput, match="a base model: found 'int', expected a PEFT model or one of transformers, its"):
        parameter_groups(model, "init-a", 1e-3, base_model=3)


def test_a_configuration_without_its_class_is_told_so_where_names_differ() -> None:
    """Of RoBERTa without a head layers have no "roberta." in front."""
    config, wide = (classifier(width).config for width in (16, 32))
    for each in (config, wide):
        each.intermediate_size = 2 * each.hidden_size
    model = wrapped(type(classifier())(wide), ("query", "dense"), task_type="SEQ_CLS")
    config.architectures = None
    with pytest.raises(BadInput, match=r"it has .* each model has to name its class, such as \"architectures\""):
        parameter_groups(model, "init-a", 1e-3, base_model=config)
    config.architectures = ["RobertaForSequenceClassification"]
    assert parameter_groups(model, "init-a", 1e-3, base_model=config)


def test_kinds_are_told_apart_where_one_name_has_several_shapes() -> None:
    pattern = {"layers.0.self_attn.q_proj": 2}
    model = init_lora_(wrapped(rank_pattern=pattern), "init-a")
    assert {each.rank for each in adapted_shapes(model, None)} == {2, 4}
    groups = parameter_groups(model, "init-a", 1e-3, base_model=llama(64))
    assert {group["lr"] for group in groups} == {2e-3}


def test_one_layer_of_its_own_rank_leaves_the_other_kinds_their_names(
    ends: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second model has one layer more."""
    own = {"rank_pattern": {"model.layers.0.self_attn.q_proj": 4}}
    file = adapter(tmp_path / "a.json", 8, 16, **own)
    assert main(["transfer", file, *ends, *GIVEN]) == 2
    printed = capsys.readouterr().err.rstrip()
    assert printed.endswith(
        "the first model does not have: model.layers.2.self_attn.q_proj; it has model.layers.0.self_attn.q_proj, "
        "down_proj, model.layers.1.self_attn.q_proj; the rank of model.layers.*.self_attn.q_proj differs from layer to"
        " layer, so each goes by its own name: give all the same, or leave them out of the adapter"
    )
    found = answered(capsys, file, "--from", ends[1], "--to", ends[1])
    assert [(each["layer"], each["count"], each["to"]["rank"]) for each in found["layers"]] == [
        ("model.layers.0.self_attn.q_proj", 1, 4),
        ("down_proj", 2, 8),
        ("model.layers.1.self_attn.q_proj", 1, 8),
    ]


HEADS = {
    "of-a-task": ("LlamaForSequenceClassification", {"task_type": "SEQ_CLS"}, "score"),
    "saved": ("LlamaForSequenceClassification", {"modules_to_save": ["score"]}, "score"),
    "of-tokens": ("LlamaForTokenClassification", {"task_type": "TOKEN_CLS"}, "score"),
}


@pytest.mark.parametrize(("architecture", "others", "head"), HEADS.values(), ids=HEADS)
def test_a_head_that_is_trained_whole_has_no_adapter(
    architecture: str, others: dict[str, Any], head: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_attention_heads=2, num_hidden_layers=1
    )
    place = str(folder(tmp_path / "model", config, architecture))
    bare = adapter(tmp_path / "bare.json", 4, 8, target_modules="all-linear")
    spec = adapter(tmp_path / "adapter.json", 4, 8, target_modules="all-linear", **others)
    without, found = (
        {each["layer"] for each in answered(capsys, each, "--from", place, "--to", place)["layers"]}
        for each in (bare, spec)
    )
    assert without - found == {head} and "q_proj" in found


def test_experts_that_do_not_say_how_they_are_stored_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PEFT takes the outputs of Llama 4's experts, which are stored as (experts, in, out), for their inputs."""
    config = Llama4TextConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_hidden_layers=1,
        num_local_experts=2,
        interleave_moe_layer_step=1,
    )
    place = str(folder(tmp_path / "model", config, "Llama4ForCausalLM"))
    spec = adapter(
        tmp_path / "adapter.json", 4, 8, target_modules=["q_proj"], target_parameters=["experts.gate_up_proj"]
    )
    assert main(["transfer", spec, "--from", place, "--to", place, *GIVEN]) == 2
    assert "does not say which way it stores its matrices" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed")
def test_a_bias_inside_the_adapter_keeps_the_rate_of_what_is_no_factor() -> None:
    model = wrapped(lora_bias=True)
    groups = parameter_groups(model, "init-a", 1e-3, base_width=16, other_learning_rate=1e-5)
    rates = {id(each): group["lr"] for group in groups for each in group["params"]}
    biases = [each for name, each in model.named_parameters() if name.endswith("bias") and each.requires_grad]
    assert biases and {rates[id(each)] for each in biases} == {1e-5}


def test_a_configuration_without_a_head_has_no_layer_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    place = tmp_path / "config.json"
    place.write_text(json.dumps({**config, "num_hidden_layers": 1, "vocab_size": 32}), encoding="utf-8")
    spec = adapter(tmp_path / "adapter.json", 4, 8, target_modules=["q_proj", "lm_head"])
    assert main(["transfer", spec, "--from", str(place), "--to", str(place), *GIVEN]) == 2
    printed = capsys.readouterr().err
    assert "a configuration without lm_head" in printed and '"architectures"' in printed
