"""The colours of a heat map: sizes in decades or not, both signs, shares and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.loss_scale import loss_scale
from dashboard.step_heat import Cells, Trace, colour_bar
from dashboard.theme import Palette

Floats = NDArray[np.float64]

SEQUENTIAL = "Cividis"
DARKEST = "#00224e"  # of these
SPREAD = 5.0  # largest over least from which on decades tell more
FAR = 300.0  # and of what has signs, largest over median
OUTLIERS = 0.005  # share of cells that may lie beyond the colours
DECADES = 4  # of a scale with both signs: what is smaller is as good as nothing
MINUS = "\N{MINUS SIGN}"
POWER = "10<sup>%{z:.2f}</sup>"


@dataclass(frozen=True)
class Coloured:
    """Traces in the order they are painted, and the scale that the first of them names."""

    traces: list[Trace]
    axis: dict[str, Any]  # the layout's coloraxis


def sizes(cells: Cells, scale: str | None = None) -> Coloured:
    """Quiet where small: in decades where they span some, unless it is told."""
    known = cells.values[np.isfinite(cells.values)]
    positive = known[known > 0]
    spread = positive.size and positive.max() > SPREAD * positive.min()
    if positive.size and (scale == "log" or (scale is None and spread)):
        return _decades(cells, positive)
    low, high = _ends(known) if known.size else (0.0, 1.0)
    ticks = loss_scale("linear", np.array([low, high])).ticks()
    trace = cells.painted(cells.values, "%{z:.3g}") | _SHARED
    return Coloured([trace], _axis((low, high), SEQUENTIAL, ticks))


def _decades(cells: Cells, positive: Floats) -> Coloured:
    low, high = _ends(np.log10(positive))
    trace = cells.painted(_logarithm(cells.values), POWER) | _SHARED
    nothing = cells.marked(cells.values == 0, DARKEST, "exactly 0")
    return Coloured([trace, *nothing], _axis((low, high), SEQUENTIAL, decade_ticks(low, high)))


def with_signs(cells: Cells, colours: Palette, scale: str | None = None) -> Coloured:
    """Both ways from nothing."""
    known = np.abs(cells.values[np.isfinite(cells.values)])
    top = float(np.quantile(known, 1 - OUTLIERS)) if known.size else 0.0
    top = top or float(known.max(initial=0.0)) or 1.0
    far = known.size and top > FAR * np.median(known) > 0
    axis = _axis((-top, top), _diverging(colours), ([-top, 0, top], _mirrored(f"{top:.2g}")))
    if scale == "log" or (scale is None and far):
        return _both_ways(cells, colours, np.log10(top))
    return Coloured([cells.painted(cells.values, "%{z:.3g}") | _SHARED], axis)


def _both_ways(cells: Cells, colours: Palette, high: float) -> Coloured:
    """Decades up and, mirrored, down: a trace each, on one bar."""
    traces = []
    for sign, word, colour in ((1, "", colours.chosen), (-1, MINUS, colours.hint)):
        trace = cells.painted(_logarithm(sign * cells.values), word + POWER)
        ends = {"zmin": high - DECADES, "zmax": high, "showscale": False}
        traces.append(trace | ends | {"colorscale": [[0, colours.grid], [1, colour]]})
    traces += cells.marked(cells.values == 0, colours.grid, "exactly 0")
    words = _mirrored(f"{10**high:.1e}")
    return Coloured(
        [_bar_alone(), *traces], _axis((-1, 1), _diverging(colours), ([-1, 0, 1], words))
    )


def _bar_alone() -> Trace:
    """Shows nothing but the bar: plotly draws that of an axis which some trace names."""
    marker = {"color": [0], "coloraxis": "coloraxis", "opacity": 0}
    return {"type": "scatter", "x": [None], "y": [None], "marker": marker} | {
        "mode": "markers",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def shares(cells: Cells, colours: Palette) -> Coloured:
    """From none, quiet, to all."""
    trace = cells.painted(cells.values, "%{z:.1%}") | _SHARED
    scale = [[0, colours.grid], [1, colours.chosen]]
    return Coloured([trace], _axis((0, 1), scale, ([0, 0.5, 1], ["0%", "50%", "100%"])))


def counts(cells: Cells, colours: Palette) -> Coloured:
    """From none, quiet, to the most."""
    most = float(np.nanmax(cells.values, initial=1.0))
    scale = [[0, colours.grid], [1, colours.nonfinite]]
    trace = cells.painted(cells.values, "%{z:,.0f}") | _SHARED
    return Coloured([trace], _axis((0, most), scale, ([0, most], ["0", f"{most:,.0f}"])))


def marks(cells: Cells, colours: Palette) -> list[Trace]:
    """Cells that hold what is no number, and those for which nothing was recorded."""
    broken = cells.marked(np.isinf(cells.values), colours.nonfinite, "NaN or infinity")
    return broken + cells.marked(np.isnan(cells.values), colours.missing, "nothing recorded")


_SHARED: Trace = {"coloraxis": "coloraxis"}


def _axis(
    ends: tuple[float, float], scale: Any, ticks: tuple[Sequence[float], Sequence[str]]
) -> dict[str, Any]:
    places, words = ticks
    bar = colour_bar("", list(places), ticktext=list(words))
    return {"cmin": ends[0], "cmax": ends[1], "colorscale": scale, "colorbar": bar}


def _logarithm(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


def _ends(known: Floats) -> tuple[float, float]:
    """A lone outlier may not take all the colours; equal values still get some width."""
    low, high = np.quantile(known, [OUTLIERS, 1 - OUTLIERS]).tolist()
    room = 0.25 * (high - low)
    low, high = max(low - room, float(known.min())), min(high + room, float(known.max()))
    least = 0.05 * max(abs(low), abs(high)) or 1.0
    return (low, high) if high - low > 1e-6 * least else (low - least, high + least)


def decade_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Whole decades where there are some, else both ends."""
    stride = max(1, round((high - low) / 5))
    whole = list(range(int(np.ceil(low)), int(np.floor(high)) + 1, stride))
    if len(whole) > 1:
        return [float(each) for each in whole], [f"1e{each}".replace("-", MINUS) for each in whole]
    ends = [low, high]
    return ends, [f"{10**each:.1e}".replace("-", MINUS) for each in ends]


def _mirrored(word: str) -> list[str]:
    return [MINUS + word, "0", word]


def _diverging(colours: Palette) -> list[list[Any]]:
    return [[0, colours.hint], [0.5, colours.grid], [1, colours.chosen]]
