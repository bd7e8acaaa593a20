"""The live web app: choose a run, read its verdicts, watch its pictures grow."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.choices import choices, empty, named
from dashboard.guard import guard
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, facts, notice, notices, state_badge
from dashboard.panel import Panel, panels
from dashboard.server import listen
from dashboard.theme import CONFIG, css_variables
from dashboard.verdicts import telling_step, verdicts
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
    for panel in panels():
        _picture(app, runs, panel)
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
            _component(_top(root)),
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
    return judged + [_section(panel) for panel in panels()]


def _section(panel: Panel[Any]) -> Component:
    name = panel.name
    config: Any = CONFIG | {"doubleClick": "autosize"}  # all there is now, not all there was first
    graph = dcc.Graph(id=f"{name}-figure", config=config, responsive=True)
    return html.Section(
        [
            html.H2(panel.title),
            html.P(panel.question, className="question"),
            html.Div(graph, id=f"{name}-picture", className="figure", role="group"),
            html.Div(id=f"{name}-caption"),
            dcc.Store(id=f"{name}-step"),
            dcc.Store(id=f"{name}-drawn"),
        ],
        className="panel",
        id=name,
    )


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
        return _component(choices(summaries, chosen)), now


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
            return no_update, _component(empty(runs.root)), True, no_update
        try:
            run, updated = runs.look(name), runs.summary(name).updated
        except FathomError as error:
            return no_update, _component(notice(str(error))), True, no_update
        now = {"run": name, "generation": run.generation, "state": run.state}
        if now == cursor and run.state != "running":
            raise PreventUpdate
        return (
            _component(_head(run, name, updated)),
            None,
            False,
            no_update if now == cursor else now,
        )


def _head(run: Run, name: str, updated: float) -> Element:
    since = max(0.0, time.time() - updated) if run.state == "running" and updated else None
    return element("header", "run-title", element("h2", "", name), state_badge(run.state, since))


def _judge(app: Dash, runs: OpenRuns) -> None:
    """The facts and the verdicts, whenever the cursor moved."""

    @app.callback(
        Output("facts", "children"), Output("verdicts", "children"), Input("cursor", "data")
    )
    def judge(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        known = [_component(part) for part in (facts(run), notices(run)) if part]
        try:
            return known, _component(verdicts(runs.examination(run)))
        except Exception as error:  # one broken part never takes the page down
            return known, _component(notice(complaint(error)))


def _picture(app: Dash, runs: OpenRuns, panel: Panel[Any]) -> None:
    """A panel's figure: anew when the run grew, the scheme changed or a step was clicked."""
    figure, step, drawn = (f"{panel.name}-{part}" for part in ("figure", "step", "drawn"))

    @app.callback(
        Output(drawn, "data"),
        Output(f"{panel.name}-picture", "hidden"),
        Output(f"{panel.name}-caption", "children"),
        Output(step, "data"),
        Input("cursor", "data"),
        Input("scheme", "data"),
        Input(figure, "clickData"),
        State(step, "data"),
    )
    def show(cursor: Any, scheme: Any, click: Any, chosen: Any) -> Any:
        if not cursor or not scheme:
            raise PreventUpdate
        if ctx.triggered_id == figure:
            chosen = {"run": cursor["run"], "step": _clicked(click)}
        kept = chosen if chosen and chosen["run"] == cursor["run"] else None
        try:
            run = runs.kept(cursor["run"])
            result, options = runs.result(run, panel), _options(runs, run, panel, kept)
            picture = _marked(panel.draw(result, scheme=scheme, **options), cursor["run"])
            caption = html.P(panel.caption(result), className="caption")
        except Exception as error:  # one broken panel never takes the page down
            return no_update, True, _component(notice(complaint(error))), no_update
        return picture, False, caption, chosen

    # The picture goes through the browser, which keeps the part that was zoomed into: plotly's
    # own `uirevision` does not survive here, because dcc.Graph writes each zoom into the figure.
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"drawn => fathomLive.show(drawn, '{figure}', '{step}')",
        Output(figure, "figure"),
        Input(drawn, "data"),
        prevent_initial_call=True,
    )


def _options(runs: OpenRuns, run: Run, panel: Panel[Any], kept: Any) -> dict[str, Any]:
    """The step chosen; else the latest while the run grows, then the one its verdict speaks of."""
    if not panel.takes("step"):
        return {}
    if kept or run.state == "running":
        return {"step": kept["step"] if kept else None}
    try:
        return {"step": telling_step(runs.examination(run), panel.name)}
    except Exception:  # the examination says itself that it broke
        return {}


def _marked(figure: Any, run: str) -> Any:
    """The figure, and beside it what the browser has to know of it."""
    layout = figure.to_plotly_json()["layout"]
    ranges = {name: axis["range"] for name, axis in layout.items() if _has_range(axis)}
    return figure.update_layout(meta={"run": run, "ranges": ranges})


def _has_range(part: Any) -> bool:
    return isinstance(part, dict) and "range" in part


def _clicked(click: Any) -> int:
    """The step under the pointer; a click on anything that has none changes nothing."""
    told = (click or {}).get("points", [{}])[0].get("customdata")
    numbers = list(told.values()) if isinstance(told, dict) else told  # a typed array is a dict
    if not isinstance(numbers, list):
        raise PreventUpdate
    return int(numbers[-1])


def _component(node: Element | str) -> Component | str:
    """The tree as dash components; a link stays inside the page."""
    if isinstance(node, str):
        return node
    inside = [_component(child) for child in node.inside]
    if node.tag == "a":
        return dcc.Link(inside, className=node.kind, **node.attributes)  # type: ignore[arg-type]
    build_one = getattr(html, node.tag.capitalize())
    component: Component = build_one(inside, className=node.kind or None, **node.attributes)
    return component
