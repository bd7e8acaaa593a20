"""Kernel modes that are known in closed form, for the pictures of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from diagnostics.kernel_modes import Descent, KernelModes, Learning, kernel_modes
from tests.dashboard.around import make_about

VALUES = np.array([8.0, 2.0, 0.5, 0.1, 0.02, 0.001, 1e-5, 1e-9])  # the last is next to nothing
FIRST = np.array([3.0, 1.0, 2.0, 0.5, 0.7, 0.2, 0.1, 0.1])
RATE, START, LAST = 0.1, 5, 405


def left(steps: Any, slower: float = 1.0) -> Any:
    """(1 - rate·λ)ᵗ of each mode, [step, mode]."""
    return (1 - RATE * VALUES / slower) ** np.asarray(steps)[:, None]


def make_modes(
    descent: Descent | str | None = None,
    *,
    slower: float = 1.0,
    factor: float = 1.0,
    every: int = 4,
) -> KernelModes:
    """A linear model at every fourth step; `slower` is how much slower than predicted it learns."""
    steps = np.arange(START, LAST + 1, every)
    residuals = (FIRST * left(steps - START, slower))[..., None]
    gram = np.diag(VALUES)
    about = make_about(statistics="none")
    seen = Learning(about, steps, residuals, gram, gram, factor, "an example")
    return kernel_modes(seen, Descent(RATE) if descent is None else descent)
