"""The page of all runs: what is new of them goes to the browser, which shows it as a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.examining import Examining
from dashboard.guard import may_start
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint
from dashboard.run_index import RunIndex
from dashboard.runs_table import row_data
from diagnostics.tags import add_tag, remove_tag

LIMIT = 0.1  # seconds that an answer may read; of thousands of runs the rest comes in the next
MOST = 400  # rows in an answer


def layout() -> list[Component]:
    """A place, and what browser and server tell one another."""
    stores = ("news", "seen", "more", "wish", "answer")
    return [html.Div(id="runs-place"), *(dcc.Store(id=f"runs-{name}") for name in stores)]


def register(app: Dash, runs: OpenRuns) -> None:
    """At each tick what is new; a tag when one is given."""
    epoch, examining = uuid4().hex, Examining(runs.index.take)

    @app.callback(
        Output("runs-news", "data"),
        Input("tick", "n_intervals"),
        Input("runs-more", "data"),
        State("runs-seen", "data"),
        optional=True,
    )
    def tell(_: Any, __: Any, seen: Any) -> Any:
        told = news(runs.index, epoch, seen)
        if not told["more"]:
            examining.ask(runs.index.unexamined())
        if seen and not (told["fresh"] or told["rows"] or told["gone"] or told["more"]):
            raise PreventUpdate
        return {**told, "may": may_start()}

    @app.callback(
        Output("runs-answer", "data"),
        Input("runs-wish", "data"),
        prevent_initial_call=True,
        optional=True,
    )
    def tag(wish: Any) -> Any:
        try:
            if not may_start():
                return {"trouble": "Tags can be given on the machine that serves this page."}
            give(runs.index, wish)
        except Exception as error:
            return {"trouble": complaint(error), "at": time.time()}
        return {"trouble": "", "at": time.time()}

    _in_browser(app)


def _in_browser(app: Dash) -> None:
    app.clientside_callback(  # type: ignore[no-untyped-call]
        "news => fathomRuns.take(news)",
        Output("runs-seen", "data"),
        Input("runs-news", "data"),
        optional=True,
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        "told => fathomRuns.answer(told)",
        Input("runs-answer", "data"),
        prevent_initial_call=True,
        optional=True,
    )


def news(index: RunIndex, epoch: str, seen: Mapping[str, Any] | None) -> dict[str, Any]:
    """What whoever has seen so much has not: rows that are new, and names that are gone."""
    is_whole = index.refresh(LIMIT)
    known = seen or {}
    version = known.get("version") if known.get("epoch") == epoch else None
    rows, gone, told = index.changed_since(version or 0, MOST)
    return {
        "epoch": epoch,
        "version": told,
        "fresh": version is None,
        "more": not is_whole or told < index.version,
        "total": index.count(),
        "rows": [row_data(row) for row in rows],
        "gone": gone,
    }


def give(index: RunIndex, wish: Mapping[str, Any]) -> None:
    """A tag to each of some runs, or off it."""
    for name in wish["runs"]:
        folder = index.row(str(name)).path
        if "add" in wish:
            add_tag(folder, str(wish["add"]))
        else:
            remove_tag(folder, str(wish["remove"]))
