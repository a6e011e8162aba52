"""A problem from a Python file: FILE.py:FUNCTION, run only where that was allowed."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.program.problem import Problem

PLACE = re.compile(r"(.+\.py):([A-Za-z_][A-Za-z0-9_]*)")
"""FILE.py:FUNCTION."""


def is_place(text: str) -> bool:
    """Whether a text names a function in a Python file."""
    return PLACE.fullmatch(text) is not None


def problem_at(place: str, folder: Path, *, allow_code: bool) -> Problem:
    """What a function of a Python file makes when it is called without arguments: a problem, or what was read as one.

    Args:
        place, folder, allow_code: as in `function_at`.

    Raises:
        BadInput: as `function_at`; or the function takes arguments, or what comes out is no Problem.
        Unknown: something in the network that comes out has no rule.
    """
    function = function_at(place, folder, allow_code=allow_code)
    if needed := _needed(function):
        expected = f"'gamma-calc model {place} --allow-code', where that is the width, or a function without arguments"
        expected += f", such as one that returns traced({place.rpartition(':')[2]}).problem"
        raise BadInput(f"{place} is a function of {', '.join(needed)}", expected=expected)
    made = function()
    if hasattr(made, "known_problem"):  # what `traced` gives
        made = made.known_problem()
    if not isinstance(made, Problem):
        raise BadInput(place, found=type(made).__name__, expected="a Problem, as the value of the function")
    return made


def _needed(function: Callable[..., Any]) -> list[str]:
    """The arguments that a function has to be given; of one that does not say, none."""
    try:
        every = inspect.signature(function).parameters.values()
    except ValueError:
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in every if each.default is each.empty and each.kind not in optional]


def function_at(place: str, folder: Path, *, allow_code: bool) -> Callable[..., Any]:
    """A function of a Python file; whatever it raises is bad input.

    The file is run. What it prints goes where messages go, so that an answer stays one.

    Args:
        place: FILE.py:FUNCTION, where a relative FILE is one of `folder`.
        allow_code: whether whoever asks has said that the file may be run; if not, it is not even read.

    Raises:
        BadInput: it was not allowed, there is no such file or function, or something in the file raises.
    """
    found = PLACE.fullmatch(place)
    if found is None:
        raise BadInput("a problem in Python", found=place, expected="FILE.py:FUNCTION")
    if not allow_code:
        raise BadInput(f"{place} is a program, which is run only with --allow-code (in Python, pass what it returns)")
    path = folder / found[1]
    if not path.is_file():
        raise BadInput(f"{path}: no such file; expected Python with a function {found[2]}")
    # Annotations are looked up in sys.modules by the module's name: a path there hides nothing that can be imported.
    spec = spec_from_file_location(str(path.resolve().with_suffix("")), path)
    assert spec is not None and spec.loader is not None  # a name that ends in .py has a loader
    module = sys.modules[spec.name] = module_from_spec(spec)
    try:
        with _run(place):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        raise
    function = getattr(module, found[2], None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        expected = f"one of {', '.join(names)}" if names else "one that the file defines"
        raise BadInput(f"{path}: a function", found=found[2], expected=expected, choices=names)

    @wraps(function)
    def called(*arguments: Any) -> Any:
        with _run(place):
            return function(*arguments)

    return called


@contextmanager
def _run(place: str) -> Iterator[None]:
    """Code of a file that somebody allowed to be run."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except BadInput as problem:
        raise BadInput(f"{place}: {problem}") from None
    except (Exception, SystemExit) as problem:
        raise BadInput(f"{place} raises {type(problem).__name__}: {problem}") from problem
