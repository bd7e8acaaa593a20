"""A scalar's course in a few numbers: the least and the greatest of each of up to 64 stretches.

The stretches are of equal width in steps, which doubles whenever the run has outgrown them, so
that no extreme is ever lost and nothing grows with the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRETCHES = 64
NOTHING = "-"  # a stretch without a finite value


class Outline:
    """Least and greatest finite value of each stretch, and where a value was no number."""

    def __init__(self) -> None:
        self.width = 1  # steps in a stretch
        self.low = np.full(STRETCHES, np.inf)  # [stretch]  inf: nothing there
        self.high = np.full(STRETCHES, -np.inf)  # [stretch]
        self.lost = np.zeros(STRETCHES, dtype=bool)  # [stretch]  NaN or infinity was seen

    def add(self, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in what came since."""
        if not len(steps):
            return
        self._reach(int(steps.max()))
        place = np.clip(steps // self.width, 0, STRETCHES - 1)
        finite = np.isfinite(values)
        np.minimum.at(self.low, place[finite], values[finite])
        np.maximum.at(self.high, place[finite], values[finite])
        self.lost[place[~finite]] = True

    def _reach(self, step: int) -> None:
        """Halve the resolution until a step is within."""
        half = STRETCHES // 2
        while step >= STRETCHES * self.width:
            self.width *= 2
            self.low = np.append(self.low.reshape(half, 2).min(1), np.full(half, np.inf))
            self.high = np.append(self.high.reshape(half, 2).max(1), np.full(half, -np.inf))
            self.lost = np.append(self.lost.reshape(half, 2).any(1), np.zeros(half, dtype=bool))

    @property
    def used(self) -> int:
        """Stretches up to the last in which anything was seen."""
        there = np.flatnonzero(np.isfinite(self.low) | self.lost)
        return int(there[-1]) + 1 if len(there) else 0

    def told(self) -> dict[str, Any]:
        """As JSON: the numbers as texts, because a summary gives each entry of a list a line."""
        return {
            "width": self.width,
            "low": _text(self.low[: self.used]),
            "high": _text(self.high[: self.used]),
            "lost": " ".join(map(str, np.flatnonzero(self.lost).tolist())),
        }

    @classmethod
    def read(cls, told: Any) -> Outline | None:
        """What `told` has said, or None where it makes no sense."""
        try:
            return cls._read(told)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError):
            return None

    @classmethod
    def _read(cls, told: Mapping[str, Any]) -> Outline:
        outline = cls()
        low, high = (_numbers(told[name]) for name in ("low", "high"))
        if not (low.shape == high.shape and len(low) <= STRETCHES and 0 < told["width"] < 1 << 60):
            raise ValueError("stretches that do not fit")
        there = ~np.isnan(low)
        if (there != ~np.isnan(high)).any() or not (low[there] <= high[there]).all():
            raise ValueError("a least above its greatest")
        outline.width = int(told["width"])
        outline.low[: len(low)] = np.where(there, low, np.inf)
        outline.high[: len(low)] = np.where(there, high, -np.inf)
        outline.lost[[int(place) for place in told["lost"].split()]] = True
        return outline


def _text(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.5g}" if np.isfinite(value) else NOTHING for value in values)


def _numbers(text: str) -> NDArray[np.float64]:
    """NaN where there is nothing."""
    words = text.split()[: STRETCHES + 1]
    found = np.array([np.nan if word == NOTHING else float(word) for word in words], np.float64)
    if np.isinf(found).any():
        raise ValueError("an infinite value")
    return found
