"""Reliability: is the classifier right as often as it is sure, and what would chance show?"""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure

from dashboard.about import conditions, label
from dashboard.canvas import Canvas
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.scores.class_errors import Rows, class_traces, rows
from dashboard.scores.marks import Layout, column, headline, on, titled
from dashboard.scores.reliability import count_traces, off, reliability_traces, start
from dashboard.scores.words import seldom, with_error
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import number
from diagnostics.calibration import Calibration, Reliability, Temperature

VIEWS = ("equal mass", "equal width")
RARE = 0.05  # a calibrated model shows as much so seldom: then it is not chance
SURE = 2  # standard errors
FITS = "Within chance"


def draw(found: Calibration, *, scheme: Scheme = "light", view: str | None = None) -> Figure:
    """Confidence against accuracy, how many examples were how sure, and every class by itself."""
    colours, bins, kept = palette(scheme), _bins(found, view), rows(found.classes)
    traces = [
        *on("", *reliability_traces(bins, colours), legend="legend"),
        *on("2", *count_traces(found, colours)),
        *on("3", *class_traces(found.classes, kept, colours), legend="legend2"),
    ]
    figure = Canvas(data=traces)
    figure.update_layout(_layout(found, bins, kept, scheme))
    return figure


def choices(_: Calibration) -> dict[str, tuple[str, ...]]:
    """By what the examples are put into bins."""
    return {"view": VIEWS}


def _bins(found: Calibration, view: str | None) -> Reliability:
    if view not in (None, *VIEWS):
        raise ValueError(f"no view '{view}' of a calibration (there are: {', '.join(VIEWS)})")
    return found.equal_width if view == VIEWS[1] else found.equal_mass


def verdict(found: Calibration) -> str:
    """In a few words, by the bins of equal mass; by the temperature where these see nothing."""
    low, high = found.accuracy_interval
    if found.equal_mass.chance > RARE:
        return _leaning(found.temperature).capitalize() or FITS
    if found.confidence > high:
        return "Too sure"
    return "Not sure enough" if found.confidence < low else "Miscalibrated"


def _leaning(warmth: Temperature | None) -> str:
    """What the temperature says; nothing where it is not clear of 1."""
    if warmth is None or abs(warmth.value - 1) <= SURE * warmth.error:
        return ""
    return "too sure" if warmth.value > 1 else "not sure enough"


def _headline(found: Calibration, bins: Reliability, colours: Palette) -> Layout:
    told, warmth = verdict(found), found.temperature
    why = f"ECE {bins.ece:.2g}, by chance {bins.floor:.2g}"
    if warmth and found.equal_mass.chance > RARE and told != FITS:
        why = f"temperature {with_error(warmth.value, warmth.error)}"
    return headline(f"{told}: {why}", colours.good if told == FITS else colours.warning)


def _layout(found: Calibration, bins: Reliability, kept: Rows, scheme: Scheme) -> Layout:
    colours, first = palette(scheme), start(found)
    heights = {"reliability": 330, "count": 90}
    tall, share = column(heights, 26)
    legend = {"orientation": "h", "yanchor": "bottom", "xanchor": "left", "y": 1.01}
    along = {"range": [first, 1 + 0.02 * (1 - first)], "tickformat": ".0%"}
    return {
        "template": template(scheme),
        "uirevision": safe(found.about.run if found.about else ""),
        "height": tall + 130,
        "margin": {"l": 60, "r": 16, "t": 76, "b": 54},
        "hovermode": "closest",
        "bargap": 0,
        "title": _headline(found, bins, colours),
        "legend": legend | {"x": 0},
        "legend2": legend | {"x": 0.6},
        "xaxis": along | {"domain": [0, 0.5], "showticklabels": False, "matches": "x2"},
        "yaxis": titled("accuracy", range=_up(bins, first), tickformat=".0%")
        | {"domain": share["reliability"]},
        "xaxis2": titled("confidence") | along | {"domain": [0, 0.5], "anchor": "y2"},
        "yaxis2": titled("examples", nticks=4) | {"domain": share["count"], "anchor": "x2"},
        "xaxis3": titled("ECE, class against the rest", rangemode="tozero")
        | {"domain": [0.6, 1], "anchor": "y3"},
        "yaxis3": _classes(kept) | {"domain": [0, 1], "anchor": "x3"},
        "meta": {"narrow": _narrow(kept)},
    }


def _up(bins: Reliability, first: float) -> list[float]:
    """All of every interval, and the diagonal's beginning."""
    low = bins.low[bins.count > 0].min()
    least = min(first, float(low))
    return [least - 0.02, 1.02]


def _classes(kept: Rows) -> Layout:
    names = [str(each) for each in kept.classes]
    title = "class" if kept.of == len(names) else f"class; the {len(names)} worst of {kept.of}"
    ends = [len(names) - 0.4, -0.6]
    return titled(title, tickvals=list(range(len(names))), ticktext=names, range=ends, ticks="")


def _narrow(kept: Rows) -> dict[str, Any]:
    heights = {
        "reliability": 280,
        "count": 70,
        "gap": 40,
        "classes": max(90, 26 * len(kept.classes)),
    }
    tall, share = column(heights, 26)
    both = {"domain": [0, 1]}
    return {
        "height": tall + 150,
        "margin": {"t": 96},
        "xaxis": both,
        "xaxis2": both,
        "xaxis3": both,
        "yaxis": {"domain": share["reliability"]},
        "yaxis2": {"domain": share["count"]},
        "yaxis3": {"domain": share["classes"]},
        "legend2": {"x": 0, "y": share["classes"][1] + 0.005},
    }


def caption(found: Calibration) -> str:
    """The error beside its floor, what would mend it, and what the marks are."""
    bins = found.equal_mass
    low, high = bins.interval
    error = (
        f"{verdict(found)}. The expected calibration error (ECE), in bins of equal mass, is "
        f"{with_error(bins.ece, bins.error)} (95 %: {number(low)} to {number(high)}). A "
        "perfectly calibrated model with these confidences would show "
        f"{with_error(bins.floor, bins.floor_spread)}, and as much as this in "
        f"{seldom(bins.chance)}."
    )
    seen = (
        f"Right {found.accuracy:.1%} of the time, sure of {found.confidence:.1%} on average. "
        "Points are bins, with 95 % Clopper-Pearson intervals of their accuracy; filled where the "
        "interval leaves the diagonal out, as 1 in 20 does by chance. Beneath: how many examples "
        "were how sure. By class, each against the rest; the bar is where a calibrated model's "
        "would lie (± 2 standard deviations)."
    )
    parts = [error, _temperature(found), seen]
    return " ".join([*parts, *([conditions(found.about)] if found.about else [])])


def _temperature(found: Calibration) -> str:
    """What dividing the logits by one number would do."""
    warmth = found.temperature
    if warmth is None:
        return (
            "There is no best temperature: it takes the logits of one prediction, some mistakes, "
            "and to be better than chance."
        )
    return (
        f"The best temperature is {with_error(warmth.value, warmth.error)} "
        f"({_leaning(warmth) or 'no clear difference from 1'}): dividing the logits by it takes "
        f"the NLL of these examples from {number(warmth.nll)} to {number(warmth.scaled_nll)}."
    )


def numbers(found: Calibration) -> tuple[Named, ...]:
    """Both kinds of bins with their floors, the temperature, and every class."""
    return (
        Named("accuracy", found.accuracy, f"of {found.examples:,} examples"),
        Named("confidence", found.confidence, "mean probability of the likeliest class"),
        *(each for bins in (found.equal_mass, found.equal_width) for each in _of_bins(bins)),
        *_warmth(found),
        *(_of_class(found, at) for at in rows(found.classes).classes),
    )


def _of_bins(bins: Reliability) -> tuple[Named, ...]:
    by = f"{bins.binning}, {int((bins.count > 0).sum())} bins, {int(off(bins).sum())} off"
    floor = "what a calibrated model shows on average, ± standard deviation"
    return (
        Named(f"ECE, {bins.binning}", bins.ece, f"{by}; ± standard error", bins.error),
        Named(f"floor, {bins.binning}", bins.floor, floor, bins.floor_spread),
        Named(
            f"squared error, {bins.binning}",
            bins.squared,
            "without what chance adds: 0 on average if calibrated",
            bins.squared_error,
        ),
    )


def _warmth(found: Calibration) -> tuple[Named, ...]:
    if found.temperature is None:
        return ()
    told = "what logits are best divided by; above 1: too sure"
    return (Named("temperature", found.temperature.value, told, found.temperature.error),)


def _of_class(found: Calibration, at: int) -> Named:
    of = found.classes
    told = f"ECE against the rest; by chance {number(of.floor[at])}; "
    told += f"{of.share[at]:.1%} of the examples, {of.expected[at]:.1%} expected"
    return Named(f"class {at}", float(of.ece[at]), told, float(of.error[at]))


def _label(found: Calibration) -> str:
    return f"{label(found.about)}: {found.about.data}" if found.about else "predictions given"


PANEL = StoredPanel(
    name="calibration",
    chapter="uncertainty",
    title="Calibration",
    question="Is the classifier right as often as it is sure?",
    analyse=(STORED := Stored(Calibration, "quality --held-out", _label)).newest,
    draw=draw,
    caption=caption,
    choices=choices,
    stored=STORED,
    numbers=numbers,
)
