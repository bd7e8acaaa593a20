"""Each class's calibration error beside what chance alone shows of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.scores.marks import Trace
from dashboard.theme import Palette
from diagnostics.calibration import ClassReliability

MOST = 20  # classes in a picture


@dataclass(frozen=True)
class Rows:
    """The classes drawn."""

    classes: NDArray[np.int64]  # [row]
    of: int  # classes there are


def rows(found: ClassReliability) -> Rows:
    """In their order; of many the ones that are furthest above what chance shows."""
    excess = found.ece - found.floor
    worst = np.argsort(-excess, kind="stable")[:MOST]
    return Rows(np.sort(worst).astype(np.int64), len(found.ece))


def class_traces(found: ClassReliability, kept: Rows, colours: Palette) -> list[Trace]:
    """What chance shows as a bar from 2 standard deviations below to as many above."""
    at, place = kept.classes, list(range(len(kept.classes)))
    low = np.maximum(0, found.floor[at] - 2 * found.floor_spread[at])
    high = found.floor[at] + 2 * found.floor_spread[at]
    told = np.stack([at, found.error[at], found.share[at], found.expected[at], found.floor[at]], 1)
    chance = {
        "type": "bar",
        "orientation": "h",
        "base": low,
        "x": high - low,
        "y": place,
        "width": min(0.5, 0.06 * len(place)),
        "marker": {"color": colours.missing, "line": {"width": 0}},
        "name": "by chance, 95 %",
        "hoverinfo": "skip",
    }
    own = {
        "type": "scatter",
        "mode": "markers",
        "x": found.ece[at],
        "y": place,
        "error_x": {
            "array": found.error[at],
            "color": colours.accent,
            "thickness": 1.2,
            "width": 3,
        },
        "marker": {"size": 8, "color": colours.accent},
        "customdata": told,
        "hovertemplate": "class %{customdata[0]:d}<br>ECE %{x:.3g} ± %{customdata[1]:.2g}, by "
        "chance %{customdata[4]:.3g}<br>%{customdata[2]:.1%} of examples, "
        "%{customdata[3]:.1%} expected",
        "name": "ECE ± error",
    }
    return [chance, own]
