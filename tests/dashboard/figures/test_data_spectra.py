"""Smooth and fine parts as data; the network learns each at a rate that is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.figures.data_spectra import PANEL, caption, draw, numbers, told_width
from dashboard.theme import palette, safe
from diagnostics.data_spectra import DataSpectra, data_spectra
from tests.dashboard.around import make_about
from tests.dashboard.samples import HOSTILE
from tests.diagnostics.test_data_spectra import STEPS, cloud, growing, waves


def made(slow: float, fast: float) -> DataSpectra:
    inputs, _, along = cloud(200)
    parts, rates = waves(along, slow, fast)
    return data_spectra(growing(inputs, parts, rates))


@pytest.fixture(scope="module")
def spectra() -> DataSpectra:
    return made(0.2, 0.02)


def panes(figure: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for trace in figure.data:
        found.setdefault(trace.xaxis or "x", []).append(trace)
    return found


def test_curves_are_the_errors_of_both_parts_at_every_width(spectra: DataSpectra) -> None:
    curves, split = panes(draw(spectra))["x"], spectra.filtered
    assert len(curves) == 2 * len(split.widths)
    (low, high) = curves[-2:]
    at = told_width(spectra)
    assert np.abs(split.share - 0.5)[at] == np.abs(split.share - 0.5).min()
    for trace, table, colour in ((low, split.low, "accent"), (high, split.high, "chosen")):
        np.testing.assert_allclose(trace.y, table[:, at])
        np.testing.assert_allclose(10**trace.x - 1, STEPS, atol=1e-9)
        assert trace.line.color == getattr(palette("light"), colour)
        assert (trace.line.dash, trace.showlegend) == ("solid", True)
    assert {trace.line.dash for trace in curves[:-2]} == {"dot"}


def test_times_stand_at_their_widths_and_what_was_never_learnt_at_the_end() -> None:
    never = made(0.2, 1e-4)
    marks = panes(draw(never))["x2"]
    assert [trace.marker.symbol for trace in marks] == ["circle", "diamond", "triangle-up-open"]
    there = np.isfinite(never.filtered.low_step)
    np.testing.assert_allclose(marks[0].y, np.maximum(never.filtered.low_step[there], 0.5))
    np.testing.assert_allclose(marks[0].x, never.filtered.widths[there])
    late = np.isinf(never.filtered.high_step)
    assert late.any()
    np.testing.assert_allclose(marks[2].x, never.filtered.widths[late])
    assert set(marks[2].y) == {float(STEPS[-1])}


def test_where_neither_part_was_learnt_both_are_seen() -> None:
    """At the same place, so one stands around the other."""
    none = panes(draw(made(1e-4, 1e-5)))["x2"]
    low, high = (trace for trace in none if trace.marker.symbol == "triangle-up-open")
    assert np.isin(high.x, low.x).any()
    assert low.marker.size > 1.5 * high.marker.size
    assert low.marker.color != high.marker.color


def test_roughness_lies_between_that_of_the_target_and_of_chance(spectra: DataSpectra) -> None:
    network, target, chance = panes(draw(spectra))["x3"]
    np.testing.assert_allclose(network.y, spectra.roughness.values)
    assert set(target.y) == {spectra.roughness.target}
    assert set(chance.y) == {spectra.roughness.chance}
    assert (target.line.dash, chance.line.dash) == ("dash", "dot")


def test_waves_along_the_line_are_drawn_if_any_was_learnt(spectra: DataSpectra) -> None:
    assert "x4" in panes(draw(spectra))
    assert "Waves run along the direction in which inputs differ most" in caption(spectra)
    nothing = replace(spectra.along.half, between=np.full(20, np.nan))
    bare = replace(spectra, along=replace(spectra.along, reached=(nothing, nothing)))
    figure = draw(bare)
    assert "x4" not in panes(figure)
    assert figure.layout.xaxis3.domain == (0, 1)
    assert "no wave of the target was learnt" in caption(bare)


def test_the_caption_says_which_decomposition_it_is(spectra: DataSpectra) -> None:
    told = caption(replace(spectra, about=make_about(), population=9000))
    assert "12 features have no one direction for waves" in told
    assert "200 examples, drawn from 9,000 (given) are split by Gaussians" in told
    assert "Low frequencies first: of" in told
    assert "graph of 6 nearest neighbours" in told
    assert "256 examples of the recorded batch" in told
    assert "High frequencies first" in caption(made(0.02, 0.2))


def test_each_width_has_its_numbers(spectra: DataSpectra) -> None:
    rough, first, *others = numbers(spectra)
    assert rough.value == spectra.roughness.values[-1]
    assert first.value == spectra.filtered.share[0]
    assert f"by step {spectra.filtered.low_step[0]:,.0f}" in first.meaning
    assert len(others) == len(spectra.filtered.widths) - 1
    never = numbers(made(0.2, 1e-4))[1]
    assert never.meaning.endswith("half of the fine part not by the last step")


@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_drawn_is_json_whatever_the_numbers(spectra: DataSpectra) -> None:
    inputs, _, along = cloud(60)
    learned = growing(inputs, *waves(along, 0.2, 0.02))
    learned.values[20:] = np.nan
    learned.values[10] = 1e300
    wild = replace(data_spectra(learned), run=HOSTILE)
    figure = draw(wild, scheme="dark")
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert figure.layout.uirevision == safe(HOSTILE)
    assert PANEL.stored.label(spectra) == "200 examples, given"
