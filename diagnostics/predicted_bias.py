"""When each frequency is to be learnt, as a network's kernel predicts it of gradient descent.

The residual is taken apart into the kernel's eigenvectors, each part shrinks at its own rate, and
what they make together is read as the network's function is: by the same coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.descent import Descent, left_after
from diagnostics.frequencies import Floats, Modes, projection_ratio
from diagnostics.kernel_modes import FAR, KernelModes, Learning, kernel_modes
from diagnostics.learned_function import LearnedFunction
from diagnostics.learning_order import LEVELS, Reached, reached
from diagnostics.mode_times import even_steps


@dataclass(frozen=True)
class PredictedBias:
    """Times beside those of a SpectralBias, or why there are none."""

    since: int  # the step at which the kernel was taken
    refused: str  # why nothing is predicted; "": it is
    departs: int  # first step at which the prediction is off by more than a tenth; -1: at none
    steps: NDArray[np.int64]  # [s]
    ratio: Floats  # [s, k]  part learnt, as predicted
    reached: tuple[Reached, ...]  # at the levels of the SpectralBias


def predicted_bias(
    learned: LearnedFunction,
    waves: Modes,
    seen: Learning,
    descent: Descent | str,
    *,
    told: NDArray[np.bool_] | None = None,
) -> PredictedBias:
    """Of the examples of `learned`, whose kernel and residuals were `seen`.

    `told` are the frequencies that the target has; of the others there are no times.
    """
    modes = kernel_modes(seen, descent)
    why = _refused(descent, modes)
    if why or isinstance(descent, str):
        return refused(why or str(descent), int(seen.steps[0]))
    grid = even_steps(int(seen.steps[0]), int(seen.steps[-1]))
    with np.errstate(all="ignore"):  # of a prediction that diverges; of frequencies not there
        values = _predicted(learned, seen, descent, grid)
        ratio = projection_ratio(waves.coefficients(values), waves.coefficients(learned.target))
    if told is not None:
        ratio = np.where(told, ratio, np.nan)
    times = tuple(reached(grid, ratio, level) for level in LEVELS)
    if 0 <= modes.departs <= _first_told(times[0]):
        off = f"by step {modes.departs:,} it is off by more than a tenth of what was to be learnt"
        return refused(f"{off}: {_cause(modes)}", int(seen.steps[0]))
    return PredictedBias(int(seen.steps[0]), "", modes.departs, grid, ratio, times)


def _first_told(half: Reached) -> float:
    """The first step that is foreseen: what was there from the start is not."""
    foreseen = half.step[~np.isnan(half.before) | np.isinf(half.step)]
    return float(foreseen.min(initial=np.inf))


def _cause(modes: KernelModes) -> str:
    """As far as the kernel at both ends tells."""
    if modes.rates[1] >= modes.limit:
        return (
            f"along the kernel's fastest mode descent diverges from a rate of {modes.limit:.3g} on"
        )
    if modes.drift > FAR:
        return f"the kernel did not stay as it was, and has changed by {modes.drift:.0%} in the end"
    return "these examples were not trained on at once"


def refused(why: str, since: int) -> PredictedBias:
    """No times, and a reason."""
    return PredictedBias(since, why, -1, np.zeros(0, np.int64), np.zeros((0, 0)), ())


def _refused(descent: Descent | str, modes: KernelModes) -> str:
    if isinstance(descent, str):
        return descent
    if descent.instead_of:
        return f"a kernel tells of gradient descent, and the run had {descent.instead_of}"
    if modes.unpredicted:
        return modes.unpredicted
    return ""


def _predicted(
    learned: LearnedFunction, seen: Learning, descent: Descent, steps: NDArray[np.int64]
) -> Floats:
    """The function at each step: [step, example, output]"""
    values, basis = np.linalg.eigh((seen.kernel + seen.kernel.T) / 2)
    first = int(seen.steps[0])
    before = 0 if descent.started is None else first - descent.started
    left = left_after(values.clip(0) * seen.factor, descent, steps - first, before)  # [s, mode]
    parts = basis.T @ seen.residuals[0]  # [mode, column]
    residuals = np.einsum("rm,sm,mc->src", basis, left, parts, optimize=True)
    found: Floats = residuals.reshape(len(steps), *learned.target.shape) + learned.target
    return found
