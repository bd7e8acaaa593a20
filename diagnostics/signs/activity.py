"""What every layer gave, record by record: its size, and how much of it lies on flat ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from probes.recording import TensorInfo

FEW = 3  # records: one batch without a sound is an accident
WINDOW = 5  # records that make a beginning or, at least, an end: a single batch is an accident


@dataclass(frozen=True)
class Activity:
    """Outputs of the modules that compute by themselves, in the order of the forward pass."""

    steps: NDArray[np.int64]  # [t]
    outputs: tuple[TensorInfo, ...]
    count: NDArray[np.float64]  # [t, output]  elements looked at; 0 where it was not called
    rms: NDArray[np.float64]  # [t, output]  NaN where it was not called, or nothing was finite
    flat: NDArray[np.float64]  # [t, output]  share near a limit; NaN where it has none
    zero: NDArray[np.float64]  # [t, output]  share of zeros

    def of_types(self, *types: str) -> list[int]:
        """Which outputs come from modules of these types."""
        return [n for n, output in enumerate(self.outputs) if output.module_type in types]


@remembered
def activity(run: Run) -> Activity | None:
    """None where outputs were not recorded; a record in which nothing is finite counts for none."""
    if "activations" not in run.series:
        return None
    outputs = tuple(t for t in run.tensors.values() if t.role == "output")
    names = [output.name for output in outputs]
    count, mean, std, zeros, low, high = (
        run.column("activations", kind, names)
        for kind in ("count", "mean", "std", "zeros", "low", "high")
    )
    with np.errstate(all="ignore"):
        rms = np.sqrt(mean**2 + std**2)
        alive = np.isfinite(rms).any(1) if rms.size else np.zeros(len(rms), bool)
        return Activity(
            run.steps("activations")[alive],
            outputs,
            np.nan_to_num(count)[alive],
            rms[alive],
            ((low + high) / count)[alive],
            (zeros / count)[alive],
        )


RECTIFIERS = ("ReLU", "ReLU6", "Threshold")


@remembered
def silenced(run: Run) -> dict[str, tuple[int, int]]:
    """Rectifiers that gave nothing but zeros in the last few records, with the steps of that."""
    seen = activity(run)
    if seen is None or len(seen.steps) < FEW:
        return {}
    found = {}
    for place in seen.of_types(*RECTIFIERS):
        sounding = np.flatnonzero(~(seen.zero[:, place] >= 1.0))
        since = int(sounding[-1]) + 1 if len(sounding) else 0
        if len(seen.steps) - since >= FEW:
            steps = int(seen.steps[since]), int(seen.steps[-1])
            found[seen.outputs[place].module] = steps
    return found


@remembered
def finite_until(run: Run) -> float:
    """The step at which an output was not finite for the first time; infinity if none was."""
    if "activations" not in run.series:
        return math.inf
    names = [t.name for t in run.tensors.values() if t.role == "output"]
    bad = sum(run.column("activations", kind, names) for kind in ("nan", "posinf", "neginf"))
    broken = run.steps("activations")[(np.nan_to_num(bad) > 0).any(1)]
    return float(broken[0]) if len(broken) else math.inf


def beginning(records: int) -> slice:
    """The records that count as the beginning."""
    return slice(0, min(records, WINDOW))


def ending(records: int) -> slice:
    """And as the end: the last quarter, but not fewer than make a beginning."""
    return slice(max(0, records - max(WINDOW, records // 4)), records)


def usual(values: NDArray[np.float64], window: slice) -> NDArray[np.float64]:
    """[column]  the median over a window's records; NaN where none has a value."""
    part = values[window]
    known = np.isfinite(part).any(0) if len(part) else np.zeros(values.shape[1], bool)
    found = np.full(values.shape[1], np.nan)
    if known.any():
        found[known] = np.nanmedian(part[:, known], axis=0)
    return found
