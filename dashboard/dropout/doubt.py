"""Classes: each example's entropy in two parts, and whether the uncertain ones are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dashboard.dropout.band import AROUND, SPREAD
from dashboard.theme import Palette
from diagnostics.mc_dropout import McDropout

if TYPE_CHECKING:
    from diagnostics.selective import ByUncertainty

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOST = 500  # examples in a picture: none is wider
FEWEST = 20  # examples with a target, from which tenths say something
TOTAL = "predictive entropy"
WITHIN = "expected entropy of a draw"
BETWEEN = "mutual information"


@dataclass(frozen=True)
class Doubt:
    """Examples from the most certain to the least, by predictive entropy; in nats."""

    order: NDArray[np.int64]  # [example]  which they are
    total: Floats  # [example]
    within: Floats  # [example]  of each draw by itself, averaged
    between: Floats  # [example]  how far draws disagree
    wrong: Floats  # [example]  1 or 0; NaN where no target is known


def doubt_of(found: McDropout, like: Doubt | None = None) -> Doubt:
    """All whose entropies are numbers, in their order or in that of another look at them."""
    of = found.uncertainty
    assert of.total is not None
    assert of.aleatoric is not None
    total, *parts = (each.value.ravel() for each in (of.total, of.aleatoric, of.epistemic))
    known = np.flatnonzero(np.isfinite([total, *parts]).all(0))
    order = like.order if like else known[np.argsort(total[known], kind="stable")]
    within, between = (part[order] for part in parts)
    return Doubt(order, total[order], within, between, _wrong(found)[order])


def drawn(doubt: Doubt) -> NDArray[np.int64]:
    """Evenly among them, if they are too many to be seen."""
    count = len(doubt.total)
    return np.linspace(0, count - 1, min(MOST, count)).round().astype(np.int64)


def _wrong(found: McDropout) -> Floats:
    """Is the likeliest class by the mean of the draws another than the target?"""
    named = found.uncertainty.mean.value.argmax(-1).ravel()
    if found.targets is None or found.targets.size != named.size:
        return np.full(named.shape, np.nan)
    aimed = found.targets.ravel()
    return np.where(aimed < 0, np.nan, named != aimed)


def entropy_traces(doubt: Doubt, colours: Palette) -> list[Trace]:
    """One area upon the other: together they are the predictive entropy."""
    some = drawn(doubt)
    x = (some + 1).astype(np.float64)
    wrong = doubt.wrong[some] == 1
    wide, across = (x, some) if len(x) != 1 else (x + AROUND, np.tile(some, 2))
    traces = [  # of a single example, areas have a width too
        _area(wide, doubt.within[across], WITHIN, colours.missing),
        _area(wide, doubt.between[across], SPREAD, colours.accent),
    ]
    if not np.isfinite(doubt.wrong).any():
        return traces
    crosses = {
        "type": "scatter",
        "mode": "markers",
        "x": x[wrong],
        "y": doubt.total[some][wrong],
        "marker": {"symbol": "x-thin", "size": 7, "line": {"width": 1.5, "color": colours.error}},
        "name": "wrong",
        "hovertemplate": "%{y:.3g} nats",
    }
    return [*traces, crosses]


def _area(x: Floats, y: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "stackgroup": "entropy",
        "line": {"width": 0, "color": colour},
        "fillcolor": colour,
        "name": name,
        "hovertemplate": "%{y:.3g} nats",
    }


def has_tenths(doubt: Doubt) -> bool:
    return bool(np.isfinite(doubt.wrong).sum() >= FEWEST)


def tenth_traces(doubt: Doubt, colours: Palette) -> list[Trace]:
    """The share that is wrong in each tenth, by either uncertainty; flat if it tells nothing."""
    from diagnostics.selective import by_uncertainty

    met = np.isfinite(doubt.wrong)
    wrong = doubt.wrong[met]
    traces = []
    for values, name, colour, aside in (
        (doubt.total, TOTAL, colours.fit, -0.1),
        (doubt.between, BETWEEN, colours.accent, 0.1),
    ):
        traces.append(_tenths(by_uncertainty(values[met], wrong), name, colour, aside))
    line = {"width": 2, "color": colours.dimmed, "dash": "dot"}
    mean = np.full(2, wrong.mean())
    flat = {"type": "scatter", "mode": "lines", "x": [0.5, 10.5], "y": mean, "hoverinfo": "skip"}
    return [*traces, flat | {"line": line, "showlegend": False}]


def _tenths(group: ByUncertainty, name: str, colour: str, aside: float) -> Trace:
    """Each group in the middle of its examples, since those of one uncertainty stay together."""
    ends = {"array": group.high - group.loss, "arrayminus": group.loss - group.low}
    middle = (np.cumsum(group.count) - group.count / 2) / group.count.sum()
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": 10 * middle + 0.5 + aside,
        "y": group.loss,
        "error_y": ends | {"color": colour, "thickness": 1.2, "width": 3},
        "line": {"width": 2, "color": colour},
        "marker": {"size": 6, "color": colour},
        "name": f"by {name}",
        "hovertemplate": "%{y:.1%}",
    }
