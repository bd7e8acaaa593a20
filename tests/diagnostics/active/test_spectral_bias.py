import math

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.active.spectral_bias import (
    OTHERS,
    function_key,
    function_of,
    spectral_bias_of,
    with_prediction,
)
from diagnostics.data_spectra import DataSpectra, data_spectra
from diagnostics.learned_function import (
    COMPUTED,
    RECORDED,
    LearnedFunction,
    recorded_function,
)
from diagnostics.run import FathomError
from diagnostics.spectral_bias import SpectralBias
from diagnostics.store import load, saved
from probes import OptimizerState, Outputs, Recorder, Snapshots
from tests.diagnostics.test_store import assert_same

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


def test_over_a_plane_it_is_told_by_smooth_and_fine_parts_and_the_function_is_kept(tmp_path):
    x = torch.rand(30, 2)
    run = trained(tmp_path / "run", x, x[:, :1], [Outputs(every=1)], steps=3)
    found = spectral_bias_of(run)
    assert isinstance(found, DataSpectra)
    assert load(run.path, DataSpectra, "recorded").steps.tolist() == [1, 2, 3]
    assert load(run.path, LearnedFunction, "recorded").inputs.shape == (30, 2)
    with pytest.raises(FathomError, match=r"period=2: inputs of 2 features.*itself is stored"):
        spectral_bias_of(run, period=2)


def test_of_many_inputs_there_is_no_function_to_draw(tmp_path):
    x = torch.rand(30, 5)
    run = trained(tmp_path / "run", x, x[:, :1], [Outputs(every=1)], steps=3)
    found = spectral_bias_of(run, [1, 2])
    expected = data_spectra(recorded_function(run), frequencies=[1, 2])
    assert_same(found, expected)
    assert saved(run.path, LearnedFunction) == ()
    with pytest.raises(FathomError, match="leave it out") as refused:
        spectral_bias_of(run, period=2)
    assert "stored" not in str(refused.value)


def bare(path, x):
    """Predictions alone: no program, and so no target."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, path, every=1, probes=[Outputs(x)]):
        for _ in range(5):
            model(x).sum().backward()
            optimizer.step()
    return Run(path)


def test_without_a_program_recorded_predictions_and_a_target_are_enough(
    tmp_path, grid, monkeypatch
):
    run = bare(tmp_path / "run", grid)
    with pytest.raises(FathomError, match=r"--target module:function.*itself is stored"):
        spectral_bias_of(run)
    assert not load(run.path, LearnedFunction, "recorded").has_target
    (tmp_path / "wanted_waves.py").write_text(
        "import numpy as np\n"
        f"def target(): return np.sin(2 * np.pi * np.arange({COUNT}) / {COUNT})[:, None]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = spectral_bias_of(run, target="wanted_waves:target")
    assert found.frequencies.tolist() == [1]
    assert found.amplitude == pytest.approx([1])
    assert load(run.path, LearnedFunction, "recorded").has_target


def linear(path, make, probes):
    """Features of two frequencies, the second the slower; from nothing."""
    x = torch.arange(COUNT)[:, None] / COUNT
    wave = torch.stack(
        [torch.cos(2 * math.pi * x[:, 0]), 0.4 * torch.cos(6 * math.pi * x[:, 0])], 1
    )
    y = wave @ torch.tensor([[1.0], [2.5]])

    class Waves(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1, bias=False)
            nn.init.zeros_(self.layer.weight)

        def forward(self, x):
            turns = 2 * math.pi * x * torch.tensor([1.0, 3.0])
            return self.layer(turns.cos() * torch.tensor([1.0, 0.4]))

    model, loss = Waves(), nn.MSELoss()
    optimizer = make(model.parameters())
    with Recorder(model, optimizer, path, every=1, loss=loss, batch=(x, y), probes=probes):
        for _ in range(60):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return Run(path)


def by_descent(parameters):
    return torch.optim.SGD(parameters, 0.1)


def test_the_kernels_times_are_those_of_the_textbook(tmp_path):
    probes = [Outputs(every=1), Snapshots(), OptimizerState()]
    run = linear(tmp_path / "run", by_descent, probes)
    found = with_prediction(run, spectral_bias_of(run, [1, 2, 3]))
    half, most = found.predicted.reached
    rates = 0.1 * np.array([1, 0.4]) ** 2  # of MSELoss: lr · 2 · ½ · scale²
    for each, level in ((half, 0.5), (most, 0.9)):
        exact = np.log(1 - level) / np.log(1 - rates)
        there = exact < 60
        assert each.between[[0, 2]][there] == pytest.approx(exact[there], rel=0.03)
    assert np.isnan(half.between[1])  # the target has no such frequency
    assert np.isfinite(found.half.between[0])
    assert_same(load(run.path, SpectralBias, "recorded"), found)


def test_at_snapshots_alone_it_is_predicted_as_well(tmp_path):
    run = linear(tmp_path / "run", by_descent, [Snapshots(), OptimizerState()])
    found = with_prediction(run, spectral_bias_of(run, [1, 3]))
    assert found.predicted.refused == ""
    assert found.predicted.since == 1


def test_by_adam_it_is_refused(tmp_path):
    def adam(parameters):
        return torch.optim.Adam(parameters, 0.1)

    run = linear(tmp_path / "run", adam, [Outputs(every=1), Snapshots(), OptimizerState()])
    found = with_prediction(run, spectral_bias_of(run, [1, 3]))
    assert "the run had Adam" in found.predicted.refused


def test_of_another_target_nothing_is_predicted(tmp_path):
    run = linear(tmp_path / "run", by_descent, [Outputs(every=1), Snapshots(), OptimizerState()])
    found = spectral_bias_of(run, [1, 3], target=f"{__name__}:another_target")
    assert with_prediction(run, found).predicted.refused == OTHERS


def another_target():
    return np.cos(2 * np.pi * np.arange(COUNT) / COUNT)[:, None]


def test_over_many_inputs_there_are_no_frequencies_to_predict(tmp_path):
    x = torch.rand(30, 5)
    run = trained(tmp_path / "run", x, x[:, :1], [Outputs(every=1)], steps=3)
    with pytest.raises(FathomError, match="5 features lie on no line; leave out --predicted"):
        with_prediction(run, spectral_bias_of(run))
