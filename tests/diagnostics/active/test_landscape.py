from dataclasses import replace

import numpy as np
import pytest
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.curvature import curvature_of
from diagnostics.active.landscape import Cut, landscape_key, landscape_of
from diagnostics.active.wish import Wish
from diagnostics.curvature import Effort
from diagnostics.loss_landscape import Landscape
from diagnostics.slices import Grid
from diagnostics.store import load, save, saved
from diagnostics.tiles import Work
from probes.folder import FathomError
from probes.snapshot_file import snapshot_steps

SMALL = Grid(resolution=9, tolerance=0)


def test_a_landscape_is_stored_with_the_way_of_training_on_it(run, trained):
    found = landscape_of(run, Wish(), Cut("trajectory", grid=SMALL), Work())
    assert "trajectory_2d_step12_running" in saved(run.path, Landscape)
    assert load(run.path, Landscape, "trajectory_2d_step12_running").loss == pytest.approx(
        found.loss, abs=0
    )
    path = found.trajectory
    assert tuple(path.steps) == snapshot_steps(run.path)[:-1]
    assert len(path.steps) >= 5
    assert path.explained == pytest.approx(path.variance[:2].sum())
    assert np.abs(path.coordinates).max() < found.axes[0][-1]
    for n, step in enumerate(path.steps):
        own = run.subject(int(step))
        assert path.loss[n] == own.loss_at(own.centre)  # with running statistics of its own
    model, _, (x, y) = trained[1]["momentum"]
    expected = functional.cross_entropy(model.eval()(x), y)
    assert found.centre_loss == pytest.approx(float(expected.detach()), rel=1e-6)


@pytest.mark.parametrize("statistics", ["running", "batch", "re-estimated"])
def test_random_planes_are_told_by_seed_step_and_statistics(run, statistics):
    wish, cut = Wish(step=4, statistics=statistics), Cut(seed=3, grid=SMALL)
    found = landscape_of(run, wish, cut, Work())
    key = f"random3_2d_step4_{statistics.replace('-', '')}"
    assert load(run.path, Landscape, key).about == found.about
    assert (found.about.step, found.about.statistics) == (4, statistics)


def test_towards_another_snapshot_it_lies_at_one(run):
    cut = Cut("towards", axes=1, target=2, grid=replace(SMALL, resolution=5))
    found = landscape_of(run, Wish(), cut, Work())
    assert found.axes[0].tolist() == [-0.5, 0, 0.5, 1, 1.5]
    subject = run.subject()
    assert found.loss[3] == pytest.approx(subject.loss_at(subject.snapshot(2)), rel=1e-6)
    with pytest.raises(FathomError, match="give its step"):
        landscape_of(run, Wish(), Cut("towards"), Work())


def test_along_eigenvectors_it_bends_as_they_do(run):
    wish = Wish(statistics="batch")
    cut = Cut("eigenvectors", reach=(-0.05, 0.05), grid=replace(SMALL, resolution=5))
    found = landscape_of(run, wish, cut, Work())
    curved = curvature_of(run, wish, Effort(2))
    x, line = found.axes[0], found.loss[2]
    bend = (line[3] - 2 * line[2] + line[1]) / (x[3] - x[2]) ** 2
    assert bend == pytest.approx(curved.eigenvalues[0], rel=0.05)


def test_a_landscape_goes_on_from_its_tiles(run):
    told = []
    cut = Cut(seed=11, grid=SMALL)
    for _ in range(2):
        told.append([])
        landscape_of(run, Wish(), cut, Work(progress=lambda *now: told[-1].append(now)))
    assert told[0][0] == (0, 81)
    assert told[1] == [(81, 81)]


@pytest.mark.parametrize("nodes", [2, 3, 4, 6, 15, 50, 51])
def test_towards_other_weights_both_are_nodes(run, nodes):
    cut = Cut("towards", axes=1, target=2, grid=replace(SMALL, resolution=nodes))
    found = landscape_of(run, Wish(), cut, Work())
    subject = run.subject()
    ends = [subject.centre, subject.snapshot(2)]
    for place, there in zip((0.0, 1.0), ends, strict=True):
        (node,) = np.flatnonzero(np.abs(found.axes[0] - place) < 1e-9)
        assert found.loss[node] == pytest.approx(subject.loss_at(there), rel=1e-6)


def test_towards_another_run_its_weights_lie_at_one(run, trained):
    cut = Cut("towards", axes=1, other=trained[0] / "adam", grid=replace(SMALL, resolution=5))
    found = landscape_of(run, Wish(), cut, Work())
    assert found.directions == ("towards step 12 of adam",)
    there = Run(trained[0] / "adam").subject()
    subject = run.subject()
    assert found.loss[3] == pytest.approx(subject.loss_at(there.centre), rel=1e-5)
    assert "towards.adam_1d_step12_running" in saved(run.path, Landscape)


def test_what_is_known_meanwhile_is_stored_until_it_is_finished(run, monkeypatch):
    stored = []

    def keep(folder, result, key):
        stored.append((key, result.finished, int(result.evaluated.sum())))
        return save(folder, result, key)

    monkeypatch.setattr("diagnostics.active.landscape.save", keep)
    cut = Cut(seed=5, grid=Grid(resolution=33))
    landscape_of(run, Wish(), cut, Work())
    *drafts, last = stored
    assert drafts
    assert {(key, done) for key, done, _ in drafts} == {
        ("random5_2d_step12_running_unfinished", False)
    }
    assert last[:2] == ("random5_2d_step12_running", True)
    counts = [count for *_, count in stored]
    assert counts == sorted(counts)
    assert "random5_2d_step12_running_unfinished" not in saved(run.path, Landscape)


def test_no_way_leads_to_the_centre_itself(run):
    with pytest.raises(FathomError, match="the very weights of the centre"):
        landscape_of(run, Wish(), Cut("towards", other=run.path, grid=SMALL), Work())


def test_a_run_whose_name_has_no_plain_letter_has_a_key_of_its_own(run, tmp_path):
    found = landscape_of(run, Wish(), Cut("towards", target=2, grid=SMALL), Work())
    cuts = [Cut("towards", target=2, other=tmp_path / name) for name in ("実", "験")]
    assert len({landscape_key(found, cut) for cut in [Cut("towards", target=2), *cuts]}) == 3
