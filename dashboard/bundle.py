"""The two bundles of plotly.js that pages carry: one for the plane, one for space as well.

`.ci/plotly` builds them of the very version that plotly for Python was made with. Either is a
plain script that sets `window.Plotly`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

Bundle = Literal["flat", "whole"]
FLAT = frozenset({"scatter", "bar", "heatmap", "contour"})  # types of traces
WHOLE = FLAT | {"scatter3d", "surface"}

_ASSETS = Path(__file__).parent / "assets"


def bundle_for(figures: Iterable[Mapping[str, Any]]) -> Bundle:
    """The smaller one that can draw all of these."""
    return "flat" if all(types(figure) <= FLAT for figure in figures) else "whole"


def types(figure: Mapping[str, Any]) -> frozenset[str]:
    """The types of a figure's traces."""
    return frozenset(trace.get("type", "scatter") for trace in figure["data"])


def file_name(bundle: Bundle) -> str:
    """Its name in the folder of assets."""
    return f"plotly-{bundle}.min.js"


def path(bundle: Bundle) -> Path:
    """The file."""
    return _ASSETS / file_name(bundle)


def script(bundle: Bundle) -> str:
    """Its text."""
    return path(bundle).read_text("utf-8")
