"""Layers by steps as a heat map: fast however many there are, and no extreme is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import Bins, StepAxis, equal_bins, largest, short, step_axis
from dashboard.theme import safe

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_BINS = 320
MOST_CELLS = 40_000  # a heat map is redrawn at each zoom: more cells than this feel slow
MOST_LABELS = 40
LABEL_LENGTH = 24
ROW, LEAST, MOST = 22, 110, 560  # pixels


@dataclass(frozen=True)
class StepGrid:
    """The columns of a heat map over recorded steps."""

    steps: Integers  # [t]
    axis: StepAxis
    bins: Bins

    def places(self) -> Floats:
        """Where the steps lie."""
        return self.axis.place(self.steps)

    def layout(self, title: str = "step") -> dict[str, Any]:
        """The axis below it."""
        first = self.bins.start - self.bins.width / 2
        last = first + self.bins.width * len(self.bins.members)
        shared = {"range": [first, last], "showgrid": False}
        shared |= {"title": {"text": title, "standoff": 20}}
        if self.axis.log:
            values, labels = self.axis.ticks(int(self.steps[-1]))
        elif len(self.steps) <= FEW:
            values, labels = self.steps.tolist(), [short(step) for step in self.steps.tolist()]
        else:
            return shared | {"tickformat": "~s", "nticks": 7}
        return shared | {"tickvals": values, "ticktext": labels}


FEW = 6  # steps that have a tick each


def step_grid(steps: Integers, rows: int) -> StepGrid:
    """As many columns as are still drawn fast."""
    axis = step_axis(steps)
    most = max(2, min(MOST_BINS, MOST_CELLS // max(1, rows)))
    return StepGrid(steps, axis, equal_bins(axis.place(steps), most))


def is_binned(grid: StepGrid) -> bool:
    """Whether a cell may stand for several records."""
    return len(grid.bins.members) < len(grid.steps)


def heat_map(
    grid: StepGrid, names: Sequence[str], values: Floats, rank: Floats, colour: Floats
) -> dict[str, Any]:
    """All [t, row]: a cell shows the colour of that of its records which ranks highest.

    Its hover has the value as customdata[0] and the step as customdata[1].
    """
    _, records = largest(rank, grid.bins)  # [bin, row]
    shown = np.take_along_axis(values, records, axis=0).T.astype(np.float32)
    steps = grid.steps[records.T].astype(np.float32)
    return {
        "type": "heatmap",
        "x0": grid.bins.start,
        "dx": grid.bins.width,
        "y": [safe(name) for name in names],
        "z": np.take_along_axis(colour, records, axis=0).T.astype(np.float32),
        "customdata": np.stack([shown, steps], axis=-1),
        "hoverongaps": False,
        "showlegend": False,
    }


def colour_bar(title: str, ticks: Sequence[float], **written: Any) -> dict[str, Any]:
    """A thin scale above the map."""
    return {
        "orientation": "h",
        "xanchor": "left",
        "yanchor": "bottom",
        "thickness": 8,
        "outlinewidth": 0,
        "ypad": 4,
        "xpad": 0,
        "tickvals": ticks,
        "ticklabelposition": "outside top",
        "title": {"text": title, "side": "top", "font": {"size": 12}},
    } | written


def layer_axis(names: Sequence[str]) -> dict[str, Any]:
    """Input at the top; many rows share their labels out."""
    stride = max(1, -(-len(names) // MOST_LABELS))
    shown = [safe(name) for name in names]
    return {
        "type": "category",  # a Sequential's layers are called "0", "1", …: names, not numbers
        "categoryorder": "array",
        "categoryarray": shown,
        "range": [len(names) - 0.5, -0.5],
        "tickvals": shown[::stride],
        "ticktext": [safe(shortened(name)) for name in names[::stride]],
        "automargin": True,
        "ticks": "",
        "ticklabelstandoff": 6,
    }


def height(rows: int) -> int:
    """Pixels for that many rows."""
    return int(np.clip(ROW * rows, LEAST, MOST))


def shortened(name: str) -> str:
    """A long name cut in the middle: its end tells layers apart."""
    if len(name) <= LABEL_LENGTH:
        return name
    head = LABEL_LENGTH // 3
    return f"{name[:head]}…{name[head + 1 - LABEL_LENGTH :]}"
