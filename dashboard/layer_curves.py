"""What was recorded of a layer as curves over the steps; what no scale can hold at their edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import StepAxis, equal_bins, largest
from dashboard.decimation import extremes
from dashboard.loss_scale import log_axis
from dashboard.step_heat import Trace
from dashboard.theme import Palette, safe
from diagnostics.layer_history import Curve, Strand
from diagnostics.smoothing import smoothed_ema

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_COLUMNS = 400  # of a curve; each shows its least and its largest value
MOST_MARKS = 200
FEW = 20  # points that are seen one by one: one alone makes no line
SAME = 1e-3  # of values: no difference
SPREAD = 5.0  # largest over least from which on decades tell more
DASHES = ("solid", "dash", "dot", "dashdot")
LARGEST = 1e38  # of what is sent


def smoothed(strand: Strand, weight: float) -> Strand:
    """The same with curves that remember what came before."""
    if not weight:
        return strand
    curves = (replace(c, values=smoothed_ema(c.values, weight)) for c in strand.curves)
    return replace(strand, curves=tuple(curves))


def curves(strand: Strand, axis: StepAxis, colours: Palette, scale: str | None) -> list[Trace]:
    """Lines, and marks where there was nothing or no number."""
    log = _is_log(strand, scale)
    hues = (colours.accent, colours.chosen, colours.good, colours.fit)
    lines = [
        _line(strand, curve, axis, log=log)
        | {"line": {"color": hues[n % len(hues)], "width": 2, "dash": DASHES[n // len(hues) % 4]}}
        for n, curve in enumerate(strand.curves)
    ]
    return lines + _marks(strand, axis, colours, log=log)


def value_axis(strand: Strand, scale: str | None) -> dict[str, Any]:
    """Shares from none to all, sizes in decades where they span some."""
    shared = {"title": {"text": strand.about, "standoff": 8}, "automargin": True, "nticks": 6}
    if strand.kind == "share":
        return shared | {"range": [-0.03, 1.03], "tickformat": ".0%", "nticks": 5}
    if not _is_log(strand, scale):
        return shared | _not_too_fine(_known(strand))
    known = _known(strand)
    return shared | log_axis(known[known > 0], log=True)


def _not_too_fine(known: Floats) -> dict[str, Any]:
    """Of values that are as good as equal no axis shall make much."""
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if high > 0 and high - low < SAME * high:
        return {"range": [0.95 * high, 1.05 * high]}
    return {"rangemode": "nonnegative"}


def _is_log(strand: Strand, scale: str | None) -> bool:
    known = _known(strand)
    known = known[known > 0]
    if strand.kind == "share" or not len(known):
        return False
    return scale == "log" if scale else bool(known.max() > SPREAD * known.min())


def _known(strand: Strand) -> Floats:
    """What an axis can hold."""
    values = np.concatenate([np.empty(0), *(curve.values for curve in strand.curves)])
    return np.asarray(values[np.abs(values) < LARGEST])


def _line(strand: Strand, curve: Curve, axis: StepAxis, *, log: bool) -> Trace:
    shown = np.where(np.abs(curve.values) < LARGEST, curve.values, np.nan)
    if log:
        shown = np.where(shown > 0, shown, np.nan)
    steps, values = extremes(strand.steps, shown, MOST_COLUMNS)
    told = "%{y:.1%}" if strand.kind == "share" else "%{y:.3g}"
    return {
        "type": "scatter",
        "mode": "lines+markers" if np.isfinite(values).sum() <= FEW else "lines",
        "marker": {"size": 5},
        "x": axis.place(steps).astype(np.float32),
        "y": values.astype(np.float32),
        "customdata": steps.astype(np.uint32),
        "name": safe(curve.name),
        "hovertemplate": f"step %{{customdata:,d}}<br>{told}<extra></extra>",
    }


def _marks(strand: Strand, axis: StepAxis, colours: Palette, *, log: bool) -> list[Trace]:
    """Crosses above for what was not finite; on an axis of decades, triangles below for zeros."""
    values = np.stack([curve.values for curve in strand.curves], axis=1)  # [t, curve]
    known = _known(strand)
    edges = known[known > 0] if log else known
    low, high = (float(edges.min()), float(edges.max())) if len(edges) else (0.0, 1.0)
    broken = {"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": colours.nonfinite}}
    nothing = {"symbol": "triangle-down", "size": 6, "color": colours.dimmed}
    found = _marked(strand.steps, np.isinf(values), axis, high, "NaN or infinity")
    traces = [each | {"marker": broken} for each in found]
    if log:
        found = _marked(strand.steps, values == 0, axis, low / 1.5, "exactly 0")
        traces += [each | {"marker": nothing} for each in found]
    return traces


def _marked(
    steps: Integers, there: NDArray[np.bool_], axis: StepAxis, height: float, told: str
) -> list[Trace]:
    """At most some hundred, where any of the curves is so."""
    bins = equal_bins(axis.place(steps), MOST_MARKS)
    held, records = largest(there.any(1, keepdims=True).astype(float), bins)
    at = np.unique(records[held > 0])
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": axis.place(steps[at]),
        "y": np.full(len(at), height, np.float32),
        "cliponaxis": False,
        "customdata": steps[at],
        "name": told,
        "hovertemplate": f"step %{{customdata:,d}}<br>{told}<extra></extra>",
    }
    return [trace] if len(at) else []
