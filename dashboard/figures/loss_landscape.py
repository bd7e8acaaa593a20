"""The loss around the weights: a plane or a line, beside held-out data or class by class."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.canvas import Canvas
from dashboard.landscape.by_class import class_layout, class_traces
from dashboard.landscape.line import line_layout, line_traces
from dashboard.landscape.multiples import multiple_layout, multiple_traces, multiples
from dashboard.landscape.plane import (
    has_logarithm,
    inside,
    plane_axes,
    plane_traces,
    short_titles,
    undistorted,
    without_undershoot,
)
from dashboard.landscape.sidelines import side_axes, side_traces
from dashboard.landscape.surface import NARROW_SCENE, surface_scene, surface_traces
from dashboard.loss_scale import loss_scale
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import number
from diagnostics.loss_landscape import Landscape

View = Literal["plane", "surface", "side by side", "class by class", "line"]
Wanted = Literal["", "log", "linear"]

WIDTH, GAP = 0.55, 0.13  # of the plane, and to what is beside it


def draw(
    landscape: Landscape, *, scheme: Scheme = "light", view: View | None = None, scale: Wanted = ""
) -> Figure:
    """A plane in one of its views, or a line; on the scale it was computed for, or another."""
    known = choices(landscape)["view"]
    chosen = view or known[0]
    if chosen not in known:
        raise ValueError(f"no view '{chosen}' of this landscape (there are: {', '.join(known)})")
    drawn = without_undershoot(landscape)
    traces, layout = _VIEWS[chosen](drawn, scale or landscape.scale, palette(scheme))
    figure = Canvas(data=traces)
    shared = {
        "template": template(scheme),
        "uirevision": safe(landscape.about.run),
        "margin": {"l": 12, "r": 12, "t": 64, "b": 12},
        "hovermode": "closest",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
    }
    figure.update_layout(shared | layout)
    if not landscape.finished:
        _mark_unfinished(figure, landscape, palette(scheme))
    return figure


def _mark_unfinished(figure: Figure, landscape: Landscape, colours: Palette) -> None:
    """Above everything else, in every view."""
    top = figure.layout.margin.t
    place = {"x": 0, "xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom"}
    figure.add_annotation(
        place,
        text=f"<b>{_so_far(landscape)}</b>",
        y=1,
        yshift=top,
        showarrow=False,
        font={"size": 13, "color": colours.warning},
    )
    figure.update_layout(margin={"t": top + 28})


def _so_far(landscape: Landscape) -> str:
    many = int(landscape.evaluated.sum())
    return f"Not finished: {many:,} of {landscape.evaluated.size:,} nodes"


def choices(landscape: Landscape) -> dict[str, tuple[str, ...]]:
    """What `draw` may be asked for, the first of each being what it draws unasked."""
    scales: tuple[str, ...] = ("linear",)
    if has_logarithm(landscape):
        scales = ("log", "linear") if landscape.scale == "log" else ("linear", "log")
    classes = ("class by class",) if landscape.classes else ()
    if landscape.loss.ndim == 1:
        return {"view": ("line", *classes), "scale": scales}
    several = ("side by side",) if len(multiples(landscape)) > 1 else ()
    return {"view": ("plane", "surface", *several, *classes), "scale": scales}


def _plane(landscape: Landscape, wanted: str, colours: Palette) -> tuple[Any, dict[str, Any]]:
    scale = loss_scale(wanted, landscape.loss)
    x, y = plane_axes(landscape)
    places = _PLACES if undistorted(landscape) else _PLACES | {"yaxis": {"domain": [0, 1]}}
    axes = {"xaxis": x, "yaxis": y} | side_axes(landscape, log=scale.log)
    legend = {"x": WIDTH + GAP, "xanchor": "left"}
    short = {axis: _NARROW[axis] | title for axis, title in short_titles(landscape).items()}
    layout = {name: axis | places[name] for name, axis in axes.items()} | {
        "height": 640,
        "coloraxis": scale.bar("loss", len=0.4),
        "showlegend": landscape.trajectory is not None,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"} | legend,
        "meta": {"narrow": _NARROW | short},
    }
    plane = [trace | {"showlegend": False} for trace in plane_traces(landscape, scale, colours)]
    return [*plane, *side_traces(landscape, colours)], layout


def _surface(landscape: Landscape, wanted: str, colours: Palette) -> tuple[Any, dict[str, Any]]:
    scale = loss_scale(wanted, landscape.loss)
    layout = {
        "height": 620,
        "scene": surface_scene(landscape, scale, colours),
        "coloraxis": scale.bar("loss", len=0.4),
        "meta": {"narrow": {"height": 460, **_WIDE_BAR, "scene": NARROW_SCENE}},
    }
    return surface_traces(landscape, scale, colours), layout


def _side_by_side(
    landscape: Landscape, wanted: str, colours: Palette
) -> tuple[Any, dict[str, Any]]:
    layout = multiple_layout(landscape, wanted, colours)
    return multiple_traces(landscape, wanted, colours), layout


def _class_by_class(
    landscape: Landscape, wanted: str, colours: Palette
) -> tuple[Any, dict[str, Any]]:
    layout = class_layout(landscape, wanted, colours)
    without_bar = _LINE_MARGIN if landscape.loss.ndim == 1 else {}
    return class_traces(landscape, wanted, colours), layout | without_bar


def _line(landscape: Landscape, wanted: str, colours: Palette) -> tuple[Any, dict[str, Any]]:
    layout = line_layout(landscape, colours, log=wanted == "log")
    return line_traces(landscape, colours), layout | _LINE_MARGIN


_VIEWS = {
    "plane": _plane,
    "surface": _surface,
    "side by side": _side_by_side,
    "class by class": _class_by_class,
    "line": _line,
}
_PLACES: dict[str, dict[str, Any]] = {
    "xaxis": {"domain": [0, WIDTH], "constraintoward": "left"},
    "yaxis": {"domain": [0, 1], "constraintoward": "top"},
    "xaxis2": {"domain": [WIDTH + GAP, 1], "anchor": "y2"},
    "xaxis3": {"domain": [WIDTH + GAP, 1], "anchor": "y3"},
    "yaxis2": {"domain": [0.58, 1], "anchor": "x2"},
    "yaxis3": {"domain": [0, 0.4], "anchor": "x3"},
}
_LINE_MARGIN = {"margin": {"l": 12, "r": 12, "t": 36, "b": 12}}
_WIDE_BAR = {"coloraxis": {"colorbar": {"len": 1}}}
_NARROW: dict[str, Any] = {
    **_WIDE_BAR,
    "height": 880,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.55, 1]},
    "xaxis2": {"domain": [0, 1]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.27, 0.42]},
    "yaxis3": {"domain": [0, 0.15]},
    "legend": {"x": 1, "xanchor": "right", "y": 0.42},
}


def caption(landscape: Landscape) -> str:
    """Where the slice lies, how it is known, and what it shows of the training."""
    parts = [_where(landscape), _known(landscape), *_errors(landscape), *_geometry(landscape)]
    parts += [*_by_class(landscape), *_training(landscape)]
    if not np.isfinite(landscape.loss).all():
        parts.append("Magenta: the loss is NaN or infinite.")
    held_out = f" Held out: {landscape.held_out}." if landscape.held_out else ""
    return " ".join(parts) + f" {conditions(landscape.about)}{held_out}"


def _where(landscape: Landscape) -> str:
    along = " (x) and ".join(landscape.directions)
    over = f"over {along} (y)" if landscape.loss.ndim == 2 else f"along {along}"
    return f"The loss {over}, around {centre(landscape.about)}."


def _known(landscape: Landscape) -> str:
    """How many nodes were evaluated, and what the audit says of the others."""
    many, all_of = int(landscape.evaluated.sum()), landscape.evaluated.size
    if not landscape.finished:
        return (
            f"{_so_far(landscape)} were evaluated so far (dots); what is between them is not yet "
            f"within the tolerance ({landscape.tolerance:.0%} of the range) and will change."
        )
    if many == all_of:
        return f"All {all_of:,} nodes were evaluated."
    told = f"{many:,} of {all_of:,} nodes were evaluated (dots), the others interpolated"
    if not landscape.audited:
        return f"{told}; none of these was checked."
    return (
        f"{told}: of {landscape.audited:,} of these drawn at random and evaluated after all, the "
        f"worst was off by {landscape.audit_error:.2%} of the range (allowed: "
        f"{landscape.tolerance:.0%})."
    )


def _errors(landscape: Landscape) -> list[str]:
    if not np.isfinite(landscape.error).any():
        return []
    typical = float(np.nanmedian(landscape.error))
    told = f"The examples being a sample, a loss has a standard error of {number(typical)}"
    if landscape.loss.ndim == 1:
        return [f"{told} (outer ribbon: 95 %); its rise from the centre has less (inner ribbon)."]
    rise = float(np.nanmedian(landscape.rise_error))
    return [f"{told}, its rise from the centre one of {number(rise)} (medians)."]


def _geometry(landscape: Landscape) -> list[str]:
    lengths = " and ".join(number(length) for length in landscape.lengths)
    told = f"Length of the direction{'s'[: landscape.loss.ndim - 1]}: {lengths}"
    told += f" (the weights: {number(landscape.centre_length)})"
    if landscape.loss.ndim == 1:
        return [f"{told}."]
    cosine = round(float(landscape.cosines[0, 1]), 2) + 0.0  # no minus zero
    shape = "" if undistorted(landscape) else "; angles are not drawn as they are"
    return [f"{told}; cosine between them: {cosine:.2f}{shape}."]


def _by_class(landscape: Landscape) -> list[str]:
    if not landscape.classes:
        return []
    between = (
        "" if landscape.evaluated.all() else "; between evaluated nodes interpolated unchecked"
    )
    dotted = " (dotted: all classes together)" if landscape.loss.ndim == 1 else ""
    return [f"Class by class: the mean loss of each class's own examples{dotted}{between}."]


def _training(landscape: Landscape) -> list[str]:
    """How far the picture can be believed as a picture of the training."""
    way = landscape.trajectory
    if way is None:
        return []
    shape = "line" if landscape.loss.ndim == 1 else "plane"
    told = (
        f"The {shape} holds {way.explained:.1%} of the training's squared movement to the centre; "
        f"the best {shape} would hold {way.chance:.1%} of as many steps of aimless wandering."
    )
    if shape == "line":
        return [told]
    beyond = int((~inside(landscape, way)).sum())
    out = [f"{beyond} of {len(way.steps)} snapshots lie outside the picture."] if beyond else []
    return [told, "The larger a dot, the further the snapshot lies off the plane.", *out]


def numbers(landscape: Landscape) -> tuple[Named, ...]:
    """How sharp this slice is, each definition under its own name."""
    so_far = "" if landscape.finished else "not finished, known so far: "
    found = [Named(each.name, each.value, so_far + each.about) for each in landscape.figures]
    return (Named("loss at the centre", landscape.centre_loss, "on the same data"), *found)


def _label(landscape: Landscape) -> str:
    short = (name.partition(" (")[0] for name in landscape.directions)
    shape = "plane" if landscape.loss.ndim == 2 else "line"
    state = "" if landscape.finished else ", not finished"
    return f"{label(landscape.about)}: {shape} of {' and '.join(short)}{state}"


PANEL = StoredPanel(
    name="loss_landscape",
    chapter="landscape",
    title="Loss landscape",
    question="What does the loss look like around the weights?",
    analyse=(STORED := Stored(Landscape, "landscape", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    choices=choices,
    numbers=numbers,
)
