import math

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.active.spectral_bias import function_key, function_of, spectral_bias_of
from diagnostics.learned_function import COMPUTED, RECORDED, LearnedFunction
from diagnostics.run import FathomError
from diagnostics.spectral_bias import SpectralBias
from diagnostics.store import load, saved
from probes import Outputs, Recorder, Snapshots

torch.set_num_threads(1)
COUNT = 64


def waves(x):
    return torch.sin(2 * math.pi * x) + torch.sin(2 * math.pi * 4 * x + 1)


def trained(path, x, y, probes, steps=40):
    """A small network, on all examples at once."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(x.shape[1], 32), nn.Tanh(), nn.Linear(32, y.shape[1]))
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    loss = nn.MSELoss()
    with Recorder(model, optimizer, path, every=1, loss=loss, batch=(x, y), probes=probes):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return Run(path)


@pytest.fixture
def grid():
    return torch.arange(COUNT)[:, None] / COUNT


@pytest.fixture
def run(tmp_path, grid):
    return trained(tmp_path / "run", grid, waves(grid), [Outputs(every=1), Snapshots()])


def test_predictions_recorded_in_training_are_taken_and_both_results_stored(run, grid):
    found = spectral_bias_of(run)
    assert (found.source, function_key(found)) == (RECORDED, "recorded")
    assert found.frequencies.tolist() == [1, 4]
    assert len(found.steps) == 40
    learned = load(run.path, LearnedFunction, "recorded")
    stored = load(run.path, SpectralBias, "recorded")
    np.testing.assert_array_equal(stored.ratio, found.ratio)
    spectrum = np.fft.rfft(learned.values[..., 0], axis=1)[:, [1, 4]]
    wanted = np.fft.rfft(waves(grid)[:, 0].double().numpy())[[1, 4]]
    np.testing.assert_allclose(
        found.ratio, (spectrum * wanted.conj()).real / abs(wanted) ** 2, atol=1e-5
    )


def test_again_is_at_the_snapshots_where_the_two_agree(run):
    again, recorded = function_of(run, again=True), function_of(run)
    assert (again.source, recorded.source) == (COMPUTED, RECORDED)
    assert tuple(again.steps) == run.snapshots
    for at, step in enumerate(again.steps):
        for other in np.flatnonzero(recorded.steps == step):
            np.testing.assert_allclose(again.values[at], recorded.values[other], atol=1e-5)
    spectral_bias_of(run, again=True)
    assert saved(run.path, SpectralBias) == ("snapshots",)


def test_without_recorded_predictions_it_is_at_the_snapshots(tmp_path, grid):
    run = trained(tmp_path / "run", grid, waves(grid), [Snapshots()], steps=5)
    assert spectral_bias_of(run).source == COMPUTED


def test_predictions_for_other_inputs_have_no_target_and_are_passed_over(tmp_path, grid):
    probes = [Outputs(grid + 0.5, every=1), Snapshots()]
    run = trained(tmp_path / "run", grid, waves(grid), probes, steps=5)
    found = function_of(run)
    assert found.source == COMPUTED
    assert found.has_target


def test_with_neither_it_says_what_to_record(tmp_path, grid):
    from probes import Gradients

    run = trained(tmp_path / "run", grid, waves(grid), [Gradients()], steps=2)
    with pytest.raises(FathomError, match=r"add probes.Snapshots\(\)"):
        spectral_bias_of(run)


def test_frequencies_and_period_are_those_asked_for(run):
    found = spectral_bias_of(run, [2, 8], period=2)
    assert (found.frequencies.tolist(), found.period) == ([2, 8], 2)
    assert found.told.all()
    np.testing.assert_allclose(found.ratio, spectral_bias_of(run, [1, 4]).ratio, atol=1e-9)


def test_over_a_plane_the_function_is_kept_though_waves_have_no_direction(tmp_path):
    x = torch.rand(30, 2)
    run = trained(tmp_path / "run", x, x[:, :1], [Outputs(every=1)], steps=3)
    with pytest.raises(FathomError, match=r"lie on no line.*The function itself is stored"):
        spectral_bias_of(run)
    assert load(run.path, LearnedFunction, "recorded").inputs.shape == (30, 2)


def test_of_many_inputs_nothing_is_kept(tmp_path):
    x = torch.rand(30, 5)
    run = trained(tmp_path / "run", x, x[:, :1], [Outputs(every=1)], steps=3)
    with pytest.raises(FathomError, match=r"inputs of 5 features lie on no line") as found:
        spectral_bias_of(run)
    assert "stored" not in str(found.value)
    assert saved(run.path, LearnedFunction) == ()
