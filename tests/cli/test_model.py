"""gamma-calc model: what follows for each adapter of a model, what a module's theory lacks, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import NOWHERE
from gamma_calc.analysis.decision import Status
from gamma_calc.cli.main import main
from gamma_calc.cli.model import OF_MAGNITUDES
from gamma_calc.huggingface.model_theory import model_theory

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 100,
}
GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_embd": 64,
    "n_head": 8,
    "n_layer": 2,
}
PLAIN = {"peft_type": "LORA", "r": 8, "lora_alpha": 16}
NETWORKS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, is_odd=False):
        super().__init__()
        self.first, self.second = nn.Linear(3, width, bias=False), nn.Linear(width, 2, bias=False)
        self.is_odd = is_odd

    def forward(self, x):
        z = self.first(x)
        return self.second(torch.special.i0(z) if self.is_odd else torch.relu(z))

def net(width):
    return Net(width), {"x": torch.ones(4, 3)}

def odd(width):
    return Net(width, True), {"x": torch.ones(4, 3)}

class Branching(Net):
    def forward(self, x):
        return self.second(self.first(x)) if self.first(x).sum() > 0 else self.second(x)

def branching(width):
    return Branching(width), {"x": torch.ones(4, 3)}

def read():
    from gamma_calc import traced
    return traced(net)

def unread():
    from gamma_calc import traced
    return traced(odd)

def failing(width):
    raise ValueError("of its own")

def bare():
    return nn.Linear(2, 2)
"""


MIXTRAL = LLAMA | {
    "model_type": "mixtral",
    "architectures": ["MixtralForCausalLM"],
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
}
QWEN3 = LLAMA | {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 8}
TEXT_OF_IMAGES = {
    "model_type": "qwen2_5_vl",
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "text_config": {
        **{key: value for key, value in LLAMA.items() if key not in {"model_type", "architectures"}},
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
    },
}
IMAGES = {
    "model_type": "vit",
    "architectures": ["ViTForImageClassification"],
    **{"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "intermediate_size": 96},
    **{"image_size": 8, "patch_size": 4},
}
SOUNDS = {
    "model_type": "whisper",
    "architectures": ["WhisperForConditionalGeneration"],
    **{"d_model": 64, "vocab_size": 100, "num_mel_bins": 6},
    **{
        f"{end}_{name}": size
        for end in ("encoder", "decoder")
        for name, size in (("layers", 3), ("attention_heads", 8))
    },
    **{name: 7 for name in ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")},
}
ODD: Mapping[str, Any] = {
    "speech": {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]},
    "custom": {"model_type": "odd", "auto_map": {"AutoConfig": "odd.Odd"}},
    "number": 1,
    "kernel": LLAMA | {"thinker_config": {"text_config": {"attn_implementation": "some/kernel"}}},
    "endless": LLAMA | {"num_hidden_layers": 10**9},
    "flat": LLAMA | {"num_hidden_layers": 0},
    "uneven": LLAMA | {"num_key_value_heads": 3},
    "unclassed": LLAMA | {"architectures": ["Foo"]},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deeper = {"llama3": LLAMA | {"num_hidden_layers": 3}, "qwen3": QWEN3, "mixtral": MIXTRAL}
    for name, config in {
        "llama": LLAMA,
        **deeper,
        "gpt2": GPT2,
        "other": {"model_type": "no-such"},
        **{"qwen-vl": TEXT_OF_IMAGES, "vit": IMAGES, "whisper": SOUNDS},
        "empty": {},
        **ODD,
    }.items():
        Path(name).mkdir()
        Path(name, "config.json").write_text(json.dumps(config), encoding="utf-8")
    adapters: Mapping[str, dict[str, Any]] = {
        "v": {"target_modules": ["v_proj"]},
        "qv": {"target_modules": ["q_proj", "v_proj"]},
        "c": {"target_modules": ["c_attn"]},
        "absent": {"target_modules": ["w_proj"]},
        "slips": {"target_modules": ["q_prj", "v_proj"], "lora_alhpa": 4},
        "dora": {"target_modules": ["v_proj"], "use_dora": True},
        "qalora": {"target_modules": ["v_proj"], "use_qalora": True},
        "vera": {"target_modules": ["v_proj"], "peft_type": "VERA"},
        "several": {"target_modules": ["v_proj", "down_proj"], "peft_type": "VERA"},
        "nothing": {"target_modules": ["v_proj"], "peft_type": "VERA", "r": 0},
        "pattern": {"target_modules": "["},
        "unscaled": {"target_modules": ["v_proj"], "lora_alpha": 0},
        "pattern-of-vera": {"target_modules": "[", "peft_type": "VERA"},
        "ia3": {"target_modules": ["v_proj"], "peft_type": "IA3"},
        "table": {"target_modules": ["v_proj", "embed_tokens"]},
        "inner": {"target_parameters": ["experts.gate_up_proj"]},
        "experts": {"target_parameters": ["experts.gate_up_proj", "experts.down_proj"]},
        "saved": {"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]},
    }
    for name, config in adapters.items():
        Path(f"{name}.json").write_text(json.dumps(PLAIN | config), encoding="utf-8")
    Path("networks.py").write_text(NETWORKS, encoding="utf-8")
    Path("scaled.toml").write_text(
        '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\nscale = "-1/2"\n', encoding="utf-8"
    )


def found(words: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> Any:
    assert main(["model", *words.split(), "--json"]) == status
    return json.loads(capsys.readouterr().out)


def parted(answer: Any) -> dict[tuple[str, str], tuple[str, str]]:
    """The network's exponents and the module's, where these are others, by layer and quantity."""
    return {
        (each["layer"], each["quantity"]): (each["network"], each["module"])
        for each in answer["module_theory"]["differs"]
    }


@pytest.mark.slow
def test_lora_plus_from_init_a_is_another_thing_in_the_second_layer(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("llama --adapter v.json --scheme lora-plus-a --steps 2", capsys)
    assert answer["model"] == {
        "name": "llama",
        "class": "LlamaForCausalLM",
        "layers": 2,
        "adapted": 8,
        "of": 8,
        "part_of": None,
        "other_layers": [],
    }
    assert answer["module_theory"]["max_stable"]["eta"]["value"] == "-1"
    assert answer["module_theory"]["quantities"] == {"Z_A": "0", "Z_B": "0", "Delta_Z_B": "0"}
    names = ("Z_A", "Z_B", "Delta_Z_B")
    assert parted(answer) == {("v_proj[2]", name): ("1/2", "0") for name in names}
    assert answer["max_stable"]["eta"]["value"] == "-5/4"
    assert answer["binding"] == [{"layer": "v_proj[2]", "quantity": "Z_B"}]
    path = answer["module_theory"]["differs"][0]["path"]
    assert path[0]["term"][0] == "A_v_proj[2]_0"
    assert path[-1]["term"][:2] == ["U_B_v_proj[1]", "A_v_proj[1]_0"]
    assert [each["value"] for each in path[1:]] == [
        next(part for part in each["term"] if part.startswith("U_")) for each in path[:-1]
    ]  # each hop starts from what changed in the one before it
    more = answer["more_layers"]
    assert not more["repeats"] and more["max_stable"]["eta"]["value"] == "-23/16"  # -1 - (L - 1)/(2L) for L = 8
    assert more["growing"][0] == {
        "layers": ["v_proj[1]", "v_proj[2]"],
        "quantity": "Z_A",
        "exponents": ["0", "1/4"],
    }
    first, second = answer["layers"]
    expected = {"Z_A": "1/4", "Z_B": "0", "Delta_Z_A": "1/4", "Delta_Z_B": "0"}
    assert {name: second["quantities"][name] for name in expected} == expected
    assert first["name"] == "v_proj[1]"
    assert first["module"].endswith("layers.0.self_attn.v_proj")
    assert answer["operations"]["linear"] == 19
    assert {each["name"] for each in answer["parameters"] if each["trained"]} == {
        f"{factor}_v_proj[{layer}]" for factor in "AB" for layer in (1, 2)
    }


@pytest.mark.slow
def test_a_third_layer_adds_what_the_second_one_does(capsys: pytest.CaptureFixture[str]) -> None:
    two, three = (
        found(f"llama3 --adapter v.json --scheme lora-plus-a --steps 3 --layers {layers}", capsys) for layers in (2, 3)
    )
    assert two["more_layers"]["max_stable"]["eta"]["value"] == three["max_stable"]["eta"]["value"] == "-4/3"
    assert three["more_layers"] is None


@pytest.mark.slow
def test_queries_and_values_are_decided_at_ties_and_between_them(capsys: pytest.CaptureFixture[str]) -> None:
    """On the domain of the rate as a whole it is open which logits lead, and LoRA+ is said to be stable up to -3/2."""
    answer = found("llama --adapter qv.json --scheme lora-plus-a --steps 3", capsys)
    assert answer["max_stable"]["eta"]["value"] == "-5/4"
    for each in answer["module_theory"]["differs"]:  # what training changed explains it, which is as large as all else
        assert any(part.startswith(("U_", "dB_", "dA_")) for part in each["path"][0]["term"])
    assert answer["conditions"]["internally_stable"]["region"] == "eta <= -3/2"
    assert {each["quantity"] for each in answer["binding"]} == {"Z_B"}
    assert answer["more_layers"]["max_stable"]["eta"]["value"] == "-23/16"


@pytest.mark.slow
def test_rates_that_surely_are_stable_come_first_where_others_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    """At n^0 the tanh in front of a trained classifier saturates, and nothing is known of its slope."""
    roberta = {"model_type": "roberta", "architectures": ["RobertaForSequenceClassification"], "hidden_size": 64}
    Path("roberta.json").write_text(json.dumps({**roberta, "num_attention_heads": 4, "vocab_size": 100}))
    adapter = {"target_modules": ["query", "value"], "modules_to_save": ["classifier"], "task_type": "SEQ_CLS"}
    Path("head.json").write_text(json.dumps(PLAIN | adapter))
    assert main(["model", "roberta.json", "--adapter", "head.json", "--layers", "1"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("Rates up to n^(-1/2) are stable; whether larger ones are is not known: where eta = 0, ")
    assert "stable             where eta = 0, " in said


def test_what_is_internally_stable_surely_is_stable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theory = model_theory("llama", adapter="v.json", layers=1, steps=1)
    assert theory.derivation is not None
    decisions = theory.derivation.decisions
    open_ = replace(decisions["stable"], status=Status.UNKNOWN, region=NOWHERE, reason="of a reason")
    known = replace(theory.derivation, decisions={**decisions, "stable": open_}, max_stable={})
    theory = replace(theory, derivation=known)
    monkeypatch.setattr("gamma_calc.huggingface.model_theory.model_theory", lambda *_, **__: theory)
    assert main(["model", "llama", "--adapter", "v.json", "--layers", "1", "--steps", "1"]) == 3
    said = capsys.readouterr().out
    assert str(decisions["internally_stable"]) == "eta <= -1/2"
    assert said.startswith("Rates up to n^(-1/2) are stable; whether larger ones are is not known: of a reason.")


@pytest.mark.slow
def test_a_norm_of_queries_has_a_size_on_parts_of_the_domain(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("qwen3 --adapter qv.json --scheme init-a --steps 3", capsys)
    assert answer["max_stable"]["eta"]["value"] == "-1/2"
    assert answer["more_layers"] == {"repeats": True, "growing": [], "max_stable": {}}


@pytest.mark.slow
def test_lora_plus_from_init_b_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("llama --adapter v.json --scheme lora-plus-b --steps 2", capsys)
    assert answer["max_stable"]["eta"]["value"] == answer["module_theory"]["max_stable"]["eta"]["value"] == "-1"
    assert answer["module_theory"]["compared"]
    assert parted(answer) == {}


@pytest.mark.slow
def test_gpt2(capsys: pytest.CaptureFixture[str]) -> None:
    """With the map of its default configuration, a GELU by a hyperbolic tangent."""
    answer = found("gpt2 --adapter c.json --layers 1 --steps 3 --optimizer sign", capsys)
    assert answer["optimizer"] == "sign"
    assert answer["max_stable"]["eta"]["value"] == "-1/2"
    (layer,) = answer["layers"]
    assert layer["quantities"]["Z_A"] == "1/2"
    assert layer["quantities"]["Z_B_2"] == "0"
    assert {layer["quantities"][name] for name in ("delta_1", "delta_2", "delta_3")} == {"0"}
    assert (answer["efficient"], answer["gradient_stable"], answer["undertrained"]) == (True, True, [])


def test_which_factor_hardly_learns_layer_by_layer(capsys: pytest.CaptureFixture[str]) -> None:
    words = "llama --adapter v.json --scheme init-b --layers 1 --steps 3"
    answer = found(words, capsys)
    ((layer,), undertrained) = answer["layers"], answer["undertrained"]
    assert {name: layer["quantities"][name] for name in ("delta_1", "delta_2", "delta_3", "dZ")} == {
        "delta_1": "0",
        "delta_2": "-1",
        "delta_3": "-1",
        "dZ": "-1/2",
    }
    assert (answer["efficient"], undertrained) == (False, [{"layer": "v_proj[1]", "factor": "B"}])
    main(["model", *words.split()])
    assert "B hardly learns within 3 steps in v_proj[1]: its part delta_2" in capsys.readouterr().out


def test_a_function_of_the_width(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("networks.py:net --allow-code", capsys)
    assert answer["module_theory"] is None
    assert answer["layers"] == []
    assert [each["name"] for each in answer["parameters"]] == ["W_first", "W_second"]
    main(["model", "networks.py:net", "--allow-code"])
    printed = capsys.readouterr().out
    assert "without adapters under adam, for every fixed" in printed and "init-a" not in printed
    assert ["output", "0", "0"] in [line.split() for line in printed.splitlines()]
    assert "growing with the width: width; fixed: a size of 3, a size of 2\n" in printed


def test_another_command_takes_what_was_traced(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "networks.py:read", "--allow-code"]) == 0
    assert "Net under adam, for every fixed number of steps" in capsys.readouterr().out
    assert main(["derive", "networks.py:unread", "--allow-code"]) == 3
    message = capsys.readouterr().err
    assert message.startswith("gamma-calc: Net: no rule for special_i0 (") and "networks.py:" in message


def test_an_operation_without_a_rule_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("networks.py:odd --allow-code", capsys, status=3)
    ((missing,), conditions) = answer["unknown"], answer["conditions"]
    assert "i0" in missing["operation"]
    assert "networks.py" in missing["where"]
    assert conditions == {}
    assert main(["model", "networks.py:odd", "--allow-code"]) == 3
    assert capsys.readouterr().out.startswith("Nothing is derived: the forward pass has operations without a rule.\n  ")


def test_a_frozen_matrix_that_is_said_to_be_smaller(capsys: pytest.CaptureFixture[str]) -> None:
    words = "llama --adapter v.json --layers 1 --steps 1 --init o_proj=-1 --init fan-in"
    answer = found(words, capsys)
    sizes = {each["name"]: each["init"] for each in answer["parameters"]}
    assert (sizes["W_o_proj[1]"], sizes["W_q_proj[1]"]) == ("-1", "-1/2")
    assert answer["init"] == {"how": "fan-in", "named": {"o_proj": "-1"}}
    main(["model", *words.split()])
    said = " ".join(capsys.readouterr().out.split())
    assert "variance 1/fan_in, n^(-1) for o_proj" in said
    assert "heads, kv_features, kv_heads, intermediate; fixed: vocabulary, head, rank, groups" in said


def test_of_a_mixture_the_experts_learn_and_their_choice_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    words = "mixtral --adapter experts.json --layers 1 --steps 2"
    answer = found(words, capsys)
    assert [each["name"] for each in answer["layers"]] == ["gate_up_proj[1]", "down_proj[1]"]
    assert answer["conditions"]["stable"]["region"] == "eta <= -1/2"
    assert answer["layers"][1]["quantities"].items() >= {"Z_A": "1/2", "Z_B": "0", "delta_1": "0"}.items()
    (line,) = answer["choices"]
    assert "torch.topk" in line
    main(["model", *words.split()])
    said = " ".join(capsys.readouterr().out.split())
    assert "held as at the start: which entries are the largest, of mixtral/modeling_mixtral.py:" in said
    assert "adapter Z_A Z_B_1 Z_B_2 Z_B Delta_Z_A Delta_Z_B_1 Delta_Z_B_2 Delta_Z_B delta_1" in said


def test_what_inner_matrices_of_experts_learn_reaches_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    """As with gate_proj and up_proj of a Llama: their B learn through down_proj, which then makes n^(1/2) of it."""
    main(["model", *["mixtral", "--adapter", "inner.json", "--layers", "1", "--steps", "2"]])
    (said,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Largest stable rate"))
    assert "; the output is n^(1/2) there and grows with the width, for 'stable' bounds what each adapter adds" in said


def test_dora_has_its_magnitude(capsys: pytest.CaptureFixture[str]) -> None:
    words = "llama --adapter dora.json --scheme init-b --layers 1 --steps 2 --at eta=-1"
    answer = found(words, capsys)
    trained = [each["name"] for each in answer["parameters"] if each["trained"]]
    assert "W_lora_magnitude_vector_default[1]" in trained
    assert next(each["init"] for each in answer["parameters"] if "magnitude" in each["name"]) == "0"
    (layer,) = answer["layers"]
    assert {layer["quantities"][name] for name in ("Z_A", "Z_B", "delta_1")} == {"0"}
    main(["model", *words.split()])
    said = " ".join(capsys.readouterr().out.split())
    assert f"trained too, and in no row: W_lora_magnitude_vector_default[1] {OF_MAGNITUDES}" in said


@pytest.mark.slow
def test_an_embedding_starts_as_peft_has_it_and_hardly_learns_at_the_rate_of_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A token picks one column of A, so A's part is n^eta; of a linear layer it is n^(eta + 1/2)."""
    answer = found("llama --adapter table.json --layers 1", capsys)
    initial = {each["name"]: each["init"] for each in answer["parameters"] if each["trained"]}
    assert initial == {
        "A_embed_tokens": "zero",
        "B_embed_tokens": "0",
        "A_v_proj[1]": "-1/2",
        "B_v_proj[1]": "zero",
    }
    assert answer["max_stable"]["eta"]["value"] == "-1/2"
    assert {each["layer"] for each in answer["undertrained"]} == {"embed_tokens"}
    assert not any(layer == "embed_tokens" for layer, _ in parted(answer))


@pytest.mark.slow
def test_vera_is_no_more_stable_in_depth_at_the_rate_of_one_module(capsys: pytest.CaptureFixture[str]) -> None:
    """What B brings back of b's updates makes the gradient of the layer below follow A, and so does its b."""
    answer = found("llama --adapter vera.json", capsys)
    assert answer["module_theory"]["max_stable"]["eta"]["value"] == "0"
    assert answer["max_stable"]["eta"]["value"] == "-1/4"
    assert parted(answer)["v_proj[2]", "Z_A"] == ("1/2", "0")
    trained = [each["name"] for each in answer["parameters"] if each["trained"]]
    assert sorted(trained) == ["b_v_proj[1]", "b_v_proj[2]", "d_v_proj[1]", "d_v_proj[2]"]


@pytest.mark.slow
def test_layers_of_several_shapes_have_parts_of_the_matrices_of_vera(capsys: pytest.CaptureFixture[str]) -> None:
    """Two adapters in a row are as one in each of two layers: -(L - 1)/(2 L)."""
    answer = found("llama --adapter several.json --layers 1 --steps 3", capsys)
    assert answer["max_stable"]["eta"]["value"] == "-1/4"
    assert parted(answer)["down_proj[1]", "Z_A"] == ("1/2", "0")


def test_the_part_that_reads_text_is_derived_of_a_model_that_sees(capsys: pytest.CaptureFixture[str]) -> None:
    words = "qwen-vl --adapter v.json --layers 1 --steps 1 --at eta=-1"
    model = found(words, capsys)["model"]
    assert (model["class"], model["of"], model["part_of"]) == (
        "Qwen2_5_VLTextModel",
        8,
        "Qwen2_5_VLForConditionalGeneration",
    )
    main(["model", *words.split()])
    said = "1 of its 8 layers, the part of Qwen2_5_VLForConditionalGeneration that reads text, "
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("name", "adapted"), [("vit", 1), ("whisper", 3)])
def test_images_and_sounds_are_what_a_model_takes(name: str, adapted: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an encoder and a decoder, one layer of each: v_proj in both, and where one attends to the other."""
    answer = found(f"{name} --adapter v.json --layers 1 --steps 1 --at eta=-1", capsys)
    assert len(answer["layers"]) == adapted and answer["conditions"]["stable"]["holds"]


def test_a_module_that_is_trained_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    answer = found("llama --adapter saved.json --layers 1 --steps 1 --at eta=-1", capsys)
    assert {each["name"]: each["rate"] for each in answer["parameters"]}["W_lm_head"] == "-1"


def test_a_measured_alignment_takes_the_place_of_the_assumed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """U_A Z and all else that is aligned gains n^(3/4) in place of n, in the network as in the module."""
    Path("measured.json").write_text('{"aligned": 0.75, "independent": 0.5}', encoding="utf-8")
    words = "llama --adapter v.json --scheme init-b --layers 1 --steps 1"
    assumed, measured = found(words, capsys), found(f"{words} --align measured.json", capsys)
    assert assumed["max_stable"]["eta"]["value"] == "-1"
    assert measured["max_stable"]["eta"]["value"] == "-3/4"
    assert measured["module_theory"]["max_stable"]["eta"]["value"] == "-3/4"
    assert measured["align"] == {"aligned": "3/4", "independent": "1/2"}


def test_what_peft_leaves_aside_of_an_adapter_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    keys, targets = found("llama --adapter slips.json --layers 1 --steps 1 --at eta=-1", capsys)["notes"]
    assert keys.startswith("slips.json: PEFT does not know 'lora_alhpa' (did you mean 'lora_alpha'?)")
    assert targets == (
        "slips.json: target_modules has 'q_prj', and the model has no such layer: PEFT leaves it out."
        " Did you mean 'q_proj'?"
    )


REFUSED = {
    "no target": (
        "llama --adapter absent.json",
        "absent.json: target_modules: no module of llama is called so: found 'w_proj', expected names of its layers: "
        "q_proj, k_proj, v_proj, o_proj",
    ),
    "another library": ("other", "cannot build a model of it"),
    "no type": ("empty", "cannot build a model of it"),
    "code of its own": ("custom", "never run here; give a model whose class transformers has"),
    "an adapter": ("v.json", "is the configuration of an adapter; expected that of a model, its config.json"),
    "a kernel": ("kernel", "attn_implementation names a kernel on the hub, whose code is never run here"),
    "layers without end": ("endless", "num_hidden_layers: found '1000000000', expected at most 1024"),
    "no layers at all": ("flat", "num_hidden_layers: found '0', expected a whole number from 1"),
    "groups of heads": ("uneven", "num_key_value_heads: found '3', expected a number that divides"),
    "no class": ("unclassed", "unclassed: architectures: found \"['Foo']\", expected a list with a class"),
    "a number": ("number", "found 1, expected an object such as transformers writes"),
    "speech": ("speech", "no input_values are known to call it with: expected some, as traced(inputs=...)"),
    "a size": ("8B", "a number of parameters is no width"),
    "no file": ("llama --adapter missing.json", "no such file"),
    "a variant": ("llama --adapter qalora.json", "QALoRA"),
    "another adapter": ("llama --adapter ia3.json", "IA3"),
    "no rank": ("llama --adapter nothing.json", "nothing.json: r: found 0, expected a whole number from 1"),
    "no scale": ("llama --adapter unscaled.json", "lora_alpha: found 0: the adapter adds nothing"),
    "no scale, with a scheme": (
        "llama --adapter unscaled.json --scheme init-b",
        "unscaled.json: lora_alpha: found 0: the adapter adds nothing",
    ),
    "a pattern": ("llama --adapter pattern.json", "target_modules: found '[', expected names, or a regular expression"),
    "its pattern": ("llama --adapter pattern-of-vera.json", "target_modules: found '['"),
    "a scheme of another adapter": ("llama --adapter vera.json --scheme init-a", "its vectors start as PEFT has them"),
    "a scheme of no adapters": ("networks.py:net --allow-code --scheme lora-plus-a", "Net has no adapters of PEFT"),
    "a stack": ("llama --scheme scaled.toml", "the rest is read from the model"),
    "no scheme": ("llama --scheme init-c", "init-a"),
    "no layers": ("llama --layers 0", "from 1 to 128"),
    "code": ("networks.py:net", "only with --allow-code"),
    "raises": ("networks.py:failing --allow-code", "of its own"),
    "control flow": ("networks.py:branching --allow-code", "if self.first(x).sum() > 0"),
    "no config": ("networks.py:bare --allow-code", "what is traced"),
    "an adapter twice": ("networks.py:net --adapter v.json --allow-code", "returns the model with its adapters"),
    "no checkpoint": ("llama --init checkpoint", "there is no .safetensors"),
    "no folder": ("llama/config.json --init checkpoint", "expected one with safetensors"),
    "an init": ("llama --init modal", "Did you mean 'model'?"),
    "an init of magnitudes": ("llama --adapter dora.json --init model --layers 1", "DoRA's magnitudes"),
    "two inits": ("llama --init model --init fan-in", "one way"),
    "a free init": ("llama --init o_proj=eta", "--init o_proj: found 'eta', expected a number, such as -1/2, or zero"),
    "an init of nothing": ("llama --init x_proj=0", "whose name ends so"),
    "no function": ("networks.py", "expected its function too: networks.py:FUNCTION --allow-code"),
    "a free alignment": ("llama --align aligned=alpha", "expected a number"),
    "an alignment too large": ("llama --align aligned=1.2", "expected a rational from 1/2 to 1"),
    "no alignments": ("llama --align llama/config.json", "an object from kinds of sums to alignments"),
    "alignments of nothing": ("llama --align v.json", "an object from kinds of sums to alignments"),
    "no file of them": ("llama --align absent-file.json", "no such file"),
    "an assumption": ("llama --without A5", "under all assumptions"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", *words.split()]) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""


@pytest.mark.slow
def test_layers_with_other_modules_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fourth layer of a Qwen3.5 is attention, the others are recurrences."""
    hybrid = LLAMA | {"model_type": "qwen3_5_text", "architectures": ["Qwen3_5ForCausalLM"], "head_dim": 8}
    Path("config.json").write_text(json.dumps({**hybrid, "num_hidden_layers": 8}), encoding="utf-8")
    assert main(["model", "config.json", "--layers", "1", "--steps", "1", "--at", "eta=-1/2"]) == 0
    said = "2 layers, from layer 4 on, have modules that none of these has: --layers 4 derives one of them too."
    assert said in capsys.readouterr().out
    Path("attention.json").write_text(json.dumps(PLAIN | {"target_modules": ["q_proj"]}), encoding="utf-8")
    assert main(["model", "config.json", "--adapter", "attention.json", "--layers", "3"]) == 2
    said = "found 'q_proj in none of the first 3', expected --layers 4, which has some"
    assert said in capsys.readouterr().err


def test_at_rates_that_are_said_nothing_is_told_of_the_largest_ones(capsys: pytest.CaptureFixture[str]) -> None:
    words = "llama --adapter v.json --scheme lora-plus-a --steps 3 --at eta=-1"
    assert main(["model", *words.split()]) == 0
    stable, module, *others = capsys.readouterr().out.splitlines()
    assert stable == "Stable: never."
    assert module.startswith("One module alone has other exponents at these rates. There Z_A of v_proj[2] is n^(1/2)")
    assert "where the network parts from one module, at these rates:" in others
