"""What averaging gains: the error of a mean of so many members, and what would stay of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.theme import Palette
from diagnostics.ensemble import Gain

Trace = dict[str, Any]

LIMIT = "of infinitely many"


def is_known(gain: Gain | None) -> bool:
    """One example that is not finite leaves no mean."""
    return gain is not None and bool(np.isfinite(gain.error.value).all())


def gain_traces(gain: Gain, colours: Palette) -> list[Trace]:
    """From one member to all; the line is where more and more of them would lead."""
    ends = np.array([gain.members[0], gain.members[-1]])
    limit = {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": np.full(2, float(gain.limit.value)),
        "line": {"width": 2, "color": colours.good, "dash": "dash"},
        "name": LIMIT,
        "hovertemplate": "%{y:.4g}<extra>" + LIMIT + "</extra>",
    }
    means = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": gain.members,
        "y": gain.error.value,
        "line": {"width": 2, "color": colours.accent},
        "marker": {"size": 6, "color": colours.accent},
        "name": "of their mean",
        "customdata": gain.error.error,
        "hovertemplate": "%{x} members: %{y:.4g} ± %{customdata:.1g}<extra></extra>",
    }
    return [*_band(gain, colours), limit, means]


def _band(gain: Gain, colours: Palette) -> list[Trace]:
    """None of a single example."""
    if not np.isfinite(gain.error.error).all():
        return []
    upper, lower = (gain.error.value + sign * gain.error.error for sign in (1, -1))
    area = {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([gain.members, gain.members[::-1]]),
        "y": np.concatenate([upper, lower[::-1]]),
        "line": {"width": 0, "color": colours.accent},
        "fill": "toself",
        "fillcolor": colours.accent,
        "opacity": 0.16,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return [area]
