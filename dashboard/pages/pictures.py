"""A picture of the app: its place on the page, what it asks for, and what it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.drawn import Drawn
from dashboard.examined import Examined
from dashboard.first_seen import first_seen
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.panel import Panel, StoredPanel
from dashboard.segments import segments
from dashboard.wishes import Offered, for_analysis, for_drawing, options_of
from diagnostics.run import Run


def figure_place(name: str) -> Component:
    """Where a figure will be, and what the browser and the server tell each other of it."""
    return html.Div(
        [
            html.Div(id=f"{name}-figure", className="figure", role="group"),
            *(dcc.Store(id=f"{name}-{what}") for what in ("wanted", "drawn", "shown")),
        ],
        id=f"{name}-picture",
    )


def section(panel: Panel[Any], *above: Component, hidden: bool = False) -> Component:
    """Title, question, figure and caption of a panel."""
    name = panel.name
    told: dict[str, Any] = {"data-options": json.dumps(options_of(panel))}
    told |= {"data-stored": ""} if isinstance(panel, StoredPanel) else {}
    return html.Section(
        [
            html.H2(panel.title),
            html.P(panel.question, className="question"),
            *above,
            html.Div(id=f"{name}-choices", className="controls"),
            figure_place(name),
            html.Div(id=f"{name}-caption"),
        ],
        className="panel",
        id=name,
        hidden=hidden,
        **told,
    )


def hand_over(app: Dash, name: str) -> None:
    """What the server sends goes to the place; it is drawn by the browser."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"answer => fathomPictures.arrived({json.dumps(name)}, answer)",
        Output(f"{name}-shown", "data"),
        Input(f"{name}-drawn", "data"),
    )


@dataclass(frozen=True)
class Shared:
    """What all viewers of all pictures share."""

    runs: OpenRuns
    drawn: Drawn
    examined: Examined


def picture(app: Dash, shared: Shared, panel: Panel[Any]) -> None:
    """Anew when the run grew, or when the address wants it otherwise."""
    name = panel.name

    @app.callback(
        Output(f"{name}-drawn", "data"),
        Output(f"{name}-picture", "hidden"),
        Output(f"{name}-caption", "children"),
        Output(f"{name}-choices", "children"),
        Input(f"{name}-wanted", "data"),
    )
    def show(wanted: Any) -> Any:
        if not wanted:
            raise PreventUpdate
        try:
            return _shown(shared, panel, wanted)
        except Exception as error:  # one broken panel never takes the page down
            return no_update, True, component(notice(complaint(error))), no_update

    hand_over(app, name)


def _shown(shared: Shared, panel: Panel[Any], wanted: Mapping[str, Any]) -> Any:
    run, address = shared.runs.kept(wanted["run"]), Address.read(wanted)
    asked = for_analysis(panel, address)
    result = shared.runs.result(run, panel, **asked)
    offered = panel.choices(result)
    drawing = for_drawing(panel, address, offered) | _found(shared.examined, panel, run)
    answer = shared.drawn.answer(
        [str(run.path), run.generation, panel.name, asked, drawing],
        wanted.get("have"),
        lambda: marked(panel.draw(result, **drawing), wanted["run"]),
    )
    caption = html.P(panel.caption(result), className="caption")
    return no_update if answer is None else answer, False, caption, choice(offered, drawing)


def _found(examined: Examined, panel: Panel[Any], run: Run) -> dict[str, Any]:
    """A picture that marks findings never waits for them: it is asked for again."""
    examination = examined.known(run.path) if panel.takes("told") else None
    seen = first_seen(examination) if examination else ()
    return {"told": seen} if seen else {}


def choice(offered: Offered, drawing: Mapping[str, Any]) -> list[Any]:
    """A row of buttons for each choice that there is; one alone is no choice."""
    several = {what: words for what, words in offered.items() if len(words) > 1}
    return [component(segments(what, words, drawing[what])) for what, words in several.items()]


def marked(figure: Any, run: str, picture: str = "") -> dict[str, Any]:
    """The figure, and beside it what the browser has to know: a zoom outlives what it names."""
    told: dict[str, Any] = figure.to_plotly_json()
    layout = told["layout"]
    ranges = {name: axis["range"] for name, axis in layout.items() if _has_range(axis)}
    layout["meta"] = {**(layout.get("meta") or {}), "run": run, "picture": picture} | {
        "ranges": ranges
    }
    return told


def _has_range(part: Any) -> bool:
    return isinstance(part, dict) and "range" in part
