"""What the picture of rejection shows, and what is said under it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.figures.selective import PANEL, VIEWS, caption, choices, draw, numbers, verdict
from dashboard.panel import draw as draw_any
from diagnostics.selective import selective
from tests.dashboard.samples import HOSTILE
from tests.dashboard.scores.samples import ABOUT, rejection

FAR = 0.5 + np.random.default_rng(5).random(50)
KINDS = {
    "classes": rejection(strangers=FAR),
    "values": rejection(wrong=False),
    "no loss": selective(np.arange(20.0), np.zeros(20)),
    "one": selective([1.0], [1.0]),
    "all alike": selective(np.ones(40), np.arange(40) % 2),
}
BACKWARDS = selective(-np.arange(100.0), np.arange(100) > 50)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("scheme", "view"), [("light", None), ("dark", "sum")])
def test_draws_whatever_was_computed(kind: str, scheme: Any, view: str | None) -> None:
    figure = draw(KINDS[kind], scheme=scheme, view=view)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    axes = {trace.xaxis for trace in figure.data}
    assert axes == {"x", "x2", "x3", *(["x4"] if kind == "classes" else [])}
    assert caption(KINDS[kind])
    assert numbers(KINDS[kind])


def test_the_verdict_is_by_the_way_from_random_to_ideal() -> None:
    gained = KINDS["classes"].risk_coverage.gained
    gain = f"gain {100 * gained.value:.0f} ± {100 * gained.error:.0f}%"
    assert verdict(KINDS["classes"]) == f"The uncertain are the wrong: {gain}"
    assert verdict(KINDS["all alike"]).startswith("No order beyond chance: gain ")
    assert verdict(BACKWARDS).startswith("The certain are the wrong: gain -")
    assert "no order is better" in verdict(KINDS["no loss"])


def test_each_definition_of_sparsification_is_drawn_in_its_own_words() -> None:
    found = KINDS["values"]
    assert choices(found) == {"view": tuple(VIEWS)}
    for (view, words), of in zip(VIEWS.items(), found.sparsification, strict=True):
        figure = draw(found, view=view)
        assert figure.layout.yaxis2.title.text == f"loss, {words}"
        (left,) = [t for t in figure.data if t.xaxis == "x2" and t.name == "by uncertainty"]
        np.testing.assert_array_equal(left.y, of.left)
        assert f"{words}: {of.ause.value:.3g} ± " in caption(found)
    with pytest.raises(ValueError, match=r"no view 'area' .*relative, mean, sum"):
        draw(found, view="area")


def test_a_share_is_written_as_such_and_another_loss_is_not() -> None:
    shares, losses = (draw(KINDS[kind]).layout.yaxis for kind in ("classes", "values"))
    assert (shares.title.text, shares.tickformat) == ("share that is wrong", ".0%")
    assert (losses.title.text, losses.tickformat) == ("mean loss", None)


def test_a_share_goes_no_further_than_all() -> None:
    few = selective(np.arange(5.0), np.arange(5) % 2)
    curve = few.risk_coverage
    assert np.nanmax(curve.risk + 2 * curve.error) > 1
    assert max(draw(few).data[0].y) <= 1


def test_the_uncertainty_and_the_loss_are_named_where_they_are_known() -> None:
    named = selective([1.0, 2, 3], [0, 1, 1], names=("doubt", "misses"))
    assert "Uncertainty: doubt; loss: misses." in caption(named)
    assert "Uncertainty: " not in caption(KINDS["values"])


def test_strangers_are_told_apart_in_words_as_in_the_picture() -> None:
    found = KINDS["classes"].strangers
    assert found
    above = (FAR[:, None] > np.random.default_rng(0).random(400)).mean()
    assert found.auroc.value == pytest.approx(above)
    assert f"more uncertain in {above:.1%} of pairs" in caption(KINDS["classes"])
    named = {each.name: each for each in numbers(KINDS["classes"])}
    assert named["FPR at 95 %"].value == found.fpr95
    assert "AUROC" not in {each.name for each in numbers(KINDS["values"])}


def test_numbers_are_the_analysis_s_own() -> None:
    found = KINDS["values"]
    named = [(each.name, each.value, each.error) for each in numbers(found)]
    curve = found.risk_coverage
    assert ("AURC", curve.aurc.value, curve.aurc.error) in named
    assert ("ideal AURC", curve.perfect_aurc.value, curve.perfect_aurc.error) in named
    assert [value for name, value, _ in named if name == "AUSE"] == [
        each.ause.value for each in found.sparsification
    ]


def test_a_name_is_text_and_the_data_are_said() -> None:
    found = replace(KINDS["values"], about=replace(ABOUT, run=HOSTILE))
    assert "<img" not in draw(found).to_json()
    assert caption(found).endswith("Data: some examples. Precision: float32.")
    assert PANEL.stored.label(found) == "step 3: some examples"
    assert PANEL.stored.label(KINDS["one"]) == "predictions given"


def test_it_is_drawn_by_its_kind() -> None:
    assert draw_any(KINDS["values"], view="sum").data
