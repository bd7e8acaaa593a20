"""The live web app: choose a run, read its verdicts, watch its pictures grow."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.choices import choices, empty, named
from dashboard.guard import guard
from dashboard.jobs import Jobs
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, facts, notice, notices, state_badge
from dashboard.pages.components import component
from dashboard.pages.landscape_form import PANEL, form, offer_form
from dashboard.pages.pictures import picture, section
from dashboard.pages.stored_pictures import chapter, watch_results
from dashboard.panel import recorded_panels, stored_panels
from dashboard.server import listen
from dashboard.theme import css_variables
from dashboard.verdicts import verdicts
from diagnostics.run import FathomError, Run

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TICK = 2000  # milliseconds between two looks at a live run

_INDEX = """<!doctype html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title><style>STYLE</style>{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def build(root: Path, hosts: Collection[str] | None = LOOPBACK) -> Dash:
    """The app over a folder of runs; it answers only to these host names (None: to any)."""
    app = Dash(__name__, title="Fathom", update_title="", assets_folder="assets")
    app.index_string = _INDEX.replace("STYLE", css_variables())
    app.layout = _layout(root)
    runs = OpenRuns(root)
    _choose_scheme(app)
    _list(app, runs)
    _follow(app, runs)
    _judge(app, runs)
    for panel in recorded_panels():
        picture(app, runs, panel)
    watch_results(app, runs, stored_panels(), PANEL)
    offer_form(app, runs, Jobs(), local=hosts is not None)
    guard(app.server, hosts)
    return app


def serve(root: Path, host: str = "127.0.0.1", port: int = 8050) -> None:
    """Serve until Ctrl-C; a busy port gives way to the next free one."""
    local = host in LOOPBACK
    server = listen(build(root, LOOPBACK if local else None).server, host, port)
    if not local:
        print("Anyone who can reach this machine can read these runs.")
    print(f"Fathom shows {root} at http://{host}:{server.port}/  (Ctrl-C stops)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _layout(root: Path) -> Component:
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Interval(id="tick", interval=TICK),
            dcc.Store(id="scheme"),
            dcc.Store(id="listing"),
            dcc.Store(id="cursor"),
            component(_top(root)),
            html.Div(
                [
                    html.Nav(id="runs", className="sidebar"),
                    html.Main(
                        [
                            html.Div(id="message"),
                            html.Div(
                                [html.Div(id="head"), *_chapters()], id="content", hidden=True
                            ),
                        ]
                    ),
                ],
                className="shell",
            ),
        ]
    )


def _top(root: Path) -> Element:
    return element(
        "header",
        "top",
        element("span", "brand", "Fathom"),
        element("span", "title", str(root)),
        element("button", "scheme", "◐", id="toggle", title="Light or dark"),
    )


def _chapters() -> list[Component]:
    judged = [
        html.Div(id="facts"),
        html.H2("Verdicts", className="chapter"),
        html.Div(id="verdicts"),
    ]
    recorded = [section(panel) for panel in recorded_panels()]
    return judged + recorded + chapter(stored_panels(), form(), PANEL)


def _choose_scheme(app: Dash) -> None:
    app.clientside_callback(  # type: ignore[no-untyped-call]
        "function(clicks) { return clicks ? fathom.toggle() : fathom.scheme(); }",
        Output("scheme", "data"),
        Input("toggle", "n_clicks"),
    )


def _list(app: Dash, runs: OpenRuns) -> None:
    """At each tick: which runs there are."""

    @app.callback(
        Output("runs", "children"),
        Output("listing", "data"),
        Input("tick", "n_intervals"),
        Input("url", "search"),
        State("listing", "data"),
    )
    def list_runs(_: int | None, search: str | None, listing: Any) -> Any:
        summaries = runs.summaries()
        chosen = named(search, summaries)
        now = [[each.name, each.state, each.steps, each.name == chosen] for each in summaries]
        if now == listing:
            raise PreventUpdate
        return component(choices(summaries, chosen)), now


def _follow(app: Dash, runs: OpenRuns) -> None:
    """At each tick: the state of the run shown, and whether anything of it is new."""

    @app.callback(
        Output("head", "children"),
        Output("message", "children"),
        Output("content", "hidden"),
        Output("cursor", "data"),
        Input("tick", "n_intervals"),
        Input("url", "search"),
        State("cursor", "data"),
    )
    def follow(_: int | None, search: str | None, cursor: Any) -> Any:
        summaries = runs.summaries()
        name = named(search, summaries)
        if name is None:
            return no_update, component(empty(runs.root)), True, no_update
        try:
            run, updated = runs.look(name), runs.summary(name).updated
        except FathomError as error:
            return no_update, component(notice(str(error))), True, no_update
        now = {"run": name, "generation": run.generation, "state": run.state}
        if now == cursor and run.state != "running":
            raise PreventUpdate
        return (
            component(_head(run, name, updated)),
            None,
            False,
            no_update if now == cursor else now,
        )


def _head(run: Run, name: str, updated: float) -> Element:
    since = max(0.0, time.time() - updated) if run.state == "running" and updated else None
    return element("header", "run-title", element("h2", "", name), state_badge(run.state, since))


def _judge(app: Dash, runs: OpenRuns) -> None:
    """The facts and the verdicts, whenever the cursor moved."""
    pictures = {panel.name: (panel.title, panel.name) for panel in recorded_panels()}

    @app.callback(
        Output("facts", "children"), Output("verdicts", "children"), Input("cursor", "data")
    )
    def judge(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        known = [component(part) for part in (facts(run), notices(run)) if part]
        try:
            return known, component(verdicts(runs.examination(run), pictures))
        except Exception as error:  # one broken part never takes the page down
            return known, component(notice(complaint(error)))
