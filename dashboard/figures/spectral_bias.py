"""How much of each frequency is learnt at each step, and how the time to learn goes with it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import conditions
from dashboard.binning import Bins, StepAxis, equal_bins
from dashboard.canvas import Canvas
from dashboard.learning_times import (
    VERDICTS,
    Level,
    levels,
    predicted_traces,
    spearman_words,
    time_axes,
    time_traces,
    verdict_words,
)
from dashboard.loss_scale import COLOURS, LossScale, compact, loss_scale
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored, recorded_outputs
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.spectral_bias import SpectralBias

Floats = NDArray[np.float64]
Trace = dict[str, Any]
View = Literal["part learnt", "error", "magnitude"]

VIEWS: tuple[View, ...] = ("part learnt", "error", "magnitude")
MOST_BINS = 320
MOST_LABELS = 24
SMALLEST = 1e-3  # error that still has a colour of its own
WIDTH, GAP = 0.56, 0.12  # of the heat map, and to what is beside it
SIDE = {"xaxis": "x2", "yaxis": "y2"}


def draw(bias: SpectralBias, *, scheme: Scheme = "light", view: View = "part learnt") -> Figure:
    """Frequencies by steps on the left, times by frequency on the right."""
    if view not in VIEWS:
        raise ValueError(f"no view '{view}' of a spectral bias (there are: {', '.join(VIEWS)})")
    colours, scale = palette(scheme), _scale(bias, view)
    marks = [_on_the_map(bias, level, colours) for level in levels(bias, colours)]
    beside = [trace | SIDE for trace in time_traces(bias, colours)]
    heat = _heat(bias, view, scale, colours)
    figure = Canvas(data=[*heat, *_forecasts(bias, colours), *marks, *beside])
    figure.update_layout(_layout(bias, view, scale, scheme))
    return figure


def choices(_: SpectralBias) -> dict[str, tuple[str, ...]]:
    """Of the measures the part learnt alone knows phase and sign."""
    return {"view": VIEWS}


def _axis(bias: SpectralBias) -> StepAxis:
    """Logarithmic always: a factor in frequency is a factor in time."""
    return StepAxis(log=True, shift=int(bias.steps[0] <= 0))


def _bins(bias: SpectralBias) -> Bins:
    return equal_bins(_axis(bias).place(bias.steps), MOST_BINS)


def _scale(bias: SpectralBias, view: View) -> LossScale:
    """From nothing to all; of an error in decades, as what is left shrinks by factors."""
    if view != "error":
        return LossScale(False, 0.0, 1.0)
    known = bias.error[np.isfinite(bias.error) & (bias.error > 0)]
    return loss_scale("log", known.clip(SMALLEST, 1.0), np.ones(1))


def _heat(bias: SpectralBias, view: View, scale: LossScale, colours: Palette) -> list[Trace]:
    """A cell shows the last of the records that it covers."""
    bins = _bins(bias)
    last = np.array([stop - 1 for _, stop in bins.members])
    table = {"part learnt": bias.ratio, "error": bias.error, "magnitude": bias.magnitude}[view]
    cells = table[last].T  # [k, bin]
    rows = np.broadcast_to(bias.frequencies[:, None], cells.shape)
    steps = np.broadcast_to(bias.steps[last], cells.shape)
    shown = scale.place(cells.clip(SMALLEST, None) if view == "error" else cells)
    shared = {
        "type": "heatmap",
        "x0": bins.start,
        "dx": bins.width,
        "hoverongaps": False,
        "customdata": compact(np.stack([rows, cells, steps], -1)),
    }
    told = "k = %{customdata[0]:.5~g}<br>step %{customdata[2]:,d}<br>"
    value = f"{told}{view} %{{customdata[1]:.3g}}<extra></extra>"
    traces = [shared | {"z": shown, "coloraxis": "coloraxis", "hovertemplate": value}]
    absent = np.broadcast_to(~bias.told[:, None], cells.shape)
    broken = ~absent & ~np.isfinite(cells)
    words = "the target has too little of it"
    for where, colour, why in (
        (absent, colours.missing, words),
        (broken, colours.nonfinite, "NaN or infinity"),
    ):
        if where.any():
            traces.append(shared | _signal(where, colour, f"{told}{why}<extra></extra>"))
    return traces


def _signal(where: NDArray[np.bool_], colour: str, told: str) -> Trace:
    """Cells that have no place on the colour scale."""
    return {
        "z": np.where(where, np.float32(1), np.float32(np.nan)),
        "colorscale": [[0, colour], [1, colour]],
        "showscale": False,
        "hovertemplate": told,
    }


def _on_the_map(bias: SpectralBias, level: Level, colours: Palette) -> Trace:
    """Where each frequency's row got to a level."""
    marker = level.marker | {"line": {"color": colours.card, "width": 1.5}}
    there = level.there
    places = np.log10(level.found.between[there] + _axis(bias).shift)
    return level.trace | {"x": places, "y": np.flatnonzero(there), "marker": marker}


def _forecasts(bias: SpectralBias, colours: Palette) -> list[Trace]:
    """Where the kernel predicts that each row gets to a level; the same beside, over frequency."""
    traces = []
    for trace in predicted_traces(bias, colours):
        order = np.argsort(bias.frequencies)
        rows = order[np.searchsorted(bias.frequencies, trace["x"], sorter=order)]
        places = np.log10(np.asarray(trace["y"]) + _axis(bias).shift)
        traces += [trace | {"x": places, "y": rows}, trace | SIDE | {"showlegend": False}]
    return traces


def _layout(bias: SpectralBias, view: View, scale: LossScale, scheme: Scheme) -> dict[str, Any]:
    colours, (along, rows) = palette(scheme), _heat_axes(bias)
    across, up = time_axes(bias)
    room = int(np.clip(22 * len(bias.frequencies), 260, 560))
    bar = scale.bar(_BAR[view], len=0.34)
    return {
        "template": template(scheme),
        "uirevision": safe(bias.run),
        "height": room + 150,
        "margin": {"l": 12, "r": 12, "t": 76, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": -50 / room, "yanchor": "top"},
        "coloraxis": bar | {"colorscale": COLOURS, "reversescale": view == "error"},
        "xaxis": along | {"domain": [0, WIDTH]},
        "yaxis": rows | {"domain": [0, 1]},
        "xaxis2": across | {"domain": [WIDTH + GAP, 1], "anchor": "y2"},
        "yaxis2": up | {"domain": [0, 1], "anchor": "x2"},
        "annotations": [verdict_words(bias, colours)],
        "meta": {"narrow": _NARROW},
    }


_BAR = {"part learnt": "part learnt", "error": "relative error", "magnitude": "relative magnitude"}
_NARROW: dict[str, Any] = {
    "height": 780,
    "legend": {"y": -0.08},
    "coloraxis": {"colorbar": {"len": 1}},
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.54, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0, 0.3]},
}


def _heat_axes(bias: SpectralBias) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows are as high as one another, however far apart their frequencies are."""
    bins, axis, rows = _bins(bias), _axis(bias), len(bias.frequencies)
    ends = [bins.start - bins.width / 2, bins.start + bins.width * (len(bins.members) - 0.5)]
    places, labels = axis.ticks(int(bias.steps[-1]))
    step = {"range": ends, "showgrid": False, "tickvals": places, "ticktext": labels}
    stride = max(1, -(-rows // MOST_LABELS))
    row = {
        "range": [-0.5, rows - 0.5],
        "showgrid": False,
        "tickvals": list(range(0, rows, stride)),
        "ticktext": [f"{k:g}" for k in bias.frequencies[::stride]],
        "ticks": "",
    }
    k = {"title": {"text": "frequency k", "standoff": 8}}
    return step | {"title": {"text": "step", "standoff": 24}}, row | k


def caption(bias: SpectralBias) -> str:
    """The verdict with its reason, how it is known, and what a grid cannot tell."""
    parts = [
        f"{VERDICTS[bias.verdict]}: {bias.why}.",
        f"Function {bias.source}, at {count(len(bias.steps), 'step')}, along {bias.axis};",
        f"{bias.how}.",
        "Both axes of time are logarithmic; bars reach from one record to the next.",
    ]
    if not bias.told.all():
        parts.append("Grey: the target has too little of that frequency to be told from noise.")
    if not np.isfinite(bias.ratio[:, bias.told]).all():
        parts.append("Magenta: the predictions held NaN or infinity.")
    if (bias.ratio[:, bias.told] > 1.05).any():
        parts.append("A part above 1 is more than the target has.")
    parts += [*_forecast(bias), *_aliases(bias)]
    return " ".join([*parts, *([conditions(bias.about)] if bias.about else [])])


def _forecast(bias: SpectralBias) -> list[str]:
    """How far the kernel's prediction holds, or why it is not drawn."""
    found = bias.predicted
    if found is None:
        return []
    if found.refused:
        return [f"What the kernel predicts is not drawn: {found.refused}."]
    held = "to the end" if found.departs < 0 else f"until step {found.departs:,}"
    whose = f"Dashed: predicted for this run's descent by its kernel at step {found.since:,}"
    return [f"{whose}, which {held} is off by less than a tenth of what was to be learnt."]


def _aliases(bias: SpectralBias) -> list[str]:
    if not np.isfinite(bias.alias).any():
        return []
    half = float(np.nanmax(bias.alias + bias.frequencies)) / 2
    return [f"On this grid what is faster than k = {half:g} looks like something slower."]


def numbers(bias: SpectralBias) -> tuple[Named, ...]:
    """The order, and the half's time of every frequency with the gap between its two records."""
    order = bias.order
    chance = "of an order as clear by chance" + (", counted" if order.counted else ", drawn")
    growth = "of k that times grow with, ± standard error; 2 is a wide ReLU network's on a circle"
    return (
        Named("order", spearman_words(order), "rank correlation of frequency and time"),
        Named("probability", order.chance, chance),
        Named("exponent", order.exponent, growth, order.exponent_error),
        Named("up and down", float(bias.variation[-1]), _variation(bias)),
        *(_of(bias, at) for at in range(len(bias.frequencies))),
    )


def _variation(bias: SpectralBias) -> str:
    told = "how far the function goes up and down in all at the last step; 4k for one wave of k"
    known = np.isfinite(bias.target_variation)
    return f"{told}; the target {number(bias.target_variation)}" if known else told


def _of(bias: SpectralBias, at: int) -> Named:
    half, most = bias.reached
    step, before = half.between[at], half.before[at]
    error = np.nan if np.isnan(before) else (half.step[at] - before) / 2
    told = f"step at which a half is learnt; amplitude {number(bias.amplitude[at])}"
    if np.isfinite(most.between[at]):
        told += f", nine tenths at step {number(most.between[at])}"
    if half.lost[at] > 0:
        told += f", lost again in {half.lost[at]:.0%} of the later records"
    value = "not by the last step" if np.isinf(half.step[at]) else float(step)
    return Named(f"k = {bias.frequencies[at]:g}", value, told, float(error))


def _label(bias: SpectralBias) -> str:
    return f"k = {', '.join(f'{k:g}' for k in bias.frequencies)}; {bias.source}"


STORED = Stored(
    SpectralBias,
    "spectral-bias",
    _label,
    recorded_outputs("spectral-bias --target MODULE:FUNCTION"),
)
PANEL = StoredPanel(
    name="spectral_bias",
    chapter="spectral",
    title="Spectral bias",
    question="Which frequencies of its target did the network learn first?",
    analyse=STORED.newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
