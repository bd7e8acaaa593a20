import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics.kernel_modes import Descent, KernelModes, Learning, kernel_modes, left_after
from diagnostics.store import load, save
from diagnostics.subject import Subject
from diagnostics.subject.jacobian import jacobian, kernel
from diagnostics.subject.learning import learning
from probes.folder import FathomError
from tests.diagnostics.bowl import ABOUT
from tests.diagnostics.test_store import assert_same

torch.set_num_threads(1)

HOW = {
    "plain": {},
    "heavy ball": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.8, "nesterov": True},
}


def seen_of(steps, residuals, gram, **others):
    given = {"about": ABOUT, "last_kernel": gram, "factor": 1.0, "rows": "an example"} | others
    residuals = np.asarray(residuals, float).reshape(len(steps), -1, 1)
    return Learning(steps=np.array(steps), residuals=residuals, kernel=gram, **given)


def features(rows=12, width=5, outputs=1):
    torch.manual_seed(0)
    return torch.randn(rows, width).double(), torch.randn(rows, outputs).double()


def trained(model, data, rates, every=10, **how):
    """By torch's own SGD: the weights at some steps."""
    optimizer, points = torch.optim.SGD(model.parameters(), 0.1, **how), {}
    for step, rate in enumerate([*rates, 0.0]):
        if step % every == 0:
            points[step] = torch.cat([p.detach().flatten() for p in model.parameters()]).clone()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        nn.functional.mse_loss(model(data[0]), data[1]).backward()
        optimizer.step()
    return points


RATES = {"one rate": np.full(60, 0.05), "a schedule": np.repeat([0.1, 0.02, 0.05], [13, 30, 17])}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("outputs", ["all", "mean", 1])
def test_a_linear_model_is_predicted_exactly(how, rates, outputs):
    data = features(outputs=2)
    model = nn.Linear(5, 2).double()
    points = trained(model, data, RATES[rates], **HOW[how])
    subject = Subject(model, nn.functional.mse_loss, data)
    seen = learning(subject, points, outputs=outputs)
    found = kernel_modes(seen, Descent(RATES[rates], **HOW[how]))
    assert found.steps.tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert found.factor == pytest.approx(2 / 24, rel=1e-12)  # MSELoss: over all numbers
    assert found.error.max() < 1e-10
    assert np.abs(found.predicted - found.residual).max() < 1e-10
    assert (found.departs, found.unpredicted) == (-1, "")
    assert found.drift < 1e-12
    assert found.alignment == pytest.approx(1)
    assert found.last_eigenvalues == pytest.approx(found.eigenvalues, abs=1e-12)
    assert found.rates == (RATES[rates].min(), RATES[rates].max())


def test_what_is_learnt_of_each_mode_is_the_textbooks():
    """1 - (1 - lr·factor·λ)ᵗ, with U(1 - lr·factor·λ)ᵗUᵀr₀ beside it."""
    data, steps, rate = features(), np.arange(0, 61, 10), 0.05
    model = nn.Linear(5, 1, bias=False).double()
    points = trained(model, data, np.full(60, rate))
    found = kernel_modes(
        learning(Subject(model, nn.functional.mse_loss, data), points), Descent(rate)
    )
    x, y = (part.numpy() for part in data)
    values, modes = np.linalg.eigh(x @ x.T)
    assert found.eigenvalues == pytest.approx(values[::-1].clip(0), abs=1e-12)
    assert found.resolved == 5
    expected = 1 - (1 - rate * 2 / 12 * values[::-1][:5]) ** steps[:, None]
    assert found.to_be_learnt[:, :5] == pytest.approx(expected, abs=1e-10)
    assert found.learnt[:, :5] == pytest.approx(expected, abs=1e-10)
    first = modes.T @ (x @ points[0].numpy() - y[:, 0])
    assert found.residual[0] == pytest.approx(np.abs(first[::-1]), abs=1e-8)
    assert found.share.sum() == pytest.approx(1)
    assert found.shapes.shape == (12, 12)
    assert found.residual[:, 5:] == pytest.approx(np.abs(first[::-1][5:])[None].repeat(7, 0))


def test_the_limit_is_of_the_fastest_mode_and_the_losss_own_factor():
    gram = np.diag([8.0, 2.0])
    found = kernel_modes(seen_of([0, 1], np.ones((2, 2)), gram, factor=0.25), Descent(0.1, 0.5))
    assert found.limit == pytest.approx(2 * 1.5 / (0.25 * 8))
    flat = kernel_modes(seen_of([0, 1], np.ones((2, 2)), 0 * gram), Descent(0.1))
    assert flat.limit == math.inf
    assert flat.resolved == 0
    assert np.isnan(flat.drift)
    assert (flat.learnt == 0).all()


DESIGNED = {
    "low ones first": ([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32], [4, 20, 81, 327, 1309, 5239]),
    "no bias": ([0.5] * 6, [20] * 6),
    "high ones first": ([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1], [5239, 1309, 327, 81, 20, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNED)
def test_designed_models_take_the_steps_that_they_must(name):
    """f = Σ c(a cos + b sin), the loss half a mean of squares, a rate of 0.9."""
    scales, expected = DESIGNED[name]
    angles = 2 * np.pi * np.arange(256) / 256
    waves = np.cos(np.outer([1, 2, 4, 8, 16, 32], angles))  # [frequency, row]
    root = np.concatenate([[c * w, c * np.sin(k * angles)] for c, w, k in zip(
        scales, waves, [1, 2, 4, 8, 16, 32], strict=True)])  # fmt: skip
    steps = np.arange(max(expected) + 1)
    gram = root.T @ root
    residuals = np.broadcast_to(waves.sum(0), (len(steps), 256))
    found = kernel_modes(seen_of(steps, residuals, gram, factor=1 / 256), Descent(0.9))
    values = 128 * np.array(scales) ** 2
    for value, wanted in zip(values, expected, strict=True):
        near = np.abs(found.eigenvalues - value) < 1e-9
        left = np.linalg.norm(found.predicted[:, near], axis=1)
        assert int(np.argmax(left <= 0.1 * left[0])) == wanted
    assert wanted == math.ceil(math.log(0.1) / math.log(1 - 0.9 * scales[-1] ** 2 / 2))


class OnCircle(nn.Module):
    """One hidden layer of ReLUs whose outgoing weights stand still."""

    def __init__(self, units, bias):
        super().__init__()
        self.hidden = nn.Linear(2, units, bias=bias)
        nn.init.normal_(self.hidden.weight)
        if bias:
            nn.init.zeros_(self.hidden.bias)
        signs = torch.randint(2, (units,)) * 2.0 - 1
        self.register_buffer("out", signs / math.sqrt(units * (2 if bias else 1)))

    def forward(self, x):
        return torch.relu(self.hidden(x)) @ self.out


def without_bias(k):
    if k in (0, 1):
        return {0: 1 / math.pi**2, 1: 1 / 4}[k]
    return 0.0 if k % 2 else 2 * (k**2 + 1) / (math.pi**2 * (k**2 - 1) ** 2)


def with_bias(k):
    if k in (0, 1):
        return {0: 1 / (2 * math.pi**2) + 1 / 8, 1: 1 / 8 + 1 / math.pi**2}[k]
    if k % 2:
        return 1 / (math.pi * k) ** 2
    return (k**2 + 1) / (math.pi**2 * (k**2 - 1) ** 2)


def on_grid(formula, k, points):
    """Of the kernel on a grid, where frequencies that differ by its size are the same.

    What is left out of the sum is below 2e-5.
    """
    others = (abs(k + j * points) for j in range(-300, 301))
    return points * sum(formula(each) / (2 if each else 1) for each in others)


@pytest.mark.parametrize(("bias", "formula"), [(False, without_bias), (True, with_bias)])
def test_a_wide_network_on_the_circle_learns_k_in_time_k_squared(bias, formula):
    """Each unit is a draw of its own, so what finite width adds has a standard error."""
    torch.manual_seed(0)
    points, units = 128, 4096
    angles = 2 * math.pi * (torch.arange(points).double() + 0.5) / points
    x = torch.stack([angles.cos(), angles.sin()], -1)
    subject = Subject(OnCircle(units, bias).double(), nn.functional.mse_loss, (x, x[:, 0]))
    gram = kernel(subject, subject.centre)
    rows = jacobian(subject, subject.centre)[:, 0].numpy()
    parts = (rows[:, piece.start : piece.stop] for piece in subject.pieces)
    rows = np.concatenate([part.reshape(points, units, -1) for part in parts], -1)
    found = []
    for k in range(17):
        wave = np.cos(k * angles.numpy())
        wave /= np.linalg.norm(wave)
        each = units * (np.einsum("p,puw->uw", wave, rows) ** 2).sum(1)
        error = each.std() / math.sqrt(units)
        found.append(wave @ gram @ wave)
        assert found[-1] == pytest.approx(each.mean(), abs=1e-10)
        assert abs(found[-1] - on_grid(formula, k, points)) < 4.5 * error + 2e-5
    if not bias:
        assert np.array(found[3::2]) == pytest.approx(np.zeros(7), abs=1e-13)
    ks = np.arange(4, 17, 2)
    slope = np.polyfit(np.log(ks), np.log(np.array(found)[ks]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.15)
    top = np.linalg.eigvalsh(gram)[::-1][:3] / points
    expected = sorted([formula(0), formula(1) / 2, formula(1) / 2])[::-1]
    assert top == pytest.approx(np.array(expected), rel=0.1)  # ± 3 / √units of the whole


class Wide(nn.Module):
    """Scaled so that with width its kernel tends to a limit."""

    def __init__(self, units):
        super().__init__()
        self.first, self.last = nn.Linear(2, units), nn.Linear(units, 1, bias=False)
        for parameter in self.parameters():
            nn.init.normal_(parameter)
        self.scale = 1 / math.sqrt(units)

    def forward(self, x):
        return self.scale * self.last(torch.relu(self.first(x)))


def test_the_wider_the_nearer_to_what_the_kernel_predicts():
    angles = 2 * math.pi * torch.arange(16) / 16
    x = torch.stack([angles.cos(), angles.sin()], -1).double()
    data = x, torch.sin(3 * angles)[:, None].double()
    errors, drifts = [], []
    for units in (64, 512, 4096):
        found = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = Wide(units).double()
            points = trained(model, data, np.full(40, 0.3), every=20)
            seen = learning(Subject(model, nn.functional.mse_loss, data), points)
            found.append(kernel_modes(seen, Descent(0.3)))
            assert found[-1].share @ found[-1].learnt[-1] > 0.5
        errors.append(np.mean([each.error[-1] for each in found]))
        drifts.append(np.mean([each.drift for each in found]))
    assert errors[0] > errors[1] > errors[2]
    assert drifts[0] > 2 * drifts[1] > 4 * drifts[2]


def test_where_the_kernel_changes_the_prediction_departs():
    gram = np.diag([4.0, 1.0])
    steps = np.array([3, 5, 8])
    truth = left_after(np.array([4.0, 1.0]), Descent(0.1), steps - 3)
    off = truth + np.array([[0, 0], [0.1, 0], [0, 0.4]])
    found = kernel_modes(seen_of(steps, off, gram, last_kernel=3 * gram[::-1, ::-1]), Descent(0.1))
    assert found.error == pytest.approx(np.array([0, 0.1, 0.4]) / math.sqrt(2))
    assert found.departs == 8
    assert found.last_eigenvalues == pytest.approx([3, 12])
    assert found.missed == "at the last step it is off by 28.3% of the first residual"
    assert found.alignment == pytest.approx(8 / 17)
    assert found.drift == pytest.approx(math.sqrt(1 + 11**2) / math.sqrt(17))


def test_where_it_diverges_no_prediction_holds():
    gram, steps = np.diag([4.0, 1.0, 0.0]), np.array([0, 1, 10**6])
    residuals = np.array([[1.0, 1.0, 0.0], [-1.4, 0.4, 0.0], [np.nan, np.nan, np.nan]])
    found = kernel_modes(seen_of(steps, residuals, gram), Descent(0.6))
    assert found.limit == 0.5
    assert found.error[:2] == pytest.approx(np.zeros(2))
    assert found.departs == 10**6
    assert found.missed == "it diverges, as the fastest mode does from a rate of 0.5 on"


def test_where_it_is_far_off_or_nothing_was_to_be_learnt_no_share_is_told():
    gram, steps = np.diag([4.0, 1.0]), np.array([0, 1])
    wild = kernel_modes(seen_of(steps, np.array([[1.0, 1.0], [1e20, 1.0]]), gram), Descent(0.1))
    assert wild.missed == "at the last step it is off by more than 10 times the first residual"
    none = kernel_modes(seen_of(steps, np.zeros((2, 2)), gram), Descent(0.1))
    assert none.missed == "at the first step there was nothing left to learn"


def test_a_kernel_that_only_grows_is_aligned():
    gram = np.diag([4.0, 1.0])
    found = kernel_modes(seen_of([0, 1], np.ones((2, 2)), gram, last_kernel=4 * gram))
    assert (found.drift, found.alignment) == (pytest.approx(3), pytest.approx(1))


def test_without_squares_or_a_known_descent_nothing_is_predicted():
    gram, residuals = np.diag([4.0, 1.0]), np.array([[1.0, 1e-15], [0.5, 0.1]])
    unknown = kernel_modes(seen_of([0, 9], residuals, gram))
    assert "optimizer" in unknown.unpredicted
    assert np.isnan([unknown.limit, *unknown.rates, unknown.momentum, *unknown.error]).all()
    entropy = kernel_modes(seen_of([0, 9], residuals, gram, factor=math.nan), Descent(0.1))
    assert "squares" in entropy.unpredicted
    for found in (unknown, entropy):
        assert np.isnan(found.predicted).all()
        assert np.isnan(found.to_be_learnt).all()
        assert found.residual[:, 0].tolist() == [1, 0.5]
        assert found.learnt[1, 0] == 0.5
        assert np.isnan(found.learnt[:, 1]).all()  # at first there was nothing to learn of it
        assert found.departs == -1


REFUSED = {
    "one for each step": lambda seen: replace(seen, steps=np.array([0, 1, 2])),
    "in their order": lambda seen: replace(seen, steps=np.array([1, 0])),
    "rows both ways": lambda seen: replace(seen, last_kernel=np.eye(3)),
    "not finite": lambda seen: replace(seen, kernel=np.full((2, 2), np.nan)),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_does_not_fit_is_refused(told):
    seen = seen_of([0, 1], np.ones((2, 2)), np.eye(2))
    with pytest.raises(FathomError, match=told):
        kernel_modes(REFUSED[told](seen))


def test_of_what_is_just_passing_through_nothing_nothing_is_told():
    curvatures = np.array([10.0, 1.0])
    left = left_after(curvatures, Descent(0.1, 0.9), np.arange(3), before=1)
    assert np.isnan(left[:, 0]).all()
    assert np.isfinite(left[:, 1]).all()
    gram, residuals = np.diag(curvatures), np.column_stack([np.ones(3), left[:, 1]])
    found = kernel_modes(seen_of([1, 2, 3], residuals, gram), Descent(0.1, 0.9, started=0))
    assert found.error == pytest.approx(np.zeros(3))  # of the mode that is foreseen


def test_too_few_rates_are_refused():
    with pytest.raises(FathomError, match="2 rates are given for 3 steps"):
        left_after(np.ones(1), Descent(np.array([0.1, 0.2])), np.array([0, 3]))


def test_it_sets_out_before_it_is_seen():
    with pytest.raises(FathomError, match="started=2, and the first step seen is 1"):
        kernel_modes(seen_of([1, 2], np.ones((2, 2)), np.eye(2)), Descent(0.1, started=2))


def test_it_is_stored_and_read_as_it_was(tmp_path):
    seen = seen_of([0, 9], np.ones((2, 2)), np.diag([4.0, 1.0]))
    for key, descent in (("known", Descent(0.1, 0.9)), ("unknown", None)):
        result = kernel_modes(seen, descent)
        save(tmp_path, result, key)
        other = load(tmp_path, KernelModes, key)
        assert_same(other, result)
        np.testing.assert_equal(other.learnt, result.learnt)
