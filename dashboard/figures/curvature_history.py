"""The largest eigenvalues through training, beside the edge at which the optimizer oscillates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import conditions, label
from dashboard.binning import StepAxis, step_axis
from dashboard.canvas import Canvas
from dashboard.loss_scale import log_axis
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, eigenvalue_name
from diagnostics.curvature_history import CurvatureHistory

Floats = NDArray[np.float64]
Trace = dict[str, Any]


def draw(history: CurvatureHistory, *, scheme: Scheme = "light") -> Figure:
    """What the edge is for, with the edge; where that is preconditioned, the plain below; loss."""
    colours = palette(scheme)
    rows = _rows(history, colours)
    figure = Canvas(data=[trace for _, _, traces in rows for trace in traces])
    figure.update_layout(_layout(history, rows, scheme))
    return figure


Row = tuple[str, Floats, list[Trace]]  # title, values that the axis must hold, traces


def _rows(history: CurvatureHistory, colours: Palette) -> list[Row]:
    """From the top."""
    plain = _eigenvalues(history, colours)
    edge = _edge(history, colours)
    if history.preconditioner:
        values = np.concatenate([history.preconditioned, history.edge])
        rows = [("preconditioned λ₁", values, [*_preconditioned(history, colours), *edge])]
        rows.append(("eigenvalues", history.eigenvalues.ravel(), plain))
    else:
        values = np.concatenate([history.eigenvalues.ravel(), history.edge])
        rows = [("eigenvalues", values, [*plain, *edge])]
    loss = _line(history, history.loss, "loss", colours.dimmed)
    rows.append(("loss", history.loss, [loss | {"showlegend": False}]))
    return [
        (title, values, [trace | _axes(place) for trace in traces])
        for place, (title, values, traces) in enumerate(rows, start=1)
    ]


def _axes(place: int) -> dict[str, str]:
    return {"yaxis": "y" if place == 1 else f"y{place}"}


def _eigenvalues(history: CurvatureHistory, colours: Palette) -> list[Trace]:
    """The largest in full, those after it fainter; error bars are residuals."""
    lines = []
    for rank in range(history.eigenvalues.shape[1])[::-1]:
        line = _line(
            history, history.eigenvalues[:, rank], eigenvalue_name(rank + 1), colours.accent
        )
        line |= {"error_y": _bars(history.residuals[:, rank], colours.accent)}
        line |= {
            "opacity": 1.0 if rank == 0 else 0.4,
            "showlegend": rank == 0 and not history.preconditioner,
        }
        lines.append(line)
    return lines


def _preconditioned(history: CurvatureHistory, colours: Palette) -> list[Trace]:
    line = _line(history, history.preconditioned, "preconditioned λ₁", colours.accent)
    return [line | {"error_y": _bars(history.preconditioned_residual, colours.accent)}]


def _edge(history: CurvatureHistory, colours: Palette) -> list[Trace]:
    if not np.isfinite(history.edge).any():
        return []
    line = _line(history, history.edge, f"edge: {safe(history.edge_rule)}", colours.chosen)
    return [line | {"mode": "lines", "line": {"color": colours.chosen, "width": 2, "dash": "dash"}}]


def _line(history: CurvatureHistory, values: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _axis(history).place(history.steps),
        "y": np.where(np.isfinite(values), values, np.nan),
        "customdata": history.steps,
        "name": name,
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5},
        "hovertemplate": f"step %{{customdata:,d}}<br>{name} %{{y:.4g}}<extra></extra>",
    }


def _bars(errors: Floats, colour: str) -> dict[str, Any]:
    return {"array": errors, "color": colour, "thickness": 1, "width": 3}


def _axis(history: CurvatureHistory) -> StepAxis:
    return step_axis(history.steps)


def _layout(history: CurvatureHistory, rows: list[Row], scheme: Scheme) -> dict[str, Any]:
    ticks: dict[str, Any] = {"tickformat": "~s"}
    if _axis(history).log:
        places, labels = _axis(history).ticks(int(history.steps[-1]))
        ticks = {"tickvals": places, "ticktext": labels}
    step = {"title": {"text": "step", "standoff": 10}, "showspikes": True, "spikethickness": 1}
    layout: dict[str, Any] = {
        "template": template(scheme),
        "uirevision": safe(history.about.run),
        "height": {2: 480, 3: 620}[len(rows)],
        "margin": {"l": 12, "r": 12, "t": 40, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "xaxis": step | ticks | {"anchor": _axes(len(rows))["yaxis"]},
    }
    for place, (low, high) in enumerate(_DOMAINS[len(rows)], start=1):
        title, values, _ = rows[place - 1]
        layout[f"yaxis{place}"] = {
            "domain": [low, high],
            "title": {"text": title, "standoff": 8},
            **log_axis(values, log=True),
        }
    return layout


_DOMAINS = {
    2: ((0.36, 1.0), (0.0, 0.28)),
    3: ((0.6, 1.0), (0.28, 0.54), (0.0, 0.22)),
}


def caption(history: CurvatureHistory) -> str:
    """Which line to hold against which, and what it means to be above."""
    parts = [
        (
            f"The Hessian at {count(len(history.steps), 'snapshot')}, with "
            f"{count(int(history.products.sum()), 'product')}; error bars are residuals."
        )
    ]
    if not np.isfinite(history.edge).any():
        known = np.isfinite(history.learning_rate).any()
        why = "of this optimizer none is known" if known else "no learning rate was recorded"
        parts.append(f"The edge is not drawn: {why}.")
    elif history.preconditioner:
        parts.append(
            f"The edge is for the Hessian divided by {history.preconditioner}: where this "
            "eigenvalue is above it, the optimizer oscillates along its direction."
        )
    else:
        parts.append(
            f"Above the edge, {history.edge_rule}, gradient descent oscillates along the first "
            "eigenvector; training that hovers around it is at the edge of stability."
        )
    if not history.complete.all():
        many = int((~history.complete).sum())
        parts.append(f"At {count(many, 'snapshot')} a larger eigenvalue may have been missed.")
    if (history.eigenvalues <= 0).any():
        parts.append("Some eigenvalues are negative; the axis is linear where they are.")
    return " ".join([*parts, conditions(history.about)])


def _label(history: CurvatureHistory) -> str:
    return f"{count(len(history.steps), 'snapshot')} up to {label(history.about)}"


PANEL = StoredPanel(
    name="curvature_history",
    chapter="landscape",
    title="Curvature through training",
    question="Did the curvature rise to the edge of what the learning rate can bear?",
    analyse=(STORED := Stored(CurvatureHistory, "curvature --all", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
)
