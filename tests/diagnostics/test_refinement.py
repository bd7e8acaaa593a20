import numpy as np
import pytest

from diagnostics.refinement import AUDIT, FASTEST, LAWS, _centres, _Grid, _levels, refined, refining

FIRST = 7 * 7 + 6 * 6 + 4 * 6  # the first mesh, its cells' centres, the middles along its border


def counted(function, shape):
    """The function on a grid over [-1, 1]², by node number; and which nodes were asked."""
    asked = []
    axes = [np.linspace(-1, 1, n) for n in shape]
    full = function(*np.meshgrid(*axes, indexing="ij"))

    def evaluate(nodes):
        asked.extend(nodes.tolist())
        return full.flat[nodes]

    return evaluate, full, asked


def valley(x, y):
    return 0.01 + (x + 0.3 * y) ** 2 + 10 * (y - 0.2 * x) ** 4


def ridge(x, y):
    return 1.5 + np.tanh(25 * (x - 0.3 * y)) + 0.1 * x


def banana(x, y):
    return 0.05 + 0.5 * (1 - 1.5 * x) ** 2 + 10 * (y - (1.2 * x) ** 2 + 0.3) ** 2


def kink(x, y):
    return 0.1 + np.abs(x - 0.37 * y + 0.05) + 0.3 * y**2


def waves(x, y):
    return 1.2 + np.sin(5 * x) * np.cos(4 * y)


def cliff(x, y):
    return np.where(x + 0.3 * y > 0.25, 3.0, 1.0) + 0.2 * y**2


def plateau(x, y):
    return 2.3 * (1 - np.exp(-8 * (x**2 + 0.7 * y**2))) + 1e-3


def around_a_trained_net(seed):
    """Cross-entropy on a random plane around a small network, its axes scaled by unit."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((60, 4))
    wanted = np.eye(3)[(inputs[:, 0] * inputs[:, 1] > 0).astype(int) + (inputs[:, 2] > 0.5)]
    weights = [random.standard_normal((4, 16)), 0.3 * random.standard_normal((16, 3))]

    def forward(first, second):
        hidden = np.maximum(inputs @ first, 0)
        scores = hidden @ second
        return hidden, scores - np.log(np.exp(scores).sum(1, keepdims=True))

    for _ in range(300):
        hidden, logs = forward(*weights)
        pull = (np.exp(logs) - wanted) / len(wanted)
        back = inputs.T @ (pull @ weights[1].T * (hidden > 0))
        weights = [weights[0] - back, weights[1] - hidden.T @ pull]

    def like(each):
        drawn = random.standard_normal(each.shape)
        return drawn * np.linalg.norm(each, axis=0) / np.linalg.norm(drawn, axis=0)

    along = [[like(each) for each in weights] for _ in range(2)]

    def loss(x, y):
        moved = (w + x * u + y * v for w, u, v in zip(weights, *along, strict=True))
        return -(wanted * forward(*moved)[1]).sum(1).mean()

    return np.vectorize(loss)


def share_off(found, full, scale):
    """The true error everywhere, as a share of the range drawn."""
    drawn = np.log if scale == "log" else np.positive
    return np.abs(drawn(found.values) - drawn(full)) / np.ptp(drawn(full))


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("function", [banana, kink, waves, cliff, plateau, valley, ridge])
def test_what_is_stated_holds_on_every_kind_of_surface(function, scale):
    evaluate, full, asked = counted(function, (51, 51))
    found = refined(evaluate, full.shape, 0.01, scale)
    error = share_off(found, full, scale)
    assert found.error.max() <= 0.01
    assert (error <= found.error + 1e-12)[~found.evaluated].mean() > 0.95
    assert (error > 0.01).mean() < 0.005
    assert error.max() < 0.03
    assert len(asked) < full.size / 2


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("seed", range(4))
def test_around_a_trained_net_a_fifth_of_the_points_is_enough(seed, scale):
    evaluate, full, asked = counted(around_a_trained_net(seed), (51, 51))
    found = refined(evaluate, full.shape, 0.01, scale)
    error = share_off(found, full, scale)
    assert len(asked) < full.size / 5
    assert (error > 0.01).mean() < 0.005
    assert error.max() < 0.02
    assert (error <= found.error)[~found.evaluated].mean() > 0.95


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("function", [valley, ridge])
def test_the_error_is_within_the_tolerance_and_within_what_is_stated(function, scale):
    evaluate, full, asked = counted(function, (51, 51))
    found = refined(evaluate, full.shape, 0.01, scale)
    error = share_off(found, full, scale)
    assert error.max() < 0.01
    assert (error > found.error + 1e-12).mean() < 0.02
    assert len(asked) == len(set(asked)) == found.evaluated.sum()
    assert (found.values[found.evaluated] == full[found.evaluated]).all()


def test_a_smooth_surface_takes_a_fifteenth_of_the_points():
    evaluate, full, asked = counted(valley, (51, 51))
    refined(evaluate, full.shape, 0.01)
    assert len(asked) == FIRST + AUDIT < full.size / 15


def test_a_surface_that_is_smooth_as_its_root_is_drawn_by_it():
    """Its logarithm bends sharply at the bottom, and itself is of too high a degree."""
    evaluate, full, asked = counted(lambda x, y: (1.02 + x**3 + 0.5 * y**2) ** 2, (51, 51))
    found = refined(evaluate, full.shape, 0.01, "log")
    assert share_off(found, full, "log").max() < 1e-9
    assert len(asked) == FIRST + AUDIT


def test_centres_are_between_old_nodes_or_beside_a_cell_that_stays():
    old, new = np.array([0, 2, 4, 6, 7]), np.arange(8)
    assert _centres(old, new).tolist() == [0, 1, 3, 5, 6, 7]
    assert _centres(new, new).tolist() == new.tolist()


def test_noise_is_evaluated_everywhere():
    values = 1 + np.random.default_rng(0).random((51, 51))
    evaluate, full, asked = counted(lambda x, y: values, (51, 51))
    found = refined(evaluate, full.shape, 0.01, "log")
    assert len(asked) == full.size
    assert (found.values == full).all()


def test_less_than_was_seen_is_expected_only_where_the_mesh_is_finer_since():
    grid = _Grid(np.asarray, (4,), "linear")
    grid.seen[:] = [1.6, 0.5, 1.6, 1.6]
    seen_now = np.tile([0.4, 0.4, 0.4, -1.0], (len(LAWS), 1))  # nothing near the last
    grid._learn(seen_now, np.array([True, True, False, True]))
    assert grid.error == pytest.approx([0.4 / FASTEST, 0.4 / 1.25, 0.4, 0.0])


def test_an_error_that_falls_with_the_mesh_is_not_chased():
    """These waves surprise the second mesh and the third; the fourth they would not."""
    evaluate, full, asked = counted(lambda x, y: np.sin(8.5 * x + 1) + np.sin(8.5 * y), (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert share_off(found, full, "linear").max() <= 0.01
    assert len(asked) < 800


def test_a_kink_is_looked_at_where_it_is():
    evaluate, full, _ = counted(ridge, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    x, y = np.meshgrid(np.linspace(-1, 1, 51), np.linspace(-1, 1, 51), indexing="ij")
    near = np.abs(x - 0.3 * y) < 0.1
    assert found.evaluated[near].mean() > 0.9
    assert found.evaluated[~near].mean() < 0.55


def test_what_lies_between_the_first_nodes_is_found_by_the_audit():
    """Bumps that vanish on the first two meshes: every prediction made there comes true."""
    seen = np.isin(np.arange(51), _levels(51)[1])
    hidden = ~seen[:, None] & ~seen[None]

    def bumpy(x, y):
        return 1 + x**2 + 0.3 * hidden * (x > 0)

    evaluate, full, _ = counted(bumpy, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert share_off(found, full, "linear").max() <= 0.01
    assert found.audited == AUDIT
    assert found.audit_error <= 0.01


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_holes_are_kept_and_not_widened(hole):
    def torn(x, y):
        return np.where(x**2 + y**2 > 0.7, hole, 1 + x**2)

    evaluate, full, _ = counted(torn, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert (np.isnan(found.values) == np.isnan(full)).all()
    assert (np.isinf(found.values) == np.isinf(full)).all()
    assert found.evaluated.mean() < 0.8
    inside = np.isfinite(full)
    assert np.abs(found.values[inside] - full[inside]).max() < 0.01


def test_a_function_that_is_nowhere_finite_is_soon_given_up():
    evaluate, full, asked = counted(lambda x, y: x * np.nan, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert len(asked) == FIRST + AUDIT
    assert np.isnan(found.values).all()


def test_a_constant_needs_no_more_than_the_first_mesh_and_its_centres():
    evaluate, full, asked = counted(lambda x, y: 0 * x + 3, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert len(asked) == FIRST + AUDIT
    assert found.values == pytest.approx(full)


@pytest.mark.parametrize("shape", [(51,), (7,), (2,), (1, 51), (51, 21), (8, 50)])
def test_any_shape(shape):
    evaluate, full, _ = counted(lambda *axes: sum(axis**2 for axis in axes), shape)
    found = refined(evaluate, shape, 0.01)
    assert found.values == pytest.approx(full, abs=0.01)


def test_the_same_question_asks_the_same_points():
    asked = []
    for _ in range(2):
        evaluate, full, nodes = counted(ridge, (51, 51))
        refined(evaluate, full.shape, 0.003)
        asked.append(nodes)
    assert asked[0] == asked[1]


def test_while_it_is_refined_the_whole_grid_can_be_drawn():
    evaluate, full, _ = counted(ridge, (51, 51))
    drafts = list(refining(evaluate, full.shape, 0.01))
    shares = [draft.evaluated.mean() for draft in drafts]
    errors = [np.abs(draft.values - full).max() / np.ptp(full) for draft in drafts]
    assert shares == sorted(shares)
    assert len(drafts) == 5
    assert errors[-1] < 0.01 < errors[0] < 1
    for draft in drafts:
        assert (draft.values[draft.evaluated] == full[draft.evaluated]).all()
    assert np.isnan(drafts[0].error[~drafts[0].evaluated]).all()
    assert np.isfinite(drafts[-1].error).all()


def test_a_loss_foreseen_below_zero_is_a_surprise():
    """A parabola that overshoots has no logarithm to be off by, and would pass for right."""

    def cliff(x, y):
        return 1e-4 + np.maximum(0, x + 0.2 * y) ** 1.5

    evaluate, full, _ = counted(cliff, (51, 51))
    found = refined(evaluate, full.shape, 0.01, "log")
    assert (found.values > 0).all()
    assert np.abs(np.log(found.values / full)).max() < 0.01 * np.ptp(np.log(full))
    assert np.isfinite(found.error).all()


@pytest.mark.parametrize("level", [-2.0, 0.0])
def test_losses_below_zero_are_refined_as_they_are(level):
    evaluate, full, _ = counted(lambda x, y: level + ridge(x, y) - 1.5, (51, 51))
    found = refined(evaluate, full.shape, 0.01, "log")
    assert np.abs(found.values - full).max() < 0.01 * np.ptp(full)
    assert np.isfinite(found.error).all()
    assert found.audit_error <= 0.01


def test_what_no_one_law_foresaw_is_looked_at_again():
    """One law right here and another there is not a law that is right: none is believed."""

    def step(x, y):
        return 1e-3 + 1 / (1 + np.exp(-60 * (x - 0.37 * y - 0.1)))

    evaluate, full, _ = counted(step, (51, 51))
    found = refined(evaluate, full.shape, 0.01, "log")
    assert found.error.max() <= 0.01
    assert np.abs(np.log(found.values / full)).max() < 0.01 * np.ptp(np.log(full))
