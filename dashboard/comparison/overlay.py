"""Several runs' curves over one another: one chart for each quantity, one colour for each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.arrangement import (
    BESIDE,
    LEGEND,
    LETTER,
    LINE,
    NARROW,
    WIDE,
    Part,
    arranged,
    merged,
)
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.comparison.value_axis import beyond, value_axis
from dashboard.decimation import kept
from dashboard.loss_scale import compact
from dashboard.run_colours import run_colour, run_dash
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count
from diagnostics.comparison import Comparison, Curve, Overlay

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOST_CHARTS = 8
MOST_POINTS = 40_000  # of the whole figure: more makes a page slow
LEAST_COLUMNS, MOST_COLUMNS = 60, 250  # of a curve; each shows its least and its largest value
HEIGHT = 230
TITLE_LETTERS = 30


def draw(compared: Comparison, scale: str = "", scheme: Scheme = "light") -> Canvas:
    """Two charts beside one another; hovering shows all runs there, the largest first."""
    colours = palette(scheme)
    shown = compared.overlays[:MOST_CHARTS]
    columns = _columns(shown)
    charts = [
        chart(
            [
                trace
                for curve in overlay.curves
                for trace in _curve(compared, curve, scheme, columns)
            ],
            _part(compared, overlay, place, scale),
        )
        for place, overlay in enumerate(shown, start=1)
    ]
    parts = [one.part for one in charts]
    rows = [parts[n : n + 2] for n in range(0, len(parts), 2)]
    traces = [*_names(compared, scheme), *all_traces(charts)]
    layout = merged(_arranged(rows, compared), _look(scheme, colours))
    return Canvas(data=traces, layout=layout)


def caption(compared: Comparison, scale: str = "") -> str:
    """What is drawn, and what is not."""
    parts = []
    if compared.smooth:
        parts.append(
            f"Strong lines: a running mean, of weight {compared.smooth:g} where values are "
            "densest and over the same span everywhere; faint: as logged."
        )
    alone = [overlay for overlay in compared.overlays if len(overlay.curves) < 2]
    if alone and len(compared.runs) > 1:
        parts.append(f"Of one run only: {_listed(alone)}.")
    more = compared.overlays[MOST_CHARTS:]
    if more:
        parts.append(f"Not drawn: {_listed(more)}.")
    away = [(overlay.name, beyond(overlay, scale)) for overlay in compared.overlays[:MOST_CHARTS]]
    outside = [f"{count(len(far), 'value')} of {name}" for name, far in away if len(far)]
    if outside:
        parts.append(f"Beyond the axes: {', '.join(outside)}.")
    if any(_hides_zeros(overlay, scale) for overlay in compared.overlays[:MOST_CHARTS]):
        parts.append("Zeros have no place among decades: there a curve has a gap.")
    if any(_is_long(curve) for overlay in compared.overlays for curve in overlay.curves):
        parts.append("Of long curves each column keeps its least and its largest value.")
    if any(len(_broken(curve)) for overlay in compared.overlays for curve in overlay.curves):
        parts.append("A cross marks where a value stopped being a number.")
    return " ".join([*parts, *compared.lacking])


def _hides_zeros(overlay: Overlay, scale: str) -> bool:
    in_decades = value_axis(overlay, scale)["type"] == "log"
    return in_decades and any(bool((curve.smooth == 0).any()) for curve in overlay.curves)


def _listed(overlays: Sequence[Overlay], most: int = 6) -> str:
    names = ", ".join(overlay.name for overlay in overlays[:most])
    return names + (f" and {len(overlays) - most} more" if len(overlays) > most else "")


def _is_long(curve: Curve) -> bool:
    return len(curve.steps) > 2 * MOST_COLUMNS


def _columns(shown: Sequence[Overlay]) -> int:
    """Fewer for each curve where there are many."""
    curves = max(1, sum(len(overlay.curves) for overlay in shown))
    return int(np.clip(MOST_POINTS // (4 * curves), LEAST_COLUMNS, MOST_COLUMNS))


def _names(compared: Comparison, scheme: Scheme) -> list[Trace]:
    """One entry of the legend for each run: a click hides it in every chart."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "name": safe(name),
            "legendgroup": str(place),
            "line": _line(place, scheme),
        }
        for place, name in enumerate(compared.runs)
    ]


def _line(place: int, scheme: Scheme, width: float = 2) -> Trace:
    return {"color": run_colour(place, scheme), "width": width, "dash": run_dash(place)}


def _curve(compared: Comparison, curve: Curve, scheme: Scheme, columns: int) -> list[Trace]:
    """Faint as it was logged and strong as it was smoothed; and where it broke."""
    strong = _trace(compared, curve, curve.smooth, columns) | {"line": _line(curve.run, scheme)}
    traces = [strong]
    if compared.smooth:
        raw = _trace(compared, curve, curve.values, columns)
        raw |= {"line": _line(curve.run, scheme, 1), "opacity": 0.3, "hoverinfo": "skip"}
        del raw["hovertemplate"], raw["customdata"]
        traces.insert(0, raw)
    broken = _broken(curve)
    return [*traces, _crosses(curve, broken, scheme)] if len(broken) else traces


def _trace(compared: Comparison, curve: Curve, values: Floats, columns: int) -> Trace:
    shown = np.where(np.isfinite(values), values, np.nan)
    places: Any = curve.places  # seconds and tokens are bins as well as steps are
    records = kept(places, shown, columns)
    return {
        "type": "scatter",
        "mode": "lines" if len(curve.steps) > 1 else "markers",
        "x": curve.places[records].astype(np.float32),
        "y": compact(shown[records]),
        "customdata": curve.steps[records],
        "name": safe(compared.runs[curve.run]),
        "legendgroup": str(curve.run),
        "marker": {"size": 7, "color": run_colour(curve.run)},
        "hovertemplate": "%{y:.4g}" + _where(compared),
    }


def _where(compared: Comparison) -> str:
    return "" if compared.along == "step" else " at step %{customdata:,d}"


def _broken(curve: Curve) -> NDArray[np.int64]:
    """The first record of each stretch without numbers."""
    bad = ~np.isfinite(curve.values)
    return np.flatnonzero(bad & ~np.append(False, bad[:-1]))


def _crosses(curve: Curve, broken: NDArray[np.int64], scheme: Scheme, most: int = 20) -> Trace:
    """At the last number before; a curve without any has none to stand at."""
    here = broken[(broken > 0)][:most]
    colour = run_colour(curve.run, scheme)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": curve.places[here],
        "y": curve.smooth[here - 1],
        "customdata": curve.steps[here],
        "legendgroup": str(curve.run),
        "marker": {"symbol": "x-thin", "size": 9, "line": {"color": colour, "width": 2.5}},
        "hovertemplate": "no number from step %{customdata:,d}<extra></extra>",
    }


def _part(compared: Comparison, overlay: Overlay, place: int, scale: str) -> Part:
    short = overlay.name if len(overlay.name) <= TITLE_LETTERS else overlay.name[:29] + "…"
    y = {"title": {"text": safe(short), "standoff": 8}, "automargin": True, "nticks": 6}
    y |= value_axis(overlay, scale)
    x = {"title": {"text": compared.unit, "standoff": 16}, "nticks": 7}
    x |= {"tickformat": "~s"} | ({} if place == 1 else {"matches": "x"})
    return Part("" if place == 1 else str(place), HEIGHT, x, y)


def _arranged(rows: Sequence[Sequence[Part]], compared: Comparison) -> Trace:
    """Charts below one legend for all of them, which is as wide as the figure."""
    if not rows:
        return {"height": 120}
    placed = arranged(rows, headline=False)
    wide = _below_legend(placed, compared, WIDE)
    narrow = _below_legend(placed["meta"]["narrow"], compared, NARROW)
    named = {"legend": LEGEND | {"x": 0, "y": 1, "tracegroupgap": 0}, "meta": {"narrow": narrow}}
    return merged(placed, merged(wide, named))


def _below_legend(placed: Trace, compared: Comparison, width: int) -> Trace:
    """Entries of a legend in rows are all as wide as the longest."""
    widths = [len(name) * LETTER + BESIDE for name in compared.runs]
    beside = len(widths) if sum(widths) < width else max(1, int(width // max(widths)))
    room = LINE * -(-len(widths) // beside)
    margin = placed["margin"] | {"t": placed["margin"]["t"] + room}
    return placed | {"height": placed["height"] + room, "margin": margin}


def _look(scheme: Scheme, colours: Palette) -> Trace:
    return {
        "template": template(scheme),
        "hovermode": "x unified",
        "hoversort": "value descending",
        "hoverlabel": {"bgcolor": colours.card, "bordercolor": colours.border},
        "margin": {"l": 12, "r": 12},
    }
