"""Several networks together: where they part, what averaging gains, how unlike they are."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure

from dashboard.about import label
from dashboard.arrangement import Part, arranged
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart, headline, titled
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
    has_spreads,
    likelihood_traces,
    newest_change,
    row_axis,
    row_names,
    rows_of,
    spread_traces,
    whole,
)
from dashboard.ensembles.distance import distance_traces, has_map, member_axis, number_axis
from dashboard.ensembles.gain import gain_traces, is_known
from dashboard.ensembles.naming import KINDS, error_name
from dashboard.ensembles.told import caption, numbers
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.active.ensemble import PlacedEnsemble, stored_ensemble
from diagnostics.ensemble import Ensemble, Gain
from diagnostics.run import Run

MOST_OUTPUTS = 6
TOP, LOW, LEAST = 330, 250, 130  # pixels: of a row


def draw(found: Drawn, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """Predictions above; then what averaging gains and how far members are apart; then dropout."""
    both, colours = whole(found), palette(scheme)
    rows = [*_rows(both.placed, _output(both, view), colours), _lower(both, colours)]
    figure = Canvas(data=all_traces([each for row in rows for each in row]))
    figure.update_layout(_layout(both, scheme))
    parts = [[each.part for each in row] for row in rows if row]
    figure.update_layout(arranged(parts, headline=bool(both.placed.ensemble.findings)))
    return figure


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


def _rows(placed: PlacedEnsemble, output: int, colours: Palette) -> list[list[Chart]]:
    """Two a row; a line over the whole width."""
    of = placed.ensemble
    gained = [_gained(of.gain, error_name(of), colours)] if of.gain and is_known(of.gain) else []
    classes = of.uncertainty.reading.classes
    apart = [_apart(of, TOP if classes else LOW, colours)] if has_map(of) else []
    if classes:
        doubt = doubt_in(of)
        tenths = [_tenths(doubt, colours)] if has_tenths(doubt) else []
        return [[_entropies(of, doubt, colours), *apart], [*tenths, *gained]]
    traces = member_traces(placed, output, colours)
    several = len(choices(placed).get("view", ())) > 1
    title = f"output {output + 1}" if several else "prediction"
    x, y = titled(band_title(placed)), titled(title)
    band = chart(traces, Part("", TOP, x, y, legend="legend"))
    return [[band], [*gained, *apart]]


def _entropies(of: Ensemble, doubt: Doubt, colours: Palette) -> Chart:
    traces = entropies(of, doubt, colours)
    x = titled("examples, the most certain first")
    y = titled("entropy, nats") | {"rangemode": "tozero"}
    return chart(traces, Part("", TOP, x, y, legend="legend"))


def _tenths(doubt: Doubt, colours: Palette) -> Chart:
    traces = tenth_traces(doubt, colours)
    x = titled("tenths, the most certain first") | {"dtick": 1, "range": [0.5, 10.5]}
    y = titled("wrong") | {"tickformat": ".0%", "rangemode": "tozero"}
    return chart(traces, Part("2", LOW, x, y, legend="legend2"))


def _gained(gain: Gain, name: str, colours: Palette) -> Chart:
    traces = gain_traces(gain, colours)
    x = titled("members") | {"dtick": max(1, -(-len(gain.members) // 10))}
    return chart(traces, Part("3", LOW, x, titled(name), legend="legend3"))


def _apart(of: Ensemble, height: int, colours: Palette) -> Chart:
    part = Part("4", height, number_axis(of), member_axis(of))
    return chart(distance_traces(of, colours), part)


def _lower(found: Beside, colours: Palette) -> list[Chart]:
    """What a dropout ensemble says of the same examples, where there is one."""
    rows = rows_of(found)
    if not rows:
        return []
    axis, classes = row_axis(rows), found.placed.ensemble.uncertainty.reading.classes
    what = "mutual information, nats" if classes else "variance"
    x = titled(f"mean spread ({what})") | {"rangemode": "tozero"}
    charts = []
    if has_spreads(rows):
        charts.append(chart(spread_traces(rows, colours), Part("5", LEAST, x, axis)))
    if not has_likelihoods(rows):
        return charts
    traces = likelihood_traces(rows, colours)
    x = titled("log likelihood (open: one alone)")
    return [*charts, chart(traces, Part("6", LEAST, x, axis))]


def _layout(found: Beside, scheme: Scheme) -> dict[str, Any]:
    of, rows, colours = found.placed.ensemble, rows_of(found), palette(scheme)
    return {
        "template": template(scheme),
        "uirevision": safe(of.about.run),
        "margin": {"l": 56, "r": 16},
        "hovermode": "closest",
        "title": headline(of.findings, colours),
        "annotations": [
            *(row_names(rows, "5", colours) if has_spreads(rows) else []),
            *(row_names(rows, "6", colours) if has_likelihoods(rows) else []),
        ],
    }


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
    chapter="uncertainty",
    title="Ensemble of networks",
    question="Where do trained networks disagree, and what does averaging them gain?",
    analyse=(STORED := _StoredEnsemble(PlacedEnsemble, "ensemble", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
