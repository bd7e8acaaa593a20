"""The line that marks one step in every chart of a figure; a link to a step moves it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.binning import StepAxis
from dashboard.theme import Palette

NAME = "step"  # of the shapes that a page moves


def cursor(
    axis: StepAxis, step: int | None, colours: Palette, suffixes: Sequence[str] = ("",)
) -> dict[str, Any]:
    """For a layout: a line in each chart, hidden without a step; where steps lie, on which axes."""
    place = 0.0 if step is None else float(axis.place(np.array([step]))[0])
    shape = {
        "type": "line",
        "name": NAME,
        "visible": step is not None,
        "x0": place,
        "x1": place,
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.ink, "width": 1.5},  # heat maps may have any other colour
    }
    shapes = [shape | {"xref": f"x{each}", "yref": f"y{each} domain"} for each in suffixes]
    told = {"steps": {"log": axis.log, "shift": axis.shift}, "axes": list(suffixes)}
    return {"shapes": shapes, "meta": told}
