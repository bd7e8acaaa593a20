"""Links out of what is served, and what is no file, are refused by name; all else is fine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from diagnostics.enclosure import check_enclosed
from probes.folder import RunError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run in a folder that is served, with another one beside it, and a file outside."""
    for name in ("a", "b"):
        folder = tmp_path / "served" / name
        (folder / "segments").mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        (folder / "segments" / "r0000-00000001.h5").write_bytes(b"x")
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "served" / "a"


def refusal(run: Path) -> str:
    with pytest.raises(RunError) as raised:
        check_enclosed(run, run.parent)
    return str(raised.value)


def test_a_run_of_plain_files_is_fine(run: Path) -> None:
    check_enclosed(run, run.parent)
    check_enclosed(run, run)  # a run may itself be what is served


def test_a_link_to_inside_is_fine(run: Path) -> None:
    (run / "results").symlink_to(run.parent / "b" / "segments")
    (run / "recording.h5").symlink_to("../b/run.json")
    check_enclosed(run, run.parent)


def test_what_is_served_may_itself_be_a_link(run: Path) -> None:
    (run.parents[1] / "link").symlink_to(run.parent)
    (run / "results").symlink_to(run.parent / "b")
    check_enclosed(run.parents[1] / "link" / "a", run.parents[1] / "link")


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("recording.h5", "../../secret"),
        ("segments/r0000-00000002.h5", "../../../secret"),
        ("results", "../.."),
        ("results", "/etc"),
        (".watched", "../../not-there-yet"),
        ("listing.json.part", "/nowhere"),
        ("loop", "../../served-not/a"),
    ],
)
def test_a_link_to_outside_is_named(run: Path, place: str, target: str) -> None:
    (run / place).symlink_to(target)
    told = refusal(run)
    assert told.startswith(f"'{place}' in '{run}' is a link to outside '{run.parent}'")


def test_a_folder_whose_name_only_begins_alike_is_outside(run: Path) -> None:
    beside = run.parents[1] / "served-too"
    beside.mkdir()
    (run / "results").symlink_to(beside)
    assert "is a link to outside" in refusal(run)


def test_a_link_by_way_of_another_is_followed_to_its_end(run: Path) -> None:
    (run.parent / "b" / "door").symlink_to("../../secret")
    (run / "recording.h5").symlink_to("../b/door")
    assert "'recording.h5'" in refusal(run)


def test_a_pipe_is_named(run: Path) -> None:
    os.mkfifo(run / "segments" / "r0000-00000002.h5")
    assert "'segments/r0000-00000002.h5'" in refusal(run)
    assert "is no file; remove it" in refusal(run)


def test_a_link_to_a_pipe_is_named(run: Path) -> None:
    os.mkfifo(run.parent / "pipe")
    (run / "summary.json").symlink_to("../pipe")
    assert "'summary.json'" in refusal(run)
    assert "leads to no file; remove it" in refusal(run)


def test_a_socket_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        monkeypatch.chdir(run)  # the path of a socket may not be long
        door.bind("door")
    assert "'door'" in refusal(run)


def test_links_that_lead_to_one_another_lead_nowhere(run: Path) -> None:
    (run / "one").symlink_to("other")
    (run / "other").symlink_to("one")
    check_enclosed(run, run.parent)


def test_more_files_than_any_run_has_are_not_all_looked_at(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.enclosure.MOST_FILES", 2)
    assert "holds more than 2 files" in refusal(run)
