"""How large the model is: its parameters, and its narrowest layer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.wiring import wiring
from probes.recording import TensorInfo

FEW = 3  # layers alike in one list; of more each may be an expert


@dataclass(frozen=True)
class Capacity:
    """Of what trains."""

    parameters: int
    narrowest: int  # numbers that the narrowest hidden layer hands on; 0 if there is none
    layer: str
    per_example: float  # parameters over the examples seen in one pass over the run; NaN unknown


@remembered
def capacity(run: Run) -> Capacity | None:
    """None where no weight matrix is recorded."""
    matrices = [t for t in run.parameters.values() if t.role == "matrix" and t.trainable]
    if not matrices:
        return None
    beside, widths = _branches(run), {t.module: int(t.shape.split("x")[0]) for t in matrices[:-1]}
    hidden = {name: width for name, width in widths.items() if name not in beside} | _embedded(run)
    if widths and not hidden:  # of branches alone no width is that of a way all must go
        widest = max(widths, key=lambda name: widths[name])
        hidden = {widest: widths[widest]}
    layer = min(hidden, key=lambda name: hidden[name], default=matrices[-1].module)
    total = sum(t.size for t in run.parameters.values() if t.trainable)
    return Capacity(total, hidden.get(layer, 0), layer, total / _examples(run))


def _branches(run: Run) -> set[str]:
    """Layers beside others of the same giver: a gate, a router, queries and keys pass on a part."""
    givers = wiring(run) or {}
    fed = Counter(givers.values())
    alike = Counter(_kind(t) for t in run.parameters.values() if t.role == "matrix")
    many = {t.module for t in run.parameters.values() if alike[_kind(t)] > FEW and not _chains(t)}
    return many | {layer for layer, giver in givers.items() if fed[giver] > 1}


def _chains(tensor: TensorInfo) -> bool:
    """Could it follow one that is like it?"""
    sides = tensor.shape.split("x")
    return len(sides) > 1 and sides[0] == sides[1]


def _kind(tensor: TensorInfo) -> tuple[str, str, str]:
    """The same for all experts of a list."""
    return tensor.module.rpartition(".")[0], tensor.module_type, tensor.shape


def _embedded(run: Run) -> dict[str, int]:
    """Embeddings of what an example holds: a table of positions gives the same for every one."""
    first_axes = {
        t.module: t.shape.split("x")[0] for t in run.tensors.values() if t.role == "output"
    }
    usual = [axis for axis, _ in Counter(first_axes.values()).most_common(1)]
    return {
        t.module: int(t.shape.split("x")[-1])
        for t in run.parameters.values()
        if t.role == "embedding" and first_axes.get(t.module) in (None, *usual)
    }


def _examples(run: Run) -> float:
    if "batches/size" not in run.scalar_names:
        return np.nan
    return float(np.nanmedian(run.scalar("batches/size").values)) * max(1, run.last_step)
