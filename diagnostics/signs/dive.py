"""A loss that falls below zero and goes on falling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.signs.learning import Learning

FEW = 20  # values: four quarters of five


@dataclass(frozen=True)
class Dive:
    """How far below zero it is at the end, and how it falls."""

    depth: float  # in units of what it was at first, or of its noise then
    pace: float  # its fall in the last quarter over that in the one before


def dives(progress: Learning) -> Dive | None:
    """None where it ends above zero, or too little is known."""
    smooth = progress.smooth
    if len(smooth) < FEW or not progress.end < 0:
        return None
    noise = 5 * float(np.std(progress.values[: len(progress.values) // 5]))
    depth = -progress.end / max(abs(progress.begin), noise, 1e-12)
    a, b, c = (float(smooth[int(share * (len(smooth) - 1))]) for share in (0.5, 0.75, 1.0))
    if not b - c > 0:
        return None
    return Dive(depth, (b - c) / max(a - b, 1e-12))
