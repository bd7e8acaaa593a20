"""The heat map of what is learnt, its marks and its words; the model is known in closed form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.figures.spectral_bias import (
    MOST_BINS,
    PANEL,
    SMALLEST,
    VIEWS,
    caption,
    choices,
    draw,
    numbers,
)
from dashboard.theme import LIGHT, safe
from diagnostics.learned_function import LearnedFunction, learned_function
from diagnostics.predicted_bias import PredictedBias, refused
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from tests.dashboard.around import make_about
from tests.dashboard.samples import HOSTILE
from tests.diagnostics.descents import GRID, OCTAVES, RATE, designed


@pytest.fixture(scope="module")
def learned() -> LearnedFunction:
    return designed(1 / OCTAVES, 400)


@pytest.fixture(scope="module")
def bias(learned: LearnedFunction) -> SpectralBias:
    return spectral_bias(learned)


def heat_maps(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def left_after(steps: Any) -> Any:
    """Of each frequency [k, …] by gradient descent."""
    return (1 - RATE / OCTAVES[:, None] ** 2 / 2) ** steps


@pytest.mark.parametrize("view", VIEWS)
def test_each_cell_is_what_gradient_descent_leaves_at_its_step(
    bias: SpectralBias, view: Any
) -> None:
    (heat,) = heat_maps(draw(bias, view=view))
    rows, told, steps = np.moveaxis(np.array(heat.customdata), -1, 0)
    np.testing.assert_array_equal(rows, np.broadcast_to(OCTAVES[:, None], rows.shape))
    left = left_after(steps)
    np.testing.assert_allclose(told, left if view == "error" else 1 - left, atol=1e-6)
    shown = np.log10(left.clip(SMALLEST)) if view == "error" else 1 - left
    np.testing.assert_allclose(heat.z, shown, atol=1e-4)


def test_a_cell_lies_where_its_step_is(bias: SpectralBias) -> None:
    (heat,) = heat_maps(draw(bias))
    places = heat.x0 + heat.dx * np.arange(np.shape(heat.z)[1])
    steps = np.array(heat.customdata)[0, :, 2]
    assert MOST_BINS / 2 <= len(places) <= MOST_BINS
    np.testing.assert_allclose(places[[0, -1]], np.log10([1, 401]), atol=heat.dx / 2)
    assert (steps[0], steps[-1]) == (0, 400)
    late = steps > 100  # before that, records are further apart than bins
    assert np.abs(np.log10(steps[late] + 1) - places[late]).max() <= heat.dx


def test_marks_lie_on_their_rows_at_the_steps_they_were_reached(bias: SpectralBias) -> None:
    dots = [trace for trace in draw(bias).data if trace.type == "scatter"]
    marks = [trace for trace in dots if trace.mode == "markers" and not trace.xaxis]
    assert [trace.name for trace in marks] == ["half learnt", "90 % learnt"]
    for trace, found in zip(marks, bias.reached, strict=True):
        np.testing.assert_array_equal(trace.y, np.flatnonzero(np.isfinite(found.step)))
        shown = 10 ** np.array(trace.x) - 1
        there = np.isfinite(found.step)
        assert (shown <= found.step[there] + 1e-9).all()
        assert (shown > found.before[there]).all()


def test_a_frequency_that_the_target_lacks_is_grey(learned: LearnedFunction) -> None:
    lacking = spectral_bias(learned, [1, 3, 8, 16])
    _, grey = heat_maps(draw(lacking))
    assert grey.colorscale[0][1] == LIGHT.missing
    assert np.isfinite(np.array(grey.z, float)).any(1).tolist() == [False, True, False, False]
    assert "Grey" in caption(lacking)


def test_predictions_that_end_in_nan_are_magenta(learned: LearnedFunction) -> None:
    values = learned.values.copy()
    values[300:] = np.nan
    broken = spectral_bias(replace(learned, values=values))
    _, magenta = heat_maps(draw(broken))
    assert magenta.colorscale[0][1] == LIGHT.nonfinite
    steps = np.array(magenta.customdata)[..., 2]
    np.testing.assert_array_equal(np.isfinite(np.array(magenta.z, float)), steps >= 300)
    assert "Magenta" in caption(broken)
    assert "Magenta" not in caption(spectral_bias(learned))


def test_the_views_are_those_of_the_panel(bias: SpectralBias) -> None:
    assert choices(bias) == {"view": VIEWS}
    with pytest.raises(ValueError, match="no view 'phase'"):
        draw(bias, view="phase")  # type: ignore[arg-type]


def test_the_caption_gives_the_verdict_its_reason_and_what_the_grid_hides(
    bias: SpectralBias,
) -> None:
    told = caption(replace(bias, about=make_about()))
    assert told.startswith(f"Low frequencies first: {bias.why}.")
    assert "exact sums on an even grid of 256" in told
    assert "faster than k = 128 looks like something slower" in told
    assert "256 examples of the recorded batch" in told


def test_numbers_tell_each_frequencys_half_with_half_its_gap(learned: LearnedFunction) -> None:
    some = np.array([0, 1, 10, 100, 400])
    few = learned_function(some, GRID[:, None], learned.values[some], learned.target)
    named = {each.name: each for each in numbers(spectral_bias(few))}
    assert named["k = 2"].error == 4.5  # between 1 and 10
    assert 1 < named["k = 2"].value < 10
    assert "nine tenths" in named["k = 2"].meaning
    assert named["k = 32"].value == "not by the last step"
    assert named["order"].value.startswith("Spearman ")


def test_a_half_that_was_lost_again_is_told(learned: LearnedFunction) -> None:
    values = learned.values[[0, 50, 50, 50, 50]].copy()
    values[2] = 0
    again = learned_function(range(5), GRID[:, None], values, learned.target)
    (one, *_) = [each for each in numbers(spectral_bias(again)) if each.name == "k = 1"]
    assert "lost again in 33% of the later records" in one.meaning


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("steps", [[0], [400], [0, 400], range(0, 400, 40)])
def test_draws_whatever_was_computed(learned: LearnedFunction, steps: Any, view: Any) -> None:
    few = learned_function(steps, GRID[:, None], learned.values[list(steps)], learned.target)
    found = replace(spectral_bias(few), run=HOSTILE)
    figure = draw(found, scheme="dark", view=view)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert figure.layout.uirevision == safe(HOSTILE)
    assert caption(found)
    assert numbers(found)


def test_its_label_tells_frequencies_and_source(bias: SpectralBias) -> None:
    assert PANEL.stored.label(bias) == "k = 1, 2, 4, 8, 16, 32; given"


@pytest.fixture(scope="module")
def forecast(bias: SpectralBias) -> SpectralBias:
    """As the kernel of this very model predicts it: k = 1 is half learnt 1.16 steps on."""
    exact = [np.log(1 - level) / np.log(1 - RATE / OCTAVES**2 / 2) for level in (0.5, 0.9)]
    times = tuple(
        replace(each, between=np.where(steps <= 400, steps, np.inf))
        for each, steps in zip(bias.reached, exact, strict=True)
    )
    told = PredictedBias(0, "", -1, bias.steps, bias.ratio, times)
    return replace(bias, predicted=told)


def test_predicted_times_are_dashed_over_the_rows_and_beside_them(forecast: SpectralBias) -> None:
    drawn = [trace for trace in draw(forecast).data if trace.name and "predicted" in trace.name]
    over, beside = drawn[::2], drawn[1::2]
    assert forecast.predicted
    for first, second, level in zip(over, beside, forecast.predicted.reached, strict=True):
        there = np.isfinite(level.between)
        assert first.line.dash == second.line.dash == "dash"
        np.testing.assert_array_equal(first.y, np.flatnonzero(there))
        np.testing.assert_allclose(10**first.x - 1, level.between[there])
        np.testing.assert_array_equal(second.x, OCTAVES[there])
        np.testing.assert_allclose(second.y, level.between[there])
        assert (second.xaxis, second.showlegend) == ("x2", False)
        assert first.mode == second.mode == "lines+markers"  # a lone time is seen as well
    half = forecast.reached[0].between
    there = np.isfinite(half)
    np.testing.assert_allclose(10 ** over[0].x - 1, half[there], rtol=0.15)


def test_predicted_times_lie_on_their_rows_in_whatever_order_these_are(
    forecast: SpectralBias,
) -> None:
    """Frequencies are as they were named: the fastest first, say."""
    assert forecast.predicted
    turned = tuple(replace(each, between=each.between[::-1]) for each in forecast.predicted.reached)
    backwards = replace(
        forecast,
        frequencies=forecast.frequencies[::-1],
        predicted=replace(forecast.predicted, reached=turned),
    )
    over, beside = [
        trace for trace in draw(backwards).data if trace.name == "half learnt, predicted"
    ]
    np.testing.assert_array_equal(backwards.frequencies[over.y.astype(int)], beside.x)
    assert (np.diff(beside.x) > 0).all()
    assert (np.diff(over.x) > 0).all()  # the slower the later


def test_how_far_it_holds_and_why_it_is_refused_are_said(forecast: SpectralBias) -> None:
    assert forecast.predicted
    assert "kernel at step 0, which to the end is off by less" in caption(forecast)
    off = replace(forecast, predicted=replace(forecast.predicted, departs=1234))
    assert "which until step 1,234 is off by less than a tenth" in caption(off)
    none = replace(forecast, predicted=refused("the run had Adam", 0))
    assert "What the kernel predicts is not drawn: the run had Adam." in caption(none)
    assert not [trace for trace in draw(none).data if "predicted" in (trace.name or "")]
    assert "Dashed" not in caption(replace(forecast, predicted=None))
