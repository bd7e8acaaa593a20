from __future__ import annotations

import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from diagnostics import Run, find_runs
from diagnostics.run import RunError
from probes import FathomError, Gradients, Recorder, Snapshots, Updates, Weights
from probes.folder import hold
from probes.recording import BINS
from tests.ranks import Desk
from tests.trainings import OPTIMIZERS, mlp, record, train


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    probes = [Gradients(), Weights(), Updates()]
    return record(tmp_path_factory.mktemp("runs") / "digits", steps=10, probes=probes)


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "digits"))


def wait_for(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_finished_run_is_read_whole(finished):
    run = Run(finished)
    assert (run.name, run.state, run.last_step, run.records) == ("digits", "finished", 10, 10)
    assert set(run.series) == {"gradients", "weights", "updates"}
    assert run.scalar_names == ("loss",)
    assert run.scalar("loss").steps.tolist() == list(range(1, 11))
    assert np.all(np.diff(run.scalar("loss").times) >= 0)
    assert list(run.tensors) == [f"{n}.{p}" for n in (0, 3, 6, 9) for p in ("weight", "bias")]
    assert run.dropped == 0
    assert run.passed_over == ()
    assert 0 < run.overhead <= 1  # steps of a millisecond, all recorded: it may be nearly all
    assert run.info["versions"]["torch"] == torch.__version__


def test_two_threads_at_once_read_no_value_twice(finished):
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # what seldom meets shall meet here
    try:
        with ThreadPoolExecutor(4) as readers:
            for _ in range(40):
                run = Run(finished)
                read = [readers.submit(lambda run=run: run.scalar("loss")) for _ in range(4)]
                read = [each.result() for each in read]
                assert [len(each.steps) for each in [*read, run.scalar("loss")]] == [10] * 5
    finally:
        sys.setswitchinterval(pause)


def test_live_and_finished_read_the_same(tmp_path):
    torch.manual_seed(0)
    model = mlp()
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        train(model, optimizer, steps=5, recorder=recorder)
        wait_for(lambda: Run(tmp_path / "run").records == 5)
        run = Run(tmp_path / "run")
        live = run.column("gradients", "norm", list(run.tensors))
        losses = run.scalar("loss").values
        assert run.state == "running"
    assert run.refresh()
    assert run.state == "finished"
    finished = run.column("gradients", "norm", list(run.tensors))
    assert np.array_equal(finished, live, equal_nan=True)
    assert np.array_equal(run.scalar("loss").values, losses)


def test_a_live_run_is_never_read_twice(tmp_path, monkeypatch):
    opened = []
    original = h5py.File.__init__

    def counting(self, name, *args, **options):
        opened.append(Path(str(name)).name)
        original(self, name, *args, **options)

    torch.manual_seed(0)
    model = mlp()
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        train(model, optimizer, steps=3, recorder=recorder)
        wait_for(lambda: len(list((tmp_path / "run/segments").glob("*.h5"))) == 1)
        monkeypatch.setattr(h5py.File, "__init__", counting)
        run = Run(tmp_path / "run")
        run.column("gradients", "norm", ["0.weight"])
        run.scalar("loss")
        seen, generation = len(opened), run.generation
        for _ in range(5):
            assert not run.refresh()
            run.column("gradients", "norm", ["0.weight"])
            run.scalar("loss")
        assert len(opened) == seen
        assert run.generation == generation
        train(model, optimizer, steps=3, recorder=recorder)
        wait_for(run.refresh)
        assert run.records == 6
        assert [name for name in opened[seen:] if name.endswith("00000000.h5")] == []
        monkeypatch.undo()


def test_unfinished_and_unreadable_last_files_are_passed_over(copy):
    segments = copy / "segments"
    (segments / "r0000-00000007.h5.part").write_bytes(b"half")
    (segments / "r0000-00000008.h5").write_bytes(b"\x89HDF\r\n\x1a\n torn")
    (segments / "r0000-00000009.h5").write_bytes(b"")
    run = Run(copy)
    assert run.records == 10
    assert run.passed_over == ("r0000-00000008.h5", "r0000-00000009.h5")
    assert not run.refresh()


def newer(folder: Path) -> None:
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "version": 99}))


def newer_file(folder: Path) -> None:
    with h5py.File(folder / "recording.h5", "r+") as file:
        file.attrs["version"] = 99


def truncated(folder: Path) -> None:
    path = folder / "recording.h5"
    path.write_bytes(path.read_bytes()[:5000])


def foreign(folder: Path) -> None:
    (folder / "recording.h5").unlink()
    with h5py.File(folder / "recording.h5", "w") as file:
        file["weights"] = [1, 2, 3]


def no_json(folder: Path) -> None:
    (folder / "run.json").write_text("{")


def gone(folder: Path) -> None:
    (folder / "run.json").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (newer, "has format 99; this Fathom reads up to 2. Upgrade"),
        (newer_file, "has format 99"),
        (truncated, "copy it again"),
        (foreign, "not a Fathom recording"),
        (no_json, "cannot be read"),
        (gone, r"is no run \(it has no run.json\)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(copy, damage, words):
    damage(copy)
    with pytest.raises(RunError, match=words) as caught:
        Run(copy)
    assert "\n" not in str(caught.value)


def test_places_that_are_no_run_say_what_they_are(finished, tmp_path):
    for place, words in (
        (tmp_path / "none", "does not exist"),
        (finished / "run.json", "is a file; give the run's folder"),
        (finished.parent, "it holds runs: digits"),
    ):
        with pytest.raises(RunError, match=words):
            Run(place)


def test_missing_names_say_what_there_is(finished):
    run = Run(finished)
    with pytest.raises(FathomError, match=r"no scalar 'val'.*has: loss.*recorder\.log\(val=…\)"):
        run.scalar("val")
    with pytest.raises(FathomError, match=r"no series 'activations'.*gradients.*Activations\(\)"):
        run.steps("activations")


def test_a_statistic_that_does_not_exist_says_which_do(finished):
    with pytest.raises(FathomError, match=r"no statistic 'median' \(there are: count, nan, .*high"):
        Run(finished).column("gradients", "median", ["0.weight"])


def test_a_histogram_counts_what_the_statistics_count(finished):
    run = Run(finished)
    histogram = run.histogram("gradients", "0.weight")
    assert histogram.shape == (10, BINS)
    count, zeros = (
        run.column("gradients", name, ["0.weight"])[:, 0] for name in ("count", "zeros")
    )
    np.testing.assert_array_equal(histogram.sum(1), count - zeros)


def test_arrays_are_read_by_name_and_those_of_another_shape_apart(tmp_path):
    desk, other = Desk(tmp_path / "run"), Desk(tmp_path / "run", 1)
    desk.show("attention", 1, [1.0, 2.0], "by head")
    desk.show("attention", 2, [[5]])
    other.show("attention", 1, [3.0, 4.0])
    other.show("confusion", 1, [True, False])
    desk.close()
    other.write()
    run = Run(tmp_path / "run")
    assert run.array_names == ("attention", "confusion")
    one, two = run.arrays("attention")
    assert (one.about, one.steps.tolist(), one.values.tolist()) == ("by head", [1], [[1.0, 2.0]])
    assert two.values.tolist() == [[[5]]]
    [confusion] = run.arrays("confusion")  # the first rank has none
    assert confusion.values.tolist() == [[True, False]]
    with pytest.raises(FathomError, match=r"no arrays 'x' in '.*' \(it has: attention, confusion"):
        run.arrays("x")


def test_a_run_without_arrays_says_so(finished):
    with pytest.raises(FathomError, match=r"no arrays 'attention' in '.*' \(it has: none\)"):
        Run(finished).arrays("attention")


def test_arrays_are_found_again_after_their_segment_went_into_the_archive(tmp_path):
    desk = Desk(tmp_path / "run")
    desk.show("attention", 1, [1.0, 2.0])
    desk.write()
    run = Run(tmp_path / "run")
    desk.close()
    assert run.arrays("attention")[0].values.tolist() == [[1.0, 2.0]]


def test_a_run_without_a_word_is_killed_and_one_that_is_held_runs(copy):
    summary = json.loads((copy / "summary.json").read_text())
    (copy / "summary.json").write_text(json.dumps({**summary, "state": "running"}))
    assert Run(copy).state == find_runs(copy.parent)[0].state == "killed"
    held = hold(copy)
    assert Run(copy).state == find_runs(copy.parent)[0].state == "running"
    os.close(held)
    assert Run(copy).state == "killed"


def test_watching_leaves_a_sign_for_the_scribe(copy):
    Run(copy).watch()
    assert (copy / ".watched").exists()


def test_what_can_be_computed_of_it_is_told_from_the_folder(tmp_path):
    run = Run(record(tmp_path / "digits", steps=4, probes=[Snapshots()]))
    kept = sorted(int(path.stem.partition("-s")[2]) for path in run.path.glob("snapshots/*.h5"))
    assert run.snapshots == tuple(kept)
    assert len(kept) > 1
    assert not run.has_program
    (run.path / "program.json").touch()
    assert run.has_program


def test_a_layer_that_came_late_is_among_the_tensors_once_it_was_read(tmp_path):
    desk = Desk(tmp_path / "run", names=("a",))
    desk.look(1, {0: [1.0]})
    desk.write()
    run = Run(desk.folder)
    before = run.tensors
    assert list(before) == ["a"]
    assert run.tensors is before  # nothing new: not put together again
    later = Desk(desk.folder, names=("b", "a"))
    later.look(2, {0: [1.0]})
    later.write()
    assert list(run.tensors) == ["a"]
    assert run.refresh()
    assert list(run.tensors) == ["b", "a"]  # in the order of the forward pass
