"""The slider over steps beneath a figure: each stop carries its changes, with nobody behind it."""

from __future__ import annotations

from typing import Any

from dashboard.theme import Palette

PLAYED = 44  # pixels for the button that plays a slider


def stop(step: int, *changes: Any) -> dict[str, Any]:
    """One place of the slider: what plotly's `update` is given there."""
    return {"method": "update", "label": f"{step:,}", "value": str(step), "args": [*changes]}


def step_slider(
    stops: list[dict[str, Any]], active: int, colours: Palette, *, prefix: str, room: int
) -> dict[str, Any]:
    """The slider itself, `room` pixels below what it belongs to."""
    return {
        "steps": stops,
        "active": active,
        "currentvalue": {"prefix": prefix, "font": {"size": 12}},
        "pad": {"t": room, "b": 8, "l": 0, "r": 0},
        "x": 0,
        "len": 1,
        "bgcolor": colours.dimmed,
        "activebgcolor": colours.chosen,
        "bordercolor": colours.missing,
        "borderwidth": 1,
        "tickcolor": colours.border,
        "font": {"size": 10, "color": colours.dimmed},
        "ticklen": 3,
        "minorticklen": 2,
    }


def played(slider: dict[str, Any]) -> dict[str, Any]:
    """The same with room on its left for the button that plays it."""
    return slider | {"pad": slider["pad"] | {"l": PLAYED}}
