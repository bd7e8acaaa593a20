"""How often intervals hold the truth, and where in its forecast the truth lies."""

from __future__ import annotations

import numpy as np

from dashboard.scores.marks import Trace, area, histogram, line
from dashboard.theme import Palette
from diagnostics.coverage import Curve, Pit

LEVEL = 0.9  # whose coverage is told in words


def at_level(curve: Curve, level: float = LEVEL) -> int:
    """The place of the nearest level that was asked for."""
    return int(np.abs(curve.level - level).argmin())


def curve_traces(curve: Curve, colours: Palette) -> list[Trace]:
    """Where a calibrated model's would be, what was seen with its own interval, and one level."""
    at = at_level(curve)
    told = np.stack([curve.low, curve.high], 1)
    own = line(curve.level, curve.observed, "observed", color=colours.accent)
    own |= {"customdata": told, "hovertemplate": "%{x:.0%} intervals hold %{y:.1%} (95 %: "}
    own["hovertemplate"] += "%{customdata[0]:.1%} to %{customdata[1]:.1%})"
    return [
        area(
            curve.level, curve.calibrated_low, curve.calibrated_high,
            "by chance, 95 %", fillcolor=colours.band,
        ),
        line([0, 1], [0, 1], "calibrated", color=colours.dimmed, dash="dot")
        | {"hoverinfo": "skip", "showlegend": False},
        area(
            curve.level, curve.low, curve.high, "its 95 % interval",
            fillcolor=colours.accent, opacity=0.22,
        )
        | {"showlegend": False},
        own,
        _level(float(curve.level[at]), float(curve.observed[at]), colours),
    ]  # fmt: skip


def _level(level: float, held: float, colours: Palette) -> Trace:
    """One point of the curve; its words are in the corner across the diagonal from it."""
    low = held < level  # and the curve, which never falls, does not come to the upper left
    corner = {"x": 0.02, "y": 0.95} if low else {"x": 0.98, "y": 0.05}
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [level, corner["x"]],
        "y": [held, corner["y"]],
        "marker": {"size": [9, 0], "color": colours.chosen, "opacity": 1},
        "text": ["", f"{level:.0%} intervals hold {held:.1%}"],
        "textposition": f"middle {'right' if low else 'left'}",
        "textfont": {"color": colours.chosen},
        "hoverinfo": "skip",
        "name": "one level",
        "showlegend": False,
    }


def pit_traces(pit: Pit, colours: Palette) -> list[Trace]:
    """A bar's count, and the band that 95 % of a calibrated model's bars are in."""
    even = pit.count.sum() / len(pit.count)
    outside = (pit.count < pit.calibrated_low) | (pit.count > pit.calibrated_high)
    bars = histogram(pit.edges, pit.count, "examples", colours.accent) | {"showlegend": False}
    bars["marker"] |= {"color": np.where(outside, colours.chosen, colours.accent).tolist()}
    low, high = np.full(2, pit.calibrated_low), np.full(2, pit.calibrated_high)
    return [
        bars,
        area([0, 1], low, high, "by chance, 95 %", fillcolor=colours.band),
        line([0, 1], [even, even], "uniform", color=colours.dimmed, dash="dot")
        | {"hoverinfo": "skip", "showlegend": False},
    ]
