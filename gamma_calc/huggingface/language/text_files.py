"""Reading texts from a user's own file: a table of labelled texts, or plain text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.files import file_content
from gamma_calc.huggingface.language.texts import Example, LabelledTexts, RunningText

LARGEST = 2**30
DELIMITERS = {".tsv": "\t", ".csv": ","}
JSON_LINES = (".jsonl", ".ndjson")
TABLES = (*DELIMITERS, *JSON_LINES)
TEXT_NAMES = ("text", "sentence", "sentence1", "premise", "question", "question1")
OTHER_NAMES = ("text2", "sentence2", "hypothesis", "question2")
LABEL_NAMES = ("label", "class", "category")

Row = Mapping[str, Any]


def labelled_file(path: Path) -> LabelledTexts:
    """The labelled texts of a TSV, CSV or JSON Lines file with a column `text` and a column `label`.

    `sentence`, `premise` or `question` will do for `text`, and a second text may stand in `text2`, `sentence2` or
    `hypothesis`: the columns of GLUE's tables.

    Raises:
        BadInput: the file cannot be read, is no such table, has no labels or only one.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLES:
        raise BadInput(f"{path}: file name", found=path.name, expected=f"one that ends in {', '.join(TABLES)}")
    content = _content(path)
    rows = list(_json_rows(path, content) if suffix in JSON_LINES else _table_rows(path, content, DELIMITERS[suffix]))
    return labelled_rows(str(path), path.name, rows)


def labelled_rows(name: str, description: str, rows: list[Row], test: list[Row] | None = None) -> LabelledTexts:
    """Labelled texts from rows with names.

    Raises:
        BadInput: there are no rows, a row lacks its text or its label, or all labels are the same.
    """
    if not rows:
        raise BadInput(f"{name}: there are no rows in it")
    text, label = _column(name, rows[0], TEXT_NAMES), _column(name, rows[0], LABEL_NAMES)
    other = next((each for each in OTHER_NAMES if each in rows[0]), None)
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
    """The text of a plain text file.

    Raises:
        BadInput: it cannot be read, or holds too little text.
    """
    return RunningText(str(path), path.name, _content(path))


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
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise BadInput(f"{path}: line {number}", found=line, expected="a JSON object a line") from None
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
