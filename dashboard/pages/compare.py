"""Several runs over one another: their curves, where they part, and what sets them apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.comparison.chips import chips
from dashboard.comparison.invitation import invitation
from dashboard.comparison.shown import Picture, Shown
from dashboard.comparison.views import Views
from dashboard.comparison.wanted import Wanted, state_of, wanted
from dashboard.drawn import Drawn
from dashboard.examined import Examined
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.pages.pictures import figure_place, marked


def layout() -> list[Component]:
    """The runs and how they are looked at; then pictures and tables, each with its question."""
    parted = html.Div(html.P("Comparing…", className="quiet"), id="compare-parted")
    select = html.Div(id="compare-layers", className="controls")
    sections = [
        _section("compare_scalars", "Curves", "Which of them learns better?", figured=True),
        _section("compare_values", "Values", "Where did each of them get?", _table("values")),
        _section(
            "compare_growth",
            "Where they part",
            "Since when, and in which layer?",
            parted,
            figured=True,
        ),
        _section("compare_settings", "Settings", "What was set otherwise?", _table("settings")),
        _section("compare_verdicts", "Verdicts", "What ails which?", _table("verdicts")),
        _section(
            "compare_layer", "One layer", "What does it do in each run?", select, figured=True
        ),
    ]
    return [
        mirror("compare"),
        dcc.Store(id="compare-state"),
        html.Div(id="compare-head", className="compare-head"),
        _bar(),
        html.Div(id="compare-hint"),
        html.Div(sections, id="compare-body", hidden=True),
    ]


def _table(what: str) -> Component:
    return html.Div(id=f"compare-{what}")


def _section(
    name: str, title: str, question: str, *inside: Component, figured: bool = False
) -> Component:
    picture = [figure_place(name), html.Div(id=f"{name}-caption")] if figured else []
    head = [html.H2(title), html.P(question, className="question")]
    return html.Section([*head, *inside, *picture], id=name, className="panel")


def _bar() -> Component:
    """What the curves are aligned by, how smooth they are, and their scale."""
    told = {"data-control": "range", "data-address": "smooth", "data-label": "Smoothing"}
    told |= {"data-min": "0", "data-max": "0.99", "data-step": "0.01"}
    row = element(
        "div",
        "compare-bar",
        _choice("along", {"": "step", "time": "time", "tokens": "tokens"}, "Aligned by"),
        _choice("scale", {"": "auto", "linear": "linear", "log": "log"}, "Scale"),
        element("label", "smoothing", "Smooth", element("span", "", **told)),
    )
    built = component(row)
    assert isinstance(built, Component)
    return built


def _choice(what: str, words: dict[str, str], label: str) -> Element:
    buttons = [
        element("button", "", word, type="button", **{"data-set": what, "data-to": value})
        for value, word in words.items()
    ]
    row = element(
        "div", "segments", *buttons, role="group", **{"data-of": what, "aria-label": label}
    )
    return element("div", "one-of", element("span", "label", label), row)


def register(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    """Its callbacks; they answer while the page is shown."""
    views, drawn = Views(runs), Drawn()
    shown = Shown(views, examined)
    _follow(app, views)
    pictures = {"scalars": shown.scalars, "growth": shown.growth, "layer": shown.layer}
    for name, show in pictures.items():
        _hand_over(app, f"compare_{name}")
        _picture(app, views, drawn, f"compare_{name}", show)
    for what in ("parted", "layers", "settings", "values", "verdicts"):
        _tell(app, views, f"compare-{what}", getattr(shown, what))


def _follow(app: Dash, views: Views) -> None:
    """At each tick: whether any of the runs has grown, or something else is wanted."""

    @app.callback(
        Output("compare-state", "data"),
        Output("compare-head", "children"),
        Output("compare-hint", "children"),
        Output("compare-body", "hidden"),
        Input("compare-address", "data"),
        Input("compare-tick", "data"),
        State("compare-state", "data"),
    )
    def follow(told: Any, _: Any, before: Any) -> Any:
        if not told:
            raise PreventUpdate
        address = Address.read(told)
        state = state_of(views, address)
        if state == before:
            raise PreventUpdate
        hints = [component(notice(text)) for text in state["missing"]]
        several = len(state["runs"]) > 1
        if not several:
            hints.append(component(invitation(len(state["runs"]))))
        return state, _head(address), hints, not several


def _head(address: Address) -> list[Any]:
    """The chips, and a field beside them that the browser fills in."""
    return [component(chips(address)), component(element("span", "", **{"data-add-run": "with"}))]


def _hand_over(app: Dash, name: str) -> None:
    """The browser says which figure it has, and draws what it is sent."""
    told = json.dumps(name)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"state => fathomCompare.asked({told}, state)",
        Output(f"{name}-wanted", "data"),
        Input("compare-state", "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"answer => fathomCompare.arrived({told}, answer)",
        Output(f"{name}-shown", "data"),
        Input(f"{name}-drawn", "data"),
        prevent_initial_call=True,
    )


def _picture(
    app: Dash, views: Views, drawn: Drawn, name: str, show: Callable[[Wanted], Picture]
) -> None:
    """One that breaks says so in its place."""

    @app.callback(
        Output(f"{name}-drawn", "data"),
        Output(f"{name}-picture", "hidden"),
        Output(f"{name}-caption", "children"),
        Input(f"{name}-wanted", "data"),
    )
    def answer(state: Any) -> Any:
        if not state or len(state["runs"]) < 2:
            raise PreventUpdate
        try:
            asked = wanted(views, state)
            figure, said, parts = show(asked)
            mark = json.dumps([run for run, _ in state["runs"]])
            axes = json.dumps({**parts, "smooth": None})  # with these a zoom stays
            made = drawn.answer(
                [name, state["runs"], parts],
                state.get("have"),
                lambda: marked(figure(), mark, axes),
            )
        except Exception as error:  # one broken panel never takes the page down
            return no_update, True, component(notice(complaint(error)))
        return no_update if made is None else made, False, html.P(said, className="caption")


def _tell(app: Dash, views: Views, place: str, show: Callable[[Wanted], Element]) -> None:
    """Text and tables; one that breaks says so in its place."""

    @app.callback(Output(place, "children"), Input("compare-state", "data"))
    def tell(state: Any) -> Any:
        if not state or len(state["runs"]) < 2:
            raise PreventUpdate
        try:
            return component(show(wanted(views, state)))
        except Exception as error:
            return component(notice(complaint(error)))
