import numpy as np
import pytest

from diagnostics.slice_figures import convexity_share, grid_hessians, slice_figures
from tests.diagnostics.bowl import rotated

AXIS = np.linspace(-1, 1, 41)
X, Y = np.meshgrid(AXIS, AXIS)


EPS = np.finfo(float).eps


def figures(loss, centre_loss, axes=(AXIS, AXIS), *, exact=True):
    return {f.name: f.value for f in slice_figures(axes, loss, exact, EPS, centre_loss)}


def test_a_bowl_by_its_formulas():
    found = figures(1 + 4 * X**2 + Y**2, 1.0)
    assert found["flatness radius"] == pytest.approx(0.5, abs=0.01)  # a node is the nearest
    assert found["rise within 0.25"] == pytest.approx(0.25)
    assert found["rise within 1"] == pytest.approx(4)
    assert found["convex share"] == 1


def test_what_a_slice_cannot_tell_it_does_not_tell():
    assert np.isnan(figures(X**2, 0.0, exact=False)["convex share"])
    short = np.linspace(-0.4, 0.4, 9)
    assert np.isnan(figures(short**2, 1.0, (short,))["rise within 0.5"])
    assert figures(0 * X + 1, 1.0)["flatness radius"] == np.inf


def test_a_hole_is_a_rise_without_end():
    loss = np.where(X > 0.31, np.nan, 1.0)
    found = figures(loss, 1.0)
    assert found["rise within 0.5"] == np.inf
    assert found["rise within 0.25"] == 0
    assert found["flatness radius"] == pytest.approx(0.35)


def test_the_barrier_of_a_line_is_between_its_ends_or_between_0_and_1():
    axis = np.linspace(-0.5, 1.5, 41)
    bump = np.sin(np.pi * axis)
    assert figures(bump + axis, 0.0, (axis,))["barrier"] == pytest.approx(1)
    assert figures(1 - AXIS**2, 1.0, (AXIS,))["barrier"] == pytest.approx(0.25)
    half = np.linspace(-1, 0.5, 31)
    assert figures(half**2, 0.0, (half,))["barrier"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("values", "share"), [([2.0, 1.0], 1.0), ([2.0, -1.0], 0.0)])
def test_a_bowl_is_convex_everywhere_and_a_saddle_nowhere(values, share):
    hessian = rotated(values)
    loss = 0.5 * (hessian[0, 0] * X**2 + 2 * hessian[0, 1] * X * Y + hessian[1, 1] * Y**2)
    found = grid_hessians((AXIS, AXIS), loss)
    assert found == pytest.approx(np.tile(hessian, (39 * 39, 1, 1)), abs=1e-9)
    assert convexity_share(found, np.full(39 * 39, 1e-9)) == share


def test_the_convex_share_of_a_product_is_its_formula():
    """Of (ab - 1)² / 2: a² b² ≥ (2ab - 1)²  ⇔  ⅓ ≤ ab ≤ 1."""
    a, b = np.meshgrid(*2 * [np.linspace(-1, 1, 201)])
    found = grid_hessians((a[0], a[0]), 0.5 * (a * b - 1) ** 2)
    exact = ((a * b >= 1 / 3) & (a * b <= 1))[1:-1, 1:-1].mean()
    assert convexity_share(found, np.zeros(199**2)) == pytest.approx(exact, abs=0.01)


def test_kinks_are_seen():
    found = grid_hessians((AXIS, AXIS), np.abs(X) + np.abs(Y))
    assert found[:, 0, 0].max() == pytest.approx(2 / 0.05)
    assert convexity_share(found, np.zeros(39 * 39)) < 1  # rounding, where it is flat
    assert figures(np.abs(X) + np.abs(Y), 0.0)["convex share"] == 1


def test_holes_do_not_count():
    assert np.isnan(convexity_share(np.full((3, 2, 2), np.nan), np.zeros(3)))
    both = np.stack([np.eye(2), np.full((2, 2), np.inf)])
    assert convexity_share(both, np.array([0, np.nan])) == 1


def test_a_line_bends_as_its_second_derivative():
    found = grid_hessians((AXIS,), AXIS**2)
    assert found == pytest.approx(2 * np.ones((39, 1, 1)))


def test_a_rise_within_a_distance_needs_the_slice_to_reach_that_far_on_every_side():
    near = np.linspace(-0.9, 0.9, 19)  # its corners are more than 1 away
    x, y = np.meshgrid(near, near)
    found = figures(x**2 + y**2, 1.0, (near, near))
    assert np.isnan(found["rise within 1"])
    assert np.isfinite(found["rise within 0.5"])
    ahead = np.linspace(0, 1, 21)
    assert np.isnan(figures(ahead**2, 1.0, (ahead,))["rise within 0.5"])


@pytest.mark.parametrize("centre_loss", [0.0, -3.0, np.nan])
def test_nothing_is_twice_a_loss_of_0_or_less(centre_loss):
    assert np.isnan(figures(X**2 + centre_loss, centre_loss)["flatness radius"])


def test_a_line_that_is_infinite_everywhere():
    found = figures(np.full(41, np.inf), np.inf, (AXIS,))
    assert found["barrier"] == np.inf
    assert np.isnan(found["rise within 1"])
