"""What the picture of a coverage shows, and what is said under it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from dashboard.figures.coverage import (
    ASIDE,
    FEW,
    FITS,
    PANEL,
    SHAPE,
    caption,
    draw,
    numbers,
    verdict,
)
from dashboard.panel import draw as draw_any
from diagnostics.coverage import coverage
from tests.dashboard.samples import HOSTILE
from tests.dashboard.scores.samples import ABOUT, regression

KINDS = {
    "too narrow": regression(0.5),
    "right": regression(1.0),
    "too wide": regression(2.0),
    "aside": regression(1.0, shift=0.25),
    "one": regression(1.0, examples=1),
    "one level": coverage(np.zeros(9), np.ones(9), np.arange(9.0), levels=[0.5]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_draws_whatever_was_computed(kind: str, scheme: Any) -> None:
    figure = draw(KINDS[kind], scheme=scheme)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert {trace.xaxis for trace in figure.data} == {"x", "x2"}
    assert caption(KINDS[kind])
    assert numbers(KINDS[kind])


def test_the_verdict_is_by_the_spread_and_then_by_the_mean() -> None:
    assert verdict(KINDS["too narrow"]) == "Too narrow"
    assert verdict(KINDS["too wide"]) == "Too wide"
    assert verdict(KINDS["right"]) == FITS
    assert verdict(KINDS["aside"]) == ASIDE


def test_a_shape_that_no_factor_mends_is_not_said_to_fit() -> None:
    """A narrow middle and wide tails: together as wide as a normal distribution."""
    random = np.random.default_rng(0)
    y = random.standard_normal(4000) * np.where(random.random(4000) < 0.1, 2.8, 0.5)
    tails = coverage(np.zeros(4000), np.full(4000, np.sqrt((y**2).mean())), y)
    assert verdict(tails) == SHAPE
    title = draw(tails).layout.title.text
    assert title == f"<b>{SHAPE}: PIT {tails.pit.ks:.3g} from uniform</b>"


def test_one_example_tells_nothing() -> None:
    assert verdict(KINDS["one"]) == FEW
    assert caption(KINDS["one"]).startswith("Too few to tell. ")
    assert draw(KINDS["one"]).layout.title.text == f"<b>{FEW}</b>"


def test_every_bar_has_room_above_it() -> None:
    for found in KINDS.values():
        assert draw(found).layout.yaxis2.range[1] > found.pit.count.max()


def test_the_factor_that_mends_the_spread_is_the_one_that_broke_it() -> None:
    found = KINDS["too narrow"]
    wide = found.dispersion
    assert abs(wide.factor - 2) < 4 * wide.error
    title = draw(found).layout.title.text
    assert title == f"<b>Too narrow: sigma times {wide.factor:.3g} ± {wide.error:.1g}</b>"
    bias = KINDS["aside"].bias
    assert f"bias {bias.value:.3g} ± {bias.error:.1g}" in draw(KINDS["aside"]).layout.title.text


def test_the_level_that_is_told_holds_what_the_closed_form_says() -> None:
    found = regression(0.5, examples=20_000)
    exact = 2 * norm.cdf(0.5 * norm.ppf(0.95)) - 1
    (marked,) = [trace for trace in draw(found).data if trace.name == "one level"]
    assert marked.x[0] == pytest.approx(0.9)
    assert marked.y[0] == pytest.approx(exact, abs=0.012)
    assert f"Intervals of 90 % hold {marked.y[0]:.1%}" in caption(found)


def test_numbers_are_the_analysis_s_own() -> None:
    found = KINDS["too wide"]
    named = {each.name: each for each in numbers(found)}
    assert named["dispersion"].value == found.dispersion.factor
    assert named["miscalibration area"].error == found.area.error
    assert named["sharpness"].value == pytest.approx(2)
    assert named["signed area"].value == found.area.signed > 0


def test_a_name_is_text_and_the_data_are_said() -> None:
    found = replace(KINDS["right"], about=replace(ABOUT, run=HOSTILE))
    assert "<img" not in draw(found).to_json()
    assert caption(found).endswith("Data: some examples. Precision: float32.")
    assert PANEL.stored.label(found) == "step 3: some examples"
    assert PANEL.stored.label(KINDS["one level"]) == "predictions given"


def test_it_is_drawn_by_its_kind() -> None:
    assert draw_any(KINDS["right"], scheme="dark").data
