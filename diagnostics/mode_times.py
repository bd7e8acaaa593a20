"""When a half of each mode of a kernel is learnt: as measured, and as is predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.learning_order import Reached, reached
from diagnostics.weight_space import Floats

HALF = 0.5
LEADING = 6  # modes that hold most of what is to be learnt
GRID = 240  # steps between the first and the last: more than were seen


@dataclass(frozen=True)
class ModeTimes:
    """Of all modes the times, of the leading ones the whole curve."""

    leading: NDArray[np.int64]  # [k]  modes that hold most of the first residual, fastest first
    steps: NDArray[np.int64]  # [s]  evenly on a log scale
    expected: Floats  # [s, k]  share learnt, as predicted; NaN: there is no prediction
    measured: Reached  # a half of each mode
    predicted: Reached


def even_steps(first: int, last: int, most: int = GRID) -> NDArray[np.int64]:
    """Whole steps from first to last, both among them, as far apart as they look."""
    taken = np.geomspace(1, last - first + 1, most).round().astype(np.int64)
    return np.unique(taken) + first - 1


def leading_modes(share: Floats, resolved: int, most: int = LEADING) -> NDArray[np.int64]:
    """Those of which there is something to learn, and that stand above rounding."""
    largest = np.argsort(-share[:resolved], kind="stable")[:most]
    return np.sort(largest[share[largest] > 0])


def mode_times(
    steps: NDArray[np.int64],
    learnt: Floats,
    leading: NDArray[np.int64],
    grid: NDArray[np.int64],
    expected: Floats,
) -> ModeTimes:
    """Of what was learnt [t, mode] at some steps, and is expected [s, mode] on a finer grid."""
    return ModeTimes(
        leading=leading,
        steps=grid,
        expected=expected[:, leading],
        measured=reached(steps, learnt, HALF),
        predicted=reached(grid, expected, HALF),
    )
