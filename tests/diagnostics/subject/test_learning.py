import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.kernel_modes import Descent, kernel_modes
from diagnostics.subject import Subject
from diagnostics.subject.jacobian import jacobian, kernel
from diagnostics.subject.learning import learning, residual, squared_factor, thinned
from probes import Recorder, Snapshots, Whole
from probes.folder import FathomError

torch.set_num_threads(1)


def squares(count, outputs=2):
    torch.manual_seed(1)
    return torch.randn(count, 4).double(), torch.randn(count, outputs).double()


def tanh_net(outputs=2):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, outputs)).double()


def recorded(folder, model, data, loss=functional.mse_loss, steps=40):
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.5)
    how = {"loss": loss, "batch": data, "probes": [Snapshots()]}
    with Recorder(model, optimizer, folder, **how):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model(data[0]), data[1]).backward()
            optimizer.step()
    return Run(folder).subject()


def test_a_recorded_run_of_a_linear_model_learns_as_predicted(tmp_path):
    """From the folder alone; the steps are those that the optimizer took in between."""
    torch.manual_seed(0)
    x, y = (part.float() for part in squares(12))
    subject = recorded(tmp_path / "run", nn.Linear(4, 2), (x, y), steps=5)
    seen = learning(subject)
    assert tuple(seen.steps) == subject.snapshots
    assert seen.about.step == subject.snapshots[-1]
    assert (seen.factor, seen.rows) == (pytest.approx(2 / 24), "one of 2 outputs of an example")
    assert seen.residuals.shape == (len(seen.steps), 24, 1)
    found = kernel_modes(seen, Descent(0.1, 0.5, started=0))
    assert found.steps[0] == 1
    assert found.error.max() < 1e-5
    assert kernel_modes(seen, Descent(0.1, 0.5)).error.max() > 1e-2  # it was on the move by then
    live = Subject(nn.Linear(4, 2), functional.mse_loss, (x, y))
    points = {step: subject.snapshot(step) for step in subject.snapshots}
    again = learning(live, points)
    assert again.residuals == pytest.approx(seen.residuals, abs=1e-6)
    assert again.kernel == pytest.approx(seen.kernel, abs=1e-5)


def test_running_statistics_are_those_of_each_snapshot(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    x, y = (part.float() for part in squares(12, 1))
    subject = recorded(tmp_path / "run", model, (x, y))
    seen = learning(subject)
    for row, step in zip(seen.residuals, seen.steps, strict=True):
        own = Run(tmp_path / "run").subject(int(step))
        expected = own.predict(own.centre)[0] - y.numpy()
        assert row == pytest.approx(expected, abs=1e-6)
    first = Run(tmp_path / "run").subject(int(seen.steps[0]))
    assert seen.kernel == pytest.approx(kernel(first, first.centre), rel=1e-5, abs=1e-5)


LOSSES = {
    "mean": (nn.MSELoss(), 2 / 26),
    "sum": (nn.MSELoss(reduction="sum"), 2.0),
    "a half of the mean over examples": (lambda p, t: ((p - t) ** 2).sum(1).mean() / 2, 1 / 13),
    "absolute": (nn.L1Loss(), math.nan),
    "log cosh": (lambda p, t: (p - t).cosh().log().mean(), math.nan),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_factor_is_the_losss_own(name):
    """Of batches of any sizes, as one would have it."""
    loss, expected = LOSSES[name]
    x, y = squares(13)
    subject = Subject(tanh_net(), loss, [(x[:8], y[:8]), (x[8:], y[8:])])
    assert squared_factor(subject, subject.centre) == pytest.approx(expected, nan_ok=True)


def test_a_penalty_on_the_weights_is_no_multiple_of_the_residual():
    def loss(model, batch):
        found = model(batch["x"])
        decay = sum(p.square().sum() for p in model.parameters())
        return functional.mse_loss(found, batch["target"]) + 0.1 * decay, found

    x, y = squares(13)
    subject = Subject(tanh_net(), Whole(loss), {"x": x, "target": y})
    assert math.isnan(squared_factor(subject, subject.centre))


def test_of_classes_it_is_what_is_missing_of_the_probabilities():
    """By which cross-entropy's gradient is Jᵀ·residual too, but nothing is linear."""
    torch.manual_seed(0)
    x, y = torch.randn(6, 4).double(), torch.tensor([0, 1, 2, 0, 1, -100])
    subject = Subject(tanh_net(3), functional.cross_entropy, (x, y))
    found = residual(subject, subject.centre)
    logits = torch.tensor(subject.predict(subject.centre)[0])
    expected = logits.softmax(1).numpy() - np.eye(3)[[0, 1, 2, 0, 1, 0]]
    expected[5] = 0
    assert found == pytest.approx(expected)
    rows = jacobian(subject, subject.centre)
    pulled = torch.einsum("eo,eow->w", torch.tensor(found), rows) / 5
    torch.testing.assert_close(pulled, subject.gradient_at(subject.centre))
    seen = learning(subject, {0: subject.centre, 9: 2 * subject.centre}, outputs="mean")
    assert math.isnan(seen.factor)
    assert seen.rows == "an example, by the mean over outputs"
    assert seen.residuals.shape == (2, 6, 3)
    assert "squares" in kernel_modes(seen, Descent(0.1)).unpredicted


def test_pixels_of_classes_are_told_along_the_axis_of_classes():
    torch.manual_seed(0)
    model = nn.Conv1d(2, 3, 1).double()
    x, y = torch.randn(4, 2, 5).double(), torch.randint(3, (4, 5))
    subject = Subject(model, functional.cross_entropy, (x, y))
    found = residual(subject, subject.centre).reshape(4, 3, 5)
    expected = model(x).softmax(1) - functional.one_hot(y, 3).transpose(1, 2)
    assert found == pytest.approx(expected.detach().numpy())


def test_of_too_many_examples_every_so_many_th():
    x, y = squares(13)
    subject = Subject(tanh_net(), functional.mse_loss, [(x[:8], y[:8]), (x[8:], y[8:])])
    some = thinned(subject, 4)
    chosen = torch.tensor([0, 3, 6, 9])
    assert some.about.data == "4 of 13 examples of the data given"
    assert some.about.examples == 4
    expected = Subject(tanh_net(), functional.mse_loss, (x[chosen], y[chosen]))
    assert some.loss_at(some.centre) == pytest.approx(expected.loss_at(expected.centre), rel=1e-12)
    assert kernel(some, some.centre) == pytest.approx(kernel(expected, expected.centre), rel=1e-9)
    assert thinned(subject, 13) is subject
    points = {0: subject.centre, 1: 2 * subject.centre}
    assert learning(subject, points, most=4).factor == pytest.approx(2 / 8)
    with pytest.raises(FathomError, match="most=0"):
        thinned(subject, 0)


def test_where_all_outputs_are_too_many_rows_their_mean_is_taken(monkeypatch):
    x, y = squares(13)
    subject = Subject(tanh_net(), functional.mse_loss, (x, y))
    points = {0: subject.centre, 1: 2 * subject.centre}
    assert learning(subject, points).kernel.shape == (26, 26)
    monkeypatch.setattr("diagnostics.subject.learning.ROWS", 25)
    seen = learning(subject, points)
    assert seen.kernel.shape == (13, 13)
    assert seen.residuals == pytest.approx(
        np.stack([residual(subject, point) for point in points.values()])
    )
    assert learning(subject, points, outputs=1).rows == "output 1"


def test_what_cannot_be_told_is_refused():
    x, y = squares(13)
    subject = Subject(tanh_net(), functional.mse_loss, (x, y))
    with pytest.raises(FathomError, match="0 snapshots do not tell"):
        learning(subject)
    with pytest.raises(FathomError, match="1 snapshots do not tell"):
        learning(subject, {3: subject.centre})
    broad = Subject(tanh_net(), lambda p, t: ((p.sum(1) - t) ** 2).mean(), (x, y[:, 0]))
    with pytest.raises(FathomError, match=r"shape \[13, 2\] and targets of \[13\]"):
        residual(broad, broad.centre)
    loss = Whole(lambda model, b: (model(b["x"]).square().mean(), model(b["x"])))
    without = Subject(tanh_net(), loss, {"x": x})
    with pytest.raises(FathomError, match=r"no target \(it holds: x\)"):
        residual(without, without.centre)


@pytest.mark.parametrize("live", [True, False])
def test_of_chances_it_is_what_is_missing_of_the_probabilities(tmp_path, live):
    x, _ = squares(9)
    y = (x[:, :1] > 0).double()
    model, loss = tanh_net(1), nn.BCEWithLogitsLoss()
    subject = Subject(model, loss, (x, y))
    if not live:
        subject = recorded(tmp_path / "run", model, (x, y), loss, 2)
    with torch.no_grad():
        wanted = model(x).sigmoid() - y
    found = residual(subject, subject.centre)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)


def test_weights_that_are_not_finite_are_left_out():
    subject = Subject(tanh_net(), functional.mse_loss, squares(5))
    whole, broken = subject.centre, subject.centre.clone()
    broken[3] = math.nan
    seen = learning(subject, {1: whole, 2: 2 * whole, 3: broken})
    assert seen.steps.tolist() == [1, 2]
    assert np.isfinite(seen.last_kernel).all()
    with pytest.raises(FathomError, match=r"1 snapshots .*not finite do not count"):
        learning(subject, {1: whole, 3: broken})
