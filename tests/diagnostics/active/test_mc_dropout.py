"""Of recorded runs with dropout: on a line, on held-out data, on the batch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.mc_dropout import (
    PLACES,
    Ask,
    PlacedDropout,
    mc_dropout_key,
    mc_dropout_of,
    stored_dropout,
)
from diagnostics.active.wish import Wish
from diagnostics.mc_dropout import Plan, mc_dropout
from diagnostics.store import load, save
from diagnostics.subject import Subject
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
