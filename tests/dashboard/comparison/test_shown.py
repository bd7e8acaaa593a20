"""The parts of the page of a comparison."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dashboard.comparison.shown import Shown
from dashboard.comparison.views import Views
from dashboard.comparison.wanted import Wanted
from dashboard.examined import Examined
from dashboard.markup import to_html
from dashboard.open_runs import OpenRuns
from dashboard.run_colours import run_colour
from diagnostics.run import FathomError, Run
from probes import Recorder
from tests.trainings import record
from tests.twins import folder, twin


def asked(*names: str, **changes: Any) -> Wanted:
    runs = changes.get("runs", tuple(twin(name) for name in names))
    return Wanted(
        **(
            {
                "runs": runs,
                "names": tuple(run.name for run in runs),
                "along": "step",
                "smooth": 0.0,
                "scale": "",
                "layer": "",
            }
            | changes
        )
    )


@pytest.fixture
def shown() -> Shown:
    return Shown(Views(OpenRuns(folder())), Examined())


def test_curves_depend_on_how_they_are_looked_at(shown: Shown) -> None:
    draw, caption, parts = shown.scalars(asked("base", "poked", smooth=0.5, scale="log"))
    assert parts == {"along": "step", "smooth": 0.5, "scale": "log"}
    assert "weight 0.5" in caption
    assert draw().layout.yaxis.type == "log"


def test_the_layer_is_the_one_asked_for_or_where_they_part(shown: Shown) -> None:
    assert shown.layer(asked("base", "poked", layer="5"))[2]["layer"] == "5"
    assert shown.layer(asked("base", "poked"))[2]["layer"] == "2"
    assert shown.layer(asked("base", "again"))[2]["layer"] == "0"
    assert shown.layer(asked("base", "poked", layer="gone"))[2]["layer"] == "2"


def test_all_layers_are_offered_and_the_one_shown_is_chosen(shown: Shown) -> None:
    page = to_html(shown.layers(asked("base", "poked")))
    assert page.count("<option") == 3
    assert 'data-chosen="2"' in page
    assert 'data-address="layer"' in page


def test_a_card_for_each_other_run(shown: Shown) -> None:
    page = to_html(shown.parted(asked("base", "poked", "again")))
    assert page.count("<article") == 2


def test_a_run_that_shares_nothing_says_so_beside_the_others(shown: Shown, tmp_path: Any) -> None:
    empty = Run(record(tmp_path / "empty", steps=0))
    three = asked("base", "again", runs=(twin("base"), empty, twin("again")))
    page = to_html(shown.parted(three))
    assert page.count("<article") == 1
    assert "nothing in common" in page
    line = shown.growth(three)[0]().data[0]
    assert (line.name, line.line.color) == ("again", run_colour(2))
    with pytest.raises(FathomError, match="to compare by layer"):
        shown.growth(asked("base", runs=(twin("base"), empty)))


def test_the_tables(shown: Shown) -> None:
    two = asked("base", "faster")
    assert "0.06" in to_html(shown.settings(two))
    assert "accuracy" in to_html(shown.values(two))
    assert "not found" in to_html(shown.verdicts(two)) or "No findings" in to_html(
        shown.verdicts(two)
    )


def test_runs_that_logged_nothing_say_so(shown: Shown, tmp_path: Any) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for name in ("one", "two"):
        with Recorder(model, optimizer, tmp_path / name):
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    silent = [Run(tmp_path / name) for name in ("one", "two")]
    with pytest.raises(FathomError, match="has logged a number"):
        shown.scalars(asked(runs=tuple(silent)))
