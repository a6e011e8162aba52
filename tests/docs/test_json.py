"""Every key that a command prints under --json is in docs/reference/json.md, and every key there is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.cli.answering import QUESTIONS, parser, question_parser
from gamma_calc.cli.main import main
from gamma_calc.cli.outputs import STATUSES
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
KEYS = {name: tuple(re.findall(r"^\| `([^`]+)`", text, re.M)) for name, text in SECTIONS.items()}
KEYS["derive"] = (*KEYS["exponents"], *KEYS["derive"])
KEYS["compare"] = ("schema", *(f"schemes[].{key}" for key in KEYS["derive"]))

CONFIG = '{"peft_type": "LORA", "r": 16, "lora_alpha": 32, "init_lora_weights": true, "target_modules": ["q_proj"]}'
SWEEP = (
    'experiment = "probe"\nschemes = ["init-a"]\noptimizers = ["adam"]\nwidths = [128, 256]\n'
    "prefactors = { from = 1, to = 2, per_octave = 1 }\nseeds = 2\nsteps = 2\n"
)
COMMON = '[exponents]\nA = "-1/2"\nB = "zero"\n'
LLAMA = (
    '{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64, "hidden_size": 16,'
    ' "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}'
)
TUNED = "--steps 1 --batch 2 --length 8 --rank 2 --seeds 3 --held-out 2 --workers 1 --rates 1e-3:3e-3"
FILES = {
    "config.json": LLAMA,
    "notes.txt": "".join(f"line {k % 7} of the notes\n" for k in range(400)),
    "stack.toml": f'[model]\nkind = "lora-stack"\ndepth = 2\n{COMMON}eta_A = "a"\neta_B = "b"\n',
    "fed.toml": f'optimizer = "sgd"\n{COMMON}eta_A = "a"\neta_B = "a"\nfeedback = "0"\n',
    "joint.toml": f'optimizer = "sgd"\n{COMMON}eta_A = "a"\neta_B = "a"\nmomentum = "m"\n',
    "scaled.toml": f'{COMMON}eta_A = "eta"\neta_B = "eta + 1/2"\nscale = "-1/2"\n',
    "adapter_config.json": CONFIG,
    "sweep.toml": SWEEP,
    "small.json": '{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}',
    "large.json": '{"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}',
}
CARRIED = "--lr 2e-4 --from-width 64 --to-width 128 --from-rank 16 --to-rank 64"
QUICK = "--widths 64,128,256,512,1024,4096 --seeds 3 --steps 1"
COMMANDS = {
    "schemes": ("schemes",),
    "exponents": ("exponents init-a --without A5 --align diluted=3/4",),
    "derive": (
        "derive stack.toml",
        "derive init-a --optimizer sgd",
        "derive init-a --without A5 --align diluted=3/4",
        "derive fed.toml",
        "derive joint.toml",
    ),
    "compare": ("compare init-a stack.toml",),
    "region": ("region stack.toml", "region init-a --align aligned=alpha"),
    "diff": ("diff init-a init-b", "diff init-a scaled.toml"),
    "transfer": (
        f"transfer adapter_config.json {CARRIED} --alpha fixed",
        f"transfer init-a {CARRIED}",
        "transfer init-a --lr 2e-4 --from-width 64 --to-width 128 --without A9",
        "transfer vera --lr 2e-4 --from-width 64 --to-width 128",
        "transfer init-a --lr 2e-4 --from small.json --to large.json --adapter adapter_config.json",
        "transfer init-a --lr 2e-4 --from config.json --to config.json --adapter adapter_config.json --network",
    ),
    "atlas": ("atlas --source arXiv:2406.08447",),
    "lint": ("lint adapter_config.json --lr 2e-2 --width 2048",),
    "model": (
        "model config.json --adapter adapter_config.json --layers 1 --steps 1 --init o_proj=-1/2 --align aligned=1",
    ),
    "verify": ("verify certificate.json",),
    "crosscheck": (f"crosscheck init-b --at eta=-1 {QUICK}",),
    "tune": (f"tune config.json --data notes.txt --to config.json {TUNED}",),
    "sweep": ("sweep sweep.toml --store runs.sqlite",),
    "runs": ("runs runs.sqlite sweep.toml", "runs runs.sqlite"),
}
BEFORE = {"runs": "sweep sweep.toml --store runs.sqlite"}
RARE = {
    "derive": ("growth_at_least.", "horizons.CONDITION.where", "horizons.CONDITION.elsewhere"),
    "compare": ("schemes[].",),
    "transfer": ("align.KIND", "if_alpha_is_fixed."),
    "atlas": ("[].measured.*",),
    "lint": ("embedding.*",),
    "model": ("notes[]", "unknown[].", "module_theory.differs[].", "more_layers."),
    "tune": ("exponent.", "carried.", "ci"),
    "region": ("without[]", "polyhedra[].lines"),
    "crosscheck": ("quantities[].law.*",),
    "sweep": ("failed[].KEY",),
    "reproduce": ("claims[].repetitions",),
}
"""Beginnings of keys that the quick commands above do not print."""


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The keys of plain data with the keys above them, down to what holds no keys."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from paths(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield from [each for below in value for each in paths(below, f"{path}[]")] or [f"{path}[]"]
    else:
        yield path


def pattern(key: str) -> re.Pattern[str]:
    """What a documented key stands for: capitals for any name, * for anything below."""
    parts = re.split(r"(?<=\.)|(?=\.|\[\]$|\[\]\.)", key)
    return re.compile(
        "".join(r"[^.]+?" if part.isupper() else ".*" if part == "*" else re.escape(part) for part in parts)
    )


def undocumented(found: Iterable[str], keys: Iterable[str]) -> set[str]:
    """Paths that no key stands for; a null, or an empty list or object, may stand for all that would be below it."""
    whole = [pattern(key) for key in keys]
    above = {pattern(key[: match.start()]) for key in keys for match in re.finditer(r"\.|\[\]", key)}
    return {
        path
        for path in found
        if not any(each.fullmatch(path.removesuffix("[]")) or each.fullmatch(path) for each in (*whole, *above))
    }


def unprinted(found: Iterable[str], keys: Iterable[str]) -> set[str]:
    """Keys that stand for no path."""
    return {key for key in keys if not any(pattern(key).fullmatch(path) for path in found)}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    main(["derive", "init-b", "--certificate", "certificate.json"])


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("question", COMMANDS)
def test_keys(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    found: set[str] = set()
    main(BEFORE.get(question, "schemes").split())
    for words in COMMANDS[question]:
        capsys.readouterr()
        main([*words.split(), "--json"])
        found |= set(paths(json.loads(capsys.readouterr().out)))
    keys = KEYS[question]
    assert not undocumented(found, keys)
    assert not {key for key in unprinted(found, keys) if not key.startswith(RARE.get(question, ("?",)))}


@pytest.mark.parametrize("folder", ["teacher-student", "roberta", "llama"])
def test_keys_of_recorded_experiments(folder: str) -> None:
    found = set(paths(json.loads((ROOT / "validation" / folder / "results.json").read_text(encoding="utf-8"))))
    assert not undocumented(found, KEYS["reproduce"])


def test_every_question_is_there() -> None:
    assert set(KEYS) == {name for name in QUESTIONS if "--json" in question_parser(name).format_usage()}
    commands = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert set(QUESTIONS) == set(re.findall(r"^\| `([a-z]+)[ `]", commands, re.M))


def test_a_missing_and_an_idle_key_are_found() -> None:
    keys = ("schema", "a[].B.c")
    assert undocumented({"a[].x.c", "a[].x.d"}, keys) == {"a[].x.d"}
    assert unprinted({"a[].x.c"}, keys) == {"schema"}


def test_the_exit_statuses_are_those_of_the_page() -> None:
    commands = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", commands, re.M)
    assert rows == [(str(status), meaning) for status, meaning in STATUSES.items()]
    assert all(meaning in parser().format_help() for meaning in STATUSES.values())
