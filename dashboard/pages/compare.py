"""Several runs over one another: their curves, where they part, and what sets them apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.address import Address
from dashboard.comparison import growth, overlay
from dashboard.comparison.chips import chips
from dashboard.comparison.invitation import invitation
from dashboard.comparison.kept import Kept
from dashboard.comparison.parting_told import parting_told
from dashboard.comparison.settings_table import settings_table
from dashboard.comparison.values_table import values_table
from dashboard.comparison.verdict_rows import verdict_rows
from dashboard.comparison.wanted import Wanted, state_of, wanted
from dashboard.drawn import Drawn
from dashboard.examined import Examined
from dashboard.markup import Element, element
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.pages.pictures import figure_place, marked
from diagnostics.comparison import comparison, distinct_names
from diagnostics.layer_comparison import common_layers, layer_comparison
from diagnostics.parting import Parting, parting
from diagnostics.run import FathomError, Run
from diagnostics.run_settings import run_settings
from diagnostics.run_values import run_values
from diagnostics.verdict_table import verdict_table

PICTURES = ("compare_scalars", "compare_growth", "compare_layer")
TABLES = ("compare-parted", "compare-settings", "compare-values", "compare-verdicts")


def layout() -> list[Component]:
    """The runs and how they are looked at; then pictures and tables, each with its question."""
    parted = html.Div(id="compare-parted")
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
    kept, drawn = Kept(), Drawn()
    _follow(app, runs)
    for name in PICTURES:
        _hand_over(app, name)
    _picture(app, runs, drawn, "compare_scalars", lambda asked: _scalars(kept, asked))
    _picture(app, runs, drawn, "compare_growth", lambda asked: _growth(kept, asked))
    _picture(app, runs, drawn, "compare_layer", lambda asked: _layer(kept, asked))
    _tell(app, runs, "compare-parted", lambda asked: _parted(kept, asked))
    _tell(app, runs, "compare-layers", lambda asked: _layers(kept, asked))
    _tell(app, runs, "compare-settings", lambda asked: _settings(kept, asked))
    _tell(app, runs, "compare-values", lambda asked: values_table(_values(kept, asked)))
    _tell(app, runs, "compare-verdicts", lambda asked: _verdicts(examined, asked))


def _follow(app: Dash, runs: OpenRuns) -> None:
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
        state = state_of(runs, address)
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


Told = tuple[Any, str, list[Any]]  # the figure, its caption, and what it depends on


def _picture(
    app: Dash, runs: OpenRuns, drawn: Drawn, name: str, show: Callable[[Wanted], Told]
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
            asked = wanted(runs, state)
            figure, said, parts = show(asked)
            what = [name, state["runs"], *parts]
            mark = json.dumps([run for run, _ in state["runs"]])
            made = drawn.answer(
                what, state.get("have"), lambda: marked(figure(), mark, json.dumps(parts))
            )
        except Exception as error:  # one broken panel never takes the page down
            return no_update, True, component(notice(complaint(error)))
        return no_update if made is None else made, False, html.P(said, className="caption")


def _tell(app: Dash, runs: OpenRuns, place: str, show: Callable[[Wanted], Element]) -> None:
    """Text and tables; one that breaks says so in its place."""

    @app.callback(Output(place, "children"), Input("compare-state", "data"))
    def tell(state: Any) -> Any:
        if not state or len(state["runs"]) < 2:
            raise PreventUpdate
        try:
            return component(show(wanted(runs, state)))
        except Exception as error:
            return component(notice(complaint(error)))


def _scalars(kept: Kept, asked: Wanted) -> Told:
    how = (asked.along, asked.smooth)
    found = kept.of(asked.runs, ("scalars", *how), lambda: comparison(asked.runs, *how))
    return lambda: overlay.draw(found, asked.scale), overlay.caption(found), [*how, asked.scale]


def _values(kept: Kept, asked: Wanted) -> Any:
    return kept.of(asked.runs, "values", lambda: run_values(asked.runs))


def _partings(kept: Kept, asked: Wanted) -> list[Parting]:
    """The first run against each of the others; those that share nothing are left out."""
    found = []
    for other in asked.runs[1:]:
        try:
            found.append(_parting(kept, asked.runs[0], other))
        except FathomError:
            continue
    return found


def _parting(kept: Kept, a: Run, b: Run) -> Parting:
    found: Parting = kept.of((a, b), "parting", lambda: parting(a, b))
    return found


def _growth(kept: Kept, asked: Wanted) -> Told:
    found = _partings(kept, asked)
    if not found:
        raise FathomError("no two of these runs recorded anything that can be compared by layer.")
    return lambda: growth.draw(found), growth.caption(found), []


def _parted(kept: Kept, asked: Wanted) -> Element:
    cards = []
    for other in asked.runs[1:]:
        try:
            cards.append(parting_told(_parting(kept, asked.runs[0], other)))
        except FathomError as error:
            cards.append(notice(str(error)))
    return element("div", "partings", *cards)


def _layer_of(kept: Kept, asked: Wanted) -> str:
    """As the address names it; else where the first two part, or the first there is."""
    there = kept.of(asked.runs, "layers", lambda: common_layers(asked.runs))
    if asked.layer in there:
        return asked.layer
    firsts = [found.first_tensor for found in _partings(kept, asked)[:1]]
    return next((f.layer for f in firsts if f and f.layer in there), there[0] if there else "")


def _layer(kept: Kept, asked: Wanted) -> Told:
    layer = _layer_of(kept, asked)
    how = (layer, asked.along, asked.smooth)
    found = kept.of(asked.runs, ("layer", *how), lambda: layer_comparison(asked.runs, *how))
    return lambda: overlay.draw(found, asked.scale), overlay.caption(found), [*how, asked.scale]


def _layers(kept: Kept, asked: Wanted) -> Element:
    there = kept.of(asked.runs, "layers", lambda: common_layers(asked.runs))
    options = [element("option", "", name, value=name) for name in there]
    told = {"data-address": "layer", "data-chosen": _layer_of(kept, asked), "aria-label": "Layer"}
    return element("label", "chosen-layer", "Layer ", element("select", "", *options, **told))


def _settings(kept: Kept, asked: Wanted) -> Element:
    found = kept.of(asked.runs, "settings", lambda: run_settings(asked.runs))
    return settings_table(distinct_names(asked.runs), found)


def _verdicts(examined: Examined, asked: Wanted) -> Element:
    rows = verdict_table([examined.of(run.path) for run in asked.runs])
    return verdict_rows(distinct_names(asked.runs), rows)
