from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.kernel_modes import (
    UNTRAINED,
    kernel_modes_key,
    kernel_modes_of,
    learning_of,
    with_recorded,
)
from diagnostics.active.spectral_bias import OTHERS, spectral_bias_of, with_prediction
from diagnostics.active.wish import Wish
from diagnostics.kernel_modes import KernelModes
from diagnostics.store import load
from diagnostics.subject.learning import learning
from probes import OptimizerState, Outputs, Recorder, Snapshots
from probes.folder import FathomError

torch.set_num_threads(1)
STEPS, RATE = 40, 0.1


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A linear model, whose kernel is X Xᵀ + 1 for ever."""
    folder = tmp_path_factory.mktemp("runs") / "line"
    torch.manual_seed(0)
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.5)
    probes = [Outputs(), Snapshots(), OptimizerState()]
    given = {"loss": functional.mse_loss, "batch": (x, y), "held_out": (x + 1, y)}
    with Recorder(model, optimizer, folder, every=1, probes=probes, **given):
        for _ in range(STEPS):
            optimizer.zero_grad()
            functional.mse_loss(model(x), y).backward()
            optimizer.step()
    return Run(folder), x.double().numpy(), y.double().numpy()


def test_a_linear_model_is_predicted_from_its_folder_alone(line):
    run, x, _ = line
    found = kernel_modes_of(run, Wish())
    values = np.linalg.eigvalsh(x @ x.T + 1)[::-1]
    assert found.eigenvalues[:4] == pytest.approx(values[:4], rel=1e-5)
    assert found.resolved == 4
    assert (found.unpredicted, found.instead_of, found.departs) == ("", "", -1)
    assert found.error.max() < 1e-4
    assert found.rates == (RATE, RATE)
    told = found.times.leading
    measured, predicted = (
        each.between[told] for each in (found.times.measured, found.times.predicted)
    )
    assert measured == pytest.approx(predicted, rel=0.1)
    assert load(run.path, KernelModes, "step1").steps.tolist() == found.steps.tolist()


def test_predictions_recorded_between_snapshots_are_measured_as_well(line):
    run, _, y = line
    seen, track = learning_of(run, Wish()), run.arrays("outputs")[0]
    assert set(seen.steps) == {*run.snapshots, *track.steps.tolist()}
    assert len(seen.steps) > len(run.snapshots)
    for record, step in enumerate(track.steps):
        (at,) = np.flatnonzero(seen.steps == step)
        np.testing.assert_allclose(seen.residuals[at], track.values[record] - y, atol=1e-5)


def test_predictions_that_do_not_agree_are_not_mixed_in(line):
    run, _, _ = line
    subject = run.subject()
    seen = learning(subject)
    assert len(with_recorded(run, subject, seen).steps) > len(seen.steps)
    apart = replace(seen, residuals=seen.residuals + 0.1)
    assert with_recorded(run, subject, apart) is apart


def test_of_many_examples_the_same_are_looked_at(line):
    run, _, y = line
    subject = run.subject()
    seen = learning(subject, most=5)
    more = with_recorded(run, subject, seen)
    assert len(more.steps) > len(seen.steps)
    track = run.arrays("outputs")[0]
    (at,) = np.flatnonzero(more.steps == track.steps[-1])
    values = (track.values[-1] - y)[[0, 2, 4, 7, 9]]
    np.testing.assert_allclose(more.residuals[at], values, atol=1e-5)


def test_it_may_begin_later(line):
    run, _, _ = line
    step = run.snapshots[4]
    found = kernel_modes_of(run, Wish(step))
    assert found.steps[0] == step
    assert found.error.max() < 1e-3  # momentum and all: it was on its way
    assert kernel_modes_key(found, Wish(step)) == f"step{step}"
    with pytest.raises(FathomError, match="begin at an earlier one"):
        kernel_modes_of(run, Wish(run.snapshots[-1]))


def test_held_out_examples_are_measured_and_not_predicted(line):
    run, x, _ = line
    wish = Wish(held_out="recorded")
    found = kernel_modes_of(run, wish)
    assert found.unpredicted == UNTRAINED
    moved = (x + 1) @ (x + 1).T + 1
    assert found.eigenvalues[:4] == pytest.approx(np.linalg.eigvalsh(moved)[::-1][:4], rel=1e-5)
    assert found.steps.tolist() == list(run.snapshots)
    assert np.isfinite(found.learnt[:, :4]).all()
    assert kernel_modes_key(found, wish) == "step1_recorded.held.out"


def test_of_a_classifier_by_adam_it_says_what_it_is_not(trained):
    folder, _ = trained
    entropy = kernel_modes_of(Run(folder / "adam"), Wish())
    assert "squares" in entropy.unpredicted
    assert entropy.rows == "one of 3 outputs of an example"


def test_a_training_that_ends_in_nan_is_seen_up_to_there(tmp_path):
    """The kernel is taken where weights are finite, and so are the predictions in between."""
    torch.manual_seed(0)
    x = torch.arange(16)[:, None] / 16
    y, model = (
        torch.cos(2 * torch.pi * x),
        nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)),
    )
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    probes = [Outputs(every=1), Snapshots(), OptimizerState()]
    given = {"loss": functional.mse_loss, "batch": (x, y)}
    with Recorder(model, optimizer, tmp_path / "run", every=1, probes=probes, **given):
        for step in range(STEPS):
            if step == 30:
                model[0].weight.data[0] = torch.nan
            optimizer.zero_grad()
            functional.mse_loss(model(x), y).backward()
            optimizer.step()
    run = Run(tmp_path / "run")
    whole = max(step for step in run.snapshots if step <= 30)
    assert whole < run.snapshots[-1]
    found = kernel_modes_of(run, Wish())
    assert found.steps[-1] == found.about.step == whole
    assert found.steps.tolist() == list(range(1, whole + 1))
    assert np.isfinite(found.residual).all()
    assert np.isfinite(found.drift)
    told = with_prediction(run, spectral_bias_of(run, [1, 2])).predicted
    assert told.refused != OTHERS
