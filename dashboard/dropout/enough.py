"""How well the spread is known by so many draws, and how many would be enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.theme import Palette
from diagnostics.uncertainty import PRECISE, Uncertainty

ASIDE = 0.6  # draws to come, in the logarithm, as a share of those made: then words fit in there

Floats = NDArray[np.float64]
Trace = dict[str, Any]


def running_error(found: Uncertainty) -> tuple[NDArray[np.int64], Floats]:
    """Half the relative error of a variance is that of its root; NaN where there is no spread."""
    grown = found.growth.epistemic
    share = np.full(len(grown.value), np.nan)
    np.divide(grown.error, 2 * grown.value, out=share, where=grown.value > 0)
    return found.growth.draws, np.where(share > 0, share, np.nan)


def enough_traces(found: Uncertainty, colours: Palette) -> list[Trace]:
    """The mean over examples as draws were made; one example as they are now, and would be."""
    draws, share = running_error(found)
    traces = []
    if np.isfinite(share).any():  # one example that is not finite leaves no mean
        line = {"mode": "lines+markers", "line": {"width": 2, "color": colours.accent}}
        traces.append(_trace(draws, share, "mean over examples", colours.accent) | line)
    if np.isfinite(found.relative):
        single = _trace([found.draws], [found.relative], "median example", colours.fit)
        most = _trace([found.draws], [found.worst], "nine in ten", colours.fit)
        most["marker"] |= {"symbol": "circle-open"}
        traces += [*_to_come(found, colours), single, most]
    last = max(found.draws, found.needed or 0)
    return [_line([draws[0], last], colours), *traces]


def _to_come(found: Uncertainty, colours: Palette) -> list[Trace]:
    """The median example's error falls with the root of the number of draws."""
    if not found.more or found.needed is None:
        return []
    line = {"width": 1.5, "color": colours.fit, "dash": "dot"}
    way = _trace([found.draws, found.needed], [found.relative, PRECISE], "with more draws", "")
    return [way | {"mode": "lines", "line": line, "showlegend": False}]


def _line(x: list[int], colours: Palette) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [PRECISE, PRECISE],
        "line": {"width": 1.5, "color": colours.good, "dash": "dash"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _trace(x: Any, y: Any, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "marker": {"size": 8, "color": colour} if colour else {},
        "name": name,
        "hovertemplate": "%{x:,d} draws: %{y:.1%}<extra>" + name + "</extra>",
    }


def enough_mark(found: Uncertainty, colours: Palette) -> list[dict[str, Any]]:
    """The verdict in a few words, on the line that is enough; or that there is nothing to know."""
    if found.needed is None:
        place = {"xref": "x2 domain", "x": 0.5, "yref": "y2 domain", "y": 0.75}
        return [place | _words("no spread whose error could be told", colours.dimmed)]
    told = f"{found.needed:,} draws are enough" if found.more else "enough"
    draws, share = running_error(found)
    falls = share[0] > PRECISE  # through the line: then there is room below it
    side = {"x": 0, "xanchor": "left", "yanchor": "top" if falls else "bottom"}
    beyond = found.needed > found.draws * (found.draws / draws[0]) ** ASIDE
    if beyond or (falls and _early(draws, share, max(found.draws, found.needed))):
        side = {"x": 1, "xanchor": "right", "yanchor": "top"}
    place = {"xref": "x2 domain", "yref": "y2", "y": float(np.log10(PRECISE))}
    return [place | side | _words(f"{PRECISE:.0%}: {told}", colours.good)]


def _early(draws: NDArray[np.int64], share: Floats, last: int) -> bool:
    """Is the curve through the line in the left half of the picture?"""
    first = draws[np.argmax(share <= PRECISE)]  # never through it: not asked, or the first of all
    return bool((share <= PRECISE).any() and first**2 < draws[0] * last)


def _words(text: str, colour: str) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"size": 11, "color": colour}}
