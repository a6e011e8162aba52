"""init_lora_: the entries, the outputs, one call for any adapter it knows, and a refusal that changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
import torch
from peft import IA3Config, LoraConfig, LoraGAConfig, PeftModel, get_peft_model
from peft.tuners.lora.loraga import preprocess_loraga
from torch import nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface import init_lora_, lora_adapters
from gamma_calc.huggingface.adapters import DORA, EXPERTS
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from tests.huggingface.models import AROUND, IDS, classifier, gpt2, llama, logits, mixture, wrapped
from tests.schemes import scheme

ALL_LINEAR = ("q_proj", "v_proj", "down_proj")


def root_mean_square(tensor: torch.Tensor) -> float:
    return float(tensor.detach().square().mean().sqrt())


@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        pytest.param("init-a", lambda n, r: n**-0.5, lambda n, r: 0.0, id="init-a"),
        pytest.param("init-b", lambda n, r: 0.0, lambda n, r: r**-0.5, id="init-b"),
        pytest.param("init-ab", lambda n, r: n**-0.5, lambda n, r: n**-0.5, id="init-ab"),
    ],
)
def test_entries_have_the_sizes_of_the_scheme_at_each_layers_own_fan_in(
    width: int, name: str, a: Callable[[int, int], float], b: Callable[[int, int], float]
) -> None:
    model = init_lora_(wrapped(llama(width), ALL_LINEAR, r=16), name, generator=torch.Generator().manual_seed(1))
    adapters = lora_adapters(model)
    assert {each.fan_in for each in adapters} == {width, 4 * width}
    for each in adapters:
        for factor, size in ((each.A, a(each.fan_in, 16)), (each.B, b(each.fan_in, 16))):
            slack = 4 * size / math.sqrt(2 * factor.numel())  # four standard deviations of a root mean square
            assert root_mean_square(factor) == pytest.approx(size, abs=slack)


def test_a_custom_initialisation() -> None:
    custom = scheme("-1", "-rank", "-1", "-1")
    for each in lora_adapters(init_lora_(wrapped(llama(64), r=8), custom)):
        assert root_mean_square(each.A) == pytest.approx(1 / 64, rel=0.2)
        assert root_mean_square(each.B) == pytest.approx(1 / 8, rel=0.2)


@pytest.mark.parametrize("name", ["init-a", "init-b", "lora-plus-a"])
def test_outputs_are_the_bases_where_a_factor_is_zero(name: str) -> None:
    assert torch.equal(logits(init_lora_(wrapped(), name)), logits(llama()))


def prepared(option: Any) -> PeftModel:
    """A model wrapped under one option of PEFT, with what the option needs before it."""
    base = llama()
    options: dict[str, Any] = {"loftq": {"loftq_config": {"loftq_bits": 4, "loftq_iter": 1}}}.get(str(option), {})
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=option, **options)
    if option == "corda":
        for name, layer in base.named_modules():
            if name.endswith(("q_proj", "v_proj")):
                u, s, v = torch.svd(layer.weight.detach())
                layer.eigens = SimpleNamespace(U_WC=u[:, :4], S_WC=s[:4], V_WC=v[:, :4])
    if option == "lora_ga":
        config.lora_ga_config = LoraGAConfig()
        preprocess_loraga(base, config, lambda: base(input_ids=IDS, labels=IDS).loss.backward())
    return get_peft_model(base, config)


OPTIONS = (
    True,
    False,
    "lora_ga",  # which PEFT 0.21 takes and does not declare
    *(
        word.replace("[number of iters]", "2")
        for kind in get_args(get_type_hints(LoraConfig)["init_lora_weights"])
        for word in get_args(kind)
    ),
)
"""Every init_lora_weights that PEFT declares."""


def quantised_on_the_cpu(weight: torch.Tensor, reduced_rank: int, **_: Any) -> tuple[torch.Tensor, ...]:
    """What PEFT's loftq_init gives, which needs a graphics card: rounded weights, A and B."""
    rounded = weight.detach().round(decimals=1)
    u, s, v = torch.svd(weight.detach() - rounded)
    return rounded, (s[:reduced_rank, None] * v.T[:reduced_rank]), u[:, :reduced_rank]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_whatever_peft_started_from_the_outputs_are_the_bases_or_nothing_is_done(
    option: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peft.tuners.lora.layer.loftq_init", quantised_on_the_cpu)
    model = prepared(option)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rewritten = any(
        not torch.equal(tensor, before["base_model.model." + name.replace("_proj.weight", "_proj.base_layer.weight")])
        for name, tensor in llama().state_dict().items()
        if "q_proj" in name or "v_proj" in name
    )
    try:
        init_lora_(model, "init-a")
    except BadInput as refusal:
        assert rewritten == ("init_lora_weights" in str(refusal))
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    else:
        assert not rewritten and torch.equal(logits(model), logits(llama()))


@pytest.mark.parametrize("option", [True, False])
@pytest.mark.parametrize("name", ["init-a", "init-b", "init-ab"])
def test_doras_magnitudes_are_the_norms_of_what_they_multiply(name: str, option: bool) -> None:
    model = init_lora_(wrapped(use_dora=True, init_lora_weights=option), name)
    for each in lora_adapters(model, knows=(DORA,)):
        whole = each.layer.get_base_layer().weight + each.scale * each.B @ each.A
        torch.testing.assert_close(each.layer.lora_magnitude_vector["default"].weight, whole.norm(dim=1))
    if name != "init-ab":
        torch.testing.assert_close(logits(model), logits(llama()))


PARAMETERS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]


@pytest.mark.parametrize("name", ["init-a", "init-b", "init-ab"])
def test_each_expert_starts_as_a_layer_of_its_own(name: str) -> None:
    model = init_lora_(wrapped(mixture(64), ("q_proj",), r=8, lora_alpha=16, target_parameters=PARAMETERS), name)
    _, *experts = lora_adapters(model, knows=(EXPERTS,))
    assert [(each.name.rpartition(".")[2], each.fan_in, each.rank, each.experts, each.scale) for each in experts] == [
        ("down_proj", 256, 8, 4, 2.0),
        ("gate_up_proj", 64, 8, 4, 2.0),
    ]
    for each in experts:
        n = each.fan_in
        sizes = {"init-a": (n**-0.5, 0), "init-b": (0, 8**-0.5), "init-ab": (n**-0.5, n**-0.5)}[name]
        for expert in range(4):
            a = each.A.view(4, 8, n)[expert]
            b = each.B.view(each.fan_out, 8, 4)[:, :, expert]
            torch.testing.assert_close(each.layer.get_delta_weight("default")[expert], each.scale * b @ a)
            assert [root_mean_square(a), root_mean_square(b)] == pytest.approx(sizes, rel=0.15)
    if name != "init-ab":
        torch.testing.assert_close(logits(model), logits(mixture(64)))


def test_outputs_move_where_neither_factor_is_zero() -> None:
    assert not torch.allclose(logits(init_lora_(wrapped(), "init-ab")), logits(llama()))


def test_only_the_zero_factors_partner_waits_for_the_second_step() -> None:
    model = init_lora_(wrapped(), "init-b")
    model(input_ids=torch.ones(1, 3, dtype=torch.long)).logits.sum().backward()
    for each in lora_adapters(model):
        assert each.A.grad is not None and each.B.grad is not None
        assert not each.B.grad.any()
    assert any(each.A.grad.any() for each in lora_adapters(model) if each.A.grad is not None)


def test_a_layer_that_stores_its_weight_transposed() -> None:
    model = wrapped(gpt2(), ("c_attn", "c_fc"), fan_in_fan_out=True)
    shapes = {each.name.rsplit(".", 1)[-1]: (each.fan_in, each.fan_out) for each in lora_adapters(model)}
    assert shapes == {"c_attn": (16, 48), "c_fc": (16, 64)}
    assert torch.equal(logits(init_lora_(model, "init-b")), logits(gpt2()))


def test_ranks_may_differ_between_layers() -> None:
    model = init_lora_(wrapped(llama(64), rank_pattern={"v_proj": 16}), "init-b")
    sizes = {each.rank: root_mean_square(each.B) for each in lora_adapters(model)}
    assert sizes[4] == pytest.approx(0.5, rel=0.2) and sizes[16] == pytest.approx(0.25, rel=0.2)


def test_a_frozen_factor_takes_no_gradient() -> None:
    half = replace(scheme("-1/2", "zero", "-1", "-1/2"), trained=frozenset({"B"}))
    model = init_lora_(wrapped(), half)
    assert {(each.A.requires_grad, each.B.requires_grad) for each in lora_adapters(model)} == {(False, True)}


def test_a_sequence_classifier_and_the_same_draws_again() -> None:
    first, again = (
        init_lora_(wrapped(classifier(), ("query",)), "init-a", generator=torch.Generator().manual_seed(3))
        for _ in range(2)
    )
    for one, other in zip(lora_adapters(first), lora_adapters(again), strict=True):
        assert torch.equal(one.A, other.A)


def test_the_adapter_that_is_named() -> None:
    model = wrapped()
    model.add_adapter("second", LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj"]))
    before = [each.A.clone() for each in lora_adapters(model)]
    init_lora_(model, "init-b", adapter="second")
    assert all(not each.A.any() for each in lora_adapters(model, "second"))
    assert all(torch.equal(old, each.A) for old, each in zip(before, lora_adapters(model), strict=True))


def test_only_the_adapter_that_is_named_becomes_trainable_as_the_scheme_says() -> None:
    model = wrapped()
    model.add_adapter("second", LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj"]))
    model.set_adapter("second")  # and PEFT freezes the first
    init_lora_(model, replace(CATALOGUE["init-a"], trained=frozenset("B")), adapter="default")
    trained = {
        key: {(each.A.requires_grad, each.B.requires_grad) for each in lora_adapters(model, key)}
        for key in ("default", "second")
    }
    assert trained == {"default": {(False, True)}, "second": {(True, True)}}


def merged() -> PeftModel:
    model = wrapped()
    model.merge_adapter()
    return model


def tied() -> PeftModel:
    model = wrapped()
    first, second, *_ = lora_adapters(model)
    second.lora_A.weight = first.lora_A.weight
    return model


def two_active() -> PeftModel:
    model = wrapped()
    model.add_adapter("second", LoraConfig(r=2, target_modules=["q_proj"]))
    model.base_model.set_adapter(["default", "second"])
    return model


def on_meta() -> PeftModel:
    model = wrapped()
    lora_adapters(model)[0].lora_A.to("meta")
    return model


STABILISED = scheme("-1/2", "zero", "-1", "-1", scale="-rank/2")
NARROW = scheme("-60", "zero", "-1", "-1")
"""Entries of 16^-60: numbers of float64, not of float32."""

REFUSED = [
    pytest.param(lambda: llama(), "init-a", "no LoRA layers", id="no-adapters"),
    pytest.param(
        lambda: get_peft_model(llama(), IA3Config(target_modules=["q_proj"], feedforward_modules=[])),
        "init-a",
        "no LoRA layers; it has layers of ia3",
        id="another-kind",
    ),
    pytest.param(
        lambda: wrapped(targets=("q_proj", "embed_tokens")), "init-a", "embed_tokens.*embedding", id="embedding"
    ),
    pytest.param(
        lambda: wrapped(alora_invocation_tokens=[1], task_type="CAUSAL_LM"), "init-a", "a LoRA variant", id="variant"
    ),
    pytest.param(lambda: wrapped(classifier(), ("query",), lora_bias=True), "init-a", "lora_bias=False", id="bias"),
    pytest.param(lambda: wrapped(nn.Sequential(nn.Conv1d(4, 4, 1)), ("0",)), "init-a", "Conv1d", id="convolution"),
    pytest.param(merged, "init-a", "unmerge", id="merged"),
    pytest.param(tied, "init-a", "share a factor", id="tied"),
    pytest.param(on_meta, "init-a", "meta device", id="meta"),
    pytest.param(two_active, "init-a", "2 adapters are active", id="two-active"),
    *(
        pytest.param(
            lambda around=around: around(wrapped(init_lora_weights="pissa")), "init-a", "found 'pissa'", id=f"in-{name}"
        )
        for name, around in AROUND.items()
    ),
    pytest.param(
        lambda: nn.ModuleList([wrapped(), wrapped(init_lora_weights="olora")]), "init-a", "found 'olora'", id="in-two"
    ),
    pytest.param(
        lambda: wrapped(init_lora_weights="pissa").base_model.model.model, "init-a", "0 configurations", id="a-part"
    ),
    pytest.param(lambda: wrapped(lora_alpha=0), "init-a", "lora_alpha > 0", id="no-scale"),
    pytest.param(lambda: wrapped(), scheme("-1/2", "zero", "-1", "-1", scale="-1"), "no power of n", id="scale"),
    pytest.param(lambda: wrapped(), scheme("p", "zero", "-1", "-1"), "give one for p", id="free"),
    pytest.param(lambda: wrapped(), NARROW, "no numbers of torch.float32", id="underflow"),
    pytest.param(lambda: wrapped(), scheme("-900", "zero", "-1", "-1"), "beyond the range", id="no-float"),
    pytest.param(lambda: wrapped(), "init-c", "Did you mean", id="unknown-scheme"),
]


@pytest.mark.parametrize(("make", "spec", "message"), REFUSED)
def test_a_refusal_says_why_and_changes_nothing(make: Callable[[], nn.Module], spec: str, message: str) -> None:
    model = make()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(BadInput, match=message):
        init_lora_(model, spec)
    after = model.state_dict()
    assert all(tensor.is_meta or torch.equal(before[name], tensor) for name, tensor in after.items())
    assert trained == [parameter.requires_grad for parameter in model.parameters()]


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_model_in_another_module_is_initialised(around: Callable[[nn.Module], nn.Module]) -> None:
    model = wrapped()
    init_lora_(around(model), "init-b")
    assert all(each.B.any() for each in lora_adapters(model)) and torch.equal(logits(model), logits(llama()))


@pytest.mark.parametrize("name", [[1], 3])
def test_an_adapter_goes_by_its_name(name: Any) -> None:
    with pytest.raises(BadInput, match=r"adapter: found .*, expected its name"):
        init_lora_(wrapped(), "init-a", adapter=name)


def test_an_adapter_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="Did you mean 'default'"):
        init_lora_(wrapped(), "init-a", adapter="defualt")


@pytest.mark.parametrize("is_rslora", [True, False])
@pytest.mark.parametrize("spec", ["init-b", STABILISED], ids=["kept", "stabilised"])
def test_the_scale_is_in_no_initial_entry(spec: str | Scheme, is_rslora: bool) -> None:
    assert torch.equal(logits(init_lora_(wrapped(use_rslora=is_rslora), spec)), logits(llama()))
