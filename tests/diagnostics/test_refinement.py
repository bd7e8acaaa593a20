import numpy as np
import pytest

from diagnostics.refinement import AUDIT, _levels, refined, refining


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


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("function", [valley, ridge])
def test_the_error_is_within_the_tolerance_and_within_what_is_stated(function, scale):
    evaluate, full, asked = counted(function, (51, 51))
    found = refined(evaluate, full.shape, 0.01, scale)
    drawn = np.log if scale == "log" else np.positive
    error = np.abs(drawn(found.values) - drawn(full)) / np.ptp(drawn(full))
    assert error.max() < 0.01
    assert (error > found.error + 1e-12).mean() < 0.02
    assert len(asked) == len(set(asked)) == found.evaluated.sum()
    assert (found.values[found.evaluated] == full[found.evaluated]).all()


def test_a_smooth_surface_takes_a_tenth_of_the_points():
    evaluate, full, asked = counted(valley, (51, 51))
    refined(evaluate, full.shape, 0.01)
    assert len(asked) == 13 * 13 + AUDIT < full.size / 10


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
    error = np.abs(found.values - full) / np.ptp(full)
    assert (error > 0.01).mean() < 0.05
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
    assert len(asked) == 13 * 13 + AUDIT
    assert np.isnan(found.values).all()


def test_a_constant_needs_no_more_than_the_first_two_meshes():
    evaluate, full, asked = counted(lambda x, y: 0 * x + 3, (51, 51))
    found = refined(evaluate, full.shape, 0.01)
    assert len(asked) == 13 * 13 + AUDIT
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
