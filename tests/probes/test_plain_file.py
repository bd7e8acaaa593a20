"""Small files are read whole; what is none is never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.folder import RunError, is_held, read_json, write_json
from probes.plain_file import read_plain


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "x").write_bytes(content)
    assert read_plain(tmp_path / "x") == content


def test_what_is_larger_than_it_may_be_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(OSError, match=r"x has 107,374,182,400 bytes, of at most 67,108,864"):
        read_plain(tmp_path / "x")


def test_what_says_it_is_empty_and_is_not_is_bounded_too() -> None:
    endless = Path("/proc/self/maps")
    if not endless.exists():
        pytest.skip("no such file on this machine")
    with pytest.raises(OSError, match="grew beyond measure"):
        read_plain(endless, most=10)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="is not a file"):
        read_plain(path)
    with pytest.raises(RunError, match="is not a file"):
        read_json(path)


def test_a_pipe_for_a_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".recording")
    assert is_held(tmp_path) in (True, False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * 100_000, "recursion"),
        (b'{"a": ' * 100_000, "recursion"),
        (b'{"a": "\xff"}', "utf-8"),
        (b"[1, 2]", "holds no table"),
        (b"7" * 10_000, "limit"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_is_none_is_told_in_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=told) as raised:
        read_json(tmp_path / "run.json")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_link_where_a_file_is_prepared_leads_nothing_elsewhere(tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("mine")
    (tmp_path / "x.json.part").symlink_to(other)
    write_json(tmp_path / "x.json", {"a": 1})
    assert other.read_text() == "mine"
    assert read_json(tmp_path / "x.json") == {"a": 1}
    assert not (tmp_path / "x.json").is_symlink()
