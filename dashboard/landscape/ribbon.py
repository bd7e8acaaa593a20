"""A ribbon around a line: as wide as the standard error, to either side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH = 1.96  # standard errors: 95 % of samples


def ribbon(
    axis: Floats, loss: Floats, error: Floats, colour: str, **rest: Any
) -> list[dict[str, Any]]:
    """One filled outline; none where no error is known."""
    known = np.isfinite(loss) & np.isfinite(error)
    if known.sum() < 2:
        return []
    middle, half = loss[known], WIDTH * error[known]
    lowest = float(middle[middle > 0].min(initial=np.inf)) / 1e3
    floor = lowest if (middle > 0).all() else -np.inf  # a logarithm has no place for less
    upper, lower = middle + half, np.maximum(middle - half, floor)
    outline = {
        "type": "scatter",
        "x": np.concatenate([axis[known], axis[known][::-1]]),
        "y": np.concatenate([upper, lower[::-1]]),
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return [outline | rest]
