"""What is learnt first over inputs of many features: smooth and fine parts, roughness, one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import conditions
from dashboard.binning import StepAxis
from dashboard.canvas import Canvas
from dashboard.learning_times import EARLIEST, VERDICTS, time_axes, time_traces
from dashboard.loss_scale import log_axis
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored, recorded_outputs
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.data_spectra import HALF, DataSpectra

Floats = NDArray[np.float64]
Trace = dict[str, Any]

PARTS = {"low": "smooth part", "high": "fine part"}
SYMBOLS = {"low": "circle", "high": "diamond"}
LATE = {"low": 16, "high": 8}  # one around the other, where neither was learnt
WORST = 1.6  # relative error up to which a curve is followed
LEFT, RIGHT, TOP, LOW = [0, 0.56], [0.68, 1], [0.56, 1], [0, 0.34]


def draw(spectra: DataSpectra, *, scheme: Scheme = "light") -> Figure:
    """Errors of both parts and when half was learnt; below, roughness and the times on a line."""
    colours = palette(scheme)
    traces = [*_errors(spectra, colours), *_times(spectra, colours), *_roughness(spectra, colours)]
    if _has_line(spectra):
        beside = {"xaxis": "x4", "yaxis": "y4", "showlegend": False}
        traces += [trace | beside for trace in time_traces(spectra.along, colours)]
    figure = Canvas(data=traces)
    figure.update_layout(_layout(spectra, scheme))
    return figure


def _has_line(spectra: DataSpectra) -> bool:
    """Was any wave along the direction learnt, so that there is a time to draw?"""
    return bool(np.isfinite(spectra.along.half.between).any())


def _axis(spectra: DataSpectra) -> StepAxis:
    return StepAxis(log=True, shift=int(spectra.steps[0] <= 0))


def told_width(spectra: DataSpectra) -> int:
    """The width that splits the target most evenly: there both parts are something."""
    return int(np.abs(spectra.filtered.share - 0.5).argmin())


def _errors(spectra: DataSpectra, colours: Palette) -> list[Trace]:
    """That width in full, the others dotted."""
    traces, told = [], told_width(spectra)
    for width in [n for n in range(len(spectra.filtered.widths)) if n != told] + [told]:
        for part, table in (("low", spectra.filtered.low), ("high", spectra.filtered.high)):
            if np.isnan(table[:, width]).all():
                continue
            line = {"color": _colour(part, colours), "width": 2.5, "dash": "solid"}
            line |= {} if width == told else {"width": 1, "dash": "dot"}
            traces.append(
                _over_steps(spectra, table[:, width], _split(spectra, part, width))
                | {"name": PARTS[part], "legendgroup": part, "line": line}
                | {"showlegend": width == told}
            )
    return traces


def _over_steps(spectra: DataSpectra, values: Floats, told: str) -> Trace:
    shown = np.where(values <= WORST, values, np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _axis(spectra).place(spectra.steps),
        "y": shown,
        "customdata": spectra.steps,
        "hovertemplate": f"step %{{customdata:,d}}<br>{told} %{{y:.3g}}<extra></extra>",
    }


def _split(spectra: DataSpectra, part: str, width: int) -> str:
    return f"{PARTS[part]}, split at {spectra.filtered.widths[width]:.3g}:<br>relative error"


def _colour(part: str, colours: Palette) -> str:
    return colours.accent if part == "low" else colours.chosen


def _times(spectra: DataSpectra, colours: Palette) -> list[Trace]:
    """The step at which half of each part was learnt, by the width that splits them."""
    traces = []
    for part, steps in (("low", spectra.filtered.low_step), ("high", spectra.filtered.high_step)):
        there, late = np.isfinite(steps), np.isinf(steps)
        marker = {"color": _colour(part, colours), "size": 9, "symbol": SYMBOLS[part]}
        traces.append(
            _marks(spectra, there, np.maximum(steps, EARLIEST), part) | {"marker": marker}
        )
        if late.any():
            last = np.full(len(steps), float(spectra.steps[-1]))
            open_up = marker | {"symbol": "triangle-up-open", "size": LATE[part]}
            open_up |= {"line": {"width": 2}}
            traces.append(_marks(spectra, late, last, f"{part} late") | {"marker": open_up})
    return traces


def _marks(spectra: DataSpectra, there: NDArray[np.bool_], steps: Floats, part: str) -> Trace:
    part, _, late = part.partition(" ")
    when = "not half learnt by step" if late else "half learnt by step"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": spectra.filtered.widths[there],
        "y": steps[there],
        "xaxis": "x2",
        "yaxis": "y2",
        "name": PARTS[part],
        "legendgroup": part,
        "showlegend": False,
        "hovertemplate": f"{PARTS[part]}, split at %{{x:.3g}}<br>{when} %{{y:,.0f}}<extra></extra>",
    }


def _roughness(spectra: DataSpectra, colours: Palette) -> list[Trace]:
    """Of the network at each step, between that of its target and that of no function at all."""
    rough, ends = spectra.roughness, _axis(spectra).place(spectra.steps[[0, -1]])
    network = _over_steps(spectra, rough.values, "roughness")
    traces = [network | {"y": rough.values, "line": {"color": colours.fit, "width": 2}}]
    for name, level, dash in (("target", rough.target, "dash"), ("by chance", rough.chance, "dot")):
        line = {"color": colours.dimmed, "width": 1.5, "dash": dash}
        told = f"{name}: %{{y:.4g}}<extra></extra>"
        flat = {"type": "scatter", "mode": "lines", "x": ends, "y": [level, level], "line": line}
        traces.append(flat | {"hovertemplate": told})
    below = {"xaxis": "x3", "yaxis": "y3", "showlegend": False}
    return [trace | below for trace in traces]


def _layout(spectra: DataSpectra, scheme: Scheme) -> dict[str, Any]:
    colours, beside = palette(scheme), _has_line(spectra)
    places, labels = _axis(spectra).ticks(int(spectra.steps[-1]))
    step = {"tickvals": places, "ticktext": labels, "showgrid": False}
    step |= {"title": {"text": "step", "standoff": 8}}
    return {
        "template": template(scheme),
        "uirevision": safe(spectra.run),
        "height": 660,
        "margin": {"l": 12, "r": 12, "t": 60, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": step | {"domain": LEFT},
        "yaxis": _titled("relative error") | {"domain": TOP, "rangemode": "tozero"},
        "xaxis2": _titled("width that splits the parts", 8)
        | log_axis(spectra.filtered.widths, log=True)
        | {"domain": RIGHT, "anchor": "y2", "showgrid": False, "nticks": 5},
        "yaxis2": _titled("half learnt at step")
        | _step_axis(spectra)
        | {"domain": TOP}
        | {"anchor": "x2"},
        "xaxis3": step | {"domain": LEFT if beside else [0, 1], "anchor": "y3"},
        "yaxis3": _titled("roughness") | {"domain": LOW, "anchor": "x3", "rangemode": "tozero"},
        **(_line_axes(spectra) if beside else {}),
        "shapes": [_half(colours)],
        "annotations": _words(spectra, colours),
        "meta": {"narrow": _NARROW},
    }


_NARROW: dict[str, Any] = {
    "height": 1180,
    "legend": {"y": 1.01},
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.79, 0.97]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.54, 0.69]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis3": {"domain": [0.28, 0.43]},
    "xaxis4": {"domain": [0, 1]},
    "yaxis4": {"domain": [0, 0.16]},
}


def _titled(text: str, standoff: int = 8) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": standoff}}


def _step_axis(spectra: DataSpectra) -> dict[str, Any]:
    """Of all the run, so that late is high."""
    ends = np.log10([max(float(spectra.steps[0]), EARLIEST), float(spectra.steps[-1])])
    return {"type": "log", "dtick": 1, "tickformat": ",", "range": [ends[0] - 0.1, ends[1] + 0.1]}


def _line_axes(spectra: DataSpectra) -> dict[str, Any]:
    across, up = time_axes(spectra.along)
    return {
        "xaxis4": across | {"domain": RIGHT, "anchor": "y4"},
        "yaxis4": up | {"domain": LOW, "anchor": "x4"},
    }


def _half(colours: Palette) -> Trace:
    ends = {"x0": 0, "x1": 1, "xref": "x domain", "y0": HALF, "y1": HALF, "yref": "y"}
    return {"type": "line", **ends, "line": {"color": colours.border, "width": 1, "dash": "dot"}}


def _words(spectra: DataSpectra, colours: Palette) -> list[dict[str, Any]]:
    """The verdict over the times; what each lower picture is."""
    heads = [(f"<b>{VERDICTS[spectra.filtered.verdict]}</b>", "2")]
    heads.append(("Roughness; dashed: target, dotted: chance", "3"))
    if _has_line(spectra):
        heads.append(("Waves along one direction (● half, ◆ 90 %)", "4"))
    return [_above(text, axis, colours) for text, axis in heads]


def _above(text: str, axis: str, colours: Palette) -> dict[str, Any]:
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1}
    corner = {"xanchor": "left", "yanchor": "bottom", "yshift": 6, "showarrow": False}
    return {"text": text, **place, **corner, "font": {"size": 12, "color": colours.ink}}


def caption(spectra: DataSpectra) -> str:
    """Which decomposition it is and why, its verdict, and what the two others add."""
    rough = f"Roughness is over the graph of {spectra.roughness.neighbours} nearest neighbours"
    parts = [
        _what(spectra),
        f"{VERDICTS[spectra.filtered.verdict]}: {spectra.filtered.why}.",
        f"{rough}: 0 is constant.",
        _along(spectra),
    ]
    return " ".join([*parts, *([conditions(spectra.about)] if spectra.about else [])])


def _what(spectra: DataSpectra) -> str:
    some = spectra.examples < spectra.population
    drawn = f", drawn from {spectra.population:,}" if some else ""
    width = told_width(spectra)
    return (
        f"{count(len(spectra.direction), 'feature')} have no one direction for waves, so the "
        f"{spectra.outputs} of {count(spectra.examples, 'example')}{drawn} ({spectra.source}) are "
        "split by Gaussians over the inputs into a smooth and a fine part: in full by a width of "
        f"{number(spectra.filtered.widths[width])}, which leaves "
        f"{spectra.filtered.share[width]:.0%} of the target smooth; dotted by others."
    )


def _along(spectra: DataSpectra) -> str:
    share = f"{spectra.along.axis} ({spectra.explained:.0%} of their variance)"
    if not _has_line(spectra):
        return f"Along {share} no wave of the target was learnt that stands clear of noise."
    return f"Waves run along {share}: {VERDICTS[spectra.along.verdict].lower()}."


def numbers(spectra: DataSpectra) -> tuple[Named, ...]:
    """Each width's split and its two times; roughness at the ends."""
    rough = spectra.roughness
    return (
        Named("roughness", float(rough.values[-1]), f"at the last step; target {rough.target:.4g}"),
        *(_of(spectra, at) for at in range(len(spectra.filtered.widths))),
    )


def _of(spectra: DataSpectra, at: int) -> Named:
    split = spectra.filtered
    told = f"{split.share[at]:.0%} of the target is smooth; half of that is learnt "
    told += f"{_when(split.low_step[at])}, half of the fine part {_when(split.high_step[at])}"
    return Named(f"width {split.widths[at]:.3g}", float(split.share[at]), told)


def _when(step: float) -> str:
    if np.isnan(step):
        return "at no step that is known"
    return "not by the last step" if np.isinf(step) else f"by step {step:,.0f}"


def _label(spectra: DataSpectra) -> str:
    return f"{count(spectra.examples, 'example')}, {spectra.source}"


COMMAND = "spectral-bias --target MODULE:FUNCTION"
STORED = Stored(DataSpectra, "spectral-bias", _label, recorded_outputs(COMMAND))
PANEL = StoredPanel(
    name="data_spectra",
    chapter="spectral",
    title="Data spectra",
    question="Over inputs of many features, was the smooth or the fine part learnt first?",
    analyse=STORED.newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
