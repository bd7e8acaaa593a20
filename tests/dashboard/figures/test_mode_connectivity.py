"""Line and curve between two minima."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.figures.mode_connectivity import caption, draw, numbers
from tests.dashboard.around import make_modes


def test_both_ways_on_one_axis() -> None:
    line, curve, *_ = draw(make_modes()).data
    assert max(line.y) == pytest.approx(1.1)
    assert max(curve.y) == pytest.approx(0.15)
    assert line.yaxis == curve.yaxis


def test_the_search_is_shown_with_its_running_mean() -> None:
    raw, mean = draw(make_modes(training=np.arange(1.0, 17.0))).data[2:]
    assert raw.x[-1] == 16
    np.testing.assert_allclose(mean.x, mean.y)  # of a straight line the running mean is the line


def test_what_was_not_found_proves_nothing() -> None:
    assert "connected" in caption(make_modes())
    apart = caption(make_modes(curve_barrier=0.5))
    assert "does not prove" in apart
    assert "digits-seed-2" in apart
    assert [each.value for each in numbers(make_modes())] == [1.0, 0.05, 35.0, 1.2]


def test_draws_a_wall_and_no_search() -> None:
    modes = make_modes(line=np.full(101, np.inf), training=np.array([0.3]))
    json.loads(draw(modes, scheme="dark").to_json(), parse_constant=pytest.fail)
