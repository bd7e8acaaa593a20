"""The page of the layers: the tree of modules, the layer chosen in it, and the maps of all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2s
from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.chapters import CHAPTERS
from dashboard.examined import Examined
from dashboard.layer_tree import layer_signs, layer_tree
from dashboard.markup import element, to_html
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages import chapter
from dashboard.pages.components import component
from dashboard.pages.frame import mirror
from dashboard.pages.pictures import section
from dashboard.panel import recorded_panels
from diagnostics.activation_health import ActivationHealth
from diagnostics.module_tree import module_tree
from diagnostics.run import Run

FIRST = "layer_history"  # beside the tree in which its layer is chosen
NAME = "layers"
STORES = (
    *("told", "signed", "tree-version", "signs-version"),
    *("told-heard", "signed-heard", "drawn-heard"),
)
_NONE = "No layer was recorded yet; they are here as soon as the first step was."
_HINT = "Filter, e.g. attn or Linear"


def layout() -> list[Component]:
    """The tree on the left; on a narrow page above, folded."""
    own = [panel for panel in recorded_panels() if panel.chapter == NAME]
    own.sort(key=lambda panel: panel.name != FIRST)
    sections = [
        section(panel, *([chapter.smoothing()] if panel.name == FIRST else [])) for panel in own
    ]
    question = next(each.question for each in CHAPTERS if each.name == NAME)
    stores = [dcc.Store(id=f"{NAME}-{what}") for what in STORES]
    return [
        mirror(NAME),
        html.P(question, className="chapter-question"),
        html.Div([_column(), html.Div(sections, className="layers-pictures")], className=NAME),
        html.Div(stores, hidden=True),
    ]


def _column() -> Component:
    field = element("span", "search", **{"data-tree-search": _HINT})
    column = element(
        "details",
        "layers-column",
        element("summary", "", "Modules"),
        field,
        element("p", "quiet", "Reading the modules…", id=f"{NAME}-note"),
        element("div", "", id=f"{NAME}-tree"),
        open="open",
    )
    built = component(column)
    assert isinstance(built, Component)
    return built


def register(app: Dash, runs: OpenRuns, examined: Examined) -> None:
    """The tree whenever the run has changed, and a moment later what is wrong in it."""

    @app.callback(
        Output(f"{NAME}-told", "data"),
        Output(f"{NAME}-tree-version", "data"),
        Input(f"{NAME}-cursor", "data"),
        State(f"{NAME}-tree-version", "data"),
    )
    def show(cursor: Any, before: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        try:
            modules = module_tree(runs.kept(cursor["run"]))
            tree = layer_tree(modules) if modules.modules else notice(_NONE)
        except Exception as error:  # one broken part never takes the page down
            tree = notice(complaint(error))
        return if_new({"run": cursor["run"], "tree": to_html(tree)}, before)

    @app.callback(
        Output(f"{NAME}-signed", "data"),
        Output(f"{NAME}-signs-version", "data"),
        Input(f"{NAME}-verdict", "data"),
        State(f"{NAME}-signs-version", "data"),
    )
    def sign(verdict: Any, before: Any) -> Any:
        if not verdict:
            raise PreventUpdate
        run = runs.kept(verdict["run"])
        return if_new({"run": verdict["run"], "signs": signs(run, runs, examined)}, before)

    heard = {"told": f"{NAME}-told", "signed": f"{NAME}-signed", "drawn": f"{FIRST}-shown"}
    for what, news in heard.items():
        app.clientside_callback(  # type: ignore[no-untyped-call]
            f"news => fathomLayers.{what}(news)",
            Output(f"{NAME}-{what}-heard", "data"),
            Input(news, "data"),
        )


def if_new(told: Mapping[str, Any], before: Any) -> tuple[Mapping[str, Any], str]:
    """It, and what tells it from others; nothing, where the browser has it already."""
    version = blake2s(json.dumps(told).encode(), digest_size=9).hexdigest()
    if version == before:
        raise PreventUpdate
    return told, version


def signs(run: Run, runs: OpenRuns, examined: Examined) -> dict[str, str]:
    """By module, the HTML of what is to be said of it."""
    try:
        examination = examined.of(run.path)
    except Exception:  # the page's head says itself that the examination broke
        examination = None
    found = layer_signs(module_tree(run), examination, _dead(run, runs))
    return {name: "".join(map(to_html, told)) for name, told in found.items()}


def _dead(run: Run, runs: OpenRuns) -> dict[str, float]:
    """The share of dead units at the end, where there are any."""
    panel = next(panel for panel in recorded_panels() if panel.name == "activation_health")
    try:
        health: ActivationHealth = runs.result(run, panel)
    except Exception:  # its own panel says so
        return {}
    last = np.nan_to_num(health.dead[-1]).tolist()
    return dict(zip(health.rectifiers, last, strict=True))
