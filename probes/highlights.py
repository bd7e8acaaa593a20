"""What a list of runs shows of the user's scalars: least and greatest, and an outline of the loss.

Kept by the scribe and written into summary.json, so that no recording need be opened for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.folder import OWN_SCALARS
from probes.outline import Outline
from probes.recording import Scalars

FOLLOWED = 64  # scalars; of hundreds a list shows but a few
OUTLINED = 6  # of these, written as an outline: first those that are called a loss

Extremes = list[float]  # least value, its step, greatest value, its step


class Highlights:
    """Grows with what is logged; as large for a million steps as for a hundred."""

    def __init__(self) -> None:
        self._extremes: dict[str, Extremes] = {}
        self._outlines: dict[str, Outline] = {}

    def resume(self, told: dict[str, Any]) -> None:
        """Go on from what a summary has kept; what is damaged begins anew."""
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            for name, (low, at, high, there) in told.get("extremes", {}).items():
                self._extremes[name] = [float(low), int(at), float(high), int(there)]
        with contextlib.suppress(AttributeError):
            found = {n: Outline.read(each) for n, each in told.get("outlines", {}).items()}
            self._outlines |= {name: each for name, each in found.items() if each is not None}

    def add(self, scalars: Scalars, keys: Sequence[str]) -> None:
        """Take in the rows of a segment."""
        if not len(scalars.keys):
            return
        order = np.argsort(scalars.keys, kind="stable")
        known, starts = np.unique(scalars.keys[order], return_index=True)
        for key, rows in zip(known.tolist(), np.split(order, starts[1:]), strict=True):
            self.follow(keys[key], scalars.steps[rows], scalars.values[rows])

    def follow(self, name: str, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in rows of one scalar; those that probes give are nobody's loss."""
        is_new = name not in self._outlines
        if name.startswith(OWN_SCALARS) or (is_new and len(self._outlines) >= FOLLOWED):
            return
        self._outlines.setdefault(name, Outline()).add(steps, values)
        finite = np.isfinite(values)
        if finite.any():
            self._widen(name, steps[finite], values[finite])

    def _widen(self, name: str, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        low, high = int(values.argmin()), int(values.argmax())
        least, at, greatest, there = self._extremes.get(name, [np.inf, 0, -np.inf, 0])
        if values[low] < least:
            least, at = float(values[low]), int(steps[low])
        if values[high] > greatest:
            greatest, there = float(values[high]), int(steps[high])
        self._extremes[name] = [least, at, greatest, there]

    def told(self) -> dict[str, Any]:
        """As entries of a summary."""
        first = sorted(self._outlines, key=lambda name: "loss" not in name.lower())[:OUTLINED]
        return {
            "extremes": self._extremes,
            "outlines": {name: self._outlines[name].told() for name in first},
        }
