"""A scalar's course in the width of a word: two short texts, a letter for each stretch of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from diagnostics.highlights import Course

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # lowest to highest
NOTHING = "."
DECADES = 30.0  # greatest over least from which on a linear scale would hide most of it


@dataclass(frozen=True)
class Sparkline:
    """Height by height; `lost` are the places at which a value was no number."""

    low: str
    high: str
    lost: tuple[int, ...]
    is_log: bool


def sparkline(course: Course) -> Sparkline:
    """Of the whole height; logarithmic where the values span decades."""
    low, high = course.low, course.high
    there = np.isfinite(low)
    is_log = bool(there.any()) and _spans_decades(low[there].min(), high[there].max())
    if is_log:
        low, high = np.log(low), np.log(high)
    return Sparkline(
        _letters(low, low[there], high[there]),
        _letters(high, low[there], high[there]),
        tuple(np.flatnonzero(course.lost).tolist()),
        is_log,
    )


def _spans_decades(least: float, greatest: float) -> bool:
    return bool(least > 0 and np.log(greatest) - np.log(least) > np.log(DECADES))


def _letters(
    side: NDArray[np.float64],  # [stretch]  NaN where there is nothing
    low: NDArray[np.float64],  # [stretch where there is something]
    high: NDArray[np.float64],
) -> str:
    if not len(low):
        return NOTHING * len(side)
    least = low.min() / 2  # halves: their difference is always finite
    span = high.max() / 2 - least
    share = (side / 2 - least) / span if span > 0 else 0 * side + 0.5
    places = np.rint(np.nan_to_num(share * (len(LETTERS) - 1))).astype(int)
    letters = np.frombuffer(LETTERS.encode(), np.uint8)[places]
    return np.where(np.isnan(side), ord(NOTHING), letters).astype(np.uint8).tobytes().decode()
