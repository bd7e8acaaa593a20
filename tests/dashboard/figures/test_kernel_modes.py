"""The picture of the kernel's modes, its words and its numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures.kernel_modes import PANEL, caption, draw, numbers
from dashboard.theme import safe
from diagnostics.kernel_modes import Descent
from tests.dashboard.modes import RATE, START, VALUES, make_modes
from tests.dashboard.samples import HOSTILE


def test_measured_stands_over_predicted_and_the_times_against_each_other() -> None:
    found = make_modes()
    figure = draw(found)
    curves = [trace for trace in figure.data if trace.xaxis is None]
    assert [trace.mode for trace in curves] == ["lines", "markers"] * 6
    assert figure.layout.xaxis.title.text == f"steps after step {START}"
    assert {trace.yaxis for trace in figure.data if trace.xaxis == "x2"} == {"y2", "y3"}
    assert sum(trace.xaxis == "x4" for trace in figure.data) == 3
    assert figure.layout.xaxis4.range == figure.layout.yaxis4.range


def test_without_a_prediction_there_are_points_alone() -> None:
    figure = draw(make_modes("its loss is not one of squares"))
    curves = [trace for trace in figure.data if trace.xaxis is None]
    assert {trace.mode for trace in curves} == {"markers"}
    assert not any(trace.xaxis == "x4" for trace in figure.data)
    assert figure.layout.xaxis2.domain == (0, 1)


def test_the_caption_says_how_far_the_prediction_holds() -> None:
    told = caption(make_modes())
    assert "at step 5, a row for an example; its 7 modes" in told
    assert f"this run's descent (rate {RATE:g}); it is exact for a model linear" in told
    assert "It holds: at the last step it is off by 0.0% of the first residual" in told
    assert "the kernel has changed by 0% of its size" in told
    off = make_modes(slower=4.0)
    assert f"off by more than a tenth from step {off.departs:,} on" in caption(off)
    assert "momentum 0.9" in caption(make_modes(Descent(RATE, 0.9)))
    assert "rate 0.05 to 0.1" in caption(make_modes(Descent(np.linspace(0.1, 0.05, 400))))


def test_what_diverges_or_is_not_known_holds_no_number() -> None:
    told = caption(make_modes(Descent(2 * RATE / RATE)))
    assert "It is off by more than a tenth" in told
    assert "it diverges, as the fastest mode does from a rate of 0.25 on." in told
    found = make_modes()
    nothing = replace(found, residual=0 * found.residual, error=np.nan * found.error)
    told = caption(replace(nothing, drift=np.nan, alignment=np.nan))
    assert "It holds" not in told
    assert "Of it nothing is told: at the first step there was nothing left to learn." in told
    assert "no prediction depends on a weight: the kernel is 0." in told
    assert "nan" not in told


def test_of_another_optimizer_it_is_no_forecast() -> None:
    told = caption(make_modes(Descent(RATE, instead_of="Adam")))
    assert "for gradient descent at the same rate (0.1), and the run had Adam" in told
    assert "it is no forecast of this run" in told
    assert "exact" not in told


def test_why_there_is_none_is_said() -> None:
    told = caption(make_modes("it is not these examples that were trained on"))
    assert "There is no prediction: it is not these examples that were trained on." in told


def test_the_numbers_are_the_closed_forms() -> None:
    by_name = {each.name: each for each in numbers(make_modes(every=1))}
    assert by_name["limit"].value == pytest.approx(2 / VALUES[0])
    assert by_name["drift"].value == 0
    exact = START + np.log(0.5) / np.log(1 - RATE * VALUES[2])
    assert by_name["mode 3 (λ₃)"].value == pytest.approx(exact, rel=0.02)
    assert "eigenvalue 0.5" in by_name["mode 3 (λ₃)"].meaning
    assert by_name["mode 6 (λ₆)"].value == "not by the last step"
    assert by_name["mode 6 (λ₆)"].meaning.endswith("predicted later")


def test_what_is_drawn_is_json_whatever_the_names_and_numbers() -> None:
    found = make_modes(Descent(1000.0, instead_of=HOSTILE))
    found = replace(found, about=replace(found.about, run=HOSTILE, data=HOSTILE))
    figure = draw(found, scheme="dark")
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert figure.layout.uirevision == safe(HOSTILE)
    assert caption(found).count(HOSTILE) == 2  # as text, which the page escapes
    assert PANEL.stored.label(found) == f"from step {START}, {HOSTILE}"


def test_on_a_narrow_page_no_room_is_left_for_what_is_not_there() -> None:
    """Nor is an axis laid out that the figure does not have."""
    figure = draw(make_modes("its loss is not one of squares"))
    narrow = figure.layout.meta["narrow"]
    named = {key for key in narrow if "axis" in key}
    assert named <= {key for key in figure.to_plotly_json()["layout"] if "axis" in key}
    assert min(narrow[key]["domain"][0] for key in named if key[0] == "y") == 0
