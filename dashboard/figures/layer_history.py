"""One layer over time: curves on the left, beside each the ridges of how it is distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.binning import StepAxis, step_axis
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart
from dashboard.layer_curves import curves, smoothed, value_axis
from dashboard.panel import Panel
from dashboard.ridges import ridges, size_axis_of, step_axis_of
from dashboard.step_cursor import cursor
from dashboard.step_heat import shortened, step_layout
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import words
from diagnostics.layer_history import LayerHistory, Strand, layer_history

HEIGHT, LOW = 210, 130  # pixels of a row; of one that has no ridges
MARGIN = 0.01  # of the steps, on both sides


@dataclass(frozen=True)
class _Look:
    """What all rows share."""

    steps: NDArray[np.int64]
    axis: StepAxis
    colours: Palette
    step: int | None
    scale: str | None

    def below(self) -> dict[str, Any]:
        """The axis of steps."""
        first, last = self.axis.place(self.steps[[0, -1]]).tolist()
        room = MARGIN * (last - first) or 0.5
        return step_layout(self.axis, self.steps, [first - room, last + room])


def draw(
    history: LayerHistory,
    step: int | None = None,
    scheme: Scheme = "light",
    *,
    scale: str | None = None,
    smooth: float = 0.0,
) -> Figure:
    """A row for each kind of what was recorded; `scale` may ask for decades or not.

    `smooth` is the weight of what came before in an exponential mean.
    """
    steps = np.unique(np.concatenate([strand.steps for strand in history.strands]))
    look = _Look(steps, step_axis(steps), palette(scheme), step, scale)
    strands = [smoothed(strand, smooth) for strand in history.strands]
    rows = [_row(strand, 2 * place, look) for place, strand in enumerate(strands)]
    layout = arranged([[one.part for one in row] for row in rows], headline=True)
    layout = merged(layout, _headline(history))
    suffixes = [row[0].part.axis for row in rows]
    layout = merged(layout, cursor(look.axis, step, look.colours, suffixes))
    layout = merged(layout, {"margin": {"l": 12, "r": 12}})
    layout |= {"template": template(scheme), "hovermode": "closest", "showlegend": True}
    layout |= {"uirevision": safe(f"{history.run} {history.layer}")}
    return Canvas(data=all_traces([one for row in rows for one in row]), layout=layout)


def _headline(history: LayerHistory) -> dict[str, Any]:
    """Which layer this is; on a narrow page in fewer words."""
    built = safe(" · ".join([history.module_type, *history.shapes]))
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container"}
    place |= {"yanchor": "top", "pad": {"t": 8}}
    whole = {"text": f"<b>{safe(history.layer)}</b>  {built}", "font": {"size": 13}} | place
    brief = {"text": f"<b>{safe(shortened(history.layer))}</b>  {safe(history.module_type)}"}
    named = quote(history.layer, safe="")  # for the tree that marks it, whatever is in the name
    return {"title": whole, "meta": {"layer": named, "narrow": {"title": brief}}}


def _row(strand: Strand, before: int, look: _Look) -> list[Chart]:
    """The curves, and the ridges if there are any."""
    left, right = str(before + 1) if before else "", str(before + 2)
    lines = curves(strand, look.axis, look.colours, look.scale)
    found = strand.histograms
    part = Part(
        left,
        HEIGHT if found else LOW,
        look.below(),
        value_axis(strand, look.scale),
        legend=f"legend{left}",
    )
    row = [chart(lines, part)]
    if found is not None:
        title = f"size of {strand.name}, {safe(found.tensor)}"
        beside = Part(right, HEIGHT, size_axis_of(found, title), step_axis_of(found))
        row.append(chart(ridges(found, look.colours, look.step), beside))
    return row


def caption(history: LayerHistory) -> str:
    """Which layer, why this one, and how to read it."""
    built = ", ".join(history.shapes)
    told = f"'{history.layer}': {history.module_type}" + (f" ({built})" if built else "")
    parts = [f"{told}."]
    if history.why:
        parts.append(f"Shown because the verdict '{words(history.why)}' names it first.")
    if any(strand.histograms is not None for strand in history.strands):
        parts.append(
            "Ridges: how the elements are spread over sizes without their sign; the first record "
            "at the back, the last in front. Zeros are in none of them: they make a ridge smaller."
        )
        parts += [_BEYOND] if any(_reaches_the_end(strand) for strand in history.strands) else []
    else:
        parts.append("No histograms were recorded.")
    parts.append("All but gradients of parameters are of a sample of the elements.")
    if any(np.isinf(c.values).any() for strand in history.strands for c in strand.curves):
        parts.append("Crosses: a NaN or an infinity.")
    return " ".join(parts)


_BEYOND = "The rightmost bin also holds whatever is larger."


def _reaches_the_end(strand: Strand) -> bool:
    return strand.histograms is not None and bool(strand.histograms.shares[:, -1].any())


PANEL = Panel(
    name="layer_history",
    chapter="layers",
    title="One layer over time",
    question="What happened inside this layer?",
    analyse=layer_history,
    draw=draw,
    caption=caption,
    place=3,
)
