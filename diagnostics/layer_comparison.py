"""One layer of several runs: its gradients, weights, updates and outputs on one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diagnostics.alignment import Along
from diagnostics.comparison import Comparison, Read, check_number, compared
from diagnostics.run import FathomError, Run, Scalar

Floats = NDArray[np.float64]
QUANTITIES = ("gradient, rms", "weight, rms", "update over weight", "output, rms")


def layer_comparison(
    runs: Sequence[Run], layer: str, along: Along = "step", smooth: float = 0.0
) -> Comparison:
    """Of the layer's weight matrix and of its output, as far as they were recorded."""
    check_number(runs)
    if layer not in common_layers(runs):
        there = ", ".join(common_layers(runs)[:8]) or "none"
        raise FathomError(f"no layer '{layer}' that two of these runs share (there are: {there}).")
    readers = (_gradient, _weight, _update, _output)
    reads: dict[str, Read] = {
        name: lambda run, read=read: read(run, layer)  # type: ignore[misc]
        for name, read in zip(QUANTITIES, readers, strict=True)
    }
    return compared(runs, reads, along, smooth)


def common_layers(runs: Sequence[Run]) -> tuple[str, ...]:
    """Layers with a weight matrix that at least two of the runs have, in forward order."""
    owned = [list(dict.fromkeys(filter(None, map(_owner, _matrices(run))))) for run in runs]
    every = dict.fromkeys(layer for layers in owned for layer in layers)
    least = min(2, len(runs))
    return tuple(layer for layer in every if sum(layer in own for own in owned) >= least)


def _matrices(run: Run) -> list[str]:
    return [n for n, t in run.parameters.items() if t.role in ("matrix", "embedding")]


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _weight_of(run: Run, layer: str) -> str | None:
    return next((name for name in _matrices(run) if _owner(name) == layer), None)


def _gradient(run: Run, layer: str) -> Scalar | None:
    return _rms(run, "gradients", _weight_of(run, layer))


def _weight(run: Run, layer: str) -> Scalar | None:
    return _rms(run, "weights", _weight_of(run, layer))


def _output(run: Run, layer: str) -> Scalar | None:
    name = next((n for n in (layer, f"{layer}[0]") if n in run.tensors), None)
    return _rms(run, "activations", name)


def _update(run: Run, layer: str) -> Scalar | None:
    """Where both were looked at, and there was something to move."""
    moved, weight = _rms(run, "updates", _weight_of(run, layer)), _weight(run, layer)
    if moved is None or weight is None:
        return None
    _, here, there = np.intersect1d(moved.steps, weight.steps, return_indices=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(
            weight.values[there] > 0, moved.values[here] / weight.values[there], np.nan
        )
    return Scalar(moved.name, moved.steps[here], ratio, moved.times[here])


def _rms(run: Run, series: str, tensor: str | None) -> Scalar | None:
    """Of the elements that were looked at; None where none ever were."""
    if tensor is None or series not in run.series:
        return None
    mean, std, seen = (
        run.column(series, kind, [tensor])[:, 0] for kind in ("mean", "std", "count")
    )
    there = seen > 0
    if not there.any():
        return None
    steps = run.steps(series)
    values = np.sqrt(mean**2 + std**2)
    return Scalar(series, steps[there], values[there], _times(run, steps)[there])


def _times(run: Run, steps: NDArray[np.int64]) -> Floats:
    """When each step was: by the scalar that was logged most often."""
    told = [run.scalar(name) for name in run.scalar_names]
    densest = max(told, key=lambda each: len(each.steps), default=None)
    if densest is None:
        return np.full(len(steps), np.nan)
    return np.interp(steps, densest.steps, densest.times)
