import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import Direction
from diagnostics.subject import Subject
from diagnostics.trajectory import principal_directions, random_walk_shares, trajectory
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl


def test_principal_directions_are_the_singular_value_decomposition():
    random = np.random.default_rng(0)
    ways = random.standard_normal((6, 40)) * np.array([9, 5, 1, 1, 1, 0.5])[:, None]
    bowl = Bowl(np.eye(40), centre=random.standard_normal(40))
    snapshots = dict(enumerate(ways + bowl.centre))
    plane = principal_directions(bowl, list(snapshots.values()))
    found = trajectory(bowl, plane, snapshots)
    left, values, right = np.linalg.svd(ways, full_matrices=False)
    assert found.variance == pytest.approx(values**2 / (values**2).sum())
    assert found.explained == pytest.approx(found.variance[:2].sum())
    for n, direction in enumerate(plane):
        sign = np.sign(direction.vector @ right[n])
        assert sign * direction.vector == pytest.approx(right[n], abs=1e-10)
        assert sign * found.coordinates[:, n] == pytest.approx(left[:, n] * values[n])
    hidden = ways - (ways @ right[:2].T) @ right[:2]
    assert found.distance == pytest.approx(np.linalg.norm(hidden, axis=1))
    assert found.steps.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_trajectory_in_a_plane_is_explained_by_it():
    frame, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((50, 2)))
    spiral = [n * np.cos(n) * frame[:, 0] + n * np.sin(n) * frame[:, 1] for n in range(1, 9)]
    bowl = Bowl(np.eye(50))
    found = trajectory(bowl, principal_directions(bowl, spiral), dict(enumerate(spiral)))
    assert found.explained == pytest.approx(1)
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.slice_loss == pytest.approx(found.loss)


def test_a_plane_across_the_way_shows_none_of_it():
    bowl = Bowl(np.eye(3))
    plane = [Direction("u", np.array([1.0, 0, 0])), Direction("v", np.array([0, 1.0, 0]))]
    found = trajectory(bowl, plane, {1: np.array([3.0, 4, 0]), 2: np.array([1.0, 0, 10])})
    assert found.distance == pytest.approx([0, 10])
    assert found.loss == pytest.approx([12.5, 50.5])
    assert found.slice_loss == pytest.approx([12.5, 0.5])
    assert found.explained == pytest.approx(26 / 126)
    across = trajectory(bowl, plane, {1: np.array([0.0, 0, 2])})
    assert across.explained == pytest.approx(0)


def test_losses_of_their_own_may_be_given():
    bowl = Bowl(np.eye(2))
    plane = [Direction("u", np.array([1.0, 0]))]
    found = trajectory(bowl, plane, {1: np.ones(2)}, losses=np.array([7.0]))
    assert found.loss.tolist() == [7]
    assert found.slice_loss.tolist() == [0.5]


def test_the_centre_among_the_snapshots_changes_no_share():
    bowl = Bowl(np.eye(5))
    ways = dict(enumerate(np.random.default_rng(0).standard_normal((4, 5))))
    plane = [Direction("u", np.eye(5)[0])]
    without, with_centre = (trajectory(bowl, plane, w) for w in (ways, ways | {9: np.zeros(5)}))
    assert with_centre.chance == without.chance
    assert with_centre.variance == pytest.approx(without.variance)
    alone = trajectory(bowl, plane, {9: np.zeros(5)})
    assert (alone.explained, alone.distance.tolist()) == (1, [0])


def test_chance_is_what_a_random_walk_shows():
    assert random_walk_shares(2000)[:2] == pytest.approx(
        [8 / np.pi**2, 8 / (9 * np.pi**2)], rel=2e-3
    )
    walk = np.random.default_rng(0).standard_normal((30, 20_000)).cumsum(0)
    bowl = Bowl(np.ones((1, 1)), centre=walk[-1])
    bowl.loss = lambda w: 0.0
    points = dict(enumerate(walk[:-1]))
    found = trajectory(bowl, principal_directions(bowl, list(points.values())), points)
    assert found.variance[:2] == pytest.approx(found.chance_variance[:2], rel=0.05)
    assert found.explained == pytest.approx(found.chance, rel=0.05)
    assert found.variance[0] > 0.75


def test_too_little_to_go_by_is_said():
    bowl = Bowl(np.eye(3))
    with pytest.raises(FathomError, match="1 snapshots cannot give 2"):
        principal_directions(bowl, [np.ones(3)])
    with pytest.raises(FathomError, match="span fewer than 2"):
        principal_directions(bowl, [np.ones(3), 2 * np.ones(3)])
    with pytest.raises(FathomError, match="no snapshots"):
        trajectory(bowl, [Direction("u", np.ones(3))], {})


def drifting(share):
    """In float32 along one way, and by so much of it across; where it went, in float64."""
    torch.manual_seed(0)
    model = nn.Linear(100, 50)
    subject = Subject(model, functional.mse_loss, (torch.randn(4, 100), torch.randn(4, 50)))
    random = np.random.default_rng(0)
    along, across = np.linalg.qr(random.standard_normal((len(subject.centre), 2)))[0].T
    ways = [t * along + share * np.sin(t) * across for t in np.linspace(5, 0.3, 12)]
    points = [subject.vector(subject.array(subject.centre) + way) for way in ways]
    return subject, points, np.array([subject.array(p - subject.centre) for p in points])


@pytest.mark.parametrize("share", [1e-2, 1e-3, 1e-4])
def test_a_small_component_is_not_lost_in_single_precision(share):
    subject, points, ways = drifting(share)
    plane = principal_directions(subject, points)
    _, values, right = np.linalg.svd(ways, full_matrices=False)
    found = trajectory(subject, plane, dict(enumerate(points)))
    second = subject.array(plane[1].vector)
    assert np.linalg.norm(second) == pytest.approx(1, abs=1e-5)
    assert abs(second @ right[1]) == pytest.approx(1, abs=1e-4)
    assert found.variance[:2] == pytest.approx((values**2 / (values**2).sum())[:2], rel=1e-4)


def test_rounding_is_no_direction():
    subject, points, _ = drifting(0)
    with pytest.raises(FathomError, match="span fewer than 2"):
        principal_directions(subject, points)
