"""What other tools for slicing losses have got wrong, and has no test beside its feature."""

import copy
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.curvature import Effort, curvature
from diagnostics.directions import Direction, cosines, random_direction, towards
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid, Slice, axis_of
from diagnostics.subject import Subject
from diagnostics.tiles import Work
from tests.diagnostics.bowl import Bowl, Function
from tests.diagnostics.dense import dense

torch.set_num_threads(1)

X = Direction("x", np.array([1.0, 0.0]))
Y = Direction("y", np.array([0.0, 1.0]))
EXACT = Grid(resolution=6, tolerance=0)


def batch_normalised():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    )
    return model.train(), (torch.randn(20, 1, 6, 6), torch.randint(3, (20,)))


def test_directions_are_not_all_in_one_orthant():
    """Uniform numbers from 0 to 1 make two directions with a cosine of 3/4."""
    model, data = batch_normalised()
    subject = Subject(model, functional.cross_entropy, data)
    found = [random_direction(subject, seed) for seed in range(8)]
    ones = Direction("ones", subject.centre * 0 + 1)
    off = np.abs(cosines(subject, [*found, ones]) - np.eye(9))
    assert off.max() < 5 / np.sqrt(len(subject.centre))


def test_a_filter_normalised_direction_is_as_long_as_the_weights_not_as_their_number():
    model, data = batch_normalised()
    subject = Subject(model, functional.cross_entropy, data)
    direction = random_direction(subject, 0)
    for piece in subject.pieces:
        if piece.role == "weight":
            ours, theirs = (
                piece.of(v).flatten(1).norm(dim=1) for v in (direction.vector, subject.centre)
            )
            torch.testing.assert_close(ours, theirs)
        else:
            assert not piece.of(direction.vector).any()


def test_a_wider_reach_goes_further():
    bowl = Bowl(np.eye(50), centre=np.ones(50))
    direction = random_direction(bowl, 0)
    for reach in (0.1, 1.0, 10.0):
        cut = Slice(bowl, [direction], (axis_of((-reach, reach), 3),))
        moved = np.linalg.norm(cut.point(2) - bowl.centre) / np.linalg.norm(bowl.centre)
        assert moved == pytest.approx(reach)


@pytest.mark.parametrize("resolution", [5, 6])
def test_coordinates_are_displacements_and_both_sides_alike(resolution):
    """With an even number of nodes too, where the centre is none of them."""
    surface = loss_landscape(Bowl(np.eye(2)), [X, Y], Grid((-1, 1), resolution, 0))
    x, y = np.meshgrid(*surface.axes)
    assert surface.axes[0][[0, -1]].tolist() == [-1, 1]
    assert surface.loss == pytest.approx((x**2 + y**2) / 2, abs=1e-15)
    assert surface.loss == pytest.approx(surface.loss[::-1, ::-1], abs=1e-15)


def test_a_line_between_two_models_has_both_of_them_at_its_ends():
    torch.manual_seed(0)
    first, second = nn.Linear(4, 3), nn.Linear(4, 3)
    x, y = torch.randn(9, 4), torch.randint(3, (9,))
    subject = Subject(first, functional.cross_entropy, (x, y))
    other = torch.cat([p.detach().flatten() for p in second.parameters()])
    line = loss_landscape(subject, [towards(subject, other)], Grid((0.0, 1.0), 11, 0))
    ends = [float(functional.cross_entropy(model(x), y).detach()) for model in (first, second)]
    assert line.loss[[0, -1]] == pytest.approx(ends, rel=1e-6)


def test_a_plane_need_not_be_square():
    space = Function(lambda x, y: 100 * x + y)
    axes = (axis_of((-1, 1), 3), axis_of((0, 5), 6))
    cut = Slice(space, [X, Y], axes)
    losses = cut(np.arange(18))[:, -1].reshape(cut.shape)
    assert losses == pytest.approx(100 * axes[0][None] + axes[1][:, None])


@pytest.mark.parametrize("tolerance", [0, 0.01])
def test_a_plain_is_flat_beside_a_hole_and_at_its_top(tolerance):
    """Neither filled with a mean, nor roughened with noise where all is as high."""
    space = Function(lambda x, y: np.nan if x > 0.5 else np.inf if y > 0.5 else min(1.0, 2 + x))
    surface = loss_landscape(space, [X, Y], Grid((-2, 1), 31, tolerance))
    x, y = np.meshgrid(*surface.axes)
    plain = (x > -0.8) & (x < 0.4) & (y < 0.4)
    assert surface.loss[plain] == pytest.approx(1, abs=1e-12)
    if not tolerance:
        assert set(surface.loss[plain]) == {1.0}
    assert (np.isnan(surface.loss) == (x > 0.5)).all()
    assert (np.isinf(surface.loss) == ((x <= 0.5) & (y > 0.5))).all()


@pytest.mark.parametrize("statistics", ["running", "batch", "re-estimated"])
def test_a_model_with_buffers_is_sliced_and_left_as_it_was(statistics):
    model, data = batch_normalised()
    before = copy.deepcopy(model.state_dict())
    subject = Subject(model, functional.cross_entropy, data, statistics=statistics)
    assert np.isfinite(loss_landscape(subject, None, EXACT).loss).all()
    if statistics != "re-estimated":
        curvature(subject, Effort(most=60))
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_the_weights_of_a_grid_are_not_all_in_memory_at_once():
    class Watched(Bowl):
        most = 0

        def losses_at(self, points):
            made, found = [], []
            for point in points:
                made.append(weakref.ref(point))
                self.most = max(self.most, sum(each() is not None for each in made))
                found.append(self.loss(np.asarray(point)))
            return np.array(found)

    watched = Watched(np.eye(4), centre=np.ones(4))
    loss_landscape(watched, None, Grid(resolution=15, tolerance=0))
    assert 1 <= watched.most <= 2


@pytest.mark.parametrize("level", [0.0, -1.0])
def test_a_loss_of_0_or_less_is_not_taken_for_one_still_to_be_computed(level, tmp_path):
    asked = []
    space = Function(lambda x, y: asked.append((x, y)) or level)
    first = loss_landscape(space, [X, Y], EXACT, work=Work(tmp_path))
    asked.clear()
    again = loss_landscape(space, [X, Y], EXACT, work=Work(tmp_path))
    assert again.loss.tobytes() == first.loss.tobytes()
    assert set(asked) == {(0.0, 0.0)}  # the centre, for its own number


def test_batches_of_different_sizes_have_the_curvature_of_all_examples():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    x, y = torch.randn(15, 4).double(), torch.randint(3, (15,))
    parts = Subject(
        model, functional.cross_entropy, [(x[:4], y[:4]), (x[4:8], y[4:8]), (x[8:], y[8:])]
    )
    whole = np.linalg.eigvalsh(dense(parts, model, (x, y)))[::-1]
    assert curvature(parts).eigenvalues == pytest.approx(whole[:5], rel=1e-6)


def test_the_curvature_through_instance_normalisation_is_right():
    """Forward over reverse, as `torch.func.hessian` has it, is off by some hundredths."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.InstanceNorm2d(3, affine=True),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(12, 3),
    ).double()
    x, y = torch.randn(8, 1, 4, 4).double(), torch.randint(3, (8,))
    subject = Subject(model, functional.cross_entropy, (x, y))
    values = np.linalg.eigvalsh(dense(subject, model, (x, y)))
    found = curvature(subject)
    assert found.eigenvalues == pytest.approx(values[::-1][:5], rel=1e-6)
    assert found.lowest == pytest.approx(values[0], rel=1e-5)
