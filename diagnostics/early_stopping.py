"""What stopping at the best step keeps: training up to a step is a filter over frequencies.

Gradient descent takes 1 - (1 - rate x eigenvalue)^t of each mode of a target: what is learnt fast
passes, what is learnt slowly is held back, as by a ridge penalty of its own on each mode. Where
the clean target is known, the same holds of the noise on it: it is fitted by the later steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.frequencies import Floats
from diagnostics.learned_function import LearnedFunction
from diagnostics.run import Scalar
from diagnostics.spectral_bias import SpectralBias
from diagnostics.weight_space import About
from probes.folder import FathomError


@dataclass(frozen=True)
class EarlyStopping:
    """Which frequencies are learnt at the best step, and what the steps after it fit."""

    run: str
    about: About | None
    steps: NDArray[np.int64]  # [t]
    best: int  # the record nearest to the best step
    by: str  # what was least there, in words
    frequencies: Floats  # [k]
    kept: Floats  # [k]  the part of each that is learnt at the best step
    kept_last: Floats  # [k]  and at the last
    # [k]  (1 - kept) / kept: the ridge penalty that keeps as much, over the mode's eigenvalue
    ridge: Floats
    # [t]  the least squares' shares of the clean target and of its noise in the predictions;
    # NaN where the clean target is not known
    signal: Floats
    noise: Floats
    clean_error: Floats  # [t]  mean squared distance to the clean target

    @property
    def place(self) -> int:
        """Of the best step among the records."""
        return int(np.flatnonzero(self.steps == self.best)[0])

    @property
    def noise_at_best(self) -> float:
        return float(self.noise[self.place])


def early_stopping(
    learned: LearnedFunction,
    bias: SpectralBias,
    validation: Scalar | None = None,
    clean: NDArray[np.float64] | None = None,
) -> EarlyStopping:
    """`bias` is of the same predictions. The best step is that of the least validation loss.

    `clean` is the target without its noise, [example, output], where it is known; the best step
    is then by default that which is nearest to it.
    """
    if not np.array_equal(learned.steps, bias.steps):
        raise FathomError(
            f"the spectral bias is of {len(bias.steps)} steps and the function of "
            f"{len(learned.steps)}; compute both of the same predictions."
        )
    signal, noise, error = _parts(learned, clean)
    best, by = _best(learned.steps, validation, error)
    place = int(np.flatnonzero(learned.steps == best)[0])
    kept = bias.ratio[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        ridge = (1 - kept) / kept
    return EarlyStopping(
        run=learned.run,
        about=learned.about,
        steps=learned.steps,
        best=best,
        by=by,
        frequencies=bias.frequencies,
        kept=kept,
        kept_last=bias.ratio[-1],
        ridge=ridge,
        signal=signal,
        noise=noise,
        clean_error=error,
    )


def _best(steps: NDArray[np.int64], validation: Scalar | None, error: Floats) -> tuple[int, str]:
    if validation is None:
        if np.isnan(error).all():
            raise FathomError(
                "no step is known to be the best: give validation=run.scalar('val_loss'), or the "
                "clean target."
            )
        return int(steps[np.nanargmin(error)]), "distance to the clean target"
    finite = np.isfinite(validation.values)
    if not finite.any():
        raise FathomError(f"'{validation.name}' has no finite value; no step is its best.")
    at = int(validation.steps[np.where(finite, validation.values, np.inf).argmin()])
    nearest = int(steps[np.abs(steps - at).argmin()])
    return nearest, f"{validation.name}, at step {at}"


def _parts(
    learned: LearnedFunction, clean: NDArray[np.float64] | None
) -> tuple[Floats, Floats, Floats]:
    """Predictions as a sum of clean target and noise, by least squares; and how far from clean."""
    if clean is None:
        unknown = np.full(len(learned.steps), np.nan)
        return unknown, unknown, unknown
    wanted = np.asarray(clean, np.float64)
    if wanted.size != learned.target.size or len(wanted) != len(learned.target):
        raise FathomError(
            f"a clean target of shape {[*wanted.shape]} is not one of {learned.target.shape[0]} "
            f"examples and {learned.target.shape[1]} outputs."
        )
    wanted = wanted.reshape(learned.target.shape)
    noise = learned.target - wanted
    flat = learned.values.reshape(len(learned.steps), -1)
    design = np.stack([wanted.ravel(), noise.ravel()], 1)
    with np.errstate(invalid="ignore", over="ignore"):  # of a training that ended in NaN
        shares = np.linalg.pinv(design) @ flat.T
        error = ((learned.values - wanted) ** 2).mean((1, 2))
    return shares[0], shares[1] if noise.any() else np.full(len(error), np.nan), error
