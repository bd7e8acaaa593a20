"""What is learnt of each mode of the tangent kernel: measured, and as the kernel predicts it."""

from __future__ import annotations

from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from dashboard.about import conditions
from dashboard.canvas import Canvas
from dashboard.loss_scale import log_axis
from dashboard.mode_traces import (
    curve_traces,
    late,
    rank_ticks,
    spectrum_traces,
    step_ticks,
    time_range,
    time_traces,
)
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, eigenvalue_name, number
from diagnostics.kernel_modes import KernelModes

Trace = dict[str, Any]

SIDE = {"xaxis": "x2", "yaxis": "y2"}
SHARES = {"xaxis": "x2", "yaxis": "y3"}
TIMES = {"xaxis": "x4", "yaxis": "y4"}


def draw(found: KernelModes, *, scheme: Scheme = "light") -> Figure:
    """Curves above; below them the spectrum with its shares, and the times against each other."""
    colours = palette(scheme)
    values, marks, shares = spectrum_traces(found, colours)
    traces = [*curve_traces(found, colours), values | SIDE, marks | SIDE, shares | SHARES]
    if not found.unpredicted:
        traces += [trace | TIMES for trace in time_traces(found, colours)]
    figure = Canvas(data=traces)
    figure.update_layout(_layout(found, scheme))
    return figure


def _layout(found: KernelModes, scheme: Scheme) -> dict[str, Any]:
    colours, alone = palette(scheme), bool(found.unpredicted)
    layout: dict[str, Any] = {
        "template": template(scheme),
        "uirevision": safe(found.about.run),
        "height": 720,
        "margin": {"l": 12, "r": 12, "t": 56, "b": 12},
        "hovermode": "closest",
        "bargap": 0.15,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        **_curve_axes(found),
        **_spectrum_axes(found, [0, 1 if alone else 0.44]),
        "meta": {"narrow": _NARROW_ALONE if alone else _NARROW},
    }
    told = [_told("Eigenvalues and shares of the residual", "2", colours)]
    if alone:
        return layout | {"annotations": told}
    told.append(_told("Half learnt: measured against predicted", "4", colours))
    return layout | _time_axes(found) | {"annotations": told}


_NARROW: dict[str, Any] = {
    "height": 1100,
    "margin": {"t": 90},
    "yaxis": {"domain": [0.73, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.48, 0.62]},
    "yaxis3": {"domain": [0.37, 0.46]},
    "xaxis4": {"domain": [0, 1]},
    "yaxis4": {"domain": [0, 0.26]},
}


_NARROW_ALONE: dict[str, Any] = {
    "height": 800,
    "margin": {"t": 90},
    "yaxis": {"domain": [0.62, 1]},
    "yaxis2": {"domain": [0.19, 0.46]},
    "yaxis3": {"domain": [0, 0.15]},
}


def _curve_axes(found: KernelModes) -> dict[str, Any]:
    since = f"steps after step {found.steps[0]:,}"
    across = {"type": "log", "showgrid": False, **step_ticks(found)}
    return {
        "xaxis": across | {"title": {"text": since, "standoff": 10}},
        "yaxis": {
            "domain": [0.54, 1],
            "tickformat": ".0%",
            "title": {"text": "part learnt", "standoff": 8},
        },
    }


def _spectrum_axes(found: KernelModes, width: list[float]) -> dict[str, Any]:
    values = found.eigenvalues[: found.resolved]
    rank = {"title": {"text": "mode, the fastest first", "standoff": 10}, "showgrid": False}
    return {
        "xaxis2": rank | {"domain": width, "anchor": "y3", "type": "log"} | rank_ticks(found),
        "yaxis2": log_axis(values, log=True)
        | {"domain": [0.19, 0.4], "anchor": "x2", "title": {"text": "eigenvalue", "standoff": 8}},
        "yaxis3": {
            "domain": [0, 0.15],
            "anchor": "x2",
            "tickformat": ".0%",
            "rangemode": "tozero",
            "nticks": 3,
            "title": {"text": "share", "standoff": 8},
        },
    }


def _time_axes(found: KernelModes) -> dict[str, Any]:
    ends = [float(np.log10(end)) for end in time_range(found)]
    axis = {"type": "log", "range": ends, "tickformat": "~s", "dtick": 1}
    return {
        "xaxis4": axis
        | {"domain": [0.56, 1], "anchor": "y4", "title": {"text": "predicted", "standoff": 10}},
        "yaxis4": axis
        | {"domain": [0, 0.4], "anchor": "x4", "title": {"text": "measured", "standoff": 8}},
    }


def _told(text: str, axis: str, colours: Palette) -> dict[str, Any]:
    """Above a picture, at its left end."""
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1}
    corner = {"xanchor": "left", "yanchor": "bottom", "yshift": 4, "showarrow": False}
    return {"text": text, **place, **corner, "font": {"size": 12, "color": colours.ink}}


def caption(found: KernelModes) -> str:
    """Of what it is predicted, how far that holds, and why not."""
    seen = (
        f"The kernel J Jᵀ at step {found.steps[0]:,}, a row for {found.rows}; its "
        f"{found.resolved} modes above rounding. Points: the part learnt of each mode of the first "
        f"residual, at {count(len(found.steps), 'step')}; in brackets, its share of that residual."
    )
    parts = [seen, _prediction(found), late(found), _change(found), conditions(found.about)]
    return " ".join(part for part in parts if part)


def _prediction(found: KernelModes) -> str:
    if found.unpredicted:
        return f"There is no prediction: {found.unpredicted}."
    low, high = found.rates
    rate = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    how = f", momentum {found.momentum:g}" if found.momentum else ""
    if found.instead_of:
        whose = (
            f"for gradient descent at the same rate ({rate}), and the run had "
            f"{found.instead_of}: it is no forecast of this run"
        )
    else:
        whose = (
            f"for this run's descent (rate {rate}{how}); it is exact for a model linear in its "
            "weights that is trained on just these examples at once"
        )
    return f"Lines: the prediction {whose}. {_missed(found)}"


def _missed(found: KernelModes) -> str:
    if found.departs < 0:
        known = np.isfinite(found.error[-1])
        return f"It holds: {found.missed}." if known else f"Of it nothing is told: {found.missed}."
    return f"It is off by more than a tenth from step {found.departs:,} on; {found.missed}."


def _change(found: KernelModes) -> str:
    if np.isnan(found.drift):
        return "At the first or the last step no prediction depends on a weight: the kernel is 0."
    return f"By the last step the kernel has changed by {found.drift:.0%} of its size."


def numbers(found: KernelModes) -> tuple[Named, ...]:
    """How far from linear the network was, and each leading mode's times."""
    off = "of the first residual that the prediction is off by at the last step"
    whole = (
        Named("prediction's error", float(found.error[-1]), off),
        Named("drift", found.drift, "of the kernel, in its own size: 0 is a linear network's"),
        Named("alignment", found.alignment, "of both kernels: 1 if only their size has changed"),
        Named("limit", found.limit, "learning rate from which on the fastest mode diverges"),
    )
    return (*whole, *(_of(found, int(mode)) for mode in found.times.leading))


def _of(found: KernelModes, mode: int) -> Named:
    half, expected = (each.between[mode] for each in (found.times.measured, found.times.predicted))
    told = (
        f"step at which a half is learnt; eigenvalue {number(found.eigenvalues[mode])}, "
        f"{found.share[mode]:.1%} of the residual"
    )
    if not found.unpredicted:
        told += f", predicted {'later' if np.isinf(expected) else f'at {number(expected)}'}"
    value = "not by the last step" if np.isinf(half) else float(half)
    return Named(f"mode {mode + 1} ({eigenvalue_name(mode + 1)})", value, told)


def _label(found: KernelModes) -> str:
    return f"from step {found.steps[0]:,}, {found.about.data}"


PANEL = StoredPanel(
    name="kernel_modes",
    chapter="spectral",
    title="Kernel modes",
    question="Does the network learn what its own tangent kernel says it will, and when?",
    analyse=(STORED := Stored(KernelModes, "kernel-modes", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
