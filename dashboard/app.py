"""The live web app: a frame around the pages, and what all of them follow."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from flask import request

from dashboard.address import Address
from dashboard.drawn import Drawn
from dashboard.examined import Examined
from dashboard.first_sight import first_sight
from dashboard.guard import LOOPBACK, guard
from dashboard.health import offer_health
from dashboard.jobs import Jobs
from dashboard.markup import Element, element, to_html
from dashboard.navigation import ALONE, PAGES, pages, top
from dashboard.no_runs import empty, unknown
from dashboard.open_runs import LIVE, OpenRuns
from dashboard.overview import complaint, notice, state_badge
from dashboard.pages import ask, chapter, compare, layers, overview
from dashboard.pages import runs as run_list
from dashboard.pages.components import component
from dashboard.pages.frame import tell
from dashboard.pages.pictures import Shared, picture
from dashboard.pages.stored_pictures import watch_results
from dashboard.panel import panels, recorded_panels, stored_panels
from dashboard.run_row import state_now
from dashboard.theme import CONFIG, css_variables, swaps
from dashboard.verdicts import severities, telling_step, words_of
from diagnostics.run import FathomError, Run

LATEST = "latest"  # a name for the run that began last
TICK = 2000  # milliseconds between two looks at a live run
_WHOLE = "plotly-whole.min.js"  # fetched by the pages that need it

# pages that are more than a chapter's pictures
_OWN = {
    "runs": run_list.layout,
    "overview": overview.layout,
    "layers": layers.layout,
    "compare": compare.layout,
    "ask": ask.layout,
}

_INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}<title>{%title%}</title><link rel="icon" href="ICON"><style>STYLE</style>{%css%}
</head>
<body>TOP<div class="shell">PAGES{%app_entry%}</div>
<script type="application/json" id="look">LOOK</script>
<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def build(
    root: Path,
    hosts: Collection[str] | None = LOOPBACK,
    *,
    base_path: str = "/",
    token: str = "",
    runs: OpenRuns | None = None,
) -> Dash:
    """The app over a folder of runs; it answers only to these host names (None: to any)."""
    app = _frame(base_path)
    app.index_string = _index(app, root)
    app.layout = _layout()
    runs, drawn = runs or OpenRuns(root), Drawn()
    examined = Examined(first=runs.let_pass)
    app.first_sight = partial(first_sight, runs, examined)
    shared = Shared(runs, drawn, examined)
    _start(app)
    _render(app)
    _list(app, runs)
    _follow(app, runs)
    _judge(app, runs, examined)
    run_list.register(app, runs)
    for page in (overview, layers, compare):
        page.register(app, runs, examined)
    for panel in recorded_panels():
        picture(app, shared, panel)
    watch_results(app, runs, drawn, stored_panels())
    ask.register(app, runs, Jobs())
    offer_health(app.server, root, base_path)
    guard(app.server, hosts, base_path=base_path, token=token)
    return app


def _pass_over(error: Exception) -> None:
    """What shows it stays as it was: a run may go while it is looked at. Else it is our mistake."""
    if not isinstance(error, (FathomError, OSError)):
        raise error


class _Frame(Dash):
    """What is known stands in the page itself: scripts and figures come afterwards."""

    first_sight: Callable[[Mapping[str, str]], str]  # of what the address asks for

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        beside = (
            f'<div class="beside">{self.first_sight(request.args)}{parts.pop("app_entry")}</div>'
        )
        return str(super().interpolate_index(app_entry=beside, **parts))  # type: ignore[no-untyped-call]


def _frame(base_path: str) -> _Frame:
    return _Frame(
        __name__,
        title="Fathom",
        update_title="",
        assets_folder="assets",
        assets_ignore=_WHOLE.replace(".", r"\."),
        requests_pathname_prefix=base_path,
        routes_pathname_prefix=base_path,
        suppress_callback_exceptions=True,
        prevent_initial_callbacks=True,  # a page that has just come knows nothing yet
        on_error=_pass_over,
        enable_mcp=False,
    )


def _index(app: Dash, root: Path) -> str:
    """What stands still is there before any script has run."""
    look = {"config": CONFIG, "swaps": swaps(), "whole": app.get_asset_url(_WHOLE)}
    still = {"STYLE": css_variables(), "LOOK": json.dumps(look)}
    still |= {"ICON": app.get_asset_url("icon.svg")}
    still |= {"TOP": to_html(top(root)), "PAGES": to_html(pages())}
    # whatever the folder is called, dash shall find none of its own marks there
    return re.sub(
        "STYLE|LOOK|ICON|TOP|PAGES", lambda mark: still[mark[0]].replace("{%", "{ %"), _INDEX
    )


def _layout() -> Component:
    stores = ("address", "page", "listing", "cursor")
    judged = ("telling", "verdict", "pending", "again")
    heard = [f"heard-{what}" for what in ("listing", "cursor", "tick", "page", *judged)]
    return html.Main(
        [
            dcc.Interval(id="tick", interval=TICK),
            *(dcc.Store(id=name) for name in (*stores, *judged, *heard)),
            html.Div(id="message"),
            html.Div(
                [
                    html.Div([html.Div(id="head"), html.Div(id="judged")], className="run-head"),
                    html.Div(id="content"),
                ],
                id="whole",
                className="run",
            ),
        ],
        id="main",
    )


def _start(app: Dash) -> None:
    """What the address says, and from now on whatever it will say; the browser hears the rest."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        "() => fathomAddress.start()",
        Output("address", "data"),
        Output("page", "data"),
        Input("address", "id"),
        prevent_initial_call=False,
    )
    tell(app, "fathomShell.offer(news)", "listing.data", "heard-listing")
    tell(app, "fathomShell.follow(news)", "cursor.data", "heard-cursor")
    tell(app, "fathomShell.learn({tick: news ?? 0})", "tick.n_intervals", "heard-tick")
    tell(app, "fathomShell.settle()", "content.children", "heard-page")
    tell(app, "fathomLinked.tell(news)", "telling.data", "heard-telling")
    tell(app, "fathomShell.learn({verdict: news})", "verdict.data", "heard-verdict")
    tell(app, "fathomShell.askAgain(news)", "pending.data", "heard-pending")


def _render(app: Dash) -> None:
    """A page is put in its place; what it shows comes afterwards."""

    @app.callback(Output("content", "children"), Input("page", "data"))
    def render(page: Any) -> Any:
        if not page:
            raise PreventUpdate
        own = _OWN.get(page)
        found = own() if own else chapter.layout(str(page))
        title = [html.H1(dict(PAGES)[page], className="unseen")] if page in ALONE else []
        lost = component(notice(f"There is no page '{page}'; choose one from the list of pages."))
        return title + found if found else lost


def _list(app: Dash, runs: OpenRuns) -> None:
    """At each tick: which runs there are."""

    @app.callback(Output("listing", "data"), Input("tick", "n_intervals"), State("listing", "data"))
    def list_runs(_: int | None, listing: Any) -> Any:
        now = [each.name for each in runs.summaries()]
        if now == listing:
            raise PreventUpdate
        return now


def _follow(app: Dash, runs: OpenRuns) -> None:
    """At each tick: the state of the run shown, and whether anything of it is new."""

    @app.callback(
        Output("head", "children"),
        Output("message", "children"),
        Output("whole", "hidden"),
        Output("cursor", "data"),
        Input("tick", "n_intervals"),
        Input("address", "data"),
        State("cursor", "data"),
    )
    def follow(_: int | None, address: Any, cursor: Any) -> Any:
        if address is None:
            raise PreventUpdate
        asked = Address.read(address).run
        name = runs.latest() if asked in ("", LATEST) else asked
        if name is None:
            return no_update, component(empty(runs.root)), True, no_update
        try:
            run, updated = runs.look(name), runs.summary(name).updated
        except FathomError as error:
            alone = Address.read(address).page in ALONE
            told = None if alone else component(unknown(str(error)))
            return no_update, told, not alone, no_update
        now = {"run": name, "generation": run.generation, "state": run.state}
        if now == cursor and run.state != "running":
            raise PreventUpdate
        head = component(_head(run, name, updated))
        return head, None, False, no_update if now == cursor else now


def _head(run: Run, name: str, updated: float) -> Element:
    state = state_now(run)
    since = max(0.0, time.time() - updated) if state in LIVE and updated else None
    return element(
        "header",
        "run-title",
        element("h1", "", name),
        state_badge(state, since),
    )


def _judge(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    """Of every page: what the doctor says in a word, and at which step each picture tells it.

    A long run takes a while: until then the browser asks `again`. Pages follow `verdict`.
    """

    @app.callback(
        Output("judged", "children"),
        Output("telling", "data"),
        Output("verdict", "data"),
        Output("pending", "data"),
        Input("cursor", "data"),
        Input("again", "data"),
        State("verdict", "data"),
    )
    def judge(cursor: Any, again: Any, before: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        name = cursor["run"]
        try:
            examination, pending = examined.soon(runs.kept(name).path)
        except Exception as error:  # one broken part never takes the page down
            return complaint(error), {}, {"run": name, "told": ""}, None
        ask = (again or 0) + 1 if pending else None
        if examination is None:
            return "examining…", {}, no_update, ask
        now = {"run": name, "told": words_of(examination)}
        if now == before:
            return no_update, no_update, no_update, ask
        steps = {panel.name: telling_step(examination, panel.name) for panel in panels()}
        told = {panel: step for panel, step in steps.items() if step is not None}
        return [component(each) for each in severities(examination)], told, now, ask
