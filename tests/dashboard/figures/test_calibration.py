"""What the picture of a calibration shows, and what is said under it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.figures.calibration import PANEL, VIEWS, caption, choices, draw, numbers, verdict
from dashboard.panel import draw as draw_any
from diagnostics.calibration import calibration
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.samples import HOSTILE, train
from tests.dashboard.scores.samples import ABOUT, classifier

KINDS = {
    "too sure": classifier(4.0),
    "calibrated": classifier(1.0),
    "not sure enough": classifier(0.25),
    "many classes": classifier(2.0, classes=30),
    "few": classifier(1.0, examples=3),
    "all right": calibration(np.tile([0.9, 0.1], (30, 1)), np.zeros(30, int)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("scheme", "view"), [("light", None), ("dark", VIEWS[1])])
def test_draws_whatever_was_computed(kind: str, scheme: Any, view: str | None) -> None:
    figure = draw(KINDS[kind], scheme=scheme, view=view)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert {trace.xaxis for trace in figure.data} == {"x", "x2", "x3"}
    assert caption(KINDS[kind])
    assert numbers(KINDS[kind])


def test_the_verdict_is_by_what_chance_would_show() -> None:
    assert verdict(KINDS["too sure"]) == "Too sure"
    assert verdict(KINDS["calibrated"]) == "Within chance"
    assert verdict(KINDS["not sure enough"]) == "Not sure enough"
    both = replace(KINDS["too sure"], accuracy_interval=(0.0, 1.0))
    assert verdict(both) == "Miscalibrated"


def test_a_temperature_that_is_clear_of_1_is_not_called_chance() -> None:
    """Of few examples the ECE sees nothing where the temperature does."""
    few = classifier(2.0, examples=60)
    warmth = few.temperature
    assert warmth
    assert few.equal_mass.chance > 0.05
    assert warmth.value - 1 > 2 * warmth.error
    assert verdict(few) == "Too sure"
    title = draw(few).layout.title.text
    assert title == f"<b>Too sure: temperature {warmth.value:.3g} ± {warmth.error:.1g}</b>"
    assert verdict(replace(few, temperature=None)) == "Within chance"


def test_the_ece_stands_beside_its_floor() -> None:
    found = KINDS["too sure"]
    for view, bins in zip(VIEWS, (found.equal_mass, found.equal_width), strict=True):
        title = draw(found, view=view).layout.title.text
        assert title == f"<b>Too sure: ECE {bins.ece:.2g}, by chance {bins.floor:.2g}</b>"
    told = caption(found)
    mass = found.equal_mass
    assert f"{mass.ece:.3g} ± {mass.error:.1g} (95 %: {mass.interval[0]:.3g}" in told
    assert f"would show {mass.floor:.3g} ± " in told


def test_the_temperature_is_the_factor_that_was_put_in() -> None:
    warmth = KINDS["too sure"].temperature
    assert warmth
    assert abs(warmth.value - 4) < 4 * warmth.error
    told = caption(KINDS["too sure"])
    assert f"best temperature is {warmth.value:.3g} ± {warmth.error:.1g} (too sure)" in told
    assert f"NLL of these examples from {warmth.nll:.3g} to {warmth.scaled_nll:.3g}" in told
    assert "no clear difference from 1" in caption(KINDS["calibrated"])
    assert "no best temperature" in caption(KINDS["all right"])


def test_bins_are_of_equal_mass_or_of_equal_width() -> None:
    found = KINDS["too sure"]
    assert choices(found) == {"view": VIEWS}
    mass, width = (draw(found, view=view).data[1:3] for view in VIEWS)
    counts = [np.concatenate([t.customdata[:, 0] for t in part]) for part in (mass, width)]
    assert np.ptp(counts[0]) <= 1
    assert np.ptp(counts[1]) > 20
    with pytest.raises(ValueError, match=r"no view 'even' .*equal width"):
        draw(found, view="even")


def test_the_worst_of_many_classes_are_drawn_and_said_to_be() -> None:
    figure = draw(KINDS["many classes"])
    assert figure.layout.yaxis3.title.text == "class; the 20 worst of 30"
    assert len(figure.layout.yaxis3.ticktext) == 20
    assert draw(KINDS["too sure"]).layout.yaxis3.title.text == "class"


def test_every_interval_is_inside_its_axes() -> None:
    for found in KINDS.values():
        figure = draw(found)
        low, high = figure.layout.yaxis.range
        assert low <= found.equal_mass.low[found.equal_mass.count > 0].min()
        assert high >= 1
        assert figure.layout.xaxis.range[0] <= found.equal_mass.edges[0]


def test_numbers_have_both_kinds_of_bins_and_every_class() -> None:
    found = KINDS["too sure"]
    named = {each.name: each for each in numbers(found)}
    assert named["ECE, equal width"].value == found.equal_width.ece
    assert named["floor, equal mass"].error == found.equal_mass.floor_spread
    assert named["class 2"].value == found.classes.ece[2]
    assert "temperature" not in {each.name for each in numbers(KINDS["all right"])}


def test_a_name_is_text_and_the_data_are_said(tmp_path: Path) -> None:
    found = replace(KINDS["calibrated"], about=replace(ABOUT, run=HOSTILE))
    assert "<img" not in draw(found).to_json()
    assert caption(found).endswith("Data: some examples. Precision: float32.")
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, found, "step3")
    assert PANEL.analyse(run).examples == 400
    assert PANEL.stored.label(found) == "step 3: some examples"
    assert PANEL.stored.label(KINDS["all right"]) == "predictions given"


def test_it_is_drawn_by_its_kind() -> None:
    assert draw_any(KINDS["calibrated"], view="equal width").data
