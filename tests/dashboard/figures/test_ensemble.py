"""What the picture of several networks shows."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.ensembles.beside import Beside, Drawn
from dashboard.figures.ensemble import PANEL, choices, draw
from dashboard.panel import draw as draw_any
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.ensemble import ensemble
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.dropout.ensembles import classes as dropped_classes
from tests.dashboard.dropout.ensembles import values as dropped
from tests.dashboard.ensembles.placed import ABOUT, classes, known, on_a_line, values
from tests.dashboard.samples import HOSTILE, train


def with_dropout(of: Any, dropout: Any) -> Beside:
    return Beside(PlacedEnsemble(of, None), replace(dropout, about=ABOUT))


KINDS: dict[str, Drawn] = {
    "a line": on_a_line(),
    "values": values(out=2),
    "two members": values(2, noise=0.1),
    "no targets": values(targets=None),
    "two without targets": values(2, targets=None),
    "classes": classes(),
    "few classes": classes(examples=5),
    "alike": known(ensemble(np.ones((3, 8, 1)), targets=np.ones(8))),
    "with dropout": with_dropout(values(noise=0.5), dropped(draws=20)),
    "classes with dropout": with_dropout(classes(), dropped_classes(draws=20)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_draws_whatever_was_computed(kind: str, scheme: Any) -> None:
    figure = draw(KINDS[kind], scheme=scheme)
    json.loads(figure.to_json(), parse_constant=pytest.fail)
    assert PANEL.numbers(KINDS[kind])
    assert PANEL.caption(KINDS[kind])
    assert not [trace for trace in figure.data if trace.type.endswith("gl")]


def axes_of(figure: Any) -> set[str]:
    return {trace.xaxis or "x" for trace in figure.data}


def test_every_part_that_there_is_and_no_other() -> None:
    assert axes_of(draw(KINDS["a line"])) == {"x", "x3", "x4"}
    assert axes_of(draw(KINDS["no targets"])) == {"x", "x4"}
    assert axes_of(draw(KINDS["two members"])) == {"x", "x3"}
    assert axes_of(draw(KINDS["classes"])) == {"x", "x2", "x3", "x4"}
    assert axes_of(draw(KINDS["few classes"])) == {"x", "x3", "x4"}
    assert axes_of(draw(KINDS["with dropout"])) == {"x", "x3", "x4", "x5"}
    assert axes_of(draw(KINDS["classes with dropout"])) == {"x", "x2", "x3", "x4", "x5", "x6"}


def test_a_row_may_have_nothing_in_it() -> None:
    assert axes_of(draw(KINDS["two without targets"])) == {"x"}


def test_parts_do_not_stand_on_one_another() -> None:
    layout = draw(KINDS["classes with dropout"]).layout
    spans = [layout[f"yaxis{n}"].domain for n in ("", "2", "5")]
    tops = [top for _, top in spans]
    assert tops == sorted(tops, reverse=True)
    assert all(low > top for (low, _), (_, top) in pairwise(spans))
    narrow = layout.meta["narrow"]
    assert all(narrow[f"xaxis{n}"]["domain"] == [0, 1] for n in ("", "2", "3", "4", "5", "6"))


def test_the_rows_of_the_comparison_are_named() -> None:
    told = [each.text for each in draw(KINDS["classes with dropout"]).layout.annotations]
    assert told == ["deep ensemble of 5", "dropout ensemble, 20 draws"] * 2
    assert not draw(KINDS["values"]).layout.annotations


def test_what_is_wrong_is_above() -> None:
    title = draw(KINDS["alike"]).layout.title.text
    assert title.startswith("<b>✕ Identical members")
    assert draw(KINDS["values"]).layout.title.text is None


def test_one_output_at_a_time() -> None:
    assert choices(KINDS["values"]) == {"view": ("output 1", "output 2")}
    assert choices(KINDS["classes"]) == {}
    one, other = (draw(KINDS["values"], view=f"output {n}") for n in (1, 2))
    assert other.layout.yaxis.title.text == "output 2"
    assert one.data[0].y.tolist() != other.data[0].y.tolist()
    with pytest.raises(ValueError, match=r"no view 'output 3' .*output 2"):
        draw(KINDS["values"], view="output 3")


def test_a_name_is_text_wherever_it_is_drawn() -> None:
    of = values(3, names=[HOSTILE, "two", "three"])
    drawn = draw(of).to_json()
    assert "<img" not in drawn
    assert "\\u003cimg" not in drawn
    assert "&lt;" in drawn


def test_any_such_result_is_drawn_by_its_kind() -> None:
    for found in (values(), on_a_line()):
        assert draw_any(found).data


def test_a_dropout_ensemble_that_comes_later_is_drawn(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, PlacedEnsemble(values(), None), "runs_step12")
    before, alone = PANEL.stored.stamp(run), PANEL.analyse(run)
    assert before == PANEL.stored.stamp(run)
    dropout = replace(dropped(draws=20), about=ABOUT)
    save(run.path, PlacedDropout(dropout, None), "step12_none_independent")
    assert [key for key, _ in before] == [key for key, _ in PANEL.stored.stamp(run)]
    assert before != PANEL.stored.stamp(run)
    both = PANEL.analyse(run)
    assert "x5" in axes_of(draw(both)) - axes_of(draw(alone))
    assert PANEL.stored.label(both) == "deep ensemble of 4, step 12: 8 held-out examples"


def test_one_stored_without_a_line_is_shown(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, values(), "alone")
    assert draw(PANEL.analyse(run)).data


def test_errors_that_are_not_finite_have_no_chart() -> None:
    lost = values(targets=np.full((8, 1), np.nan))
    assert "of their mean" in {trace.name for trace in draw(values()).data}
    assert "of their mean" not in {trace.name for trace in draw(lost).data}
