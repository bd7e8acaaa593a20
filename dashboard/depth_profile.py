"""The gradient's profile over depth at one step, with its mean factor a layer, as plotly traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import StepAxis
from dashboard.theme import Palette, safe
from diagnostics.few_records import few_records
from diagnostics.gradient_flow import GradientFlow

Floats = NDArray[np.float64]
Line = list[float | None]
_TIMES, _TO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"


MOST_CORNERS = 24  # of the fit
WIDEST = 30.0  # upper over lower end of an interval that is still worth drawing


@dataclass(frozen=True)
class Profile:
    """What the right-hand picture shows at one record."""

    TRACES: ClassVar[int] = 6
    record: int
    place: float  # of the step on the heat map's axis
    counted: Line  # [layer]  rms of layers with a weight matrix
    others: Line  # [layer]
    nonfinite: Line  # [layer]  at the right edge, where the gradient held NaN or infinity
    zero: Line  # [layer]  at the left edge, where it was exactly zero
    fit: Line  # [some of the profile's layers]
    band: Line  # [twice these]  once round the confidence interval

    def changes(self) -> dict[str, list[Line]]:
        """The part of the traces that differs from step to step, in the order of `traces`."""
        return {
            "x": [self.band, self.fit, self.counted, self.others, self.nonfinite, self.zero],
        }

    def traces(self, flow: GradientFlow, colours: Palette) -> list[dict[str, Any]]:
        """Band, fit, dots, hollow dots, and what has no place on the axis."""
        names = [safe(name) for name in flow.layers]
        inner = [name for name, counts in zip(names, flow.in_profile, strict=True) if counts]
        inner = [inner[place] for place in _some(len(inner))]
        size = "%{y}<br>rms %{x:.2e}<extra></extra>"
        dot = {"color": colours.chosen, "size": 7}
        return [
            _trace(self.band, inner + inner[::-1], fill="toself", fillcolor=colours.band)
            | {"mode": "lines", "line": {"width": 0}},
            _trace(self.fit, inner, mode="lines", line={"color": colours.fit, "dash": "dash"}),
            _trace(self.counted, names, size, marker=dot, connectgaps=True)
            | {"mode": "lines+markers", "line": {"color": colours.chosen, "width": 1}},
            _trace(self.others, names, size, marker={**dot, "symbol": "circle-open"}),
            _trace(self.nonfinite, names, "%{y}<br>NaN or infinity<extra></extra>")
            | {
                "marker": {
                    "symbol": "x-thin",
                    "size": 9,
                    "line": {"width": 2, "color": colours.nonfinite},
                }
            },
            _trace(self.zero, names, "%{y}<br>exactly zero<extra></extra>")
            | {"marker": {"size": 9, "symbol": "triangle-left-open", "color": colours.chosen}},
        ]

    def cursor(self, colours: Palette) -> dict[str, Any]:
        """The line on the heat map that says which step is shown."""
        return {
            "type": "line",
            "x0": self.place,
            "x1": self.place,
            "y0": 0,
            "y1": 1,
            "yref": "y domain",
            "line": {"color": colours.chosen, "width": 2},
        }

    def words(self, flow: GradientFlow, colours: Palette) -> dict[str, Any]:
        """The fit in words, above the profile."""
        return {
            "text": _sentence(flow, self.record),
            "x": 0.65,
            "xref": "paper",
            "xanchor": "left",
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": 12,
            "align": "left",
            "showarrow": False,
            "font": {"size": 12, "color": colours.ink},
        }


def profile_of(
    flow: GradientFlow, record: int, axis: StepAxis, edges: tuple[float, float]
) -> Profile:
    """The profile at one record."""
    row, (low, high) = flow.rms[record], edges
    shown = np.isfinite(row) & (row > 0)
    fit, slow, fast = (_line(flow, record, decay[record]) for decay in _decays(flow))
    band = slow + fast[::-1]
    if not _tells(flow, record):
        band = [None] * len(band)
    return Profile(
        record=record,
        place=float(axis.place(flow.steps[record : record + 1])[0]),
        counted=_known(row, shown & flow.in_profile),
        others=_known(row, shown & ~flow.in_profile),
        nonfinite=_known(np.full(len(row), high / 1.15), np.isinf(row)),
        zero=_known(np.full(len(row), low * 1.15), row == 0),
        fit=fit,
        band=[None] * len(band) if None in band else band,
    )


def size_edges(rms: Floats) -> tuple[float, float]:
    """Where the axis of sizes begins and ends: a margin around every finite size of the run."""
    sizes = rms[np.isfinite(rms) & (rms > 0)]
    if not sizes.size:
        return 1e-8, 1.0
    low, high = np.log10(sizes.min()), np.log10(sizes.max())
    margin = max(0.3, 0.08 * (high - low))
    return float(10 ** max(low - margin, -300)), float(10 ** min(high + margin, 300))


def size_axis(edges: tuple[float, float]) -> dict[str, Any]:
    """The axis of sizes: the same at every step, so that steps can be compared."""
    low, high = np.log10(edges)
    return {
        "type": "log",
        "range": [float(low), float(high)],
        "dtick": max(1, round((high - low) / 5)) if high - low > 2 else "D2",
        "tickformat": ".0e",
        "title": {"text": "rms gradient", "standoff": 24},
    }


def _trace(x: Line, y: list[str], hover: str | None = None, **rest: Any) -> dict[str, Any]:
    told = {"hovertemplate": hover} if hover else {"hoverinfo": "skip"}
    place = {"type": "scatter", "xaxis": "x2", "yaxis": "y", "mode": "markers"}
    return place | {"x": x, "y": y} | told | rest


def _decays(flow: GradientFlow) -> tuple[Floats, Floats, Floats]:
    return flow.decay, flow.decay_low, flow.decay_high


def _line(flow: GradientFlow, record: int, decay: float) -> Line:
    """A gradient that changes by this factor a layer, through the middle of the profile."""
    row = flow.rms[record, flow.in_profile]  # [profile layer]
    if not (len(row) and np.isfinite(row).all() and (row > 0).all() and 0 < decay < np.inf):
        return [None] * len(_some(len(row)))
    middle, centre = np.log10(row).mean(), (len(row) - 1) / 2
    sizes = middle + np.log10(decay) * (centre - _some(len(row)))
    return [_brief(10 ** float(np.clip(size, -300, 300))) for size in sizes]


def _some(many: int) -> NDArray[np.int64]:
    """Layers between which the fit runs straight enough: it travels with every stop of a slider."""
    return few_records(many, MOST_CORNERS)


def _tells(flow: GradientFlow, record: int) -> bool:
    """Whether the interval is narrow enough to say anything."""
    low, high = flow.decay_low[record], flow.decay_high[record]
    return bool(low > 0 and high < WIDEST * low)


def _known(values: Floats, where: NDArray[np.bool_]) -> Line:
    return [_brief(value) if known else None for value, known in zip(values, where, strict=True)]


def _brief(value: float) -> float:
    """Four digits: a figure carries dozens of profiles, and no eye sees the fifth."""
    return float(f"{value:.4g}")


def _sentence(flow: GradientFlow, record: int) -> str:
    decay, low, high = (series[record] for series in _decays(flow))
    if not (np.isfinite(decay) and decay > 0):
        return "no mean factor at this step"
    text = f"<b>{_TIMES}{decay:.2g}</b> a layer<br>towards the input"
    if _tells(flow, record):
        text += f"<br>{flow.confidence:.0%} CI {low:.2g}{_TO}{high:.2g}"
    elif np.isfinite(low):
        text += "<br>too few to be sure"
    if np.isfinite(flow.first_to_last[record]):
        text += f"<br>first/last {flow.first_to_last[record]:.2g}"
    return text
