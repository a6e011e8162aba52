"""How large matrices are at the start: by fan-in, as a model's own init has them, by a checkpoint, or as it is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForSequenceClassification

from gamma_calc import exponents, traced
from gamma_calc.errors import BadInput
from gamma_calc.tracing.initial_sizes import stated_sizes
from tests.tracing.models import SIZES, llama

Draw = Callable[[Tensor, int], Tensor]
LAWS: Mapping[str, tuple[Draw, str]] = {
    "constant": (lambda draw, width: 0.02 * draw, "0"),
    "fan-in": (lambda draw, width: 3 * draw / width**0.5, "-1/2"),
    "mean field": (lambda draw, width: draw / width, "-1"),
    "zero": (lambda draw, width: 0 * draw, "None"),
}


class Net(nn.Module):
    """A square matrix of a law of its own between two others."""

    def __init__(self, width: int, law: Draw) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, width, bias=False), nn.Linear(width, width, bias=False)
        draw = torch.randn(width, width, generator=torch.Generator().manual_seed(width)).sign()  # of size 1 exactly
        self.second.weight = nn.Parameter(law(draw, width), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)))  # type: ignore[no-any-return]


def initial(law: Draw, init: str | Path = "model", **options: Mapping[str, str]) -> str:
    found = traced(lambda width: (Net(width, law), {"x": torch.ones(2, 3)}), init=init, **options)  # type: ignore[arg-type]
    return str({each.name: each.initial for each in found.parameters}["W_second"])


@pytest.mark.parametrize("law", LAWS)
def test_a_models_own_init_is_measured_at_two_widths(law: str) -> None:
    draw, exponent = LAWS[law]
    assert initial(draw) == exponent
    assert initial(draw, "fan-in") == ("None" if law == "zero" else "-1/2")
    assert initial(draw, inits={"second": "-3/4"}) == "-3/4"


def test_a_law_that_is_no_power_of_a_size_is_refused() -> None:
    said = r"init of second\.weight: entries of .* are no one power of its fan-in: expected its exponent from you"
    for law in (lambda draw, width: draw / width**0.25, lambda draw, width: draw * (width == 35)):
        with pytest.raises(BadInput, match=said):
            initial(law)


def test_too_few_entries_to_tell_two_powers_apart_are_told_and_what_to_say() -> None:
    def few(width: int) -> tuple[nn.Module, dict[str, Tensor]]:
        net = nn.Sequential(nn.Linear(3, width, bias=False), nn.ReLU(), nn.Linear(width, 1, bias=False))
        net[2].weight = nn.Parameter(torch.full((1, width), 1 / width))
        return net, {"input": torch.ones(2, 3)}

    said = (
        r"init of 2.weight: entries of 0.0286 .*, 35 and 55 of them, are too few to choose from n\^\(-1\), n\^\(-1/2\)"
    )
    with pytest.raises(BadInput, match=rf'{said}.*: expected its exponent .* inits=.*"2.weight": "-1"'):
        traced(few, init="model")
    found = traced(few, init="model", inits={"2.weight": "-1"})
    assert {each.source: str(each.initial) for each in found.parameters}["2.weight"] == "-1"


@pytest.mark.parametrize(("size", "exponent"), [(1 / 64, "-1/2"), (0.02, "-1/2"), (1.0, "0"), (4096.0**-1, "-1")])
def test_a_checkpoint_has_one_width(tmp_path: Path, size: float, exponent: str) -> None:
    save_file(
        {"second.weight": size * torch.randn(4, 4096), "first.weight": torch.ones(4096, 3)}, tmp_path / "m.safetensors"
    )
    assert initial(LAWS["constant"][0], tmp_path) == exponent


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_matrix_of_one_row_is_a_matrix(is_trained: bool) -> None:
    """The head of a reward model has one output. A vector of entries n^0 in its place would make n^(1/2) of it."""

    def reward(width: int, outputs: int) -> nn.Module:
        net = nn.Sequential(nn.Linear(3, width, bias=False), nn.ReLU(), nn.Linear(width, outputs, bias=False))
        net[2].requires_grad_(is_trained)
        return net

    def sizes(outputs: int) -> list[str]:
        found = traced(lambda width: (reward(width, outputs), {"input": torch.ones(2, 3)}), rates="-1")
        assert {each.source: str(each.initial) for each in found.parameters}["2.weight"] == "-1/2"
        return [str(step.sizes["output"]) for step in exponents(found.problem, steps=3).steps]

    assert sizes(1) == sizes(2)
    assert sizes(1)[0] == "0"


def test_a_transformer_of_one_std_at_every_width() -> None:
    """All but norms: what is 0.02 at every width is n^0, which 1/fan_in is not."""
    for init, exponent in (("model", "0"), ("fan-in", "-1/2")):
        found = traced(llama(1, "v_proj"), scheme="init-a", init=init)
        frozen = {each.name: str(each.initial) for each in found.parameters if each.rate is None}
        assert {frozen[name] for name in ("W_q_proj[1]", "W_o_proj[1]", "W_down_proj[1]")} == {exponent}


@pytest.mark.parametrize(
    ("init", "inits", "said"),
    [
        ("models", {}, "init: found 'models', expected fan-in, model"),
        (Path("nowhere"), {}, "there is no .safetensors"),
        ("fan-in", {"third": "0"}, "no matrix or trained vector whose name ends so"),
        ("fan-in", {"econd": "0"}, "no matrix or trained vector whose name ends so"),
        ("fan-in", {"second": "0", "weight": "0", "first": "0"}, "inits: weight is used for no parameter, as each"),
        ("fan-in", {"second": "1/0"}, "second: affine form '1/0'"),
    ],
)
def test_what_is_refused(init: str | Path, inits: Mapping[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        initial(LAWS["constant"][0], init, inits=inits)


def test_the_names_that_there_are_have_the_numbers_of_a_list() -> None:
    with pytest.raises(BadInput, match=r"name ends so: expected A\.0, A\.1, down$"):
        stated_sizes({"A": "0"}, ["A.0", "A.1", "mlp.0.down.weight"])


def test_of_a_checkpoint_the_matrix_of_the_whole_name_is_taken(tmp_path: Path) -> None:
    law = LAWS["constant"][0]
    tensors = {"a.second.weight": torch.ones(4, 4096), "second.weight": torch.randn(4, 4096) / 64}
    save_file({**tensors, "first.weight": torch.ones(4096, 3)}, tmp_path / "m.safetensors")
    assert initial(law, tmp_path) == "-1/2"


def test_a_checkpoint_without_the_matrix_is_refused(tmp_path: Path) -> None:
    save_file({"other": torch.ones(2)}, tmp_path / "m.safetensors")
    with pytest.raises(BadInput, match=r"there is no first\.weight in its safetensors"):
        initial(LAWS["constant"][0], tmp_path)
    Path(tmp_path, "m.safetensors").write_bytes(b"not one")
    with pytest.raises(BadInput, match="cannot be read as safetensors"):
        initial(LAWS["constant"][0], tmp_path)


def test_of_a_and_b_a_scheme_says_how_they_start() -> None:
    with pytest.raises(BadInput, match=r"A of .*v_proj starts as the scheme says"):
        traced(llama(1, "v_proj"), inits={"lora_A.default": "-1"})


class Vectors(nn.Module):
    """Features of n^0 against a readout that is a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(3, width, bias=False)
        self.readout = nn.Parameter(torch.randn(width) / width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.first(x) * self.readout).sum(-1)


def test_a_vector_is_random_where_it_is_said_how_large_it_is() -> None:
    """Otherwise it is n^0 in general position, and its sum with random features n^(1/2)."""
    for inits, initial, output in (
        ({}, "0", "1/2"),
        ({"readout": "-1"}, "-1", "-1/2"),
        ({"readout": "zero"}, "None", "-2"),
    ):
        found = traced(lambda width: (Vectors(width), {"x": torch.ones(2, 3)}), rates="-3", inits=inits)
        assert {each.source: str(each.initial) for each in found.parameters}["readout"] == initial
        assert str(exponents(found.problem, steps=1)[1].sizes["output"]) == output


class Beside(nn.Module):
    """A matrix of what features and a few coordinates are side by side, or of parts of what it is a matrix of."""

    def __init__(self, width: int, *, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.inner, self.up = nn.Linear(3, width, bias=False), nn.Linear(width + 5, width, bias=False)

    def forward(self, x: torch.Tensor, few: torch.Tensor) -> torch.Tensor:
        parts = (few, self.inner(x)) if self.is_first else (self.inner(x), few)
        return self.up(torch.cat(parts, -1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("is_first", [False, True])
def test_the_fan_in_of_features_beside_a_few_coordinates_is_that_of_features(is_first: bool) -> None:
    """Variance 1/(n + 5) leaves the output n^0 whichever part is asked."""
    inputs = {"x": torch.ones(2, 3), "few": torch.ones(2, 5)}
    found = traced(lambda width: (Beside(width, is_first=is_first), inputs), rates="-3")
    assert {str(each.initial) for each in found.parameters if each.source == "up.weight"} == {"-1/2"}
    assert str(exponents(found.problem, steps=1)[1].sizes["output"]) == "0"


def test_a_matrix_of_ones_own_that_is_zero_stays_there_where_it_is_frozen() -> None:
    """As the last one of a branch does; those of a pretrained model stand for what training has made of them."""
    built = traced(lambda width: (Net(width, LAWS["zero"][0]), {"x": torch.ones(2, 3)})).problem
    assert built is not None
    assert str(exponents(built, steps=1, at={"eta": "0"})[1].sizes["Delta_output"]) == "-oo"


class Gated(nn.Module):
    """One projection in two parts, whose biases start random."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Linear(3, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.both(x).chunk(2, -1)
        return torch.tanh(gate) * value


def test_a_part_of_a_vector_starts_as_the_whole() -> None:
    found = traced(lambda width: (Gated(width), {"x": torch.ones(2, 3)}))
    sizes = {each.name: str(each.initial) for each in found.parameters if each.source == "both.bias"}
    assert sizes == {"W_bias_1": "0", "W_bias_2": "0"}


def test_what_peft_trains_whole_is_known_by_the_name_that_the_model_has_for_it(tmp_path: Path) -> None:
    config = LlamaConfig(num_key_value_heads=2, num_hidden_layers=1, pad_token_id=0, **SIZES)
    model = LlamaForSequenceClassification(config)
    model.save_pretrained(tmp_path)
    adapted = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", target_modules=["v_proj"]))
    for options in ({"init": tmp_path}, {"inits": {"score": "-1"}}):
        (score,) = (each for each in traced(adapted, **options).parameters if "score" in each.source)
        assert str(score.initial) == "-1"
