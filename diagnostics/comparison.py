"""Several runs over one another: what they logged, and what their layers did, on one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diagnostics.alignment import Alignment, Along, alignment
from diagnostics.run import FathomError, Run, Scalar
from diagnostics.smoothing import smoothed_ema

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Read = Callable[[Run], Scalar | None]

MOST = 10  # runs that can still be told apart


@dataclass(frozen=True)
class Curve:
    """One quantity of one run."""

    run: int  # which of the runs
    steps: Integers  # [t]
    places: Floats  # [t]  on the axis chosen
    values: Floats  # [t]
    smooth: Floats  # [t]  the same as `values` where no smoothing was asked for


@dataclass(frozen=True)
class Overlay:
    """One quantity of all the runs that have it."""

    name: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Comparison:
    """What several runs logged; first what most of them share."""

    runs: tuple[str, ...]
    along: Along
    unit: str  # of the axis
    smooth: float
    overlays: tuple[Overlay, ...]
    lacking: tuple[str, ...]  # why some runs have no place on this axis


def comparison(runs: Sequence[Run], along: Along = "step", smooth: float = 0.0) -> Comparison:
    """All that the users logged: what at least two runs share comes first, losses before others.

    Runs of the same name are told apart by the folders they are in.
    """
    check_number(runs)
    names = dict.fromkeys(name for run in runs for name in run.logged)
    reads = {name: _logged(name) for name in names}
    return compared(runs, reads, along, smooth)


def compared(
    runs: Sequence[Run], reads: dict[str, Read], along: Along, smooth: float
) -> Comparison:
    """Each quantity of each run that has it."""
    placed = alignment(runs, along)
    overlays = [Overlay(name, tuple(_curves(placed, read))) for name, read in reads.items()]
    kept = _smoothed([overlay for overlay in overlays if overlay.curves], smooth)
    return Comparison(
        runs=distinct_names(runs),
        along=along,
        unit=placed.unit,
        smooth=smooth,
        overlays=tuple(sorted(kept, key=_rank)),
        lacking=tuple(reason for reason in placed.lacking if reason),
    )


def check_number(runs: Sequence[Run]) -> None:
    """At least one, and no more than can be told apart."""
    if not 1 <= len(runs) <= MOST:
        raise FathomError(f"{len(runs)} runs cannot be compared; choose from 2 to {MOST}.")


def distinct_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Each run's name, with as many of the folders above it as tell it from the others."""
    parts = [run.path.resolve().parts for run in runs]
    for length in range(1, max(map(len, parts)) + 1):
        names = tuple("/".join(each[-length:]) for each in parts)
        if len(set(names)) == len(set(parts)):
            return names
    return names


def _logged(name: str) -> Read:
    return lambda run: run.scalar(name) if name in run.logged else None


def _curves(placed: Alignment, read: Read) -> list[Curve]:
    found = []
    for place, run in enumerate(placed.runs):
        told = None if placed.lacking[place] else read(run)
        if told is not None and len(told.steps):
            found.append(_curve(placed, place, told))
    return found


def _curve(placed: Alignment, run: int, told: Scalar) -> Curve:
    """In the order of its places: a resumed run may tell some steps twice."""
    places = placed.place(run, told.steps, told.times)
    order = np.argsort(places, kind="stable")
    values = told.values[order]
    return Curve(run, told.steps[order], places[order], values, values)


def _smoothed(overlays: list[Overlay], weight: float) -> list[Overlay]:
    """All over the same span of the axis, whatever is between two values: the weight is that from
    one to the next where they are densest."""
    if not weight:
        return overlays
    gaps = [_gap(curve) for overlay in overlays for curve in overlay.curves]
    least = min((gap for gap in gaps if gap > 0), default=1.0)
    return [
        Overlay(overlay.name, tuple(_mean(curve, weight, least) for curve in overlay.curves))
        for overlay in overlays
    ]


def _gap(curve: Curve) -> float:
    """Usual distance from one value to the next."""
    return float(np.median(np.diff(curve.places))) if len(curve.places) > 1 else 0.0


def _mean(curve: Curve, weight: float, least: float) -> Curve:
    own = weight ** max(1.0, _gap(curve) / least)
    return replace(curve, smooth=smoothed_ema(curve.values, own))


def _rank(overlay: Overlay) -> tuple[bool, bool, int]:
    """Losses first, and of these what was logged most often: that of training."""
    is_loss = "loss" in overlay.name.lower()
    length = max(len(curve.steps) for curve in overlay.curves)
    return len(overlay.curves) < 2, not is_loss, -length if is_loss else 0
