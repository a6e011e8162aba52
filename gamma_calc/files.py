"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from gamma_calc.errors import BadInput


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write every content to its path. Each file appears whole; if one cannot be written, none is changed.

    A link is followed to the file that it names, and a file that is there keeps its permissions. What is no file, such
    as /dev/stdout or a pipe, is written to and never replaced.

    Raises:
        BadInput: a path cannot be written; the message says which and why.
    """
    drafts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            if not _is_stream(path):
                drafts[path] = _draft(path.resolve(), content)
        for path in contents.keys() - drafts.keys():
            path.write_bytes(_bytes(contents[path]))
        for path, draft in drafts.items():
            os.replace(draft, path.resolve())
    except (OSError, RuntimeError) as problem:
        raise BadInput(f"cannot write {path}: {getattr(problem, 'strerror', None) or problem}") from None
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


ROOM = 2**24
"""Bytes that are wanted for a folder of results: several times the largest of those that are recorded."""


def checked_folder(folder: Path) -> None:
    """Make a folder where there is none, and see that files can be written in it.

    Raises:
        BadInput: it is a file, or cannot be made or written in.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as problem:
        raise BadInput(
            f"cannot write into the folder {folder}: {getattr(problem, 'strerror', None) or problem}"
        ) from None


def check_folder(folder: Path) -> None:
    """See that results can be written into a folder, before long work, and leave no trace: it may yet be refused.

    Raises:
        BadInput: as `checked_folder`; or the disk is all but full.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        checked_folder(folder)
        check_room(folder)
    finally:
        for each in missing:
            with suppress(OSError):
                each.rmdir()


def check_room(folder: Path) -> None:
    """See that the disk of a folder has room for results.

    Raises:
        BadInput: it has not.
    """
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < ROOM:  # some file systems do not know their size
        raise BadInput(
            f"the disk of {folder} has {disk.free / 2**20:.3g} MiB left, and results may take {ROOM / 2**20:.3g} MiB:"
            " make room, or take another folder"
        )


def _is_stream(path: Path) -> bool:
    """Whether the path is there and is neither a file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _draft(path: Path, content: str | bytes) -> Path:
    """A complete copy beside the path, under another name, with the permissions that the file has or would get."""
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder")
    if path.is_symlink():  # resolving it came to no end
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    draft = path.with_name(f".{token_hex(8)}.draft")
    try:
        with draft.open("xb") as file:
            file.write(_bytes(content))
        if path.exists():
            shutil.copymode(path, draft)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
