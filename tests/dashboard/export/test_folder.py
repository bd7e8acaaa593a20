"""An export is there whole or not at all, and takes nothing's place."""

from __future__ import annotations

import pytest

from dashboard.export.folder import new_folder, taken
from diagnostics.run import FathomError


def test_a_folder_has_its_name_only_when_it_is_filled(tmp_path):
    target = tmp_path / "deep" / "out"
    with new_folder(target) as beside:
        (beside / "file").write_text("x")
        assert not target.exists()
        assert beside.parent == target.parent
    assert (target / "file").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "empty folder", "full folder", "dangling link"])
def test_what_exists_is_refused(tmp_path, kind):
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
        if kind == "full folder":
            (target / "mine").touch()
    before = sorted(tmp_path.rglob("*"))
    told = "nothing is written over; give another folder"
    with pytest.raises(FathomError, match=told), new_folder(target):
        pass
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_nothing(tmp_path, error):
    with pytest.raises(error), new_folder(tmp_path / "out") as beside:
        (beside / "half").touch()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_two_exports_to_one_name_do_not_mix(tmp_path):
    with new_folder(tmp_path / "out") as first:
        (first / "first").touch()
        with pytest.raises(FathomError, match="exists"), new_folder(tmp_path / "out") as second:
            (second / "second").touch()
            (tmp_path / "out").mkdir()
        (tmp_path / "out").rmdir()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]


def test_a_free_name_is_proposed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out-2").mkdir()
    assert "'" + str(tmp_path / "out-3") + "'" in str(taken(tmp_path / "out"))
