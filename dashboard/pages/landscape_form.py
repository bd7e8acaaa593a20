"""Computing a landscape on the spot: a small form, its progress, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.guard import may_start
from dashboard.jobs import Jobs, Look
from dashboard.landscape_request import (
    ALONG,
    ALSO,
    AXES,
    MOST_SEED,
    RESOLUTIONS,
    STATISTICS,
    TOWARDS,
    also_of,
    requested,
)
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.wording import duration
from diagnostics.held_out import has_held_out
from diagnostics.run import FathomError, Run

PANEL = "loss_landscape"
CANCELLED = (
    "Cancelled. What was computed is kept: compute the same again, and it goes on where it was."
)
TARGET = "towards"  # the row that only one kind of directions asks for
_FIELDS = (
    *("along", "target", "axes", "step", "seed", "reach"),
    *("resolution", "statistics", "also"),
)


def form() -> Component:
    """Closed until somebody wants it."""
    rows = [
        _row("Directions", _radio("along", ALONG)),
        _row("Towards", _number("target", list="snapshots"), "a snapshot's step", id=TARGET),
        _row("Shape", _radio("axes", AXES)),
        _row("Centre", _number("step", list="snapshots"), "a snapshot's step"),
        _row("Span", _number("reach", min=0, placeholder="automatic"), "to both sides"),
        _row("Seed", _number("seed", value=0, min=0, max=MOST_SEED, step=1)),
        _row("Nodes an axis", _radio("resolution", {each: str(each) for each in RESOLUTIONS}, 51)),
        _row("Batch norm", _radio("statistics", STATISTICS)),
        _row("Also", dcc.Checklist([], [], id="ask-also", className="segments", inline=True)),
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


def _row(label: str, field: Component, hint: str = "", **rest: Any) -> Component:
    parts = [html.Span(label, className="label"), field, html.Span(hint, className="hint")]
    return html.Label(parts, **rest)


def _radio(name: str, words: Mapping[Any, str], value: Any = None) -> Component:
    options: Any = [{"label": told, "value": each} for each, told in words.items()]
    chosen = value or next(iter(words))
    return dcc.RadioItems(options, chosen, id=f"ask-{name}", className="segments", inline=True)


def _number(name: str, **rest: Any) -> Component:
    return dcc.Input(id=f"ask-{name}", type="number", **{"step": "any"} | rest)


def offer_form(app: Dash, runs: OpenRuns, jobs: Jobs) -> None:
    """Only where the run holds what it takes, and only to whom the machine belongs."""
    _offer(app, runs)
    _work(app, runs, jobs)


def _offer(app: Dash, runs: OpenRuns) -> None:
    """The form, the snapshots to choose from, and what else the recording holds."""

    @app.callback(
        Output("landscape-form", "hidden"),
        Output("landscape-form", "open"),
        Output("snapshots", "children"),
        Output("ask-step", "value"),
        Output("ask-target", "value"),
        Output("ask-also", "options"),
        Output("ask-also", "value"),
        Input("results", "data"),
        State("landscape-form", "open"),
        *(State(f"ask-{name}", "value") for name in ("step", "target", "also")),
    )
    def offer(results: Any, opened: Any, step: Any, target: Any, also: Any) -> Any:
        if not results:
            raise PreventUpdate
        run = runs.kept(results["run"])
        steps = run.snapshots if results["program"] else ()
        if not steps or not may_start():
            return True, False, None, None, None, [], []
        opened = opened or not results["stamps"].get(PANEL)
        options = [html.Option(value=str(each)) for each in steps]
        centre, other = _among(step, steps, steps[-1]), _among(target, steps, steps[0])
        return False, opened, options, centre, other, *_more(run, also)

    _ask_for_target(app)


def _among(value: Any, steps: Sequence[int], otherwise: int) -> Any:
    return value if value in steps else otherwise


def _more(run: Run, also: Any) -> tuple[list[Any], list[str]]:
    """The boxes to tick for a run, and those of them that are."""
    known = also_of(held_out=has_held_out(run))
    options = [{"label": ALSO[each], "value": each} for each in known]
    return options, [each for each in known if each in (also or [])]


def _ask_for_target(app: Dash) -> None:
    """Which snapshot is asked only of directions that go towards one."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"along => along !== '{TOWARDS}'",
        Output(TARGET, "hidden"),
        Input("ask-along", "value"),
        prevent_initial_call=False,
    )


def _work(app: Dash, runs: OpenRuns, jobs: Jobs) -> None:
    """Start, cancel, and at each tick say how far it is."""

    @app.callback(
        Output("job", "children"),
        Output("compute", "hidden"),
        Output("cancel", "hidden"),
        Input("chapter-tick", "data"),
        Input("compute", "n_clicks"),
        Input("cancel", "n_clicks"),
        Input("chapter-cursor", "data"),
        State("cancel", "hidden"),
        *(State(f"ask-{name}", "value") for name in _FIELDS),
    )
    def work(_: Any, __: Any, ___: Any, cursor: Any, idle: Any, *asked: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        causes = set(ctx.triggered_prop_ids.values())  # a click may come with a tick
        if causes & {"compute", "cancel"} and not may_start():
            raise PreventUpdate
        try:
            if "compute" in causes:
                _start(runs, jobs, cursor["run"], dict(zip(_FIELDS, asked, strict=True)))
            elif "cancel" in causes:
                jobs.cancel()
        except (FathomError, OSError) as error:
            return component(notice(complaint(error))), no_update, no_update
        look = jobs.look()
        if look is None or (causes == {"chapter-tick"} and idle and look.state != "running"):
            raise PreventUpdate  # what was said last, perhaps why nothing was begun, stays
        return _as_it_is(look, cursor["run"])


def _start(runs: OpenRuns, jobs: Jobs, name: str, asked: Mapping[str, Any]) -> None:
    run = runs.kept(name)
    request = requested(asked, run.snapshots, held_out=has_held_out(run))
    jobs.start(name, request.command(run.path))


def _as_it_is(look: Look, run: str) -> tuple[Any, bool, bool]:
    """What to say, and which of the two buttons makes sense."""
    running = look.state == "running"
    if not running and look.run != run:
        return None, False, True
    return component(told(look, run)), running, not running


def told(look: Look, run: str) -> Element:
    """How far it is, how it ended, or why it did not."""
    if look.state == "failed":
        return notice(look.told or "The computation ended without saying why.")
    if look.state == "cancelled":
        return element("p", "hint", CANCELLED)
    if look.state == "done":
        return element("p", "hint", f"Computed in {duration(look.seconds)}.")
    where = "" if look.run == run else f"For {look.run}: "
    if not look.of:
        return element("p", "hint", f"{where}starting, {duration(look.seconds)}")
    bar = element("progress", "", value=str(look.done), max=str(look.of))
    return element("p", "hint", bar, f"{where}{look.told}")
