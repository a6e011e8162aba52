"""What a store is said to hold, beside a sweep and without one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gamma_calc import stored_runs, sweep
from gamma_calc.errors import BadInput

pytestmark = pytest.mark.usefixtures("one_thread")


def test_done_and_missing_runs_are_counted(tmp_path: Path, tiny: Path) -> None:
    store, larger = tmp_path / "s", tmp_path / "larger.toml"
    assert str(sweep(tiny, store)).startswith("24 of 24 runs")
    text = tiny.read_text(encoding="utf-8")
    larger.write_text(text.replace("widths = [", "widths = [2, "), encoding="utf-8")
    alone, whole, grown = stored_runs(store), stored_runs(store, tiny), stored_runs(store, larger)
    assert (alone.done, alone.missing, whole.done, whole.missing) == (24, None, 24, 0)
    assert (grown.done, grown.missing, grown.others) == (24, sum(each.missing or 0 for each in grown.cells), 0)
    assert {each.width for each in grown.cells if each.missing} == {2} and grown.missing
    assert f"24 runs in {store}\n" in str(alone) and f"24 runs in {store}, {grown.missing} missing" in str(grown)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        stored_runs(tmp_path / "none")
    assert not list(tmp_path.iterdir())


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    empty = tmp_path / "notes.txt"
    empty.touch()
    with pytest.raises(BadInput, match="it is empty"):
        stored_runs(empty)
    assert not empty.read_bytes()


def test_a_store_without_runs_misses_none_that_are_known(tmp_path: Path, tiny: Path) -> None:
    sweep(tiny, tmp_path / "s")
    with sqlite3.connect(tmp_path / "s") as opened:
        opened.execute("DELETE FROM run")
    opened.close()
    assert stored_runs(tmp_path / "s").missing is None
