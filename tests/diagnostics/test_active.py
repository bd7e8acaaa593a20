from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.active import (
    Cut,
    Wish,
    curvature_of,
    curvatures_of,
    landscape_of,
    preconditioner_of,
    recorded_edge,
    subject_of,
)
from diagnostics.curvature import Curvature, Effort
from diagnostics.curvature_history import CurvatureHistory
from diagnostics.loss_landscape import Landscape
from diagnostics.slices import Grid
from diagnostics.store import load, saved
from diagnostics.tiles import Work
from probes import Recorder
from probes.folder import FathomError
from probes.snapshot_file import snapshot_steps

torch.set_num_threads(1)
SMALL = Grid(resolution=9, tolerance=0)


def net():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs with a program: by momentum, with a rate that falls once; and by Adam."""
    folder = tmp_path_factory.mktemp("runs")
    last = {}
    for name in ("momentum", "adam"):
        torch.manual_seed(0)
        model = net()
        x, y = torch.randn(40, 4), torch.randint(3, (40,))
        if name == "adam":
            optimizer = torch.optim.Adam(model.parameters(), 0.01)
        else:
            optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.8)
        batch = (x, y)
        path = folder / name
        with Recorder(model, optimizer, path, every=1, loss=functional.cross_entropy, batch=batch):
            for step in range(1, 13):
                if step == 6:
                    optimizer.param_groups[0]["lr"] /= 10
                optimizer.zero_grad()
                functional.cross_entropy(model(x), y).backward()
                optimizer.step()
        last[name] = model, optimizer, batch
    return folder, last


@pytest.fixture
def run(trained):
    return Run(trained[0] / "momentum")


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


def test_the_history_of_the_curvature_stands_beside_the_edge(run):
    told = []
    effort = Effort(2, most=80)
    history = curvatures_of(run, Wish(), effort, lambda *now: told.append(now))
    assert load(run.path, CurvatureHistory, "running").steps.tolist() == history.steps.tolist()
    one = load(run.path, Curvature, "step4_running")
    at = history.steps.tolist().index(4)
    assert history.eigenvalues[at] == pytest.approx(one.eigenvalues)
    assert history.edge_rule == "(2 + 2·momentum) / lr"
    expected = np.where(history.steps < 6, 36, 360)
    assert history.edge == pytest.approx(expected)
    assert all(a[0] < b[0] for a, b in pairwise(told))
    assert told[-1][0] <= told[-1][1] == 80 * len(history.steps)


def test_adams_preconditioner_is_the_recorded_mean_of_its_second_moments(trained):
    folder, last = trained
    run = Run(folder / "adam")
    model, optimizer, _ = last["adam"]
    subject = run.subject()
    found = preconditioner_of(run, subject)
    assert "mean over each tensor" in found.name
    for piece in subject.pieces:
        state = optimizer.state[model.get_parameter(piece.name)]
        divisor = (state["exp_avg_sq"].mean() / (1 - 0.999**12)).sqrt() + 1e-8
        ours = piece.of(found.root)
        assert float(ours.min()) == float(ours.max())
        assert float(ours.flatten()[0]) == pytest.approx(float(divisor) ** 0.5, rel=1e-4)
    curved = curvature_of(run, Wish(), Effort(1))
    assert np.isfinite(curved.preconditioned)
    assert recorded_edge(run, (12,)).edge == pytest.approx([38 / 0.001])


def test_of_momentum_there_is_no_preconditioner(run):
    assert preconditioner_of(run, run.subject()) is None


def test_a_run_without_a_program_takes_the_users_function(trained, tmp_path, monkeypatch):
    folder, last = trained
    torch.save(last["momentum"][2], tmp_path / "batch.pt")
    (tmp_path / "my_subject.py").write_text(
        "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"
        "def make():\n"
        "    model = nn.Sequential(\n"
        "        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))\n"
        "    return model, functional.cross_entropy, torch.load('batch.pt')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    ours = subject_of(Run(folder / "momentum"), Wish(step=4, subject="my_subject:make"))
    theirs = Run(folder / "momentum").subject(4)
    assert ours.loss_at(ours.centre) == theirs.loss_at(theirs.centre)
    assert ours.about.step == 4
