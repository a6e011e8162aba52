"""The blocks of a documentation page, and running them in order as a reader would.

    ```python                 run, all of a page in one namespace; with title="FILE" written to FILE as well
    ```pycon                  run, and what it prints is compared
    ```console                `$ gamma-calc ...` is run, and what it prints is compared; `$ echo $?` is its exit status;
                              a command goes on behind a backslash
    ```toml title="FILE"      written to FILE, and so is json

In what is compared `...` stands for anything, as in a doctest. Other blocks, such as ```sh, are only read.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamma_calc.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@dataclass(frozen=True)
class Block:
    language: str
    file: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield Block(match[1], match[2] or "", match[3], text.count("\n", 0, match.start()) + 1)


def run(page: Path) -> None:
    """Run the blocks of a page in the current folder; the first one that does not do what it shows is an error."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, page, "exec"), names)
        elif block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(block.text, names, where, str(page), block.line)
            doctest.DebugRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
        elif block.language == "console":
            for command, expected, found in _commands(block.text):
                assert is_shown(found, expected), f"{where}: $ {command}\n{found}\nwhere the page has\n{expected}"


def _commands(text: str) -> Iterator[tuple[str, str, str]]:
    """The commands of a console, each with what the page shows of its output, and its output."""
    status = 0
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, expected = part.replace("\\\n", "").partition("\n")
        if command == "echo $?":
            yield command, expected, f"{status}\n"
            continue
        program, *words = shlex.split(command)
        assert program == "gamma-calc", f"{program}: only gamma-calc is run; write other commands in a block of sh"
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = main(words)
        yield command, expected, "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def is_shown(found: str, expected: str) -> bool:
    """Whether an output is what a page shows of it."""
    return doctest.OutputChecker().check_output(expected, found, doctest.ELLIPSIS)
