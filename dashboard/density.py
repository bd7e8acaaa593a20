"""A spectral density for the eye: all probes' sticks together, and a smooth line over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH = 0.012  # of the smoothing kernel, as a share of the spectrum's extent
POINTS = 600
DECADES = 7  # drawn below the highest; a quadrature knows smaller weights only in name


def sticks(nodes: Floats, density: Floats) -> tuple[Floats, Floats]:
    """Every probe's nodes, each weighed as one probe of so many; in ascending order."""
    order = np.argsort(nodes, axis=None)
    return nodes.ravel()[order], density.ravel()[order] / len(nodes)


def smoothed(nodes: Floats, density: Floats) -> tuple[Floats, Floats]:
    """The share within a kernel's width of each place."""
    x, heights = sticks(nodes, density)
    extent = float(np.ptp(x)) or max(abs(float(x[0])), 1.0)
    width = WIDTH * extent
    places = np.linspace(x[0] - 3 * width, x[-1] + 3 * width, POINTS)
    kernel = np.exp(-0.5 * ((places[:, None] - x) / width) ** 2)
    return places, kernel @ heights


def floor_of(heights: Floats) -> float:
    """Where the sticks begin: a logarithm has no zero."""
    top = float(heights.max(initial=1e-30))
    positive = heights[heights > 0]
    lowest = float(positive.min()) if positive.size else top
    return max(lowest / 3, top * 10.0**-DECADES)  # of a stick no higher nothing is seen
