"""Predictions with dropout left on: how far they spread, how well that is known, what makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.canvas import Canvas
from dashboard.dropout.arrangement import Part, arranged
from dashboard.dropout.band import SPREAD, WIDTH, band_of, band_traces, outputs_of
from dashboard.dropout.doubt import doubt_of, entropy_traces, has_tenths, tenth_traces
from dashboard.dropout.enough import enough_mark, enough_traces
from dashboard.dropout.shares import drawn, share_traces, shares_of
from dashboard.loss_scale import log_axis
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.verdicts import ICONS
from dashboard.wording import count, number, words
from diagnostics.active.mc_dropout import PlacedDropout, stored_dropout
from diagnostics.mc_dropout import Dropout, McDropout
from diagnostics.run import Run
from diagnostics.uncertainty import PRECISE

Trace: TypeAlias = dict[str, Any]
Drawn: TypeAlias = McDropout | PlacedDropout  # the one is the other without a line

MOST_OUTPUTS = 6
TOP, LOW, BAR = 330, 230, 36  # pixels: of a row, and of a bar with its name
CAVEAT = (
    "The spread is that of the dropout ensemble. It is not what more data would take away: in a "
    "linear network it depends on the weights alone, however many examples they were trained on."
)


def draw(found: Drawn, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """Predictions above; below how well the spread is known, and each dropout's own share."""
    placed, colours = _placed(found), palette(scheme)
    upper = _upper(placed, _output(placed, view), colours)
    lower = _lower(placed.ensemble, colours)
    figure = Canvas(data=[trace for chart in (*upper, *lower) for trace in chart.traces])
    figure.update_layout(_layout(placed, scheme))
    parts = ([chart.part for chart in row] for row in (upper, lower))
    figure.update_layout(arranged(*parts, headline=bool(placed.ensemble.findings)))
    return figure


@dataclass(frozen=True)
class _Chart:
    """What is drawn on one pair of axes."""

    part: Part
    traces: list[Trace]


def _chart(traces: list[Trace], part: Part) -> _Chart:
    """On its axes, and named in its legend or nowhere."""
    own: Trace = {"xaxis": f"x{part.axis}", "yaxis": f"y{part.axis}"}
    own |= {"legend": part.legend} if part.legend else {"showlegend": False}
    return _Chart(part, [trace | own for trace in traces])


def _placed(found: Drawn) -> PlacedDropout:
    return PlacedDropout(found, None) if isinstance(found, McDropout) else found


def choices(found: Drawn) -> dict[str, tuple[str, ...]]:
    """One output of several at a time."""
    placed = _placed(found)
    if placed.ensemble.uncertainty.reading.classes:
        return {}
    many = min(outputs_of(placed), MOST_OUTPUTS)
    return {"view": tuple(f"output {n + 1}" for n in range(many))}


def _output(placed: PlacedDropout, view: str | None) -> int:
    known = choices(placed).get("view", ())
    if view is None:
        return 0
    if view not in known:
        raise ValueError(f"no view '{view}' of this ensemble (there are: {', '.join(known)})")
    return known.index(view)


def _upper(placed: PlacedDropout, output: int, colours: Palette) -> list[_Chart]:
    if placed.ensemble.uncertainty.reading.classes:
        return _entropies(placed.ensemble, colours)
    band = band_of(placed, output)
    whose = f"{placed.line.whose} data" if placed.line else "target"
    traces = band_traces(band, colours, whose)
    title = f"output {output + 1}" if outputs_of(placed) > 1 else "prediction"
    x, y = _titled(band.title), _titled(title)
    return [_chart(traces, Part("", TOP, x, y, _names(traces), "legend"))]


def _entropies(found: McDropout, colours: Palette) -> list[_Chart]:
    doubt = doubt_of(found)
    traces = entropy_traces(doubt, colours)
    x = _titled("examples, from the most certain to the least")
    y = _titled("entropy, nats") | {"rangemode": "tozero"}
    charts = [_chart(traces, Part("", TOP, x, y, _names(traces), "legend"))]
    if not has_tenths(doubt):
        return charts
    traces = tenth_traces(doubt, colours)
    x = _titled("tenths, from the most certain to the least") | {"dtick": 1, "range": [0.5, 10.5]}
    y = _titled("wrong") | {"tickformat": ".0%", "rangemode": "tozero"}
    return [*charts, _chart(traces, Part("4", TOP, x, y, _names(traces), "legend2", inside=True))]


def _lower(found: McDropout, colours: Palette) -> list[_Chart]:
    shares = shares_of(found)
    height = max(LOW, BAR * len(drawn(shares)))
    traces = enough_traces(found.uncertainty, colours)
    x = _titled("draws") | _log(traces, "x") | {"tickformat": ",d"}
    y = _titled("relative error of the spread") | _log(traces, "y") | {"tickformat": "~%"}
    charts = [_chart(traces, Part("2", height, x, y, _names(traces), "legend3"))]
    if not shares:
        return charts
    x = _titled("each dropout alone, of the spread of all") | {"tickformat": ".0%"}
    y = {"visible": False, "range": [len(drawn(shares)) - 0.5, -0.75]}
    return [*charts, _chart(share_traces(shares, colours), Part("3", height, x, y))]


def _log(traces: list[Trace], axis: str) -> dict[str, Any]:
    return log_axis(np.concatenate([trace[axis] for trace in traces]), log=True)


def _names(traces: list[Trace]) -> tuple[str, ...]:
    return tuple(trace["name"] for trace in traces if trace.get("showlegend", True))


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": 8}}


def _layout(placed: PlacedDropout, scheme: Scheme) -> dict[str, Any]:
    found, colours = placed.ensemble, palette(scheme)
    legend = {"xanchor": "left", "bgcolor": "rgba(0,0,0,0)"}
    return {
        "template": template(scheme),
        "uirevision": safe(found.about.run),
        "margin": {"l": 56, "r": 16},
        "hovermode": "closest",
        "legend": legend,
        "legend2": legend,
        "legend3": legend,
        "bargap": 0.5,
        "title": _headline(found, colours),
        "annotations": enough_mark(found.uncertainty, colours),
    }


def _headline(found: McDropout, colours: Palette) -> dict[str, Any]:
    """What is wrong with the draws, before anyone reads a number off them; all of it is below."""
    if not found.findings:
        return {}
    worst, others = found.findings[0], len(found.findings) - 1
    more = f", and {others} more" if others else ""
    text = f"<b>{ICONS[worst.severity]} {safe(words(worst.disease))}{more}</b>"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container"}
    place |= {"yanchor": "top", "pad": {"t": 8}}
    colour = getattr(colours, worst.severity)
    return {"text": text, "font": {"size": 13, "color": colour}} | place


def caption(found: Drawn) -> str:
    """What is wrong first; what the spread is, and is not; how it was drawn."""
    placed = _placed(found)
    of = placed.ensemble
    seen = (each.symptom[:1].upper() + each.symptom[1:] for each in of.findings)
    parts = [*seen, _what(placed), CAVEAT, _known(of)]
    if shares_of(of):
        parts.append(
            "Bars: each dropout with all others off (± standard error); what is missing to 100 %, "
            "or beyond it, they make together."
        )
    return " ".join([*parts, conditions(of.about)])


def _what(placed: PlacedDropout) -> str:
    of = placed.ensemble
    told = f"{count(of.uncertainty.draws, 'draw')} with dropout on, at {centre(of.about)}"
    if of.uncertainty.reading.classes:
        tenths = ""
        if has_tenths(doubt_of(of)):
            tenths = (
                " By tenths: the share that is wrong, with its 95 % interval; dotted, that of all."
            )
        return (
            f"{told}. Each example's predictive entropy is the entropy of single draws, expected, "
            f"and the mutual information, which is the {SPREAD}.{tenths}"
        )
    masks = "each example has masks of its own"
    if of.plan.masks == "shared":
        masks = "all examples share a draw's masks, so that it is one function"
    total = (
        "" if of.uncertainty.total else " The targets' noise is not known, so no total is drawn."
    )
    return f"{told}; {masks}. Bands: the {SPREAD}, {WIDTH} standard deviations either way.{total}"


def _known(of: McDropout) -> str:
    """Are these draws enough?"""
    found = of.uncertainty
    if found.needed is None:
        return "How well the spread is known cannot be told."
    told = f"The spread of the median example is known to {found.relative:.1%}"
    if not found.more:
        return f"{told}: enough draws ({PRECISE:.0%} is)."
    return f"{told}; {PRECISE:.0%} takes {found.more:,} more draws."


def numbers(found: Drawn) -> tuple[Named, ...]:
    """The averages over the examples with their errors, and each dropout's part."""
    of = _placed(found).ensemble
    grown = of.uncertainty.growth.epistemic
    classes = of.uncertainty.reading.classes
    what = "mutual information, nats" if classes else "variance over the draws"
    meaning = f"{what}; mean over examples, ± standard error"
    return (
        Named("draws", of.uncertainty.draws, f"{of.how}, in {number(of.seconds)} s"),
        Named(SPREAD, float(grown.value[-1]), meaning, float(grown.error[-1])),
        Named("relative error", of.uncertainty.relative, "of the median example's spread"),
        Named("nine in ten at most", of.uncertainty.worst, "the same, of nine examples in ten"),
        Named("mean far from plain", of.far, "share over 3 standard errors from dropout off"),
        *_likelihood(of),
        *(_own(each) for each in of.dropouts),
    )


def _likelihood(of: McDropout) -> tuple[Named, ...]:
    if of.likelihood is None:
        return ()
    mean = of.likelihood.mean
    return (
        Named(
            "log likelihood", float(mean.value), "mean, of all draws together", float(mean.error)
        ),
        Named("log likelihood, dropout off", of.plain_log_likelihood, "mean"),
    )


def _own(each: Dropout) -> Named:
    rate = "" if np.isnan(each.p) else f", p = {number(each.p)}"
    told = f"{each.op}{rate}, took part in {count(each.times, 'draw')}"
    if each.alone is None:
        return Named(each.name, "not asked" if each.times else "never fired", told)
    return Named(
        each.name, float(each.alone.value), f"{told}; its spread alone", float(each.alone.error)
    )


def _label(placed: PlacedDropout) -> str:
    of = placed.ensemble
    return f"{label(of.about)}, {of.plan.masks} masks: {of.about.data}"


class _StoredDropout(Stored[PlacedDropout]):
    """Also of one that was stored without a line."""

    def chosen(self, run: Run, key: str) -> PlacedDropout:
        return stored_dropout(run.path, key)


PANEL = StoredPanel(
    name="mc_dropout",
    title="Dropout ensemble",
    question="How far do predictions spread when dropout stays on, and are the draws enough?",
    analyse=(STORED := _StoredDropout(PlacedDropout, "mc-dropout", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
