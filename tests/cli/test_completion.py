"""The scripts complete what the command line takes, in the shells that are there."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from gamma_calc.cli.answering import QUESTIONS, question_parser
from gamma_calc.cli.main import main


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


BASH = r"""
. ./script; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gamma_calc
printf '%s\n' "${COMPREPLY[@]}"
"""
FISH = 'source script; complete -C "$argv[1]"'
ZSH = r"""
zmodload zsh/zpty && zpty shell "zsh -f -i" && touch offered
zpty -w shell "source ./script
  compadd() { builtin compadd \"\$@\" || return; local -a fit
              builtin compadd -A fit \"\$@\"; print -rl -- \$fit >> offered }
  offer() { zle list-choices; print EN''D }; zle -N offer; bindkey '^I' offer; print REA''DY"
zpty -r shell seen '*READY*' && zpty -w -n shell "$1"$'\t' && zpty -r shell seen '*END*' && cat offered
"""
"""A terminal in which Tab says END once what it offers has been written down."""

ASKED = {
    "bash": ["bash", "--norc", "-c", BASH, "bash"],
    "zsh": ["zsh", "-f", "-c", ZSH, "zsh"],
    "fish": ["fish", "--no-config", "-c", FISH],
}


@pytest.mark.parametrize("shell", ASKED)
def test_a_shell_offers_what_begins_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is missing")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "script").write_text(script(capsys, shell), encoding="utf-8")
    (tmp_path / "scheme.toml").touch()
    for typed, offered in {
        "der": {"derive"},
        "derive --al": {"--allow-code", "--align"},
        "derive init-": {"init-a", "init-b", "init-ab"},
        "verify init-": set(),
        "derive init-a --optimizer mu": {"muon", "muon-original", "muon-rms"},
        "derive init-a --optimizer init": set(),
        "derive mu": set(),
        "derive --at init-": set(),
        "reproduce te": {"teacher-student"},
        "crosscheck init-a --dtype float3": {"float32"},
        "completion z": {"zsh"},
        "no-question --al": set(),
        **({} if shell == "bash" else {"derive --latex sch": {"scheme.toml"}, "verify sch": {"scheme.toml"}}),
    }.items():
        command = [*ASKED[shell], f"gamma-calc {typed}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        (tmp_path / "offered").unlink(missing_ok=True)
        assert set(done.stdout.split()) == offered and not done.stderr, (typed, done.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_question_and_option_is_there(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    text = script(capsys, shell)
    for name in QUESTIONS:
        (line,) = (each for each in text.splitlines() if f"*:{name})" in each or f"from {name}'" in each)
        words = set(line.replace('"', " ").replace("'", " ").split())
        shown = {action: action.help != argparse.SUPPRESS for action in question_parser(name)._actions}
        for action, is_shown in shown.items():
            assert {*action.option_strings} <= words if is_shown else not {*action.option_strings} & words


@pytest.mark.parametrize("name", ["derive", "model", "transfer", "crosscheck"])
def test_a_free_alignment_is_offered_only_where_it_is_taken(name: str) -> None:
    assert ("or free" in " ".join(question_parser(name).format_help().split())) == (name == "derive")
