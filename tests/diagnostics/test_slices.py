from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import Direction, random_direction
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid, Slice, axis_of
from diagnostics.subject import Subject
from diagnostics.weight_space import Examples
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl, Clusters

AXES = (np.array([-1.0, 0, 1]),) * 2


def test_axes_end_where_asked_and_are_even():
    axis = axis_of((-0.3, 0.9), 49)
    assert (axis[0], axis[-1]) == (-0.3, 0.9)
    assert np.diff(axis) == pytest.approx(1.2 / 48)
    for reach in ((1.0, 1.0), (-np.inf, np.inf), (np.nan, 1.0)):
        with pytest.raises(FathomError, match="no extent"):
            axis_of(reach, 5)


def plane(bowl):
    return [Direction("u", np.eye(len(bowl.centre))[0]), Direction("v", np.eye(2)[1])]


def test_three_directions_are_refused():
    bowl = Bowl(np.eye(2))
    with pytest.raises(FathomError, match="3 directions"):
        Slice(bowl, [*plane(bowl), plane(bowl)[0]], AXES)


def test_its_key_tells_all_that_a_value_depends_on():
    bowl, moved, other = Bowl(np.eye(2)), Bowl(np.eye(2), [0.0, 1]), Bowl(np.eye(2))
    other.about = replace(other.about, key="other data")
    sample = Bowl(np.eye(2))
    sample.about = replace(sample.about, population=10)
    wide = (AXES[0] * 2, AXES[1])
    u, v = plane(bowl)
    slices = [
        Slice(bowl, [u, v], AXES),
        Slice(moved, [u, v], AXES),
        Slice(other, [u, v], AXES),
        Slice(sample, [u, v], AXES),
        Slice(bowl, [v, u], AXES),
        Slice(bowl, [u, v], wide),
        Slice(bowl, [u, v], AXES, held_out=other),
    ]
    assert len({each.key() for each in slices}) == len(slices)
    assert Slice(Bowl(np.eye(2)), [u, v], AXES).key() == slices[0].key()


def test_losses_by_class_have_a_key_of_their_own_where_there_are_classes():
    bowl, clusters = Bowl(np.eye(2)), Clusters([3, 4])
    keys = {
        name: [
            Slice(space, plane(bowl), AXES, by_class=by_class).key() for by_class in (False, True)
        ]
        for name, space in (("bowl", bowl), ("clusters", clusters))
    }
    assert keys["bowl"][0] == keys["bowl"][1]
    assert keys["clusters"][0] != keys["clusters"][1]


def test_each_column_is_the_quantity_that_it_is_called():
    space, sample = Clusters([3, 4]), Clusters([3, 4])
    sample.about = replace(sample.about, population=100)
    axes, node = (np.array([-1.0, 0, 2]),) * 2, 5  # x = 2, y = 0
    for each in (space, sample):
        cut = Slice(each, plane(each), axes, held_out=Clusters([9], 1), by_class=True)
        found = dict(zip(cut.quantities, cut(np.array([node]))[0], strict=True))
        assert cut.classes == ("0", "1")
        assert found["class 1"] == pytest.approx(space.class_loss(1, 2.0, 0.0))
        assert found["loss"] == pytest.approx(space.examples_at(np.array([2.0, 0])).means()[0])
        assert found["held_out_loss"] == pytest.approx(Clusters([9], 1).class_loss(0, 2.0, 0.0))
        assert np.isfinite(found["rise_error"]) == bool(each.about.population)


class Padded(Bowl):
    """Examples that count for different numbers of terms."""

    def __init__(self, losses, counts):
        super().__init__(np.eye(2))
        self.about = replace(self.about, population=10**9)
        self.examples = Examples(np.array([losses]), counts / counts.mean())

    def examples_at(self, point):
        return self.examples


def test_the_error_of_a_weighted_mean_is_that_of_resampling():
    random = np.random.default_rng(0)
    losses, counts = random.exponential(1, 300), random.integers(1, 20, 300).astype(float)
    bowl = Padded(losses, counts)
    row = Slice(bowl, plane(bowl), AXES)(np.array([4]))[0]
    draws = random.integers(0, 300, (4000, 300))
    means = (losses[draws] * counts[draws]).sum(1) / counts[draws].sum(1)
    assert row[2] == pytest.approx((losses * counts).sum() / counts.sum())
    assert row[0] == pytest.approx(means.std(), rel=0.06)
    assert row[1] == 0


def linear_regression(examples, seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(3, 1).double()
    x = torch.randn(examples, 3, dtype=torch.float64)
    y = x @ torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64) + torch.randn(examples, 1)
    return model, x, y


def test_error_bars_cover_what_all_data_would_show():
    model, x, y = linear_regression(2000)
    whole = Subject(model, functional.mse_loss, (x, y))
    direction = random_direction(whole, 0, without=())
    grid = Grid(resolution=3, tolerance=0)
    truth = loss_landscape(whole, [direction], grid)
    assert np.isnan(truth.error).all()
    inside, rises = [], []
    for seed in range(100):
        rows = np.random.default_rng(seed).choice(2000, 500, replace=False)
        part = Subject(model, functional.mse_loss, (x[rows], y[rows]), population=2000)
        found = loss_landscape(part, [direction], grid)
        inside.append(np.abs(found.loss - truth.loss) < 1.96 * found.error)
        rise, true_rise = found.loss - found.loss[1], truth.loss - truth.loss[1]
        rises.append(np.abs(rise - true_rise) <= 1.96 * found.rise_error)
        assert found.rise_error[1] == 0
    assert np.mean(inside, 0) == pytest.approx(0.95, abs=0.07)
    assert np.mean(rises, 0)[[0, 2]] == pytest.approx(0.95, abs=0.07)


def test_a_sample_larger_than_what_it_is_of_is_refused():
    model, x, y = linear_regression(400)
    subject = Subject(model, functional.mse_loss, (x, y), population=100)
    with pytest.raises(FathomError, match="400 examples cannot be a sample of 100"):
        loss_landscape(subject, [random_direction(subject, 0)])


def test_the_centre_is_at_0_itself():
    """Not at 1.5e-17 beside it, as rounding would have it here."""
    for reach, count, node in (((-2.9, 0.1), 31, 29), ((-2.9, 0.2), 32, 29)):
        assert axis_of(reach, count)[node] == 0
