"""Computing a landscape on the spot: a small form, its progress, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.guard import from_here
from dashboard.jobs import Jobs, Look
from dashboard.landscape_request import (
    ALONG,
    AXES,
    MOST_SEED,
    RESOLUTIONS,
    STATISTICS,
    requested,
    snapshot_steps,
)
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.wording import duration
from diagnostics.run import FathomError

PANEL = "loss_landscape"
_FIELDS = ("along", "axes", "step", "seed", "reach", "resolution", "statistics")


def form() -> Component:
    """Closed until somebody wants it."""
    rows = [
        _row("Directions", _radio("along", ALONG)),
        _row("Shape", _radio("axes", AXES)),
        _row("Centre", _number("step", list="snapshots"), "a snapshot's step"),
        _row("Span", _number("reach", min=0, placeholder="automatic"), "to both sides"),
        _row("Seed", _number("seed", value=0, min=0, max=MOST_SEED, step=1)),
        _row("Nodes an axis", _radio("resolution", {each: str(each) for each in RESOLUTIONS}, 51)),
        _row("Batch norm", _radio("statistics", STATISTICS)),
    ]
    buttons = [
        html.Button("Compute", id="compute", className="action"),
        html.Button("Cancel", id="cancel", className="action plain", hidden=True),
    ]
    return html.Details(
        [
            html.Summary("Compute a landscape"),
            html.Datalist(id="snapshots"),
            html.Div(rows, className="form"),
            html.Div(buttons, className="buttons"),
            html.Div(id="job", role="status"),
        ],
        id="landscape-form",
        className="quiet compute",
        hidden=True,
    )


def _row(label: str, field: Component, hint: str = "") -> Component:
    return html.Label(
        [html.Span(label, className="label"), field, html.Span(hint, className="hint")]
    )


def _radio(name: str, words: Mapping[Any, str], value: Any = None) -> Component:
    options: Any = [{"label": told, "value": each} for each, told in words.items()]
    chosen = value or next(iter(words))
    return dcc.RadioItems(options, chosen, id=f"ask-{name}", className="segments", inline=True)


def _number(name: str, **rest: Any) -> Component:
    return dcc.Input(id=f"ask-{name}", type="number", **{"step": "any"} | rest)


def offer_form(app: Dash, runs: OpenRuns, jobs: Jobs, *, local: bool) -> None:
    """Only where the run holds what it takes, and only to whom the machine belongs."""
    _offer(app, runs, local=local)
    _work(app, runs, jobs, local=local)


def _offer(app: Dash, runs: OpenRuns, *, local: bool) -> None:
    """The form, and the snapshots to choose from."""

    @app.callback(
        Output("landscape-form", "hidden"),
        Output("landscape-form", "open"),
        Output("snapshots", "children"),
        Output("ask-step", "value"),
        Input("results", "data"),
        State("landscape-form", "open"),
        State("ask-step", "value"),
    )
    def offer(results: Any, opened: Any, step: Any) -> Any:
        if not results:
            raise PreventUpdate
        steps = snapshot_steps(runs.kept(results["run"])) if results["program"] else ()
        if not local or not steps:
            return True, False, None, None
        stored = results["stamps"][PANEL]
        options = [html.Option(value=str(each)) for each in steps]
        return False, opened or not stored, options, step if step in steps else steps[-1]


def _work(app: Dash, runs: OpenRuns, jobs: Jobs, *, local: bool) -> None:
    """Start, cancel, and at each tick say how far it is."""

    @app.callback(
        Output("job", "children"),
        Output("compute", "hidden"),
        Output("cancel", "hidden"),
        Input("tick", "n_intervals"),
        Input("compute", "n_clicks"),
        Input("cancel", "n_clicks"),
        Input("cursor", "data"),
        *(State(f"ask-{name}", "value") for name in _FIELDS),
    )
    def work(_: Any, __: Any, ___: Any, cursor: Any, *asked: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        if ctx.triggered_id in ("compute", "cancel") and not (local and from_here()):
            raise PreventUpdate
        try:
            if ctx.triggered_id == "compute":
                _start(runs, jobs, cursor["run"], dict(zip(_FIELDS, asked, strict=True)))
            elif ctx.triggered_id == "cancel":
                jobs.cancel()
        except (FathomError, OSError) as error:
            return component(notice(complaint(error))), no_update, no_update
        return _as_it_is(jobs.look(), cursor["run"], ctx.triggered_id)


def _start(runs: OpenRuns, jobs: Jobs, name: str, asked: Mapping[str, Any]) -> None:
    run = runs.kept(name)
    jobs.start(name, requested(asked, snapshot_steps(run)).command(run.path))


def _as_it_is(look: Look | None, run: str, triggered: Any) -> tuple[Any, bool, bool]:
    """What to say, and which of the two buttons makes sense."""
    if look is None:
        raise PreventUpdate
    running = look.state == "running"
    if not running and look.run != run:
        return None, False, True
    if triggered == "tick" and not running and look.state == "failed":
        return component(told(look, run)), False, True
    return component(told(look, run)), running, not running


def told(look: Look, run: str) -> Element:
    """How far it is, how it ended, or why it did not."""
    if look.state == "failed":
        return notice(look.told or "The computation ended without saying why.")
    if look.state == "cancelled":
        return element("p", "hint", "Cancelled; what was computed is kept for the next time.")
    if look.state == "done":
        return element("p", "hint", f"Computed in {duration(look.seconds)}.")
    where = "" if look.run == run else f"For {look.run}: "
    if not look.of:
        return element("p", "hint", f"{where}starting, {duration(look.seconds)}")
    bar = element("progress", "", value=str(look.done), max=str(look.of))
    return element("p", "hint", bar, f"{where}{look.told}")
