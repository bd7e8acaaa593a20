"""What each dropout does alone, as a share of what all of them do together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.theme import Palette, safe
from diagnostics.mc_dropout import McDropout

Trace = dict[str, Any]

MOST = 24  # bars
LETTERS, HEAD = 38, 20  # of a name, and before the gap in a longer one


@dataclass(frozen=True)
class Share:
    """Of one dropout."""

    name: str
    p: float
    times: int  # draws that it took part in
    value: float
    error: float


def shares_of(found: McDropout) -> tuple[Share, ...]:
    """None where it was not asked, or where all together do nothing.

    They need not add up to 1: dropouts one behind the other make more together than alone.
    """
    grown = found.uncertainty.growth.epistemic
    whole, whole_error = float(grown.value[-1]), float(grown.error[-1])
    if not whole > 0:
        return ()
    made = []
    for each in found.dropouts:
        if each.alone is None:
            continue
        value, error = float(each.alone.value) / whole, float(each.alone.error) / whole
        both = float(np.hypot(error, value * whole_error / whole))
        made.append(Share(each.called, each.p, each.times, value, both))
    return tuple(made)


def drawn(shares: tuple[Share, ...]) -> tuple[Share, ...]:
    """The largest, in the network's order."""
    least = sorted((share.value for share in shares), reverse=True)[:MOST][-1:]
    return tuple(share for share in shares if [share.value] >= least)[:MOST]


def share_traces(shares: tuple[Share, ...], colours: Palette) -> list[Trace]:
    """Bars, and above each the name: it may be longer than any margin."""
    if not shares:
        return []
    kept = drawn(shares)
    rows = list(range(len(kept)))  # two dropouts of one name keep a bar each
    error = {"array": [each.error for each in kept], "color": colours.fit}
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [each.value for each in kept],
        "y": rows,
        "error_x": error | {"thickness": 1.2, "width": 3},
        "marker": {"color": colours.accent, "opacity": 0.75},
        "customdata": [[each.error, f"of {_full(each)}"] for each in kept],
        "hovertemplate": "%{x:.1%} ± %{customdata[0]:.1%} %{customdata[1]}<extra></extra>",
    }
    names = {
        "type": "scatter",
        "mode": "text",
        "x": [0] * len(kept),
        "y": [row - 0.45 for row in rows],
        "text": [_short(each) for each in kept],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": colours.dimmed},
        "hoverinfo": "skip",
    }
    return [bars, names]


def _full(share: Share) -> str:
    rate = "" if np.isnan(share.p) else f", p = {share.p:g}"
    return safe(share.name) + rate + _silent(share)


def _short(share: Share) -> str:
    """Both ends of a name tell it from its neighbours."""
    name = share.name
    short = name if len(name) <= LETTERS else f"{name[:HEAD]}…{name[HEAD + 1 - LETTERS :]}"
    return safe(short) + _silent(share)


def _silent(share: Share) -> str:
    return "" if share.times else " (never fired)"
