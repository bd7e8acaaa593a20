"""A run is opened only once another process has lived through that; one real file is endless."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.open_runs import OpenRuns
from dashboard.tasting import Tasting
from diagnostics.run import FathomError, RunError
from tests.dashboard.samples import train

NOTING = """
import sys
for line in sys.stdin:
    open({log!r}, "a").write(line)
    {does}
"""
LIVES, DIES, HANGS = "print('lived', flush=True)", "sys.exit(1)", "import time; time.sleep(600)"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("made") / "good", steps=3)


@pytest.fixture
def real() -> Iterator[Tasting]:
    tasting = Tasting()
    yield tasting
    tasting.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recording.h5").write_bytes(b"1")
    return tmp_path / "run"


def asked(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def tasting_of(does: str, log: Path, longest: float = 60.0) -> Tasting:
    script = NOTING.format(log=str(log), does=does)
    return Tasting((sys.executable, "-c", script), longest)


def test_what_was_lived_through_is_not_tasted_again(folder: Path, tmp_path: Path) -> None:
    tasting = tasting_of(LIVES, tmp_path / "log")
    tasting.check(folder)
    tasting.check(folder)
    assert asked(tmp_path / "log") == 1
    (folder / "recording.h5").write_bytes(b"22")
    tasting.check(folder)
    assert asked(tmp_path / "log") == 2
    tasting.close()


@pytest.mark.parametrize(("does", "longest"), [(DIES, 60.0), (HANGS, 0.1)])
def test_what_ends_the_process_or_has_no_end_is_refused_and_remembered(
    does: str, longest: float, folder: Path, tmp_path: Path
) -> None:
    tasting = tasting_of(does, tmp_path / "log", longest)
    for _ in range(3):
        with pytest.raises(RunError, match="is damaged: opening its files does not end"):
            tasting.check(folder)
    assert asked(tmp_path / "log") <= 1
    assert tasting._process is None


def test_after_one_that_kills_the_next_is_tasted_as_ever(folder: Path, tmp_path: Path) -> None:
    does = "print('lived', flush=True) if 'good' in line else sys.exit(1)"
    shutil.copytree(folder, tmp_path / "good")
    tasting = tasting_of(does, tmp_path / "log")
    with pytest.raises(RunError):
        tasting.check(folder)
    tasting.check(tmp_path / "good")
    assert asked(tmp_path / "log") == 2
    tasting.close()


def broken(good: Path, folder: Path) -> None:
    """The first entry of the heap of texts is of no length: there HDF5 keeps no checksum."""
    shutil.copytree(good, folder)
    content = bytearray((folder / "recording.h5").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)
    (folder / "recording.h5").write_bytes(content)


def test_a_real_file_in_which_hdf5_never_ends_is_refused_by_name(
    good: Path, tmp_path: Path, real: Tasting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.open_runs.TASTING", real)
    shutil.copytree(good, tmp_path / "good")
    broken(good, tmp_path / "bad")
    runs = OpenRuns(tmp_path)
    assert runs.look("good").last_step == 3
    real._longest = 1.0
    for _ in range(2):
        with pytest.raises(FathomError, match="bad' is damaged: opening its files does not end"):
            runs.look("bad")
    assert runs.look("good").last_step == 3


def test_two_who_ask_at_once_get_one_answer(folder: Path, tmp_path: Path) -> None:
    tasting = tasting_of(LIVES, tmp_path / "log")
    asking = [threading.Thread(target=tasting.check, args=(folder,)) for _ in range(4)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert asked(tmp_path / "log") == 1
    tasting.close()
