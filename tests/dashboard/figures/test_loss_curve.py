"""Curves that keep their extremes, an axis for what is usual, marks for what happened."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from dashboard.delta import delta
from dashboard.figures.loss_curve import MOST_COLUMNS, caption, draw
from dashboard.loss_events import SYMBOLS
from diagnostics.loss_curve import KINDS, LossCurve
from tests.dashboard.samples import HOSTILE

NOTHING = np.empty(0)
NO_STEPS = np.empty(0, np.int64)
RAW, MEDIAN = "loss, as logged", "loss, running median"


def make_curve(length: int = 50, **changes: Any) -> LossCurve:
    """A loss that falls from 2 to 1, and nothing else."""
    loss = np.linspace(2, 1, length)
    made: dict[str, Any] = {
        "run": "sample",
        "training_name": "loss",
        "validation_name": "",
        "score_name": "",
        "steps": np.arange(1, length + 1),
        "training": loss,
        "smooth": loss,
        "validation_steps": NO_STEPS,
        "validation": NOTHING,
        "score_steps": NO_STEPS,
        "score": NOTHING,
        "rate": np.full(length, np.nan),
        "chance": np.nan,
        "happened": NO_STEPS,
        "kinds": (),
        "words": (),
    }
    return LossCurve(**(made | changes))


def traces(curve: LossCurve, **wishes: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in draw(curve, **wishes).data}


def test_what_was_logged_is_drawn() -> None:
    told = {"validation_name": "val", "validation_steps": np.array([1, 9])}
    told |= {"score_name": "acc", "score_steps": np.array([9]), "score": np.array([0.9])}
    curve = make_curve(**told, validation=np.array([2.0, 3.0]), rate=np.full(50, 0.1), chance=2.3)
    drawn = traces(curve)
    assert list(drawn) == [RAW, MEDIAN, "val", "chance", "acc", "rate"]
    np.testing.assert_array_equal(drawn["val"].y, [2.0, 3.0])
    assert set(drawn["chance"].y) == {2.3}
    assert len({trace.yaxis for trace in drawn.values()}) == 3
    assert list(traces(make_curve())) == [RAW, MEDIAN]


def test_a_long_curve_keeps_its_extremes_in_few_points() -> None:
    loss = np.linspace(2, 1, 100_000)
    loss[31_414], loss[27_181] = 5.0, -5.0
    drawn = traces(make_curve(100_000, training=loss))
    assert all(len(trace.x) <= 2 * MOST_COLUMNS + 2 for trace in drawn.values())
    assert {31_415, 27_182, 1, 100_000} <= set(drawn[RAW].x.tolist())


def test_what_is_zoomed_into_is_there_as_logged() -> None:
    loss = np.random.default_rng(0).normal(size=100_000)
    curve = make_curve(100_000, training=loss)
    shown = traces(curve, span=(50_000, 50_900))[RAW]
    inside = (shown.x >= 50_000) & (shown.x <= 50_900)
    np.testing.assert_array_equal(shown.x[inside], np.arange(50_000, 50_901))
    np.testing.assert_array_equal(shown.y[inside], loss[49_999:50_900])
    around = set(traces(curve)[RAW].x.tolist())
    assert set(shown.x[~inside].tolist()) <= around | {49_999, 50_901}


def test_how_far_it_fell_and_how_it_was_thinned_out_are_said() -> None:
    told = "The running median of 'loss' went from 2 to 1."
    assert caption(make_curve()) == told
    thinned = "Each column of the faint line shows its least and its largest loss."
    assert caption(make_curve(100_000)) == f"{told} {thinned}"


def test_a_tick_sends_little_of_a_long_curve() -> None:
    noise = np.random.default_rng(0).lognormal(0, 0.05, 30_000)
    loss = (noise * np.geomspace(2.3, 0.1, 30_000)).astype(np.float32).astype(float)

    def figure(length: int) -> Any:
        smooth = np.convolve(loss, np.ones(length // 20) / (length // 20), mode="same")[:length]
        rate = np.full(length, 0.1)
        return draw(make_curve(length, training=loss[:length], smooth=smooth, rate=rate))

    for new in (1, 10, 200):
        changes = delta(figure(29_000).to_plotly_json(), figure(29_000 + new).to_plotly_json())
        assert len(json.dumps(changes)) < 4_000


def test_smoothed_as_others_do() -> None:
    loss = np.random.default_rng(0).normal(size=200)
    loss[30] = np.nan
    drawn = traces(make_curve(200, training=loss), smooth=0.9)
    assert list(drawn) == [RAW, "loss, smoothed 0.9"]
    mean, weight, expected = 0.0, 0.0, []
    for value in loss:  # a weighted mean of all so far, each 0.9 times the next
        if np.isfinite(value):
            mean, weight = 0.9 * mean + value, 0.9 * weight + 1
        expected.append(mean / weight if np.isfinite(value) else np.nan)
    np.testing.assert_allclose(drawn["loss, smoothed 0.9"].y, expected, rtol=1e-6)
    assert drawn[RAW].opacity < 0.5


def test_the_scale_is_as_wanted() -> None:
    far = np.geomspace(10, 0.01, 50)
    spans = make_curve(training=far, smooth=far)
    assert draw(make_curve(), scale="log").layout.yaxis.type == "log"
    assert draw(spans, scale="linear").layout.yaxis.type == "linear"
    some_below = make_curve(training=far - 0.02, smooth=far - 0.02)
    assert draw(some_below).layout.yaxis.type == "linear"
    assert draw(some_below, scale="log").layout.yaxis.type == "log"
    assert draw(spans, scale="log").layout == draw(spans).layout


def test_decades_only_where_the_loss_spans_them() -> None:
    far = np.geomspace(10, 0.01, 50)
    assert draw(make_curve(training=far, smooth=far)).layout.yaxis.type == "log"
    assert draw(make_curve()).layout.yaxis.type == "linear"
    below = np.linspace(10, -1, 50)
    assert draw(make_curve(training=below, smooth=below)).layout.yaxis.type == "linear"


def test_a_lone_jump_leaves_the_picture_and_is_told() -> None:
    jumped = np.linspace(2, 1, 50)
    jumped[20] = 1e9
    curve = make_curve(training=jumped)
    low, high = draw(curve).layout.yaxis.range
    assert 0 <= low < curve.smooth.min() < curve.smooth.max() < high <= 3
    assert "Beyond the axis: 1 logged value (1e+09), first at step 21." in caption(curve)
    assert draw(make_curve()).layout.yaxis.range is None
    assert "Beyond" not in caption(make_curve())


def test_nor_does_noise_stretch_an_axis_of_decades() -> None:
    smooth = np.geomspace(10, 0.1, 50)
    noisy = np.where(np.arange(50) == 30, 1e-9, smooth)
    low, high = draw(make_curve(training=noisy, smooth=smooth)).layout.yaxis.range
    assert -2 < low < -1
    assert 1 < high < 2


def test_every_kind_of_event_has_a_sign_at_its_step() -> None:
    happened = np.arange(2, 2 + len(KINDS))
    words = (HOSTILE, *["it happened"] * (len(KINDS) - 1))
    curve = make_curve(happened=happened, kinds=KINDS, words=words)
    drawn = traces(curve)
    for step, kind in zip(happened, KINDS, strict=True):
        mark = drawn[kind]
        assert (list(mark.x), mark.marker.symbol) == ([step], SYMBOLS[kind])
        assert mark.yaxis == "y9"  # above the losses, whatever their scale
    assert "<img" not in drawn[KINDS[0]].text[0]
    assert len(set(SYMBOLS.values())) == len(KINDS)
    assert "jump (step 6)" in caption(curve)


def test_several_of_a_kind_are_counted() -> None:
    curve = make_curve(happened=np.array([3, 1200]), kinds=("jump", "jump"), words=("", ""))
    assert "jump (2 times, first at step 3)" in caption(curve)


def test_names_are_text() -> None:
    changes = {"training_name": HOSTILE, "score_name": HOSTILE, "score_steps": np.array([1])}
    for scheme in ("light", "dark"):
        curve = make_curve(**changes, score=np.array([1.0]))
        written = draw(curve, scheme=scheme).to_json()  # type: ignore[arg-type]
        assert "<img" not in written


def test_a_loss_that_never_was_a_number_is_said() -> None:
    nothing = np.full(50, np.nan)
    curve = make_curve(training=nothing, smooth=nothing)
    assert "'loss' was never a number." in caption(curve)
    assert draw(curve, 10).layout.shapes[0].x0 == 10


def test_validation_alone_is_drawn() -> None:
    steps, values = np.array([5, 10]), np.array([1.0, 2.0])
    empty = {"steps": NO_STEPS, "training": NOTHING, "smooth": NOTHING, "rate": NOTHING}
    curve = make_curve(**empty, validation_name="val", validation_steps=steps, validation=values)
    assert list(traces(curve)) == ["val"]
    assert caption(curve) == ""
