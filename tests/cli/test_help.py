"""What `--help` shows of a command is what the command prints."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamma_calc.cli.answering import QUESTIONS, parser, question_parser
from gamma_calc.cli.main import main
from tests.docs.pages import is_shown

COMMON = '[exponents]\nA = "-1/2"\nB = "zero"\n'
LLAMA = '{{"model_type": "llama", "hidden_size": {}, "intermediate_size": {}, "num_hidden_layers": 32'
LAYERS = ', "num_attention_heads": 32}}'
ADAPTER = '{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj", "down_proj"]}'
FILES = {
    "adapter_config.json": ADAPTER,
    "my-scheme.toml": f'{COMMON}eta_A = "eta"\neta_B = "eta + 1"\n',
    "two-rates.toml": f'{COMMON}eta_A = "a"\neta_B = "b"\n',
    "scaled.toml": f'{COMMON}eta_A = "eta"\neta_B = "eta + 1/2"\nscale = "-1/2"\n',
    "stack.toml": f'[model]\nkind = "lora-stack"\ndepth = 2\n{COMMON}eta_A = "a"\neta_B = "b"\n',
    "1b/config.json": (LLAMA + LAYERS).format(2048, 8192),
    "8b/config.json": (LLAMA + LAYERS).format(4096, 14336),
    "v_proj.json": '{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["v_proj"]}',
    "llama/config.json": (
        '{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 8, "hidden_size": 64,'
        ' "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 100}'
    ),
    "gpt2/config.json": (
        '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 4, "n_embd": 64, "n_head": 8,'
        ' "vocab_size": 100}'
    ),
    "networks.py": (
        "from torch import nn, ones\n\n\ndef mlp(width):\n"
        "    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 8)), {'input': ones(2, 8)}\n"
    ),
}
ELSEWHERE = ("tune", "reproduce", "completion")
"""What takes minutes, or data that are not here; and what a shell is told, for which it has a test of its own."""
SLOW = ("model", "sweep", "runs", "atlas", "crosscheck")


def examples(text: str) -> Iterator[tuple[str, str]]:
    """The commands in a help text, each with what is shown of its output, up to an empty line."""
    for part in re.split(r"^\$ ", f"{text}\n", flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        yield command, re.split(r"^\n", shown, maxsplit=1, flags=re.M)[0]


def described(name: str) -> str:
    return str(question_parser(name).description)


def sweep_file() -> str:
    """The file that the help of `sweep` shows."""
    return "\n".join(re.findall("^  (.*)$", described("sweep"), re.M))


def printed(command: str) -> str:
    program, *words = shlex.split(command)
    assert program == "gamma-calc"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = main(words)
    assert status in (0, 3), command
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (FILES | {"sweep.toml": sweep_file()}).items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in QUESTIONS if name not in ELSEWHERE],
)
def test_an_example_prints_what_is_shown(name: str) -> None:
    if name == "runs":  # of a sweep in which one width is missing
        Path("part.toml").write_text(sweep_file().replace(", 1024]", "]"), encoding="utf-8")
        printed("gamma-calc sweep part.toml --store runs.sqlite --executor spawn")
    for command, shown in examples(described(name)):
        found = printed(command)
        assert is_shown(found, shown or "...\n"), f"$ {command}\n{found}"


def test_the_first_example_prints_what_is_shown() -> None:
    ((command, shown),) = examples(str(parser().description))
    assert is_shown(printed(command), shown)


def test_an_example_ends_where_a_line_is_empty() -> None:
    assert list(examples("About.\n\n$ gamma-calc schemes\nname\n...\n\nMore.")) == [
        ("gamma-calc schemes", "name\n...\n")
    ]
