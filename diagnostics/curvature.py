"""The Hessian of the loss at a point: extreme eigenvalues, spectrum, trace; each with its error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from diagnostics.lanczos import Eigenpairs, leading, quadrature
from diagnostics.layer_curvature import Layers, LayerTraces, layer_curvature, layers_of
from diagnostics.shown import Shown
from diagnostics.spectrum import Share, negative_mass, signed_shares
from diagnostics.trace import Stop, trace
from diagnostics.weight_space import (
    About,
    Floats,
    Operator,
    Vector,
    WeightSpace,
    length,
    loss_at,
    size,
)
from probes.folder import FathomError

FEWEST = 60  # products below which nothing can be said of all
Progress: TypeAlias = Callable[[int, int], None]  # products spent, products allowed


@dataclass(frozen=True)
class Preconditioner:
    """What an adaptive optimizer divides its step by, as the root of it for each weight."""

    root: Vector  # [weight]
    name: str


@dataclass(frozen=True)
class Curvature(Shown):
    """What the second derivative says at a point; largest eigenvalue first."""

    about: About
    loss: float
    weights: int  # number of them
    eigenvalues: Floats  # [k]
    residuals: Floats  # [k]  an eigenvalue lies within this of each
    lowest: float  # the most negative
    lowest_residual: float
    complete: bool  # a second look found no further large eigenvalue
    gradient_norm: float
    gradient_share: Floats  # [k]  of the squared gradient that lies along the first 1 … k vectors
    trace: float
    trace_error: float  # standard error
    trace_converged: bool  # False: the products ran out before the error was small
    nodes: Floats  # [probe, step]  of the spectral density
    density: Floats  # [probe, step]  their weights; each probe's sum is 1
    negative: Share  # of the eigenvalues clearly below zero
    positive: Share  # clearly above it; the rest are not told from zero
    negative_mass: float  # what negative eigenvalues add to the sum of magnitudes, as a share
    negative_mass_error: float  # standard error, between probes
    layers: Layers
    preconditioned: float  # largest eigenvalue that an adaptive optimizer sees; NaN: not asked
    preconditioned_residual: float
    preconditioner: str  # what the Hessian was divided by, in words; "": by nothing
    products: int  # Hessian-vector products spent
    most: int  # and allowed

    @property
    def edge(self) -> float:
        """The largest learning rate at which plain gradient descent does not oscillate away."""
        top = float(self.eigenvalues[0])
        return 2 / top if top > 0 else np.inf

    @property
    def condition_at_least(self) -> float:
        """A lower bound of the condition number; NaN of a Hessian with negative eigenvalues."""
        floor = float(self.nodes.min())
        return float(self.eigenvalues[0]) / floor if floor > 0 else np.nan


@dataclass(frozen=True)
class Effort:
    """How much is looked for, and how many products it may take."""

    count: int = 5  # leading eigenvalues
    most: int = 800  # products with the Hessian, in all
    probes: int = 10  # of the density
    steps: int = 40  # of each
    tolerance: float = 0.05  # half-width of the trace's 95 % interval, relative to the trace
    by_layer: int = 0  # products for the largest eigenvalue of each layer; 0: not asked

    def __post_init__(self) -> None:
        if self.most < FEWEST:
            raise FathomError(f"{self.most} products are too few; allow at least {FEWEST}.")


def curvature(
    space: WeightSpace,
    effort: Effort | None = None,
    *,
    preconditioner: Preconditioner | None = None,
    progress: Progress | None = None,
) -> Curvature:
    """Eigenvalues by Lanczos, density by its quadrature, trace by what the eigenvalues leave."""
    effort = effort or Effort()
    gradient = space.gradient_at(space.centre)
    _check_finite(gradient, space)
    apply = _Counted(space.hessian_at(space.centre), effort.most, progress)
    top = leading(space, apply, effort.count, most=effort.most // 4)
    bottom = leading(space, lambda vector: -apply(vector), 1, most=effort.most // 8)
    return Curvature(
        about=space.about,
        loss=loss_at(space, space.centre),
        weights=size(space),
        eigenvalues=top.values,
        residuals=top.residuals,
        lowest=-float(bottom.values[0]),
        lowest_residual=float(bottom.residuals[0]),
        complete=top.complete and bottom.complete,
        gradient_norm=length(gradient),
        gradient_share=gradient_shares(gradient, top.vectors),
        **_preconditioned(space, apply, preconditioner, effort.most // 10),
        **_spectrum(space, apply, effort, float(max(abs(top.values[0]), abs(bottom.values[0])))),
        **_trace(space, apply, effort, top),
        products=apply.spent,
        most=effort.most,
    )


class _Counted:
    """An operator that counts its products and tells of them."""

    def __init__(self, apply: Operator, most: int, progress: Progress | None) -> None:
        self._apply, self._most, self._progress = apply, most, progress
        self.spent = 0

    def __call__(self, vector: Vector) -> Vector:
        image = self._apply(vector)
        self.spent += 1
        if self._progress:
            self._progress(self.spent, self._most)
        return image

    @property
    def left(self) -> int:
        return max(0, self._most - self.spent)


def _check_finite(gradient: Vector, space: WeightSpace) -> None:
    if not np.isfinite(length(gradient)):
        raise FathomError(
            f"the gradient at the centre is not finite (the loss there is "
            f"{loss_at(space, space.centre):g}); choose the snapshot of an earlier step."
        )


def _preconditioned(
    space: WeightSpace, apply: Operator, by: Preconditioner | None, most: int
) -> dict[str, Any]:
    found = leading(space, preconditioned(apply, by.root), 1, most=most) if by else None
    return {
        "preconditioned": float(found.values[0]) if found else np.nan,
        "preconditioned_residual": float(found.residuals[0]) if found else np.nan,
        "preconditioner": by.name if by else "",
    }


def _spectrum(
    space: WeightSpace, apply: Operator, effort: Effort, largest: float
) -> dict[str, Any]:
    """The density at no more than two fifths of the products, and what follows from it."""
    steps = min(effort.steps, size(space))
    probes = max(2, min(effort.probes, 2 * effort.most // (5 * steps)))
    steps = min(steps, 2 * effort.most // (5 * probes))
    nodes, density = quadrature(space, apply, probes=probes, steps=steps)
    negative, positive = signed_shares(nodes, density, largest)
    mass, mass_error = negative_mass(nodes, density)
    return {
        "nodes": nodes,
        "density": density,
        "negative": negative,
        "positive": positive,
        "negative_mass": mass,
        "negative_mass_error": mass_error,
    }


def _trace(space: WeightSpace, apply: _Counted, effort: Effort, top: Eigenpairs) -> dict[str, Any]:
    """With what is left; the traces of the layers come out of the same products."""
    each = min(effort.by_layer, apply.left // (2 * len(layers_of(space))))
    traces = LayerTraces(space, top)
    most = max(2, apply.left - each * len(layers_of(space)))
    whole = trace(space, apply, top, Stop(effort.tolerance, most, seed=2), traces.see)
    return {
        "trace": whole.value,
        "trace_error": whole.error,
        "trace_converged": whole.converged,
        "layers": layer_curvature(space, apply, traces, each),
    }


def gradient_shares(gradient: Vector, vectors: Sequence[Vector]) -> Floats:
    """How much of the gradient the first 1, 2, … eigenvectors hold, of its squared length."""
    along = np.array([float(gradient @ vector) ** 2 for vector in vectors])
    whole = float(gradient @ gradient)
    return along.cumsum() / whole if whole > 0 else np.full(len(vectors), np.nan)


def preconditioned(apply: Operator, root: Vector) -> Operator:
    """What an optimizer sees that divides its step by root²; for Adam root² is √v̂ + ε."""
    return lambda vector: apply(vector / root) / root
