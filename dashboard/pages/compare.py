"""Several runs over one another: their curves, where they part, and what sets them apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from dash import dcc

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
            "compare_growth", "Where they part", "Since when, and in which layer?", parted,
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
    row = element("div", "segments", *buttons, role="group", **{"data-of": what, "aria-label": label})
    return element("div", "one-of", element("span", "label", label), row)
