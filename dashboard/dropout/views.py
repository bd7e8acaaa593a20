"""Which of an ensemble's drawings there are: an output, with all dropouts on or with one alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dashboard.dropout.band import outputs_of
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.mc_dropout import McDropout, alone, fewer

MOST_OUTPUTS, MOST = 6, 12  # a report carries them all
ALL = "all dropouts"


@dataclass(frozen=True)
class View:
    """One drawing."""

    output: int
    dropout: int | None = None  # None: all are on


def views_of(placed: PlacedDropout) -> dict[str, View]:
    """By their words; every output with all dropouts before any with one alone."""
    found = placed.ensemble
    classes = found.uncertainty.reading.classes
    outputs = 1 if classes else min(outputs_of(placed), MOST_OUTPUTS)
    views = {}
    for dropout in (None, *_lone(found, MOST // outputs - 1)):
        who = ALL if dropout is None else f"{found.dropouts[dropout].called} alone"
        for output in range(outputs):
            which = f"output {output + 1}"
            both = which if dropout is None else f"{which}, {who}"
            views[both if outputs > 1 else who] = View(output, dropout)
    return views


def _lone(found: McDropout, most: int) -> list[int]:
    """Those that spread most alone, in the network's order; of a single one alone is all."""
    if len(found.dropouts) < 2:
        return []
    sizes = {
        n: float(np.nan_to_num(each.alone.value))
        for n, each in enumerate(found.dropouts)
        if each.alone and each.kept is not None and each.times
    }
    return sorted(sorted(sizes, key=lambda n: -sizes[n])[:most])


def seen(placed: PlacedDropout, view: View) -> PlacedDropout:
    """With only that dropout on, everywhere."""
    if view.dropout is None:
        return placed
    which = view.dropout
    plane = placed.plane
    if plane is not None:
        its = plane.ensemble
        plane = replace(plane, ensemble=alone(its, its.dropouts[which]))
    own = placed.ensemble
    return replace(placed, ensemble=alone(own, own.dropouts[which]), plane=plane)


def seen_by(placed: PlacedDropout, draws: int) -> PlacedDropout:
    """By the first so many of the draws."""
    found, plane = placed.ensemble, placed.plane
    if draws >= found.uncertainty.draws:
        return placed
    if plane is not None:
        plane = replace(plane, ensemble=fewer(plane.ensemble, draws))
    return replace(placed, ensemble=fewer(found, draws), plane=plane)
