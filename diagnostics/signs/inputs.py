"""What goes into the model: scale, columns, and whether a normalisation comes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered

ALL = 0.99
NORMS = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")


@dataclass(frozen=True)
class Inputs:
    """Medians over the batches that were looked at; NaN where not known."""

    rms: float
    largest: float  # absolute value of any element
    spread: float  # the widest column over the median one
    constant: float  # share of columns, or of an image's places, that never vary, at the last look
    normalised: bool  # the first layer is a normalisation
    first: int  # steps
    last: int


@remembered
def inputs(run: Run) -> Inputs | None:
    """None where inputs are token ids, or were not recorded."""
    if "batches/input_rms" not in run.scalar_names:
        return None
    rms = run.scalar("batches/input_rms")
    ends = [_values(run, f"batches/input_{end}") for end in ("min", "max")]
    first = next((t for t in run.tensors.values() if t.role == "output"), None)
    return Inputs(
        float(np.nanmedian(rms.values)),
        float(np.nanmax(np.abs(np.concatenate(ends)), initial=0.0)),
        _median(_values(run, "batches/column_spread")),
        max(_last(run, "batches/constant_columns"), _places(run)),
        first is not None and first.module_type.startswith(NORMS),
        int(rms.steps[0]),
        int(rms.steps[-1]),
    )


def _values(run: Run, name: str) -> np.ndarray:
    return run.scalar(name).values if name in run.scalar_names else np.array([np.nan])


def _places(run: Run) -> float:
    """Of a picture; where all rows are the same, as those of a graph, they are no examples."""
    share = _last(run, "batches/constant_places")
    return share if share < ALL else 0.0


def _last(run: Run, name: str) -> float:
    return float(_values(run, name)[-1]) if name in run.scalar_names else 0.0


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan
