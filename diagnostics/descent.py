"""Gradient descent on a parabola, step by step: what is left of where it set out.

Plain, heavy-ball and Nesterov as torch's SGD has them: a linear recurrence, taken in powers for as
long as the rate is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.weight_space import Floats
from probes.folder import FathomError

PASSING = 1e-3  # of where it set out: a mode that by then is next to 0


@dataclass(frozen=True)
class Descent:
    """How the weights were moved: as by torch's SGD with all examples at once."""

    rates: float | Floats  # of every step, or of each [step] since it set out
    momentum: float = 0.0
    nesterov: bool = False
    started: int | None = None  # the step at which it set out from rest; None: the first one seen
    instead_of: str = ""  # the optimizer that the run had, where this is not it


def left_after(
    curvatures: Floats, descent: Descent, steps: NDArray[np.int64], before: int = 0
) -> Floats:
    """Of a start of 1 on ½·curvature·x², what is left after each of so many steps: [t, mode].

    `before` of them had been taken from rest until then; with momentum that is a velocity. NaN of
    what had just passed through 0, of which then nothing can be told.
    """
    rates = _each_rate(descent, before + int(max(steps)))
    state = np.stack([np.ones_like(curvatures), np.zeros_like(curvatures)], -1)  # [mode, 2]
    if descent.momentum:
        state = _moved(state, curvatures, rates[:before], descent)
        state /= np.where(abs(state[:, :1]) > PASSING, state[:, :1], np.nan)
    found, taken = [], 0
    for step in steps:
        state = _moved(state, curvatures, rates[before + taken : before + step], descent)
        found.append(state[:, 0])
        taken = step
    return np.array(found)


def stable_limit(curvature: float, descent: Descent) -> float:
    """The rate from which on descent diverges along this curvature; infinite where it is flat."""
    if not curvature:
        return np.inf
    beta = descent.momentum
    return (2 + 2 * beta) / ((1 + 2 * beta if descent.nesterov else 1.0) * curvature)


def _moved(state: Floats, curvatures: Floats, rates: Floats, descent: Descent) -> Floats:
    """By powers of a linear recurrence, as long as the rate is the same."""
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges may do so for long
        for some in np.split(rates, np.flatnonzero(np.diff(rates)) + 1) if len(rates) else ():
            once = _one_step(curvatures, float(some[0]), descent)
            state = np.einsum("mij,mj->mi", np.linalg.matrix_power(once, len(some)), state)
    return state


def _one_step(curvatures: Floats, rate: float, descent: Descent) -> Floats:
    """What torch's SGD makes of position and velocity: [mode, 2, 2]."""
    beta, slope = descent.momentum, curvatures
    velocity = np.stack([slope, np.full_like(slope, beta)], -1)
    taken = beta * velocity + np.stack([slope, 0 * slope], -1) if descent.nesterov else velocity
    position = np.array([1.0, 0.0]) - rate * taken
    return np.stack([position, velocity], -2)


def _each_rate(descent: Descent, count: int) -> Floats:
    rates = np.asarray(descent.rates, np.float64)
    if not rates.ndim:
        return np.full(count, rates)
    if len(rates) < count:
        raise FathomError(
            f"{len(rates)} rates are given for {count} steps; give one for each step from the "
            "start to the last one seen, or a single number."
        )
    return rates[:count]
