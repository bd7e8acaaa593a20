"""Asking a run for what takes longer: any analysis, in the background, with its progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.asked_page import ended, offers, told
from dashboard.guard import may_start
from dashboard.jobs import Jobs, Look
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.questions import Field, questions
from diagnostics.run import FathomError

ANSWERS = {"ask": ALL}
NOT_HERE = (
    "Computations can be started from this machine, or with the app's token: "
    "what is stored already is on the other pages."
)


def layout() -> list[Component]:
    """What may be asked, the form of the one chosen, and how far it is."""
    buttons = [
        html.Button("Compute", id="compute", className="action"),
        html.Button("Cancel", id="cancel", className="action plain", hidden=True),
    ]
    form = html.Section(
        [
            html.Div(id="ask-form"),
            html.Div(buttons, id="ask-buttons", className="buttons"),
            html.Div(id="job", role="status"),
        ],
        id="ask-one",
        className="panel",
        hidden=True,
    )
    question = html.P("What else is there to know of this run?", className="chapter-question")
    return [mirror("ask"), question, html.Div(id="ask-offers"), form]


def register(app: Dash, runs: OpenRuns, jobs: Jobs) -> None:
    """The choice, its form, and the work."""
    _offer(app, runs)
    _show_form(app, runs)
    _work(app, runs, jobs)


def _offer(app: Dash, runs: OpenRuns) -> None:
    """Every analysis, whether the run can be asked for it, and how often it was."""

    @app.callback(
        Output("ask-offers", "children"), Input("ask-address", "data"), Input("ask-cursor", "data")
    )
    def offer(address: Any, cursor: Any) -> Any:
        if not cursor or not address:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        return component(offers(run, cursor["run"], str(address.get("ask", ""))))


def _show_form(app: Dash, runs: OpenRuns) -> None:
    @app.callback(
        Output("ask-one", "hidden"),
        Output("ask-form", "children"),
        Output("ask-buttons", "hidden"),
        Input("ask-address", "data"),
        Input("ask-cursor", "data"),
        State("ask-form", "children"),
    )
    def show(address: Any, cursor: Any, shown: Any) -> Any:
        if not cursor or not address:
            raise PreventUpdate
        question = questions().get(str(address.get("ask", "")))
        if question is None:
            return True, None, True
        run = runs.kept(cursor["run"])
        key = f"{question.name} {cursor['run']} {run.snapshots}"
        if shown and shown.get("props", {}).get("data-key") == key:
            raise PreventUpdate  # what was filled in stays
        rows = [_row(field, run.snapshots) for field in question.fields]
        parts = [
            html.H2(question.title),
            html.P(f"{question.told[:1].upper()}{question.told[1:]}.", className="question"),
            html.Datalist([html.Option(value=str(each)) for each in run.snapshots], id="snapshots"),
            html.Div(rows, className="form"),
            *([] if may_start() else [component(notice(NOT_HERE))]),
        ]
        told: dict[str, Any] = {"data-key": key}
        return False, html.Div(parts, **told), not may_start()


def _row(field: Field, snapshots: Sequence[int]) -> Component:
    name = field.name.replace("_", " ").capitalize()
    parts = [
        html.Span(name, className="label"),
        *_inputs(field, snapshots),
        html.Span(field.told, className="hint"),
    ]
    if field.kind in ("choice", "flag"):  # whose options are labels themselves
        told: dict[str, Any] = {"role": "group", "aria-label": name}
        return html.Div(parts, className="row", **told)
    return html.Label(parts, className="row")


def _inputs(field: Field, snapshots: Sequence[int]) -> list[Component]:
    place = {"ask": field.name}
    if field.kind == "choice":
        words = [{"label": word, "value": word} for word in field.words]
        chosen = field.default or None
        return [dcc.RadioItems(words, chosen, id=place, className="segments", inline=True)]
    if field.kind == "flag":
        options = [{"label": "yes", "value": "yes"}]
        return [dcc.Checklist(options, [], id=place, className="segments", inline=True)]
    if field.kind == "runs":
        return [
            dcc.Input(id={"ask": f"{field.name} {n}"}, list="run-names", type="text", value="")
            for n in range(field.many)
        ]
    kind: Any = "number" if field.kind in ("step", "whole") else "text"
    known: dict[str, Any] = {"list": "snapshots"} if field.kind == "step" and snapshots else {}
    return [dcc.Input(id=place, type=kind, placeholder=field.default or "automatic", **known)]


def _work(app: Dash, runs: OpenRuns, jobs: Jobs) -> None:
    """Start, cancel, and at each tick say how far it is."""

    @app.callback(
        Output("job", "children"),
        Output("compute", "hidden"),
        Output("cancel", "hidden"),
        Input("ask-tick", "data"),
        Input("compute", "n_clicks"),
        Input("cancel", "n_clicks"),
        Input("ask-cursor", "data"),
        State("cancel", "hidden"),
        State("ask-address", "data"),
        State(ANSWERS, "value"),
    )
    def work(_: Any, __: Any, ___: Any, cursor: Any, idle: Any, address: Any, answers: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        causes = set(ctx.triggered_prop_ids.values())  # a click may come with a tick
        if causes & {"compute", "cancel"} and not may_start():
            raise PreventUpdate
        try:
            if "compute" in causes:
                name, names = str((address or {}).get("ask", "")), _names(ctx.states_list)
                _start(runs, jobs, cursor["run"], name, dict(zip(names, answers, strict=True)))
            elif "cancel" in causes:
                jobs.cancel()
        except (FathomError, OSError) as error:
            return component(notice(complaint(error))), no_update, no_update
        look = jobs.look()
        if look is None or (causes == {"ask-tick"} and idle and look.state != "running"):
            raise PreventUpdate  # what was said last, perhaps why nothing was begun, stays
        return _as_it_is(look, cursor["run"], Address.read(address))


def _names(states: Sequence[Any]) -> list[str]:
    """Of the fields whose values came with a click."""
    return [each["id"]["ask"] for each in states[-1]]


def _start(
    runs: OpenRuns, jobs: Jobs, name: str, analysis: str, answers: Mapping[str, Any]
) -> None:
    question = questions().get(analysis)
    if question is None:
        raise FathomError(f"no analysis {analysis[:60]!r} (there are: {', '.join(questions())})")
    gathered = dict(answers)
    for field in question.fields:
        if field.kind == "runs":
            gathered[field.name] = [answers.get(f"{field.name} {n}") for n in range(field.many)]
    named = [
        each for field in question.fields if field.kind == "runs" for each in gathered[field.name]
    ]
    paths = {each: runs.folder(str(each)) for each in named if each}
    jobs.start(name, question.command(runs.kept(name).path, gathered, paths))


def _as_it_is(look: Look, run: str, address: Address) -> tuple[Any, bool, bool]:
    """What to say, and which of the two buttons makes sense."""
    running = look.state == "running"
    if not running and look.run != run:
        return None, False, True
    said = ended(look, address) if look.state == "done" else told(look, run)
    return component(said), running, not running
