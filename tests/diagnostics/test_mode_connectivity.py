import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.mode_connectivity import Search, _slope, bezier, mode_connectivity
from diagnostics.subject import Subject
from tests.diagnostics.bowl import Bowl, Function, Product

torch.set_num_threads(1)


def test_a_curve_begins_and_ends_where_it_should():
    a, c, b = np.array([1.0, 2]), np.array([5.0, 5]), np.array([3.0, 0])
    assert bezier(a, c, b, 0.0).tolist() == a.tolist()
    assert bezier(a, c, b, 1.0).tolist() == b.tolist()
    assert bezier(a, c, b, 0.5) == pytest.approx(a / 4 + c / 2 + b / 4)


def test_the_slope_is_that_of_the_mean_loss_over_the_curve():
    space, other, control = Product([2.0, 0.5]), np.array([0.5, 2.0]), np.array([1.0, 0.3])
    places, step = (0.2, 0.7), 1e-6
    ahead, behind = (
        np.array([_slope(space, control + s * step * e, other, places)[1] for e in np.eye(2)])
        for s in (1, -1)
    )
    gradient = _slope(space, control, other, places)[0]
    assert gradient == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


def test_two_points_of_one_branch_are_joined_along_it():
    """ab = 1 from (2, ½) to (½, 2): the straight line crosses (5/4, 5/4), the curve bends to 1."""
    found = mode_connectivity(Product([2.0, 0.5]), np.array([0.5, 2.0]), search=Search(400))
    assert found.line_barrier == pytest.approx(0.5 * (25 / 16 - 1) ** 2)
    assert found.curve_barrier < 0.02 * found.line_barrier
    assert found.connected
    assert found.bend > 1.01
    assert found.distance == pytest.approx(1.5 * 2**0.5)


def test_two_branches_are_not_joined():
    """Every path from one to the other crosses ab = 0, where the loss is ½."""
    found = mode_connectivity(Product([2.0, 0.5]), np.array([-2.0, -0.5]))
    assert found.curve_barrier > 0.49
    assert not found.connected


def test_a_bowl_needs_no_curve():
    bowl = Bowl(np.eye(3), centre=np.array([1.0, 0, 0]))
    found = mode_connectivity(bowl, np.array([0.0, 1, 0]), search=Search(50))
    assert found.line_barrier <= 0
    assert found.curve == pytest.approx(0.5 * np.ones(101), abs=0.6)


def test_two_trained_networks_are_joined_by_a_curve():
    torch.manual_seed(0)
    x = torch.rand(200, 2) * 2 - 1
    y = (x[:, 0] * x[:, 1] > 0).long()
    minima = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        optimizer = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(400):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        minima.append(Subject(model, functional.cross_entropy, [(x, y)]))
    here, there = minima
    found = mode_connectivity(here, there.centre, search=Search(400))
    assert found.line[0] == pytest.approx(here.loss_at(here.centre))
    assert found.line[-1] == pytest.approx(there.loss_at(there.centre))
    assert found.line_barrier > 0.2
    assert found.curve_barrier < 0.3 * found.line_barrier
    assert found.training[-50:].mean() < found.training[:50].mean() / 2


def test_what_is_nowhere_finite_is_not_joined():
    found = mode_connectivity(Function(lambda x, y: np.nan), np.ones(2), search=Search(2))
    assert found.line_barrier == found.curve_barrier == np.inf
    assert not found.connected


def test_rounding_is_no_barrier():
    flat = Bowl(np.zeros((2, 2)), centre=np.ones(2), floor=0.1)
    found = mode_connectivity(flat, np.zeros(2), search=Search(2))
    assert 0 < found.curve_barrier < 1e-16
    assert found.connected


def test_from_a_point_to_itself_is_no_way():
    bowl = Bowl(np.eye(3), centre=np.ones(3))
    found = mode_connectivity(bowl, np.ones(3), search=Search(2))
    assert found.distance == 0
    assert np.isnan(found.bend)
