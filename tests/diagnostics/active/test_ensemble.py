"""Of recorded straight lines, whose spread, errors and distances are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.active.ensemble import (
    Ask,
    PlacedEnsemble,
    ensemble_key,
    ensemble_of,
    stored_ensemble,
)
from diagnostics.active.line import PLACES
from diagnostics.active.wish import Wish
from diagnostics.ensemble import ensemble
from diagnostics.store import load, save
from diagnostics.subject import Subject
from probes.folder import FathomError, RunError
from tests.diagnostics.active.straight import HELD_OUT, X, growing, slope, still
from tests.diagnostics.test_store import assert_same

SQUARE = float((X**2).mean())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("ensembles")


@pytest.fixture(scope="module")
def lines(root):
    """0 x, 1 x and 2 x, with nought for a target."""
    return [still(root / f"by{n}", slope(float(n)), held_out=HELD_OUT) for n in range(3)]


def test_straight_lines_part_as_is_known_by_hand(lines):
    placed = ensemble_of(lines, Wish())
    of = placed.ensemble
    assert (of.kind, of.names, of.about.run) == ("runs", ("by0", "by1", "by2"), "by0")
    np.testing.assert_allclose(of.uncertainty.epistemic.value, X**2, rtol=1e-5)
    np.testing.assert_allclose(of.gain.error.value, SQUARE * (2 / 3 + 1 / np.arange(1, 4)))
    np.testing.assert_allclose(of.gain.limit.value, SQUARE * 2 / 3)
    np.testing.assert_allclose(of.gain.gained.value, SQUARE * (1 - 1 / np.arange(1, 4)))
    np.testing.assert_allclose(of.gain.correlation, 0.4)
    apart = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    np.testing.assert_allclose(of.distance, apart * np.sqrt(SQUARE), rtol=1e-6)
    assert of.findings == ()


def test_they_go_on_beyond_their_data(lines):
    along = ensemble_of(lines, Wish()).along
    places = along.line.places
    assert (len(places), places[0], places[-1]) == (PLACES, -1.75, 2.75)
    np.testing.assert_allclose(along.ensemble.kept[2, :, 0], 2 * places, rtol=1e-6)
    np.testing.assert_allclose(
        along.ensemble.uncertainty.epistemic.value[:, 0], places**2, rtol=1e-5, atol=1e-12
    )
    assert along.ensemble.about.data == "201 even places from -1.75 to 2.75"
    assert along.ensemble.gain is None


def test_held_out_data_are_those_of_the_first(lines):
    placed = ensemble_of(lines, Wish(held_out="recorded"), Ask(noise=2.0))
    of = placed.ensemble
    assert of.about.examples == 2
    np.testing.assert_allclose(of.uncertainty.epistemic.value, [[4], [4]])
    np.testing.assert_allclose(of.uncertainty.total.value, [[8], [8]])
    alone = -((2 * np.arange(3) / 2) ** 2 + np.log(2 * np.pi * 4)) / 2
    np.testing.assert_allclose(of.member_log_likelihood, alone)
    np.testing.assert_allclose(of.likelihood.mean.value, np.log(np.exp(alone).mean()))
    assert placed.along.line.whose == "held-out"
    assert "_recorded.held.out_3." in ensemble_key(placed, Wish(held_out="recorded"))


def test_it_is_stored_in_the_first_by_kind_step_and_members(lines):
    placed = ensemble_of(lines, Wish())
    key = ensemble_key(placed, Wish())
    assert key.startswith("runs_step1_none_3.")
    assert_same(load(lines[0].path, PlacedEnsemble, key), placed)
    assert_same(stored_ensemble(lines[0].path, key), placed)
    assert ensemble_key(ensemble_of(lines[:2], Wish()), Wish()) != key
    plain = ensemble(run.subject() for run in lines)
    save(lines[1].path, plain, "alone")
    assert_same(stored_ensemble(lines[1].path, "alone"), PlacedEnsemble(plain, None))
    with pytest.raises(RunError, match="none"):
        stored_ensemble(lines[1].path, "none")


def test_late_snapshots_of_one_run(root):
    run = growing(root / "grown")
    of = ensemble_of([run], Wish(), Ask(snapshots=3)).ensemble
    steps = np.array(run.snapshots[-3:][::-1])
    assert of.kind == "snapshots"
    assert of.names == tuple(f"step {step}" for step in steps)
    assert of.about.step == 12
    np.testing.assert_allclose(of.uncertainty.epistemic.value, X**2 * steps.var(ddof=1), rtol=1e-5)
    assert ensemble_of([run], Wish(step=3)).ensemble.names == ("step 3", "step 2", "step 1")


def test_members_that_are_one_have_their_finding(root, lines):
    again = still(root / "again", slope(0.0))
    of = ensemble_of([lines[0], again], Wish()).ensemble
    assert [finding.disease for finding in of.findings] == ["identical_members"]


def test_unlike_networks_on_the_same_examples_are_no_doubt(root, lines):
    deep = nn.Sequential(nn.Linear(1, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1))
    placed = ensemble_of([lines[1], still(root / "deep", deep)], Wish())
    np.testing.assert_allclose(placed.ensemble.kept[1], deep.eval()(X).detach(), atol=1e-6)
    assert (placed.ensemble.findings, placed.along.ensemble.findings) == ((), ())


def test_unlike_outputs_do_not_go_together(root):
    x, y = torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    asked = {"batch": (x, y), "loss": functional.cross_entropy}
    three, four, same = (
        still(root / f"classes{n}", nn.Linear(2, n % 10), **asked) for n in (3, 4, 13)
    )
    with pytest.raises(FathomError, match=r"\(6, 3\), \(6, 4\); give networks of as many outputs"):
        ensemble_of([three, four], Wish())
    placed = ensemble_of([three, same], Wish())
    assert placed.along is None
    assert placed.ensemble.uncertainty.reading.outputs == "logits"
    np.testing.assert_array_equal(placed.ensemble.targets, y)


def test_one_logit_is_read_as_its_loss_reads_it(root):
    batch = (X, torch.tensor([[0.0], [0.0], [1.0], [1.0]]))
    loss = functional.binary_cross_entropy_with_logits
    runs = [still(root / f"logit{n}", slope(float(n)), batch, loss=loss) for n in (1, 2)]
    placed = ensemble_of(runs, Wish())
    assert placed.along is None
    assert placed.ensemble.uncertainty.reading.outputs == "one logit"
    p = 1 / (1 + np.exp(-np.outer([1, 2], X[:, 0])))
    brier = 2 * ((p.mean(0) - [0, 0, 1, 1]) ** 2).mean()
    np.testing.assert_allclose(placed.ensemble.gain.error.value[-1], brier, rtol=1e-6)


def test_without_targets_that_fit_there_is_no_gain(root):
    def loss(predicted, target):
        return (predicted.mean(1) - target).square().mean()

    batch = (torch.randn(5, 2), torch.zeros(5))
    runs = [still(root / f"odd{n}", nn.Linear(2, 3), batch, loss=loss) for n in range(2)]
    placed = ensemble_of(runs, Wish())
    assert (placed.ensemble.gain, placed.along) == (None, None)


def test_where_only_some_take_other_places_there_is_no_line(lines, monkeypatch):
    on = Subject.on

    def refuse(self, batch, data=""):
        if self.about.run == "by1" and "places" in data:
            raise FathomError("a batch of 4 only")
        return on(self, batch, data)

    monkeypatch.setattr(Subject, "on", refuse)
    assert ensemble_of(lines, Wish()).along is None
    assert ensemble_of([lines[0], lines[2]], Wish()).along is not None


def test_where_none_does_they_are_drawn_on_the_data(lines, monkeypatch):
    on = Subject.on

    def refuse(self, batch, data=""):
        if "places" in data:
            raise FathomError("a batch of 4 only")
        return on(self, batch, data)

    monkeypatch.setattr(Subject, "on", refuse)
    placed = ensemble_of(lines, Wish())
    np.testing.assert_array_equal(placed.along.line.places, X[:, 0])
    np.testing.assert_allclose(placed.along.ensemble.kept, placed.ensemble.kept)
