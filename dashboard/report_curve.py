"""The course of a run's loss in the width of a card: least and largest value, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dashboard.markup import Element, element
from dashboard.sparkline import DECADES
from dashboard.wording import number
from diagnostics.scalar_names import named

if TYPE_CHECKING:
    from diagnostics.run import Run

Numbers = npt.NDArray[np.float64]
COLUMNS, HEIGHT = 120, 36


def loss_course(run: Run) -> Element | None:
    """Of the training loss, else of that on held-out data; None where there is nothing to see."""
    kinds = named(run.logged)
    name = next(iter(kinds.training or kinds.validation), None)
    if name is None:
        return None
    values = run.scalar(name).values
    there = values[np.isfinite(values)]
    if len(there) < 2:
        return None
    ends = [number(float(values[place])) for place in (0, -1)]
    return _drawn(there, f"{name}: from {ends[0]} to {ends[1]}")


def _drawn(values: Numbers, told: str) -> Element:
    line = element("path", "", d=path(values), **{"vector-effect": "non-scaling-stroke"})
    box = {"viewBox": f"0 0 {COLUMNS - 1} {HEIGHT}", "preserveAspectRatio": "none"}
    return element("svg", "course", line, role="img", **box, **{"aria-label": told})


def path(values: Numbers) -> str:
    """Up and down in every column, so that no extreme is lost; logarithmic over decades."""
    if values.min() > 0 and values.max() > DECADES * values.min():
        values = np.log(values)
    columns = np.array_split(values, min(COLUMNS, len(values)))
    across = np.linspace(0, COLUMNS - 1, len(columns))
    least, span = values.min(), np.ptp(values) or 1.0
    points = [
        f"{x:.1f},{HEIGHT - 1 - (HEIGHT - 2) * (value - least) / span:.1f}"
        for x, column in zip(across, columns, strict=True)
        for value in dict.fromkeys((column.max(), column.min()))
    ]
    return f"M{' '.join(points)}"
