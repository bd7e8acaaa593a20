"""Where the parts of the picture stand: two rows, or one column on a narrow page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Layout = dict[str, Any]

SPLIT = (0.56, 0.65)  # where the left part of a row ends and the right one begins
AXIS = 62  # pixels below a part: ticks and title
LINE = 20  # pixels of a line of a legend
LETTER, BESIDE = 6.4, 46  # pixels of a letter, and of what stands before it
WIDE, NARROW = 900, 300  # pixels that a row may count on


@dataclass(frozen=True)
class Part:
    """One chart with axes of its own."""

    axis: str  # suffix of its axes: "" or a number
    height: int  # pixels
    x: Layout
    y: Layout
    names: tuple[str, ...] = ()  # in its legend
    legend: str = ""  # that legend
    inside: bool = False  # it stands in the chart's own upper left


def arranged(upper: Sequence[Part], lower: Sequence[Part], *, headline: bool) -> Layout:
    """Axes, legends and heights; beside them how it is on a narrow page."""
    wide = _placed([upper, lower], WIDE, headline=headline)
    narrow = _placed([[part] for part in (*upper, *lower)], NARROW, headline=headline)
    axes = {}
    for part in (*upper, *lower):
        axes[f"xaxis{part.axis}"] = {"anchor": f"y{part.axis}"} | part.x
        axes[f"yaxis{part.axis}"] = {"anchor": f"x{part.axis}"} | part.y
    return _merged(axes, wide) | {"meta": {"narrow": narrow}}


def _placed(rows: Sequence[Sequence[Part]], width: int, *, headline: bool) -> Layout:
    """Every row's room from the top, in pixels, then as shares of the whole."""
    above = [max(_legend_room(part, width) for part in row) for row in rows]
    heights = [max(part.height for part in row) for row in rows]
    top = above[0] + (40 if headline else 16)
    plotted = sum(heights) + sum(above[1:]) + AXIS * (len(rows) - 1)
    found: Layout = {"height": plotted + top + AXIS, "margin": {"t": top, "b": AXIS}}
    start = 0
    for row, room, height in zip(rows, [0, *above[1:]], heights, strict=True):
        start += room
        high, low = 1 - start / plotted, max(0.0, 1 - (start + height) / plotted)
        for part, domain in zip(row, _columns(len(row)), strict=True):
            found[f"xaxis{part.axis}"] = {"domain": domain}
            found[f"yaxis{part.axis}"] = {"domain": [low, high]}
            if part.legend:
                found[part.legend] = {"x": domain[0], "y": high} | _side(part)
        start += height + AXIS
    return found


def _columns(many: int) -> list[list[float]]:
    return [[0, 1]] if many == 1 else [[0, SPLIT[0]], [SPLIT[1], 1]]


def _side(part: Part) -> Layout:
    if part.inside:
        return {"orientation": "v", "yanchor": "top"}
    return {"orientation": "h", "yanchor": "bottom"}


def _legend_room(part: Part, width: float) -> int:
    """In several rows, entries are all as wide as the longest."""
    if not part.names or part.inside:
        return 0
    widths = [len(name) * LETTER + BESIDE for name in part.names]
    beside = len(widths) if sum(widths) < width else max(1, int(width // max(widths)))
    return LINE * -(-len(part.names) // beside) + 10


def _merged(one: Layout, other: Layout) -> Layout:
    """Layouts inside one another, one level deep."""
    both = one | other
    return both | {name: one[name] | other[name] for name in one.keys() & other.keys()}
