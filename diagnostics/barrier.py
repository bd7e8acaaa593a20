"""How high the loss rises on the way from one point to another."""

from __future__ import annotations

import numpy as np

from diagnostics.weight_space import Floats


def barrier(t: Floats, loss: Floats) -> float:
    """The highest the loss rises above the straight line between its ends (Frankle et al. 2020)."""
    with np.errstate(invalid="ignore"):
        above = loss - ((1 - t) * loss[0] + t * loss[-1])
    return float(np.where(np.isnan(above), np.inf, above).max())
