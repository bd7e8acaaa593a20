"""Values with the draws around them: along the line of their inputs, or by their size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.dropout.ladder import rungs
from dashboard.theme import Palette
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.uncertainty import KEPT, members

Floats = NDArray[np.float64]
Trace = dict[str, Any]

WIDTH = 2  # standard deviations, to either side
MOST = 500  # examples in a picture: none is wider
CURVE = 101  # places of a draw: there are many, and each stop of a slider has its own
AROUND = np.array([-0.5, 0.5])  # a single example, so that it has a width
SPREAD = "dropout-ensemble spread"


@dataclass(frozen=True)
class Band:
    """One output at its places, in their order."""

    title: str  # of the axis that the places are on
    order: NDArray[np.int64]  # [place]  the example there
    x: Floats  # [place]
    mean: Floats  # [place]
    plain: Floats | None  # [place]
    spread: Floats  # [place]  standard deviation over the draws
    total: Floats | None  # [place]  with the noise's; None: the noise is not known
    draws: Floats  # [draw, place]  functions; none where each example has masks of its own
    shown: int  # of these
    known: Floats  # [point]  where targets are known
    targets: Floats  # [point]


def outputs_of(placed: PlacedDropout) -> int:
    """How many numbers are predicted of an example."""
    mean = placed.ensemble.uncertainty.mean.value
    return int(mean[0].size)


def band_of(placed: PlacedDropout, output: int = 0, like: Band | None = None) -> Band:
    """Along the line where there is one; else the examples in the order of their means.

    Like another: in that one's order, and beside its functions.
    """
    found, line = placed.ensemble.uncertainty, placed.line
    mean = _column(found.mean.value, output)
    some = _few(len(mean))
    order = np.argsort(mean if line is None else line.places, kind="stable")[some]
    order = like.order if like else order
    functions = _functions(placed, order, output)
    places: Floats = (some + 1).astype(np.float64) if line is None else line.places[order]
    known, targets = _targets(placed, places, order, output)
    plain = placed.ensemble.plain
    return Band(
        title="examples, by the mean of their draws" if line is None else "input",
        order=order,
        x=places,
        mean=mean[order],
        plain=_column(plain, output)[order] if plain.shape == found.mean.value.shape else None,
        spread=np.sqrt(_column(found.epistemic.value, output))[order],
        total=np.sqrt(_column(found.total.value, output))[order] if found.total else None,
        draws=like.draws if like else functions,
        shown=len(functions),
        known=known,
        targets=targets,
    )


def _column(values: NDArray[Any], output: int) -> Floats:
    return np.asarray(values, np.float64).reshape(len(values), -1)[:, output]


def _few(count: int, most: int = MOST) -> NDArray[np.int64]:
    """Evenly among them, if they are too many to be seen."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


def _functions(placed: PlacedDropout, order: NDArray[np.int64], output: int) -> Floats:
    """Only under masks that all examples share is a draw one function."""
    found = placed.ensemble
    if placed.line is None or found.plan.masks != "shared":
        return np.empty((0, len(order)))
    each = members(found.kept[:KEPT], found.uncertainty.reading)
    return each.reshape(*each.shape[:2], -1)[:, order, output]


def _targets(
    placed: PlacedDropout, places: Floats, order: NDArray[np.int64], output: int
) -> tuple[Floats, Floats]:
    if placed.line is not None:
        x, y = placed.line.known, placed.line.targets
        some = _few(len(x))
        return (x[some], y[some, output]) if output < y.shape[1] else (x[:0], x[:0])
    given, shape = placed.ensemble.targets, placed.ensemble.uncertainty.mean.value.shape
    if given is None or given.size != np.prod(shape):
        return np.empty(0), np.empty(0)
    return places, _column(given.reshape(shape), output)[order]


def band_traces(band: Band, colours: Palette, whose: str) -> list[Trace]:
    """From the widest to the narrowest, lines above areas."""
    band, traces = _seen(band), []
    if band.total is not None:
        name = f"± {WIDTH} sd, total with noise"
        traces.append(_area(band, band.total, name, colours.band, 1.0))
    name = f"± {WIDTH} sd, {SPREAD}"
    traces.append(_area(band, band.spread, name, colours.accent, 0.28))
    if len(band.draws):
        traces += _drawn(band, colours)
    traces.append(_line(band.x, band.mean, "mean of the draws", colours.accent, "solid"))
    if band.plain is not None:
        traces.append(_line(band.x, band.plain, "dropout off", colours.fit, "dot"))
    if np.isfinite(band.targets).any():
        traces.append(_points(band, colours, whose))
    return traces


def _seen(band: Band) -> Band:
    """A single place has no width, and without one neither lines nor areas are seen."""
    if len(band.x) != 1:
        return band
    lines = {"x": band.x + AROUND, "mean": np.tile(band.mean, 2)}
    lines |= {"spread": np.tile(band.spread, 2), "draws": np.tile(band.draws, (1, 2))}
    plain = None if band.plain is None else np.tile(band.plain, 2)
    total = None if band.total is None else np.tile(band.total, 2)
    return replace(band, **lines, plain=plain, total=total)


def _area(band: Band, sd: Floats, name: str, colour: str, opacity: float) -> Trace:
    known = np.isfinite(band.mean) & np.isfinite(sd)
    x, upper, lower = band.x[known], *(band.mean[known] + s * WIDTH * sd[known] for s in (1, -1))
    return {
        "type": "scatter",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([upper, lower[::-1]]),
        "mode": "lines",
        "line": {"width": 0, "color": colour},
        "fill": "toself",
        "fillcolor": colour,
        "opacity": opacity,
        "hoverinfo": "skip",
        "name": name,
    }


def _drawn(band: Band, colours: Palette) -> list[Trace]:
    """In groups, of which fewer draws leave some empty; each one trace, with gaps between."""
    count, start, groups = len(band.draws), 0, []
    for end in rungs(count):
        group = _functions_trace(band, slice(start, end), colours)
        group |= {"name": f"{count} draws", "legendgroup": "draws", "showlegend": not start}
        if end > band.shown and start:
            group["y"] = group["y"][:0]
        groups.append(group)
        start = end
    return groups


def _functions_trace(band: Band, some: slice, colours: Palette) -> Trace:
    places = _few(len(band.x), CURVE)
    draws = band.draws[some][:, places]
    gaps = np.full((len(draws), 1), np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([np.tile(band.x[places], (len(draws), 1)), gaps], axis=1).ravel(),
        "y": np.concatenate([_finite(draws), gaps], axis=1).ravel().astype(np.float32),
        "line": {"width": 1, "color": colours.dimmed},
        "opacity": 0.35,
        "hoverinfo": "skip",
    }


def _line(x: Floats, y: Floats, name: str, colour: str, dash: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": _finite(y),
        "line": {"width": 2, "color": colour, "dash": dash},
        "name": name,
        "hovertemplate": "%{y:.4g}",
    }


def _points(band: Band, colours: Palette, whose: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": band.known,
        "y": _finite(band.targets),
        "marker": {"size": 6 if len(band.known) <= 100 else 3, "color": colours.chosen},
        "name": whose,
        "hovertemplate": "%{y:.4g}",
    }


def _finite(values: Floats) -> Floats:
    """Infinity has no place in JSON."""
    return np.where(np.isfinite(values), values, np.nan)
