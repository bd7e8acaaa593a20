"""Rejection: are the uncertain predictions the wrong ones, and are strangers told apart?"""

from __future__ import annotations

import math

from plotly.graph_objects import Figure

from dashboard.about import conditions, label
from dashboard.arrangement import Part, arranged
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.scores.marks import Layout, headline, titled
from dashboard.scores.rejection import (
    WIDTH,
    is_share,
    risk_traces,
    sparsification_traces,
    tenth_traces,
)
from dashboard.scores.strangers import stranger_traces
from dashboard.scores.words import with_error
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import number
from diagnostics.selective import (
    REMAINING,
    REMAINING_NORMALISED,
    SUM_NORMALISED,
    Selective,
    Sparsification,
)

VIEWS = {"relative": REMAINING_NORMALISED, "mean": REMAINING, "sum": SUM_NORMALISED}
TOP, LOW = 300, 230  # pixels
SURE = 2  # standard errors
TOLD = "The uncertain are the wrong"


def draw(found: Selective, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """What rejecting buys, above; below the loss by uncertainty, and strangers."""
    colours = palette(scheme)
    rows = [
        [_risk(found, colours), _sparsification(found, view, colours)],
        [_tenths(found, colours), *_strangers(found, colours)],
    ]
    figure = Canvas(data=all_traces([each for row in rows for each in row]))
    figure.update_layout(_layout(found, scheme))
    figure.update_layout(arranged([[each.part for each in row] for row in rows], headline=True))
    return figure


def choices(_: Selective) -> dict[str, tuple[str, ...]]:
    """Three definitions of sparsification are in use, and must not be compared."""
    return {"view": tuple(VIEWS)}


def _chosen(found: Selective, view: str | None) -> Sparsification:
    if view not in (None, *VIEWS):
        raise ValueError(f"no view '{view}' of a rejection (there are: {', '.join(VIEWS)})")
    wanted = VIEWS[view or "relative"]
    return next(each for each in found.sparsification if each.definition == wanted)


def _loss(found: Selective) -> Layout:
    if is_share(found.deciles):
        return titled("share that is wrong", rangemode="tozero", tickformat=".0%")
    return titled("mean loss", rangemode="tozero")


def _risk(found: Selective, colours: Palette) -> Chart:
    x = titled("share kept, the most certain first", range=[0, 1], tickformat=".0%")
    most = 1.0 if is_share(found.deciles) else math.inf
    traces = risk_traces(found.risk_coverage, colours, most)
    return chart(traces, Part("", TOP, x, _loss(found), legend="legend"))


def _sparsification(found: Selective, view: str | None, colours: Palette) -> Chart:
    of = _chosen(found, view)
    x = titled("share removed, the most uncertain first", range=[0, 1], tickformat=".0%")
    y = titled(f"loss, {of.definition}", rangemode="tozero")
    return chart(sparsification_traces(of, colours), Part("2", TOP, x, y, legend="legend2"))


def _tenths(found: Selective, colours: Palette) -> Chart:
    x = titled("tenths of the examples, by uncertainty", range=[0, 1], tickformat=".0%")
    mean = found.risk_coverage.random_aurc.value
    return chart(tenth_traces(found.deciles, mean, colours), Part("3", LOW, x, _loss(found)))


def _strangers(found: Selective, colours: Palette) -> list[Chart]:
    if found.strangers is None:
        return []
    x = titled("uncertainty, of the own data and of the other")
    y = titled("share of each", tickformat=".0%")
    traces = stranger_traces(found.strangers, colours)
    return [chart(traces, Part("4", LOW, x, y, legend="legend4"))]


def verdict(found: Selective) -> str:
    """In a few words, by the share of the way from no order to the best."""
    gained = found.risk_coverage.gained
    if math.isnan(gained.value):
        return "All losses are equal: no order is better"
    gain = f"gain {100 * gained.value:.0f} ± {100 * gained.error:.0f}%"
    if gained.value > SURE * gained.error:
        return f"{TOLD}: {gain}"
    if gained.value < -SURE * gained.error:
        return f"The certain are the wrong: {gain}"
    return f"No order beyond chance: {gain}"


def _layout(found: Selective, scheme: Scheme) -> Layout:
    colours, told = palette(scheme), verdict(found)
    return {
        "template": template(scheme),
        "uirevision": safe(found.about.run if found.about else ""),
        "margin": {"l": 60, "r": 16},
        "hovermode": "closest",
        "barmode": "overlay",
        "bargap": 0,
        "title": headline(told, colours.good if told.startswith(TOLD) else colours.warning),
    }


def caption(found: Selective) -> str:
    """What rejecting buys, what the areas are, and by which definition."""
    curve = found.risk_coverage
    areas = [with_error(s.value, s.error) for s in (curve.aurc, curve.perfect_aurc)]
    errors = "; ".join(f"{each.definition}: {_area(each)}" for each in found.sparsification)
    bought = (
        f"{verdict(found)}. The area under the risk-coverage curve (AURC) is {areas[0]}; with the "
        f"best order {areas[1]}, with none {number(curve.random_aurc.value)}; the gain is the "
        f"share of the way from the last to the former. Band: ± {WIDTH} standard errors of the "
        "mean loss of those kept."
    )
    left = (
        "Sparsification: what loss is left when the most uncertain are removed; the grey area "
        "down to the ideal is the AUSE. It has three definitions, which must not be compared: "
        f"{errors}. Tenths: from the most certain to the least, with 95 % intervals; dotted, the "
        "mean of all."
    )
    parts = [bought, left, *_told_apart(found), *_named(found)]
    return " ".join([*parts, *([conditions(found.about)] if found.about else [])])


def _named(found: Selective) -> list[str]:
    """By what and of what; a file from before these had names says it of its data."""
    return [f"Uncertainty: {found.doubt}; loss: {found.loss}."] if found.doubt else []


def _area(of: Sparsification) -> str:
    return "not told" if math.isnan(of.ause.value) else with_error(of.ause.value, of.ause.error)


def _told_apart(found: Selective) -> list[str]:
    other = found.strangers
    if other is None:
        return []
    low, high = other.fpr95_interval
    told = (
        "Of one example of each, the other data's is the more uncertain in "
        f"{other.auroc.value:.1%} of pairs (AUROC; 50 % tells nothing). At the threshold that "
        f"95 % of the own are at or below, so are {other.fpr95:.1%} of the others "
        f"(95 %: {low:.1%} to {high:.1%})."
    )
    return [told]


def numbers(found: Selective) -> tuple[Named, ...]:
    """Areas with their errors, each beside its definition."""
    curve = found.risk_coverage
    mean = "mean over coverages of the mean loss of those kept"
    scores = (
        Named("AURC", curve.aurc.value, mean, curve.aurc.error),
        Named("ideal AURC", curve.perfect_aurc.value, "best order", curve.perfect_aurc.error),
        Named("random AURC", curve.random_aurc.value, "mean loss", curve.random_aurc.error),
        Named("gained", curve.gained.value, "1: ideal, 0: random", curve.gained.error),
    )
    areas = (
        Named("AUSE", each.ause.value, each.definition, each.ause.error)
        for each in found.sparsification
    )
    return (*scores, *areas, *_of_strangers(found))


def _of_strangers(found: Selective) -> tuple[Named, ...]:
    other = found.strangers
    if other is None:
        return ()
    low, high = map(number, other.fpr95_interval)
    told = f"share of other data below {number(other.threshold)}; 95 %: {low} to {high}"
    return (
        Named("AUROC", other.auroc.value, "other data the more uncertain", other.auroc.error),
        Named("FPR at 95 %", other.fpr95, told),
    )


def _label(found: Selective) -> str:
    return f"{label(found.about)}: {found.about.data}" if found.about else "predictions given"


PANEL = StoredPanel(
    name="selective",
    chapter="uncertainty",
    title="Rejecting the uncertain",
    question="Are the uncertain predictions the wrong ones?",
    analyse=(STORED := Stored(Selective, "quality --held-out", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
