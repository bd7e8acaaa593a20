"""Histograms over time as ridges: the first at the back, the last in front, shaded by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from dashboard.binning import short
from dashboard.heat_scale import SEQUENTIAL, decade_ticks
from dashboard.step_heat import Trace
from dashboard.theme import Palette
from diagnostics.layer_history import Histograms

Floats = NDArray[np.float64]

LEAST = 0.002  # share from which on a bin belongs to the picture
SHADES = (0.2, 0.95)  # of the colours: seen on a light page and on a dark one
MOST_TICKS = 6
USUAL = 0.75  # share of the ridges that are no higher than usual
_TWO = np.log2(10)  # a decade, on an axis of powers of two


def ridges(found: Histograms, colours: Palette, step: int | None = None) -> list[Trace]:
    """One filled line each; the one nearest to a step stands out."""
    many = len(found.steps)
    shades = sample_colorscale(SEQUENTIAL, np.linspace(*SHADES, many).tolist())
    chosen = -1 if step is None else int(np.abs(found.steps - step).argmin())
    lines = [{"color": colours.card, "width": 1}] * many
    if chosen >= 0:
        lines[chosen] = {"color": colours.chosen, "width": 3}
    return [
        _ridge(found, place) | {"fillcolor": shades[place], "line": lines[place]}
        for place in range(many)
    ]


def _ridge(found: Histograms, place: int) -> Trace:
    low, high = bins(found)
    sizes = found.lowest + np.arange(low, high, dtype=float)  # where they begin, in powers of two
    share, base = found.shares[place, low:high].astype(float), _base(place)
    step = np.full(len(share), float(found.steps[place]))
    told = np.stack([share, 2.0**sizes, step], axis=-1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.array([sizes[0], *(sizes + 0.5), sizes[-1] + 1], np.float32),
        "y": np.array([base, *(base + share * _stretch(found)), base], np.float32),
        "customdata": np.pad(told, ((1, 1), (0, 0)), mode="edge").astype(np.float32),
        "fill": "toself",
        "hoveron": "points",
        "name": _aside(found, place),
        "hovertemplate": _HOVER,
    }


_HOVER = (
    "step %{customdata[2]:,d}<br>%{customdata[0]:.1%} from %{customdata[1]:.2g} to twice that"
    "<extra>%{fullData.name}</extra>"
)


def _aside(found: Histograms, place: int) -> str:
    """What its bins do not hold: those without a size, and the sign."""
    zeros, below = found.zeros[place], found.negatives[place]
    return f"zero {zeros:.0%}<br>below zero {below:.0%}"


def bins(found: Histograms) -> tuple[int, int]:
    """The first of those that hold something worth seeing, and the one after the last."""
    held = np.flatnonzero((found.shares >= LEAST).any(0))
    if not len(held):
        held = np.flatnonzero(found.shares.any(0))
    return max(0, int(held[0]) - 1), min(found.shares.shape[1], int(held[-1]) + 2)


def _base(place: int) -> float:
    """The first stands at zero, each after it one lower: there they stay while a run grows."""
    return float(-place)


def _stretch(found: Histograms) -> float:
    """So that a usual one reaches over some of those behind it: a lone spike shrinks no other.

    A power of two: while a run grows it seldom changes.
    """
    highest = found.shares.max(1)
    usual = float(np.quantile(highest[highest > 0], USUAL))
    return float(2.0 ** np.round(np.log2(max(1.5, len(found.steps) / 4) / usual)))


def _top(found: Histograms) -> float:
    """Of the highest, wherever it stands."""
    bases = np.array([_base(place) for place in range(len(found.steps))])
    return float((bases + _stretch(found) * found.shares.max(1)).max())


def step_axis_of(found: Histograms) -> dict[str, Any]:
    """Upwards into the past; a few ridges have their step beside them."""
    many = len(found.steps)
    shown = np.unique(np.linspace(0, many - 1, min(many, MOST_TICKS)).round().astype(int)).tolist()
    return {
        "range": [_base(many - 1) - 0.5, _top(found) + 0.3],
        "tickvals": [_base(place) for place in shown],
        "ticktext": [short(int(found.steps[place])) for place in shown],
        "title": {"text": "step", "standoff": 8},
        "automargin": True,
        "showgrid": False,
    }


def size_axis_of(found: Histograms, title: str) -> dict[str, Any]:
    """Powers of two, written as powers of ten."""
    low, high = (found.lowest + edge for edge in bins(found))
    places, words = _decades(low, high) if high - low > 2 * _TWO else _powers(low, high)
    return {
        "range": [low, high],
        "tickvals": places,
        "ticktext": words,
        "title": {"text": title, "standoff": 14},
        "showgrid": False,
    }


def _decades(low: int, high: int) -> tuple[list[float], list[str]]:
    places, words = decade_ticks(low / _TWO, high / _TWO)
    return [place * _TWO for place in places], words


def _powers(low: int, high: int) -> tuple[list[float], list[str]]:
    """Of two, where there are no two decades."""
    stride = -(-(high - low) // MOST_TICKS)
    places = range(low, high + 1, stride)
    return [float(place) for place in places], [f"{2.0**place:.2g}" for place in places]
