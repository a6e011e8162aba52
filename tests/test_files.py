"""Files appear whole or not at all; links, permissions and devices stay what they are; and nothing waits for ever."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gamma_calc import files
from gamma_calc.errors import BadInput
from gamma_calc.files import check_folder, checked_folder, file_content, write_all, write_files


def test_every_content_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_all({tmp_path / "a": "one\n", tmp_path / "b": b"\x00"})
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"one\n", "b": b"\x00"}


def test_one_path_that_cannot_be_written_leaves_the_others_alone(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("before")
    with pytest.raises(BadInput, match="absent"):
        write_all({known: "after", tmp_path / "absent" / "b": "text"})
    with pytest.raises(BadInput, match="it is a folder"):
        write_all({known: "after", tmp_path: "text"})
    assert [each.name for each in tmp_path.iterdir()] == ["known"]
    assert known.read_text() == "before"


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target.name)
    write_all({link: "after"})
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link.name)
    with pytest.raises(BadInput, match="link"):
        write_all({link: "text"})


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.touch()
    path.chmod(mode)
    write_all({path: "secret"})
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_that_the_user_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_all({tmp_path / "new": "text"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    write_all({tmp_path / "null": "text", Path("/dev/null"): "text"})
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert (tmp_path / "null").is_symlink()


def test_a_full_device_changes_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="/dev/full: No space left"):
        write_all({tmp_path / "a": "text", Path("/dev/full"): "text"})
    assert not list(tmp_path.iterdir())


def test_a_pipe_receives_the_content(tmp_path: Path) -> None:
    source, sink = os.pipe()
    write_all({Path(f"/dev/fd/{sink}"): "text"})
    os.close(sink)
    with os.fdopen(source) as reader:
        assert reader.read() == "text"


def test_a_read_only_file_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(BadInput, match="kept: the file is read-only"):
        write_all({tmp_path / "new": "text", path: "after"})
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["kept"]


def test_another_hard_link_keeps_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("before")
    os.link(tmp_path / "one", tmp_path / "other")
    write_all({tmp_path / "one": "after"})
    assert (tmp_path / "other").read_text() == "before"


def test_a_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match=r"cannot write .*pipe"):
        write_all({tmp_path / "pipe": "text"})


def test_files_of_a_folder_are_written_or_no_folder_is_left(tmp_path: Path) -> None:
    write_files(tmp_path / "a" / "b", {"x": "1", "c/y": "2"})
    assert (tmp_path / "a" / "b" / "c" / "y").read_text() == "2"
    (tmp_path / "a" / "b" / "x").chmod(0o444)
    with pytest.raises(BadInput, match="read-only"):
        write_files(tmp_path / "a" / "b", {"d/e/z": "3", "x": "4"})
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["c", "x"]
    with pytest.raises(BadInput):
        write_files(tmp_path / "f", {"x": "1", "/dev/full": "2"})
    assert os.listdir(tmp_path) == ["a"]


LONG = "o" * 300


@pytest.mark.parametrize("use", [check_folder, checked_folder], ids=["looked-at", "made"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("f/x", "Not a directory"), (LONG, "too long"), (f"{LONG}/x", "too long"), ("a\0b", "null")],
    ids=["below-a-file", "long", "below-long", "null"],
)
def test_a_folder_that_cannot_be(use: Callable[[Path], None], name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(BadInput, match=said):
        use(tmp_path / name)
    assert os.listdir(tmp_path) == ["f"]


READ = {
    "absent": ("absent", "absent: no such file; expected a letter"),
    "folder": (".", "cannot be read: Is a directory"),
    "large": ("large", "is larger than 1 KiB"),
    "endless": ("/dev/zero", "is larger than 1 KiB"),
    "long": (LONG, "cannot be read: File name too long"),
    "null": ("a\0b", "cannot be read: embedded null"),
    "pipe": ("pipe", "cannot be read: nothing came for 0.1 s"),
}


@pytest.mark.parametrize(("name", "said"), READ.values(), ids=READ)
def test_what_cannot_be_read(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    (tmp_path / "large").write_bytes(b"x" * 1025)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match=said):
        file_content(tmp_path / name, 1024, "a letter")


def test_a_file_and_a_pipe_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1024)
    assert file_content(tmp_path / "file", 1024, "a letter") == b"x" * 1024
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"y" * 100_000,))
    writer.start()
    assert file_content(tmp_path / "pipe", 2**20, "a letter") == b"y" * 100_000
    writer.join()
