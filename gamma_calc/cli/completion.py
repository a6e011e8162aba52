"""A script for the shell that completes commands, options, schemes and files.

$ gamma-calc completion bash >> ~/.bash_completion
$ gamma-calc completion zsh >> ~/.zshrc
$ gamma-calc completion fish > ~/.config/fish/completions/gamma-calc.fish

The shell asks it without starting Python. After an option come the words that it takes, if it takes words; files
complete everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping

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
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
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

    parsers = {name: question_parser(name) for name in QUESTIONS}
    print({"bash": _bash, "zsh": lambda each: ZSH + _bash(each), "fish": _fish}[options.shell](parsers), end="")
    return 0


Parsers = Mapping[str, argparse.ArgumentParser]


def _shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a question takes, but for what is always refused."""
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]


def _words(parser: argparse.ArgumentParser) -> str:
    """The options of a question, and the words that its other arguments are."""
    found = [word for action in _shown(parser) for word in action.option_strings or _values(action)]
    return " ".join(dict.fromkeys(found))


def _values(action: argparse.Action) -> Iterable[str]:
    """The words that an argument is one of, such as the names of schemes; none where it is a number or a file."""
    if action.metavar == "SPEC":
        return (*CATALOGUE, *ADAPTERS)
    if action.dest.endswith("optimizer"):
        return OPTIMIZERS
    return action.type.choices if isinstance(action.type, OneOf) else action.choices or ()


def _options_with_values(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """The options after which a value comes, each with the words that it may be."""
    for action in _shown(parser):
        if action.nargs is None:
            yield from ((option, " ".join(_values(action))) for option in action.option_strings)


def _bash(parsers: Parsers) -> str:
    cases = (f'    *:{name}) words="{_words(each)}" ;;' for name, each in parsers.items())
    values = (
        f'    "{name} {option}") words="{words}" ;;'
        for name, each in parsers.items()
        for option, words in _options_with_values(each)
    )
    return BASH.format(questions=" ".join(parsers), cases="\n".join(cases), values="\n".join(values))


def _fish(parsers: Parsers) -> str:
    lines = [f"complete -c gamma-calc -n __fish_use_subcommand -a '{' '.join(parsers)}'"]
    for name, each in parsers.items():
        lines.append(f"complete -c gamma-calc -n '__fish_seen_subcommand_from {name}' -a '{_words(each)}'")
        for option, words in _options_with_values(each):
            given = f"-l {option.removeprefix('--')} -r" + (f" -f -a '{words}'" if words else "")
            lines.append(f'complete -c gamma-calc -n "__fish_seen_subcommand_from {name}" {given}')
    return "\n".join(lines) + "\n"
