"""What a quadrature of the spectral density says of all the eigenvalues, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.weight_space import Floats

HELD_BY = 1e-3  # of the largest magnitude: below it an eigenvalue's sign is not told from zero's


@dataclass(frozen=True)
class Share:
    """A share of the eigenvalues, as the quadrature has it."""

    value: float
    error: float  # standard error, between probes
    low: float  # bounds on what the probes saw, whatever the number of steps
    high: float


def signed_shares(nodes: Floats, density: Floats, largest: float) -> tuple[Share, Share]:
    """The share of eigenvalues clearly below zero, and clearly above."""
    bar = HELD_BY * largest
    return _share_below(nodes, density, -bar), _share_below(-nodes, density, -bar)


def _share_below(nodes: Floats, density: Floats, bar: float) -> Share:
    """Between bounds that hold for each probe (Chebyshev, Markov, Stieltjes), and their spread.

    Whatever a quadrature puts on the nodes on either side of the bar may lie on either side of it.
    """
    below = nodes < bar
    shares = (density * below).sum(1)  # [probe]
    last = np.where(below, nodes, -np.inf).max(1, keepdims=True)
    first = np.where(below, np.inf, nodes).min(1, keepdims=True)
    low = shares - (density * (nodes == last)).sum(1)
    high = shares + (density * (nodes == first)).sum(1)
    error = shares.std(ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else np.inf
    return Share(float(shares.mean()), float(error), float(low.mean()), float(high.mean()))


def negative_mass(nodes: Floats, density: Floats) -> tuple[float, float]:
    """Unlike the share of negative eigenvalues this does not hang on the many near zero."""
    below = (density * np.maximum(-nodes, 0)).sum(1)  # [probe]
    whole = (density * np.abs(nodes)).sum(1)
    if not whole.any():
        return 0.0, 0.0
    share = float(below.sum() / whole.sum())
    spread = (below - share * whole) / whole.mean()
    return share, float(spread.std(ddof=1) / np.sqrt(len(spread)))


def moment(nodes: Floats, density: Floats, order: int) -> tuple[float, float]:
    """The spectrum's moment and its standard error: order 1 is the mean eigenvalue."""
    moments = (density * nodes**order).sum(1)
    return float(moments.mean()), float(moments.std(ddof=1) / np.sqrt(len(moments)))
