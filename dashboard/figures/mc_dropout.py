"""Predictions with dropout left on: how far they spread, how well that is known, what makes it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.arrangement import Part, arranged, merged
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, headline
from dashboard.dropout.band import SPREAD, WIDTH
from dashboard.dropout.charts import (
    Look,
    enough_chart,
    histogram_chart,
    look_at,
    rate_charts,
    share_charts,
    unsure_charts,
)
from dashboard.dropout.doubt import doubt_of, has_tenths
from dashboard.dropout.ladder import stops
from dashboard.dropout.shares import shares_of
from dashboard.dropout.sliders import (
    clickable,
    marks,
    sliders_of,
    spots_of,
)
from dashboard.dropout.views import View, seen, views_of
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.active.mc_dropout import PlacedDropout, stored_dropout
from diagnostics.mc_dropout import Dropout, McDropout
from diagnostics.run import Run
from diagnostics.uncertainty import PRECISE

Drawn: TypeAlias = McDropout | PlacedDropout  # the one is the other without a line

REST = ("6", "4", "2", "3")  # axes: draws at a place, tenths, whether enough, each dropout alone
CAVEAT = (
    "The spread is that of the dropout ensemble. It is not what more data would take away: in a "
    "linear network it depends on the weights alone, however many examples they were trained on."
)
FEWER = (
    "A slider shows it as it is with the first so many draws, in the order that all of them give."
)
PLACES = (
    "A slider goes along places, with the draws at each; a click on the first chart goes to the "
    "place next to it."
)


def draw(found: Drawn, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """How far predictions spread, and the draws at one place; then how well that is known."""
    placed, colours = _placed(found), palette(scheme)
    chosen = _view(placed, view)
    look = look_at(seen(placed, chosen), chosen.output, colours)
    unsure, spots = unsure_charts(look), spots_of(look)
    several = spots is not None and spots.several
    if spots and several:
        unsure[0] = clickable(unsure[0], spots)
    histogram = [histogram_chart(look, int(spots.examples[spots.first]))] if spots else []
    asked = [*share_charts(placed.ensemble, colours), *rate_charts(placed.ensemble, colours)]
    rest = [*histogram, enough_chart(look.found, colours), *asked]
    sliders = sliders_of(look, unsure, spots)
    figure = Canvas(data=all_traces([*unsure, *rest]))
    figure.update_layout(_layout(placed, scheme))
    layout = _arranged(look, [*unsure, *rest], len(sliders))
    layout["meta"]["player"] = several
    shapes = marks(look, spots, spots.first) if spots and several else []
    figure.update_layout(layout | {"sliders": sliders, "shapes": shapes})
    return figure


def _arranged(look: Look, charts: list[Chart], sliders: int) -> dict[str, Any]:
    found, colours = look.found, look.colours
    rows = _rows([chart.part for chart in charts])
    layout = arranged(rows, headline=bool(found.findings), sliders=sliders)
    for chart in charts:
        layout = merged(chart.layout, layout)
    notes = [note for chart in charts for note in chart.layout.get("annotations", [])]
    return layout | {"annotations": notes, "title": headline(found.findings, colours)}


def _rows(parts: list[Part]) -> list[list[Part]]:
    """Maps, or the examples; below the sliders the draws at a place; then the rest, two a row."""
    there = {part.axis: part for part in parts}
    rest = [axis for axis in REST if axis in there]
    last = [("8", "9")] if "9" in there else []  # rates stand side by side
    rest += ["8"] if "8" in there and not last else []
    pairs = [tuple(rest[at : at + 2]) for at in range(0, len(rest), 2)]
    if "5" in there:  # under maps the examples are a row of their own
        pairs.insert(1, ("5",))
    rows = [("", "7"), *pairs, *last]
    return [[there[axis] for axis in row if axis in there] for row in rows]


def _placed(found: Drawn) -> PlacedDropout:
    return PlacedDropout(found, None) if isinstance(found, McDropout) else found


def choices(found: Drawn) -> dict[str, tuple[str, ...]]:
    """One output of several at a time; one dropout alone, where that was asked."""
    return {"view": tuple(views_of(_placed(found)))}


def _view(placed: PlacedDropout, view: str | None) -> View:
    known = views_of(placed)
    if view is None:
        return next(iter(known.values()))
    if view not in known:
        raise ValueError(f"no view '{view}' of this ensemble (there are: {', '.join(known)})")
    return known[view]


def _layout(placed: PlacedDropout, scheme: Scheme) -> dict[str, Any]:
    found = placed.ensemble
    return {
        "template": template(scheme),
        "uirevision": safe(found.about.run),
        "margin": {"l": 56, "r": 16},
        "hovermode": "closest",
        "bargap": 0.5,
    }


def caption(found: Drawn) -> str:
    """What is wrong first; what the spread is, and is not; how it was drawn."""
    placed = _placed(found)
    of = placed.ensemble
    symptoms = (each.symptom[:1].upper() + each.symptom[1:] for each in of.findings)
    parts = [*symptoms, _what(placed), *_over_a_plane(placed), CAVEAT, _known(of)]
    if of.uncertainty.needed:
        parts += [FEWER] if len(stops(of)) > 1 else []
        parts += [PLACES] if placed.plane or of.uncertainty.epistemic.value.size > 1 else []
    if shares_of(of):
        parts.append(
            "Bars: each dropout with all others off (± standard error); what is missing to 100 %, "
            "or beyond it, they make together."
        )
    if of.sweep:
        parts.append("Rates: the weights stay as they were trained.")
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


def _over_a_plane(placed: PlacedDropout) -> tuple[str, ...]:
    plane = placed.plane
    if plane is None:
        return ()
    beyond = f"with a quarter of their extent beyond the {plane.whose} data"
    return (f"Maps: {len(plane.across)} by {len(plane.up)} places, {beyond}; dots are these.",)


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
        return Named(each.called, "not asked" if each.times else "never fired", told)
    return Named(
        each.called, float(each.alone.value), f"{told}; its spread alone", float(each.alone.error)
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
    chapter="uncertainty",
    title="Dropout ensemble",
    question="How far do predictions spread when dropout stays on, and are the draws enough?",
    analyse=(STORED := _StoredDropout(PlacedDropout, "mc-dropout", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
