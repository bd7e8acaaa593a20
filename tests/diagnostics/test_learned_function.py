import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run, Subject
from diagnostics.learned_function import (
    LearnedFunction,
    even_grid,
    learned_function,
    line,
    recorded_function,
    snapshot_function,
)
from diagnostics.spectral_bias import spectral_bias
from diagnostics.store import load, save
from probes import Outputs, Recorder, Snapshots
from probes.folder import FathomError
from tests.diagnostics.descents import GRID, OCTAVES, features, steps_to, target
from tests.diagnostics.test_store import assert_same
from tests.trainings import record


def recorded(path, model, x, y, *, steps=40, rate=0.1, loss=None, probes=None, whole=True):
    """A descent on all examples at once."""
    loss = loss or nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), rate)
    given = {"loss": loss, "batch": (x, y)} if whole else {}
    probes = probes or [Outputs(x, every=1), Snapshots()]
    with Recorder(model, optimizer, path, probes=probes, every=1, **given):
        for _ in range(steps):
            loss(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    return Run(path)


def curve(path, **options):
    x = torch.tensor(even_grid(-1, 1, 24), dtype=torch.float32)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 1))
    return recorded(path, model, x, torch.sin(3 * x), **options)


def test_a_recorded_training_is_learnt_at_the_exact_steps(tmp_path):
    """The passive way, from hook to verdict: what the recording holds is enough."""
    k = OCTAVES[:4]
    x, y = torch.tensor(features(k, 1 / k)), torch.tensor(target(k))
    model = nn.Linear(8, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    run = recorded(tmp_path / "run", model, x, y, steps=330, rate=0.45)
    learned = recorded_function(run, places=GRID)
    np.testing.assert_allclose(learned.target, target(k))
    found = spectral_bias(learned)
    assert (found.run, found.about, found.source) == ("run", None, "predicted in training")
    assert found.reached[1].step.tolist() == steps_to(0.9, 1 / k).tolist() == [4, 20, 81, 327]


def test_snapshots_give_the_predictions_that_were_recorded(tmp_path):
    """The active way: running statistics are those of each snapshot, as they were in training."""
    run = curve(tmp_path / "run")
    seen, again = recorded_function(run), snapshot_function(run)
    assert len(again.steps) > 8
    assert again.steps.tolist() == list(run.snapshots)
    at = np.searchsorted(seen.steps, again.steps)
    np.testing.assert_allclose(again.values, seen.values[at], atol=1e-5)
    np.testing.assert_allclose(again.error, seen.error[at], rtol=1e-3)
    np.testing.assert_array_equal(again.target, seen.target)
    assert again.axis == seen.axis == "the input"
    assert again.about.run == again.run == "run"
    assert again.source == "computed at snapshots"


def test_other_inputs_are_predicted_at_each_snapshot(tmp_path):
    run = curve(tmp_path / "run")
    x = even_grid(-1, 1, 96)
    fine, coarse = snapshot_function(run, x, np.sin(3 * x)), snapshot_function(run)
    np.testing.assert_allclose(fine.values[:, ::4], coarse.values, atol=1e-6)
    np.testing.assert_allclose(fine.target, np.sin(3 * x))
    assert not snapshot_function(run, x).has_target
    subject = run.subject().on((torch.tensor(x).float(), torch.zeros(96, 1)))
    same = snapshot_function(run, x, np.sin(3 * x), subject=subject)
    np.testing.assert_array_equal(same.values, fine.values)


def test_a_run_without_a_program_takes_a_subject(tmp_path):
    run = curve(tmp_path / "run", whole=False)
    assert not recorded_function(run).has_target
    with pytest.raises(FathomError, match="remembers no batch"):
        snapshot_function(run)
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 1))
    x = even_grid(-1, 1, 24)
    batch = torch.tensor(x).float(), torch.zeros(24, 1)
    found = snapshot_function(run, x, np.sin(3 * x), subject=Subject(model, nn.MSELoss(), batch))
    at = np.searchsorted(recorded_function(run).steps, found.steps)
    np.testing.assert_allclose(found.values, recorded_function(run).values[at], atol=1e-5)


def test_without_snapshots_it_is_said_what_else_there_is(tmp_path):
    x = torch.zeros(24, 1)
    run = curve(tmp_path / "run", probes=[Outputs(x)])
    with pytest.raises(FathomError, match=r"recorded_function\(run\)"):
        snapshot_function(run)
    # predicted for inputs that are not the batch's, whose target says nothing of them
    assert not recorded_function(run).has_target


def test_classes_are_compared_as_probabilities(tmp_path):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 4, generator=generator), torch.arange(12) % 3
    run = recorded(tmp_path / "run", nn.Linear(4, 3), x, y, loss=nn.CrossEntropyLoss())
    learned = recorded_function(run)
    assert learned.outputs == "probabilities"
    np.testing.assert_array_equal(learned.target, np.eye(3)[np.arange(12) % 3])
    np.testing.assert_allclose(learned.values.sum(-1), 1)
    logits = run.arrays("outputs")[0].values
    np.testing.assert_array_equal(learned.values.argmax(-1), logits.argmax(-1))
    with pytest.raises(FathomError, match=r"subject=run\.subject"):
        snapshot_function(run, np.zeros((5, 4)))
    np.testing.assert_allclose(snapshot_function(run).values[-1], learned.values[-1], atol=1e-6)


@pytest.mark.parametrize("outputs", [1, 3])
def test_chances_are_compared_as_probabilities_too(tmp_path, outputs):
    """A loss that takes logits never brings them to 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 4, generator=generator)
    y = (torch.rand(12, outputs, generator=generator) > 0.5).float()
    run = recorded(tmp_path / "run", nn.Linear(4, outputs), x, y, loss=nn.BCEWithLogitsLoss())
    logits = run.arrays("outputs")[0].values.astype(float)
    for learned in (recorded_function(run), snapshot_function(run)):
        assert learned.outputs == "probabilities"
        np.testing.assert_array_equal(learned.target, y.numpy())
        np.testing.assert_allclose(learned.values[-1], 1 / (1 + np.exp(-logits[-1])), atol=1e-6)


def test_of_values_between_0_and_1_predictions_are_as_they_are(tmp_path):
    x = torch.rand(12, 4)
    run = recorded(tmp_path / "run", nn.Linear(4, 1), x, x[:, :1])
    assert recorded_function(run).outputs == "outputs"


def test_of_wide_predictions_the_recorded_part_is_compared_with_its_part_of_the_target(tmp_path):
    x, wide = torch.randn(4, 2), 40_000
    y = torch.arange(4 * wide).reshape(4, wide) / wide
    run = recorded(tmp_path / "run", nn.Linear(2, wide), x, y, steps=2)
    learned = recorded_function(run)
    assert learned.values.shape == (2, 4, 13_334)
    np.testing.assert_array_equal(learned.target, y[:, ::3])
    assert snapshot_function(run).values.shape == (2, 4, wide)
    with pytest.raises(FathomError, match=r"only every 3\. of 40000 outputs"):
        recorded_function(run, np.arange(4))


def test_a_run_without_predictions_says_what_it_has(tmp_path):
    run = Run(record(tmp_path / "run", steps=2))
    with pytest.raises(FathomError, match="no arrays 'outputs'"):
        recorded_function(run)


def test_a_line_goes_through_both_inputs():
    first, second = np.ones((2, 3)), np.full((2, 3), 5.0)
    inputs, places = line(first, second, 5, beyond=0.5)
    assert places.tolist() == [-0.5, 0, 0.5, 1, 1.5]
    assert inputs.shape == (5, 2, 3)
    np.testing.assert_array_equal(inputs[1], first)
    np.testing.assert_array_equal(inputs[3], second)
    assert inputs[0, 0, 0] == -1
    with pytest.raises(FathomError, match="one shape"):
        line(first, second[:1], 5)


def test_a_grid_leaves_out_its_end():
    assert even_grid(0, 1, 4).tolist() == [[0], [0.25], [0.5], [0.75]]


def test_inputs_on_a_circle_are_placed_by_their_angle():
    turns = np.array([0.0, 0.1, 0.3, -0.4])
    circle = 3 * np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], 1)
    learned = learned_function([1], circle, np.zeros((1, 4)))
    np.testing.assert_allclose(learned.places, turns)
    assert "circle" in learned.axis
    circle[0] *= 1.01
    off = learned_function([1], circle, np.zeros((1, 4)))
    assert off.places.tolist() == [0, 1, 2, 3]
    assert off.axis == "the number of the example"


def test_arrays_of_one_output_may_lack_its_axis():
    learned = learned_function([1, 2], np.arange(3), np.zeros((2, 3)), np.arange(3.0))
    assert learned.values.shape == (2, 3, 1)
    assert learned.target.shape == (3, 1)
    assert learned.error.tolist() == [pytest.approx(5 / 3)] * 2


def test_a_few_examples_are_the_same_everywhere():
    learned = learned_function(
        [1], np.arange(50), np.arange(50.0)[None], np.arange(50.0), places=np.arange(50)
    )
    few = learned.few(7)
    assert len(few.inputs) == 7
    assert (np.diff(few.places) > 0).all()
    for array in (few.inputs[:, 0], few.values[0, :, 0], few.target[:, 0]):
        np.testing.assert_array_equal(array, few.places)
    assert learned.few(50) is learned
    np.testing.assert_array_equal(learned.few(7).places, few.places)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"values": np.zeros((2, 4))}, r"\[2, 4\] are not those of 2 steps and 3 inputs"),
        ({"target": np.zeros((3, 2))}, r"\[3, 2\] does not fit predictions of 3 examples and 1"),
        ({"places": np.zeros(4)}, "3 inputs need as many places"),
        (
            {"values": np.zeros((2, 3, 2)), "target": np.array([0, 1, 2])},
            "classes from 0 to 2 are not those of 2 outputs",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, said):
    given = {"values": np.zeros((2, 3)), "target": None, "places": None} | options
    with pytest.raises(FathomError, match=said):
        learned_function(
            [1, 2], np.arange(3), given["values"], given["target"], places=given["places"]
        )


def test_what_is_stored_comes_back(tmp_path):
    run = curve(tmp_path / "run", steps=3)
    for key, found in {"a": recorded_function(run), "b": snapshot_function(run)}.items():
        save(run.path, found, key)
        assert_same(load(run.path, LearnedFunction, key), found)


@pytest.mark.parametrize("steps", [[0, 0], [10, 0]])
def test_steps_rise(steps):
    with pytest.raises(FathomError, match="do not rise; give each once, in order"):
        learned_function(steps, np.arange(3.0), np.zeros((2, 3)))
