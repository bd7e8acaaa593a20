"""Layers by steps of the gradient's size, and its profile over depth at one step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.binning import StepAxis, equal_bins, largest, nearest, short, step_axis
from dashboard.canvas import Canvas
from dashboard.depth_profile import Profile, profile_of, size_axis, size_edges
from dashboard.panel import Panel
from dashboard.step_slider import step_slider, stop
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.gradient_flow import GradientFlow, gradient_flow

Floats = NDArray[np.float64]

MOST_BINS = 320
MOST_CELLS = 40_000  # a heat map is redrawn at each zoom: more cells than this feel slow
MOST_STOPS = 40
MOST_LABELS = 40
LABEL_LENGTH = 28
_LARGEST = float(np.finfo(np.float32).max)
_HOVER = "%{y}<br>step %{customdata[1]:,d}<br>"


def draw(flow: GradientFlow, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """Heat map on the left, profile on the right; the slider chooses the profile's step."""
    colours, axis = palette(scheme), step_axis(flow.steps)
    stops = _stops(flow, axis, step)
    chosen = _nearest(flow.steps, step)
    edges = size_edges(flow.rms)
    profiles = {stop: profile_of(flow, stop, axis, edges) for stop in stops}
    traces = [*profiles[chosen].traces(flow, colours), *_heat(flow, axis, colours)]
    figure = Canvas(data=traces)
    figure.update_layout(_layout(flow, axis, profiles[chosen], scheme), xaxis2=size_axis(edges))
    figure.update_layout(sliders=[_slider(flow, profiles, chosen, colours)])
    return figure


def caption(flow: GradientFlow) -> str:
    """What the picture shows, and which parameters it cannot show."""
    which = "weights and biases" if flow.parameters == "all" else f"{flow.parameters} gradients"
    state = f" ({flow.state})" if flow.state else ""
    parts = [f"Root mean square of the {which}{state}; input at the top, output at the bottom."]
    if step_axis(flow.steps).log:
        parts.append("The step axis is logarithmic.")
    if len(equal_bins(step_axis(flow.steps).place(flow.steps), _most(flow)).members) < len(
        flow.steps
    ):
        parts.append("Where a cell covers several recorded steps it shows the largest.")
    if np.isinf(flow.rms).any():
        parts.append("Magenta: the gradient held NaN or infinity.")
    if np.isnan(flow.rms).any():
        parts.append("Grey: no gradient at that step.")
    if not flow.in_profile.all():
        parts.append("Hollow dots have no weight matrix and do not count for the fit.")
    parts += _silent("Frozen (do not require a gradient)", flow.frozen)
    parts += _silent("Unused (never got a gradient)", flow.unused)
    parts += _silent("Cancelled by the normalisation that follows", flow.cancelled)
    return " ".join(parts)


def _silent(why: str, names: tuple[str, ...], most: int = 8) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"{why}: {', '.join(names[:most])}{more}."]


def _nearest(steps: NDArray[np.int64], step: int | None) -> int:
    """The record to show: the last, or the one nearest to a step."""
    return len(steps) - 1 if step is None else int(np.abs(steps - step).argmin())


def _stops(flow: GradientFlow, axis: StepAxis, step: int | None) -> list[int]:
    """Records the slider offers: evenly spread, with the first, the last and the chosen."""
    places = axis.place(flow.steps)
    wanted = np.linspace(places[0], places[-1], MOST_STOPS - 1)
    return sorted(
        {int(record) for record in nearest(places, wanted)} | {_nearest(flow.steps, step)}
    )


def _most(flow: GradientFlow) -> int:
    return max(2, min(MOST_BINS, MOST_CELLS // max(1, len(flow.layers))))


def _heat(flow: GradientFlow, axis: StepAxis, colours: Palette) -> list[dict[str, Any]]:
    bins = equal_bins(axis.place(flow.steps), _most(flow))
    largest_rms, records = largest(flow.rms, bins)  # [bin, layer]
    rms = largest_rms.T
    steps = flow.steps[records.T].astype(np.float32)  # [layer, bin]
    shared = {
        "type": "heatmap",
        "y": _names(flow),
        "x0": bins.start,
        "dx": bins.width,
        "hoverongaps": False,
        "xaxis": "x",
        "yaxis": "y",
    }
    low, high = _colour_range(flow.rms)
    sizes = {
        "zmin": low,
        "zmax": high,
        "z": _logarithm(rms, low),
        "customdata": np.stack([np.minimum(rms, _LARGEST).astype(np.float32), steps], axis=-1),
        "colorscale": "Cividis",
        "colorbar": _colour_bar(low, high),
        "hovertemplate": f"{_HOVER}rms %{{customdata[0]:.2e}}<extra></extra>",
    }
    signals = (
        (np.isinf(rms), colours.nonfinite, "NaN or infinity"),
        (np.isnan(rms), colours.missing, "no gradient"),
    )
    marks = [
        _signal(cells, steps, colour, words) for cells, colour, words in signals if cells.any()
    ]
    return [shared | each for each in (sizes, *marks)]


def _signal(
    cells: NDArray[np.bool_], steps: NDArray[np.float32], colour: str, words: str
) -> dict[str, Any]:
    """Cells that have no place on the colour scale, in a colour of their own."""
    return {
        "z": np.where(cells, np.float32(1), np.float32(np.nan)),
        "customdata": np.stack([np.full_like(steps, np.nan), steps], axis=-1),
        "colorscale": [[0, colour], [1, colour]],
        "showscale": False,
        "hovertemplate": f"{_HOVER}{words}<extra></extra>",
    }


def _logarithm(cells: Floats, low: float) -> NDArray[np.float32]:
    """log10 of the finite cells; an exact zero takes the lowest colour, its hover says 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(cells)
    logs[cells == 0] = low
    logs[np.isinf(cells)] = np.nan
    return logs.astype(np.float32)


def _colour_range(rms: Floats) -> tuple[float, float]:
    """Decades from the smallest to the largest; a lone outlier may not take all the colours."""
    sizes = rms[np.isfinite(rms) & (rms > 0)]
    if not sizes.size:
        return -1.0, 0.0
    logs = np.log10(sizes)
    low, high = np.quantile(logs, 0.005) - 1, np.quantile(logs, 0.995) + 1
    low, high = max(low, logs.min()), min(high, logs.max())
    return (float(low), float(high)) if high - low > 0.1 else (float(low) - 0.5, float(high) + 0.5)


def _colour_bar(low: float, high: float) -> dict[str, Any]:
    stride = max(1, round((high - low) / 5))
    decades = list(range(int(np.ceil(low)), int(np.floor(high)) + 1, stride))
    fine = [round(low, 2), round(high, 2)] if len(decades) < 2 else decades
    return {
        "orientation": "h",
        "x": 0.0,
        "xanchor": "left",
        "y": 1.0,
        "yanchor": "bottom",
        "len": 0.6,
        "thickness": 8,
        "outlinewidth": 0,
        "ypad": 6,
        "xpad": 0,
        "tickvals": fine,
        "ticktext": [
            f"1e{power}".replace("-", "\N{MINUS SIGN}")
            if isinstance(power, int)
            else f"{10**power:.1e}"
            for power in fine
        ],
        "ticklabelposition": "outside top",
        "title": {"text": "rms gradient", "side": "top", "font": {"size": 12}},
    }


def _layout(flow: GradientFlow, axis: StepAxis, profile: Profile, scheme: Scheme) -> dict[str, Any]:
    rows = len(flow.layers)
    return {
        "template": template(scheme),
        "uirevision": safe(flow.run),
        "height": int(np.clip(24 * rows, 240, 620)) + 178,
        "margin": {"l": 12, "r": 12, "t": 72, "b": 12},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": _step_axis(flow, axis)
        | {"domain": [0, 0.6], "title": {"text": "step", "standoff": 24}},
        "xaxis2": {"domain": [0.65, 1], "anchor": "y"},
        "yaxis": _layer_axis(flow),
        "annotations": [profile.words(flow, palette(scheme))],
        "shapes": [profile.cursor(palette(scheme))],
    }


def _step_axis(flow: GradientFlow, axis: StepAxis) -> dict[str, Any]:
    bins = equal_bins(axis.place(flow.steps), _most(flow))
    first, last = bins.start - bins.width / 2, bins.start + bins.width * (len(bins.members) - 0.5)
    shared = {"range": [first, last], "showgrid": False}
    if axis.log:
        values, labels = axis.ticks(int(flow.steps[-1]))
    elif len(flow.steps) <= 8:
        values, labels = flow.steps.tolist(), [short(step) for step in flow.steps.tolist()]
    else:
        return shared | {"tickformat": "~s"}
    return shared | {"tickvals": values, "ticktext": labels}


def _layer_axis(flow: GradientFlow) -> dict[str, Any]:
    names = _names(flow)
    stride = max(1, -(-len(names) // MOST_LABELS))
    return {
        "type": "category",  # a Sequential's layers are called "0", "1", …: names, not numbers
        "categoryorder": "array",
        "categoryarray": names,
        "range": [len(names) - 0.5, -0.5],
        "tickvals": names[::stride],
        "ticktext": [safe(_shorten(name)) for name in flow.layers[::stride]],
        "automargin": True,
        "ticks": "",
        "ticklabelstandoff": 6,
    }


def _names(flow: GradientFlow) -> list[str]:
    return [safe(name) for name in flow.layers]


def _shorten(name: str) -> str:
    """Cut a long name in the middle: its end tells layers apart."""
    if len(name) <= LABEL_LENGTH:
        return name
    head = LABEL_LENGTH // 3
    return f"{name[:head]}…{name[head + 1 - LABEL_LENGTH :]}"


def _slider(
    flow: GradientFlow, profiles: dict[int, Profile], chosen: int, colours: Palette
) -> dict[str, Any]:
    """Each stop carries its profile: the figure needs nobody behind it."""
    stops = [
        stop(
            int(flow.steps[record]),
            profile.changes(),
            {
                "annotations": [profile.words(flow, colours)],
                "shapes": [profile.cursor(colours)],
            },
            list(range(Profile.TRACES)),
        )
        for record, profile in profiles.items()
    ]
    active = list(profiles).index(chosen)
    return step_slider(stops, active, colours, prefix="profile at step ", room=44)


PANEL = Panel(
    name="gradient_flow",
    chapter="layers",
    title="Gradient flow",
    question="Does the gradient reach the first layer?",
    analyse=gradient_flow,
    draw=draw,
    caption=caption,
)
