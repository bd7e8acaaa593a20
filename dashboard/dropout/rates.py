"""Every dropout set to one rate after another: how the spread and the likelihood go with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.theme import Palette
from diagnostics.mc_dropout import McDropout
from diagnostics.uncertainty import Estimate

Floats = NDArray[np.float64]
Trace = dict[str, Any]

TRAINED, AS_IT_IS, PLAIN = "trained rate", "as trained", "dropout off"


def trained_rates(found: McDropout) -> Floats:
    """Of dropouts, each once; what only adds noise has none."""
    rates = np.array([each.p for each in found.dropouts])
    return np.unique(rates[np.isfinite(rates)])


def spread_traces(found: McDropout, colours: Palette) -> list[Trace]:
    """The spread at each rate, and that of the network as it is; none where it is not known."""
    sweep = found.sweep
    if sweep is None or not np.isfinite(sweep.epistemic.value).any():
        return []
    own = found.uncertainty.average
    name = "mutual information" if found.uncertainty.reading.classes else "variance"
    return _traces(found, sweep.epistemic, own, f"{name} over the draws", colours)


def likelihood_traces(found: McDropout, colours: Palette) -> list[Trace]:
    """Of the targets at each rate, by the draws of that rate together; none without targets."""
    sweep = found.sweep
    if sweep is None or sweep.log_likelihood is None or found.likelihood is None:
        return []
    if not np.isfinite(sweep.log_likelihood.value).any():
        return []
    of, own = sweep.log_likelihood, found.likelihood.mean
    traces = _traces(found, of, own, "mean log likelihood", colours)
    if not np.isfinite(found.plain_log_likelihood):
        return traces
    reach = np.append(sweep.p, trained_rates(found))
    level = {
        "type": "scatter",
        "mode": "lines",
        "x": np.array([reach.min(), reach.max()]),
        "y": np.full(2, found.plain_log_likelihood),
        "line": {"width": 2, "color": colours.fit, "dash": "dot"},
        "name": PLAIN,
        "hovertemplate": "%{y:.4g}",
    }
    return [level, *(trace | {"showlegend": False} for trace in traces)]


def _traces(
    found: McDropout, swept: Estimate, own: Estimate, name: str, colours: Palette
) -> list[Trace]:
    assert found.sweep is not None
    order = np.argsort(found.sweep.p, kind="stable")
    x, y, error = found.sweep.p[order], swept.value[order], swept.error[order]
    line = {"width": 2, "color": colours.accent}
    curve = _points(x, y, error, name, colours.accent) | {"mode": "lines+markers", "line": line}
    curve["showlegend"] = False
    rates = trained_rates(found)
    if not rates.size:
        return [curve]
    ends = np.append(np.concatenate([y - error, y + error]), float(own.value))
    marks = _marks(rates, float(np.nanmin(ends)), float(np.nanmax(ends)), colours)
    if len(rates) > 1:  # the network as it is has no place on this axis
        return [marks, curve]
    here = _points(rates, np.array([own.value]), np.array([own.error]), AS_IT_IS, colours.chosen)
    here["marker"] |= {"size": 10, "symbol": "diamond"}
    return [marks, curve, here]


def _marks(rates: Floats, low: float, high: float, colours: Palette) -> Trace:
    """A line at each rate, over all that is drawn."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.repeat(rates, 3),
        "y": np.tile([low, high, np.nan], len(rates)),
        "line": {"width": 1.5, "color": colours.chosen, "dash": "dash"},
        "name": TRAINED,
        "hovertemplate": "%{x:.3g}",
    }


def _points(x: Floats, y: Floats, error: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "error_y": {"array": error, "color": colour, "thickness": 1.2, "width": 3},
        "marker": {"size": 7, "color": colour},
        "name": name,
        "hovertemplate": "p = %{x:.3g}: %{y:.4g}",
    }
