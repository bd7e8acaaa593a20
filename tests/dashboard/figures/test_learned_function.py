"""The function, its error and the slider, as data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.figures.learned_function import (
    FEWEST_STOPS,
    MOST_OUTPUTS,
    MOST_STOPS,
    caption,
    choices,
    draw,
)
from dashboard.step_slider import PLAYED
from dashboard.theme import safe
from diagnostics.learned_function import LearnedFunction, learned_function
from diagnostics.run import FathomError
from tests.dashboard.around import make_about
from tests.dashboard.samples import HOSTILE

X = np.linspace(0, 1, 20)
STEPS = np.unique(np.round(10 ** np.arange(0, 4, 1 / 16)).astype(int))


def make_learned(steps: Any = STEPS, outputs: int = 1, x: Any = X) -> LearnedFunction:
    """Each output n goes to (n + 1) x, as 1 / step is left of it."""
    target = np.asarray(x)[:, None] * np.arange(1, outputs + 1)
    steps = np.asarray(steps)
    left = 1 / np.maximum(steps, 1)
    return learned_function(steps, x, (1 - left)[:, None, None] * target, target)


def grid(count: int) -> Any:
    axis = np.linspace(-1, 1, count)
    return np.stack([each.ravel() for each in np.meshgrid(axis, axis)], 1)


def make_plane(steps: Any = STEPS, count: int = 5) -> LearnedFunction:
    inputs = grid(count)
    left = 1 / np.asarray(steps)
    return learned_function(steps, inputs, (1 - left)[:, None] * inputs.prod(1), inputs.prod(1))


def slider(figure: Any) -> Any:
    return figure.layout.sliders[0]


@pytest.mark.parametrize("made", [make_learned, make_plane])
def test_each_stop_carries_the_function_of_its_step(made: Any) -> None:
    learned = made()
    figure = draw(learned)
    for stop in slider(figure).steps:
        change, layout, traces = stop.args
        record = learned.steps.tolist().index(int(stop.value))
        (values,) = change.values()
        written = np.array(values, np.float64).ravel()
        np.testing.assert_allclose(np.sort(written), np.sort(learned.values[record].ravel()), 1e-4)
        (cursor,) = layout["shapes"]
        assert cursor["x0"] == pytest.approx(np.log10(learned.steps[record]))
        assert list(traces) == [0]
        assert figure.data[traces[0]].hovertemplate.startswith("network")


def test_the_slider_has_first_last_and_chosen_step_and_not_too_many() -> None:
    learned = make_learned(range(1, 3000))
    stops = slider(draw(learned, step=333))
    values = [int(stop.value) for stop in stops.steps]
    assert {1, 333, 2999} <= set(values)
    assert values == sorted(values)
    assert len(values) <= MOST_STOPS + 1
    assert values[stops.active] == 333
    large = slider(draw(make_plane(count=90))).steps
    assert len(large) <= FEWEST_STOPS + 1


def test_what_has_several_stops_asks_for_a_player_and_leaves_room_for_it() -> None:
    for made in (make_learned, make_plane):
        figure = draw(made())
        assert figure.layout.meta["player"] is True
        assert slider(figure).pad.l == PLAYED
    assert "narrow" in draw(make_plane()).layout.meta
    assert draw(make_learned([7])).layout.meta["player"] is False


def test_the_error_is_the_mean_square_at_every_step_and_a_click_knows_its_step() -> None:
    learned = make_learned()
    error = draw(learned).data[-1]
    np.testing.assert_allclose(error.y, (X**2).mean() / STEPS.astype(float) ** 2)
    assert error.customdata.tolist() == STEPS[:, None].tolist()
    np.testing.assert_allclose(10**error.x, STEPS)


def test_a_training_that_ends_in_nan_opens_where_there_is_something_to_see() -> None:
    learned = make_learned()
    learned.values[-5:] = np.nan
    stops = slider(draw(learned))
    assert stops.steps[stops.active].value == str(STEPS[-6])
    assert stops.steps[-1].value == str(STEPS[-1])
    assert "to NaN or infinity" in caption(learned)


def test_outputs_are_chosen_one_by_one() -> None:
    assert choices(make_learned()) == {"view": ("output 0",)}
    many = make_learned(outputs=9)
    views = choices(many)["view"]
    assert len(views) == MOST_OUTPUTS
    for n, view in enumerate(views):
        np.testing.assert_allclose(draw(many, view=view).data[1].y, (n + 1) * X, rtol=1e-4)
    with pytest.raises(ValueError, match="no view 'output 8'"):
        draw(many, view="output 8")
    assert f"first {MOST_OUTPUTS} of 9 outputs" in caption(many)


def test_classes_are_probabilities_under_their_own_numbers() -> None:
    values = np.zeros((2, 20, 3))
    learned = learned_function([1, 2], X, values, np.arange(20) % 3)
    assert choices(learned)["view"] == ("class 0", "class 1", "class 2")
    figure = draw(learned, view="class 1")
    assert figure.layout.yaxis.title.text == "probability"
    np.testing.assert_allclose(figure.data[0].y, 1 / 3, rtol=1e-4)
    assert list(figure.data[1].y) == [float(n % 3 == 1) for n in range(20)]


def test_without_a_target_there_is_no_error() -> None:
    alone = learned_function(STEPS, X, make_learned().values)
    figure = draw(alone)
    assert len(figure.data) == 1
    assert not figure.layout.shapes
    assert "The target is not known" in caption(alone)


def test_many_inputs_are_refused_with_what_to_do() -> None:
    learned = learned_function([0], np.zeros((5, 784)), np.zeros((1, 5)), np.zeros(5))
    with pytest.raises(FathomError, match="784 inputs cannot be drawn; draw it along a line"):
        draw(learned)


def test_the_caption_says_where_it_is_from_and_how_far_it_came() -> None:
    told = caption(replace(make_learned([1, 10]), about=make_about()))
    assert "20 examples, given, along the input" in told
    assert f"from {(X**2).mean():.3g} to {(X**2).mean() / 100:.3g}" in told
    assert "256 examples of the recorded batch" in told
    assert "of two inputs" in caption(make_plane())


@pytest.mark.parametrize("made", [make_learned, make_plane])
def test_what_is_drawn_is_json_whatever_the_numbers(made: Any) -> None:
    learned = replace(made(), run=HOSTILE)
    learned.values[3:6] = [[[np.nan]], [[np.inf]], [[-1e300]]]
    with np.errstate(over="ignore"):
        figure = draw(learned, scheme="dark")
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert figure.layout.uirevision == safe(HOSTILE)


@pytest.mark.parametrize("steps", [[7], [0, 5]])
def test_few_steps_are_drawn(steps: list[int]) -> None:
    assert [stop.value for stop in slider(draw(make_learned(steps))).steps] == [*map(str, steps)]
