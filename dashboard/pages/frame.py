"""What every page of the app stands in: its own copies of what the frame around it knows."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component

KNOWN = ("address", "cursor", "tick", "verdict")


def mirror(page: str) -> Component:
    """`<page>-address`, `-cursor`, `-tick` and `-verdict`, kept as the frame's are.

    A page comes and goes. Its callbacks take their inputs from within it, so that none of them is
    called while it is away.
    """
    stores = [dcc.Store(id=f"{page}-{what}") for what in KNOWN]
    told: dict[str, Any] = {"data-mirror": page}
    return html.Div(stores, hidden=True, **told)


def tell(app: Dash, script: str, news: str, heard: str) -> None:
    """Whenever something of the frame changes, the browser's side of it is told."""
    name, _, prop = news.partition(".")
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"news => {script}", Output(heard, "data"), Input(name, prop)
    )
