"""What training learns first, and how fast: residuals in the eigenbasis of K = J Jᵀ.

Where J stays what it was, gradient descent on squares learns each eigenvector's part by itself:
after t steps (1 - lr·factor·λ)ᵗ of it is left. So the measured parts beside the predicted ones
tell whether a network still is its own linearisation; and the kernel at both ends, why not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

SHAPES = 12  # modes that are kept as functions of the example
UNSEEN = 1e3  # in units of the precision: a part of a residual that tells nothing
PASSING = 1e-3  # of where it set out: a mode that by then is next to 0
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
class Descent:
    """How the weights were moved: as by torch's SGD with all examples at once."""

    rates: float | Floats  # of every step, or of each [step] since it set out
    momentum: float = 0.0
    nesterov: bool = False
    started: int | None = None  # the step at which it set out from rest; None: the first one seen


@dataclass(frozen=True)
class KernelModes:
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
        return self._learnt(self.residual)

    @property
    def to_be_learnt(self) -> Floats:
        """The same as predicted: 1 - (1 - lr·factor·λ)ᵗ without momentum: [t, mode]."""
        return self._learnt(self.predicted)

    def _learnt(self, left: Floats) -> Floats:
        """NaN of modes that at first were nothing but rounding."""
        first = self.residual[0]
        floor = UNSEEN * _rounding(self.about.precision) * np.linalg.norm(first)
        return 1 - left / np.where(first > floor, first, np.nan)


def kernel_modes(seen: Learning, descent: Descent | None = None) -> KernelModes:
    """Measured of any run; predicted where it went down squares by plain or heavy-ball descent.

    Exact for a model linear in its weights that is trained on just these examples at once; of a
    few of many, or with batches drawn at random, it is what to expect on average.
    """
    _check(seen)
    values, modes = _eigenbasis(seen.kernel)
    parts = modes.T @ seen.residuals  # [t, mode, column]
    reason = _unpredicted(seen, descent)
    left = np.full(parts.shape[:2], np.nan) if reason else _left(seen, values, descent)
    first = np.linalg.norm(parts[0], axis=-1)  # [mode]
    whole = float(np.linalg.norm(first))
    with np.errstate(over="ignore", invalid="ignore"):  # of a prediction that diverges
        error = _missed(parts, left) / (whole or np.nan)
        predicted = left * first
    drift, alignment = _change(seen.kernel, seen.last_kernel)
    return KernelModes(
        about=seen.about,
        rows=seen.rows,
        steps=seen.steps,
        eigenvalues=values,
        resolved=_resolved(values, seen.about.precision),
        shapes=modes[:, :SHAPES],
        share=_over(first**2, whole**2),
        residual=_over((parts * parts[0]).sum(-1), first),
        predicted=predicted,
        error=error,
        departs=_departs(seen.steps, error),
        unpredicted=reason,
        factor=seen.factor,
        rates=_span(descent),
        momentum=descent.momentum if descent else np.nan,
        limit=stable_limit(float(values[0]) * seen.factor, descent) if descent else np.nan,
        last_eigenvalues=(modes * (seen.last_kernel @ modes)).sum(0),
        drift=drift,
        alignment=alignment,
    )


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


def _unpredicted(seen: Learning, descent: Descent | None) -> str:
    if descent is None:
        return "of its optimizer no linear recurrence is known"
    return "" if np.isfinite(seen.factor) else "its loss is not one of squares"


def _left(seen: Learning, values: Floats, descent: Descent | None) -> Floats:
    assert descent is not None
    first = int(seen.steps[0])
    before = 0 if descent.started is None else first - descent.started
    if before < 0:
        raise FathomError(
            f"started={descent.started}, and the first step seen is {first}; it cannot have set out"
            " after that."
        )
    return left_after(values * seen.factor, descent, seen.steps - first, before)


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


def _change(first: Floats, last: Floats) -> tuple[float, float]:
    sizes = np.linalg.norm(first), np.linalg.norm(last)
    if not sizes[0] or not sizes[1]:
        return np.nan, np.nan
    drift = np.linalg.norm(last - first) / sizes[0]
    return float(drift), float((first * last).sum() / (sizes[0] * sizes[1]))


def _span(descent: Descent | None) -> tuple[float, float]:
    if descent is None:
        return np.nan, np.nan
    return float(np.min(descent.rates)), float(np.max(descent.rates))


def _over(number: Floats, divisor: Floats | float) -> Floats:
    """0 of nothing: what is not there has no part."""
    found: Floats = np.divide(number, np.where(np.equal(divisor, 0), 1.0, divisor))
    return found
