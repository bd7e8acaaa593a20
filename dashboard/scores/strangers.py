"""The uncertainty of the model's own data and of data of another kind, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.scores.marks import Trace, histogram, line
from dashboard.theme import Palette
from diagnostics.selective import Strangers

OWN, OTHER = "own", "other"


def stranger_traces(found: Strangers, colours: Palette) -> list[Trace]:
    """Shares, for the two may be of unlike number; and the threshold that 95 % of the own pass."""
    own, other = _shares(found.own), _shares(found.other)
    top = max(own.max(), other.max())
    bars = [
        histogram(found.edges, own, OWN, colours.accent),
        histogram(found.edges, other, OTHER, colours.chosen),
    ]
    for bar in bars:
        bar["hovertemplate"] = "%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{y:.1%}"
        bar["marker"] |= {"opacity": 0.5}
    threshold = [found.threshold, found.threshold]
    mark = line(threshold, [0, top], "95 % of own", color=colours.fit, dash="dash")
    return [*bars, mark | {"hovertemplate": "%{x:.3g}"}]


def _shares(count: Any) -> Any:
    return np.asarray(count) / max(1, int(np.sum(count)))
