"""The Hessian's spectrum: its density, its extreme eigenvalues, and its part in each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.canvas import Canvas
from dashboard.density import floor_of, smoothed, sticks
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, eigenvalue_name
from diagnostics.curvature import Curvature
from diagnostics.spectrum import Share

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOST_LAYERS = 40
ROW = 26  # pixels for a layer
GAP = 84  # pixels between the spectrum and the layers below it: an axis and its title
EDGES = 80  # above, and below for the last axis
TOP = 330  # pixels of the spectrum


def draw(curvature: Curvature, *, scheme: Scheme = "light") -> Figure:
    """The spectrum above, extreme eigenvalues to its right, layers below."""
    colours = palette(scheme)
    figure = Canvas(
        data=[
            *_density(curvature, colours),
            *_extremes(curvature, colours),
            *_layers(curvature, colours),
        ]
    )
    figure.update_layout(_layout(curvature, colours, scheme))
    return figure


def _density(curvature: Curvature, colours: Palette) -> list[Trace]:
    """What was found, as sticks; a line to guide the eye."""
    x, heights = sticks(curvature.nodes, curvature.density)
    floor = floor_of(heights)
    x, heights = x[heights > floor], heights[heights > floor]
    gap = np.full(len(x), np.nan)
    stems = {
        "type": "scatter",
        "mode": "lines",
        "x": np.stack([x, x, gap], axis=1).ravel(),
        "y": np.stack([np.full(len(x), floor), heights, gap], axis=1).ravel(),
        "line": {"width": 1, "color": colours.dimmed},
        "opacity": 0.55,
        "hovertemplate": "λ %{x:.4g}<br>weight %{y:.2e}<extra></extra>",
    }
    places, line = smoothed(curvature.nodes, curvature.density)
    guide = {
        "type": "scatter",
        "mode": "lines",
        "x": places,
        "y": np.where(line > floor, line, np.nan),
        "line": {"width": 2, "color": colours.accent},
        "hoverinfo": "skip",
    }
    return [stems, guide]


def _extremes(curvature: Curvature, colours: Palette) -> list[Trace]:
    """The leading eigenvalues and the lowest, each with the residual that it lies within."""
    names = [eigenvalue_name(n) for n in range(1, len(curvature.eigenvalues) + 1)]
    leading = _dots(curvature.eigenvalues, names, curvature.residuals, colours.accent)
    lowest = _dots(
        np.array([curvature.lowest]),
        ["lowest"],
        np.array([curvature.lowest_residual]),
        colours.chosen,
    )
    return [each | {"xaxis": "x2", "yaxis": "y2"} for each in (leading, lowest)]


def _dots(values: Floats, names: list[str], errors: Floats, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": names,
        "error_x": {"array": errors, "color": colour, "thickness": 1.5, "width": 4},
        "customdata": errors,
        "marker": {"size": 8, "color": colour},
        "hovertemplate": "%{y} = %{x:.5g}<br>within %{customdata:.1e}<extra></extra>",
    }


def _layers(curvature: Curvature, colours: Palette) -> list[Trace]:
    """The trace's share of each layer, and the largest eigenvalue of its own block."""
    kept = slice(None, MOST_LAYERS)
    layers = curvature.layers
    names = [safe(name) or "the model" for name in layers.names[kept]]
    traces = {
        "type": "bar",
        "orientation": "h",
        "x": layers.trace[kept],
        "y": names,
        "error_x": {
            "array": layers.trace_error[kept],
            "color": colours.fit,
            "thickness": 1.2,
            "width": 3,
        },
        "marker": {"color": colours.accent, "opacity": 0.75},
        "customdata": np.stack([layers.trace_error[kept], layers.weights[kept]], axis=1),
        "hovertemplate": (
            "%{y}<br>trace %{x:.4g} ± %{customdata[0]:.2g}<br>"
            "%{customdata[1]:,d} weights<extra></extra>"
        ),
        "xaxis": "x3",
        "yaxis": "y3",
    }
    if not _blocks_asked(curvature):
        return [traces]
    own = _dots(layers.eigenvalue[kept], names, layers.residual[kept], colours.accent)
    return [traces, own | {"xaxis": "x4", "yaxis": "y4"}]


def _blocks_asked(curvature: Curvature) -> bool:
    return bool(np.isfinite(curvature.layers.eigenvalue).any())


def _layout(curvature: Curvature, colours: Palette, scheme: Scheme) -> dict[str, Any]:
    below = ROW * min(MOST_LAYERS, len(curvature.layers.names)) + 20
    room = TOP + GAP + below
    low = below / room  # where the layers' part ends
    asked = _blocks_asked(curvature)
    upper = [(below + GAP) / room, 1]
    share = {"type": "log", "dtick": 2, "domain": upper}
    zero = {"zeroline": True, "zerolinecolor": colours.border}
    return {
        "template": template(scheme),
        "uirevision": safe(curvature.about.run),
        "height": room + EDGES,
        "margin": {"l": 12, "r": 12, "t": 24, "b": 12},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": _titled("eigenvalue λ") | {"domain": [0, 0.6]} | zero,
        "yaxis": _titled("share of the spectrum") | share,
        "xaxis2": _titled("eigenvalues, ± residual") | {"domain": [0.68, 1], "anchor": "y2"},
        "yaxis2": {"autorange": "reversed", "domain": upper, "anchor": "x2", "type": "category"},
        **_layer_axes(low, asked=asked),
        "meta": {"narrow": _narrow(below, asked=asked)},
    }


def _layer_axes(low: float, *, asked: bool) -> dict[str, Any]:
    """One chart of the layers, or two that share their names."""
    layers = {"autorange": "reversed", "domain": [0, low], "automargin": True, "type": "category"}
    wide = {"domain": [0, 0.6 if asked else 1], "anchor": "y3"}
    axes = {
        "xaxis3": _titled("trace, by layer") | wide,
        "yaxis3": layers | {"anchor": "x3"},
    }
    if not asked:
        return axes
    blocks = _titled("largest eigenvalue of the layer alone")
    return axes | {
        "xaxis4": blocks | {"domain": [0.68, 1], "anchor": "y4"},
        "yaxis4": layers | {"anchor": "x4", "matches": "y3", "showticklabels": False},
    }


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": 10}}


def _narrow(below: int, *, asked: bool) -> dict[str, Any]:
    """Everything in one column."""
    parts = [TOP - 40, 220, below, *([below] if asked else [])]
    room = sum(parts) + 80 * len(parts)
    places, high = [], 1.0
    for part in parts:
        places.append([max(0.0, high - part / room), high])
        high -= (part + 80) / room
    names = ("", "2", "3", "4")[: len(parts)]
    axes = {f"yaxis{n}": {"domain": place} for n, place in zip(names, places, strict=True)}
    wide = {f"xaxis{n}": {"domain": [0, 1]} for n in names}
    shown = {"yaxis4": {**axes["yaxis4"], "showticklabels": True}} if asked else {}
    return {"height": room, **wide, **axes, **shown}


def caption(curvature: Curvature) -> str:
    """What was asked of the Hessian, and how sure the answers are."""
    probes, steps = curvature.nodes.shape
    parts = [
        (
            f"The Hessian of {curvature.weights:,} weights at {centre(curvature.about)}, "
            f"by {count(curvature.products, 'product')} with it (allowed: {curvature.most:,})."
        ),
        (
            f"Sticks: the spectrum as {probes} random probes of {steps} steps have it; the line is "
            "the same, smoothed, and says nothing more. Eigenvalues within 1e-3 of the largest "
            "around zero are not told from zero."
        ),
    ]
    if not curvature.complete:
        parts.append("A second look found further large eigenvalues: some may be missing here.")
    if not curvature.trace_converged:
        parts.append("The products ran out before the trace's error was small.")
    beyond = len(curvature.layers.names) - MOST_LAYERS
    if beyond > 0:
        parts.append(f"{beyond} more layers are not drawn.")
    return " ".join([*parts, conditions(curvature.about)])


def numbers(curvature: Curvature) -> tuple[Named, ...]:
    """All that is known of the spectrum, each with its error."""
    top, residual = float(curvature.eigenvalues[0]), float(curvature.residuals[0])
    mass, mass_error = curvature.negative_mass, curvature.negative_mass_error
    found = (
        Named("largest eigenvalue", top, "± its residual", residual),
        Named("lowest eigenvalue", curvature.lowest, "± its residual", curvature.lowest_residual),
        Named("trace", curvature.trace, "± standard error", curvature.trace_error),
        Named("negative mass", mass, "Σ|λ⁻| / Σ|λ|, ± standard error", mass_error),
        _negative_share(curvature.negative),
        Named("edge", curvature.edge, "2 / λ₁: the largest stable rate of plain gradient descent"),
        Named(
            "condition",
            curvature.condition_at_least,
            "a lower bound; not told where eigenvalues are negative",
        ),
    )
    return (*found, *_gradient(curvature), *_preconditioned(curvature))


def _negative_share(share: Share) -> Named:
    told = (
        "of eigenvalues below -1e-3 of the largest; by what the probes saw surely between "
        f"{share.low:.3g} and {share.high:.3g}"
    )
    return Named("negative share", share.value, told, share.error)


def _gradient(curvature: Curvature) -> tuple[Named, ...]:
    shares = curvature.gradient_share
    told = f"share of its squared length along the first {len(shares)}"
    return (
        Named("gradient's length", curvature.gradient_norm, "at the same weights"),
        Named("gradient in the leading eigenvectors", float(shares[-1]), told),
    )


def _preconditioned(curvature: Curvature) -> tuple[Named, ...]:
    if not curvature.preconditioner:
        return ()
    told = f"the Hessian divided by {curvature.preconditioner}"
    name, error = "largest eigenvalue, preconditioned", curvature.preconditioned_residual
    return (Named(name, curvature.preconditioned, told, error),)


def _label(curvature: Curvature) -> str:
    return label(curvature.about)


PANEL = StoredPanel(
    name="curvature",
    chapter="landscape",
    title="Curvature",
    question="How sharply does the loss bend at these weights, and in how many directions?",
    analyse=(STORED := Stored(Curvature, "curvature", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
