"""What the picture of a dropout ensemble shows, and what is said under it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.figures.mc_dropout import CAVEAT, PANEL, caption, choices, draw, numbers
from dashboard.panel import draw as draw_any
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.dropout.ensembles import classes, on_a_line, over_a_plane, values
from tests.dashboard.samples import HOSTILE, train

KINDS: dict[str, Any] = {
    "a line": on_a_line(values(masks="shared", noise=0.3, each=True)),
    "values": values(out=2),
    "classes": classes(each=True),
    "few classes": classes(examples=5),
    "silent": classes(each=True, never=("inner", "outer")),
    "a plane": over_a_plane(classes(rates=(0.1, 0.5))),
}


@cache
def drawn(kind: str) -> Any:
    return draw(KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_draws_whatever_was_computed(kind: str, scheme: Any) -> None:
    figure = draw(KINDS[kind], scheme=scheme)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert numbers(KINDS[kind])
    assert not [trace for trace in figure.data if trace.type.endswith("gl")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_spread_is_named_after_the_ensemble_and_never_epistemic(kind: str) -> None:
    shown = drawn(kind).to_json() + caption(KINDS[kind]) + repr(numbers(KINDS[kind]))
    assert "dropout-ensemble spread" in shown
    assert "epistemic" not in shown.lower()
    assert CAVEAT in caption(KINDS[kind])


def axes_of(figure: Any) -> set[str]:
    return {trace.xaxis for trace in figure.data}


def test_every_part_that_there_is_and_no_other() -> None:
    assert axes_of(drawn("classes")) == {"x", "x6", "x4", "x2", "x3"}
    assert axes_of(drawn("few classes")) == {"x", "x6", "x2"}
    assert axes_of(drawn("a line")) == {"x", "x6", "x2", "x3"}
    assert axes_of(drawn("values")) == {"x", "x6", "x2"}
    assert axes_of(drawn("silent")) == {"x", "x4", "x2"}
    assert axes_of(drawn("a plane")) == {"x", "x7", "x6", "x4", "x5", "x2", "x8", "x9"}


def test_no_two_charts_share_any_ground() -> None:
    for kind in KINDS:
        wide = drawn(kind).layout.to_plotly_json()
        for layout in (wide, wide["meta"]["narrow"]):
            names = [axis.removeprefix("x") for axis in axes_of(drawn(kind))]
            grounds = [
                (*layout[f"xaxis{name}"]["domain"], *layout[f"yaxis{name}"]["domain"])
                for name in names
            ]
            for one, other in combinations(grounds, 2):
                apart = one[1] <= other[0] or other[1] <= one[0]
                assert apart or one[3] <= other[2] or other[3] <= one[2]


def test_what_is_wrong_is_above_and_said_first() -> None:
    silent = KINDS["silent"]
    assert drawn("silent").layout.title.text.startswith("<b>✕ Dropout without effect")
    assert caption(silent).startswith("All 60 draws are the same")
    healthy = replace(values(), findings=())
    assert draw(healthy).layout.title.text is None
    several = replace(healthy, findings=KINDS["silent"].findings * 3)
    assert ", and 2 more" in draw(several).layout.title.text


def test_every_map_has_its_name_above_it_and_no_scale_has_a_title_that_moves_the_others() -> None:
    layout = drawn("a plane").layout
    names = {note.xref: note.text for note in layout.annotations}
    assert names["x domain"] == "mutual information, nats"
    assert names["x7 domain"] == "predictive entropy, nats"
    assert not layout.coloraxis.colorbar.title.text
    assert not layout.coloraxis2.colorbar.title.text


def test_many_draws_leave_their_numbers_room() -> None:
    assert draw(values(draws=2000)).layout.xaxis2.dtick == 1
    assert drawn("values").layout.xaxis2.dtick == "D2"
    assert drawn("silent").layout.yaxis2.type == "log"


def test_one_output_at_a_time() -> None:
    assert choices(KINDS["values"]) == {"view": ("output 1", "output 2")}
    assert choices(KINDS["few classes"]) == {"view": ("all dropouts",)}
    one, other = (draw(KINDS["values"], view=f"output {n}") for n in (1, 2))
    assert other.layout.yaxis.title.text == "output 2"
    assert one.data[0].y.tolist() != other.data[0].y.tolist()
    with pytest.raises(ValueError, match=r"no view 'output 3' .*output 2"):
        draw(KINDS["values"], view="output 3")


def test_one_dropout_alone_where_that_was_asked() -> None:
    found = classes(each=True)
    assert choices(found) == {"view": ("all dropouts", "inner alone", "outer alone")}
    spread = next(
        trace
        for trace in draw(found, view="outer alone").data
        if trace.name == "dropout-ensemble spread"
    )
    alone = found.dropouts[1].where
    assert alone is not None
    np.testing.assert_allclose(np.sort(spread.y), np.sort(alone))


def test_the_sliders_come_where_something_spreads_and_begin_at_all_draws() -> None:
    places, draws = drawn("a line").layout.sliders
    assert [step.label for step in draws.steps] == ["3", "5", "10", "20", "50", "60"]
    assert draws.active == 5
    assert (
        places.steps[places.active].args[1]["shapes"][0]["x0"]
        == drawn("a line").layout.shapes[0].x0
    )
    assert drawn("a line").layout.meta["player"]
    assert not drawn("silent").layout.sliders
    assert "A slider" in caption(KINDS["a line"])
    assert "slider" not in caption(KINDS["silent"])


def test_what_a_place_changes_are_the_traces_of_its_draws() -> None:
    for kind in ("a line", "a plane"):
        figure = drawn(kind)
        for step in figure.layout.sliders[0].steps:
            assert {figure.data[n].xaxis for n in step.args[2]} == {"x6"}


def test_the_caption_says_whether_a_draw_is_a_function_and_whether_there_are_enough() -> None:
    assert "so that it is one function" in caption(KINDS["a line"])
    assert "masks of its own" in caption(KINDS["values"])
    assert "no total is drawn" in caption(KINDS["values"])
    assert "no total is drawn" not in caption(KINDS["a line"])
    of = KINDS["values"].uncertainty
    assert f"{of.more:,} more draws" in caption(KINDS["values"])
    enough = replace(values(), uncertainty=replace(of, needed=of.draws))
    assert "enough draws" in caption(enough)
    assert "cannot be told" in caption(KINDS["silent"])


def test_numbers_have_the_spread_with_its_error_and_every_dropout() -> None:
    found = classes(each=True)
    named = {each.name: each for each in numbers(found)}
    spread = named["dropout-ensemble spread"]
    grown = found.uncertainty.growth.epistemic
    assert (spread.value, spread.error) == (grown.value[-1], grown.error[-1])
    alone = found.dropouts[1].alone
    assert alone
    assert named["outer"].value == alone.value
    assert "p = 0.4" in named["outer"].meaning
    assert found.likelihood
    assert named["log likelihood"].value == found.likelihood.mean.value
    assert {n.name: n for n in numbers(values())}["inner"].value == "not asked"
    silent = {n.name: n for n in numbers(classes(never=("inner",)))}
    assert silent["inner"].value == "never fired"


def test_a_name_is_text_wherever_it_is_drawn() -> None:
    found = classes(each=True)
    named = tuple(replace(each, name=HOSTILE) for each in found.dropouts)
    drawn = draw(replace(found, dropouts=named)).to_json()
    assert "<img" not in drawn
    assert "\\u003cimg" not in drawn
    assert "&lt;img" in drawn


def test_what_is_stored_is_shown_with_a_line_or_without(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, PlacedDropout(values(draws=10), None), "step4")
    assert PANEL.analyse(run).ensemble.uncertainty.draws == 10
    save(run.path, classes(draws=20), "alone")
    assert PANEL.stored.chosen(run, "alone").line is None
    assert PANEL.stored.chosen(run, "alone").ensemble.uncertainty.draws == 20
    assert set(PANEL.stored.keys(run)) == {"step4", "alone"}
    assert PANEL.stored.label(PANEL.analyse(run)).endswith("independent masks: all of it")


def test_any_such_result_is_drawn_by_its_kind() -> None:
    for found in (classes(), on_a_line(values())):
        assert draw_any(found).data


def test_a_single_example_has_nothing_to_play_or_to_click() -> None:
    figure = draw(values(examples=1))
    assert not figure.layout.meta["player"]
    assert len(figure.layout.sliders) == 1
    assert len(figure.layout.shapes) == 0
    assert all(trace.customdata is None for trace in figure.data)
    told = caption(values(examples=1))
    assert "first so many draws" in told
    assert "click" not in told
    assert "first so many draws" not in caption(values(draws=3))
