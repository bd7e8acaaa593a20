"""What training learns first, and how fast: residuals in the eigenbasis of K = J Jᵀ.

Where J stays what it was, gradient descent on squares learns each eigenvector's part by itself:
after t steps (1 - lr·factor·λ)ᵗ of it is left. So the measured parts beside the predicted ones
tell whether a network still is its own linearisation; and the kernel at both ends, why not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.descent import Descent, left_after, stable_limit
from diagnostics.mode_times import ModeTimes, even_steps, leading_modes, mode_times
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

__all__ = ["Descent", "KernelModes", "Learning", "kernel_modes", "left_after", "stable_limit"]

SHAPES = 12  # modes that are kept as functions of the example
UNSEEN = 1e3  # in units of the precision: a part of a residual that tells nothing
ASTRAY = 10.0  # first residuals beyond which it does not matter how far off a prediction is
FAR = 0.1  # share of the first residual that a prediction may be off by


@dataclass(frozen=True)
class Learning:
    """What a run learnt of some examples, and the kernel at its ends."""

    about: About
    steps: NDArray[np.int64]  # [t]
    residuals: Floats  # [t, row, column]  a column for each output, where all share one kernel
    kernel: Floats  # [row, row]  at the first step
    last_kernel: Floats  # [row, row]  at the last
    factor: float  # of Jᵀ·residual in the gradient: 2 / numbers for MSELoss; NaN: of no squares
    rows: str  # what a row is, in words


@dataclass(frozen=True)
class KernelModes(Shown):
    """What is left of each mode, the fastest mode first, as measured and as predicted."""

    about: About  # of the last step
    rows: str  # what a row of the kernel is, in words
    steps: NDArray[np.int64]  # [t]
    eigenvalues: Floats  # [mode]  of the kernel at the first step
    resolved: int  # how many of them stand above rounding: the other modes are any basis
    shapes: Floats  # [row, k]  the first modes' eigenvectors
    share: Floats  # [mode]  of the first squared residual
    residual: Floats  # [t, mode]  along what it was at first; no part of it: 0
    predicted: Floats  # [t, mode]  NaN: see `unpredicted`
    error: Floats  # [t]  how far the prediction is off, as a share of the first residual
    departs: int  # first of the steps at which that is above a tenth; -1: at none, or not known
    unpredicted: str  # why there is no prediction; "": there is one
    instead_of: str  # the optimizer of the run, where the prediction is of plain descent; else ""
    times: ModeTimes
    factor: float  # NaN: of no squares
    rates: tuple[float, float]  # lowest and highest; NaN: not known
    momentum: float
    limit: float  # rate from which on the fastest mode diverges; NaN: not known
    last_eigenvalues: Floats  # [mode]  what the kernel at the last step has along each mode
    drift: float  # |K_last - K_first| / |K_first|: how far from linear the network was
    alignment: float  # cosine between both kernels: 1 if only their size has changed

    @property
    def learnt(self) -> Floats:
        """Measured share of each mode that is learnt: 0 at first, 1 in the end: [t, mode]."""
        return _learnt(self.residual, self.residual[0], self.about.precision)

    @property
    def to_be_learnt(self) -> Floats:
        """The same as predicted: 1 - (1 - lr·factor·λ)ᵗ without momentum: [t, mode]."""
        return _learnt(self.predicted, self.residual[0], self.about.precision)

    @property
    def missed(self) -> str:
        """How far off the prediction is in the end, in words."""
        if not self.residual[0].any():
            return "at the first step there was nothing left to learn"
        if self.error[-1] <= ASTRAY:
            return f"at the last step it is off by {self.error[-1]:.1%} of the first residual"
        if self.rates[1] >= self.limit:
            return f"it diverges, as the fastest mode does from a rate of {self.limit:.3g} on"
        return f"at the last step it is off by more than {ASTRAY:g} times the first residual"


def kernel_modes(seen: Learning, descent: Descent | str | None = None) -> KernelModes:
    """Measured of any run; predicted where it went down squares by plain or heavy-ball descent.

    In place of a descent it may be said why there is none.

    Exact of a linear model trained on just these examples; of batches at random, on average.
    """
    _check(seen)
    values, modes = _eigenbasis(seen.kernel)
    parts = modes.T @ seen.residuals  # [t, mode, column]
    reason, descent = _unpredicted(seen, descent), None if isinstance(descent, str) else descent
    left = _left(seen, values, descent, seen.steps, reason)
    first = np.linalg.norm(parts[0], axis=-1)  # [mode]
    whole = float(np.linalg.norm(first))
    with np.errstate(over="ignore", invalid="ignore"):  # of a prediction that diverges
        error, predicted = _missed(parts, left) / (whole or np.nan), left * first
    residual, share = _over((parts * parts[0]).sum(-1), first), _over(first**2, whole**2)
    resolved = _resolved(values, seen.about.precision)
    grid = even_steps(int(seen.steps[0]), int(seen.steps[-1]))
    expected = _expected(_left(seen, values, descent, grid, reason), first, seen)
    learnt, leading = _learnt(residual, first, seen.about.precision), leading_modes(share, resolved)
    return KernelModes(
        about=seen.about,
        rows=seen.rows,
        steps=seen.steps,
        eigenvalues=values,
        resolved=resolved,
        shapes=modes[:, :SHAPES],
        share=share,
        residual=residual,
        predicted=predicted,
        error=error,
        departs=_departs(seen.steps, error),
        unpredicted=reason,
        times=mode_times(seen.steps, learnt, leading, grid, expected),
        factor=seen.factor,
        **_settings(descent, float(values[0]) * seen.factor),
        last_eigenvalues=(modes * (seen.last_kernel @ modes)).sum(0),
        **_change(seen.kernel, seen.last_kernel),
    )


def _check(seen: Learning) -> None:
    count, size = len(seen.steps), seen.residuals.shape[1]
    if count != len(seen.residuals) or not count or (np.diff(seen.steps) <= 0).any():
        raise FathomError(
            f"{len(seen.residuals)} residuals for the steps {seen.steps.tolist()[:8]}; give one "
            "for each step, in their order."
        )
    if {seen.kernel.shape, seen.last_kernel.shape} != {(size, size)}:
        raise FathomError(
            f"residuals of {size} rows and kernels of {[*seen.kernel.shape]} and "
            f"{[*seen.last_kernel.shape]}; a kernel has the residuals' rows both ways."
        )
    if not all(np.isfinite(each).all() for each in (seen.kernel, seen.last_kernel)):
        raise FathomError("a kernel is not finite; take snapshots from before training diverged.")


def _eigenbasis(kernel: Floats) -> tuple[Floats, Floats]:
    """The largest first; what rounding makes negative is 0."""
    values, modes = np.linalg.eigh((kernel + kernel.T) / 2)
    return values[::-1].clip(0), modes[:, ::-1]


def _resolved(values: Floats, precision: str) -> int:
    return int((values > len(values) * _rounding(precision) * values[0]).sum())


def _rounding(precision: str) -> float:
    return float(np.finfo(precision).eps)


def _learnt(left: Floats, first: Floats, precision: str) -> Floats:
    """NaN of modes that at first were nothing but rounding."""
    floor = UNSEEN * _rounding(precision) * np.linalg.norm(first)
    found: Floats = 1 - left / np.where(first > floor, first, np.nan)
    return found


def _expected(left: Floats, first: Floats, seen: Learning) -> Floats:
    """The share learnt of each mode, where it had something to learn: [s, mode]"""
    with np.errstate(over="ignore", invalid="ignore"):
        return _learnt(left * first, first, seen.about.precision)


def _unpredicted(seen: Learning, descent: Descent | str | None) -> str:
    if isinstance(descent, str):
        return descent
    if descent is None:
        return "of its optimizer no linear recurrence is known"
    return "" if np.isfinite(seen.factor) else "its loss is not one of squares"


def _left(
    seen: Learning, values: Floats, descent: Descent | None, steps: NDArray[np.int64], reason: str
) -> Floats:
    """As predicted: [t, mode]; NaN if there is a reason that it is not."""
    if reason or descent is None:
        return np.full((len(steps), len(values)), np.nan)
    first = int(seen.steps[0])
    before = 0 if descent.started is None else first - descent.started
    if before < 0:
        raise FathomError(
            f"started={descent.started}, and the first step seen is {first}; it cannot have set out"
            " after that."
        )
    return left_after(values * seen.factor, descent, steps - first, before)


def _missed(parts: Floats, left: Floats) -> Floats:
    """How long what was not foreseen of the residual is: [t]; of modes that have a prediction."""
    known = ~np.isnan(left).all(0)
    if not known.any():
        return np.full(len(left), np.nan)
    missed = parts[:, known] - left[:, known, None] * parts[0, known]
    lengths: Floats = np.sqrt((missed**2).sum((1, 2)))
    return lengths


def _departs(steps: NDArray[np.int64], error: Floats) -> int:
    """Where it is not even a number any more, it is far."""
    far = np.flatnonzero(~(error <= FAR))
    return int(steps[far[0]]) if 0 < len(far) < len(error) else -1


def _change(first: Floats, last: Floats) -> dict[str, Any]:
    sizes = np.linalg.norm(first), np.linalg.norm(last)
    if not sizes[0] or not sizes[1]:
        return {"drift": np.nan, "alignment": np.nan}
    drift = np.linalg.norm(last - first) / sizes[0]
    alignment = (first * last).sum() / (sizes[0] * sizes[1])
    return {"drift": float(drift), "alignment": float(alignment)}


def _settings(descent: Descent | None, curvature: float) -> dict[str, Any]:
    """Of the descent, and the rate that it bears along the fastest mode."""
    if descent is None:
        nothing = np.nan
        return {
            "rates": (nothing, nothing),
            "momentum": nothing,
            "limit": nothing,
            "instead_of": "",
        }
    return {
        "rates": (float(np.min(descent.rates)), float(np.max(descent.rates))),
        "momentum": descent.momentum,
        "limit": stable_limit(curvature, descent),
        "instead_of": descent.instead_of,
    }


def _over(number: Floats, divisor: Floats | float) -> Floats:
    """0 of nothing: what is not there has no part."""
    found: Floats = np.divide(number, np.where(np.equal(divisor, 0), 1.0, divisor))
    return found
