"""How far each weight matrix moves in a step, relative to its own size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered


@dataclass(frozen=True)
class Movement:
    """NaN where there was no update, or nothing to move."""

    steps: NDArray[np.int64]  # [t]
    names: tuple[str, ...]  # parameters with two axes or more
    update: NDArray[np.float64]  # [t, parameter]  rms of the update
    weight: NDArray[np.float64]  # [t, parameter]  rms of the weights
    rate: NDArray[np.float64]  # [t]  the learning rate; NaN where not known

    @property
    def ratio(self) -> NDArray[np.float64]:
        """[t, parameter]  update over weight."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.weight > 0, self.update / self.weight, np.nan)


@remembered
def movement(run: Run) -> Movement | None:
    """None where updates or weights were not recorded."""
    if not {"updates", "weights"} <= set(run.series):
        return None
    found = run.parameters.items()
    names = tuple(n for n, t in found if t.trainable and t.role in ("matrix", "embedding"))
    steps = np.intersect1d(run.steps("updates"), run.steps("weights"))
    return Movement(
        steps,
        names,
        _rms(run, "updates", names, steps),
        _rms(run, "weights", names, steps),
        rate(run, steps),
    )


def rate(run: Run, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """The first optimizer's learning rate at each of the steps."""
    name = next((n for n in run.scalar_names if n.startswith("optimizer/") and _is_rate(n)), None)
    if name is None:
        return np.full(len(steps), np.nan)
    told = run.scalar(name)
    place = np.searchsorted(told.steps, steps, side="right") - 1
    return np.where(place >= 0, told.values[place.clip(0)], np.nan)


def setting(run: Run, key: str) -> dict[str, tuple[float, float]]:
    """Of every group of parameters that has it, an optimizer's setting at first and at last."""
    names = [n for n in run.scalar_names if n.startswith("optimizer/") and n.endswith(f"/{key}")]
    scalars = {name.split("/")[1]: run.scalar(name) for name in names}
    return {
        group: (float(told.values[0]), float(told.values[-1])) for group, told in scalars.items()
    }


def _is_rate(name: str) -> bool:
    return name.endswith("/lr")


def _rms(
    run: Run, series: str, names: tuple[str, ...], steps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Of the sample that was recorded."""
    at = np.isin(run.steps(series), steps)
    mean, std = (run.column(series, kind, list(names))[at] for kind in ("mean", "std"))
    return np.asarray(np.sqrt(mean**2 + std**2))
