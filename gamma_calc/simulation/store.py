"""The store of finished runs: one SQLite file that several processes may share and that survives a kill at any moment.

A run is one row, written by one statement, so it is there whole or not at all. Its key stands for everything that
determines it (who makes the keys sees to that), so the same run is never kept twice. Each row carries a digest of
itself: SQLite's own check sees a torn page, not a flipped bit in a number.

While a store is open, and after a kill, FILE-wal and FILE-shm beside FILE are part of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shlex
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gamma_calc.errors import BadInput
from gamma_calc.files import CANNOT_OPEN, check_holder, checked_folder, reason

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]

APPLICATION = int.from_bytes(b"gamC")
"""The application number in the header of a store, by which a store is told from another SQLite file."""

VERSION = 1
"""The layout of the store; raised when it changes."""

HEADER = 100
"""Bytes that every SQLite file begins with."""
PATIENCE = 60.0
"""Seconds to wait for another process to finish writing; a row takes milliseconds."""

_TABLE = """
CREATE TABLE run (
    key TEXT NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    parameters TEXT NOT NULL,
    layout TEXT NOT NULL,
    numbers BLOB NOT NULL,
    digest BLOB NOT NULL
)"""
_COLUMNS = "key, label, parameters, layout, numbers, digest"
_IS_DAMAGED = (
    "is damaged; move it away together with its -wal and -shm files and start the sweep again, or rescue what can be"
    " read of it with: sqlite3 FILE .recover"
)
_IS_READ_ONLY = (
    "cannot be written: make the file and its folder writable, copy it to a folder of yours, or name another file"
)
NO_CODE = 0
"""Of what is no text in a column of text."""
_REFUSALS: Mapping[int, str] = MappingProxyType(
    {
        sqlite3.SQLITE_READONLY: _IS_READ_ONLY,
        sqlite3.SQLITE_PERM: _IS_READ_ONLY,
        sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file and its folder have to be readable and writable",
        sqlite3.SQLITE_FULL: "the disk is full: free some space and start again; every finished run is kept",
        sqlite3.SQLITE_IOERR: "the disk does not take or give the data (is it full?); every finished run is kept",
        sqlite3.SQLITE_BUSY: f"another process has been writing for {PATIENCE:.0f} s: wait for it and start again",
        sqlite3.SQLITE_CORRUPT: _IS_DAMAGED,
        sqlite3.SQLITE_ERROR: _IS_DAMAGED,
        NO_CODE: _IS_DAMAGED,
        sqlite3.SQLITE_NOTADB: "is not a store: it is no SQLite file, or a damaged one; name another file",
    }
)


@dataclass(frozen=True, slots=True)
class Record:
    """One finished run.

    Args:
        key: a hash of everything that determines the run.
        label: what a reader calls it.
        parameters: everything that determines it, as JSON.
        arrays: what it measured, by name.
    """

    key: str
    label: str
    parameters: str
    arrays: Arrays


class Store:
    """An open store. The process that opens it is the one that uses it: it does not travel to a worker.

    Args:
        path: a store, an empty file, or a file that is not there yet. An empty file becomes a store at once; one that
            is not there is made with the first run that is kept, so that a sweep that is refused leaves nothing.

    Raises:
        BadInput: the file is no store, is one of another version, is damaged, or cannot be written; the message says
            what to do. Every method raises it where the file can no longer be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_open = False
        check_holder("the store", path)
        try:
            known = path.stat()
        except FileNotFoundError:
            checked_folder(path.parent)
            return
        except CANNOT_OPEN as problem:
            raise BadInput(f"the store {path}: cannot be opened: {reason(problem)}") from None
        if not stat.S_ISREG(known.st_mode):
            raise BadInput(f"the store {path}: cannot be opened: it is no file; name another")
        if 0 < known.st_size < HEADER:  # SQLite takes one of a single byte for empty
            raise BadInput(f"the store {path}: it is no SQLite file; name another")
        self._open()

    def _open(self) -> None:
        with self._explained():
            self._connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        self._is_open = True

    @property
    def _is_there(self) -> bool:
        """Whether there is a file to read; another process may have made it meanwhile."""
        if not self._is_open and os.path.exists(self.path):
            self._open()
        return self._is_open

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was added is there already."""
        if self._is_open:
            self._connection.close()

    def __contains__(self, key: str) -> bool:
        return bool(self._rows("SELECT 1 FROM run WHERE key = ?", key))

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all finished runs, those of other processes included."""
        return frozenset(key for (key,) in self._rows("SELECT key FROM run"))

    @property
    def labels(self) -> dict[str, str]:
        """What a reader calls each finished run, by key."""
        return dict(self._rows("SELECT key, label FROM run ORDER BY rowid"))

    def add(self, record: Record) -> bool:
        """Keep a finished run for good; returns whether it was new."""
        if not self._is_open:
            self._open()
        layout = json.dumps([[name, list(array.shape)] for name, array in record.arrays.items()], separators=(",", ":"))
        numbers = b"".join(np.ascontiguousarray(array, dtype="<f8").tobytes() for array in record.arrays.values())
        row = (record.key, record.label, record.parameters, layout, numbers)
        insert = f"INSERT INTO run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
        with self._explained():
            return self._connection.execute(insert, (*row, _digest(*row))).rowcount == 1

    def get(self, key: str) -> Record | None:
        """The run under a key, or None where it is not finished."""
        found = self._rows(f"SELECT rowid, {_COLUMNS} FROM run WHERE key = ?", key)
        with self._explained():
            return _record(*found[0]) if found else None

    def records(self, keys: Iterable[str]) -> Iterator[Record]:
        """The finished ones among some runs, in the order of the keys."""
        return (record for record in map(self.get, keys) if record is not None)

    def _rows(self, query: str, *values: str) -> list[Any]:
        """What the file answers; nothing where there is none."""
        if not self._is_there:
            return []
        with self._explained():
            return self._connection.execute(query, values).fetchall()

    def _prepare(self) -> None:
        if self._is_new:
            self._create()
        self._check_version()
        self._connection.execute("BEGIN IMMEDIATE")  # whether it can be written
        self._connection.execute("ROLLBACK")
        self._write_ahead()
        # A run counts as finished when it would survive a power cut, not only the end of the process.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._check_rows()

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @property
    def _is_new(self) -> bool:
        return self._pragma("schema_version") == self._pragma("application_id") == self._pragma("user_version") == 0

    def _create(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            if self._is_new:  # another process may have been faster
                self._connection.execute(_TABLE)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
                self._connection.execute(f"PRAGMA user_version = {VERSION}")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _check_version(self) -> None:
        if self._pragma("application_id") != APPLICATION:
            raise BadInput(f"{self.path} is an SQLite file of another program, not a store; name another file")
        found = self._pragma("user_version")
        if found != VERSION:
            raise BadInput(
                f"the store {self.path} has version {found}, and this gamma_calc reads version {VERSION}: use the"
                " gamma_calc that made it, or name another file"
            )

    def _write_ahead(self) -> None:
        """Switch to the write-ahead log; SQLite does not wait by itself for another process that is about to."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as problem:
                if _primary(problem) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _check_rows(self) -> None:
        verdicts = [text for (text,) in self._connection.execute("PRAGMA integrity_check(1)")]
        if verdicts != ["ok"]:
            raise BadInput(f"the store {self.path} {_IS_DAMAGED} ({verdicts[0]})")
        rows = self._connection.execute(f"SELECT rowid, {_COLUMNS} FROM run")
        if wrong := [place for place, *row in rows if not _is_whole(*row)]:
            raise _Damaged(*wrong)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's complaints, and those about a row, as one that says what to do."""
        try:
            yield
        except _Damaged as problem:
            places = ", ".join(map(str, problem.args))
            raise BadInput(
                f"the store {self.path}: what stands in {len(problem.args)} of its rows is not what was written, the"
                " others are whole; take these runs out, and the next sweep makes them again:"
                f' sqlite3 {shlex.quote(str(self.path))} "DELETE FROM run WHERE rowid IN ({places})"'
            ) from None
        except UnicodeDecodeError:
            raise BadInput(f"the store {self.path} {_IS_DAMAGED} (what SQLite says of it is no text)") from None
        except (sqlite3.DatabaseError, OverflowError) as problem:
            refusal = _REFUSALS.get(_primary(problem), "cannot be used")
            raise BadInput(f"the store {self.path}: {refusal} ({problem})") from None


class _Damaged(Exception):
    """Rows, by their numbers, are not what was written."""


def _primary(problem: BaseException) -> int:
    """SQLite's error code without its details."""
    return int(getattr(problem, "sqlite_errorcode", None) or 0) & 0xFF


def _digest(key: str, label: str, parameters: str, layout: str, numbers: bytes) -> bytes:
    found = hashlib.sha256()
    for field in (key.encode(), label.encode(), parameters.encode(), layout.encode(), numbers):
        found.update(len(field).to_bytes(8))
        found.update(field)
    return found.digest()


def _is_whole(key: str, label: str, parameters: str, layout: str, numbers: bytes, digest: bytes) -> bool:
    try:
        return _digest(key, label, parameters, layout, numbers) == digest
    except (AttributeError, TypeError):  # a column of another type
        return False


def _record(place: int, key: str, label: str, parameters: str, layout: str, numbers: bytes, digest: bytes) -> Record:
    if not _is_whole(key, label, parameters, layout, numbers, digest):
        raise _Damaged(place)
    arrays: dict[str, Array] = {}
    values, at = np.frombuffer(numbers, dtype="<f8").astype(np.float64), 0
    for name, shape in json.loads(layout):
        end = at + math.prod(shape)
        arrays[name] = values[at:end].reshape(shape)
        at = end
    return Record(key, label, parameters, arrays)
