"""Losses as heights and colours: on a logarithm or as they are, with ticks in losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLOURS = "Cividis"
MOST_TICKS = 7
_LARGEST = float(np.finfo(np.float32).max)
_MANTISSAS = ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class LossScale:
    """Where a loss lies between the lowest and the highest that are drawn."""

    log: bool
    low: float  # on the scale
    high: float

    def place(self, losses: Floats) -> NDArray[np.float32]:
        """Positions on the scale; what has none is NaN."""
        finite = np.where(np.isfinite(losses), losses, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            places = np.log10(finite) if self.log else finite
        places[np.isinf(places)] = np.nan
        return compact(places)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Positions and labels; the labels are losses."""
        values = self._logarithmic() if self.log else _linear(self.low, self.high)
        places = np.log10(values) if self.log else np.array(values)
        return places.tolist(), [f"{value:.4g}" for value in values]

    def bar(self, title: str, **place: Any) -> dict[str, Any]:
        """The layout's colour axis, with its bar above the picture."""
        values, labels = self.ticks()
        bar = {
            "orientation": "h",
            "x": 0.0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
            "len": 0.5,
            "thickness": 8,
            "outlinewidth": 0,
            "ypad": 6,
            "xpad": 0,
            "tickvals": values,
            "ticktext": labels,
            "ticklabelposition": "outside top",
            "title": {"text": title, "side": "top", "font": {"size": 12}},
        }
        return {
            "cmin": self.low,
            "cmax": self.high,
            "colorscale": COLOURS,
            "colorbar": bar | place,
        }

    def _logarithmic(self) -> list[float]:
        """As many round losses as find room; none round: a few as they come."""
        decades = range(int(np.floor(self.low)), min(int(np.ceil(self.high)) + 1, 308))
        for mantissas in _MANTISSAS:
            values = [float(m * 10.0**decade) for decade in decades for m in mantissas]
            inside = [v for v in values if self.low <= np.log10(v) <= self.high]
            if 2 <= len(inside) <= MOST_TICKS:
                return inside
        if len(decades) > MOST_TICKS:
            return [10.0**decade for decade in decades[:: -(-len(decades) // MOST_TICKS)]]
        return [float(f"{value:.4g}") for value in 10 ** np.linspace(self.low, self.high, 4)]


def compact(values: Floats) -> NDArray[np.float32]:
    """Half the bytes, and no eye sees the difference; what is too large stays the largest."""
    return np.clip(values, -_LARGEST, _LARGEST).astype(np.float32)


def loss_scale(wanted: str, *losses: Floats | None) -> LossScale:
    """Around all losses that are drawn; logarithmic if that is wanted and none is below zero."""
    known = [each[np.isfinite(each)].ravel() for each in losses if each is not None]
    values = np.concatenate(known) if known else np.array([])
    if not values.size:
        return LossScale(False, 0.0, 1.0)
    log = wanted == "log" and bool((values > 0).all())
    places = np.log10(values) if log else values
    low, high = float(places.min()), float(places.max())
    flat = high - low <= 1e-6 * max(1.0, abs(low))
    margin = (0.1 if log else 0.05 * max(1.0, abs(low))) if flat else 0.0
    return LossScale(log, low - margin, high + margin)


def _linear(low: float, high: float) -> list[float]:
    """About five round values."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = np.ceil(low / step), np.floor(high / step)
    return [float(step * n) + 0.0 for n in np.arange(first, last + 1)]  # no minus zero


def log_axis(values: Floats, *, log: bool) -> dict[str, Any]:
    """An axis of plotly's for these values: logarithmic if that is wanted and none is below zero.

    Few ticks over many decades, some over one, and plotly's own over less, where 1, 2 and 5 may
    all lie outside. Each is written in full: plotly writes 0.5 as 5, the decade left out.
    """
    finite = values[np.isfinite(values)]
    if not (log and finite.size and (finite > 0).all()):
        return {"type": "linear"}
    decades = float(np.log10(finite.max() / finite.min()))
    if decades > 2.2:
        return {"type": "log", "dtick": max(1, round(decades / 6))}
    return {"type": "log", "tickformat": "~g"} | ({"dtick": "D2"} if decades >= 0.7 else {})
