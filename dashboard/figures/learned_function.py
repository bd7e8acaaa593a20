"""The function that the network is, beside its target: a slider goes through the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import conditions
from dashboard.binning import StepAxis, nearest
from dashboard.canvas import Canvas
from dashboard.function_line import line_change, line_layout, line_traces
from dashboard.function_plane import plane_change, plane_layout, plane_traces
from dashboard.loss_scale import log_axis
from dashboard.panel import StoredPanel
from dashboard.step_slider import played, step_slider, stop
from dashboard.stored import Stored, recorded_outputs
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.learned_function import NO_LINE, LearnedFunction
from diagnostics.run import FathomError

Trace = dict[str, Any]
Floats = NDArray[np.float64]

MOST_STOPS, FEWEST_STOPS = 40, 8
MOST_NUMBERS = 40_000  # that the slider's stops carry in all
MOST_OUTPUTS = 4


def draw(
    learned: LearnedFunction,
    *,
    scheme: Scheme = "light",
    view: str | None = None,
    step: int | None = None,
) -> Figure:
    """At the end, or at the step nearest to one; below it the error at all of them."""
    colours, output = palette(scheme), _output(learned, view)
    stops = _stops(learned, step)
    chosen = _nearest(learned, step)
    if _is_plane(learned):
        shown = plane_traces(learned, output, chosen, colours)
        layout = plane_layout(learned, output)
    else:
        shown = line_traces(learned, output, chosen, colours)
        layout = line_layout(learned, output)
    figure = Canvas(data=[*shown, *_error(learned, colours)])
    figure.update_layout({**_layout(learned, scheme), **layout})
    figure.update_layout(
        shapes=_cursor(learned, chosen, colours),
        sliders=[_slider(learned, output, stops, stops.index(chosen), colours)],
        meta={**layout.get("meta", {}), "player": len(stops) > 1},
    )
    return figure


def choices(learned: LearnedFunction) -> dict[str, tuple[str, ...]]:
    """One output at a time, and the first few."""
    word = "class" if learned.outputs == "probabilities" else "output"
    many = min(learned.values.shape[2], MOST_OUTPUTS)
    return {"view": tuple(f"{word} {n}" for n in range(many))}


def _output(learned: LearnedFunction, view: str | None) -> int:
    known = choices(learned)["view"]
    if view is not None and view not in known:
        raise ValueError(f"no view '{view}' of this function (there are: {', '.join(known)})")
    return known.index(view) if view else 0


def _is_plane(learned: LearnedFunction) -> bool:
    features = learned.inputs.shape[1]
    if learned.axis == NO_LINE and features != 2:
        raise FathomError(
            f"a function of {features} inputs cannot be drawn; draw it along a line through two "
            "of them: inputs, places = line(first, second, 200)."
        )
    return learned.axis == NO_LINE


def _axis(learned: LearnedFunction) -> StepAxis:
    return StepAxis(log=True, shift=int(learned.steps[0] <= 0))


def _nearest(learned: LearnedFunction, step: int | None) -> int:
    """To the step; else the last of which there is something to see."""
    if step is not None:
        return int(np.abs(learned.steps - step).argmin())
    seen = np.flatnonzero(np.isfinite(learned.values).any((1, 2)))
    return int(seen[-1]) if len(seen) else len(learned.steps) - 1


def _stops(learned: LearnedFunction, step: int | None) -> list[int]:
    """Records that the slider offers: as far apart as they look, with first, last and chosen."""
    places = _axis(learned).place(learned.steps)
    many = int(np.clip(MOST_NUMBERS // len(learned.inputs), FEWEST_STOPS, MOST_STOPS))
    wanted = np.linspace(places[0], places[-1], many - 1)
    return sorted({int(n) for n in nearest(places, wanted)} | {_nearest(learned, step)})


def _error(learned: LearnedFunction, colours: Palette) -> list[Trace]:
    """A click on it goes to that step."""
    if not learned.has_target:
        return []
    error = learned.error
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _axis(learned).place(learned.steps),
        "y": np.where(np.isfinite(error), error, np.nan),
        "customdata": learned.steps[:, None],
        "line": {"color": colours.dimmed, "width": 1.5},
        "marker": {"size": 4},
        "xaxis": "x2",
        "yaxis": "y2",
        "showlegend": False,
        "hovertemplate": "step %{customdata[0]:,d}<br>error %{y:.4g}<extra></extra>",
    }
    return [trace]


def _layout(learned: LearnedFunction, scheme: Scheme) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "template": template(scheme),
        "uirevision": safe(learned.run),
        "margin": {"l": 12, "r": 12, "t": 48, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }
    if not learned.has_target:
        return layout
    places, labels = _axis(learned).ticks(int(learned.steps[-1]))
    return layout | {
        "xaxis2": {"anchor": "y2", "tickvals": places, "ticktext": labels, "showgrid": False},
        "yaxis2": {"domain": [0, 0.2], "anchor": "x2"} | _low_axis(learned.error),
    }


def _low_axis(error: Floats) -> dict[str, Any]:
    """Low as it is, with few ticks."""
    axis = log_axis(error, log=True)
    if isinstance(axis.get("dtick"), int):
        known = np.log10(error[np.isfinite(error)])
        axis["dtick"] = int(np.ceil(np.ptp(known) / 4))
    return axis | {"title": {"text": "error", "standoff": 8}}


def _cursor(learned: LearnedFunction, record: int, colours: Palette) -> list[Trace]:
    """The line on the error that says which step is shown."""
    if not learned.has_target:
        return []
    place = float(_axis(learned).place(learned.steps[record : record + 1])[0])
    ends = {"x0": place, "x1": place, "xref": "x2", "y0": 0, "y1": 1, "yref": "y2 domain"}
    return [{"type": "line", **ends, "line": {"color": colours.chosen, "width": 2}}]


def _slider(
    learned: LearnedFunction, output: int, shown: list[int], active: int, colours: Palette
) -> dict[str, Any]:
    """Each stop carries its function: the figure needs nobody behind it."""
    change = plane_change if _is_plane(learned) else line_change
    stops = [
        stop(
            int(learned.steps[record]),
            change(learned, output, record),
            {"shapes": _cursor(learned, record, colours)},
            [0],
        )
        for record in shown
    ]
    return played(step_slider(stops, active, colours, prefix="step ", room=36))


def caption(learned: LearnedFunction) -> str:
    """Where the values are from, how far off they are, and what is not drawn."""
    outputs = learned.values.shape[2]
    parts = [f"{count(len(learned.inputs), 'example')}, {learned.source}, along {learned.axis}."]
    if _is_plane(learned):
        parts = [f"{count(len(learned.inputs), 'example')} of two inputs, {learned.source}."]
    if learned.has_target:
        first, last = (_written(float(learned.error[at])) for at in (0, -1))
        over = f" over all {outputs} outputs" if outputs > 1 else ""
        parts.append(f"The mean squared error{over} went from {first} to {last}.")
    else:
        parts.append("The target is not known.")
    if outputs > MOST_OUTPUTS:
        parts.append(f"Only the first {MOST_OUTPUTS} of {outputs} outputs are drawn.")
    if not np.isfinite(learned.values).all():
        parts.append("Gaps: the predictions held NaN or infinity.")
    stops = len(_stops(learned, None))
    if stops < len(learned.steps):
        parts.append(f"The slider stops at {stops} of {count(len(learned.steps), 'step')}.")
    return " ".join([*parts, *([conditions(learned.about)] if learned.about else [])])


def _written(error: float) -> str:
    return number(error) if np.isfinite(error) else "NaN or infinity"


def _label(learned: LearnedFunction) -> str:
    return f"{count(len(learned.steps), 'step')}, {learned.source}"


STORED = Stored(LearnedFunction, "spectral-bias", _label, recorded_outputs("spectral-bias"))
PANEL = StoredPanel(
    name="learned_function",
    chapter="spectral",
    title="Learned function",
    question="What did the network become, step by step?",
    analyse=STORED.newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
)
