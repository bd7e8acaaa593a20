"""Draws results and shows runs: `draw` one figure, write one `report`, list the `panels`.

Both modules load plotly only when something is drawn, so importing this room costs nothing. They
are imported here, not on demand: a submodule imported later would take the name of `report`.
"""

from __future__ import annotations

from dashboard.panel import draw, panels
from dashboard.report import report

__all__ = ["draw", "panels", "report"]
