"""Any torch module as a problem: its gradients are autograd's, exponents are those known, what is none is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from transformers.modeling_outputs import BaseModelOutput, BaseModelOutputWithPooling

from gamma_calc import Settings, Traced, crosscheck, exponents, traced
from gamma_calc.errors import BadInput
from gamma_calc.program.expressions import Trained
from gamma_calc.program.optimizers import OPTIMIZERS, Gradients, Optimizer, Update, rms
from tests.schemes import scheme
from tests.tracing.gradients import both
from tests.tracing.models import FAST, INPUTS_OF, MODELS, llama


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in MODELS]
)
def test_gradients_are_those_of_autograd(name: str) -> None:
    found = traced(MODELS[name](), INPUTS_OF.get(name), scheme="init-ab")
    assert not found.unknown
    pairs = list(both(found))
    assert len(pairs) >= 2
    for _, derived, expected in pairs:
        torch.testing.assert_close(derived, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in MODELS])
def test_every_family_is_derived(name: str) -> None:
    found = traced(MODELS[name](), INPUTS_OF.get(name), scheme="init-b")
    assert found.problem is not None
    sizes = exponents(found.problem, steps=2, at={"eta": -1})[2].sizes
    inner = {each: str(size) for each, size in sizes.items() if each.startswith(("Z_A", "Z_B"))}
    behind = {each for each in inner if name == "deepseek-v3" and ("q_b_proj" in each or "kv_b_proj" in each)}
    assert inner and {inner[each] for each in inner if each not in behind} == {"0"}
    # Behind latents A sums over a few coordinates, which do not grow.
    assert {inner[each] for each in behind} == ({"-1"} if name == "deepseek-v3" else set())


def test_an_adapter_behind_a_few_coordinates_starts_from_its_fan_in() -> None:
    found = traced(MODELS["deepseek-v3"](), scheme="init-a")
    starts = {each.name: str(each.initial) for each in found.parameters if each.name.startswith("A_")}
    assert {name for name, start in starts.items() if start == "0"} == {"A_q_b_proj[1]", "A_kv_b_proj[1]"}
    assert set(starts.values()) == {"0", "-1/2"}


def test_what_an_a_starts_from_is_a_power_of_a_fan_in_that_is_chosen_too() -> None:
    model = llama(1, "down_proj")
    found = traced(model, scheme="init-a", axes={"intermediate": "beta"})
    assert [str(each.initial) for each in found.parameters if each.name == "A_down_proj[1]"] == ["-beta/2"]
    free = traced(model, scheme=scheme("alpha", "zero", "eta", "eta"), axes={"intermediate": "beta"})
    assert any("in powers of its number of inputs" in each.reason for each in free.unknown)


def test_which_experts_a_token_takes_is_held() -> None:
    found = traced(MODELS["mixtral"](), scheme="init-a")
    (line,) = found.choices
    assert "torch.topk" in line


def test_a_shared_expert_grows_with_the_width() -> None:
    found = traced(MODELS["qwen2-moe"](), scheme="init-a")
    (shape,) = [each.shape for each in found.parameters if each.name == "W_shared_expert_down_proj[1]"]
    assert {axis.name: str(axis.exponent) for axis in found.axes if axis.name in shape} == {
        "hidden": "1",
        "shared_intermediate": "1",
    }


class Chosen(nn.Module):
    """The largest of the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(7, width, bias=False), nn.Linear(2, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.outer(self.inner(x).topk(2)[0])
        return found


def test_the_largest_of_a_number_of_entries_that_grows_have_no_rule() -> None:
    found = traced(lambda n: (Chosen(n), {"x": torch.ones(3, 7)}))
    assert found.problem is None
    reason = "entries at places along width, which grows"
    assert (found.unknown[0].operation, found.unknown[0].reason) == ("topk", reason)


SCHEMES = {
    "init-a": ("-1/2", {"Z_A": "1/2", "Z_B": "0"}, {"Z_A": "1/2", "Z_B": "0"}),
    "init-b": ("-1", {"Z_A": "0", "Z_B": "0"}, {"Z_A": "0", "Z_B": "0"}),
    "lora-plus-a": ("-1", {"Z_A": "0", "Z_B": "0"}, {"Z_A": "1/2", "Z_B": "1/2"}),
    "lora-plus-b": ("-1", {"Z_A": "0", "Z_B": "0"}, {"Z_A": "0", "Z_B": "0"}),
}
"""A rate of A, and the exponents of the features of v_proj at step 2 in the first and in the second layer."""


@pytest.mark.parametrize(
    "scheme", [pytest.param(name, marks=() if name == "lora-plus-a" else pytest.mark.slow) for name in SCHEMES]
)
def test_a_llama_of_two_layers(scheme: str) -> None:
    rate, first, second = SCHEMES[scheme]
    found = traced(llama(2, "v_proj"), scheme=scheme)
    assert found.problem is not None
    sizes = exponents(found.problem, steps=2, at={"eta": rate})[2].sizes
    assert {each: str(sizes[f"{each}_v_proj[1]"]) for each in first} == first
    assert {each: str(sizes[f"{each}_v_proj[2]"]) for each in second} == second


def test_the_table_beside_a_problem() -> None:
    found = traced(llama(1, "v_proj"), scheme="init-a", axes={"rank": "rho"})
    sizes = {axis.name: str(axis.exponent) for axis in found.axes}
    grow = {"hidden": "1", "features": "1", "heads": "1", "head": "0", "intermediate": "1", "vocabulary": "0"}
    assert {name: sizes[name] for name in grow} == grow
    assert sizes["rank"] == "rho"
    table = {each.name: each for each in found.parameters}
    assert (table["A_v_proj[1]"].shape, str(table["A_v_proj[1]"].initial)) == (("rank", "hidden"), "-1/2")
    assert table["B_v_proj[1]"].initial is None
    assert str(table["W_down_proj[1]"].initial) == "-1/2"
    assert str(table["W_embed_tokens"].initial) == "0"
    (layer,) = found.layers
    assert layer.quantities[:2] == ("Z_A_v_proj[1]", "Z_B_v_proj[1]")
    assert found.operations["linear"] == 10
    assert found.problem is not None
    assert str(found.problem.exponents["s"]) == "-rho"  # alpha / r, from alpha alone
    assert [str(value) for key, value in found.problem.exponents.items() if key.startswith("c[")].count("0") >= 2


@pytest.mark.parametrize("name", ["kv_heads", "intermediate", "rank"])
def test_a_class_of_sizes_grows_as_it_is_told(name: str) -> None:
    found = traced(llama(1, "v_proj"), axes={name: "k"})
    assert found.problem is not None
    assert {axis.name: str(axis.exponent) for axis in found.axes}[name] == "k"


def test_a_vocabulary_that_grows_has_no_rule_and_is_named() -> None:
    found = traced(llama(1, "v_proj"), axes={"vocabulary": "1"})
    assert found.problem is None
    assert [each.reason for each in found.unknown] == ["a look-up along vocabulary, which grows"]


class Mlp(nn.Module):
    """A perceptron without biases."""

    def __init__(self, width: int, extra: int = 0) -> None:
        super().__init__()
        self.first = nn.Linear(3, width + extra, bias=False)
        self.second = nn.Linear(width + extra, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)))  # type: ignore[no-any-return]


Returned = Callable[[Tensor, Tensor], Any]
INPUTS = {"x": torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])}


class Referred(nn.Module):
    """A perceptron less a frozen one, which is a copy of it or another one."""

    def __init__(self, width: int, *, is_copy: bool = True) -> None:
        super().__init__()
        self.policy = Mlp(width)
        self.reference = (copy.deepcopy(self.policy) if is_copy else Mlp(width)).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.policy(x) - self.reference(x)  # type: ignore[no-any-return]


def test_a_frozen_module_that_is_no_copy_is_read() -> None:
    assert traced(lambda width: (Referred(width, is_copy=False), INPUTS)).problem is not None


def normed(width: int, norm: Any) -> Mlp:
    """A perceptron whose second matrix has a norm of torch's."""
    found = Mlp(width)
    norm(found.second)
    return found


def test_a_function_of_the_width() -> None:
    found = traced(lambda width: (Mlp(width), INPUTS), rates={"first.weight": "a", "second.weight": "b"})
    assert found.problem is not None
    table = {each.name: (str(each.initial), str(each.rate)) for each in found.parameters}
    assert table == {"W_first": ("0", "a"), "W_second": ("-1/2", "b")}
    for _, derived, expected in both(found):
        torch.testing.assert_close(derived, expected, rtol=1e-10, atol=1e-12)


class Projected(nn.Module):
    """A name that is the end of another one, but for a dot."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj, self.out_proj = nn.Linear(3, width, bias=False), nn.Linear(width, 2, bias=False)
        self.inner = nn.ModuleDict({"proj": nn.Linear(width, width, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(self.inner["proj"](self.proj(x)))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("ends", "of_each"),
    [
        (("proj.weight", "out_proj.weight"), ("proj.weight", "proj.weight", "out_proj.weight")),
        (("inner.proj", "proj", "out_proj"), ("proj", "inner.proj", "out_proj")),
        (("weight", "inner.proj"), ("weight", "inner.proj", "weight")),
    ],
    ids=["another name's end", "without .weight", "the longer one"],
)
def test_the_longest_end_of_whole_words_counts_in_any_order(ends: tuple[str, ...], of_each: tuple[str, ...]) -> None:
    exponents_of = {end: str(place) for place, end in enumerate(ends)}
    for order in (ends, ends[::-1]):
        given = {end: exponents_of[end] for end in order}
        found = traced(lambda width: (Projected(width), INPUTS), rates=given, inits=given)
        table = {each.source: (str(each.initial), str(each.rate)) for each in found.parameters}
        sources = ("proj.weight", "inner.proj.weight", "out_proj.weight")
        assert table == {name: (exponents_of[end],) * 2 for name, end in zip(sources, of_each, strict=True)}


class Several(Mlp):
    """Values beside an output, one of a readout of its own."""

    def __init__(self, width: int, returned: Returned) -> None:
        super().__init__(width)
        self.head, self.returned = nn.Linear(width, 1, bias=False), returned

    def forward(self, x: Tensor) -> Any:
        hidden = torch.relu(self.first(x))
        return self.returned(self.second(hidden), self.head(hidden))


def several(returned: Returned, **options: Any) -> Traced:
    return traced(lambda width: (Several(width, returned), INPUTS), **options)


RETURNED: dict[str, tuple[Returned, str]] = {
    "one": (lambda logits, aux: logits + aux, ""),
    "one by name": (lambda logits, aux: {"logits": logits, "count": 3, "cache": None}, ""),
    "a tuple": (lambda logits, aux: (logits, aux), "output: [0]; not read: [1] (with head.weight)"),
    "a list": (lambda logits, aux: [logits, aux + logits.sum()], "output: [0]; not read: [1] (with head.weight)"),
    "a dictionary": (
        lambda logits, aux: {"loss": logits.mean(), "logits": logits, "more": (aux, 3, aux + logits.sum())},
        "output: logits; not read: loss, more[0] (with head.weight), more[2] (with head.weight)",
    ),
    "the same parameters": (lambda logits, aux: (logits, logits.sum()), "output: [0]; not read: [1]"),
    "of transformers": (lambda logits, aux: BaseModelOutput(last_hidden_state=logits, hidden_states=(logits,)), ""),
    "of transformers, pooled": (
        lambda logits, aux: BaseModelOutputWithPooling(last_hidden_state=logits, pooler_output=aux),
        "output: last_hidden_state; not read: pooler_output (with head.weight)",
    ),
}


@pytest.mark.parametrize(("returned", "line"), RETURNED.values(), ids=RETURNED)
def test_which_of_several_outputs_is_read_is_told(returned: Returned, line: str) -> None:
    found = several(returned)
    assert [each for each in str(found).splitlines() if each.startswith("output")] == ([line] if line else [])
    assert {each.source for each in found.parameters} >= {"first.weight", "second.weight"}


@pytest.mark.parametrize(
    ("returned", "options", "said"),
    [
        (
            lambda logits, aux: (logits, aux),
            {"rates": {"first": "a", "second": "b", "head": "c"}},
            r"rates: head.weight is trained, but not in the output \[0\]: \[1\] has it, which is read where it is",
        ),
        (
            lambda logits, aux: {"logits": logits, "aux": aux},
            {"inits": {"head": "0"}},
            "inits: head.weight is trained, but not in the output logits: aux has it, which is read where it is",
        ),
        (
            lambda logits, aux: logits,
            {"rates": {"weight": "a", "head": "c"}},
            "rates: head.weight is trained, but not in the output: nothing that is returned has it",
        ),
        (
            lambda logits, aux: (INPUTS["x"] * 2, aux),
            {},
            r"its output \[0\] has no trained parameter in it, .*; \[1\], which is not read, has first",
        ),
    ],
    ids=["a rate", "an init", "in no output", "nothing trained"],
)
def test_what_is_in_other_outputs_alone_is_told(returned: Returned, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        several(returned, **options)


class Counting(Mlp):
    """Writes into a buffer, and into a part of what it returns."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.register_buffer("calls", torch.zeros(5))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1.0
        found = x.new_zeros(len(x), 4)
        found[:, :2] = super().forward(x)
        return found


def test_what_is_written_into_a_buffer_is_no_output() -> None:
    found = traced(lambda width: (Counting(width), INPUTS))
    assert found.output == ("size_2[2]", "size_4") and not found.unread


class Padded(nn.Module):
    """Rows of a table that is trained, one of which stands for padding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(5, width, padding_idx=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x)  # type: ignore[no-any-return]


def test_a_bias_of_one_coordinate_is_given_as_one_of_several() -> None:
    """It is another number at every width, drawn anew, and no power of that."""

    def built(width: int) -> tuple[nn.Module, dict[str, Tensor]]:
        torch.manual_seed(width)
        return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 1)), {"input": INPUTS["x"]}

    found = traced(built)
    assert found.problem is not None
    for _, derived, expected in both(found):
        torch.testing.assert_close(derived, expected, rtol=1e-10, atol=1e-12)


class Gated(nn.Module):
    """Values times one gate for all, both of one matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Linear(width, width + 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        both = self.both(x)
        return both[..., :-1] * both[..., -1:]  # type: ignore[no-any-return]


def test_of_an_orthogonalised_step_the_row_of_a_gate_takes_as_much_as_all_values() -> None:
    """At n^0 the change of the gate is a sum of n aligned terms n^(-1/2)."""
    found = traced(lambda width: (Gated(width), {"x": torch.randn(2, width)}), optimizer="muon", rates="0")
    assert str(exponents(found.problem, steps=1)[1].sizes["Delta_output"]) == "1/2"


class Both(nn.Module):
    """Rows of a matrix, and columns of one of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Linear(2 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.both.weight.chunk(2, 0)
        left, right = first.chunk(2, 1)
        return x @ left.T + 2 * (x @ right.T) + torch.cat((x, x), -1) @ second.T


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_of_a_matrix_that_is_cut_both_ways_no_step_of_the_whole_is_derived(optimizer: str) -> None:
    found = traced(lambda width: (Both(width), {"x": torch.randn(2, width)}), optimizer=optimizer)
    assert (found.problem is None) is (optimizer == "muon")
    said = "both.weight is not cut into matrices side by side, and muon makes one step of it"
    assert {each.reason for each in found.unknown} == ({said} if optimizer == "muon" else set())


class Unequal(nn.Module):
    """Two halves of one product; the second reaches the output through n^(-1/2), so its gradient is as much smaller."""

    def __init__(self, width: int, *, is_first: bool) -> None:
        super().__init__()
        self.inner, self.last = (nn.Linear(width, out, bias=False).requires_grad_(False) for out in (2, width))
        self.both = nn.Linear(2, 2 * width, bias=False)
        nn.init.zeros_(self.both.weight)
        self.scale, self.is_first = width**-0.5, is_first

    def forward(self, x: Tensor) -> Tensor:
        large, small = self.both(self.inner(x)).chunk(2, -1)[:: 1 if self.is_first else -1]
        return self.last(large) + self.scale * small  # type: ignore[no-any-return]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("optimizer", ["muon", "muon-rms"])
def test_an_orthogonalised_step_is_one_of_all_blocks(optimizer: str, is_first: bool) -> None:
    """The half whose gradient is n^(-1/2) times as large takes as much less of U V^T."""
    found = traced(
        lambda width: (Unequal(width, is_first=is_first), {"x": torch.randn(4, width)}), optimizer=optimizer, rates="0"
    )
    sizes = exponents(found.problem, steps=1)[1].sizes
    names = ["W_both_1", "W_both_2"] if is_first else ["W_both_2", "W_both_1"]
    assert [str(sizes[name]) for name in names] == ["0", "-1/2"]


@pytest.mark.slow
def test_blocks_that_step_together_have_the_slopes_that_are_derived() -> None:
    def unequal(width: int) -> tuple[Unequal, dict[str, Tensor]]:
        return Unequal(width, is_first=True), {"x": torch.randn(4, width, generator=torch.Generator().manual_seed(0))}

    found = traced(unequal, optimizer="muon", rates="0")
    assert found.problem is not None
    settings = Settings(widths=tuple(2**k for k in range(5, 12)), seeds=8, steps=2)
    checked = crosscheck(found.problem, settings=settings).schemes[0]
    rows = {(row.quantity, row.t): row.verdict.value for row in checked.rows if row.quantity.startswith("W_both")}
    assert rows and set(rows.values()) == {"PASS"}


class Gain(nn.Module):
    """What starts at zero, behind a trained gain: at step 1 nothing but a decay moves the gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(3, width, bias=False).requires_grad_(False)
        self.gain, self.last = nn.Parameter(torch.ones(width)), nn.Linear(width, 2, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.gain * self.first(x))  # type: ignore[no-any-return]


def by_sizes(weight: Trained, gradients: Gradients) -> Update:
    """Descent, times the root mean square of the parameter."""
    return Update(gradients[weight], (), rms(weight))


def test_what_a_vector_starts_from_decays_with_it() -> None:
    """As torch.optim.AdamW has it: gain <- gain - eta lambda gain."""
    found = traced(lambda width: (Gain(width), {"x": torch.ones(2, 3)}), optimizer="adamw", rates="-1/2")
    assert str(exponents(found.problem, steps=1)[1].sizes["W_gain"]) == "-1/2"
    without = traced(lambda width: (Gain(width), {"x": torch.ones(2, 3)}), optimizer="adam", rates="-1/2")
    assert str(exponents(without.problem, steps=1)[1].sizes["W_gain"]) == "-oo"
    model = Gain(64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=64**-0.5, weight_decay=0.01)
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(model.gain.detach(), torch.full((64,), 1 - 0.01 * 64**-0.5))


def test_the_size_of_a_vector_has_what_it_starts_from() -> None:
    rule = Optimizer("by sizes", OPTIMIZERS["sign"].step, by_sizes)
    found = traced(lambda width: (nn.LayerNorm(width), {"input": torch.randn(2, width)}), optimizer=rule, rates="-1/2")
    assert str(exponents(found.problem, steps=1)[1].sizes["W_weight"]) == "-1/2"


def test_padding_teaches_a_table_nothing() -> None:
    found = traced(lambda width: (Padded(width), {"x": torch.tensor([[0, 1, 3], [1, 1, 2]])}))
    ((_, derived, expected),) = both(found)
    assert not derived[1].any() and derived[0].any()
    torch.testing.assert_close(derived, expected, rtol=1e-10, atol=1e-12)


class Unknown(Mlp):
    """Of an operation that has no rule."""

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.lgamma(self.first(x)) + torch.digamma(self.first(x)))  # type: ignore[no-any-return]


def test_operations_without_a_rule_are_collected_by_name_and_line() -> None:
    found = traced(lambda width: (Unknown(width), INPUTS))
    assert found.problem is None
    assert [each.operation for each in found.unknown] == ["lgamma", "digamma"]
    assert all("test_traced.py" in each.where and "torch.lgamma" in each.where for each in found.unknown)


XLNET = hf.XLNetConfig(d_model=64, n_layer=1, n_head=8, d_inner=34, vocab_size=19)


class Branching(Mlp):
    """Does what its data say."""

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) if self.first(x).sum() > 0 else self.second(torch.relu(self.first(x)))


class OtherConfig(Mlp):
    """With a configuration of another library than transformers, as a model of diffusers has."""

    config = MappingProxyType({"attention_head_dim": 8})


class Heads(Mlp):
    """Of four heads, which divides neither width of the twins."""

    def forward(self, x: Tensor) -> Tensor:
        z = self.first(x)
        return self.second(z.view(len(x), 4, z.shape[1] // 4).flatten(1))  # type: ignore[no-any-return]


class Bottleneck(nn.Sequential):
    """A quarter of the width between two matrices."""

    def __init__(self, width: int) -> None:
        sizes = (3, width, width // 4, 2)
        super().__init__(*(nn.Linear(*each, bias=False) for each in pairwise(sizes)))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)  # type: ignore[no-any-return]


class Halves(Mlp):
    """The product of two halves of the width."""

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.mul(*self.first(x).chunk(2, -1)).repeat(1, 2))  # type: ignore[no-any-return]


def test_what_fails_at_every_width_is_not_laid_to_the_widths() -> None:
    with pytest.raises(BadInput) as refused:
        traced(lambda width: (Branching(width), INPUTS))
    assert "widths 35 and 55" not in str(refused.value)
    for divided in (Heads, Bottleneck, Halves):
        found = traced(lambda width, made=divided: (made(4 * width), INPUTS))
        assert found.problem is not None


def test_a_print_has_a_line_a_parameter_and_no_tensors() -> None:
    found = traced(lambda width: (Mlp(width), INPUTS), rates={"first.weight": "a", "second.weight": "b"})
    head, growing, *lines = str(found).splitlines()
    assert head == "Mlp: a problem, from 3 operations of 2 kinds" and growing == "growing with the width n: width"
    first, second = sorted(lines)
    assert first.startswith("W_first (") and first.endswith("): starts at n^(0), rate n^(a)")
    assert second.startswith("W_second (") and second.endswith("): starts at n^(-1/2), rate n^(b)")
    assert repr(found) == "<Mlp, traced: 2 parameters, 0 adapters>"
    unknown = str(traced(lambda width: (Unknown(width), INPUTS)))
    assert unknown.startswith("Unknown: no problem, for operations without a rule, from ")
    assert "\n  lgamma (no rule for this operation): " in unknown
    large = str(traced(llama(3, "v_proj")))
    assert "A_v_proj[1]" in large and large.splitlines()[-1].endswith("more in .parameters")


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (lambda: traced(lambda width: (Branching(width), INPUTS)), r"test_traced.py:\d+: return .* if self.first"),
        (lambda: traced(lambda width: (Mlp(width).requires_grad_(False), INPUTS)), "nothing is trained"),
        (lambda: traced(lambda width: (Mlp(width, 1), INPUTS)), "a size that no axis explains"),
        (lambda: traced(OtherConfig(35), INPUTS), r"found 'OtherConfig', expected .* such as lambda width: "),
        (lambda: traced(lambda width: (Mlp(width), {"y": 1})), "inputs: found \\['y'\\], expected some of x"),
        (lambda: traced(nn.Linear(2, 2)), "what is traced: found 'Linear'"),
        (
            lambda: traced(hf.XLNetLMHeadModel(XLNET)),
            "XLNetLMHeadModel: cannot be built at the sizes heads 4, .*d_head",
        ),
        (
            lambda: traced(lambda width: (normed(width, parametrizations.spectral_norm), INPUTS)),
            "Mlp: second has a spectral norm, whose singular vectors are buffers",
        ),
        (
            lambda: traced(lambda width: (normed(width, nn.utils.spectral_norm), INPUTS)),
            "Mlp: second has a spectral norm, whose singular vectors are buffers",
        ),
        (
            lambda: traced(lambda width: (Referred(width), INPUTS)),
            "Referred: reference.first.weight, which is frozen, is a copy of policy.first.weight: they would be read",
        ),
        (lambda: traced(3), "what is traced: found 'int'"),
        (lambda: traced(lambda width: Mlp(width)), "what the function of the width returns"),
        (lambda: traced(lambda _: Mlp(32), {}), "of the same shapes at the widths"),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), rates={"first.weight": "a"}),
            "rates: none for second.weight: expected one by the end of each name, such as ..first.weight.: .eta..",
        ),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), rates={"irst.weight": "eta"}),
            "rates: none for first.weight, second.weight: expected",
        ),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), rates={"weight": "eta", "bias": "eta"}),
            "rates: found 'bias', expected the end of a trained parameter's name",
        ),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), rates={"weight": "0", "first": "a", "second": "b"}),
            "rates: weight is used for no parameter, as each also ends in first or second",
        ),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), scheme="lora-plus-a"),
            "a scheme: found 'lora-plus-a', expected none, as Mlp has no adapters of .*.(first|second).weight.: .eta.",
        ),
        (
            lambda: traced(lambda width: (Heads(width), INPUTS)),
            r"at the width 35 it fails: .* is invalid for input of size 70.* such as 8 heads, .*Net\(8 \* width\)",
        ),
        (
            lambda: traced(lambda width: (Bottleneck(width), INPUTS)),
            r"a size of 8 and 13 in its twins .* the widths 35 and 55: .* width // 4, let it make Net\(8 \* width\)",
        ),
        (
            lambda: traced(lambda width: (Halves(width), INPUTS)),
            r"Halves: called at the width 35 it fails: The size of tensor a \(18\).*torch.mul.* let it make Net",
        ),
        (
            lambda: traced(lambda width: (nn.MultiheadAttention(width, 8), {})),
            "makes at 35: AssertionError: embed_dim must be divisible by num_heads; the function was called with the",
        ),
        (
            lambda: traced(lambda width: (Mlp(width), INPUTS), axes={"rank": "1"}),
            "axes: found 'rank', expected one of width",
        ),
        (lambda: traced(llama(1, "v_proj"), axes={"rnk": "rho"}), "axes: found 'rnk'.* Did you mean 'rank'"),
        (
            lambda: traced(llama(1, "v_proj"), axes={"hidden": "2"}),
            "hidden is the product of groups and ",
        ),
    ],
    ids=[
        *(
            "control flow",
            "frozen",
            "size",
            "config of another library",
            "inputs",
            "no config",
            "other sizes",
            "spectral norm",
            "spectral norm of old",
            "frozen copy",
            "no module",
            "no inputs",
        ),
        *("no width", "rates", "no whole words", "a rate of nothing", "an end that is never used"),
        "a scheme of nothing",
        *("heads", "a bottleneck", "halves", "heads of torch"),
        *("axis of a function", "unknown axis", "axis that is a product"),
    ],
)
def test_what_is_refused(trace: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        trace()


def test_a_wrong_gradient_is_seen() -> None:
    """The comparison with autograd has to fail where a scalar is read as another one."""
    found = traced(llama(1, "v_proj"), scheme="init-ab")
    wrong = Traced(
        **{**{key: getattr(found, key) for key in found.__match_args__}, "scalars": dict(found.scalars, s=7.0)}
    )
    assert any(not torch.allclose(derived, expected) for _, derived, expected in both(wrong))
