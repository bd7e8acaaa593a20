"""What weight decay takes from the weights at each step, beside what the gradient gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.movement import Movement, movement, setting
from diagnostics.signs.remembered import remembered

DECOUPLED = ("AdamW", "NAdamW", "Lion", "AdEMAMix")  # decay apart from the gradient


@dataclass(frozen=True)
class Decay:
    """Of the weight matrices."""

    coefficient: float  # the largest of any group
    shrunk: float  # their size at the end over that at the beginning
    against_gradient: float  # median over the late records; decoupled: over the whole update
    first: int  # the first recorded step


@remembered
def decay(run: Run) -> Decay | None:
    """None where it cannot be told."""
    told = setting(run, "weight_decay")
    moved = movement(run)
    if not told or moved is None or len(moved.steps) < 3 or "gradients" not in run.series:
        return None
    coefficient = max(last for _, last in told.values())
    size = np.sqrt(np.nansum(moved.weight**2, axis=1))
    return Decay(
        coefficient,
        float(size[-1] / size[0]) if size[0] > 0 else np.nan,
        _against(run, moved, coefficient),
        int(moved.steps[0]),
    )


def _against(run: Run, moved: Movement, coefficient: float) -> float:
    late = moved.steps > 0.5 * moved.steps[-1]
    taken = coefficient * moved.weight[late]
    if any(name in DECOUPLED for name in run.info.get("optimizers", ())):
        given = moved.update[late] / moved.rate[late][:, None]
    else:
        given = _gradients(run, moved)[late]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(np.nansum(taken**2, 1) / np.nansum(given**2, 1))
    known = ratio[~np.isnan(ratio)]
    return float(np.median(known)) if len(known) else np.nan


def _gradients(run: Run, moved: Movement) -> np.ndarray:
    """Their rms, at the steps of the movement."""
    names = list(moved.names)
    sizes = np.array([run.parameters[name].size for name in names])
    norms = run.column("gradients", "norm", names) / np.sqrt(sizes)
    place = np.searchsorted(run.steps("gradients"), moved.steps).clip(0, len(norms) - 1)
    return np.asarray(norms[place])
