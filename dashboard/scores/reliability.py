"""Confidence against accuracy in bins, and how many examples were how sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dashboard.scores.marks import Trace, histogram, line, whiskers
from dashboard.theme import Palette
from diagnostics.calibration import Calibration, Reliability

ON, OFF = "within chance", "beyond chance"


def start(found: Calibration) -> float:
    """Where both axes begin: a round number below the least confidence there is, and below 1."""
    return float(min(9, np.floor(10 * found.equal_mass.edges[0] + 1e-9)) / 10)


def off(bins: Reliability) -> NDArray[np.bool_]:
    """Bins whose accuracy's interval leaves their confidence out: 1 in 20 does by chance."""
    return np.asarray((bins.confidence < bins.low) | (bins.confidence > bins.high))


def reliability_traces(bins: Reliability, colours: Palette) -> list[Trace]:
    """The bins that hold examples, in two kinds; on the diagonal, a model is right as often."""
    there, apart = bins.count > 0, off(bins)
    diagonal = line([0, 1], [0, 1], "calibrated", color=colours.dimmed, dash="dot")
    traces = [diagonal | {"hoverinfo": "skip", "showlegend": False}]
    for kept, name, colour, symbol in (
        (there & ~apart, ON, colours.accent, "circle-open"),
        (there & apart, OFF, colours.chosen, "circle"),
    ):
        if kept.any():
            traces.append(_bins(bins, kept, name, colour) | {"marker": _marker(colour, symbol)})
    return traces


def _marker(colour: str, symbol: str) -> dict[str, object]:
    return {"size": 9, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}}


def _bins(bins: Reliability, kept: NDArray[np.bool_], name: str, colour: str) -> Trace:
    accuracy, low, high = bins.accuracy[kept], bins.low[kept], bins.high[kept]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": bins.confidence[kept],
        "y": accuracy,
        "error_y": whiskers(accuracy, low, high, colour),
        "customdata": np.stack([bins.count[kept], low, high], 1),
        "hovertemplate": "confidence %{x:.1%}<br>accuracy %{y:.1%} (95 %: %{customdata[1]:.1%} to "
        "%{customdata[2]:.1%})<br>%{customdata[0]:,d} examples",
        "name": name,
    }


def count_traces(found: Calibration, colours: Palette) -> list[Trace]:
    """How many examples were how sure; whichever bins the points above are of."""
    bins = found.equal_width
    return [histogram(bins.edges, bins.count, "examples", colours.accent)]
