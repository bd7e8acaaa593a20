"""The axis of several runs' values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.comparison.value_axis import beyond, value_axis
from diagnostics.comparison import Curve, Overlay


def overlay(*values: Any) -> Overlay:
    curves = []
    for run, each in enumerate(values):
        found = np.asarray(each, float)
        steps = np.arange(len(found))
        curves.append(Curve(run, steps, steps.astype(float), found, found))
    return Overlay("loss", tuple(curves))


CALM = np.linspace(2, 1, 100)


@pytest.mark.parametrize(
    ("values", "scale", "kind"),
    [
        (CALM, "", "linear"),
        (np.geomspace(1, 100, 50), "", "log"),
        (np.geomspace(1, 100, 50), "linear", "linear"),
        (CALM, "log", "log"),
        (CALM - 1.5, "log", "linear"),
    ],
)
def test_decades_where_asked_for_or_spanned(values: Any, scale: str, kind: str) -> None:
    assert value_axis(overlay(values), scale)["type"] == kind


def test_usual_values_leave_the_range_to_the_picture() -> None:
    assert "range" not in value_axis(overlay(CALM, CALM / 2))
    assert len(beyond(overlay(CALM, CALM / 2))) == 0


def test_a_lone_jump_does_not_press_the_rest_flat() -> None:
    jump = CALM.copy()
    jump[50] = 1e25
    low, high = value_axis(overlay(CALM, jump))["range"]
    assert low < 1
    assert 2 < high < 3
    assert beyond(overlay(CALM, jump)).tolist() == [1e25]


def test_a_run_that_flew_off_does_not_hide_the_others() -> None:
    flown = [2, 1e5, 1e10, 1e15, 1e20]
    axis = value_axis(overlay(np.geomspace(1, 1e-3, 100), flown))
    assert axis["type"] == "log"
    assert axis["range"] == pytest.approx([-3 - np.log10(3), np.log10(3)], abs=0.2)


def test_an_honest_difference_is_held_whole() -> None:
    """Gradients that vanish in one run and not in another: seven decades, and all of them."""
    both = overlay(np.full(50, 1e-9), np.full(50, 1e-2))
    assert "range" not in value_axis(both)
    assert len(beyond(both)) == 0


def test_zeros_do_not_keep_the_rest_from_decades() -> None:
    died = np.append(np.geomspace(1, 1e-4, 40), np.zeros(10))
    assert value_axis(overlay(died))["type"] == "log"
    assert value_axis(overlay(died), "linear")["type"] == "linear"
    assert len(beyond(overlay(died))) == 0


def test_a_single_value_and_none_at_all() -> None:
    assert value_axis(overlay([3.0])) == {"type": "linear"}
    assert value_axis(overlay([np.nan])) == {"type": "linear"}
    assert value_axis(overlay([0.0, 0.0])) == {"type": "linear"}
