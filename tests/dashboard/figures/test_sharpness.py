"""Every definition under its own name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.figures.sharpness import caption, draw, numbers
from tests.dashboard.around import make_sharpness


def test_four_rises_and_the_radii_at_which_the_loss_doubled() -> None:
    rises, radii = draw(make_sharpness()).data
    assert dict(zip(rises.y, rises.x, strict=True)) == {
        "SAM's step": 2e-4,
        "ball": 5e-4,
        "adaptive ball": 0.5,
        "noise": 3e-3,
    }
    assert rises.error_x.array[3] == 1e-4
    assert len(radii.x) == 9


def test_a_rise_that_is_none_makes_the_axis_linear() -> None:
    assert draw(make_sharpness()).layout.xaxis.type == "log"
    assert draw(make_sharpness(sam_step=0.0)).layout.xaxis.type == "linear"


def test_directions_along_which_it_never_doubles_are_said() -> None:
    assert "did not double along 1 " in caption(make_sharpness())
    named = {each.name: each for each in numbers(make_sharpness())}
    assert named["doubling radius"].value == pytest.approx(0.55)
    assert "along 1 it does not" in named["doubling radius"].meaning
    assert "0.05" in named["ball"].meaning


@pytest.mark.parametrize("doubling", [np.full(10, np.inf), np.array([])])
def test_draws_whatever_was_computed(doubling: np.ndarray) -> None:
    sharpness = make_sharpness(doubling=doubling, adaptive_rise=np.inf)
    json.loads(draw(sharpness, scheme="dark").to_json(), parse_constant=pytest.fail)
    assert numbers(sharpness)
