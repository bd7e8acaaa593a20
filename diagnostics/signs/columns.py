"""The columns of the inputs in training, and in validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered

FAR = 8.0  # standard deviations: a column with such an element has no width to compare
TRAINING, VALIDATION = "columns/training", "columns/validation"


@dataclass(frozen=True)
class Columns:
    """Of those that vary in training: how the validation's differ."""

    shift: NDArray[np.float64]  # [column]  means apart, in standard deviations of training
    error: NDArray[np.float64]  # [column]  of the shift, if both were drawn alike
    scale: NDArray[np.float64]  # [column]  log of the ratio of standard deviations
    place: NDArray[np.float64]  # [column]  of the mean in training's range: 0 least, 1 greatest
    place_then: NDArray[np.float64]  # [column]  and in validation's
    step: int


def _place(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    _, mean, _, low, high = rows.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((mean - low) / (high - low))


def reach(rows: NDArray[np.float64]) -> NDArray[np.float64]:  # [column, (count, mean, …)]
    """How far a column's most distant element is from its mean, in standard deviations."""
    _, mean, std, low, high = rows.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(high - mean, mean - low) / std)


@remembered
def columns(run: Run) -> Columns | None:
    """None where either was not seen."""
    if not {TRAINING, VALIDATION} <= set(run.array_names):
        return None
    trained, validated = run.arrays(TRAINING)[-1], run.arrays(VALIDATION)[-1]
    a, b = np.asarray(trained.values[-1], float), np.asarray(validated.values[-1], float)
    if a.shape != b.shape:
        return None
    varies = (a[:, 2] > 0) & (a[:, 0] > 1) & (b[:, 0] > 1)
    a, b = a[varies & (reach(a) < FAR)], b[varies & (reach(a) < FAR)]
    with np.errstate(divide="ignore"):
        scale = np.log(b[:, 2] / a[:, 2])
    return Columns(
        (b[:, 1] - a[:, 1]) / a[:, 2],
        np.sqrt(1 / a[:, 0] + 1 / b[:, 0]),
        scale,
        _place(a),
        _place(b),
        int(validated.steps[0]),
    )
