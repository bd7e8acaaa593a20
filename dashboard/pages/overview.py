"""The first page of a run: its verdicts, its loss, and what was recorded at what cost."""

from __future__ import annotations

import time
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.examined import Examined
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, facts, meanwhile, notice, notices
from dashboard.pages import chapter
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.pages.pictures import section
from dashboard.panel import panels, recorded_panels
from dashboard.recorded import recorded_part
from dashboard.verdicts import verdicts

COUNTED_ANEW = 60.0  # seconds: what a live run holds is told from time to time

# Verdicts of another run are never seen under this one's name.
_SHOW = "(cursor, judged) => [judged?.run !== cursor?.run, judged?.run === cursor?.run]"
# The picture is there before the verdicts are; when they come it is asked for once more.
_MARK = """(judged, wanted) => {
  if (!judged || wanted?.run !== judged.run || wanted.told === judged.told)
    return window.dash_clientside.no_update;
  const have = document.getElementById("loss_curve-figure")?.fathomVersion ?? null;
  return { ...wanted, told: judged.told, have };
}"""


def layout() -> list[Component]:
    """Verdicts first."""
    own = [panel for panel in recorded_panels() if panel.chapter == "overview"]
    return [
        mirror("overview"),
        *(dcc.Store(id=f"overview-{what}") for what in ("judged", "counted")),
        html.H2("Verdicts", className="unseen"),
        html.Div(id="notices"),
        html.Div(html.P("Examining…", className="quiet"), id="overview-meanwhile"),
        html.Div(id="verdicts", hidden=True),
        *(section(panel, chapter.smoothing()) for panel in own),
        html.Div(id="facts"),
        html.Div(id="recorded"),
    ]


def register(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    """The facts at once, the verdicts as soon as they are known, and then where they began."""
    _know(app, runs)
    _count(app, runs)
    _judge(app, runs, examined)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        _SHOW,
        Output("verdicts", "hidden"),
        Output("overview-meanwhile", "hidden"),
        Input("overview-cursor", "data"),
        Input("overview-judged", "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        _MARK,
        Output("loss_curve-wanted", "data"),
        Input("overview-judged", "data"),
        State("loss_curve-wanted", "data"),
    )


def _know(app: Dash, runs: OpenRuns) -> None:
    @app.callback(
        Output("facts", "children"),
        Output("notices", "children"),
        Output("overview-meanwhile", "children"),
        Input("overview-cursor", "data"),
    )
    def know(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        shown, told = runs.asked(run, "facts", facts), notices(run)
        before = meanwhile(run, runs.summary(cursor["run"]).listing)
        return component(shown), component(told) if told else None, component(before)


def _count(app: Dash, runs: OpenRuns) -> None:
    """Tables: of a live run they are not sent at every tick."""

    @app.callback(
        Output("recorded", "children"),
        Output("overview-counted", "data"),
        Input("overview-cursor", "data"),
        State("overview-counted", "data"),
    )
    def recount(cursor: Any, counted: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        what, now = [cursor["run"], cursor["state"]], time.time()
        if counted and counted["what"] == what and now - counted["when"] < COUNTED_ANEW:
            raise PreventUpdate
        try:
            told = runs.asked(runs.kept(cursor["run"]), "recorded", recorded_part)
        except Exception as error:  # one broken part never takes the page down
            told = notice(complaint(error))
        return component(told), {"what": what, "when": now}


def _judge(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    @app.callback(
        Output("verdicts", "children"),
        Output("overview-judged", "data"),
        Input("overview-verdict", "data"),
        State("overview-judged", "data"),
    )
    def judge(verdict: Any, judged: Any) -> Any:
        if not verdict or verdict == judged:
            raise PreventUpdate
        name = verdict["run"]
        try:
            examination = examined.of(runs.kept(name).path)
            return component(verdicts(examination, places(name))), verdict
        except Exception as error:  # one broken part never takes the page down
            return component(notice(complaint(error))), {"run": name, "told": ""}


def places(name: str) -> dict[str, tuple[str, str]]:
    """Of each panel its title, and where it is in the app."""
    here = Address(run=name)
    return {
        panel.name: (panel.title, f"{here.link(page=panel.chapter)}#{panel.name}")
        for panel in panels()
    }
