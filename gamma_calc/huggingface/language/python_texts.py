"""Texts that come with Python, so that nothing has to be fetched: its language reference and its docstrings."""

from __future__ import annotations

import ast
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from gamma_calc.huggingface.language.texts import Example, LabelledTexts, RunningText, balanced

PACKAGES = ("asyncio", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest", "urllib", "xml")
"""The packages of the standard library whose docstrings are read."""

LEAST_WORDS = 12
MOST_WORDS = 100


def language_reference() -> RunningText:
    """The topics of Python's own help: the text of its language reference."""
    text = "\n\n".join(topics[name] for name in sorted(topics))
    return RunningText("pydoc", f"{_version()}'s language reference (pydoc_data.topics)", text)


def reference_or_docstring() -> LabelledTexts:
    """Whether a paragraph comes from the language reference or from a docstring of the standard library."""
    reference = {_words(each) for name in sorted(topics) for each in topics[name].split("\n\n")}
    strings = {_words(part) for each in _docstrings() for part in each.split("\n\n")}
    rows = [(text, 0) for text in sorted(reference - strings)] + [(text, 1) for text in sorted(strings - reference)]
    examples = [Example(text, label) for text, label in rows if text.count(" ") >= LEAST_WORDS - 1]
    return LabelledTexts(
        "stdlib",
        f"paragraphs of {_version()}: is it the language reference, or a docstring of the standard library?",
        ("language reference", "docstring"),
        balanced(examples),
    )


def _version() -> str:
    return f"Python {'.'.join(platform.python_version_tuple()[:2])}"


def _words(paragraph: str) -> str:
    return " ".join(paragraph.split()[:MOST_WORDS])


def _docstrings() -> Iterator[str]:
    folders = [Path(sysconfig.get_path("stdlib")) / name for name in PACKAGES]
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
