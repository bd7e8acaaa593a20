"""Colours outside of the band, lines that are never too long, words for what does not move."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.figures.update_ratios import MOST_COLUMNS, caption, draw
from dashboard.theme import LIGHT
from diagnostics.update_ratios import UpdateRatios
from tests.dashboard.samples import HOSTILE


def make_ratios(steps: int = 10, layers: int = 3, **changes: Any) -> UpdateRatios:
    """Each layer a tenth of the one before, the first at 1e-2."""
    ratio = np.tile(10.0 ** -(np.arange(layers) % 3 + 2), (steps, 1))
    made: dict[str, Any] = {
        "run": "sample",
        "names": tuple(f"{n}.weight" for n in range(layers)),
        "steps": np.arange(1, steps + 1),
        "ratio": ratio,
        "median": np.median(ratio, axis=1),
        "rate": np.full(steps, 0.1),
        "low": 1e-4,
        "high": 2e-2,
    }
    return UpdateRatios(**(made | changes))


def test_cells_are_decades_and_tell_ratio_and_step() -> None:
    heat = draw(make_ratios()).data[0]
    np.testing.assert_allclose(heat.z[:, 0], [-2, -3, -4], atol=1e-6)
    assert "10<sup>%{z:.2f}</sup>" in heat.hovertemplate
    assert "step %{x:,.0f}" in heat.hovertemplate


def test_the_quiet_colours_are_those_of_the_band() -> None:
    low, high = -4.0, np.log10(2e-2)
    scale = draw(make_ratios()).layout.coloraxis
    quiet = [place for place, colour in scale.colorscale if colour == LIGHT.grid]
    span = scale.cmax - scale.cmin
    np.testing.assert_allclose(scale.cmin + span * np.array(quiet), [low, high])


def test_who_stands_still_is_the_farthest_of_its_cell() -> None:
    ratios = make_ratios(20_000)
    ratios.ratio[777, 1] = 0.0
    heat, still = draw(ratios).data[:2]
    row, column = np.unravel_index(np.nanargmax(still.z), still.z.shape)
    assert row == 1
    assert abs(heat.x0 + column * heat.dx - 778) <= heat.dx / 2
    assert np.nansum(still.z) == 1
    assert "did not move" in still.hovertemplate


def test_the_band_and_the_median() -> None:
    _, band, median, rate = draw(make_ratios()).data
    assert (min(band.y), max(band.y)) == (1e-4, 2e-2)
    np.testing.assert_allclose(median.y, 1e-3)
    np.testing.assert_allclose(rate.y, 0.1)


def test_without_a_known_rate_there_is_no_chart_of_it() -> None:
    figure = draw(make_ratios(rate=np.full(10, np.nan)))
    assert [trace.name for trace in figure.data[1:]] == ["healthy", "median"]
    assert "yaxis3" not in figure.to_plotly_json()["layout"]


def test_a_long_run_of_many_layers_stays_small() -> None:
    figure = draw(make_ratios(5000, 200))
    assert len(figure.data[2].x) <= 3 * MOST_COLUMNS
    assert len(figure.to_json()) < 400_000


def test_the_cursor_lies_at_its_step_in_every_chart() -> None:
    for scheme in ("light", "dark"):
        figure = draw(make_ratios(), 7, scheme)  # type: ignore[arg-type]
        assert [(shape.x0, shape.visible) for shape in figure.layout.shapes] == [(7, True)] * 3


def test_names_are_text() -> None:
    written = draw(make_ratios(layers=1, names=(HOSTILE,)), scheme="dark").to_json()
    assert "<img" not in written
    assert "<b" not in written


def test_words_for_the_fast_the_slow_and_the_still() -> None:
    ratio = np.tile([0.5, 1e-6, 0.0, 1e-3], (10, 1))
    told = caption(make_ratios(layers=4, ratio=ratio))
    assert "Fast at the end: 0.weight." in told
    assert "Slow at the end: 1.weight." in told
    assert "Not moving at the end: 2.weight." in told
    assert "3.weight" not in told
    assert "at the end:" not in caption(make_ratios())
    lost = make_ratios(ratio=np.full((10, 3), np.nan), median=np.full(10, np.nan))
    assert "at the end:" not in caption(lost)
    assert "Blank" in caption(lost)
    assert draw(lost).data


def test_rows_are_called_as_layers_are_elsewhere() -> None:
    ratios = make_ratios(names=("enc.weight", "lstm.weight_ih", "lstm.weight_hh"))
    assert list(draw(ratios).data[0].y) == ["enc", "lstm.weight_ih", "lstm.weight_hh"]
    assert draw(ratios).layout.meta["layers"]
    assert draw(ratios).layout.meta["axes"] == ["", "2", "3"]
