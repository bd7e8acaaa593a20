from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.curvature import (
    curvature_of,
    curvatures_of,
    preconditioner_of,
    recorded_edge,
)
from diagnostics.active.wish import Wish
from diagnostics.curvature import Curvature, Effort
from diagnostics.curvature_history import CurvatureHistory
from diagnostics.store import load
from probes import Recorder


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


def edge_after(folder, *makes):
    """The edge, and the preconditioner, of a run that goes on with each in turn."""
    torch.manual_seed(0)
    x, y = torch.randn(40, 4), torch.randint(3, (40,))
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    how = {"every": 1, "loss": functional.cross_entropy, "batch": (x, y)}
    for n, make in enumerate(makes):
        made = make(model)
        optimizers = made if isinstance(made, list) else [made]
        with Recorder(model, made, folder, resume=n > 0, **how):
            for _ in range(3):
                functional.cross_entropy(model(x), y).backward()
                for optimizer in optimizers:
                    optimizer.step()
    run = Run(folder)
    return recorded_edge(run, run.subject().snapshots), preconditioner_of(run, run.subject())


def groups(model, **other):
    return [{"params": model[0].parameters()}, {"params": model[2].parameters(), **other}]


OF_NO_ONE_NUMBER = {
    "rates": [lambda m: optim.SGD(groups(m, lr=0.001), 0.1)],
    "momenta": [lambda m: optim.SGD(groups(m, momentum=0.5), 0.1)],
    "kinds": [lambda m: [optim.SGD(m[0].parameters(), 0.1), optim.Adam(m[2].parameters(), 0.1)]],
    "several": [lambda m: [optim.SGD(m[n].parameters(), 0.1 + n) for n in (0, 2)]],
    "then RMSprop": [
        lambda m: optim.SGD(m.parameters(), 0.1),
        lambda m: optim.RMSprop(m.parameters()),
    ],
    "then Adagrad": [
        lambda m: optim.SGD(m.parameters(), 0.1),
        lambda m: optim.Adagrad(m.parameters()),
    ],
}


@pytest.mark.parametrize("name", OF_NO_ONE_NUMBER)
def test_where_weights_are_moved_by_different_rules_there_is_no_edge(tmp_path, name):
    edge, by = edge_after(tmp_path / "run", *OF_NO_ONE_NUMBER[name])
    assert (edge.rule, np.isnan(edge.edge).all(), by) == ("", True, None)
    assert edge.learning_rate[0] == pytest.approx(0.1)


def test_groups_that_differ_in_decay_alone_have_one_edge(tmp_path):
    make = [lambda m: optim.SGD(groups(m, weight_decay=0.01), 0.1)]
    edge, _ = edge_after(tmp_path / "run", *make)
    assert edge.edge == pytest.approx(np.full_like(edge.edge, 20))


OF_NO_ONE_MOMENT = {
    "betas": [lambda m: optim.Adam(groups(m, betas=(0.9, 0.9)), 0.1)],
    "then SGD": [
        lambda m: optim.Adam(m.parameters(), 0.1),
        lambda m: optim.SGD(m.parameters(), 0.1),
    ],
}


@pytest.mark.parametrize("name", OF_NO_ONE_MOMENT)
def test_second_moments_of_different_pasts_are_no_preconditioner(tmp_path, name):
    _, by = edge_after(tmp_path / "run", *OF_NO_ONE_MOMENT[name])
    assert by is None
