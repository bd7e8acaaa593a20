"""How far every two members are apart, as a map."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.ensembles.naming import distance_name
from dashboard.theme import Palette, safe
from diagnostics.ensemble import Ensemble

Trace = dict[str, Any]

LETTERS, HEAD = 12, 5  # of a name, and before the gap in a longer one
WRITTEN = 6  # members up to which a cell has room for its number
PALE = 2.2  # of the largest distance is the full colour, so that ink is read on all of them
NAMED = 16  # members up to which each has room for its name


def has_map(of: Ensemble) -> bool:
    """Of two members there is one distance, which the numbers tell."""
    return len(of.names) > 2


def distance_traces(of: Ensemble, colours: Palette) -> list[Trace]:
    """The distance of a member from itself is no news."""
    count = len(of.names)
    apart = np.where(np.eye(count, dtype=bool), np.nan, of.distance)
    form = ".2p" if of.uncertainty.reading.classes else ".2g"
    ticks = list(range(1, count + 1))
    pairs = [[f"{safe(one)} and {safe(other)}" for other in of.names] for one in of.names]
    cells = {
        "type": "heatmap",
        "x": ticks,
        "y": ticks,
        "z": np.where(np.isfinite(apart), apart, np.nan),
        "zmin": 0,
        "zmax": (PALE if is_written(of) else 1) * furthest(of) or 1.0,
        "colorscale": [[0, colours.card], [1, colours.accent]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "customdata": pairs,
        "hovertemplate": "%{customdata}: %{z:" + form + "}<extra></extra>",
        "hoverongaps": False,
    }
    if is_written(of):
        cells |= {
            "texttemplate": "%{z:" + form + "}",
            "textfont": {"size": 10, "color": colours.ink},
        }
    return [cells]


def is_written(of: Ensemble) -> bool:
    """Where not, the title of the axis has to say how far the furthest are apart."""
    return len(of.names) <= WRITTEN


def furthest(of: Ensemble) -> float:
    return float(of.distance[np.isfinite(of.distance)].max(initial=0))


def member_axis(of: Ensemble) -> dict[str, Any]:
    """Of the rows: names, numbered as the columns are; the first at the top."""
    count = len(of.names)
    some = list(range(0, count, -(-count // NAMED)))
    return {
        "tickmode": "array",
        "tickvals": [n + 1 for n in some],
        "ticktext": [f"{safe(short(of.names[n]))}  {n + 1}" for n in some],
        "tickfont": {"size": 10},
        "range": [count + 0.5, 0.5],
        "automargin": True,
        "showgrid": False,
        "ticks": "",
    }


def number_axis(of: Ensemble) -> dict[str, Any]:
    """Of the columns: the rows' numbers."""
    count = len(of.names)
    some = list(range(0, count, -(-count // NAMED)))
    return {
        "tickmode": "array",
        "tickvals": [n + 1 for n in some],
        "range": [0.5, count + 0.5],
        "title": {"text": _title(of), "standoff": 8},
        "showgrid": False,
        "ticks": "",
    }


def _title(of: Ensemble) -> str:
    if is_written(of):
        return distance_name(of)
    most = furthest(of)
    told = f"{most:.0%}" if of.uncertainty.reading.classes else f"{most:.2g}"
    return f"{distance_name(of)}, at most {told}"


def short(name: str) -> str:
    """Both ends of a name tell it from its neighbours."""
    return name if len(name) <= LETTERS else f"{name[:HEAD]}…{name[HEAD + 1 - LETTERS :]}"
