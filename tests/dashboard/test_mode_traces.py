"""Every number of the modes' pictures, against the closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.mode_traces import (
    BEYOND,
    EARLIEST,
    SYMBOLS,
    curve_traces,
    late,
    mode_colours,
    rank_ticks,
    spectrum_traces,
    step_ticks,
    time_range,
    time_traces,
)
from dashboard.theme import SCHEMES, palette
from diagnostics.kernel_modes import Descent
from tests.dashboard.modes import FIRST, LAST, RATE, START, VALUES, left, make_modes

COLOURS = palette("light")


@pytest.mark.parametrize("slower", [1.0, 3.0])
def test_points_are_as_measured_and_lines_as_predicted(slower: float) -> None:
    found = make_modes(slower=slower)
    traces = curve_traces(found, COLOURS)
    lines, points = traces[::2], traces[1::2]
    assert [trace["mode"] for trace in (lines[0], points[0])] == ["lines", "markers"]
    for place, mode in enumerate(found.times.leading):
        for trace, slow in ((lines[place], 1.0), (points[place], slower)):
            share = 1 - left(trace["customdata"] - START, slow)[:, mode]
            np.testing.assert_allclose(trace["y"], share, atol=1e-9)
            since = np.maximum(trace["customdata"] - START, EARLIEST)
            np.testing.assert_allclose(trace["x"], since)
        assert lines[place]["customdata"][-1] == points[place]["customdata"][-1] == LAST


def test_the_leading_modes_are_those_with_most_of_the_residual() -> None:
    found = make_modes()
    assert found.times.leading.tolist() == [0, 1, 2, 3, 4, 5]
    names = [trace["name"] for trace in curve_traces(found, COLOURS)[1::2]]
    assert names[0] == f"λ₁ ({9 / (FIRST**2).sum():.0%})"
    symbols = [trace["marker"]["symbol"] for trace in curve_traces(found, COLOURS)[1::2]]
    assert tuple(symbols) == SYMBOLS


def test_what_runs_away_leaves_the_picture() -> None:
    """At this rate the fastest mode doubles at every step."""
    found = make_modes(Descent(3 / VALUES[0]), slower=1.0)
    line = curve_traces(found, COLOURS)[0]
    seen = line["y"][np.isfinite(line["y"])]
    assert seen.min() >= BEYOND[0]
    assert seen.max() <= BEYOND[1]
    assert np.isnan(line["y"][-1])


def test_eigenvalues_and_shares_stand_at_their_ranks() -> None:
    found = make_modes()
    values, marks, shares = spectrum_traces(found, COLOURS)
    np.testing.assert_allclose(values["y"], VALUES[: found.resolved])
    assert found.resolved < len(VALUES)
    np.testing.assert_allclose(marks["y"], VALUES[np.array(marks["x"]) - 1])
    np.testing.assert_allclose(shares["y"], (FIRST**2 / (FIRST**2).sum())[: found.resolved])
    assert shares["marker"]["color"][0] == mode_colours(COLOURS)[0]
    assert rank_ticks(found) == {"tickvals": [1, 2, 5]}
    assert rank_ticks(replace(found, resolved=4)) == {"tickvals": [1, 2, 3, 4]}


def test_times_of_a_linear_model_lie_on_the_diagonal_and_slow_ones_above() -> None:
    exact = np.log(0.5) / np.log(1 - RATE * VALUES[:5])
    for slower in (1.0, 2.0):
        diagonal, _, marked = time_traces(make_modes(slower=slower, every=1), COLOURS)
        assert diagonal["x"] == diagonal["y"]
        predicted, measured = np.array(marked["x"]), np.array(marked["y"])
        assert predicted[1:] == pytest.approx(exact[1 : len(predicted)], rel=0.03)
        slow = np.log(0.5) / np.log(1 - RATE * VALUES[1 : len(predicted)] / slower)
        assert measured[1:] == pytest.approx(slow, rel=0.03)


def test_bars_reach_from_record_to_record() -> None:
    found = make_modes()
    marked = time_traces(found, COLOURS)[-1]
    bars = marked["error_y"]
    width = np.array(bars["array"]) + bars["arrayminus"]
    assert width[2:] == pytest.approx(4)  # a record at every fourth step
    assert width[:2] == pytest.approx(4 - EARLIEST)  # on a logarithm the first one is not at 0


def test_the_axes_hold_all_times_and_a_run_without_any() -> None:
    found = make_modes()
    low, high = time_range(found)
    marked = time_traces(found, COLOURS)[-1]
    for axis in "xy":
        assert low < min(marked[axis])
        assert max(marked[axis]) < high
    none = make_modes("its loss is another")
    assert time_range(none) == (EARLIEST, LAST - START)


def test_what_was_not_learnt_by_the_end_is_counted() -> None:
    learnt = int((left([LAST - START])[0, :7] <= 0.5).sum())
    expected = f"By the last step {7 - learnt} of 7 modes were not half learnt"
    assert late(make_modes()) == f"{expected} (predicted: {7 - learnt})."
    assert late(make_modes("nothing known")) == f"{expected}."


def test_no_two_modes_look_alike() -> None:
    for scheme in SCHEMES:
        assert len(set(mode_colours(palette(scheme)))) == len(SYMBOLS) == len(set(SYMBOLS))
    assert step_ticks(make_modes())["ticktext"] == ["0", "1", "10", "100"]
