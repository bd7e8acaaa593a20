"""A line through the data, and what is known on it."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.active.line import BEYOND, PLACES, Data, along
from diagnostics.weight_space import Floats
from probes.folder import FathomError


class Parabola:
    """Says which batch it was put on; or takes none but its own."""

    def __init__(self, takes: bool = True) -> None:
        self.takes, self.batch, self.told = takes, None, ""

    def vector(self, values: Floats) -> Floats:
        return values

    def on(self, batch, told):
        if not self.takes:
            raise FathomError("3 examples alone")
        other = Parabola()
        other.batch, other.told = batch, told
        return other


X = np.array([[3.0], [-1.0], [1.0]])


def test_the_line_goes_beyond_the_data_by_a_share_of_their_extent():
    there, line, targets = along(Parabola(), Data(X, X**2, "recorded"))
    np.testing.assert_allclose(line.places, np.linspace(-1 - 4 * BEYOND, 3 + 4 * BEYOND, PLACES))
    assert line.known.tolist() == [3.0, -1.0, 1.0]
    assert line.targets[:, 0].tolist() == [9.0, 1.0, 1.0]
    assert targets is None
    inputs, aimed = there.batch
    assert inputs.shape == aimed.shape == (PLACES, 1)
    assert there.told == "201 even places from -2 to 4"


def test_without_targets_the_batch_is_the_inputs_alone():
    there, line, _ = along(Parabola(), Data(X[:, 0], None, "recorded"))
    assert there.batch.shape == (PLACES,)
    assert np.isnan(line.targets).all()
    assert line.targets.shape == (3, 1)


def test_who_takes_no_other_batch_stays_on_the_data():
    one = Parabola(takes=False)
    there, line, targets = along(one, Data(X, X**2, "recorded"))
    assert there is one
    assert line.places.tolist() == [3.0, -1.0, 1.0]
    assert targets is not None


@pytest.mark.parametrize(
    ("inputs", "lies"),
    [
        (X, True),
        (np.float32([0, 1]), True),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), False),
        (np.ones((4, 1)), False),
        (np.array([[np.nan], [1.0]]), False),
        (np.array([[1], [2]]), False),
        (np.array([[1.0]]), False),
    ],
)
def test_one_number_an_example_and_several_of_them_lie_on_a_line(inputs, lies):
    assert Data(inputs, None, "recorded").on_a_line is lies
