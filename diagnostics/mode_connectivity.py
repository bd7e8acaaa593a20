"""Two minima: what lies straight between them, and a curve of low loss around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from diagnostics.barrier import barrier
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats, Vector, WeightSpace, length

Progress: TypeAlias = Callable[[int, int], None]  # steps made, of how many

NODES = 101  # along the line and the curve


@dataclass(frozen=True)
class ModeConnectivity(Shown):
    """The loss along the straight line and along a trained curve between two sets of weights."""

    about: About  # of the first end
    other: str  # the second, in words
    t: Floats  # [node]  0 at the first, 1 at the second
    line: Floats  # [node]  loss on the straight line
    curve: Floats  # [node]  loss on the quadratic Bezier curve
    line_barrier: float
    curve_barrier: float
    distance: float  # between the two
    bend: float  # the curve's length over that
    training: Floats  # [step]  mean loss over the curve: has it settled?

    @property
    def connected(self) -> bool:
        """Whether the curve stays within a tenth of the line's barrier of its own ends."""
        rounding = 8 * float(np.finfo(self.about.precision).eps * np.abs(self.curve).max())
        return self.curve_barrier <= 0.1 * self.line_barrier + rounding < np.inf


@dataclass(frozen=True)
class Search:
    """How long a curve is looked for, how boldly, and who is told."""

    steps: int = 200
    rate: float = 0.02  # of Adam, as a share of the weights' root mean square
    progress: Progress | None = None


def mode_connectivity(
    space: WeightSpace,
    other: Vector,
    name: str = "the other weights",
    search: Search | None = None,
) -> ModeConnectivity:
    """From the centre to other weights. A curve that is not found does not prove there is none."""
    t = np.linspace(0, 1, NODES)
    control, training = trained_control(space, other, search or Search())
    middle = (space.centre + other) / 2
    line = space.losses_at(bezier(space.centre, middle, other, float(at)) for at in t)
    curve = space.losses_at(bezier(space.centre, control, other, float(at)) for at in t)
    return ModeConnectivity(
        about=space.about,
        other=name,
        t=t,
        line=line,
        curve=curve,
        line_barrier=barrier(t, line),
        curve_barrier=barrier(t, curve),
        distance=length(other - space.centre),
        bend=_bend(space.centre, control, other),
        training=training,
    )


def bezier(first: Vector, control: Vector, second: Vector, t: float) -> Vector:
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * control + t**2 * second


def trained_control(space: WeightSpace, other: Vector, search: Search) -> tuple[Vector, Floats]:
    """The control point of least mean loss over the curve (Garipov et al. 2018), by Adam.

    The rate is a share of the root mean square of the weights, so that it means the same for each
    network. Two places a step, mirrored: most of the noise of drawing them at random is gone.
    """
    random, steps = np.random.default_rng(0), search.steps
    control = (space.centre + other) / 2
    size = search.rate * (length(space.centre) + length(other)) / (2 * len(other) ** 0.5)
    mean, square, losses = control * 0, control * 0, np.empty(steps)
    for step in range(steps):
        places = _mirrored(float(random.random()))
        gradient, losses[step] = _slope(space, control, other, places)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient * gradient
        root = (square / (1 - 0.99 ** (step + 1))) ** 0.5 + 1e-12
        fade = 1 - step / steps
        control = control - size * fade * mean / (1 - 0.9 ** (step + 1)) / root
        if search.progress:
            search.progress(step + 1, steps)
    return control, losses


def _mirrored(t: float) -> tuple[float, float]:
    return t, 1 - t


def _slope(
    space: WeightSpace, control: Vector, other: Vector, places: tuple[float, ...]
) -> tuple[Vector, float]:
    """The mean loss at some places of the curve, and how it changes with the control point."""
    points = [bezier(space.centre, control, other, t) for t in places]
    slopes = [2 * t * (1 - t) * space.gradient_at(p) for t, p in zip(places, points, strict=True)]
    return sum(slopes) / len(places), float(space.losses_at(points).mean())


def _bend(first: Vector, control: Vector, second: Vector, pieces: int = 200) -> float:
    """Length of the curve over its chord's; NaN: the ends are one point."""
    if not length(second - first):
        return np.nan
    points = [bezier(first, control, second, t) for t in np.linspace(0, 1, pieces + 1).tolist()]
    path = sum(length(b - a) for a, b in pairwise(points))
    return path / length(second - first)
