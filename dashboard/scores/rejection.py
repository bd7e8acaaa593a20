"""What is gained by rejecting the uncertain: risk by coverage, sparsification, tenths."""

from __future__ import annotations

import numpy as np

from dashboard.scores.marks import Trace, area, line, whiskers
from dashboard.scores.words import with_error
from dashboard.theme import Palette
from diagnostics.scoring import clopper_pearson
from diagnostics.selective import ByUncertainty, RiskCoverage, Sparsification

WIDTH = 2  # standard errors, to either side


def is_share(groups: ByUncertainty) -> bool:
    """Are losses 0 or 1, so that their mean is a share? Then its interval is Clopper-Pearson's."""
    hits = np.rint(groups.loss * groups.count)
    low, high = clopper_pearson(hits, groups.count)
    return bool(np.allclose(low, groups.low) and np.allclose(high, groups.high))


def risk_traces(curve: RiskCoverage, colours: Palette, most: float = np.inf) -> list[Trace]:
    """The mean loss of those kept, up to the `most` it can be; with the best order, and none."""
    low = np.maximum(0, curve.risk - WIDTH * curve.error)
    high = np.minimum(most, curve.risk + WIDTH * curve.error)
    flat = np.full(2, curve.random_aurc.value)
    hover = "%{x:.0%} kept: %{y:.3g}"
    return [
        area(
            curve.coverage, low, high,
            f"± {WIDTH} standard errors", fillcolor=colours.accent, opacity=0.22,
        )
        | {"showlegend": False},
        line([0, 1], flat, "random", color=colours.dimmed, dash="dot")
        | {"hovertemplate": "%{y:.3g}"},
        line(curve.coverage, curve.perfect, "ideal", color=colours.good) | {"hovertemplate": hover},
        line(curve.coverage, curve.risk, "by uncertainty", color=colours.accent)
        | {"hovertemplate": hover},
    ]  # fmt: skip


def sparsification_traces(found: Sparsification, colours: Palette) -> list[Trace]:
    """The area between the curve and the ideal one is the AUSE."""
    hover = {"hovertemplate": "%{x:.0%} removed: %{y:.3g}", "showlegend": False}
    told = "" if np.isnan(found.ause.value) else with_error(found.ause.value, found.ause.error)
    return [
        area(found.removed, found.perfect, found.left, f"AUSE {told}", fillcolor=colours.band),
        line(found.removed, found.random, "random", color=colours.dimmed, dash="dot") | hover,
        line(found.removed, found.perfect, "ideal", color=colours.good) | hover,
        line(found.removed, found.left, "by uncertainty", color=colours.accent) | hover,
    ]


def tenth_traces(groups: ByUncertainty, mean: float, colours: Palette) -> list[Trace]:
    """Each group at the middle of its examples, since those of one uncertainty stay together."""
    share = groups.count / groups.count.sum()
    middle, share_word = share.cumsum() - share / 2, ".1%" if is_share(groups) else ".3g"
    told = np.stack([groups.uncertainty, groups.low, groups.high, groups.count], 1)
    own = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": middle,
        "y": groups.loss,
        "error_y": whiskers(groups.loss, groups.low, groups.high, colours.accent),
        "line": {"width": 2, "color": colours.accent},
        "marker": {"size": 7, "color": colours.accent},
        "customdata": told,
        "hovertemplate": f"%{{y:{share_word}}} (95 %: %{{customdata[1]:{share_word}}} to "
        f"%{{customdata[2]:{share_word}}})<br>uncertainty %{{customdata[0]:.3g}}, "
        "%{customdata[3]:,d} examples",
        "name": "by uncertainty",
    }
    flat = line([0, 1], [mean, mean], "of all", color=colours.dimmed, dash="dot")
    both = [flat | {"hovertemplate": f"%{{y:{share_word}}}"}, own]
    return [trace | {"showlegend": False} for trace in both]
