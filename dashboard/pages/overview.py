"""The first page of a run: its verdicts, its loss, and what was recorded at what cost."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.examined import Examined
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, facts, notice, notices
from dashboard.pages import chapter
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.pages.pictures import section
from dashboard.panel import panels, recorded_panels
from dashboard.verdicts import verdicts


def layout() -> list[Component]:
    """Verdicts first."""
    own = [panel for panel in recorded_panels() if panel.chapter == "overview"]
    return [
        mirror("overview"),
        html.Div(id="notices"),
        html.Div(html.P("Examining…", className="quiet"), id="verdicts"),
        *(section(panel, chapter.smoothing()) for panel in own),
        html.Div(id="facts"),
    ]


def register(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    """The facts at once, the verdicts as soon as they are known."""

    @app.callback(
        Output("facts", "children"),
        Output("notices", "children"),
        Input("overview-cursor", "data"),
    )
    def know(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        told = notices(run)
        return component(facts(run)), component(told) if told else None

    @app.callback(Output("verdicts", "children"), Input("overview-cursor", "data"))
    def judge(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        try:
            return component(verdicts(examined.of(run.path), places(cursor["run"])))
        except Exception as error:  # one broken part never takes the page down
            return component(notice(complaint(error)))


def places(name: str) -> dict[str, tuple[str, str]]:
    """Of each panel its title, and where it is in the app."""
    here = Address(run=name)
    return {
        panel.name: (panel.title, f"{here.link(page=panel.chapter)}#{panel.name}")
        for panel in panels()
    }
