"""Small charts in rows: where each stands, what is written above it, and which carry ticks."""

from __future__ import annotations

from typing import Any

from dashboard.theme import Palette

GAP = 0.06  # between two of two columns; as many pixels between more
WIDEST = 5  # charts in a row
ABOVE, BELOW = 0.1, 0.04  # of a row's height, for the heading and up to the next


def columns_for(many: int) -> int:
    """So many that the last row is full, or nearly."""
    rows = -(-many // WIDEST)
    return -(-many // rows)


def placed(many: int, columns: int) -> dict[str, dict[str, Any]]:
    """The axes of each chart: from the left, row by row."""
    rows = -(-many // columns)
    gap, height = 2 * GAP / columns, 1 / rows
    width = (1 - gap * (columns - 1)) / columns
    axes: dict[str, dict[str, Any]] = {}
    for n in range(1, many + 1):
        row, column = divmod(n - 1, columns)
        left, low = column * (width + gap), 1 - (row + 1) * height
        upper, lower = low + height * (1 - ABOVE), low + height * BELOW
        right = min(1.0, left + width)
        axes[axis_id("xaxis", n)] = {"domain": [left, right], "anchor": axis_id("y", n)}
        axes[axis_id("yaxis", n)] = {"domain": [lower, upper], "anchor": axis_id("x", n)}
    return axes


def outer_ticks(many: int, columns: int) -> dict[str, dict[str, Any]]:
    """Of charts that share both axes: ticks at the left of a row, and where none is below."""
    axes: dict[str, dict[str, Any]] = {}
    for n in range(1, many + 1):
        axes[axis_id("xaxis", n)] = {"showticklabels": n + columns > many}
        axes[axis_id("yaxis", n)] = {"showticklabels": (n - 1) % columns == 0}
    return axes


def axis_id(axis: str, place: int) -> str:
    """As plotly calls it: x, x2, x3; xaxis, xaxis2."""
    return axis if place == 1 else f"{axis}{place}"


def heading(place: int, text: str, colours: Palette) -> dict[str, Any]:
    """Above a chart, at its left edge."""
    return {
        "text": f"<b>{text}</b>",
        "xref": f"{axis_id('x', place)} domain",
        "yref": f"{axis_id('y', place)} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": colours.ink},
    }
