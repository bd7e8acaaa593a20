"""A page has its own copies of what the frame knows, and the browser is told of what is new."""

from __future__ import annotations

from dash import Dash, dcc, html

from dashboard.pages.frame import KNOWN, mirror, tell


def test_a_mirror_is_found_by_the_browser_and_seen_by_nobody() -> None:
    found = mirror("layers")
    assert getattr(found, "data-mirror") == "layers"
    assert found.hidden  # type: ignore[attr-defined]
    assert [store.id for store in found.children] == [f"layers-{what}" for what in KNOWN]
    assert "address" in KNOWN
    assert "cursor" in KNOWN


def test_what_is_told_is_heard_in_the_browser() -> None:
    app = Dash(__name__, enable_mcp=False)
    app.layout = html.Div([dcc.Store(id="news"), dcc.Store(id="heard")])
    tell(app, "hear(news)", "news.data", "heard")
    (told,) = app.callback_map.values()
    assert told["inputs"] == [{"id": "news", "property": "data"}]
    (script,) = app._inline_scripts
    assert "news => hear(news)" in script
    assert list(app.callback_map) == ["heard.data"]
