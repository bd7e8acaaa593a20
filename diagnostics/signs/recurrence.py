"""How the gradient fares on its way through time: layers that are called again and again.

A layer that is called at every step of a sequence shows it in the sizes of the gradients that it
gets: from step to step back in time they shrink by a factor, so that they lie octaves apart. A
torch.nn.RNN is one call; there the weights tell, for what goes back a step is multiplied by them.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run, RunError
from diagnostics.signs.remembered import remembered
from probes.recording import TensorInfo
from probes.snapshot_file import read_snapshot

SAMPLE = 4096  # elements of an output that are looked at
TIMES = 8  # calls in a step, at least: fewer are several inputs, or heads
EARLY = 5  # records
GROWN = 5.0  # times: a layer's weights alone change a gradient's size by less
TAIL = 0.05  # of the gradients, left out at either end


@dataclass(frozen=True)
class Recurrence:
    """One layer that runs through time."""

    layer: str
    times: int
    left: float  # of the gradient when it has come back to the first step, about; above 1 it grows
    how: str  # it is known


@remembered
def recurrences(run: Run) -> tuple[Recurrence, ...]:
    """Plain ones, worst first: gates are made to carry a gradient, and are not judged."""
    found = [*_called_again(run), *_plain(run)]
    return tuple(sorted(found, key=lambda each: each.left))


def _called_again(run: Run) -> list[Recurrence]:
    """Layers that map what they gave themselves: a square matrix, called many times in a step."""
    if not {"activations", "activation_gradients"} <= set(run.series):
        return []
    square = {t.module for t in run.parameters.values() if t.role == "matrix" and _is_square(t)}
    outputs = [t for t in run.tensors.values() if t.role == "output" and t.module in square]
    found = []
    for output in outputs:
        counts = run.column("activations", "count", [output.name])[:EARLY, 0]
        times = int(np.nan_to_num(counts).max(initial=0) / max(1, min(output.size, SAMPLE)))
        if times >= TIMES:
            grown = _growth(run, output.name)
            left = grown if grown > GROWN else _octaves(run, output.name)
            found.append(Recurrence(output.module, times, left, "from the gradients it got"))
    return found


def _is_square(tensor: TensorInfo) -> bool:
    sides = tensor.shape.split("x")
    return len(sides) == 2 and sides[0] == sides[1]


def _growth(run: Run, name: str) -> float:
    """The largest gradient that it got, over the largest that the last layer got."""
    last = [n for n, t in run.tensors.items() if t.role == "output"][-1]
    ends = [
        np.abs([run.column("activation_gradients", kind, [n])[:EARLY] for kind in ("min", "max")])
        for n in (name, last)
    ]
    own, given = (float(np.nanmax(end, initial=0.0)) for end in ends)
    return own / given if given > 0 else 0.0


def _octaves(run: Run, name: str) -> float:
    """The smallest of its first gradients over the largest; a rectifier's zeros tell nothing."""
    bins = run.histogram("activation_gradients", name)[:EARLY].astype(np.int64).sum(0)
    if not bins.sum():
        return 1.0
    share = np.cumsum(bins) / bins.sum()
    low, high = (int(np.searchsorted(share, part)) for part in (TAIL, 1 - TAIL))
    return float(2.0 ** (low - high))


def _plain(run: Run) -> list[Recurrence]:
    """torch.nn.RNN: in the long run the factor a step is at most its largest eigenvalue."""
    modules = {t.module for t in run.parameters.values() if t.module_type == "RNN"}
    if not modules or not run.snapshots:
        return []
    with contextlib.suppress(RunError):
        weights = read_snapshot(run.path, run.snapshots[0])
        return [each for module in modules if (each := _by_matrix(run, module, weights))]
    return []


def _by_matrix(run: Run, module: str, weights: dict[str, NDArray[np.float64]]) -> Recurrence | None:
    matrix = weights.get(f"{module}.weight_hh_l0" if module else "weight_hh_l0")
    times = _length(run, module)
    if matrix is None or times < TIMES or not np.isfinite(matrix).all():
        return None
    factor = float(np.abs(np.linalg.eigvals(matrix.astype(np.float64))).max())
    return Recurrence(module, times, factor**times, "from its matrix's eigenvalues")


def _length(run: Run, module: str) -> int:
    """Of the sequences: which axis it is shows by that of the batch in the last state."""
    shapes = [
        t.shape.split("x")
        for t in run.tensors.values()
        if t.module == module and t.role == "output"
    ]
    if len(shapes) < 2 or len(shapes[0]) != 3 or len(shapes[1]) != 3:
        return 0
    first, second = int(shapes[0][0]), int(shapes[0][1])
    return second if first == int(shapes[1][1]) else first
