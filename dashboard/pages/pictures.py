"""A panel of what was recorded: its section of the page, and its figure as the run grows."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.panel import Panel
from dashboard.theme import CONFIG
from dashboard.verdicts import telling_step
from diagnostics.run import Run


def section(panel: Panel[Any], *above: Component, hidden: bool = False) -> Component:
    """Title, question, figure and caption of a panel."""
    name = panel.name
    config: Any = CONFIG | {"doubleClick": "autosize"}  # all there is now, not all there was first
    graph = dcc.Graph(id=f"{name}-figure", config=config, responsive=True)
    return html.Section(
        [
            html.H2(panel.title),
            html.P(panel.question, className="question"),
            *above,
            html.Div(graph, id=f"{name}-picture", className="figure", role="group"),
            html.Div(id=f"{name}-caption"),
            dcc.Store(id=f"{name}-step"),
            dcc.Store(id=f"{name}-drawn"),
        ],
        className="panel",
        id=name,
        hidden=hidden,
    )


def picture(app: Dash, runs: OpenRuns, panel: Panel[Any]) -> None:
    """Anew when the run grew, the scheme changed or a step was clicked."""
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
            shown = marked(panel.draw(result, scheme=scheme, **options), cursor["run"])
            caption = html.P(panel.caption(result), className="caption")
        except Exception as error:  # one broken panel never takes the page down
            return no_update, True, component(notice(complaint(error))), no_update
        return shown, False, caption, chosen

    hand_over(app, panel)


def hand_over(app: Dash, panel: Panel[Any]) -> None:
    """The picture goes through the browser, which keeps the part that was zoomed into: plotly's
    own `uirevision` does not survive here, because dcc.Graph writes each zoom into the figure."""
    figure, step, drawn = (f"{panel.name}-{part}" for part in ("figure", "step", "drawn"))
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"drawn => fathomLive.show(drawn, '{figure}', '{step}')",
        Output(figure, "figure"),
        Input(drawn, "data"),
        prevent_initial_call=True,
    )


def marked(figure: Any, run: str, picture: str = "") -> Any:
    """The figure, and beside it what the browser has to know: a zoom outlives what it names."""
    layout = figure.to_plotly_json()["layout"]
    ranges = {name: axis["range"] for name, axis in layout.items() if _has_range(axis)}
    meta = {**(layout.get("meta") or {}), "run": run, "picture": picture, "ranges": ranges}
    return figure.update_layout(meta=meta)


def _has_range(part: Any) -> bool:
    return isinstance(part, dict) and "range" in part


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


def _clicked(click: Any) -> int:
    """The step under the pointer; a click on anything that has none changes nothing."""
    told = (click or {}).get("points", [{}])[0].get("customdata")
    numbers = list(told.values()) if isinstance(told, dict) else told  # a typed array is a dict
    if not isinstance(numbers, list):
        raise PreventUpdate
    return int(numbers[-1])
