"""How sharp and how rough a slice is, each definition under its own name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.barrier import barrier
from diagnostics.weight_space import Floats


@dataclass(frozen=True)
class Figure:
    """One number about a slice."""

    name: str
    value: float  # NaN: it cannot be told from this slice
    about: str  # its definition, in words


def slice_figures(
    axes: tuple[Floats, ...], loss: Floats, exact: bool, rounding: float, centre_loss: float
) -> tuple[Figure, ...]:
    """All that can be told of a slice; lengths are in those of its directions.

    `exact`: every node was evaluated. `rounding` is that of a loss, as a share of it.
    """
    radius = np.sqrt(sum(part**2 for part in np.meshgrid(*axes)))  # [y, x] or [x]
    figures = [
        Figure(
            "flatness radius",
            _flatness_radius(radius, loss, 2 * centre_loss),
            "the distance from the centre within which the loss stays below twice the centre's",
        ),
        *(_rise(axes, radius, loss, (reach, centre_loss)) for reach in (0.25, 0.5, 1.0)),
    ]
    if loss.ndim == 1:
        figures.append(
            Figure(
                "barrier",
                barrier(*_between_ends(axes[0], loss)),
                "the highest rise above the straight line between the values at 0 and 1, "
                "or where 1 is not on the axis, at its ends",
            )
        )
    share = np.nan
    if exact and min(loss.shape) > 2:
        finest = min(float(axis[1] - axis[0]) for axis in axes)
        inner = np.abs(loss[(slice(1, -1),) * loss.ndim]).ravel()
        share = convexity_share(grid_hessians(axes, loss), 8 * rounding * inner / finest**2)
    told = "share of inner nodes at which the slice is convex, by second differences of an exact "
    return (*figures, Figure("convex share", share, told + "grid; not told of an interpolated one"))


def _rise(
    axes: tuple[Floats, ...], radius: Floats, loss: Floats, within: tuple[float, float]
) -> Figure:
    reach, centre_loss = within
    inside = loss[radius <= reach + 1e-9]
    covered = min(float(min(-axis[0], axis[-1])) for axis in axes)
    there = covered >= reach - 1e-9 and len(inside) > 1
    highest = float(np.where(np.isnan(inside), np.inf, inside).max()) if there else np.nan
    told = f"the highest loss within {reach:g} of the centre, less the centre's"
    return Figure(f"rise within {reach:g}", highest - centre_loss, told)


def _flatness_radius(radius: Floats, loss: Floats, bar: float) -> float:
    """To the nearest node at which the loss is not below the bar; infinite: there is none."""
    if not bar > 0:  # nothing is twice a loss of 0 or less
        return np.nan
    above = radius[~(loss <= bar)]
    return float(above.min()) if above.size else np.inf


def _between_ends(axis: Floats, loss: Floats) -> tuple[Floats, Floats]:
    """The part from 0 to 1 where both are nodes, else all; coordinates from 0 to 1."""
    ends = [np.flatnonzero(np.abs(axis - end) < 1e-9) for end in (0.0, 1.0)]
    if all(len(end) for end in ends):
        cut = slice(int(ends[0][0]), int(ends[1][0]) + 1)
        axis, loss = axis[cut], loss[cut]
    return (axis - axis[0]) / (axis[-1] - axis[0]), loss


def convexity_share(hessians: Floats, noise: Floats) -> float:
    """The share of places at which the slice bends down nowhere by more than its noise."""
    finite = np.isfinite(hessians).all((1, 2))
    if not finite.any():
        return np.nan
    lowest = np.linalg.eigvalsh(hessians[finite])[:, 0]
    return float((lowest >= -noise[finite]).mean())


def grid_hessians(axes: tuple[Floats, ...], loss: Floats) -> Floats:
    """The slice's Hessians [place, axis, axis] at the inner nodes of an exact grid.

    By second differences: they see what a ReLU's kinks add up to over a cell; products with the
    Hessian, which is taken between the kinks, do not.
    """
    with np.errstate(invalid="ignore"):
        if loss.ndim == 1:
            bend = (loss[2:] - 2 * loss[1:-1] + loss[:-2]) / (axes[0][1] - axes[0][0]) ** 2
            return np.asarray(bend)[:, None, None]
        along_x, along_y = (float(axis[1] - axis[0]) for axis in axes)
        inner = loss[1:-1, 1:-1]
        xx = (loss[1:-1, 2:] - 2 * inner + loss[1:-1, :-2]) / along_x**2
        yy = (loss[2:, 1:-1] - 2 * inner + loss[:-2, 1:-1]) / along_y**2
        crossed = loss[2:, 2:] - loss[2:, :-2] - loss[:-2, 2:] + loss[:-2, :-2]
        xy = crossed / (4 * along_x * along_y)
    return np.stack([xx, xy, xy, yy], -1).reshape(-1, 2, 2)
