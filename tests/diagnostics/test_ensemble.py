"""Against closed forms, all choices of members, and an exact posterior."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.ensemble import Ensemble, distances, ensemble, errors, gain
from diagnostics.mc_dropout import mc_dropout
from diagnostics.store import load, save
from diagnostics.uncertainty import Reading
from probes import Recorder
from probes.folder import FathomError
from tests.diagnostics.masked import ABOUT, masked, within
from tests.diagnostics.test_store import assert_same

TARGETS = np.array([0, 1, 2, 0, 1])


def runs(count=4, **changes):
    """Unlike networks on the same examples."""
    x = masked().x
    return [
        replace(masked(seed, **changes), x=x, about=replace(ABOUT, run=f"run{seed}"))
        for seed in range(count)
    ]


def test_the_mean_of_correlated_members_errs_as_the_closed_form_says():
    members, examples, rho = 6, 200000, 0.3
    random = np.random.default_rng(0)
    shared = random.standard_normal(examples)
    own = random.standard_normal((members, examples))
    found = ensemble(np.sqrt(rho) * shared + np.sqrt(1 - rho) * own, targets=np.zeros(examples))
    assert within(found.gain.error, rho + (1 - rho) / found.gain.members)
    assert within(found.gain.limit, rho)
    assert abs(found.gain.correlation - rho) < 0.01


def test_the_gain_is_that_of_all_choices_of_members():
    random = np.random.default_rng(1)
    missed = random.standard_normal((5, 7, 3))
    found = gain(missed)
    for size in range(1, 6):
        each = [(missed[[*some]].mean(0) ** 2).sum(-1) for some in combinations(range(5), size)]
        np.testing.assert_allclose(found.error.value[size - 1], np.mean(each))
        spread = np.mean(each, 0).std(ddof=1) / np.sqrt(7)
        np.testing.assert_allclose(found.error.error[size - 1], spread)
        apart = np.mean([(missed[n] ** 2).sum(-1) for n in range(5)], 0) - np.mean(each, 0)
        np.testing.assert_allclose(found.gained.value[size - 1], apart.mean(), atol=1e-12)
        paired = apart.std(ddof=1) / np.sqrt(7)
        np.testing.assert_allclose(found.gained.error[size - 1], paired, atol=1e-12)


def test_anchored_ridge_members_spread_as_the_exact_posterior():
    members, noise, prior = 4000, 0.5, 2.0
    random = np.random.default_rng(2)
    x, there = random.standard_normal((20, 3)), random.standard_normal((6, 3))
    y = x @ [1.0, -1.0, 0.5] + noise * random.standard_normal(20)
    precision = x.T @ x / noise**2 + prior * np.eye(3)
    anchors = random.standard_normal((members, 3)) / np.sqrt(prior)
    seen = y + noise * random.standard_normal((members, 20))
    weights = np.linalg.solve(precision, (seen @ x / noise**2 + prior * anchors).T)
    found = ensemble((there @ weights).T, reading=Reading(noise=noise)).uncertainty
    covariance = np.linalg.inv(precision)
    assert within(found.epistemic, np.einsum("ni,ij,nj->n", there, covariance, there))
    assert within(found.mean, there @ covariance @ x.T @ y / noise**2)
    assert within(found.total, np.einsum("ni,ij,nj->n", there, covariance, there) + noise**2)


def test_gaussian_members_mix_by_the_law_of_total_variance():
    random = np.random.default_rng(3)
    given = random.standard_normal((5, 8, 2))
    found = ensemble(given, reading=Reading("mean, log variance")).uncertainty
    variance = np.exp(given[..., 1:])
    np.testing.assert_allclose(found.aleatoric.value, variance.mean(0))
    np.testing.assert_allclose(
        found.total.value, variance.mean(0) + given[..., :1].var(0, ddof=1), rtol=1e-12
    )


def test_subjects_predict_in_turn_and_the_first_tells_what_it_is_of():
    nets = runs()
    found = ensemble(iter(nets), targets=np.zeros(5), reading=Reading(noise=0.3))
    assert found.kind == "runs"
    assert found.names == tuple(f"step 300 of run{n}" for n in range(4))
    assert found.about.run == "run0"
    np.testing.assert_array_equal(found.kept, [net.of() for net in nets])
    for net, alone in zip(nets, found.member_log_likelihood, strict=True):
        exact = -((net.of() / 0.3) ** 2 + np.log(2 * np.pi * 0.09)).mean() / 2
        np.testing.assert_allclose(alone, exact)
    assert found.likelihood.mean.value > found.member_log_likelihood.mean()  # Jensen
    assert found.findings == ()


def test_snapshots_of_one_run_are_told_from_runs():
    nets = [replace(net, about=replace(ABOUT, step=n)) for n, net in enumerate(runs())]
    found = ensemble(nets)
    assert found.kind == "snapshots"
    assert found.names[2] == "step 2 of digits"
    live = [replace(net, about=replace(ABOUT, run="", step=-1)) for net in nets]
    assert ensemble(live).kind == "runs"
    assert ensemble(live).names[1] == "member 2"
    given = ensemble(np.array([net.of() for net in nets]), names=["a", "b", "c", "d"])
    assert (given.kind, given.names[3], given.about.examples) == ("predictions", "d", 5)


def test_classes_score_by_brier_and_differ_by_what_they_name():
    nets = runs(out=3, measures=("loss", "accuracy"), classes=TARGETS)
    found = ensemble(nets)
    p = softmax([net.of() for net in nets], -1)
    brier = ((p.mean(0) - np.eye(3)[TARGETS]) ** 2).sum(-1).mean()
    np.testing.assert_allclose(found.gain.error.value[-1], brier)
    named = p.argmax(-1)
    assert found.distance[1, 2] == (named[1] != named[2]).mean()
    np.testing.assert_array_equal(np.diag(found.distance), 0)
    log = np.log(p.mean(0)[np.arange(5), TARGETS]).mean()
    np.testing.assert_allclose(found.likelihood.mean.value, log)


def test_values_differ_by_their_root_mean_square():
    each = np.array([[[0.0], [0.0]], [[3.0], [4.0]]])
    np.testing.assert_allclose(distances(each, Reading())[0, 1], np.sqrt(12.5))


def test_targets_not_to_be_met_are_left_out():
    p = softmax(np.random.default_rng(4).standard_normal((3, 4, 2, 3)), -1)  # two places
    targets = np.array([[0, -100], [1, 2], [-100, -100], [2, 1]])
    missed = errors(p, targets, Reading("logits"))
    assert missed.shape == (3, 5, 3)
    np.testing.assert_allclose(missed[1, 2], p[1, 1, 1] - [0, 0, 1])


def test_it_has_the_shape_of_dropouts_draws():
    dropout = mc_dropout(masked(), 20).uncertainty
    members = ensemble(runs()).uncertainty
    assert type(dropout) is type(members)
    assert dropout.epistemic.value.shape == members.epistemic.value.shape


def test_members_that_are_one_are_an_error():
    found = ensemble([runs(1)[0]] * 3, targets=np.zeros(5)).findings
    assert [(f.disease, f.panel) for f in found] == [("identical_members", "ensemble")]
    twice = ensemble([*runs(3), runs(1)[0]]).findings
    assert [f.disease for f in twice] == ["repeated_draws"]


def test_unknown_data_are_told_unless_targets_tell():
    nets = [replace(net, about=replace(net.about, key=str(n))) for n, net in enumerate(runs())]
    assert [f.disease for f in ensemble(nets).findings] == ["members_of_unknown_data"]
    assert ensemble(nets, targets=np.zeros(5)).findings == ()


def test_members_of_other_examples_are_refused():
    nets = runs(out=3, measures=("loss", "accuracy"), classes=TARGETS)
    with pytest.raises(FathomError, match="unlike classes"):
        ensemble([*nets, replace(nets[0], classes=TARGETS[::-1])])
    with pytest.raises(FathomError, match=r"shapes \(4, 3\), \(5, 3\)"):
        ensemble([*nets, replace(nets[0], x=nets[0].x[:4])])
    with pytest.raises(FathomError, match="1 members"):
        ensemble(nets[:1])
    with pytest.raises(FathomError, match="1 names for 4"):
        ensemble(nets, names=["one"])
    with pytest.raises(FathomError, match="do not fit"):
        ensemble(runs(), targets=np.zeros(4))


@pytest.mark.parametrize("count", [2, 5])
def test_it_is_stored_and_read_bit_for_bit(tmp_path, count):
    nets = runs(count, out=3, measures=("loss", "accuracy"), classes=TARGETS)
    for found in (ensemble(nets), ensemble(runs(count)), ensemble(runs(count), targets=np.ones(5))):
        assert save(tmp_path, found).name == "ensemble.h5"
        assert_same(load(tmp_path, Ensemble), found)


@pytest.fixture
def trained(tmp_path):
    """A recorded run with normalisation, and its model at the end."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))
    x, y = torch.randn(40, 4), torch.randint(3, (40,))
    optimizer = torch.optim.SGD(model.parameters(), 0.3)
    predicted = {}
    options = {"every": 1, "loss": functional.cross_entropy, "batch": (x, y)}
    with Recorder(model, optimizer, tmp_path / "run", **options):
        for step in range(1, 9):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            predicted[step] = model.eval()(x).detach().numpy()
            model.train()
    return Run(tmp_path / "run"), predicted, y.numpy()


def test_snapshots_of_a_recorded_run_have_running_statistics_of_their_own(trained):
    run, predicted, y = trained
    steps = run.subject().snapshots
    assert len(steps) > 2
    found = ensemble(run.subject(step) for step in steps)
    assert found.kind == "snapshots"
    assert found.names == tuple(f"step {step} of run" for step in steps)
    np.testing.assert_allclose(found.kept[1:], [predicted[n] for n in steps[1:]], atol=1e-5)
    np.testing.assert_array_equal(found.targets, y)
    assert found.uncertainty.reading.outputs == "logits"
    assert save(run.path, found).is_file()
    assert_same(load(run.path, Ensemble), found)


def test_members_are_told_of_as_members():
    some = np.arange(12.0).reshape(3, 4)
    lost, twice = some.copy(), some.copy()
    lost[1, 0], twice[1] = np.nan, twice[0]
    (finding,) = ensemble(lost).findings
    assert finding.symptom == "1 of 3 members hold predictions that are not finite."
    (finding,) = ensemble(twice).findings
    assert finding.symptom == "of 3 members only 2 differ."
