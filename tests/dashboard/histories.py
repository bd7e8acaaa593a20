"""A hand-made layer over time, for the tests of its curves and ridges."""

from __future__ import annotations

from typing import Any

import numpy as np

from diagnostics.layer_history import Curve, Histograms, LayerHistory, Strand


def make_histograms(ridges: int = 4, **changes: Any) -> Histograms:
    """Half in the bin from 1/8 to 1/4, a quarter in each neighbour; more and more zeros."""
    shares = np.zeros((ridges, 64), np.float32)
    shares[:, 44:47] = 0.25, 0.5, 0.25
    made: dict[str, Any] = {
        "tensor": "a.weight",
        "lowest": -48,
        "steps": np.arange(1, ridges + 1) * 10,
        "shares": shares,
        "zeros": np.linspace(0, 0.4, ridges),
        "negatives": np.full(ridges, 0.5),
    }
    return Histograms(**(made | changes))


def make_strand(values: Any = None, **changes: Any) -> Strand:
    """One curve from 1e-4 to 1."""
    values = np.geomspace(1e-4, 1, 41) if values is None else np.asarray(values, float)
    made: dict[str, Any] = {
        "name": "gradients",
        "about": "rms gradient",
        "kind": "magnitude",
        "steps": np.arange(len(values)),
        "curves": (Curve("weight", values),),
        "histograms": make_histograms(),
    }
    return Strand(**(made | changes))


def make_history(*strands: Strand, **changes: Any) -> LayerHistory:
    """Of a linear layer."""
    made: dict[str, Any] = {
        "run": "sample",
        "layer": "block.0.linear",
        "module_type": "Linear",
        "shapes": ("weight 4x4", "bias 4"),
        "why": "",
        "strands": strands or (make_strand(),),
    }
    return LayerHistory(**(made | changes))
