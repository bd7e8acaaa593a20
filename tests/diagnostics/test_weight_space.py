import numpy as np
import pytest

from diagnostics.weight_space import Examples, Piece, length, loss_at, size
from tests.diagnostics.bowl import Bowl


def test_a_piece_is_a_view_of_its_tensor():
    vector = np.arange(10.0)
    piece = Piece("body.0.weight", (2, 3), 3, "weight")
    assert piece.stop == 9
    assert piece.layer == "body.0"
    piece.of(vector)[1, 2] = 50
    assert vector[8] == 50
    assert Piece("scale", (), 0, "bias").stop == 1


@pytest.mark.parametrize(
    ("shape", "axis", "within"),
    [((4, 3, 2, 2), 0, (1, 2, 3)), ((3, 4, 2), 1, (0, 2)), ((5,), 0, (0,)), ((), 0, ())],
)
def test_the_axes_inside_one_filter(shape, axis, within):
    assert Piece("w", shape, 0, "weight", axis).within == within


def test_means_of_examples_that_count_differently():
    examples = Examples(np.array([[1.0, 4], [0, 1]]), np.array([0.5, 1.5]))
    assert examples.means().tolist() == [3.25, 0.75]


def test_what_is_asked_of_a_space():
    bowl = Bowl(np.eye(2), floor=1.0)
    assert size(bowl) == 2
    assert length(np.array([3.0, 4])) == 5
    assert loss_at(bowl, np.array([1.0, 1])) == 2
