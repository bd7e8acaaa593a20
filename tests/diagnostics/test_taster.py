"""Every HDF5 file of a folder is gone through, whatever is wrong with the others."""

from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from diagnostics import taster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sound file and three that are not."""
    with h5py.File(tmp_path / "recording.h5", "w", libver=("v110", "v110")) as file:
        file.attrs["format"] = "a text"
        file["group/x"] = np.arange(5)
        file["group/x"].attrs["unit"] = "m"
        file["link"] = h5py.SoftLink("/link")
        file["away"] = h5py.ExternalLink("nothing.h5", "/x")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "empty.h5").touch()
    (tmp_path / "results" / "no.h5").write_bytes(b"no HDF5 " * 99)
    (tmp_path / "snapshots.h5").mkdir()
    return tmp_path


def test_all_of_it_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, look = [], taster._look

    def noted(name: str, node: object) -> None:
        seen.append(name)
        look(name, node)

    monkeypatch.setattr(taster, "_look", noted)
    taster.taste(folder)
    assert sorted(seen) == ["/", "group", "group/x"]


def test_it_answers_line_by_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("diagnostics.taster.resource.setrlimit", lambda *_: None)
    asked = "".join(f"{json.dumps(str(each))}\n" for each in (folder, folder / "none"))
    monkeypatch.setattr("sys.stdin", io.StringIO(asked))
    taster.main()
    assert capsys.readouterr().out == "lived\nlived\n"
