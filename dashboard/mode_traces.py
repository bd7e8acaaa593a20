"""Kernel modes as plotly traces: curves measured over predicted, eigenvalues, shares and times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import short
from dashboard.theme import Palette
from dashboard.wording import eigenvalue_name, number
from diagnostics.kernel_modes import KernelModes

Floats = NDArray[np.float64]
Trace = dict[str, Any]

FEW = 6  # modes that are all named
EARLIEST = 0.5  # where a logarithm puts what was there at the start
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross")
BEYOND = (-0.35, 1.45)  # how far outside of none and all a curve is followed


def mode_colours(colours: Palette) -> tuple[str, ...]:
    """One for each leading mode, as well told apart by its symbol."""
    return (
        *(colours.accent, colours.chosen, colours.good),
        *(colours.nonfinite, colours.warning, colours.fit),
    )


def taken(found: KernelModes, steps: Floats | NDArray[np.int64]) -> Floats:
    """Steps since the kernel was taken, for an axis that is logarithmic."""
    since: Floats = np.maximum(np.asarray(steps, np.float64) - found.steps[0], EARLIEST)
    return since


def step_ticks(found: KernelModes) -> dict[str, Any]:
    """None taken yet, then the powers of ten."""
    last = int(found.steps[-1] - found.steps[0])
    decades = [10**power for power in range(len(str(max(last, 1))))]
    return {"tickvals": [EARLIEST, *decades], "ticktext": ["0", *map(short, decades)]}


def rank_ticks(found: KernelModes) -> dict[str, Any]:
    """The first, the second, the fifth, and so on by tens; of few, all."""
    if found.resolved <= FEW:
        return {"tickvals": list(range(1, found.resolved + 1))}
    ranks = [m * 10**power for power in range(4) for m in (1, 2, 5)]
    return {"tickvals": [rank for rank in ranks if rank <= found.resolved]}


def curve_traces(found: KernelModes, colours: Palette) -> list[Trace]:
    """The share learnt of each leading mode: points as measured, lines as predicted."""
    traces = []
    for place, mode in enumerate(found.times.leading):
        colour = mode_colours(colours)[place]
        name = f"{eigenvalue_name(int(mode) + 1)} ({found.share[mode]:.0%})"
        shared = {"type": "scatter", "legendgroup": str(mode), "name": name}
        if not found.unpredicted:
            traces.append(shared | _predicted(found, place, colour))
        traces.append(shared | _measured(found, place, colour))
    return traces


def _predicted(found: KernelModes, place: int, colour: str) -> Trace:
    return {
        "mode": "lines",
        "x": taken(found, found.times.steps),
        "y": _followed(found.times.expected[:, place]),
        "customdata": found.times.steps,
        "line": {"color": colour, "width": 1.5},
        "showlegend": False,
        "hovertemplate": "step %{customdata:,d}<br>predicted %{y:.1%}<extra></extra>",
    }


def _measured(found: KernelModes, place: int, colour: str) -> Trace:
    shown = _thinned(found)
    return {
        "mode": "markers",
        "x": taken(found, found.steps[shown]),
        "y": _followed(found.learnt[shown, found.times.leading[place]]),
        "customdata": found.steps[shown],
        "marker": {"color": colour, "symbol": SYMBOLS[place], "size": 6},
        "hovertemplate": "step %{customdata:,d}<br>measured %{y:.1%}<extra></extra>",
    }


def _followed(share: Floats) -> Floats:
    """What runs away is left out where it leaves the picture."""
    return np.where((share >= BEYOND[0]) & (share <= BEYOND[1]), share, np.nan)


def _thinned(found: KernelModes, most: int = 60) -> NDArray[np.int64]:
    """So many points as can be told apart, evenly on a log scale."""
    places = np.log(taken(found, found.steps))
    wanted = np.linspace(places[0], places[-1], most)
    return np.unique(np.abs(places[:, None] - wanted).argmin(0))


def spectrum_traces(found: KernelModes, colours: Palette) -> list[Trace]:
    """Eigenvalues by their rank; below them what of the residual is along each."""
    ranks = np.arange(1, found.resolved + 1)
    leading, values = found.times.leading, found.eigenvalues[: found.resolved]
    shared = {"type": "scatter", "mode": "markers", "showlegend": False}
    told = "mode %{x}<br>eigenvalue %{y:.4g}<extra></extra>"
    all_of = {"x": ranks, "y": values, "marker": {"size": 4, "color": colours.dimmed}}
    marks = {"x": leading + 1, "y": found.eigenvalues[leading], "marker": _marks(found, colours)}
    bars = {
        "type": "bar",
        "x": ranks,
        "y": found.share[: found.resolved],
        "width": np.minimum(0.12 * ranks, 0.9),  # as wide as one another on a logarithm
        "marker": {"color": _bar_colours(found, colours), "line": {"width": 0}},
        "showlegend": False,
        "hovertemplate": "mode %{x}<br>%{y:.2%} of the residual<extra></extra>",
    }
    return [
        shared | all_of | {"hovertemplate": told},
        shared | marks | {"hovertemplate": told},
        bars,
    ]


def _bar_colours(found: KernelModes, colours: Palette) -> list[str]:
    known = dict(zip(found.times.leading.tolist(), mode_colours(colours), strict=False))
    return [known.get(mode, colours.dimmed) for mode in range(found.resolved)]


def _marks(found: KernelModes, colours: Palette) -> Trace:
    many = len(found.times.leading)
    return {"size": 8, "color": mode_colours(colours)[:many], "symbol": SYMBOLS[:many]}


def time_traces(found: KernelModes, colours: Palette) -> list[Trace]:
    """A half learnt, measured over predicted: on the diagonal where the kernel says it all."""
    both = np.isfinite(found.times.measured.between) & np.isfinite(found.times.predicted.between)
    others = np.setdiff1d(np.flatnonzero(both[: found.resolved]), found.times.leading)
    many = [n for n, mode in enumerate(found.times.leading) if both[mode]]
    marks = {
        "size": 9,
        "color": [mode_colours(colours)[n] for n in many],
        "symbol": [SYMBOLS[n] for n in many],
    }
    traces = [
        _times(found, others, {"size": 4, "color": colours.dimmed}),
        _times(found, found.times.leading[many], marks) | _bars(found, many, colours),
    ]
    return [*_diagonal(found, both, colours), *traces]


def _times(found: KernelModes, modes: NDArray[np.int64], marker: Trace) -> Trace:
    measured, predicted = found.times.measured.between, found.times.predicted.between
    return {
        "type": "scatter",
        "mode": "markers",
        "x": taken(found, predicted[modes]),
        "y": taken(found, measured[modes]),
        "text": [eigenvalue_name(int(mode) + 1) for mode in modes],
        "customdata": np.stack([predicted[modes], measured[modes]], 1),
        "marker": marker,
        "showlegend": False,
        "hovertemplate": (
            "%{text}: half learnt<br>predicted by step %{customdata[0]:,.1f}<br>"
            "measured by step %{customdata[1]:,.1f}<extra></extra>"
        ),
    }


def _bars(found: KernelModes, many: list[int], colours: Palette) -> Trace:
    """From the last record below a half to the first above it."""
    modes, half = found.times.leading[many], found.times.measured
    middle = taken(found, half.between[modes])
    up = taken(found, half.step[modes]) - middle
    down = middle - taken(found, half.before[modes])
    bars = {"array": up, "arrayminus": down, "symmetric": False}
    return {"error_y": bars | {"color": colours.dimmed, "thickness": 1, "width": 2}}


def _diagonal(found: KernelModes, both: NDArray[np.bool_], colours: Palette) -> list[Trace]:
    low, high = time_range(found, both)
    line = {"color": colours.fit, "width": 1, "dash": "dash"}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [low, high],
            "y": [low, high],
            "line": line,
            "showlegend": False,
            "hoverinfo": "skip",
        }
    ]


def time_range(found: KernelModes, both: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Around all times that are drawn, the same both ways."""
    measured, predicted = found.times.measured.between, found.times.predicted.between
    both = np.isfinite(measured) & np.isfinite(predicted) if both is None else both
    both[found.resolved :] = False
    all_of = taken(found, np.concatenate([measured[both], predicted[both]]))
    if not all_of.size:
        return EARLIEST, float(taken(found, found.steps[-1:])[0])
    return float(all_of.min()) / 1.5, float(all_of.max()) * 1.5


def late(found: KernelModes) -> str:
    """How many modes one side or the other had not half learnt by the last step."""
    resolved = slice(found.resolved)
    measured = np.isinf(found.times.measured.step[resolved])
    predicted = np.isinf(found.times.predicted.step[resolved])
    if not (measured | predicted).any():
        return ""
    said = f"By the last step {number(float(measured.sum()))} of {found.resolved} modes"
    told = "" if found.unpredicted else f" (predicted: {number(float(predicted.sum()))})"
    return f"{said} were not half learnt{told}."
