"""Layers by steps as a heat map: fast however many there are, and no extreme is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import Bins, StepAxis, equal_bins, largest, rounded, short, step_axis
from dashboard.loss_scale import compact
from dashboard.theme import safe

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Trace = dict[str, Any]

MOST_BINS = 320
MOST_CELLS = 40_000  # a heat map is redrawn at each zoom: more cells than this feel slow
MOST_TOLD = 12_000  # cells that bring their step along, where the axis cannot tell it
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

    @property
    def span(self) -> list[float]:
        """From the first column's edge to the last's."""
        first = self.bins.start - self.bins.width / 2
        return [first, first + self.bins.width * len(self.bins.members)]

    def layout(self, title: str = "step") -> dict[str, Any]:
        """The axis below it."""
        return step_layout(self.axis, self.steps, self.span, title)


FEW = 6  # steps that have a tick each


def step_layout(
    axis: StepAxis, steps: Integers, span: Sequence[float], title: str = "step"
) -> dict[str, Any]:
    """An axis of steps, from one place to another."""
    shared = {"range": list(span), "showgrid": False}
    shared |= {"title": {"text": title, "standoff": 20}}
    if axis.log:
        values, labels = axis.ticks(int(steps[-1]))
    elif len(steps) <= FEW:
        values, labels = steps.tolist(), [short(step) for step in steps.tolist()]
    else:
        return shared | {"tickformat": "~s", "nticks": 7}
    return shared | {"tickvals": values, "ticktext": labels}


def step_grid(steps: Integers, rows: int, cells: int = MOST_CELLS) -> StepGrid:
    """As many columns as are still drawn fast."""
    axis = step_axis(steps)
    most = max(2, min(MOST_BINS, cells // max(1, rows)))
    return StepGrid(steps, axis, equal_bins(axis.place(steps), most))


def is_binned(grid: StepGrid) -> bool:
    """Whether a cell may stand for several records."""
    return any(stop - start > 1 for start, stop in grid.bins.members)


@dataclass(frozen=True)
class Cells:
    """What the cells of a heat map show: each one of its records."""

    grid: StepGrid
    names: Sequence[str]  # of the rows
    values: Floats  # [row, bin]
    steps: Integers  # [row, bin]

    def painted(self, colour: Floats, told: str) -> Trace:
        """[row, bin] on a scale; what is no number stays blank.

        `told` is what its hover says of a cell, in plotly's words: "%{z:.1%}".
        """
        return {
            "type": "heatmap",
            "x0": self.grid.bins.start,
            "dx": self.grid.bins.width,
            "y": [safe(name) for name in self.names],
            "z": _compact(np.where(np.isfinite(colour), colour, np.nan)),
            "hoverongaps": False,
            "showlegend": False,
        } | self._step(told)

    def marked(self, there: NDArray[np.bool_], colour: str, told: str) -> list[Trace]:
        """Cells that have no place on the scale, in a colour of their own; none, no trace."""
        scale = {"zmin": 0, "zmax": 1, "colorscale": [[0, colour], [1, colour]]}
        trace = self.painted(np.where(there, 1.0, np.nan), told) | scale | {"showscale": False}
        return [trace] if there.any() else []

    def _step(self, told: str) -> Trace:
        """The axis tells it; on a logarithm cells, if they are few, bring it along."""
        if not self.grid.axis.log:
            return {"hovertemplate": f"%{{y}}<br>step %{{x:,.0f}}<br>{told}<extra></extra>"}
        if self.steps.size > MOST_TOLD:
            return {"hovertemplate": f"%{{y}}<br>{told}<extra></extra>"}
        small = np.uint16 if self.steps.max(initial=0) < 1 << 16 else np.uint32
        hover = f"%{{y}}<br>step %{{customdata:,d}}<br>{told}<extra></extra>"
        return {"customdata": self.steps.astype(small), "hovertemplate": hover}


def cells(grid: StepGrid, names: Sequence[str], values: NDArray[Any], rank: NDArray[Any]) -> Cells:
    """All [t, row]: a cell shows that of its records which ranks highest."""
    _, records = largest(rank, grid.bins)  # [bin, row]
    shown = np.take_along_axis(values, records, axis=0).T.astype(np.float64)
    return Cells(grid, names, shown, grid.steps[records.T])


def _compact(values: Floats) -> NDArray[np.float32]:
    """Three digits, where that is as good; else seven."""
    few = rounded(values)
    known = values[np.isfinite(values)]
    close = 1e-3 * np.abs(known).max(initial=0.0)
    same = np.allclose(few[np.isfinite(values)], known, rtol=1e-3, atol=close)
    return few if same else compact(values)


def colour_bar(title: str, ticks: Sequence[float], **written: Any) -> dict[str, Any]:
    """A thin scale above the map."""
    return {
        "orientation": "h",
        "xanchor": "left",
        "yanchor": "bottom",
        "thickness": 8,
        "outlinewidth": 0,
        "ypad": 6,
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
