"""What several runs had at the last place that all of them reached: a fair moment to compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.comparison import Comparison, Overlay


@dataclass(frozen=True)
class CommonPlace:
    """NaN for a run that has not logged it."""

    name: str
    place: float  # on the axis of the comparison
    is_end: bool  # of all of them: none went on
    values: tuple[float, ...]  # [run]  the last value at or before that place


def common_places(compared: Comparison) -> tuple[CommonPlace, ...]:
    """For all that at least two of the runs share."""
    shared = [overlay for overlay in compared.overlays if len(overlay.curves) > 1]
    return tuple(_common(overlay, len(compared.runs)) for overlay in shared)


def _common(overlay: Overlay, runs: int) -> CommonPlace:
    place = min(float(curve.places[-1]) for curve in overlay.curves)
    values = np.full(runs, np.nan)
    for curve in overlay.curves:
        record = int(np.searchsorted(curve.places, place, side="right")) - 1
        if record >= 0:
            values[curve.run] = curve.smooth[record]
    is_end = all(float(curve.places[-1]) == place for curve in overlay.curves)
    return CommonPlace(overlay.name, place, is_end, tuple(values.tolist()))
