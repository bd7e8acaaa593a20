"""One drawing of a stored result, out of several."""

from __future__ import annotations

from dashboard.figures.loss_landscape import PANEL
from dashboard.pages.stored_pictures import _choice, _radios, _shown, chapter
from dashboard.panel import stored_panels
from tests.dashboard.around import make_landscape, make_line


def test_what_was_asked_where_the_result_has_it() -> None:
    shown = _shown(PANEL, make_landscape(), {"view": "surface", "scale": "linear"}, "dark")
    assert shown.options == {"view": "surface", "scale": "linear"}
    assert shown.figure.data[0].type == "surface"
    line = _shown(PANEL, make_line(), {"view": "surface", "scale": "linear"}, "dark")
    assert line.options == {"view": "line", "scale": "linear"}
    assert _radios(line) == [[], "line", ["log", "linear"], "linear"]


def test_one_stored_result_is_no_choice() -> None:
    assert _choice(["a"], ["first"], "a")[0]
    hidden, title, options, chosen = _choice(["b", "a"], ["second", "first"], "a")
    assert (hidden, title, chosen) == (False, "Stored (2)", "a")
    assert options[0] == {"label": "second", "value": "b"}


def test_sections_begin_hidden() -> None:
    from dash import html

    sections = [
        part
        for part in chapter(stored_panels(), html.Div(), PANEL.name)
        if isinstance(part, html.Section)
    ]
    assert len(sections) == len(stored_panels())
    assert all(section.hidden for section in sections)
