"""Contents that grew file by file are what all files say, and each file is read once."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from diagnostics.contents import MOST_HISTOGRAMS, Contents, Opened, Rows
from probes.folder import RunError, segment_paths
from probes.recording_file import RecordingFile
from tests.ranks import Desk

STATISTICS = ("mean", "count", "norm")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Forty segments; a tensor comes late, an array in some, and a scalar now and then."""
    drawn, desk = (
        np.random.default_rng(0),
        Desk(tmp_path_factory.mktemp("contents") / "run", names=("a", "b", "c")),
    )
    for step in range(1, 61):
        desk.look(step, {n: drawn.normal(size=5).tolist() for n in range(3 if step > 30 else 2)})
        desk.log(step, step / 2)
        if step % 3 == 0:
            desk.show("attention", step, [step, 1.0])
        if step % 3:
            desk.write()
    return segment_paths(desk.folder, 0)


@pytest.fixture
def files(paths):
    return [Opened(RecordingFile(path)) for path in paths]


def read(contents):
    """All there is, and what nobody has."""
    names = [*contents.tensors, "nobody's"]
    columns = [contents.column("activations", each, names) for each in STATISTICS]
    bins = [contents.histogram("activations", name) for name in names]
    arrays = [track.values for track in contents.arrays("attention")]
    return [contents.steps("activations"), *columns, *bins, *contents.scalar("loss"), *arrays]


def by_file(files):
    """The same, put together from what each file says alone."""
    names = [*dict.fromkeys(t.name for each in files for t in each.file.tensors), "nobody's"]
    columns = []
    for statistic in STATISTICS:
        parts = []
        for each in files:
            own = list(each.names("activations"))
            values = each.file.column("activations", statistic)
            part = np.full((len(values), len(names)), np.nan)
            for n, name in enumerate(own):
                part[:, names.index(name)] = values[:, n]
            parts.append(part)
        columns.append(np.concatenate(parts))
    bins = [np.concatenate([each.histogram("activations", n) for each in files]) for n in names]
    scalars = [each.scalars()["loss"] for each in files]
    arrays = [each.track(n).values for each in files for n in range(len(each.file.tracks))]
    steps = [each.file.series["activations"].steps for each in files]
    joined = [np.concatenate(column) for column in zip(*scalars, strict=True)]
    return [np.concatenate(steps), *columns, *bins, *joined, np.concatenate(arrays)]


@pytest.mark.parametrize("stride", [1, 7, 40])
def test_grown_contents_are_what_all_files_say(files, stride):
    contents = Contents()
    for start in range(0, len(files), stride):
        for each in files[start : start + stride]:
            contents.add(each)
        if start + stride >= 3:  # the first files have no array yet
            read(contents)
    for found, expected in zip(read(contents), by_file(files), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert contents.last_step == 59


def test_only_what_is_new_is_read(files, monkeypatch):
    contents = Contents()
    for each in files[:-1]:
        contents.add(each)
    read(contents)
    contents.add(files[-1])
    opened = []
    real = h5py.File
    monkeypatch.setattr(h5py, "File", lambda path, mode: opened.append(path) or real(path, mode))
    read(contents)
    assert set(opened) == {files[-1].file.path}
    opened.clear()
    read(contents)
    assert opened == []


def test_a_file_that_went_away_meanwhile_is_read_when_it_is_back(files, tmp_path):
    contents = Contents()
    for each in files:
        contents.add(each)
    lost = files[20].file.path
    lost.rename(tmp_path / "away")
    with pytest.raises(RunError):
        contents.column("activations", "mean", ["a"])
    (tmp_path / "away").rename(lost)
    expected = by_file(files)[1]
    np.testing.assert_array_equal(
        contents.column("activations", "mean", [*contents.tensors, "nobody's"]), expected
    )


def test_of_many_histograms_the_latest_stay(files):
    contents = Contents()
    for each in files:
        contents.add(each)
    for n in range(2 * MOST_HISTOGRAMS):
        contents.histogram("activations", f"nobody's {n}")
    assert len(contents._bins) == MOST_HISTOGRAMS


def test_many_small_parts_become_few():
    rows, drawn = Rows(), np.random.default_rng(1)
    values = drawn.normal(size=(1000, 2)).astype(np.float32)
    for row in values:
        rows.append(("a", "b"), row[None])
    assert len(rows._parts) <= 10
    np.testing.assert_array_equal(rows.of(["b", "a"]), values[:, ::-1])
    rows.append(("b",), values[:1, 1:])
    assert np.isnan(rows.of(["a"])[-1]).all()
    assert rows.seen == 1001
