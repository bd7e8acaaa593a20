"""A folder full of strangers' runs: each is told as what is wrong with it, and the others show."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest

from dashboard.open_runs import OpenRuns
from dashboard.run_index import RunIndex
from diagnostics.doctor import examine
from diagnostics.loss_curve import LossCurve
from diagnostics.run import FathomError, Run
from diagnostics.store import load, result_path
from probes.folder import RunError
from probes.snapshot_file import read_snapshot
from tests.dashboard.samples import train

SECRET = "the key to everything"
Spoil = Callable[[Path], Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run, finished."""
    return train(tmp_path_factory.mktemp("made") / "good", steps=3)


def edited(name: str, **changes: Any) -> Spoil:
    def spoil(run: Path) -> None:
        told = json.loads((run / name).read_text())
        (run / name).write_text(json.dumps(told | changes))

    return spoil


def written(name: str, content: bytes) -> Spoil:
    return lambda run: (run / name).write_bytes(content)


def instead(name: str, make: Spoil) -> Spoil:
    def spoil(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return spoil


def linked(target: str) -> Spoil:
    return lambda path: path.symlink_to(target)


def recording(edit: Callable[[h5py.File, Path], Any]) -> Spoil:
    def spoil(run: Path) -> None:
        with h5py.File(run / "recording.h5", "a") as file:
            edit(file, run.parents[1] / "secret.txt")

    return spoil


def raw(place: str) -> Callable[[h5py.File, Path], None]:
    """A dataset whose bytes are those of any file of the machine."""

    def edit(file: h5py.File, secret: Path) -> None:
        kind, shape = file[place].dtype, file[place].shape
        del file[place]
        size = kind.itemsize * int(np.prod(shape))
        file.create_dataset(place, shape, kind, external=[(str(secret), 0, size)])

    return edit


def elsewhere(file: h5py.File, secret: Path) -> None:
    del file["scalars/value"]
    file["scalars/value"] = h5py.ExternalLink(secret.with_name("other.h5"), "x")


def in_circles(file: h5py.File, _: Path) -> None:
    del file["series"]
    file["series"] = h5py.SoftLink("/series")


def hundred_gigabytes(file: h5py.File, _: Path) -> None:
    del file["scalars/value"]
    file.create_dataset("scalars/value", (20 << 30,), "f8", chunks=(4096,))


UNREADABLE: dict[str, tuple[Spoil, str]] = {
    "no JSON": (written("run.json", b"\xff\xfe"), "run.json' cannot be read"),
    "deep JSON": (written("run.json", b"[" * 200_000), "recursion"),
    "a list": (written("run.json", b"[1]"), "holds no table"),
    "a folder": (instead("run.json", Path.mkdir), "is not a file"),
    "huge": (instead("run.json", lambda path: open_hole(path, 80 << 30)), "of at most"),
    "a pipe": (instead("run.json", os.mkfifo), "is no file"),
    "a pipe to read from": (instead("recording.h5", os.mkfifo), "is no file"),
    "a pipe for a lock": (instead(".recording", os.mkfifo), "is no file"),
    "a link out": (instead("recording.h5", linked("../../made.h5")), "is a link to outside"),
    "a link to a secret": (instead("run.json", linked("../../secret.txt")), "a link to outside"),
    "results elsewhere": (lambda run: linked("../..")(run / "results"), "is a link to outside"),
    "a newer format": (edited("run.json", version=99), "this Fathom reads up to"),
}
UNREADABLE_INSIDE: dict[str, tuple[Spoil, str]] = {
    "raw names": (recording(raw("tensors/name")), "points outside the file"),
    "raw steps": (recording(raw("series/gradients/step")), "points outside the file"),
    "an external link": (recording(elsewhere), "scalars/value"),
    "a link in circles": (recording(in_circles), "points outside the file"),
    "160 GB in some kilobytes": (recording(hundred_gigabytes), "claims 171,798,691,840 bytes"),
    "no HDF5": (written("recording.h5", b"x" * 1000), "is not a whole HDF5 file"),
    "an empty file": (written("recording.h5", b""), "is not a whole HDF5 file"),
}
STILL_READ: dict[str, Spoil] = {
    "not numbers": edited("summary.json", steps=float("nan"), updated=float("inf"), dropped="x"),
    "larger than any": edited("summary.json", steps=10**300, overhead=[], state=None),
    "lists": edited("run.json", model=[1], versions=[2], git="x", host={}, started=7, optimizers=3),
    "half a letter": edited("run.json", host="\ud800", started="\udfff"),
    "no summary": written("summary.json", b"{" * 100_000),
}


def open_hole(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


@pytest.fixture
def served(good: Path, tmp_path: Path) -> Path:
    """A folder that is served, with a good run in it, and secrets beside it."""
    shutil.copytree(good, tmp_path / "runs" / "good")
    (tmp_path / "secret.txt").write_text(SECRET * 9999)
    shutil.copy(good / "recording.h5", tmp_path / "made.h5")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.full(1000, 1234567.0)
    return tmp_path / "runs"


def spoilt(good: Path, served: Path, spoil: Spoil) -> Path:
    bad = served / "bad"
    shutil.copytree(good, bad)
    spoil(bad)
    return bad


def refusal(runs: OpenRuns, name: str = "bad") -> str:
    with pytest.raises(FathomError) as raised:
        run = runs.look(name)
        for scalar in run.scalar_names:
            run.scalar(scalar)
    return str(raised.value)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_run_that_cannot_be_shown_is_listed_with_the_reason(
    kind: str, good: Path, served: Path
) -> None:
    spoil, told = UNREADABLE[kind]
    spoilt(good, served, spoil)
    rows = {row.name: row for row in RunIndex(served).rows()}
    assert rows["good"].state == "finished"
    assert rows["bad"].state == "unreadable"
    assert told in rows["bad"].reason
    assert SECRET not in rows["bad"].reason
    assert OpenRuns(served).look("good").last_step == 3
    assert SECRET not in refusal(OpenRuns(served))


@pytest.mark.parametrize("kind", UNREADABLE_INSIDE)
def test_a_recording_that_leads_elsewhere_is_refused_when_opened(
    kind: str, good: Path, served: Path
) -> None:
    spoil, told = UNREADABLE_INSIDE[kind]
    spoilt(good, served, spoil)
    runs = OpenRuns(served)
    assert told in refusal(runs)
    assert runs.look("good").last_step == 3


@pytest.mark.parametrize("kind", STILL_READ)
def test_nonsense_in_small_files_is_passed_over(kind: str, good: Path, served: Path) -> None:
    bad = spoilt(good, served, STILL_READ[kind])
    rows = {row.name: row.state for row in RunIndex(served).rows()}
    assert rows["good"] == "finished"
    assert rows["bad"] in ("finished", "running", "stale", "killed")
    run = OpenRuns(served).look("bad")
    assert run.last_step == 3
    assert run.scalar("loss").values.shape == (3,)
    examine(Run(bad))  # nor does the doctor stumble over it


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that even nobody may read; root, who may read everything, becomes nobody."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        is_root = os.geteuid() == 0
        yield Path(made)
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["recording.h5", "run.json"])
def test_files_without_permission_are_told(name: str, good: Path, everybodys: Path) -> None:
    shutil.copytree(good, everybodys / "good")
    shutil.copytree(good, everybodys / "bad")
    (everybodys / "bad" / name).chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    assert "ermission" in refusal(OpenRuns(everybodys))
    assert OpenRuns(everybodys).look("good").last_step == 3


def test_a_linked_run_is_found_once_and_never_outside(
    good: Path, served: Path, tmp_path: Path
) -> None:
    shutil.copytree(good, tmp_path / "outside")
    (served / "out").symlink_to(tmp_path / "outside")
    (served / "again").symlink_to(served / "good")
    (served / "circle").symlink_to(served)
    assert [row.name for row in RunIndex(served).rows()] == ["good"]
    assert [each.name for each in OpenRuns(served).summaries()] == ["good"]
    for name in ("out", "again", "../outside", "circle/good", str(tmp_path / "outside")):
        assert "choose one from the list" in refusal(OpenRuns(served), name)


def test_weights_and_results_that_lead_elsewhere_are_refused(good: Path, served: Path) -> None:
    bad = spoilt(good, served, lambda _: None)
    (snapshot,) = [*(bad / "snapshots").glob("*.h5")][-1:]
    with h5py.File(snapshot, "a") as file:
        raw("blob")(file, served.parent / "secret.txt")
    with pytest.raises(RunError, match="'blob' is not read: it points outside the file"):
        read_snapshot(bad, int(snapshot.stem.rpartition("-s")[2]))
    path = result_path(bad, LossCurve)
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file.attrs.update(format="fathom-result", version=1, result="LossCurve")
        content = [(str(served.parent / "secret.txt"), 0, 100)]
        file.create_dataset("content", (100,), "u1", external=content)
    with pytest.raises(RunError, match="'content' is not read: it points outside the file"):
        load(bad, LossCurve)
