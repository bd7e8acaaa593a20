"""What stopping at the best step keeps: training up to a step is a filter over frequencies.

Gradient descent takes 1 - (1 - rate x eigenvalue)^t of each mode of a target: what is learnt fast
passes, what is learnt slowly is held back, as by a ridge penalty of its own on each mode. Where
the clean target is known, the same holds of the noise on it: it is fitted by the later steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diagnostics.frequencies import LEAST, Floats, modes
from diagnostics.kernel_modes import KernelModes
from diagnostics.learned_function import LearnedFunction
from diagnostics.run import Scalar
from diagnostics.shown import Shown
from diagnostics.spectral_bias import SpectralBias
from diagnostics.weight_space import About
from probes.folder import FathomError

Kind: TypeAlias = Literal["frequency", "kernel mode"]

MODES = 40  # of a kernel, of those above rounding
SLIGHT = 1e-3  # share of the first squared residual: of less, what others leave is told instead
GIVEN = "the clean target that was given"
CARRIED = "the frequencies that stand clear of noise"


@dataclass(frozen=True)
class Curve:
    """A loss over steps, under the name that it goes by."""

    name: str
    steps: NDArray[np.int64]  # [t]
    values: Floats  # [t]


@dataclass(frozen=True)
class EarlyStopping(Shown):
    """Which frequencies are learnt at the best step, and what the steps after it fit."""

    run: str
    about: About | None
    training: Curve | None  # loss, where it is known
    validation: Curve | None  # loss on what training did not see
    steps: NDArray[np.int64]  # [t]
    best: int  # the record nearest to the best step
    by: str  # what was least there, in words
    modes: Kind  # what `frequencies` are
    frequencies: Floats  # [k]  or numbers of a kernel's modes, the first being 1
    kept: Floats  # [k]  the part of each that is learnt at the best step
    kept_last: Floats  # [k]  and at the last
    # [k]  (1 - kept) / kept: the ridge penalty that keeps as much, over the mode's eigenvalue
    ridge: Floats
    clean: str  # what the target is without noise, in words; "": not known
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
    bias: SpectralBias | KernelModes,
    validation: Scalar | None = None,
    clean: NDArray[np.float64] | None = None,
    *,
    training: Scalar | None = None,
) -> EarlyStopping:
    """`bias` is of the same predictions. The best step is that of the least validation loss.

    `clean` is the target without its noise, [example, output], where it is known; the best step
    is then by default that which is nearest to it. Else what the frequencies do not explain of the
    target is taken for noise.
    """
    learned, what, places, parts = _matched(learned, bias)
    named, without_noise = _clean(learned, bias, clean)
    signal, noise, error = _parts(learned, without_noise)
    best, by = _best(learned, validation, error if named == GIVEN else np.full(1, np.nan))
    kept = parts[int(np.flatnonzero(learned.steps == best)[0])]
    with np.errstate(divide="ignore", invalid="ignore"):
        ridge = (1 - kept) / kept
    return EarlyStopping(
        run=learned.run,
        about=learned.about,
        training=_curve(training),
        validation=_curve(validation),
        steps=learned.steps,
        best=best,
        by=by,
        modes=what,
        frequencies=places,
        kept=kept,
        kept_last=parts[-1],
        ridge=ridge,
        clean=named,
        signal=signal,
        noise=noise,
        clean_error=error,
    )


def _curve(scalar: Scalar | None) -> Curve | None:
    return Curve(scalar.name, scalar.steps, scalar.values) if scalar else None


def _matched(
    learned: LearnedFunction, bias: SpectralBias | KernelModes
) -> tuple[LearnedFunction, Kind, Floats, Floats]:
    """At the steps of both; what the modes are, each one's place, and what is learnt of it."""
    if isinstance(bias, SpectralBias):
        if not np.array_equal(learned.steps, bias.steps):
            raise FathomError(
                f"the spectral bias is of {len(bias.steps)} steps and the function of "
                f"{len(learned.steps)}; compute both of the same predictions."
            )
        return learned, "frequency", bias.frequencies, bias.ratio
    common, at, other = np.intersect1d(learned.steps, bias.steps, return_indices=True)
    if not len(common):
        raise FathomError(
            f"the kernel's modes are of steps {bias.steps[0]} to {bias.steps[-1]}, and there are "
            "no predictions at any of them."
        )
    kept = np.flatnonzero(bias.share[: bias.resolved] >= SLIGHT)[:MODES]
    if not len(kept):
        raise FathomError("no mode of the kernel above rounding holds anything to learn.")
    parts = bias.learnt[other][:, kept]
    there = replace(learned, steps=common, values=learned.values[at])
    return there, "kernel mode", kept.astype(np.float64) + 1, parts


def _clean(
    learned: LearnedFunction, bias: SpectralBias | KernelModes, clean: Floats | None
) -> tuple[str, Floats | None]:
    """As given; else the waves that carry the target, if there is more to it."""
    if clean is not None:
        return GIVEN, clean
    if isinstance(bias, KernelModes) or not bias.told.any():
        return "", None
    waves = modes(learned.places, bias.frequencies[bias.told], bias.period)
    turned = np.exp(1j * waves.angles.T) @ waves.coefficients(learned.target)  # [example, output]
    carried = 2 * turned.real
    carried += (learned.target - carried).mean(0)
    rest = float(((learned.target - carried) ** 2).sum())
    return (CARRIED, carried) if rest > LEAST * float((carried**2).sum()) else ("", None)


def _best(learned: LearnedFunction, validation: Scalar | None, error: Floats) -> tuple[int, str]:
    """The record nearest to it of which there is something to see."""
    steps = learned.steps[np.isfinite(learned.values).all((1, 2))]
    if not len(steps):
        raise FathomError("no prediction is finite; no step is the best.")
    if validation is None:
        if np.isnan(error).all():
            raise FathomError(
                "no step is known to be the best: give validation=run.scalar('val_loss'), or the "
                "clean target."
            )
        return int(learned.steps[np.nanargmin(error)]), "distance to the clean target"
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
