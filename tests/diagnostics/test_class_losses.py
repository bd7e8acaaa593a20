import numpy as np
import pytest
from scipy.interpolate import interpn

from diagnostics.class_losses import ByClass, between
from diagnostics.weight_space import Examples
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl, Clusters


def test_the_means_are_those_of_each_classs_examples_alone():
    space = Clusters([5, 30, 1])
    by_class, point = ByClass(space), np.array([0.7, -1.1])
    assert by_class.names == ("0", "1", "2")
    expected = [space.class_loss(label, *point) for label in range(3)]
    assert by_class.means(space.examples_at(point)) == pytest.approx(expected, rel=1e-12)


def test_classes_together_are_the_whole():
    space = Clusters([5, 30, 1])
    found = space.examples_at(np.array([0.7, -1.1]))
    shares = [space.weights[space.classes == label].sum() for label in range(3)]
    together = np.dot(shares, ByClass(space).means(found)) / sum(shares)
    assert together == pytest.approx(found.means()[0], rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "many"), [([9], 0), ([3] * 2, 2), ([3] * 12, 12), ([3] * 13, 0)]
)
def test_one_class_is_the_whole_and_more_than_twelve_are_too_many(counts, many):
    assert len(ByClass(Clusters(counts)).names) == many


def test_without_classes_there_are_none():
    assert ByClass(Bowl(np.eye(2))).names == ()


def test_what_counts_for_nothing_is_of_no_class():
    space = Clusters([4, 4, 4, 4])
    space.weights[8:12] = 0
    space.classes[12:] = -100
    assert ByClass(space).names == ("0", "1")


def test_a_class_for_each_example_or_it_is_said():
    space = Clusters([4, 4])
    space.classes = space.classes[:-1]
    with pytest.raises(FathomError, match="7 classes of 8 examples"):
        ByClass(space)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_hole_is_its_own_classs_alone(hole):
    space = Clusters([2, 2])
    space.weights[:] = [1, 1, 2, 0]
    found = ByClass(space).means(Examples(np.array([[1.0, hole, 5.0, hole]]), space.weights))
    assert found.tobytes() == np.array([hole, 5.0]).tobytes()


def coarse(shape, step=4):
    known = np.zeros(shape, bool)
    known[tuple(slice(None, None, step) for _ in shape)] = True
    return known


@pytest.mark.parametrize("shape", [(25,), (25, 25)])
@pytest.mark.parametrize("law", [np.exp, lambda bend: bend - 0.8])
def test_between_nodes_it_is_smooth(shape, law):
    """Far nearer than by straight lines, on a logarithm and where there is none."""
    axes = [np.linspace(-1, 1, count) for count in shape]
    truth = law(np.cos(sum(np.meshgrid(*axes))))
    known = coarse(shape)
    torn = np.where(known, truth, np.nan)
    (found,) = between(torn[None], known, truth)
    assert (found[known] == truth[known]).all()
    corners = [axis[::4] for axis in axes]
    straight = interpn(
        corners, truth[known].reshape(7, -1).squeeze(), np.stack(np.meshgrid(*axes), -1)
    )
    assert np.abs(found - truth).max() < 0.5 * np.abs(straight - truth).max()
    assert np.abs(found - truth).mean() < 0.3 * np.abs(straight - truth).mean()


def test_a_hole_of_the_whole_is_one_of_the_class_that_made_it():
    known = coarse((13, 13), 3)
    x = np.meshgrid(np.arange(13), np.arange(13))[0]
    whole = np.where(x > 7, np.inf, 1.0)
    losses = np.where(known, [whole, np.full((13, 13), 2.0)], np.nan)
    guilty, innocent = between(losses, known, whole)
    assert (np.isinf(guilty) == (x > 7)).all()
    assert guilty[:, :8] == pytest.approx(1.0)
    assert innocent == pytest.approx(2.0)


@pytest.mark.parametrize("there", [[], [(0, 0)], [(0, 0), (4, 4), (8, 8), (12, 12)]])
def test_of_too_few_nodes_the_nearest(there):
    known, losses = coarse((13, 13), 4), np.full((13, 13), np.nan)
    for n, place in enumerate(there):
        losses[place] = 1.0 + n
    (found,) = between(losses[None], known, np.ones((13, 13)))
    assert np.isfinite(found).sum() == (169 - (16 - len(there)) if there else 0)
    assert set(found[np.isfinite(found)]) == {1.0 + n for n in range(len(there))}


def test_a_class_without_logarithms_takes_none_from_the_others():
    known, x = coarse((21, 21), 5), np.linspace(0, 1, 21)
    truths = np.stack([np.exp(8 * x + 0 * x[:, None]), x + x[:, None] - 1])
    found = between(np.where(known, truths, np.nan), known, truths.sum(0))
    assert found == pytest.approx(truths, rel=1e-6, abs=1e-6)  # planes, on one scale or the other


def test_of_very_many_nodes_those_around_tell(monkeypatch):
    known, x = coarse((41, 41), 4), np.linspace(0, 2, 41)
    truth = np.exp(np.sin(x) * np.cos(x[:, None]))
    torn = np.where(known, truth, np.nan)[None]
    whole = between(torn, known, truth)[0]
    monkeypatch.setattr("diagnostics.class_losses.AT_ONCE", 50)
    around = between(torn, known, truth)[0]
    assert 0 < np.abs(around - whole).max() < 2e-3
    assert np.abs(around - truth).max() < 0.01 * np.ptp(truth)
