"""The page of the layers: the tree of modules, the layer chosen in it, and the maps of all."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

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
_HINT = "Filter, e.g. attn or Linear"


def layout() -> list[Component]:
    """The tree on the left; on a narrow page above, folded."""
    own = [panel for panel in recorded_panels() if panel.chapter == NAME]
    own.sort(key=lambda panel: panel.name != FIRST)
    sections = [
        section(panel, *([chapter.smoothing()] if panel.name == FIRST else [])) for panel in own
    ]
    stores = [dcc.Store(id=f"{NAME}-{what}") for what in ("told", "signed", "heard", "seen")]
    return [
        mirror(NAME),
        html.Div([_column(), html.Div(sections, className="layers-pictures")], className=NAME),
        html.Div(stores, hidden=True),
    ]


def _column() -> Component:
    field = element("span", "search", **{"data-tree-search": _HINT, "aria-label": "Filter modules"})
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

    @app.callback(Output(f"{NAME}-told", "data"), Input(f"{NAME}-cursor", "data"))
    def show(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        try:
            return {"tree": to_html(layer_tree(module_tree(runs.kept(cursor["run"]))))}
        except Exception as error:  # one broken part never takes the page down
            return {"tree": to_html(notice(complaint(error)))}

    @app.callback(Output(f"{NAME}-signed", "data"), Input(f"{NAME}-cursor", "data"))
    def sign(cursor: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        run = runs.kept(cursor["run"])
        return signs(run, runs, examined)

    for what, heard in (("told", "heard"), ("signed", "seen")):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            f"news => fathomLayers.{what}(news)",
            Output(f"{NAME}-{heard}", "data"),
            Input(f"{NAME}-{what}", "data"),
        )


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
