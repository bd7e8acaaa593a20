import math

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.active.early_stopping import (
    UNSEEN,
    early_stopping_key,
    early_stopping_of,
    losses_of,
)
from diagnostics.early_stopping import GIVEN, EarlyStopping
from diagnostics.store import load
from probes import Outputs, Recorder, Snapshots
from probes.folder import FathomError

torch.set_num_threads(1)
COUNT, STEPS = 32, 60


class Waves(nn.Module):
    """Linear in the cosine of one wave and, ten times slower, in that of five."""

    def __init__(self, features):
        super().__init__()
        self.features, self.layer = features, nn.Linear(2, 1, bias=False)
        nn.init.zeros_(self.layer.weight)

    def forward(self, x):
        turns = 2 * math.pi * x[:, :1] * torch.tensor([1.0, 5.0])
        return self.layer(turns.cos() * torch.tensor([1.0, 0.3]))


def noisy(x):
    return torch.cos(2 * math.pi * x) + 0.4 * torch.cos(2 * math.pi * 5 * x)


def clean_target():
    return torch.cos(2 * math.pi * torch.arange(COUNT)[:, None] / COUNT).numpy()


def trained(path, *, log=None, held_out=True, features=1, even=True):
    torch.manual_seed(0)
    x = (
        torch.rand(COUNT, features)
        if features > 1 or not even
        else torch.arange(COUNT)[:, None] / COUNT
    )
    y, model, loss = noisy(x[:, :1]), Waves(features), nn.MSELoss()
    unseen = x + 0.5 / COUNT
    optimizer = torch.optim.SGD(model.parameters(), 0.4)
    pair = (unseen, torch.cos(2 * math.pi * unseen[:, :1])) if held_out else None
    how = {"loss": loss, "batch": (x, y), "held_out": pair}
    with Recorder(model, optimizer, path, every=1, probes=[Outputs(), Snapshots()], **how) as rec:
        for step in range(1, STEPS + 1):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
            if log:
                rec.log(**{log: abs(step - 20)}, loss=1 / step)
    return Run(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "run")


def test_the_best_step_is_that_of_least_loss_on_recorded_held_out_data(run):
    found = early_stopping_of(run)
    assert found.validation.steps.tolist() == list(run.snapshots)
    assert found.validation.name == "held-out loss"
    kept = [1 - (1 - 0.4 * scale**2) ** run.snapshots[0] for scale in (1, 0.3)]
    clean, noise = (1 - kept[0]) ** 2 / 2, (0.4 * kept[1]) ** 2 / 2
    assert found.validation.values[0] == pytest.approx(clean + noise, rel=1e-4)
    least = int(found.validation.values.argmin())
    assert 0 < least < len(run.snapshots) - 1
    assert abs(found.best - run.snapshots[least]) <= 1
    assert found.training.values[-1] < found.training.values[least]
    assert found.kept == pytest.approx(
        [1 - (1 - 0.4 * s**2) ** found.best for s in (1, 0.3)], abs=1e-4
    )
    assert load(run.path, EarlyStopping, early_stopping_key(found)).best == found.best


def test_the_clean_target_can_be_given(run):
    found = early_stopping_of(run, clean=f"{__name__}:clean_target")
    assert found.clean == GIVEN
    expected = 1 - (1 - 0.4 * 0.09) ** found.steps
    assert found.noise == pytest.approx(expected, abs=1e-4)


def test_a_target_that_its_frequencies_carry_whole_has_no_noise_that_is_known(run):
    found = early_stopping_of(run)
    assert found.frequencies.tolist() == [1, 5]
    assert found.clean == ""
    assert np.isnan(found.noise).all()


@pytest.mark.parametrize("name", ["val_loss", "valid/loss", "Test loss", "held-out_loss"])
def test_a_logged_loss_goes_before_the_snapshots(tmp_path, name):
    run = trained(tmp_path / "run", log=name)
    found = early_stopping_of(run)
    assert (found.validation.name, found.training.name) == (name, "loss")
    assert abs(found.best - 20) <= 2
    assert found.by == f"{name}, at step 20"


def test_what_is_no_validation_loss_is_not_taken_for_one():
    assert not any(UNSEEN.fullmatch(each) for each in ("loss", "val_accuracy", "eval_loss_scale"))


def test_a_scalar_may_be_named(tmp_path):
    run = trained(tmp_path / "run", log="surprise", held_out=False)
    with pytest.raises(FathomError, match=r"did not see \(scalars: surprise, loss\).*--scalar"):
        early_stopping_of(run)
    assert losses_of(run) == (None, None)
    assert early_stopping_of(run, scalar="surprise").by == "surprise, at step 20"
    assert losses_of(run, "loss")[0] is None  # it is not its own training loss
    with pytest.raises(FathomError, match="no scalar 'other'"):
        early_stopping_of(run, scalar="other")


def test_inputs_on_no_line_are_told_by_the_networks_own_kernel(tmp_path):
    run = trained(tmp_path / "run", features=3)
    found = early_stopping_of(run)
    assert found.modes == "kernel mode"
    assert found.frequencies.tolist() == [1, 2]  # it has two weights
    assert (np.diff([found.kept, found.kept_last], axis=0) > 0).all()
    assert np.isnan(found.noise).all()


def test_uneven_places_are_told_by_the_networks_own_kernel(tmp_path):
    """They have no period of their own, and nobody is asked for one."""
    run = trained(tmp_path / "run", even=False)
    found = early_stopping_of(run)
    assert found.modes == "kernel mode"
    assert found.frequencies.tolist() == [1, 2]


@pytest.mark.parametrize("name", ["val_accuracy", "acc/val", "F1"])
def test_what_is_better_the_higher_it_is_has_no_best_step_at_its_least(tmp_path, name):
    run = trained(tmp_path / "run", log=name)
    with pytest.raises(FathomError, match=rf"'{name}' is better the higher.*{name}, loss"):
        early_stopping_of(run, scalar=name)
