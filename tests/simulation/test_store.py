from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gamma_calc.errors import BadInput
from gamma_calc.simulation.store import APPLICATION, VERSION, Record, Store

NOBODY = 65534


def record(number: int) -> Record:
    rng = np.random.default_rng(number)
    arrays = {
        "a": rng.standard_normal((2, 3)),
        "b": np.array([np.inf, -np.inf, np.nan, -0.0, 5e-324]),
        "c": np.zeros((0, 2)),
    }
    return Record(f"key {number}", f"label {number}", f'{{"number": {number}}}', arrays)


def is_same(left: Record, right: Record) -> bool:
    """Bit by bit, so that a nan is equal to itself."""
    texts = [(each.key, each.label, each.parameters, list(each.arrays)) for each in (left, right)]
    bits = [[(array.shape, array.tobytes()) for array in each.arrays.values()] for each in (left, right)]
    return texts[0] == texts[1] and bits[0] == bits[1]


def filled(path: Path, count: int) -> Path:
    with Store(path) as store:
        for number in range(count):
            assert store.add(record(number))
    return path


@pytest.mark.parametrize("is_there", [False, True], ids=["absent", "empty"])
def test_a_new_store_keeps_what_it_is_given(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "new.sqlite"
    if is_there:
        path.touch()
    filled(path, 3)
    with Store(path) as store:
        assert store.keys == {f"key {number}" for number in range(3)}
        assert "key 1" in store and "key 3" not in store and store.get("key 3") is None
        found = list(store.records(["key 2", "key 9", "key 0"]))
    assert [each.key for each in found] == ["key 2", "key 0"]
    assert all(map(is_same, found, (record(2), record(0))))


def test_a_run_is_kept_once_and_as_it_was_first(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        assert store.add(record(0))
        assert not store.add(Record("key 0", "other", "{}", {}))
        found = store.get("key 0")
        assert found is not None and is_same(found, record(0)) and len(store.keys) == 1


def test_two_open_stores_see_each_other_at_once(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as one, Store(tmp_path / "s") as other:
        one.add(record(1))
        assert "key 1" in other
        assert not other.add(record(1)) and other.add(record(2))
        assert one.keys == other.keys == {"key 1", "key 2"}


def test_many_may_make_the_same_store(tmp_path: Path) -> None:
    def opened_and_used(number: int) -> None:
        with Store(tmp_path / "s") as store:
            store.add(record(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(opened_and_used, range(24)))
    with Store(tmp_path / "s") as store:
        assert len(store.keys) == 24


def pragma(path: Path, text: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA {text}")
    connection.close()


def swapped(path: Path, old: bytes, new: bytes) -> None:
    content = filled(path, 1).read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE run (key TEXT)")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda path: path.write_text("no store at all, but long enough for a header" * 40),
            "name another",
            id="text",
        ),
        pytest.param(lambda path: path.write_bytes(b"x"), "it is no SQLite file; name another", id="byte"),
        pytest.param(foreign, "of another program", id="another-program"),
        pytest.param(lambda path: path.mkdir(), "cannot be opened", id="folder"),
        pytest.param(
            lambda path: pragma(filled(path, 1), f"user_version = {VERSION + 1}"),
            f"has version {VERSION + 1}",
            id="newer",
        ),
        pytest.param(lambda path: pragma(filled(path, 1), "user_version = 0"), "has version 0", id="older"),
        pytest.param(
            lambda path: os.truncate(filled(path, 40), path.stat().st_size // 2),
            "is damaged; move it away",
            id="truncated",
        ),
        pytest.param(lambda path: swapped(path, b"label 0", b"label \xff"), "is damaged; move it away", id="no-text"),
        pytest.param(
            lambda path: swapped(path, b"CREATE T", b"CREATE \xff"), "is damaged; move it away", id="no-schema"
        ),
        pytest.param(lambda path: swapped(path, b"label TEXT", b"labex TEXT"), "is damaged; move it away", id="column"),
    ],
)
def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, spoil: object, said: str) -> None:
    path = tmp_path / "s"
    assert callable(spoil)
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(BadInput, match=said):
        Store(path)
    assert before is None or path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no folder .*nowhere"):
        Store(tmp_path / "nowhere" / "s")


def test_no_flipped_byte_is_ever_taken_for_a_number(tmp_path: Path) -> None:
    """Wherever a byte changes, the store is refused or holds what it held: SQLite alone would let numbers change."""
    whole = filled(tmp_path / "whole", 12).read_bytes()
    rng, refused = random.Random(0), 0
    for number in range(150):
        path = tmp_path / str(number)
        at = rng.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        try:
            with Store(path) as store:
                found = list(store.records(f"key {each}" for each in range(12)))
        except BadInput:
            refused += 1
        else:
            assert len(found) == 12 and all(map(is_same, found, map(record, range(12))))
    assert 0 < refused < 150


def test_runs_that_are_not_what_was_written_are_taken_out_as_said(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", 12)
    held = path.read_bytes()
    for label in (b"label 3", b"label 7"):
        held = held.replace(label, label[:-1] + b"x")
    path.write_bytes(held)
    with pytest.raises(BadInput, match="in 2 of its rows is not what was written, the others are whole") as found:
        Store(path)
    said = re.fullmatch(r'.*: sqlite3 \S+ "(DELETE FROM run WHERE rowid IN \(\d+, \d+\))"', str(found.value))
    assert said is not None
    with sqlite3.connect(path) as connection:
        connection.execute(said[1])
    connection.close()
    with Store(path) as store:
        assert {*store.labels.values()} == {f"label {number}" for number in range(12)} - {"label 3", "label 7"}
        assert store.add(record(3)) and store.add(record(7))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", 5)
    with Store(path) as store:
        pages = store._pragma("page_count")
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BadInput, match="the disk is full: free some space"):
            store.add(Record("large", "", "", {"a": np.zeros(10**5)}))
        assert len(store.keys) == 5
    with Store(path) as store:
        assert len(store.keys) == 5 and store.add(Record("large", "", "", {"a": np.zeros(10**5)}))


@contextmanager
def unprivileged_folder() -> Iterator[Path]:
    """A folder that anybody can look into, seen by a user who may write only where the mode says so."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_read_only_store_is_refused_at_once() -> None:
    with unprivileged_folder() as folder:
        path = filled(folder / "s", 1)
        path.chmod(0o444)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        with pytest.raises(BadInput, match=r"folder (writable|have to be readable and writable)"):
            Store(path)


def test_the_header_names_the_program(tmp_path: Path) -> None:
    header = filled(tmp_path / "s", 1).read_bytes()[:100]
    assert header[68:72] == b"gamC" == APPLICATION.to_bytes(4)


def test_a_store_without_a_run_leaves_no_file(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        assert store.keys == frozenset() and "key 0" not in store and store.get("key 0") is None
        assert not list(tmp_path.iterdir())
        filled(tmp_path / "s", 1)  # by another process, say
        assert store.keys == {"key 0"} and store.get("key 0") is not None and not store.add(record(0))


LONG = "o" * 300
PLACES = {
    "long": (LONG, "cannot be opened: File name too long"),
    "below-long": (f"{LONG}/s", "there is no folder"),
    "null": ("a\0b", "cannot be opened: (stat: )?embedded null"),
    "below-a-file": ("f/s", "there is no folder"),
    "pipe": ("pipe", "cannot be opened: it is no file"),
    "device": ("/dev/null", "cannot be opened: it is no file"),
    "loop": ("loop", "cannot be opened: Too many levels of symbolic links"),
}


@pytest.mark.parametrize(("name", "said"), PLACES.values(), ids=PLACES)
def test_a_place_for_no_store(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match=said):
        Store(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["f", "loop", "pipe"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize("mode", [0o555, 0o666], ids=["read-only", "not-to-be-searched"])
def test_a_folder_that_takes_no_file_is_refused_at_once(mode: int) -> None:
    with unprivileged_folder() as folder:
        folder.chmod(mode)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        with pytest.raises(BadInput, match=r"cannot (write into the folder|be opened).*Permission denied"):
            Store(folder / "s")
