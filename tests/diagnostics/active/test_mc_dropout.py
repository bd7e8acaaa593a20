"""Of recorded runs with dropout: on a line, on held-out data, on the batch."""

import json

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.line import PLACES
from diagnostics.active.mc_dropout import (
    Ask,
    PlacedDropout,
    mc_dropout_key,
    mc_dropout_of,
    stored_dropout,
)
from diagnostics.active.plane import ACROSS
from diagnostics.active.wish import Wish
from diagnostics.mc_dropout import Plan, mc_dropout
from diagnostics.store import load, result_path, save
from diagnostics.subject import Subject
from diagnostics.uncertainty import Reading
from probes import Recorder
from probes.folder import FathomError, RunError
from tests.diagnostics.test_store import assert_same

SHARED = Plan(masks="shared")


def record(folder, inputs, outputs, loss, batch, **more):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, outputs))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with Recorder(model, optimizer, folder, loss=loss, batch=batch, **more):
        for _ in range(5):
            optimizer.zero_grad()
            loss(model(batch[0]), batch[1]).backward()
            optimizer.step()
    return Run(folder), model


@pytest.fixture
def curve(tmp_path):
    """A function of one number."""
    x = torch.linspace(-1, 3, 30)[:, None]
    held_out = (torch.linspace(-2, 2, 12)[:, None], torch.ones(12, 1))
    return record(tmp_path / "curve", 1, 1, functional.mse_loss, (x, x**2), held_out=held_out)


def test_a_function_of_one_number_is_drawn_beyond_its_data(curve):
    run, model = curve
    placed = mc_dropout_of(run, Wish(), Ask(draws=10, plan=SHARED))
    places = placed.line.places
    assert len(places) == PLACES
    assert places[[0, -1]].tolist() == pytest.approx([-2, 4])
    model.eval()
    with torch.no_grad():
        exact = model(torch.tensor(places, dtype=torch.float32)[:, None]).numpy()
    np.testing.assert_allclose(placed.ensemble.plain, exact, atol=1e-5)
    np.testing.assert_allclose(placed.line.targets[:, 0], placed.line.known**2, atol=1e-6)
    assert len(placed.line.known) == 30
    assert placed.ensemble.targets is None
    assert "201 even places from -2 to 4" in placed.ensemble.about.data


def test_under_shared_masks_a_draw_is_a_function_without_jumps(curve):
    smooth = mc_dropout_of(curve[0], Wish(), Ask(draws=5, plan=SHARED)).ensemble.kept
    rough = mc_dropout_of(curve[0], Wish(), Ask(draws=5)).ensemble.kept
    assert np.abs(np.diff(smooth[..., 0])).max() < 0.1 * np.abs(np.diff(rough[..., 0])).max()


def test_it_is_stored_by_step_and_masks(curve):
    run = curve[0]
    found = mc_dropout_of(run, Wish(step=5), Ask(draws=6, plan=SHARED, noise=0.1))
    assert_same(load(run.path, PlacedDropout, "step5_none_shared"), found)
    assert mc_dropout_key(found, Wish()) == "step5_none_shared"
    assert mc_dropout_key(found, Wish(held_out="a.b:c")).startswith("step5_none_a.b")
    assert found.ensemble.uncertainty.total is not None


def test_held_out_data_have_a_line_of_their_own(curve):
    run = curve[0]
    placed = mc_dropout_of(run, Wish(held_out="recorded"), Ask(draws=6))
    assert placed.line.whose == "held-out"
    assert placed.line.places[[0, -1]].tolist() == pytest.approx([-3, 3])
    assert placed.line.targets.tolist() == [[1.0]] * 12
    assert load(run.path, PlacedDropout, "step5_none_recorded.held.out_independent")


def test_a_program_that_takes_no_other_batch_is_drawn_on_its_own(curve, monkeypatch):
    def refuse(*_):
        raise FathomError("a batch of 30 only")

    monkeypatch.setattr(Subject, "on", refuse)
    placed = mc_dropout_of(curve[0], Wish(), Ask(draws=6, noise=0.5))
    np.testing.assert_array_equal(placed.line.places, placed.line.known)
    np.testing.assert_allclose(placed.ensemble.targets, placed.line.targets, rtol=1e-6)
    assert placed.ensemble.likelihood is not None


@pytest.mark.parametrize("place", [1.0, np.nan])
def test_one_place_is_no_line(tmp_path, place):
    x = torch.full((20, 1), place)
    run, _ = record(tmp_path / "run", 1, 1, functional.mse_loss, (x, torch.zeros(20, 1)))
    assert mc_dropout_of(run, Wish(), Ask(draws=6)).line is None


def test_inputs_of_several_numbers_have_no_line_but_targets(tmp_path):
    x = torch.randn(20, 3)
    run, _ = record(tmp_path / "run", 3, 1, functional.mse_loss, (x, x[:, :1]))
    placed = mc_dropout_of(run, Wish(), Ask(draws=6, noise=0.5))
    assert placed.line is None
    np.testing.assert_allclose(placed.ensemble.targets, x[:, :1])
    assert placed.ensemble.likelihood is not None


def test_classes_are_read_as_such_even_of_one_number(tmp_path):
    x = torch.randn(20, 1)
    batch = (x, torch.randint(3, (20,)))
    run, _ = record(tmp_path / "run", 1, 3, functional.cross_entropy, batch)
    placed = mc_dropout_of(run, Wish(), Ask(draws=6))
    assert placed.line is None
    assert placed.ensemble.uncertainty.reading.outputs == "logits"
    direct = mc_dropout(run.subject(), 6)
    np.testing.assert_array_equal(placed.ensemble.kept, direct.kept)


def test_one_that_was_stored_without_a_line_is_read_too(curve):
    run = curve[0]
    found = mc_dropout(run.subject(), 6)
    save(run.path, found, "alone")
    assert_same(stored_dropout(run.path, "alone"), PlacedDropout(found, None))
    with pytest.raises(RunError, match="none"):
        stored_dropout(run.path, "none")


def test_a_damaged_one_is_told_of(curve):
    path = save(curve[0].path, mc_dropout(curve[0].subject(), 6), "torn")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RunError, match="cannot be read"):
        stored_dropout(curve[0].path, "torn")


@pytest.fixture(scope="module")
def logit(tmp_path_factory):
    """Two classes by one logit, of inputs of two numbers."""
    torch.manual_seed(0)
    x = torch.randn(30, 2)
    batch = (x, (x[:, :1] * x[:, 1:] > 0).float())
    folder = tmp_path_factory.mktemp("logit") / "run"
    return record(folder, 2, 1, functional.binary_cross_entropy_with_logits, batch), batch


def test_one_logit_is_known_by_the_recorded_loss_and_compared_as_classes(logit):
    (run, model), (x, targets) = logit
    found = mc_dropout_of(run, Wish(), Ask(draws=20)).ensemble
    assert found.uncertainty.reading.outputs == "one logit"
    np.testing.assert_array_equal(found.targets, targets)
    with torch.no_grad():
        exact = torch.sigmoid(model.eval()(x)).numpy()
    np.testing.assert_allclose(found.plain[..., 1], exact, atol=1e-6)
    right = np.where(targets.numpy() == 1, exact, 1 - exact)
    assert found.plain_log_likelihood == pytest.approx(np.log(right).mean(), abs=1e-5)
    assert found.likelihood.log.value.shape == (30, 1)


def other_batch():
    return torch.ones(4, 2), torch.zeros(4, 1)


def test_one_logit_is_read_so_on_other_data_too(logit):
    wish = Wish(held_out=f"{__name__}:other_batch")
    found = mc_dropout_of(logit[0][0], wish, Ask(draws=6))
    assert found.ensemble.uncertainty.reading.outputs == "one logit"
    np.testing.assert_array_equal(found.ensemble.targets, other_batch()[1])
    assert found.plane is None


def test_another_reading_may_be_asked_and_other_targets_are_no_classes(logit, tmp_path):
    run = logit[0][0]
    asked = mc_dropout_of(run, Wish(), Ask(draws=6, outputs="values"))
    assert asked.ensemble.uncertainty.reading.outputs == "values"
    x = torch.randn(20, 2)
    binary = functional.binary_cross_entropy_with_logits
    soft, _ = record(tmp_path / "soft", 2, 1, binary, (x, torch.full((20, 1), 0.3)))
    assert mc_dropout_of(soft, Wish(), Ask(draws=6)).ensemble.uncertainty.reading == Reading()
    whole, _ = record(tmp_path / "whole", 2, 1, functional.mse_loss, (x, torch.ones(20, 1)))
    assert mc_dropout_of(whole, Wish(), Ask(draws=6)).ensemble.uncertainty.reading == Reading()
    forced = mc_dropout_of(whole, Wish(), Ask(draws=6, outputs="one logit")).ensemble
    np.testing.assert_array_equal(forced.targets, np.ones((20, 1)))
    half, _ = record(tmp_path / "half", 2, 1, functional.mse_loss, (x, x[:, :1]))
    assert mc_dropout_of(half, Wish(), Ask(draws=6, outputs="one logit")).ensemble.targets is None


def test_inputs_of_two_numbers_are_also_drawn_over_a_plane_beyond_them(logit):
    (run, model), (x, targets) = logit
    placed = mc_dropout_of(run, Wish(), Ask(draws=6))
    plane = placed.plane
    low, high = x.min(0).values.numpy(), x.max(0).values.numpy()
    ends = [plane.across[[0, -1]], plane.up[[0, -1]]]
    np.testing.assert_allclose(
        ends, np.stack([1.25 * low - 0.25 * high, 1.25 * high - 0.25 * low], 1)
    )
    rows = [[a, u] for u in plane.up for a in plane.across]
    with torch.no_grad():
        exact = torch.sigmoid(model.eval()(torch.tensor(rows, dtype=torch.float32))).numpy()
    np.testing.assert_allclose(plane.ensemble.plain[..., 1], exact, atol=1e-5)
    np.testing.assert_array_equal(plane.known, x)
    np.testing.assert_array_equal(plane.targets, targets)
    assert (plane.ensemble.targets, plane.ensemble.likelihood) == (None, None)
    assert len(placed.ensemble.uncertainty.mean.value) == 30
    assert_same(load(run.path, PlacedDropout, mc_dropout_key(placed, Wish())), placed)


def test_numbers_of_classes_have_a_plane_too(tmp_path):
    x = torch.randn(20, 2)
    batch = (x, torch.randint(3, (20,)))
    run, _ = record(tmp_path / "run", 2, 3, functional.cross_entropy, batch)
    placed = mc_dropout_of(run, Wish(), Ask(draws=6, plan=Plan(each=True, rates=(0.5,))))
    assert placed.plane.ensemble.uncertainty.reading.outputs == "logits"
    np.testing.assert_array_equal(placed.plane.targets[:, 0], batch[1])
    assert placed.plane.ensemble.sweep is None
    assert placed.plane.ensemble.dropouts[0].kept.shape == (6, ACROSS**2, 3)


def test_one_that_was_stored_before_there_were_planes_and_lone_draws_is_read(curve):
    run = curve[0]
    found = mc_dropout_of(run, Wish(), Ask(draws=6))
    path = result_path(run.path, PlacedDropout, "step5_none_independent")
    forget(path, ["plane"], ["ensemble", "dropouts", 0, "kept"])
    assert_same(stored_dropout(run.path, "step5_none_independent"), found)


def forget(path, *fields):
    """Take fields out of a stored result, as if they had never been there."""
    with h5py.File(path, "r+") as file:
        content = json.loads(file["content"][()].tobytes())
        for *outer, last in fields:
            inside = content
            for name in outer:
                inside = inside[name]
            del inside[last]
        del file["content"]
        file["content"] = np.frombuffer(json.dumps(content).encode(), np.uint8)
