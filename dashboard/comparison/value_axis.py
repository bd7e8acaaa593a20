"""The axis of several runs' values: around what is usual, so one that flew off hides nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.loss_scale import log_axis
from diagnostics.comparison import Overlay

Floats = NDArray[np.float64]
Axis = dict[str, Any]

WIDE_SPAN = 20.0  # largest over least value from which on decades are the better axis
USUAL = 0.95  # share of a curve that counts as usual: all but what is farthest from its median
FEW = 20  # values, of which none is left out
FLOWN = {"log": 1e9, "linear": 1e3}  # times the smallest curve: such a curve has no usual values
FAR, MARGIN = 3.0, 0.25  # around the usual: a factor among decades, else a share of their range
OUTLYING = {"log": 1e3, "linear": 3.0}  # from where on a lone value is left outside


def value_axis(overlay: Overlay, scale: str = "") -> Axis:
    """In decades if that is asked for, or where nothing is asked for and decades are spanned."""
    usual, kind = _usual(overlay, scale)
    axis = log_axis(usual, log=kind == "log")
    if not len(beyond(overlay, scale)):
        return axis
    low, high = _edges(usual, kind, FAR, MARGIN)
    ends = np.log10([low, high]) if kind == "log" else np.array([low, high])
    return axis | {"range": ends.tolist()}


def beyond(overlay: Overlay, scale: str = "") -> Floats:
    """Values so far from all that is usual that an axis around them would show nothing else."""
    usual, kind = _usual(overlay, scale)
    known = np.concatenate([_finite(curve.smooth) for curve in overlay.curves])
    if not len(usual):
        return np.empty(0)
    low, high = _edges(usual, kind, OUTLYING["log"], OUTLYING["linear"])
    below = (known < low) & ((known > 0) | (kind == "linear"))
    outside: Floats = known[below | (known > high)]
    return outside


def _edges(usual: Floats, kind: str, factor: float, margin: float) -> tuple[float, float]:
    low, high = float(usual.min()), float(usual.max())
    if kind == "log":
        return low / factor, high * factor
    room = margin * ((high - low) or abs(high) or 1.0)
    return low - room, high + room


def _usual(overlay: Overlay, scale: str) -> tuple[Floats, str]:
    """Of the curves that have not flown off; and the kind of axis that suits them."""
    found = [_finite(curve.smooth) for curve in overlay.curves]
    positive = has_decades(overlay) and scale != "linear"
    parts = [_core(values[values > 0] if positive else values) for values in found]
    parts = [part for part in parts if len(part)]
    if not parts:
        return np.empty(0), "linear"
    limit = FLOWN["log" if positive else "linear"]
    tops = [float(np.abs(part).max()) for part in parts]
    least = min((top for top in tops if top > 0), default=0.0)
    kept = [part for part, top in zip(parts, tops, strict=True) if top <= limit * least or not top]
    usual = np.concatenate(kept)
    return usual, "log" if positive and _wants_log(usual, scale) else "linear"


def has_decades(overlay: Overlay) -> bool:
    """Nothing is below zero, and something above; zeros are gaps on an axis of decades."""
    known = np.concatenate([_finite(curve.smooth) for curve in overlay.curves])
    return bool(len(known) and (known >= 0).all() and (known > 0).any())


def _finite(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)]
    return known


def _core(values: Floats) -> Floats:
    if len(values) < FEW:
        return values
    away = np.abs(values - np.median(values))
    core: Floats = values[away <= np.quantile(away, USUAL)]
    return core


def _wants_log(usual: Floats, scale: str) -> bool:
    if scale:
        return scale == "log"
    return bool(usual.max() > WIDE_SPAN * usual.min())
