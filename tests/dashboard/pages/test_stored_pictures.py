"""One drawing of a stored result, out of several."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from dash import html
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.figures.loss_landscape import PANEL
from dashboard.open_runs import OpenRuns
from dashboard.pages.stored_pictures import (
    _choice,
    _label,
    _none_discarded,
    _shown,
    _to_go_on,
    chapter,
    followed,
    shown_last,
)
from dashboard.panel import stored_panels
from diagnostics.loss_landscape import Landscape
from diagnostics.run import FathomError, Run
from diagnostics.store import result_path, save
from tests.dashboard.around import make_landscape, make_line
from tests.dashboard.samples import train


def test_what_was_asked_where_the_result_has_it() -> None:
    asked = Address(views=("of another", "surface"), scale="linear")
    shown = _shown(PANEL, make_landscape(), asked)
    assert shown.drawing == {"view": "surface", "scale": "linear"}
    assert shown.draw().data[0].type == "surface"
    line = _shown(PANEL, make_line(), asked)
    assert line.drawing == {"scale": "linear"}
    assert line.draw().data[0].type == "scatter"


@pytest.mark.parametrize(
    ("keys", "before", "key", "shown"),
    [
        (["a"], [], None, "a"),  # the first look
        (["b", "a"], [], "a", "b"),  # at another run, whose keys may be the same
        (["a"], ["a"], "a", "a"),  # stored anew
        (["b_unfinished", "a"], ["a"], "a", "b_unfinished"),  # begun: who looked at the newest
        (["c_unfinished", "b", "a"], ["b", "a"], "a", "c_unfinished"),  # and who did not
        (["b_unfinished", "b", "a"], ["b", "a"], "a", "b_unfinished"),  # begun again
        (["b_unfinished", "a"], ["b_unfinished", "a"], "a", "a"),  # refined: a choice holds
        (["b", "a"], ["b_unfinished", "a"], "a", "a"),  # finished: it still does
        (["b", "a"], ["b_unfinished", "a"], "b_unfinished", "b"),  # else the finished one
        (["b", "a"], ["b_unfinished", "b", "a"], "a", "a"),
        (["b", "a"], ["a"], "a", "b"),  # done within one tick
        (["b", "a"], ["a", "b"], "b", "b"),  # computed again, from its tiles
        (["b_unfinished", "a"], ["b_unfinished", "c", "a"], "c", "b_unfinished"),  # removed
    ],
)
def test_whoever_looks_at_the_newest_follows(
    keys: list[str], before: list[str], key: str | None, shown: str
) -> None:
    assert followed(keys, before, key) == shown


def test_a_listing_that_was_over_before_it_was_shown_was_no_choice() -> None:
    keys, listed, offered = ["b", "a"], ["b_unfinished", "a"], [{"label": "A", "value": "a"}]
    assert followed(keys, shown_last(listed, offered), "a") == "b"
    assert followed(keys, listed, "a") == "a"  # as if it had been chosen
    both = [{"label": "B", "value": "b_unfinished"}, *offered]
    assert followed(keys, shown_last(listed, both), "a") == "a"
    assert shown_last([], both) == []  # of another run
    assert shown_last(listed, None) == []


def test_only_what_is_unfinished_says_how_to_go_on() -> None:
    (told,) = _to_go_on("plane_unfinished")
    assert "compute the same again" in str(told)
    assert _to_go_on("plane") == []


def test_a_result_that_is_gone_waits_for_the_next_listing(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, make_landscape(), "plane")
    read = partial(PANEL.stored.chosen, run)
    with _none_discarded(run, PANEL, ["plane"]):
        read("plane")
    with pytest.raises(PreventUpdate), _none_discarded(run, PANEL, ["plane_unfinished", "plane"]):
        read("plane_unfinished")
    result_path(run.path, Landscape, "plane").write_bytes(b"damaged")
    with pytest.raises(FathomError, match="cannot be read"), _none_discarded(run, PANEL, ["plane"]):
        read("plane")


def test_one_that_cannot_be_read_leaves_the_others_to_choose(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, make_landscape(), "old").write_bytes(b"of another version")
    save(run.path, make_landscape(), "new")
    labels = [_label(OpenRuns(tmp_path), run, PANEL, key) for key in ("new", "old")]
    assert labels == [PANEL.stored.label(make_landscape()), "old: cannot be read"]


def test_one_stored_result_is_no_choice() -> None:
    assert _choice(["a"], ["first"], "a")[0]
    hidden, title, options, chosen = _choice(["b", "a"], ["second", "first"], "a")
    assert (hidden, title, chosen) == (False, "Stored (2)", "a")
    assert options[0] == {"label": "second", "value": "b"}


def test_sections_begin_hidden() -> None:
    sections = [part for part in chapter(stored_panels()) if isinstance(part, html.Section)]
    assert len(sections) == len(stored_panels())
    assert all(section.hidden for section in sections)
