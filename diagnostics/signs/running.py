"""How far the running averages of batch normalisations are from their batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered

PREFIX = "running/"


@dataclass(frozen=True)
class Drift:
    """Of one module, late in the run: the medians of its last looks."""

    module: str
    step: int  # of the first of these looks
    mean: float  # distance in standard deviations of the batch, the mean over channels
    variance: float  # absolute logarithm of the ratio


@remembered
def drifts(run: Run) -> tuple[Drift, ...]:
    """Of every normalisation that was looked at."""
    found = []
    for name in run.array_names:
        if name.startswith(PREFIX):
            track = run.arrays(name)[-1]
            rows = track.values[-max(2, len(track.values) // 4) :]
            first = int(track.steps[-len(rows)])
            mean, variance = (float(np.median(np.abs(rows[:, place]))) for place in (0, 1))
            found.append(Drift(name.removeprefix(PREFIX), first, mean, variance))
    return tuple(found)
