"""What is counted is what a training of known length recorded, and what its files take."""

from __future__ import annotations

import pytest
import torch

from diagnostics import Run
from diagnostics.recorded import Recorded, recorded, rooms
from probes import Gradients, Snapshots, Weights
from tests.trainings import mlp, record


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    torch.manual_seed(0)
    probes = [Gradients(), Weights(), Snapshots()]
    folder = tmp_path_factory.mktemp("runs") / "run"
    return Run(record(folder, mlp(), steps=12, probes=probes, every=3))


def test_every_series_and_scalar_with_its_steps(run):
    found = recorded(run)
    parameters = len(list(mlp().parameters()))
    for series in found.series:
        assert series.records == len(run.steps(series.name)) == 5
        assert (series.first, series.last) == tuple(run.steps(series.name)[[0, -1]])
        assert series.tensors == parameters
    assert [each.name for each in found.series] == sorted(run.series)
    assert [(s.name, s.values, s.first, s.last) for s in found.scalars] == [("loss", 12, 1, 12)]


def test_snapshots_and_events_are_counted(run):
    found = recorded(run)
    assert found.snapshots == len(run.snapshots) > 0
    assert sum(many for _, many in found.events) == len(run.events)


def test_the_parts_are_all_there_is_on_disk(run):
    found = recorded(run)
    files = [path for path in run.path.rglob("*") if path.is_file()]
    assert found.size == sum(path.stat().st_size for path in files)
    assert sum(room.files for room in found.rooms) == len(files)
    sizes = {room.part: room for room in found.rooms}
    assert sizes["recording"].size == (run.path / "recording.h5").stat().st_size
    assert sizes["snapshots of the weights"].files == len(run.snapshots)


def test_links_are_not_followed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "large").write_bytes(bytes(10_000))
    (tmp_path / "run" / "recording.h5").symlink_to(tmp_path / "large")
    (tmp_path / "run" / "results").symlink_to(tmp_path)
    (tmp_path / "run" / "run.json").write_text("{}")
    assert [(room.part, room.size) for room in rooms(tmp_path / "run")] == [
        ("words about the run", 2)
    ]


def test_of_nothing_there_is_nothing(tmp_path):
    assert rooms(tmp_path / "gone") == ()
    assert Recorded((), (), (), 0, (), ()).size == 0
