"""Coverage: what is known of each operation of ATen, as a page of the documentation.

python docs/operations.py > docs/operations.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gamma_calc.tracing.operations import ENTRIES

HEAD = """# Operations

Written by `docs/operations.py`, and compared with what that writes by a test. `traced` captures the
forward pass of a module in operations of ATen; these it translates. Any other is reported by its name and its line in
the model's source (`Traced.unknown`), and no problem is made of the module. Operations on data alone, such as
those that make masks and rotations, are done and need no rule. One in place has the name of the one that is not,
without its underscore. One that has no line is first written in others, as torch itself has it (`glu`, `hstack`,
`outer`), and a recurrence that a model takes in chunks is taken token by token. Which entries are the largest (`topk`,
`max`, where it is asked), such as the experts of a token, is held as at the start; `Traced.choices` has the line.

| operation | what it is read as |
|---|---|
"""


def page() -> str:
    """The page: a line an operation, in alphabetical order."""
    return HEAD + "".join(f"| `{name}` | {_said(entry)} |\n" for name, entry in sorted(ENTRIES.items()))


def _said(entry: Callable[..., Any]) -> str:
    """The first sentence of what is said of an entry."""
    return (entry.__doc__ or "").strip().partition("\n")[0]


if __name__ == "__main__":
    print(page(), end="")
