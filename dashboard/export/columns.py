"""The columns of an export, and what each means: written into every export beside its data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.rows import BINS, LOWEST_OCTAVE, STATISTICS

AT = {name: place for place, name in enumerate(STATISTICS)}

RECORDED = {
    "count": "elements looked at: the tensor's own number, or a sample of it",
    "nan": "of these: NaN",
    "posinf": "of these: +infinity",
    "neginf": "of these: -infinity",
    "zeros": "of these: zero, or too small for a normal 32-bit float",
    "negatives": "of these: finite and below zero",
    "mean": "mean of the finite ones",
    "std": "standard deviation of the finite ones, divided by their number",
    "min": "least of the finite ones",
    "max": "greatest of the finite ones",
    "norm": "L2 norm of the whole tensor, never of a sample; NaN where it was not taken",
    "low": "of those looked at, within 3 % of the least value that their function can give",
    "high": "of those looked at, within 3 % of the greatest; NaN where there is no such limit",
}
DERIVED = {
    "rms": "root mean square: norm / sqrt(elements of the tensor); where no norm was taken, "
    "sqrt(mean² + std²) of the finite ones looked at",
    "zeros_share": "zeros / count",
    "nonfinite_share": "(nan + posinf + neginf) / count",
}
PLACES = {
    "series": "which probe looked: gradients, weights, updates, activations, …",
    "step": "optimizer step, counted from the start of training",
    "time": "seconds since 1970-01-01 UTC",
    "tensor": "the parameter, or the module whose output it is",
    "module": "the module it belongs to",
    "module_type": "the class of that module",
    "role": "matrix, bias, cancelled (a bias before a normalisation), norm, embedding, output "
    "(of a module), state or other",
    "depth": "rank of the module in the first forward pass",
    "name": "under which it was logged or recorded",
    "value": "what was logged",
    "shape": "sizes, such as 512x784",
    "dtype": "type of its elements",
    "trainable": "whether it requires a gradient",
    "elements": "their number, from the shape",
    "kind": "what sort of event",
    "text": "what happened, as recorded (most kinds: JSON)",
}
EDGES = 2.0 ** np.arange(LOWEST_OCTAVE, LOWEST_OCTAVE + BINS + 1)  # [bin + 1]  of |x|
BIN_NAMES = tuple(f"2^{LOWEST_OCTAVE + place}" for place in range(BINS))
BINS_TOLD = (
    "elements with 2^k <= |x| < 2^(k+1), in the column 2^k; the first holds everything below as "
    "well, the last everything above; a row without a histogram is left out"
)


def derived(
    statistics: NDArray[np.float32],  # [record, tensor, statistic]
    elements: NDArray[np.int64],  # [tensor]
) -> dict[str, NDArray[np.float32]]:
    """What follows from a row's statistics, as [record, tensor] each."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        column = {name: statistics[:, :, place].astype(np.float64) for name, place in AT.items()}
        sampled = np.hypot(column["mean"], column["std"])
        rms = column["norm"] / np.sqrt(elements)
        lost = column["nan"] + column["posinf"] + column["neginf"]
        found = {
            "rms": np.where(np.isnan(column["norm"]), sampled, rms),
            "zeros_share": column["zeros"] / column["count"],
            "nonfinite_share": lost / column["count"],
        }
        return {name: values.astype(np.float32) for name, values in found.items()}
