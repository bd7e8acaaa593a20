"""What happened to a loss: for each kind a sign of its own, on a line down through the curves."""

from __future__ import annotations

from typing import Any

from dashboard.theme import Palette, safe
from diagnostics.loss_curve import KINDS, Kind, LossCurve

Trace = dict[str, Any]

MARKS = 9  # the axis of what happened, over that of the losses: it stands at their top
MARKS_AXIS = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
BAD: tuple[Kind, ...] = ("not finite", "exception", "jump", "skipped")
_STEM: Trace = {"type": "constant", "symmetric": False, "value": 0, "valueminus": 1} | {
    "thickness": 1,
    "width": 0,
}
SYMBOLS: dict[Kind, str] = {
    "not finite": "x-thin",
    "skipped": "line-ns",
    "exception": "x",
    "resumed": "triangle-right",
    "jump": "triangle-up",
    "best": "star",
    "rate change": "diamond",
}


def events(curve: LossCurve, colours: Palette) -> list[Trace]:
    """A trace of each kind that there was."""
    return [_marks(curve, kind, colours) for kind in KINDS if kind in curve.kinds]


def lifted(trace: Trace) -> Trace:
    """Off the axis of the losses, whatever their scale."""
    return trace | {"yaxis": f"y{MARKS}"} if "text" in trace else trace


def _marks(curve: LossCurve, kind: Kind, colours: Palette) -> Trace:
    here = [place for place, each in enumerate(curve.kinds) if each == kind]
    colour = colours.error if kind in BAD else colours.fit
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kind,
        "x": curve.happened[here],
        "y": [1] * len(here),
        "text": [safe(curve.words[place]) for place in here],
        "customdata": curve.happened[here],
        "marker": {
            "symbol": SYMBOLS[kind],
            "size": 10,
            "color": colour,
            "line": {"color": colour, "width": 2 if "thin" in SYMBOLS[kind] else 1},
        },
        "error_y": _STEM | {"color": colour},
        "cliponaxis": False,
        "hovertemplate": "step %{x:,d}<br>%{text}<extra></extra>",
    }
