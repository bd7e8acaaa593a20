from itertools import pairwise

import numpy as np
import pytest

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
