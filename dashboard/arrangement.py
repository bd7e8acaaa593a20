"""Where the charts of a figure stand: in rows, or in one column on a narrow page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Layout = dict[str, Any]

SPLIT = (0.44, 0.56)  # where the left part of a row ends and the right one begins
AXIS = 62  # pixels below a part: ticks and title
LINE = 20  # pixels of a line of a legend
LETTER, BESIDE = 6.4, 46  # pixels of a letter, and of what stands before it
WIDE, NARROW = 900, 250  # pixels that a row may count on: a legend is as wide as its chart
BAR, BAR_WIDTH = 46, 0.8  # pixels above a part with a scale of colours; of the part's width
SLIDER = 70  # pixels of a slider, with what it says
FROM_TOP: Layout = {"y": 1, "yanchor": "top"}
LEGEND: Layout = {
    "orientation": "h",
    "xanchor": "left",
    "yanchor": "bottom",
    "bgcolor": "rgba(0,0,0,0)",
}


@dataclass(frozen=True)
class Part:
    """One chart with axes of its own."""

    axis: str  # suffix of its axes: "" or a number
    height: int  # pixels
    x: Layout
    y: Layout
    names: tuple[str, ...] = ()  # in its legend
    legend: str = ""  # that legend
    colours: str = ""  # its scale of colours, which stands above it


def arranged(rows: Sequence[Sequence[Part]], *, headline: bool, sliders: int = 0) -> Layout:
    """Axes, legends and heights; beside them how it is on a narrow page.

    Sliders come below the first part, over the whole width.
    """
    parts = [part for row in rows for part in row]
    wide = _placed(rows, WIDE, headline=headline, sliders=sliders)
    narrow = _placed([[part] for part in parts], NARROW, headline=headline, sliders=sliders)
    axes = {}
    for part in parts:
        axes[f"xaxis{part.axis}"] = {"anchor": f"y{part.axis}"} | part.x
        axes[f"yaxis{part.axis}"] = {"anchor": f"x{part.axis}"} | part.y
        axes |= {part.legend: LEGEND} if part.legend else {}
    return merged(axes, wide) | {"meta": {"narrow": narrow}}


def below(first: Part, place: int) -> int:
    """Pixels from the top down to a slider: they count alike on every page."""
    return first.height + AXIS - 8 + place * SLIDER


def _placed(rows: Sequence[Sequence[Part]], width: int, *, headline: bool, sliders: int) -> Layout:
    """Every row's room from the top, in pixels, then as shares of the whole."""
    above = [max(_room(part, width / len(row)) for part in row) for row in rows]
    heights = [max(part.height for part in row) for row in rows]
    gaps = [AXIS + (sliders * SLIDER if not n else 0) for n in range(len(rows))]
    top = above[0] + (40 if headline else 16)
    plotted = sum(heights) + sum(above[1:]) + sum(gaps[:-1])
    found: Layout = {"height": plotted + top + AXIS, "margin": {"t": top, "b": AXIS}}
    start = 0
    for row, room, height, gap in zip(rows, [0, *above[1:]], heights, gaps, strict=True):
        start += room
        span = [max(0.0, 1 - (start + height) / plotted), 1 - start / plotted]
        for part, domain in zip(row, _columns(row), strict=True):
            found |= _standing(part, domain, span)
        start += height + gap
    return found


def _columns(row: Sequence[Part]) -> list[list[float]]:
    return [[0, 1]] if len(row) == 1 else [[0, SPLIT[0]], [SPLIT[1], 1]]


def _standing(part: Part, domain: list[float], span: list[float]) -> Layout:
    found: Layout = {
        f"xaxis{part.axis}": {"domain": domain},
        f"yaxis{part.axis}": {"domain": span},
    }
    if part.legend:
        found[part.legend] = {"x": domain[0], "y": span[1]}
    if part.colours:
        length = BAR_WIDTH * (domain[1] - domain[0])
        found[part.colours] = {"colorbar": {"x": domain[0], "y": span[1], "len": length}}
    return found


def _room(part: Part, width: float) -> int:
    """In several rows, a legend's entries are all as wide as the longest."""
    if part.colours:
        return BAR
    if not part.names:
        return 0
    widths = [len(name) * LETTER + BESIDE for name in part.names]
    beside = len(widths) if sum(widths) < width else max(1, int(width // max(widths)))
    return LINE * -(-len(part.names) // beside) + 10


def merged(one: Layout, other: Layout) -> Layout:
    """Layouts inside one another, however deep."""
    both = one | other
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = merged(one[name], other[name])
    return both
