"""Reading files of bounded size without waiting for ever, and writing files whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import select
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from gamma_calc.errors import BadInput

PATIENCE = 10.0
"""Seconds that a pipe or a terminal may give nothing before it is refused."""

CANNOT_OPEN = (OSError, ValueError, RuntimeError)
"""What Python raises about a path: also that it holds a null character, or is a link to itself."""


def path_of(asked: str, given: object) -> Path:
    """The path that somebody gives.

    Raises:
        BadInput: it is none.
    """
    if not isinstance(given, str | os.PathLike):
        raise BadInput(asked, found=given, expected="the path of its file")
    return Path(given)


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder of a name.

    Raises:
        BadInput: it is not permitted to look.
    """
    try:
        path.stat()
    except PermissionError as problem:
        raise BadInput(f"{path}: {reason(problem)}") from None
    except CANNOT_OPEN:
        return False
    return True


def check_holder(asked: str, path: Path) -> None:
    """See that the folder of a file is there.

    Raises:
        BadInput: it is not, or it is not permitted to look.
    """
    if not (is_there(path.parent) and path.parent.is_dir()):
        raise BadInput(f"{asked} {path}: there is no folder {path.parent}; make it first")


def file_content(path: Path, most: int, expected: str) -> bytes:
    """The content of a file of at most `most` bytes.

    Args:
        expected: what the file should be, for the message that refuses it.

    Raises:
        BadInput: it is not there, cannot be read, is too large, or is a pipe that gives nothing for some seconds.
    """
    try:
        with open(path, "rb", buffering=0, opener=_without_waiting) as file:
            found = _read(file, most)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; expected {expected}") from None
    except CANNOT_OPEN as problem:
        raise BadInput(f"{path}: cannot be read: {reason(problem)}; expected {expected}") from None
    if len(found) > most:
        raise BadInput(f"{path}: is larger than {most // 1024} KiB, the most that is read; expected {expected}")
    return found


def reason(problem: BaseException) -> str:
    """The reason that an operating system gives, without its numbers and paths."""
    return getattr(problem, "strerror", None) or str(problem)


def _read(file: io.FileIO, most: int) -> bytes:
    """At most one byte more than `most`."""
    found, is_file = bytearray(), stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    while len(found) <= most:
        if not is_file and not select.select([file], [], [], PATIENCE)[0]:
            raise TimeoutError(errno.ETIMEDOUT, f"nothing came for {PATIENCE:g} s")
        part = file.read(most + 1 - len(found))
        if part is None:  # such as the kernel's own log
            raise BlockingIOError(errno.EAGAIN, "it gives nothing now")
        if not part:
            break
        found += part
    return bytes(found)


def _without_waiting(path: str, flags: int) -> int:
    """Open a path; a pipe that has no other end is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write every content to its path. Each file appears whole; if one cannot be written, none is changed.

    A symbolic link is followed to the file that it names, and a file that is there keeps its permissions; one that may
    not be written is refused. A file gets its content by being replaced, so that another hard link keeps what it has.
    What is no file, such as /dev/stdout or a pipe, is written to and never replaced.

    Raises:
        BadInput: a path cannot be written; the message says which and why.
    """
    if Path("-") in contents:
        raise BadInput("a file to write", found="-", expected="a name, or /dev/stdout to print it")
    drafts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            if not _is_stream(path):
                drafts[path] = _draft(path.resolve(), content)
        for path in contents.keys() - drafts.keys():
            _send(path, _bytes(contents[path]))
        for path, draft in drafts.items():
            os.replace(draft, path.resolve())
    except CANNOT_OPEN as problem:
        is_lost = isinstance(problem, FileNotFoundError) and not os.path.lexists(path.parent)
        why = f"there is no folder {path.parent}; make it first" if is_lost else reason(problem)
        raise BadInput(f"cannot write {path}: {why}") from None
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write files into a folder by their relative paths, all or none; folders are made, and unmade where it fails.

    Raises:
        BadInput: as `write_all`, or a folder cannot be made.
    """
    paths = {folder / name: content for name, content in contents.items()}
    with made({path.parent for path in paths}):
        write_all(paths)


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
    except FileExistsError:
        raise BadInput(f"{folder} is a file: expected a folder, or a name that is not taken") from None
    except CANNOT_OPEN as problem:
        raise BadInput(f"cannot write into the folder {folder}: {reason(problem)}") from None


def check_folder(folder: Path) -> None:
    """See that results can be written into a folder, before long work, and leave no trace: it may yet be refused.

    Raises:
        BadInput: as `checked_folder`; or the disk is all but full.
    """
    missing = _missing([folder])
    try:
        checked_folder(folder)
        check_room(folder)
    finally:
        _unmake(missing)


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


@contextmanager
def made(folders: Iterable[Path]) -> Iterator[None]:
    """Folders that are made where there are none, and unmade where what is done with them fails and they are empty.

    Raises:
        BadInput: as `checked_folder`.
    """
    missing = _missing(folders)
    try:
        for folder in folders:
            checked_folder(folder)
        yield
    except BaseException:
        _unmake(missing)
        raise


def _missing(folders: Iterable[Path]) -> list[Path]:
    """The folders that are not there, with those around them, innermost first."""
    every = {each for folder in folders for each in (folder, *folder.parents)}
    return sorted((each for each in every if not os.path.lexists(each)), key=lambda each: -len(each.parts))


def _unmake(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(*CANNOT_OPEN):
            folder.rmdir()


def _is_stream(path: Path) -> bool:
    """Whether the path is there and is neither a file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _send(path: Path, content: bytes) -> None:
    """Write to what is no file; a pipe that nobody reads raises at once."""
    with open(path, "wb", opener=_without_waiting) as stream:
        os.set_blocking(stream.fileno(), True)  # whoever reads may take his time
        stream.write(content)


def _draft(path: Path, content: str | bytes) -> Path:
    """A complete copy beside the path, under another name, with the permissions that the file has or would get."""
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder")
    if path.is_symlink():  # resolving it came to no end
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if path.exists() and not _is_writable(path):
        raise PermissionError(errno.EACCES, "the file is read-only")
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


def _is_writable(path: Path) -> bool:
    """Whether somebody may write the file, and we are one of them; an administrator is asked to respect the first."""
    return bool(path.stat().st_mode & 0o222) and os.access(path, os.W_OK)


def _bytes(content: str | bytes) -> bytes:
    # A path that is no UTF-8 reaches Python with surrogates in it.
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content
