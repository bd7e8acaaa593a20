"""Parameters that get a gradient and do not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.movement import rate
from diagnostics.signs.remembered import remembered


@dataclass(frozen=True)
class Stillness:
    """Parameters that got a gradient worth the name, more than once."""

    driven: tuple[str, ...]
    unmoved: tuple[str, ...]  # those of them whose weights are the same to the last bit


@remembered
def stillness(run: Run) -> Stillness | None:
    """None where it cannot be told."""
    if not {"weights", "gradients"} <= set(run.series) or len(run.steps("weights")) < 2:
        return None
    found = run.parameters.items()
    names = [n for n, t in found if t.trainable and t.size and t.role != "cancelled"]
    moments = [run.column("weights", kind, names) for kind in ("mean", "std", "min", "max")]
    there = run.column("weights", "count", names) > 0
    still = np.ones(len(names), bool)
    for values in moments:
        known = np.where(there, values, np.nan)
        with np.errstate(invalid="ignore"):
            still &= np.fmax.reduce(known, 0) == np.fmin.reduce(known, 0)
    gets = run.column("gradients", "norm", names)
    moves = (rate(run, run.steps("gradients")) != 0)[:, None]  # NaN, not known, counts as moving
    driven = ((gets > 0) & np.isfinite(gets) & moves).sum(0) > 1
    return Stillness(
        tuple(name for name, drives in zip(names, driven, strict=True) if drives),
        tuple(name for name, stays in zip(names, driven & still, strict=True) if stays),
    )
