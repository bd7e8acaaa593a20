"""Layers that run before ones that learn, and that no gradient reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered


@dataclass(frozen=True)
class Unreached:
    """In the order of the forward pass."""

    layers: tuple[str, ...]
    records: int


@remembered
def unreached(run: Run) -> Unreached | None:
    """None where gradients or outputs were not recorded."""
    if not {"gradients", "activations"} <= set(run.series):
        return None
    found = {name: t for name, t in run.parameters.items() if t.trainable and t.size}
    counts = np.nan_to_num(run.column("gradients", "count", list(found)))
    reached = dict(zip(found, (counts.sum(0) > 0).tolist(), strict=True))
    ran = {t.module for t in run.tensors.values() if t.role == "output"}
    last = max((t.depth for name, t in found.items() if reached[name]), default=-1)
    layers = dict.fromkeys(
        t.module for n, t in found.items() if not reached[n] and t.module in ran and t.depth < last
    )
    partly = {t.module for name, t in found.items() if reached[name]}
    return Unreached(tuple(layer for layer in layers if layer not in partly), len(counts))
