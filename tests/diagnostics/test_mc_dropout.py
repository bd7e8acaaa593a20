"""On networks whose masks numpy draws, against closed forms and all their masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch import nn
from torch.nn import functional

from diagnostics.mc_dropout import McDropout, Plan, alone, fewer, mc_dropout, scaling_gap
from diagnostics.store import load, save
from diagnostics.subject import Subject
from diagnostics.uncertainty import Estimate, Reading
from probes.folder import FathomError
from tests.diagnostics.masked import Masked, masked, relu, within
from tests.diagnostics.test_store import assert_same


def classifier(**changes):
    targets = np.array([0, 1, 2, 0, 1])
    net = masked(out=3, squash=relu, p=(0.2, 0.4), measures=("loss", "accuracy"), **changes)
    return replace(net, classes=targets)


def test_behind_a_linear_layer_it_is_the_closed_form_and_the_mean_is_plain():
    net = masked(p=(0.0, 0.4))
    found = mc_dropout(net, 4000)
    exact = 0.4 / 0.6 * (net.x @ net.first.T) ** 2 @ (net.second.T**2)
    assert within(found.uncertainty.epistemic, exact)
    assert np.abs(found.gap).max() < 4.5
    assert found.far == 0
    assert found.findings == ()
    assert (found.about, found.how) == (net.about, "loop")
    np.testing.assert_array_equal(found.plain, net.of())


def test_behind_a_second_nonlinearity_the_mean_is_that_of_all_masks_and_not_plain():
    net = masked(p=(0.0, 0.5), squash=relu, outer=relu)
    each, chances = net.counted()
    found = mc_dropout(net, 4000)
    mean = np.tensordot(chances, each, 1)
    assert within(found.uncertainty.mean, mean)
    assert np.abs(mean - found.plain).max() > 0.05
    assert "mean_far_from_plain" in {f.disease for f in found.findings}
    worst = np.abs(mean - found.plain).argmax()
    assert np.abs(found.gap.ravel()[worst]) > 10


def test_its_variance_is_of_the_weights_and_not_of_how_much_data_there_was():
    spreads = []
    for count in (400, 40000):  # linear regression, behind dropout of its inputs
        random = np.random.default_rng(count)
        x = random.standard_normal((count, 4))
        y = x @ [1.0, -2.0, 0.5, 0.0] + random.standard_normal(count)
        w = np.linalg.solve(x.T @ x + 0.3 / 0.7 * np.diag((x**2).sum(0)), x.T @ y)
        net = Masked(np.eye(4) + 1, w[None], np.eye(1), p=(0.3, 0.0))
        found = mc_dropout(net, 4000)
        assert within(found.uncertainty.epistemic, 0.3 / 0.7 * (net.x**2 @ w**2)[:, None])
        spreads.append(found.uncertainty.epistemic.value)
        posterior = net.x @ np.linalg.inv(x.T @ x) @ net.x.T
    np.testing.assert_allclose(spreads[0], spreads[1], rtol=0.3)
    assert (np.diag(posterior) < 1e-3 * spreads[1].ravel()).all()


def test_a_subject_of_classes_brings_reading_and_targets():
    net = classifier()
    found = mc_dropout(net, 500)
    assert found.uncertainty.reading.outputs == "logits"
    np.testing.assert_array_equal(found.targets, net.classes)
    values = net.draws(500).values
    p = softmax(values, -1).mean(0)[np.arange(5), net.classes]
    np.testing.assert_allclose(found.likelihood.log.value, np.log(p))
    plain = log_softmax(net.of(), -1)[np.arange(5), net.classes]
    np.testing.assert_allclose(found.plain_log_likelihood, plain.mean())
    np.testing.assert_allclose(found.plain, softmax(net.of(), -1))


def test_values_have_a_likelihood_once_their_noise_is_known():
    net, targets = masked(), np.zeros(5)
    assert mc_dropout(net, 20, targets=targets).likelihood is None
    assert np.isnan(mc_dropout(net, 20, targets=targets).plain_log_likelihood)
    found = mc_dropout(net, 20, targets=targets, reading=Reading(noise=0.5))
    assert found.likelihood.draws == 20
    exact = -((net.of() / 0.5) ** 2 + np.log(2 * np.pi * 0.25)).mean() / 2
    np.testing.assert_allclose(found.plain_log_likelihood, exact)


def test_each_dropout_alone_and_what_is_left_is_their_cross_term():
    net = masked(p=(0.2, 0.3))
    found = mc_dropout(net, 6000, plan=Plan(each=True))
    inner, outer, w = 0.2 / 0.8, 0.3 / 0.7, net.second[0]
    first = [inner * (w @ net.first * x) @ (w @ net.first * x) for x in net.x]
    second = outer * ((net.x @ net.first.T) ** 2 @ w**2)
    cross = [outer * inner * (w**2 * (net.first**2 @ x**2)).sum() for x in net.x]
    apart = {dropout.name: dropout.alone for dropout in found.dropouts}
    assert within(apart["inner"], np.mean(first))
    assert within(apart["outer"], np.mean(second))
    total = found.uncertainty.growth.epistemic
    whole = Estimate(total.value[-1:], total.error[-1:])
    assert within(whole, np.mean(first) + np.mean(second) + np.mean(cross))
    assert not within(whole, np.mean(first) + np.mean(second))
    assert found.dropouts[0].where.shape == (5, 1)
    np.testing.assert_allclose(found.dropouts[0].where.mean(), apart["inner"].value)


def test_a_dropout_is_called_by_its_path_or_by_what_it_is_and_its_place():
    one = mc_dropout(masked(), 20).dropouts[0]
    names = ("blocks.0.drop", "2", "0.3#2")
    called = [replace(one, name=name, op="dropout").called for name in names]
    assert called == ["blocks.0.drop", "dropout 2", "dropout 0.3#2"]


def test_nothing_is_drawn_that_was_not_asked():
    net = masked()
    found = mc_dropout(net, 10, plan=Plan(seed=4, masks="shared"))
    assert net.asked == [(10, 4, "shared", None, None)]
    assert [dropout.alone for dropout in found.dropouts] == [None, None]
    assert found.sweep is None
    mc_dropout(net, 10, plan=Plan(each=True, rates=(0.1,)))
    assert net.asked[2:] == [
        (10, 0, "independent", ["inner"], None),
        (10, 0, "independent", ["outer"], None),
        (10, 0, "independent", None, 0.1),
    ]


def test_a_sweep_follows_p_over_one_minus_p():
    net, rates = masked(p=(0.0, 0.4)), (0.05, 0.2, 0.5)
    flat = replace(net, x=net.x, never=("inner",))
    found = mc_dropout(flat, 4000, plan=Plan(rates=rates), targets=np.zeros(5))
    base = ((net.x @ net.first.T) ** 2 @ net.second[0] ** 2).mean()
    p = np.array(rates)
    np.testing.assert_array_equal(found.sweep.p, p)
    assert within(found.sweep.epistemic, p / (1 - p) * base)
    assert found.sweep.log_likelihood is None
    scored = mc_dropout(classifier(), 50, plan=Plan(rates=rates))
    assert scored.sweep.log_likelihood.value.shape == (3,)


def test_functions_drawn_have_a_joint_covariance():
    net = masked(p=(0.0, 0.4))
    hidden = net.x @ net.first.T
    exact = 0.4 / 0.6 * (hidden * net.second[0] ** 2) @ hidden.T
    found = mc_dropout(net, 4000, plan=Plan(masks="shared"))
    assert within(found.covariance, exact)
    assert mc_dropout(net, 20).covariance is None
    wide = masked(examples=600)
    assert mc_dropout(wide, 20, plan=Plan(masks="shared")).covariance is None


def test_dropouts_that_never_fire_are_found_and_kept_in_the_audit():
    found = mc_dropout(masked(p=(0.2, 0.3), never=("inner", "outer")), 20)
    assert found.findings[0].disease == "dropout_without_effect"
    assert found.findings[0].panel == "mc_dropout"
    assert [dropout.times for dropout in found.dropouts] == [0, 0]
    assert np.isnan(found.gap).all()
    assert found.uncertainty.needed is None


def test_a_network_that_is_never_the_same_is_found():
    net, noise = masked(p=(0.1, 0.2)), iter(np.random.default_rng(0).standard_normal(9))
    net.predict = lambda point: [net.of() + next(noise)]
    assert mc_dropout(net, 300).findings[0].disease == "prediction_not_fixed"


def test_another_shape_in_training_is_a_finding_and_no_crash():
    net = classifier()
    draws = net.draws
    net.draws = lambda *args, **how: replace(draws(*args, **how), plain=net.of()[:, :2])
    found = mc_dropout(net, 300)
    assert found.findings[0].disease == "draws_change_shape"
    assert found.gap is None
    assert np.isnan(found.far)
    assert np.isnan(found.plain_log_likelihood)


def test_a_gap_of_rounding_is_no_gap():
    mean = Estimate(np.array([1 + 1e-9, 2.0, 1.0, 1.0]), np.array([1e-12, 0.5, 0.0, 0.5]))
    gap = scaling_gap(mean, np.array([1.0, 1.0, 0.5, 1.0]), np.dtype(np.float32))
    np.testing.assert_array_equal(gap, [np.nan, 2.0, np.inf, 0.0])


def test_a_slider_over_draws_acts_on_what_is_stored(tmp_path):
    save(tmp_path, mc_dropout(classifier(), 40))
    stored = load(tmp_path, McDropout)
    seen, again = fewer(stored, 15), mc_dropout(classifier(), 15)
    assert_same(seen.uncertainty, again.uncertainty)
    np.testing.assert_array_equal(seen.kept, again.kept)


def test_the_draws_with_one_dropout_alone_are_kept_and_seen_as_an_ensemble():
    net = classifier()
    found = mc_dropout(net, 40, plan=Plan(each=True))
    inner = found.dropouts[0]
    seen = alone(found, inner)
    np.testing.assert_array_equal(seen.kept, net.draws(40, only=["inner"]).values)
    np.testing.assert_array_equal(seen.uncertainty.epistemic.value, inner.where)
    bare = mc_dropout(net, 4)
    with pytest.raises(FathomError, match="'inner' alone; make them with"):
        alone(bare, bare.dropouts[0])


@pytest.mark.parametrize(
    ("net", "plan"),
    [
        (masked(), Plan()),
        (masked(), Plan(masks="shared", each=True, rates=(0.1, 0.5))),
        (classifier(), Plan(seed=3, each=True, rates=(0.1, 0.5))),
        (classifier(never=("inner", "outer")), Plan(masks="shared")),
    ],
)
def test_it_is_stored_and_read_bit_for_bit(tmp_path, net, plan):
    found = mc_dropout(net, 30, plan=plan)
    path = save(tmp_path, found)
    assert path.name == "mc_dropout.h5"
    assert_same(load(tmp_path, McDropout), found)


def test_two_draws_have_no_error_and_are_refused():
    with pytest.raises(FathomError, match="draws=2"):
        mc_dropout(masked(), 2)


def test_a_subject_of_torch_is_asked_the_same_way():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.4), nn.Linear(8, 1)).double()
    x, y = torch.randn(5, 4, dtype=torch.float64), torch.zeros(5, 1, dtype=torch.float64)
    subject = Subject(model, functional.mse_loss, (x, y))
    found = mc_dropout(subject, 2000, plan=Plan(each=True, rates=(0.1,)), reading=Reading(noise=1))
    with torch.no_grad():
        hidden, w = model[0](x).numpy(), model[2].weight.numpy()
        plain = model.eval()(x).numpy()
    exact = hidden**2 @ w.T**2
    assert within(found.uncertainty.epistemic, 0.4 / 0.6 * exact)
    assert within(found.uncertainty.mean, plain)
    np.testing.assert_allclose(found.plain, plain)
    (dropout,) = found.dropouts
    assert (dropout.op, dropout.p, dropout.times) == ("dropout", 0.4, 2000)
    assert dropout.behind == "0.weight"
    assert within(dropout.alone, 0.4 / 0.6 * exact.mean())
    assert within(found.sweep.epistemic, 0.1 / 0.9 * exact.mean())
    assert found.findings == ()


def test_dropout_that_is_never_off_is_found_in_a_subject_of_torch():
    class Restless(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(4, 1)

        def forward(self, x):
            return self.last(functional.dropout(x, 0.5))

    subject = Subject(Restless(), functional.mse_loss, (torch.ones(3, 4), torch.zeros(3, 1)))
    assert "prediction_not_fixed" in {f.disease for f in mc_dropout(subject, 300).findings}
