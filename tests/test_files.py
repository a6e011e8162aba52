"""Files appear whole or not at all; links, permissions and devices stay what they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gamma_calc.errors import BadInput
from gamma_calc.files import write_all


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
