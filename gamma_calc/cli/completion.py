"""A script for the shell that completes commands, options, schemes and files.

$ gamma-calc completion bash >> ~/.bash_completion
$ gamma-calc completion zsh >> ~/.zshrc
$ gamma-calc completion fish > ~/.config/fish/completions/gamma-calc.fish

The shell asks it without starting Python. Files complete everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from gamma_calc.cli.options import OneOf
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import OPTIMIZERS

BASH = """\
_gamma_calc() {{
  local words
  case "$COMP_CWORD:${{COMP_WORDS[1]}}" in
    1:*) words="{questions}" ;;
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _gamma_calc gamma-calc
"""
ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"
SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SHELL."""
    parser.add_argument("shell", metavar="SHELL", type=OneOf("SHELL", SHELLS), help=f"one of {', '.join(SHELLS)}")


def answer(options: argparse.Namespace) -> int:
    """Print the script."""
    from gamma_calc.cli.answering import QUESTIONS, question_parser  # which load this question

    words = {name: tuple(dict.fromkeys(_words(question_parser(name)))) for name in QUESTIONS}
    print({"bash": _bash, "zsh": lambda each: ZSH + _bash(each), "fish": _fish}[options.shell](words), end="")
    return 0


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The options of a question, the words that an argument is one of, and the names of schemes where it takes one."""
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:  # what is always refused
            continue
        yield from action.option_strings
        yield from action.type.choices if isinstance(action.type, OneOf) else action.choices or ()
        yield from OPTIMIZERS if action.dest.endswith("optimizer") else ()
    if "SPEC" in parser.format_usage():
        yield from (*CATALOGUE, *ADAPTERS)


def _bash(words: Mapping[str, tuple[str, ...]]) -> str:
    cases = (f'    *:{name}) words="{" ".join(each)}" ;;' for name, each in words.items())
    return BASH.format(questions=" ".join(words), cases="\n".join(cases))


def _fish(words: Mapping[str, tuple[str, ...]]) -> str:
    lines = [f"complete -c gamma-calc -n __fish_use_subcommand -a '{' '.join(words)}'"]
    for name, each in words.items():
        lines.append(f"complete -c gamma-calc -n '__fish_seen_subcommand_from {name}' -a '{' '.join(each)}'")
    return "\n".join(lines) + "\n"
