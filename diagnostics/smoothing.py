"""A running mean that forgets: what was seen last counts most, and the first values count whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import FathomError


def smoothed_ema(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The exponential mean with this weight on the past, divided by the weights there were so far.

    NaN and infinity stay where they are, and leave the mean around them as it was.
    """
    from scipy.signal import lfilter  # slow to load, and seldom asked for

    if not 0 <= weight < 1:
        raise FathomError(f"a smoothing of {weight:g} is none; choose from 0 up to 0.999.")
    finite = np.isfinite(values)
    found = np.where(finite, 0.0, np.nan)
    known = values[finite]
    if len(known):
        sums = lfilter([1 - weight], [1, -weight], known)
        found[finite] = sums / -np.expm1(np.arange(1, len(known) + 1) * _log(weight))
    return found


def _log(weight: float) -> float:
    return float(np.log(weight)) if weight > 0 else -np.inf
