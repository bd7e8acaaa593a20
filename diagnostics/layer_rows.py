"""What was recorded of each layer's parameters: one row a layer, however many tensors it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from probes.recording import TensorInfo

Floats = NDArray[np.float64]
BIASES = ("bias", "cancelled")


@dataclass(frozen=True)
class LayerRows:
    """Layers in the order of the forward pass, and their tensors beside one another."""

    layers: tuple[str, ...]
    tensors: tuple[TensorInfo, ...]
    starts: NDArray[np.intp]  # [layer]  place of its first tensor

    @property
    def names(self) -> list[str]:
        return [tensor.name for tensor in self.tensors]

    @property
    def sizes(self) -> Floats:
        """[tensor]"""
        return np.array([tensor.size for tensor in self.tensors], float)

    def total(self, values: Floats) -> Floats:
        """[t, layer] from [t, tensor]; what a tensor lacks counts for nothing."""
        if len(self.layers) == len(self.tensors):
            return values
        known: Floats = np.add.reduceat(np.nan_to_num(values, posinf=np.inf), self.starts, axis=1)
        there = np.add.reduceat(~np.isnan(values), self.starts, axis=1, dtype=np.intp)
        return np.where(there > 0, known, np.nan)

    def rms(self, run: Run, series: str) -> Floats:
        """[t, layer] over all elements of its tensors, from each one's mean and deviation."""
        mean, std = (run.column(series, kind, self.names) for kind in ("mean", "std"))
        return self.mean_square(mean**2 + std**2)

    def mean_square(self, squares: Floats) -> Floats:
        """[t, layer] the root of the mean, from each tensor's mean square."""
        if len(self.layers) == len(self.tensors):
            return np.sqrt(squares)
        sizes = np.where(np.isnan(squares), np.nan, self.sizes)
        with np.errstate(invalid="ignore"):
            return np.sqrt(self.total(squares * self.sizes) / self.total(sizes))

    def unsound(self, run: Run, series: str) -> NDArray[np.bool_]:
        """[t, layer] whether an element looked at was NaN or infinite."""
        return self.total(unsound(run, series, self.names)) > 0


def layer_rows(parameters: Iterable[TensorInfo]) -> LayerRows:
    """Of each layer its weights; its biases only where it has nothing else."""
    by_layer: dict[str, list[TensorInfo]] = {}
    for tensor in parameters:
        if tensor.size:
            by_layer.setdefault(tensor.module, []).append(tensor)
    kept = {layer: _weights(tensors) for layer, tensors in by_layer.items()}
    counts = [len(tensors) for tensors in kept.values()]
    return LayerRows(
        layers=tuple(layer or "(model)" for layer in kept),
        tensors=tuple(tensor for tensors in kept.values() for tensor in tensors),
        starts=np.cumsum([0, *counts[:-1]], dtype=np.intp) if counts else np.empty(0, np.intp),
    )


def unsound(run: Run, series: str, names: list[str]) -> Floats:
    """[t, tensor] how many of the elements looked at were NaN or infinite."""
    nan, above, below = (run.column(series, kind, names) for kind in ("nan", "posinf", "neginf"))
    return np.asarray(nan + above + below)


def _weights(tensors: list[TensorInfo]) -> list[TensorInfo]:
    return [tensor for tensor in tensors if tensor.role not in BIASES] or tensors
