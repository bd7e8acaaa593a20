import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import Direction, random_direction, towards
from diagnostics.loss_landscape import growing_landscape, loss_landscape
from diagnostics.slices import Grid
from diagnostics.subject import Subject
from diagnostics.weight_space import Piece
from tests.diagnostics.bowl import Bowl, Clusters, Function, Product, rotated

torch.set_num_threads(1)

X = Direction("x", np.array([1.0, 0.0]))
Y = Direction("y", np.array([0.0, 1.0]))


def test_every_node_lies_where_its_coordinates_say():
    """Rows neither shifted nor flipped nor transposed: the loss tells its own place."""
    space = Function(lambda x, y: 100 * x + y)
    surface = loss_landscape(space, [X, Y], Grid(reach=(-1.0, 2.0), resolution=31, tolerance=0))
    x, y = surface.axes
    assert surface.loss == pytest.approx(100 * x[None, :] + y[:, None], abs=1e-12)
    assert surface.evaluated.all()
    assert np.isnan(surface.error).all()


def test_a_bowl_is_its_formula_in_any_directions():
    hessian = rotated(np.arange(1.0, 21))
    bowl = Bowl(hessian, centre=np.random.default_rng(0).standard_normal(20), floor=0.3)
    plane = [random_direction(bowl, seed) for seed in (0, 1)]
    surface = loss_landscape(bowl, plane, Grid(resolution=11, tolerance=0))
    u, v = (direction.vector for direction in plane)
    for (row, column), value in np.ndenumerate(surface.loss):
        w = bowl.centre + surface.axes[0][column] * u + surface.axes[1][row] * v
        assert value == pytest.approx(0.5 * w @ hessian @ w + 0.3, rel=1e-12)
    assert surface.lengths == pytest.approx([np.linalg.norm(u), np.linalg.norm(v)])
    assert surface.cosines[0, 1] == pytest.approx(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def test_the_centre_is_the_centre_exactly():
    bowl = Bowl(rotated(np.arange(1.0, 21)), centre=np.random.default_rng(0).random(20))
    for reach in ((-1.0, 1.0), (-0.7, 0.7), (-0.3, 0.3)):
        surface = loss_landscape(
            bowl, [random_direction(bowl, 0)] * 2, Grid(reach=reach, resolution=25, tolerance=0)
        )
        assert surface.loss[12, 12] == bowl.loss(bowl.centre) == surface.centre_loss


def test_the_product_of_two_weights():
    space = Product([1.0, 1.0])
    surface = loss_landscape(space, [X, Y], Grid((-2.0, 1.0), 13, 0))
    a, b = surface.axes[0] + 1, surface.axes[1] + 1
    assert surface.loss == pytest.approx(0.5 * (a[None] * b[:, None] - 1) ** 2)


def test_a_line():
    space = Bowl(np.diag([2.0, 8.0]))
    line = loss_landscape(space, [Y], Grid(resolution=5, tolerance=0))
    assert line.loss == pytest.approx(4 * line.axes[0] ** 2)
    assert line.loss.shape == line.evaluated.shape == line.error.shape == (5,)


def test_holes_are_kept():
    space = Function(lambda x, y: np.inf if x > 0.5 else np.nan if y > 0.5 else 1.0)
    surface = loss_landscape(space, [X, Y], Grid(resolution=9, tolerance=0))
    assert np.isinf(surface.loss[:, -2:]).all()
    assert np.isnan(surface.loss[-2:, :-2]).all()
    assert (surface.loss[:-2, :-2] == 1).all()


def test_adaptive_is_exact_where_it_evaluates_and_says_where_it_does_not():
    bowl = Bowl(np.diag([1.0, 30.0]), floor=0.1)
    full = loss_landscape(bowl, [X, Y], Grid(tolerance=0))
    before = bowl.asked
    surface = loss_landscape(bowl, [X, Y], Grid())
    assert bowl.asked - before < full.loss.size / 5
    assert (surface.loss[surface.evaluated] == full.loss[surface.evaluated]).all()
    gap = np.abs(np.log(surface.loss / full.loss)) / np.ptp(np.log(full.loss))
    assert gap.max() < 0.01
    assert surface.interpolation_error[~surface.evaluated].max() < 0.01


def linear_regression(examples=400, seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(3, 1).double()
    x = torch.randn(examples, 3, dtype=torch.float64)
    y = x @ torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64) + torch.randn(examples, 1)
    return model, x, y


def test_values_are_those_of_a_loop_by_hand():
    model, x, y = linear_regression()
    subject = Subject(model, functional.mse_loss, [(x[:300], y[:300]), (x[300:], y[300:])])
    plane = [random_direction(subject, n, without=()) for n in (0, 1)]
    surface = loss_landscape(subject, plane, Grid(resolution=5, tolerance=0))
    for (row, column), value in np.ndenumerate(surface.loss):
        with torch.no_grad():
            for piece, start in zip(subject.pieces, (model.weight, model.bias), strict=True):
                moved = piece.of(subject.centre).clone()
                for axis, place, d in zip(surface.axes, (column, row), plane, strict=True):
                    moved += axis[place] * piece.of(d.vector)
                start.copy_(moved)
            assert value == pytest.approx(float(functional.mse_loss(model(x), y)), rel=1e-12)


def test_two_minima_on_a_line():
    bowl = Bowl(np.eye(2), centre=np.array([1.0, 0]), pieces=(Piece("w", (2,), 0, "weight"),))
    direction = towards(bowl, np.array([-1.0, 0]))
    line = loss_landscape(bowl, [direction], Grid((0.0, 1.0), 3, 0))
    assert line.loss.tolist() == [0.5, 0, 0.5]


def test_it_grows_mesh_by_mesh_to_the_same_end():
    bowl = Bowl(np.diag([1.0, 30.0]), floor=0.1)
    stages = list(growing_landscape(bowl, [X, Y], Grid()))
    counts = [stage.evaluated.sum() for stage in stages]
    assert counts == sorted(counts)
    assert counts[0] == 7 * 7
    assert np.isnan(stages[0].audit_error)
    assert all(np.isfinite(stage.loss).all() for stage in stages)
    assert stages[-1].loss == pytest.approx(loss_landscape(bowl, [X, Y], Grid()).loss, abs=0)
    assert stages[-1].about == bowl.about


def test_only_the_last_is_finished():
    bowl = Bowl(np.diag([1.0, 30.0]), floor=0.1)
    for held_out in (None, Bowl(np.diag([30.0, 1.0]), floor=0.1)):
        stages = list(growing_landscape(bowl, [X, Y], Grid(), held_out=held_out))
        assert [stage.finished for stage in stages] == [False] * (len(stages) - 1) + [True]
        between = ~stages[0].evaluated
        assert np.isnan(stages[0].interpolation_error[between]).all()
        assert len(stages) > 2
    for grid in (Grid(resolution=9, tolerance=0), Grid(resolution=5)):
        assert [stage.finished for stage in growing_landscape(bowl, [X, Y], grid)] == [True]


@pytest.mark.parametrize("tolerance", [0, 0.01])
@pytest.mark.parametrize("directions", [[X], [X, Y]])
def test_each_class_has_its_own_surface_beside_held_out_data(directions, tolerance):
    space, others = Clusters([20, 50, 30]), Clusters([10, 20, 30], seed=1)
    grid = Grid((-4, 4), 401 if len(directions) == 1 else 51, tolerance, by_class=True)
    surface = loss_landscape(space, directions, grid, held_out=others)
    x, y = _at(surface)
    assert surface.classes == ("0", "1", "2")
    assert surface.class_loss.shape == (3, *surface.loss.shape)
    assert surface.evaluated.all() == (tolerance == 0)
    for label, found in enumerate(surface.class_loss):
        exact = space.class_loss(label, x, y)
        assert found[surface.evaluated] == pytest.approx(exact[surface.evaluated], rel=1e-12)
        gap = np.abs(np.log(found / exact)) / np.ptp(np.log(exact))
        assert gap.max() < 0.02  # not refined for each class
        assert gap.mean() < 0.002
    for own, found in ((space, surface.loss), (others, surface.held_out_loss)):
        shares = [own.weights[own.classes == label].sum() for label in range(3)]
        exact = np.average([own.class_loss(n, x, y) for n in range(3)], axis=0, weights=shares)
        assert np.abs(np.log(found / exact)).max() <= (tolerance or 1e-12) * np.ptp(np.log(exact))


def _at(surface):
    """Both weights at every node."""
    return np.meshgrid(*surface.axes) if surface.loss.ndim == 2 else (surface.axes[0], 0.0)


def test_while_it_grows_the_classes_and_held_out_data_are_there_too():
    space, others, grid = Clusters([5, 6]), Clusters([7, 8], 1), Grid(by_class=True)
    first, *_, last = growing_landscape(space, [X, Y], grid, held_out=others)
    for early, late in (
        (first.class_loss, last.class_loss),
        (first.held_out_loss, last.held_out_loss),
    ):
        assert np.isfinite(early).all()
        gap = np.abs(np.log(early / late)) / np.ptp(np.log(late))
        assert 0 < gap.max() < 0.05


def test_classes_unasked_for_or_too_many_are_not_there():
    for counts, by_class in (([5, 6], False), ([3] * 13, True)):
        surface = loss_landscape(Clusters(counts), [X, Y], Grid(resolution=5, by_class=by_class))
        assert surface.classes == ()
        assert surface.class_loss is None


def test_losses_by_class_are_those_of_each_classs_examples_given_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    (x, y), loss = classes(1), functional.cross_entropy
    subject = Subject(model, loss, [(x[:25], y[:25]), (x[25:], y[25:])], population=1000)
    plane = [random_direction(subject, n, without=()) for n in (0, 1)]
    surface = loss_landscape(subject, plane, Grid((-1, 1), 5, 0, by_class=True))
    assert surface.classes == ("0", "1", "2")
    for label in range(3):
        alone = Subject(model, loss, (x[y == label], y[y == label]))
        expected = loss_landscape(alone, plane, Grid((-1, 1), 5, 0)).loss
        assert surface.class_loss[label] == pytest.approx(expected, rel=1e-12)


def classes(seed):
    torch.manual_seed(seed)
    x = torch.randn(60, 4, dtype=torch.float64)
    return x, (x @ torch.randn(4, 3, dtype=torch.float64)).argmax(1)


def test_held_out_loss_and_accuracies_stand_beside_the_loss():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    subject = Subject(model, functional.cross_entropy, classes(1))
    held_out = subject.on(classes(2), "60 others")
    plane = [random_direction(subject, n, without=()) for n in (0, 1)]
    full = loss_landscape(subject, plane, Grid((-1, 1), 21, 0), held_out=held_out)
    assert full.held_out == "60 others"
    for row, column in ((0, 0), (3, 17), (20, 4)):
        point = subject.centre + full.axes[0][column] * plane[0].vector
        point += full.axes[1][row] * plane[1].vector
        for data, loss, accuracy in (
            (classes(1), full.loss, full.accuracy),
            (classes(2), full.held_out_loss, full.held_out_accuracy),
        ):
            weights = {p.name: p.of(point) for p in subject.pieces}
            output = torch.func.functional_call(model, weights, (data[0],))
            expected = functional.cross_entropy(output, data[1])
            assert loss[row, column] == pytest.approx(float(expected.detach()), rel=1e-12)
            right = (output.argmax(1) == data[1]).double().mean()
            assert accuracy[row, column] == pytest.approx(float(right))
    fewer = loss_landscape(subject, plane, Grid((-1, 1), 21, 0.01), held_out=held_out)
    assert fewer.evaluated.sum() < 21 * 21
    for ours, exact in ((fewer.loss, full.loss), (fewer.held_out_loss, full.held_out_loss)):
        gap = np.abs(np.log(ours) - np.log(exact)) / np.ptp(np.log(exact))
        assert gap.max() <= 0.01
    assert (fewer.accuracy[fewer.evaluated] == full.accuracy[fewer.evaluated]).all()
    assert np.abs(fewer.accuracy - full.accuracy).mean() < 0.03


def test_without_classes_there_is_no_accuracy():
    model, x, y = linear_regression(20)
    surface = loss_landscape(Subject(model, functional.mse_loss, (x, y)), None, Grid(resolution=3))
    assert surface.accuracy is None
    assert surface.held_out_loss is None
    assert surface.held_out == ""


@pytest.mark.parametrize("tolerance", [0, 0.01])
def test_below_zero_the_scale_is_linear_and_says_so(tolerance):
    space = Function(lambda x, y: np.tanh(25 * (x - 0.3 * y)) - 2)
    surface = loss_landscape(space, [X, Y], Grid(tolerance=tolerance))
    x, y = np.meshgrid(*surface.axes)
    exact = np.tanh(25 * (x - 0.3 * y)) - 2
    assert surface.scale == "linear"
    assert np.abs(surface.loss - exact).max() <= 0.01 * np.ptp(exact)
    assert loss_landscape(Bowl(np.eye(2), floor=0.1), [X, Y], Grid()).scale == "log"


@pytest.mark.parametrize("loss", [1.0, 0.0, np.nan, np.inf])
@pytest.mark.parametrize("resolution", [2, 3, 12])
@pytest.mark.parametrize("tolerance", [0, 0.01])
def test_what_is_the_same_everywhere(loss, resolution, tolerance):
    for directions in ([X], [X, Y], [X, Direction("nowhere", np.zeros(2))]):
        surface = loss_landscape(
            Function(lambda x, y: loss), directions, Grid((-1, 1), resolution, tolerance)
        )
        assert surface.loss.tobytes() == np.full_like(surface.loss, loss).tobytes()


def test_one_weight():
    bowl = Bowl([[3.0]], centre=[1.0])
    line = loss_landscape(bowl, [random_direction(bowl, 0)], Grid(resolution=5, tolerance=0))
    assert sorted(line.loss.tolist()) == [0, 0.375, 1.5, 3.375, 6]
