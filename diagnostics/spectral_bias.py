"""Which frequencies of its target a network learns first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.frequencies import (
    ABOVE_NOISE,
    LEAST,
    Floats,
    Modes,
    amplitudes,
    magnitude_ratio,
    modes,
    projection_ratio,
    relative_error,
    strongest,
    total_variation,
)
from diagnostics.learned_function import CIRCLE, NO_LINE, LearnedFunction
from diagnostics.learning_order import (
    LEVELS,
    Order,
    Reached,
    Verdict,
    learning_order,
    reached,
    verdict_of,
)
from diagnostics.predicted_bias import PredictedBias
from diagnostics.shown import Shown
from diagnostics.weight_space import About
from probes.folder import FathomError

ROUNDING = 1e3 * np.finfo(np.float64).eps  # of the target's largest number


@dataclass(frozen=True)
class SpectralBias(Shown):
    """How much of each frequency is learnt at each step, and in which order they came.

    NaN stands where the target has too little of a frequency to be told from noise.
    """

    run: str
    about: About | None
    source: str  # where the predictions are from
    axis: str  # along which the waves run
    how: str  # coefficients were taken, in words
    steps: NDArray[np.int64]  # [t]
    frequencies: Floats  # [k]  waves over the period
    period: float
    alias: Floats  # [k]  the frequency that looks the same on this grid; NaN: none
    amplitude: Floats  # [k]  the target's
    # [k]  the amplitude that noise, or what is left of the target, would have; NaN: none is left
    noise: Floats
    told: NDArray[np.bool_]  # [k]  the target's amplitude is clear of that
    ratio: Floats  # [t, k]  the part learnt: 1 is all of it, in the right phase
    error: Floats  # [t, k]  relative: 0 is learnt
    magnitude: Floats  # [t, k]  relative, blind to phase
    variation: Floats  # [t]  how far the function goes up and down in all: 4k for one sine of k
    target_variation: float  # NaN, as the function's, where examples lie on a line only in part
    reached: tuple[Reached, ...]  # a half, nine tenths
    orders: tuple[Order, ...]  # by each of them
    verdict: Verdict  # by the half
    why: str
    predicted: PredictedBias | None = None  # by the network's own kernel; None: was not asked

    @property
    def half(self) -> Reached:
        return self.reached[0]

    @property
    def order(self) -> Order:
        """By the half."""
        return self.orders[0]


def spectral_bias(
    learned: LearnedFunction,
    frequencies: Sequence[float] | Floats | None = None,
    *,
    period: float | None = None,
    noise: float | None = None,
    seed: int = 0,
) -> SpectralBias:
    """Along the line that the inputs lie on.

    By default of the frequencies that carry the target. `noise` is the standard deviation of
    noise in the target; by default what the frequencies leave of it is taken for that.
    """
    _check(learned)
    if learned.axis == CIRCLE:
        period = 1.0 if period is None else period
    if frequencies is None:
        frequencies = strongest(learned.places, learned.target, period)
    return bias_by(learned, modes(learned.places, frequencies, period), noise, seed)


def bias_by(
    learned: LearnedFunction, found: Modes, noise: float | None = None, seed: int = 0
) -> SpectralBias:
    """Of coefficients that are taken in a way of their own."""
    wanted = found.coefficients(learned.target)
    outputs = learned.target.shape[1]
    variance = found.unexplained(learned.target) if noise is None else outputs * noise**2
    floor = 2 * np.sqrt(found.noise(variance))
    amplitude = amplitudes(wanted)
    least = max(LEAST * float(amplitude.max()), ROUNDING * float(np.abs(learned.target).max()))
    told = amplitude > np.fmax(ABOVE_NOISE * floor, least)
    curves = _curves(found, learned, told)
    times = tuple(reached(learned.steps, curves[0], level) for level in LEVELS)
    orders = tuple(learning_order(found.frequencies, each, seed) for each in times)
    verdict, why = verdict_of(orders[0], times[0])
    variation, target_variation = _variation(learned, found)
    return SpectralBias(
        run=learned.run,
        about=learned.about,
        source=learned.source,
        axis=learned.axis,
        how=found.how,
        steps=learned.steps,
        frequencies=found.frequencies,
        period=found.period,
        alias=found.alias,
        amplitude=amplitude,
        noise=floor,
        told=told,
        ratio=curves[0],
        error=curves[1],
        magnitude=curves[2],
        variation=variation,
        target_variation=target_variation,
        reached=times,
        orders=orders,
        verdict=verdict,
        why=why,
    )


def _curves(
    found: Modes, learned: LearnedFunction, told: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Ratio, error and magnitude, each [t, k], where the target has the frequency."""
    wanted = found.coefficients(learned.target)
    measures = (projection_ratio, relative_error, magnitude_ratio)
    with np.errstate(all="ignore"):  # frequencies that are not there; a training that ended in NaN
        have = found.coefficients(learned.values)
        ratio, error, magnitude = (
            np.where(told, measure(have, wanted), np.nan) for measure in measures
        )
    return ratio, error, magnitude


def _variation(learned: LearnedFunction, found: Modes) -> tuple[Floats, float]:
    """Of the network at each step and of the target, from place to place; outputs add up."""
    if found.kind == "sums":
        return np.full(len(learned.steps), np.nan), np.nan
    order, closed = np.argsort(learned.places), found.kind == "grid"
    both = np.concatenate([learned.values, learned.target[None]])[:, order].swapaxes(1, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        total = total_variation(both, closed=closed).sum(1)
    return total[:-1], float(total[-1])


def _check(learned: LearnedFunction) -> None:
    if not learned.has_target:
        raise FathomError(
            "spectral bias compares with the function that is to be learnt, and it is not known "
            "here; give target=, one row an example."
        )
    if learned.axis == NO_LINE:
        raise FathomError(
            f"inputs of {learned.inputs.shape[1]} features lie on no line, so waves have no "
            "direction; use data_spectra, or say where on a line they are: places=…"
        )
