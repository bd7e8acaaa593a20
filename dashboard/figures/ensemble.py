"""Several networks together: where they part, what averaging gains, how unlike they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from plotly.graph_objects import Figure

from dashboard.about import label
from dashboard.canvas import Canvas
from dashboard.dropout.arrangement import Part, arranged
from dashboard.dropout.band import outputs_of
from dashboard.dropout.doubt import Doubt, has_tenths, tenth_traces
from dashboard.ensembles.as_draws import (
    band_title,
    doubt_in,
    drawn_along,
    entropies,
    member_traces,
)
from dashboard.ensembles.beside import (
    Beside,
    Drawn,
    beside,
    has_likelihoods,
    likelihood_traces,
    newest_change,
    row_axis,
    row_names,
    rows_of,
    spread_traces,
    whole,
)
from dashboard.ensembles.distance import distance_traces, has_map, member_axis, number_axis
from dashboard.ensembles.gain import gain_traces
from dashboard.ensembles.naming import KINDS, error_name
from dashboard.ensembles.told import caption, numbers
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.verdicts import ICONS
from dashboard.wording import words
from diagnostics.active.ensemble import PlacedEnsemble, stored_ensemble
from diagnostics.ensemble import Ensemble, Gain
from diagnostics.run import Run

Trace: TypeAlias = dict[str, Any]

MOST_OUTPUTS = 6
TOP, LOW, LEAST = 330, 250, 130  # pixels: of a row


def draw(found: Drawn, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """Predictions above; then what averaging gains and how far members are apart; then dropout."""
    both, colours = whole(found), palette(scheme)
    rows = [*_rows(both.placed, _output(both, view), colours), _lower(both, colours)]
    figure = Canvas(data=[trace for row in rows for chart in row for trace in chart.traces])
    figure.update_layout(_layout(both, scheme))
    parts = [[chart.part for chart in row] for row in rows if row]
    figure.update_layout(arranged(parts, headline=bool(both.placed.ensemble.findings)))
    return figure


@dataclass(frozen=True)
class _Chart:
    """What is drawn on one pair of axes."""

    part: Part
    traces: list[Trace]


def _chart(traces: list[Trace], part: Part) -> _Chart:
    """On its axes, and named in its legend or nowhere."""
    own: Trace = {"xaxis": f"x{part.axis}", "yaxis": f"y{part.axis}"}
    own |= {"legend": part.legend} if part.legend else {}
    off = {} if part.legend else {"showlegend": False}
    drawn = [trace | own | ({} if trace["type"] == "heatmap" else off) for trace in traces]
    return _Chart(part, drawn)


def choices(found: Drawn) -> dict[str, tuple[str, ...]]:
    """One output of several at a time."""
    placed = whole(found).placed
    if placed.ensemble.uncertainty.reading.classes:
        return {}
    many = min(outputs_of(drawn_along(placed)), MOST_OUTPUTS)
    return {"view": tuple(f"output {n + 1}" for n in range(many))}


def _output(found: Drawn, view: str | None) -> int:
    known = choices(found).get("view", ())
    if view is None:
        return 0
    if view not in known:
        raise ValueError(f"no view '{view}' of this ensemble (there are: {', '.join(known)})")
    return known.index(view)


def _rows(placed: PlacedEnsemble, output: int, colours: Palette) -> list[list[_Chart]]:
    """Two a row; a line over the whole width."""
    of = placed.ensemble
    gained = [_gained(of.gain, error_name(of), colours)] if of.gain else []
    classes = of.uncertainty.reading.classes
    apart = [_apart(of, TOP if classes else LOW, colours)] if has_map(of) else []
    if classes:
        doubt = doubt_in(of)
        tenths = [_tenths(doubt, colours)] if has_tenths(doubt) else []
        return [[_entropies(of, doubt, colours), *apart], [*tenths, *gained]]
    traces = member_traces(placed, output, colours)
    several = len(choices(placed).get("view", ())) > 1
    title = f"output {output + 1}" if several else "prediction"
    x, y = _titled(band_title(placed)), _titled(title)
    band = _chart(traces, Part("", TOP, x, y, _names(traces), "legend"))
    return [[band], [*gained, *apart]]


def _entropies(of: Ensemble, doubt: Doubt, colours: Palette) -> _Chart:
    traces = entropies(of, doubt, colours)
    x = _titled("examples, the most certain first")
    y = _titled("entropy, nats") | {"rangemode": "tozero"}
    return _chart(traces, Part("", TOP, x, y, _names(traces), "legend"))


def _tenths(doubt: Doubt, colours: Palette) -> _Chart:
    traces = tenth_traces(doubt, colours)
    x = _titled("tenths, the most certain first") | {"dtick": 1, "range": [0.5, 10.5]}
    y = _titled("wrong") | {"tickformat": ".0%", "rangemode": "tozero"}
    return _chart(traces, Part("2", LOW, x, y, _names(traces), "legend2"))


def _gained(gain: Gain, name: str, colours: Palette) -> _Chart:
    traces = gain_traces(gain, colours)
    x = _titled("members") | {"dtick": max(1, -(-len(gain.members) // 10))}
    return _chart(traces, Part("3", LOW, x, _titled(name), _names(traces), "legend3"))


def _apart(of: Ensemble, height: int, colours: Palette) -> _Chart:
    part = Part("4", height, number_axis(of), member_axis(of))
    return _chart(distance_traces(of, colours), part)


def _lower(found: Beside, colours: Palette) -> list[_Chart]:
    """What a dropout ensemble says of the same examples, where there is one."""
    rows = rows_of(found)
    if not rows:
        return []
    axis, classes = row_axis(rows), found.placed.ensemble.uncertainty.reading.classes
    what = "mutual information, nats" if classes else "variance"
    x = _titled(f"mean spread ({what})") | {"rangemode": "tozero"}
    charts = [_chart(spread_traces(rows, colours), Part("5", LEAST, x, axis))]
    if not has_likelihoods(rows):
        return charts
    traces = likelihood_traces(rows, colours)
    x = _titled("log likelihood (open: one alone)")
    return [*charts, _chart(traces, Part("6", LEAST, x, axis))]


def _names(traces: list[Trace]) -> tuple[str, ...]:
    return tuple(trace["name"] for trace in traces if trace.get("showlegend", True))


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": 8}}


def _layout(found: Beside, scheme: Scheme) -> dict[str, Any]:
    of, rows, colours = found.placed.ensemble, rows_of(found), palette(scheme)
    legend = {"xanchor": "left", "bgcolor": "rgba(0,0,0,0)"}
    return {
        "template": template(scheme),
        "uirevision": safe(of.about.run),
        "margin": {"l": 56, "r": 16},
        "hovermode": "closest",
        "legend": legend,
        "legend2": legend,
        "legend3": legend,
        "title": _headline(of, colours),
        "annotations": [
            *row_names(rows, "5", colours),
            *(row_names(rows, "6", colours) if has_likelihoods(rows) else []),
        ],
    }


def _headline(of: Ensemble, colours: Palette) -> dict[str, Any]:
    """What is wrong with the members, before anyone reads a number off them."""
    if not of.findings:
        return {}
    worst, others = of.findings[0], len(of.findings) - 1
    more = f", and {others} more" if others else ""
    text = f"<b>{ICONS[worst.severity]} {safe(words(worst.disease))}{more}</b>"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container"}
    place |= {"yanchor": "top", "pad": {"t": 8}}
    colour = getattr(colours, worst.severity)
    return {"text": text, "font": {"size": 13, "color": colour}} | place


def _label(found: Drawn) -> str:
    of = whole(found).placed.ensemble
    return f"{KINDS[of.kind]} of {len(of.names)}, {label(of.about)}: {of.about.data}"


class _StoredEnsemble(Stored[PlacedEnsemble | Beside]):
    """Also of one that was stored without a line; with the dropout ensemble that compares."""

    def chosen(self, run: Run, key: str) -> Beside:
        return beside(run, stored_ensemble(run.path, key))

    def stamp(self, run: Run) -> list[list[str]]:
        """A dropout ensemble that is stored later is drawn beside it."""
        other = newest_change(run)
        return [[key, f"{changed} {other}"] for key, changed in super().stamp(run)]


PANEL = StoredPanel(
    name="ensemble",
    title="Ensemble of networks",
    question="Where do trained networks disagree, and what does averaging them gain?",
    analyse=(STORED := _StoredEnsemble(PlacedEnsemble, "ensemble", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
