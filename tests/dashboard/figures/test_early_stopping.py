"""The picture of a best step, its words and its numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures.early_stopping import FEW, PANEL, caption, draw, numbers
from dashboard.theme import palette, safe
from diagnostics.early_stopping import GIVEN, EarlyStopping
from tests.dashboard.around import make_about
from tests.dashboard.samples import HOSTILE
from tests.dashboard.stoppings import BEST, LAST, left, make_stopping


@pytest.fixture(scope="module")
def stopping() -> EarlyStopping:
    return make_stopping()


def test_the_best_step_is_marked_wherever_there_are_steps(stopping: EarlyStopping) -> None:
    figure = draw(stopping)
    for shape, axis in zip(figure.layout.shapes, ("x", "x3"), strict=True):
        assert shape.x0 == pytest.approx(np.log10(BEST + 1))
        assert (shape.xref, shape.line.color) == (axis, palette("light").chosen)
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        *("loss", "val_loss", "best step", "last step", "signal fitted", "noise fitted")
    ]


def test_where_no_noise_is_known_the_parts_have_the_room() -> None:
    figure = draw(make_stopping(noisy=False))
    assert len(figure.layout.shapes) == 1
    assert figure.layout.xaxis2.domain == (0, 1)
    assert not any(trace.xaxis == "x3" for trace in figure.data)


def test_the_caption_says_what_stopping_there_spares(stopping: EarlyStopping) -> None:
    told = caption(replace(stopping, about=make_about()))
    assert f"Best is step {BEST} of {LAST}, by val_loss, at step {BEST}." in told
    assert f"loss went from {1 / (1 + BEST):.3g} to {1 / (1 + LAST):.3g}" in told
    assert "val_loss went from 0.1 to 0.59" in told
    share = 1 - left([BEST, LAST], 3)
    assert f"Of the noise {share[0]:.0%} was fitted by the best step and {share[1]:.0%}" in told
    assert f"clean is taken from {GIVEN}" in told
    assert "256 examples of the recorded batch" in told


def test_a_training_that_ended_in_nan_is_told_so(stopping: EarlyStopping) -> None:
    assert stopping.validation
    broken = [np.append(part[:-1], np.nan) for part in (stopping.validation.values, stopping.noise)]
    validation = replace(stopping.validation, values=broken[0])
    told = caption(replace(stopping, validation=validation, noise=broken[1]))
    assert "val_loss went from 0.1 to NaN or infinity." in told
    assert "was fitted by the best step; clean" in told
    assert "nan" not in told


def test_a_best_step_that_is_the_last_spares_nothing() -> None:
    told = caption(make_stopping(noisy=False, best=LAST))
    assert "That is the last record" in told
    assert "What of the target is noise is not known." in told


def test_numbers_are_those_of_each_mode(stopping: EarlyStopping) -> None:
    noise, first, _, eighth = numbers(stopping)
    assert noise.value == pytest.approx(1 - left(BEST, 3))
    assert (first.name, eighth.name) == ("k = 1", "k = 8")
    assert eighth.value == pytest.approx(1 - left(BEST, 3))
    ridge = left(BEST, 3) / (1 - left(BEST, 3))
    assert f"a ridge of {ridge:.3g} of its eigenvalue keeps as much" in eighth.meaning
    modes = replace(stopping, modes="kernel mode")
    assert numbers(modes)[1].name == "mode 1"


def test_many_modes_are_named_by_tens(stopping: EarlyStopping) -> None:
    few = draw(stopping).layout.xaxis2
    assert list(few.ticktext) == ["1", "2", "8"]
    many = np.arange(1.0, FEW + 2)
    part = np.full(len(many), 0.5)
    wide = replace(stopping, modes="kernel mode", frequencies=many, kept=part, kept_last=part)
    axis = draw(wide).layout.xaxis2
    assert list(axis.ticktext)[:4] == ["1", "2", "5", "10"]
    assert axis.title.text == "kernel mode, the fastest first"


def test_what_is_drawn_is_json_whatever_the_names_and_numbers(stopping: EarlyStopping) -> None:
    assert stopping.validation
    wild = replace(
        stopping,
        run=HOSTILE,
        by=HOSTILE,
        kept=np.array([np.nan, 1e300, -np.inf]),
        noise=np.where(np.arange(LAST + 1) > 9, np.inf, 0.0),
        validation=replace(stopping.validation, values=np.full(LAST + 1, np.nan)),
    )
    figure = draw(wild, scheme="dark")
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert figure.layout.uirevision == safe(HOSTILE)
    assert figure.layout.yaxis2.range[1] < 2
    assert PANEL.stored.label(wild) == f"step {BEST}, by {HOSTILE}"


def test_on_a_narrow_page_no_room_is_left_for_what_is_not_there() -> None:
    """Nor is an axis laid out that the figure does not have."""
    figure = draw(make_stopping(noisy=False))
    narrow = figure.layout.meta["narrow"]
    named = {key for key in narrow if "axis" in key}
    assert named <= {key for key in figure.to_plotly_json()["layout"] if "axis" in key}
    assert min(narrow[key]["domain"][0] for key in named if key[0] == "y") == 0
