"""Losses, parts learnt and noise fitted around the best step, as plotly traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import StepAxis
from dashboard.theme import Palette, safe
from diagnostics.early_stopping import Curve, EarlyStopping

Trace = dict[str, Any]

MOST_POINTS = 600  # of a curve: no page is wider


def has_noise(stopping: EarlyStopping) -> bool:
    """Is it known what the target is without its noise, and is there any?"""
    return bool(np.isfinite(stopping.noise).any())


def axis_of(stopping: EarlyStopping) -> StepAxis:
    known = [curve for curve in (stopping.training, stopping.validation) if curve]
    first = min(int(steps[0]) for steps in (stopping.steps, *(curve.steps for curve in known)))
    return StepAxis(log=True, shift=int(first <= 0))


def curves_of(stopping: EarlyStopping) -> list[Curve]:
    """The losses that are known; of none, the distance to the clean target."""
    found = [curve for curve in (stopping.training, stopping.validation) if curve]
    distance = Curve("distance to the clean target", stopping.steps, stopping.clean_error)
    return found if stopping.validation else [*found, distance]


def loss_traces(stopping: EarlyStopping, colours: Palette) -> list[Trace]:
    """What training saw is quieter than what it did not, which is marked where it is least."""
    traces, axis = [], axis_of(stopping)
    for curve in curves_of(stopping):
        seen, shown = curve is stopping.training, _shown(axis, curve)
        values = curve.values[shown]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": axis.place(curve.steps[shown]),
                "y": np.where(np.isfinite(values), values, np.nan),
                "customdata": curve.steps[shown],
                "name": safe(curve.name),
                "line": {"color": colours.dimmed if seen else colours.accent, "width": 2},
                "hovertemplate": "step %{customdata:,d}<br>%{y:.4g}<extra></extra>",
            }
        )
    return [*traces, _least(stopping, colours)]


def _shown(axis: StepAxis, curve: Curve) -> NDArray[np.int64]:
    """Of very many points those that can be told apart, the least among them."""
    places = axis.place(curve.steps)
    wanted = np.linspace(places[0], places[-1], MOST_POINTS)
    some = np.searchsorted(places, wanted).clip(max=len(places) - 1)
    return np.unique(np.append(some, _least_at(curve)))


def _least_at(curve: Curve) -> int:
    return int(np.where(np.isfinite(curve.values), curve.values, np.inf).argmin())


def _least(stopping: EarlyStopping, colours: Palette) -> Trace:
    curve = curves_of(stopping)[-1]
    at = _least_at(curve)
    marker = {"color": colours.chosen, "size": 11, "symbol": "circle"}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": axis_of(stopping).place(curve.steps[[at]]),
        "y": curve.values[[at]],
        "customdata": curve.steps[[at]],
        "name": "best step",
        "legendgroup": "best",
        "marker": marker | {"line": {"color": colours.card, "width": 1.5}},
        "hovertemplate": "best at step %{customdata:,d}<br>%{y:.4g}<extra></extra>",
    }


def part_traces(stopping: EarlyStopping, colours: Palette) -> list[Trace]:
    """A line from what the best step keeps of each mode to what the last one has of it."""
    places, beside = stopping.frequencies, {"xaxis": "x2", "yaxis": "y2"}
    ends = np.stack([stopping.kept, stopping.kept_last, np.full(len(places), np.nan)], 1)
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": np.repeat(places, 3),
        "y": ends.ravel(),
        "line": {"color": colours.missing, "width": 2},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    best = {"color": colours.chosen, "symbol": "circle", "size": 9}
    last = {"color": colours.dimmed, "symbol": "diamond", "size": 8}
    marks = [
        ("last step", stopping.kept_last, last),
        ("best step", stopping.kept, best),
    ]
    told = f"{stopping.modes} %{{x:~g}}<br>%{{y:.1%}} learnt "
    return [
        line | beside,
        *(
            {
                "type": "scatter",
                "mode": "markers",
                "x": places,
                "y": values,
                "name": name,
                "marker": marker,
                "legendgroup": name.split()[0],
                "showlegend": marker is last,  # the best is in the legend once
                "hovertemplate": f"{told}at the {name}<extra></extra>",
                **beside,
            }
            for name, values, marker in marks
        ),
    ]


def share_traces(stopping: EarlyStopping, colours: Palette) -> list[Trace]:
    """How much of the signal and how much of the noise is in the predictions, at each step."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": axis_of(stopping).place(stopping.steps),
            "y": np.where(np.isfinite(values), values, np.nan),
            "customdata": stopping.steps,
            "name": f"{name} fitted",
            "line": {"color": colour, "width": 2, "dash": dash},
            "hovertemplate": f"step %{{customdata:,d}}<br>%{{y:.1%}} of the {name}<extra></extra>",
            "xaxis": "x3",
            "yaxis": "y3",
        }
        for name, values, colour, dash in (
            ("signal", stopping.signal, colours.good, "solid"),
            ("noise", stopping.noise, colours.nonfinite, "dash"),
        )
    ]
