"""Times to learn over frequency, as data; the model's are known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.learning_times import (
    FEW,
    levels,
    spearman_words,
    time_axes,
    time_traces,
    verdict_words,
)
from dashboard.theme import LIGHT
from diagnostics.learned_function import learned_function
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from tests.diagnostics.descents import GRID, OCTAVES, designed, steps_to

STEPS = np.unique(np.round(10 ** np.arange(0, 2.6, 1 / 8)).astype(int))


@pytest.fixture(scope="module")
def bias() -> SpectralBias:
    """Recorded eight times a decade up to step 316, where k = 16 and 32 are not half learnt."""
    whole = designed(1 / OCTAVES, 400)
    learned = learned_function(STEPS, GRID[:, None], whole.values[STEPS], whole.target)
    return spectral_bias(learned)


def test_marks_and_bars_hold_the_exact_step_between_them(bias: SpectralBias) -> None:
    for level, part in zip(levels(bias, LIGHT), (0.5, 0.9), strict=True):
        (trace,) = [each for each in time_traces(bias, LIGHT) if each.get("name") == level.name]
        exact = np.log(1 - part) / np.log(1 - 0.9 / OCTAVES[level.there] ** 2 / 2)
        top = trace["y"] + trace["error_y"]["array"]
        bottom = trace["y"] - trace["error_y"]["arrayminus"]
        later = ~np.isnan(level.found.before[level.there])
        assert (exact <= top + 1e-9).all()
        assert (bottom < exact)[later].all()
        np.testing.assert_allclose(bottom[later], level.found.before[level.there][later])
        np.testing.assert_array_equal(trace["x"], OCTAVES[level.there])
        assert set(np.round(top).astype(int)) <= set(STEPS.tolist())
        reached = steps_to(part, 1 / OCTAVES) <= STEPS[-1]
        np.testing.assert_array_equal(level.there, reached)


def test_what_is_not_learnt_is_an_arrow_at_the_last_step(bias: SpectralBias) -> None:
    (late,) = [each for each in time_traces(bias, LIGHT) if each.get("name", "").startswith("not")]
    assert late["x"].tolist() == [16, 32]
    assert late["y"].tolist() == [STEPS[-1]] * 2
    done = spectral_bias(designed(np.full(6, 0.5), 100))
    assert not [each for each in time_traces(done, LIGHT) if "not" in each.get("name", "")]


def test_the_trend_has_the_exponent_told(bias: SpectralBias) -> None:
    line = time_traces(bias, LIGHT)[0]
    (x0, x1), (y0, y1) = np.log(line["x"]), np.log(line["y"])
    assert line["mode"] == "lines"
    assert (y1 - y0) / (x1 - x0) == pytest.approx(bias.order.exponent)
    there = np.isfinite(bias.half.between)
    middle = np.log(bias.frequencies[there]).mean()
    through = y0 + (middle - x0) * bias.order.exponent
    assert through == pytest.approx(np.log(np.maximum(bias.half.between[there], 0.5)).mean())


def test_the_verdict_stands_above_with_what_it_rests_on(bias: SpectralBias) -> None:
    told = verdict_words(bias, LIGHT)["text"].split("<br>")
    assert told[0] == "<b>Low frequencies first</b>"
    assert told[1].startswith("Spearman 0.99 (95 %: ") or told[1].startswith("Spearman 1.00 (95 %")
    assert told[2].startswith(f"times go with k^{bias.order.exponent:.2f} ± ")


def test_what_is_not_known_of_an_order_is_not_said(bias: SpectralBias) -> None:
    unknown = replace(bias.order, spearman=np.nan, exponent=np.nan, exponent_error=np.nan)
    assert spearman_words(unknown) == "Spearman not told"
    assert spearman_words(replace(bias.order, spearman=-1.0, low=np.nan)) == "Spearman -1.00"
    without = replace(bias, orders=(unknown, unknown), verdict="cannot tell")
    assert verdict_words(without, LIGHT)["text"].count("<br>") == 1
    assert all(each["mode"] == "markers" for each in time_traces(without, LIGHT))


def test_few_frequencies_are_all_named(bias: SpectralBias) -> None:
    across, up = time_axes(bias)
    assert across["ticktext"] == ["1", "2", "4", "8", "16", "32"]
    assert (across["type"], up["type"]) == ("log", "log")
    many = np.arange(1.0, FEW + 2)
    wide = replace(bias, frequencies=many, told=np.ones(len(many), np.bool_))
    assert "ticktext" not in time_axes(wide)[0]


def test_frequencies_that_the_target_lacks_are_not_named(bias: SpectralBias) -> None:
    few = replace(bias, told=np.array([True, True, False, False, False, True]))
    assert time_axes(few)[0]["ticktext"] == ["1", "2", "32"]
    none = replace(bias, told=np.zeros(6, np.bool_))
    assert len(time_axes(none)[0]["ticktext"]) == 6


def test_times_close_together_have_ticks_of_their_own() -> None:
    """All within one decade, of a run that went on for long."""
    done = spectral_bias(designed(np.full(6, 0.5), 5000))
    assert np.isfinite(done.half.step).all()
    assert "dtick" not in time_axes(done)[1]
