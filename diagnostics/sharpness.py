"""How sharp a minimum is, by every definition in use, each under its own name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from diagnostics.directions import Direction, point_at, random_direction
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats, Vector, WeightSpace, length, loss_at, size
from probes.folder import FathomError

FEWEST = 2  # draws of which a spread is known


@dataclass(frozen=True)
class Sharpness(Shown):
    """Several definitions at one point; none follows from another."""

    about: About
    loss: float
    radius: float  # of the balls below
    sam_step: float  # rise after SAM's one step to the ball's rim
    ball_rise: float  # largest rise found in the ball: a lower bound
    adaptive_radius: float
    # the same in ASAM's ball, |ε / w| ≤ radius: blind to how ReLU layers are scaled
    adaptive_rise: float
    noise: float  # of the Gaussian, as a share of each filter's size
    noise_rise: float  # expected rise of the loss under it
    noise_rise_error: float  # standard error
    # [direction]  filter-normalised radius at which the loss has doubled; inf: never; NaN: no loss
    doubling: Floats


def sharpness(
    space: WeightSpace,
    *,
    radius: float = 0.05,
    adaptive_radius: float = 0.5,
    noise: float = 0.02,
    draws: int = 20,
) -> Sharpness:
    """All of them at the centre, which should be a minimum or nearly."""
    _check_positive(radius=radius, adaptive_radius=adaptive_radius, noise=noise)
    rise, error = expected_rise(space, relative_noise(space, noise), draws)
    ones = space.centre * 0 + 1
    return Sharpness(
        about=space.about,
        loss=loss_at(space, space.centre),
        radius=radius,
        sam_step=sam_step(space, radius),
        ball_rise=ball_rise(space, radius, ones),
        adaptive_radius=adaptive_radius,
        adaptive_rise=ball_rise(space, adaptive_radius, abs(space.centre)),
        noise=noise,
        noise_rise=rise,
        noise_rise_error=error,
        doubling=doubling_radii(space, [random_direction(space, seed) for seed in range(10)]),
    )


def sam_step(space: WeightSpace, radius: float) -> float:
    """Rise of the loss after one step of this length up the gradient (Foret et al. 2021)."""
    _check_positive(radius=radius)
    gradient = space.gradient_at(space.centre)
    if not length(gradient):
        return 0.0
    there = space.centre + gradient * (radius / length(gradient))
    return loss_at(space, there) - loss_at(space, space.centre)


def ball_rise(
    space: WeightSpace, radius: float, scale: Vector, *, starts: int = 3, steps: int = 20
) -> float:
    """The largest rise found where |ε / scale| ≤ radius; a lower bound, as any search gives.

    Each step goes to where the loss's tangent is highest in the ball. For a convex loss it never
    falls, and at a quadratic's minimum it is the power method. Started up the gradient, which is
    blind at a minimum, and at random.
    """
    _check_positive(radius=radius, steps=steps)
    random = np.random.default_rng(0)
    ascents = [scale * space.gradient_at(space.centre)]
    ascents += [space.vector(random.standard_normal(size(space))) for _ in range(starts)]
    floor = loss_at(space, space.centre)
    return max(_climbed(space, radius, scale, (u, steps)) for u in ascents) - floor


def _climbed(space: WeightSpace, radius: float, scale: Vector, start: tuple[Vector, int]) -> float:
    """The highest loss on one ascent, the centre's own included; infinite where it diverges."""
    way, steps = start
    points = [space.centre]
    for _ in range(steps):
        if not 0 < length(way) < np.inf:
            break
        points.append(space.centre + scale * way * (radius / length(way)))
        way = scale * space.gradient_at(points[-1])
    losses = space.losses_at(points)
    return float(np.where(np.isnan(losses), np.inf, losses).max())


def relative_noise(space: WeightSpace, share: float) -> Callable[[int], Vector]:
    """Gaussian draws whose every filter is `share` times as long as the weights' own."""
    _check_positive(share=share)
    return lambda seed: share * random_direction(space, seed).vector


def expected_rise(
    space: WeightSpace, noise: Callable[[int], Vector], draws: int
) -> tuple[float, float]:
    """Mean rise under noise, with its standard error; σ²/2 times the trace where it is quadratic.

    Each draw is used with both signs: whatever is odd in it, the slope above all, cancels.
    """
    if draws < FEWEST:
        raise FathomError(f"draws={draws} have no standard error; draw at least {FEWEST}.")
    centre = space.centre
    moves = (noise(seed) for seed in range(draws))
    pairs = (sign * move for move in moves for sign in (1.0, -1.0))
    losses = space.losses_at(centre + move for move in pairs).reshape(draws, 2)
    rises = losses.mean(1) - loss_at(space, centre)
    return float(rises.mean()), float(rises.std(ddof=1) / np.sqrt(draws))


def doubling_radii(
    space: WeightSpace, directions: Sequence[Direction], *, factor: float = 2.0, most: float = 4.0
) -> Floats:
    """Along each direction, how far the loss first reaches `factor` times the centre's.

    Meant for filter-normalised directions, whose length 1 is each filter's own. Infinite where it
    does not within `most`. A loss near 0 doubles at once: read it with `loss` beside it. NaN of one
    of 0 or less, of which nothing is the double.
    """
    _check_positive(most=most)
    if not 1 < factor < np.inf:
        raise FathomError(f"factor={factor}: the centre has that already; take one above 1.")
    bar = factor * loss_at(space, space.centre)
    if not bar > 0:
        return np.full(len(directions), np.nan)
    return np.array([_crossing(space, direction, bar, most) for direction in directions])


def _crossing(space: WeightSpace, direction: Direction, bar: float, most: float) -> float:
    """Outwards in steps of a quarter more, then between the two that bracket it."""

    def above(radius: float) -> float:
        found = loss_at(space, point_at(space, [direction], [radius])) - bar
        return found if np.isfinite(found) else abs(bar) + 1.0

    inner = 0.0
    for outer in most * 1.25 ** np.arange(-40.0, 1.0):
        if above(outer) >= 0:
            return float(brentq(above, inner, outer, xtol=1e-6 * outer))
        inner = outer
    return np.inf


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise FathomError(f"{name}={value}: give a number above 0, and a finite one.")
