"""Texts: what is read, how it is cut, and what is refused in one line."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from gamma_calc import files
from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.data import labelled_file, labelled_texts, running_text
from gamma_calc.huggingface.language.loading import SPECIAL, UNKNOWN, numbered_words, numbers_of
from gamma_calc.huggingface.language.texts import (
    FOLDERS,
    Example,
    LabelledTexts,
    RunningText,
    balanced,
    mail,
    parted_examples,
    parted_text,
)

ROWS = [("good", 1), ("bad", 0)] * 10


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.tsv", ["sentence\tlabel", *(f"{text}\t{label}" for text, label in ROWS)]),
        ("a.csv", ["label,text", *(f'{label},"{text}"' for text, label in ROWS)]),
        ("a.jsonl", [json.dumps({"text": text, "label": label}) for text, label in ROWS]),
    ],
)
def test_three_kinds_of_tables_hold_the_same(name: str, lines: list[str], tmp_path: Path) -> None:
    found = labelled_file(written(tmp_path / name, lines))
    assert found.labels == ("0", "1")
    assert found.examples == tuple(Example(*row) for row in ROWS)


def test_a_string_of_json_lines_may_hold_line_ends_of_its_own(tmp_path: Path) -> None:
    texts = ["one\u2028two", "three\u0085four"] * 6
    lines = [json.dumps({"text": text, "label": k % 2}, ensure_ascii=False) for k, text in enumerate(texts)]
    found = labelled_file(written(tmp_path / "a.jsonl", lines))
    assert [each.text for each in found.examples] == texts


@pytest.mark.parametrize("names", [("sentence1", "sentence2"), ("question", "sentence"), ("question", "text2")])
def test_a_tsv_may_hold_stray_quotes_and_pairs(names: tuple[str, str], tmp_path: Path) -> None:
    rows = [f'a "quote\tother {k}\t{"yes" if k % 2 else "no"}' for k in range(12)]
    found = labelled_file(written(tmp_path / "a.tsv", ["\t".join((*names, "label")), *rows]))
    assert found.examples[1] == Example('a "quote', 1, "other 1")


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.txt", ["text"], "one that ends in .tsv, .csv, .jsonl"),
        ("a.tsv", ["text\tlabl", "a\t1"], "columns: found 'text, labl', expected one called label"),
        ("a.tsv", ["label", "1"], "expected one called text"),
        ("a.tsv", ["text\tlabel"], "no rows"),
        ("a.tsv", ["text\tlabel", *["a\t1"] * 12], "at least two"),
        ("a.tsv", ["text\tlabel", "a\t1", "b\t0"], "found '2 labelled texts'"),
        ("a.tsv", ["text\tlabel", "a"], "row 1: label: found 'nothing'"),
        ("a.csv", ["text,label", '"a,1'], "unexpected end of data"),
        ("a.jsonl", ["{"], "line 1"),
        ("a.jsonl", ["[" * 100_000], "line 1"),
        ("a.jsonl", ["[1]"], "a JSON object a line"),
        ("a.jsonl", ['{"text": "a", "label": 0.5}'], "row 1: label: found '0.5'"),
    ],
)
def test_a_bad_table_is_refused(name: str, lines: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        labelled_file(written(tmp_path / name, lines))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["lable", "Label", "classes"])
def test_a_column_that_is_nearly_one_of_labels_makes_no_running_text(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"the column: found '{name}', expected label, to classify"):
        running_text(str(written(tmp_path / "a.csv", [f"text,{name}", "a,1"])))
    assert running_text(str(written(tmp_path / "b.csv", ["text,level", f"{'a' * 500},1"]))).text == "a" * 500


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"text\tlabel\n\xff\t1\n")
    with pytest.raises(BadInput, match="byte 11 is not UTF-8"):
        labelled_file(tmp_path / "a.tsv")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("stdlb", "Did you mean 'stdlib'?"),
        ("\0", "--data"),
        ("x" * 5000, "--data"),
        ("spam-assassin", "npm install"),
        ("sst2", "pip install datasets"),
    ],
)
def test_a_word_that_stands_for_nothing_here(
    word: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(BadInput) as refused:
        labelled_texts(word)
    assert message in str(refused.value)


def test_a_pipe_that_gives_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "a.tsv")
    with pytest.raises(BadInput, match=r"a.tsv: cannot be read: nothing came"):
        labelled_file(tmp_path / "a.tsv")


def test_too_little_running_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="found '4 characters of text'"):
        running_text(str(written(tmp_path / "a.txt", ["text"])))
    with pytest.raises(BadInput, match="pydoc"):
        running_text("pydco")


def test_texts_of_python_itself_are_large_and_balanced() -> None:
    found = labelled_texts("stdlib")
    counts = Counter(each.label for each in found.examples)
    assert counts[0] == counts[1] > 500
    assert len({each.text for each in found.examples}) == len(found.examples)
    assert len(running_text("pydoc").text) > 100_000


def test_mail_keeps_subject_and_body_alone(tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(6):
            text = f"From someone\nTo: a@b.c\nSubject: {name}\n {k}\nX-Spam: yes\n\n<p>The body\nof {k}</p>\n"
            (tmp_path / "data" / name / f"{k}.txt").write_text(text, encoding="utf-8")
    found = mail(tmp_path)
    assert Counter(each.label for each in found.examples) == {0: 12, 1: 12}
    assert Example("spam-1 3. The body of 3", 1) in found.examples
    assert labelled_texts(str(tmp_path)).examples == found.examples
    with pytest.raises(BadInput, match="datasets-spam-assassin"):
        mail(tmp_path / "data")


def examples(count: int, label: int = 0) -> tuple[Example, ...]:
    return tuple(Example(f"{label} {k}", label) for k in range(count))


def test_parts_never_meet() -> None:
    texts = LabelledTexts("x", "", ("a", "b"), examples(40) + examples(40, 1))
    parts = parted_examples(texts, 5)
    assert (len(parts["validation"]), len(parts["test"])) == (5, 5)
    assert Counter(parts["train"] + parts["validation"] + parts["test"]) == Counter(texts.examples)
    assert parts == parted_examples(texts, 5)
    own = LabelledTexts("x", "", ("a", "b"), texts.examples, test=examples(7, 1))
    assert set(parted_examples(own, 5)["test"]) < set(own.test)


def test_pieces_of_running_text_never_meet() -> None:
    lines = [f"line {k} of the text\n" for k in range(400)]
    train, validation, test = parted_text(RunningText("x", "", "".join(lines)))
    assert sorted((train + validation + test).splitlines(keepends=True)) == sorted(lines)
    assert len(train) > 3 * (len(validation) + len(test))
    assert parted_text(RunningText("x", "", "".join(lines), "own test"))[2] == "own test"


def test_balancing_drops_the_surplus_alone() -> None:
    kept = balanced(examples(9) + examples(4, 1))
    assert Counter(each.label for each in kept) == {0: 4, 1: 4}


def test_unknown_words_are_one_token() -> None:
    words = numbered_words(["one two two"], SPECIAL + 1)
    assert numbers_of("Two, three", words) == [SPECIAL, UNKNOWN, UNKNOWN]
