"""What a summary says of the user's scalars: last and extreme values, and their course."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.folder import OWN_SCALARS
from probes.outline import Outline


@dataclass(frozen=True)
class Course:
    """The least and the greatest value in each of some stretches of equal width."""

    width: int  # steps in a stretch
    low: NDArray[np.float64]  # [stretch]  NaN where nothing was logged
    high: NDArray[np.float64]  # [stretch]
    lost: NDArray[np.bool_]  # [stretch]  a value was no number


def course_of(told: Mapping[str, Any], name: str) -> Course | None:
    """How a scalar went, from a summary or a listing."""
    outlines = told.get("outlines")
    outline = Outline.read(outlines.get(name)) if isinstance(outlines, dict) else None
    if outline is None:
        return None
    low, high, lost = (each[: outline.used] for each in (outline.low, outline.high, outline.lost))
    low, high = (np.where(np.isfinite(side), side, np.nan) for side in (low, high))
    return Course(outline.width, low, high, lost)


def extremes_of(told: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """The least and the greatest value of a scalar, from a summary or a listing."""
    extremes = told.get("extremes")
    try:
        least, _, greatest, _ = extremes[name]  # type: ignore[index]
        return float(least), float(greatest)
    except (KeyError, TypeError, ValueError):
        return None


def last_values(summary: Mapping[str, Any]) -> dict[str, float]:
    """The last of each scalar that the user has logged; not every one is a number."""
    scalars = summary.get("scalars")
    found = {}
    for name, value in (scalars if isinstance(scalars, dict) else {}).items():
        with contextlib.suppress(TypeError, ValueError):
            found[str(name)] = float(value)
    return {name: value for name, value in found.items() if not name.startswith(OWN_SCALARS)}
