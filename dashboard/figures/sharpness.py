"""How sharp the minimum is by several definitions: none follows from another."""

from __future__ import annotations

from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.canvas import Canvas
from dashboard.loss_scale import log_axis
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.sharpness import Sharpness

Trace = dict[str, Any]


def draw(sharpness: Sharpness, *, scheme: Scheme = "light") -> Figure:
    """Rises of the loss on the left, how far it takes to double on the right."""
    colours = palette(scheme)
    figure = Canvas(data=[_rises(sharpness, colours), *_radii(sharpness, colours)])
    figure.update_layout(_layout(sharpness, scheme))
    return figure


def _rises(sharpness: Sharpness, colours: Palette) -> Trace:
    named = rises(sharpness)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [each.value for each in named],
        "y": [each.name for each in named],
        "error_x": {
            "array": [each.error for each in named],
            "color": colours.fit,
            "thickness": 1.2,
            "width": 4,
        },
        "marker": {"color": colours.accent, "size": 11},
        "hovertemplate": "%{y}<br>the loss rises by %{x:.4g}<extra></extra>",
    }


def _radii(sharpness: Sharpness, colours: Palette) -> list[Trace]:
    """One dot for each direction; those along which it never doubles are not drawn."""
    finite = sharpness.doubling[np.isfinite(sharpness.doubling)]
    if not finite.size:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": finite,
            "y": ["radius"] * len(finite),
            "marker": {"size": 11, "color": colours.accent, "symbol": "line-ns-open"}
            | {"line": {"width": 2, "color": colours.accent}},
            "xaxis": "x2",
            "yaxis": "y2",
            "hovertemplate": "doubles at %{x:.3g}<extra></extra>",
        }
    ]


def _layout(sharpness: Sharpness, scheme: Scheme) -> dict[str, Any]:
    return {
        "template": template(scheme),
        "uirevision": safe(sharpness.about.run),
        "height": 250,
        "margin": {"l": 12, "r": 12, "t": 16, "b": 12},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"domain": [0, 0.62], "title": {"text": "rise of the loss", "standoff": 10}}
        | log_axis(np.array([each.value for each in rises(sharpness)]), log=True),
        "yaxis": {"autorange": "reversed", "automargin": True, "ticks": ""},
        "xaxis2": {
            "domain": [0.7, 1],
            "title": {"text": "radius at which the loss has doubled", "standoff": 10},
        }
        | {"rangemode": "tozero", "anchor": "y2"},
        "yaxis2": {"visible": False, "anchor": "x2"},
        "meta": {
            "narrow": {
                "height": 400,
                "xaxis": {"domain": [0, 1]},
                "yaxis": {"domain": [0.46, 1]},
                "xaxis2": {"domain": [0, 1]},
                "yaxis2": {"domain": [0, 0.2]},
            }
        },
    }


def rises(sharpness: Sharpness) -> tuple[Named, ...]:
    """By how much the loss rises, by four definitions."""
    return (
        Named(
            "SAM's step",
            sharpness.sam_step,
            f"after one step of length {sharpness.radius:g} up the gradient",
        ),
        Named(
            "ball",
            sharpness.ball_rise,
            f"the largest found within {sharpness.radius:g} of the weights: a lower bound",
        ),
        Named(
            "adaptive ball",
            sharpness.adaptive_rise,
            f"the largest found where |ε / w| is at most {sharpness.adaptive_radius:g}; "
            "does not change when ReLU layers are rescaled",
        ),
        Named(
            "noise",
            sharpness.noise_rise,
            f"the mean under Gaussian noise of {sharpness.noise:.0%} of each filter's size, "
            "± standard error; does not change when layers are rescaled",
            sharpness.noise_rise_error,
        ),
    )


def numbers(sharpness: Sharpness) -> tuple[Named, ...]:
    """Every definition with its value."""
    never = int(np.isinf(sharpness.doubling).sum())
    also = f"; along {never} it does not" if never else ""
    doubled = Named(
        "doubling radius",
        float(np.median(sharpness.doubling)) if sharpness.doubling.size else np.nan,
        f"median over {len(sharpness.doubling)} random filter-normalised directions{also}",
    )
    return (Named("loss", sharpness.loss, "at the weights"), *rises(sharpness), doubled)


def caption(sharpness: Sharpness) -> str:
    """That the bars are not of one kind."""
    never = int(np.isinf(sharpness.doubling).sum())
    told = [f"The loss did not double along {never} directions."] if never else []
    first = (
        f"Around {centre(sharpness.about)}. Each row is another definition, with a radius of its "
        "own: compare runs row by row, not rows with one another."
    )
    return " ".join([first, *told, conditions(sharpness.about)])


def _label(sharpness: Sharpness) -> str:
    return label(sharpness.about)


PANEL = StoredPanel(
    name="sharpness",
    chapter="landscape",
    title="Sharpness",
    question="How much does the loss rise when the weights are disturbed?",
    analyse=(STORED := Stored(Sharpness, "sharpness", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
