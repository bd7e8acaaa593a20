"""Coverage: do a regression's intervals hold the truth as often as they say?"""

from __future__ import annotations

import math

from plotly.graph_objects import Figure

from dashboard.about import conditions, label
from dashboard.arrangement import Part, arranged
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.scores.intervals import at_level, curve_traces, pit_traces
from dashboard.scores.marks import Layout, headline, titled
from dashboard.scores.words import seldom, with_error
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import number
from diagnostics.coverage import Coverage

SURE = 2  # standard errors
ASIDE, FITS, SHAPE, FEW = "Off to one side", "Within chance", "Not normal", "Too few to tell"
RARE = 0.05  # a calibrated model is as far from uniform so seldom: then it is not chance


def draw(found: Coverage, *, scheme: Scheme = "light") -> Figure:
    """Nominal against observed coverage on the left, where the truth lies on the right."""
    colours = palette(scheme)
    rows = [[_curve(found, colours), _pit(found, colours)]]
    figure = Canvas(data=all_traces([each for row in rows for each in row]))
    figure.update_layout(_layout(found, scheme))
    figure.update_layout(arranged([[each.part for each in row] for row in rows], headline=True))
    return figure


def _curve(found: Coverage, colours: Palette) -> Chart:
    x = titled("level of the interval", range=[0, 1], tickformat=".0%")
    y = titled("examples inside", range=[0, 1.01], tickformat=".0%")
    return chart(curve_traces(found.curve, colours), Part("", 320, x, y, legend="legend"))


def _pit(found: Coverage, colours: Palette) -> Chart:
    x = titled("where the truth lies in its forecast (PIT)", range=[0, 1])
    y = titled("examples", range=[0, 1.08 * max(found.pit.count.max(), found.pit.calibrated_high)])
    return chart(pit_traces(found.pit, colours), Part("2", 320, x, y, legend="legend2"))


def verdict(found: Coverage) -> str:
    """In a few words: by the factor of every sigma, then by the bias, then by the shape."""
    wide = found.dispersion
    if math.isnan(wide.error):
        return FEW
    if abs(wide.factor - 1) > SURE * wide.error:
        return "Too narrow" if wide.factor > 1 else "Too wide"
    if abs(found.bias.value) > SURE * found.bias.error:
        return ASIDE
    return FITS if found.pit.ks_chance > RARE else SHAPE


def _headline(found: Coverage) -> str:
    wide, bias, told = found.dispersion, found.bias, verdict(found)
    if told == ASIDE:
        return f"{told}: bias {with_error(bias.value, bias.error)} sigma"
    if told == SHAPE:
        return f"{told}: PIT {number(found.pit.ks)} from uniform"
    factor = f": sigma times {with_error(wide.factor, wide.error)}"
    return told if told == FEW else told + factor


def _layout(found: Coverage, scheme: Scheme) -> Layout:
    colours = palette(scheme)
    fine = verdict(found) == FITS
    return {
        "template": template(scheme),
        "uirevision": safe(found.about.run if found.about else ""),
        "margin": {"l": 60, "r": 16},
        "hovermode": "closest",
        "bargap": 0,
        "title": headline(_headline(found), colours.good if fine else colours.warning),
    }


def caption(found: Coverage) -> str:
    """How many are held, what would mend it, and how much of it is chance."""
    curve, wide, area, pit = found.curve, found.dispersion, found.area, found.pit
    at = at_level(curve)
    level = f"{100 * curve.level[at]:.3g} %"
    held = (
        f"{verdict(found)}. Intervals of {level} hold {curve.observed[at]:.1%} of the examples "
        f"(95 %: {curve.low[at]:.1%} to {curve.high[at]:.1%}). Every sigma is best multiplied by "
        f"{with_error(wide.factor, wide.error)}: above 1, the model is too sure."
    )
    between = (
        "Blue band: the 95 % interval of what was observed; grey: where a calibrated model's would "
        f"be. Between curve and diagonal lies an area of {with_error(area.value, area.error)}; a "
        f"calibrated model shows {number(area.floor)} by chance."
    )
    lies = (
        "Where the truth lies in its forecast is uniform of a calibrated model: hollow in the "
        "middle, intervals are too narrow; heaped there, too wide; higher on one side, the means "
        "are off to the other; bars that leave the band are marked. The distance from uniform is "
        f"{number(pit.ks)}, as large by chance in {seldom(pit.ks_chance)}."
    )
    parts = [held, between, lies]
    return " ".join([*parts, *([conditions(found.about)] if found.about else [])])


def numbers(found: Coverage) -> tuple[Named, ...]:
    """Widths, areas and distances with their errors; the bias in units of sigma."""
    area, wide, bias = found.area, found.dispersion, found.bias
    low, high = wide.at_level_interval
    level = f"for {100 * wide.level:.3g} % intervals to hold as many"
    sharp = "root mean square sigma, in the targets' units: the less, the better, if calibrated"
    return (
        Named("dispersion", wide.factor, "every sigma times this has the least NLL", wide.error),
        Named("factor by level", wide.at_level, f"{level}; 95 %: {number(low)} to {number(high)}"),
        Named("bias", bias.value, "mean of (truth - mean) / sigma", bias.error),
        Named("miscalibration area", area.value, "0 to 0.5", area.error),
        Named("floor of the area", area.floor, "of a calibrated model, on average"),
        Named("signed area", area.signed, "below 0: too narrow", area.signed_error),
        Named("PIT", found.pit.ks, "Kolmogorov-Smirnov distance from uniform"),
        Named("PIT by chance", found.pit.ks_chance, "how often a calibrated model is as far"),
        Named("sharpness", found.sharpness.value, sharp, found.sharpness.error),
    )


def _label(found: Coverage) -> str:
    return f"{label(found.about)}: {found.about.data}" if found.about else "predictions given"


PANEL = StoredPanel(
    name="coverage",
    chapter="uncertainty",
    title="Coverage",
    question="Do the predicted intervals hold the truth as often as they say?",
    analyse=(STORED := Stored(Coverage, "quality --held-out", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
