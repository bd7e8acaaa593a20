"""The trace of an operator from products with random vectors, and how far off it may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from scipy.special import stdtrit

from diagnostics.lanczos import Basis, Eigenpairs, signs, spreads, stacked
from diagnostics.weight_space import Operator, Vector, WeightSpace, size


@dataclass(frozen=True)
class Estimate:
    """A number estimated from random probes."""

    value: float
    error: float  # standard error
    probes: int
    products: int
    converged: bool  # the error, and nothing else, stopped it


@dataclass(frozen=True)
class Stop:
    """When an estimate is good enough, or has cost enough; and which probes it takes."""

    tolerance: float = 0.05  # half-width of the 95 % interval, relative to the estimate
    most: int = 1000  # products
    seed: int = 0


def trace(
    space: WeightSpace,
    apply: Operator,
    known: Eigenpairs | None = None,
    stop: Stop | None = None,
    seen: Callable[[Vector, Vector], None] | None = None,
) -> Estimate:
    """Hutchinson's estimate of what the known eigenpairs leave, plus their sum.

    The few large eigenvalues make much of the variance, and a curvature analysis has them already:
    the sketch of Hutch++ at no product more. Stops when the 95 % interval's half-width is within
    the tolerance, relative to the trace; never because two means agree. Each probe and the image of
    what the known pairs leave of it can be seen.
    """
    stop = stop or Stop()
    frame = Basis(space, () if known is None else known.vectors)
    exact = 0.0 if known is None else float(known.values.sum())
    draws: list[float] = []
    for probe, rest in _beside(space, frame, signs(space, stop.seed)):
        image = apply(rest)
        if seen:
            seen(probe, image)
        draws.append(float(rest @ image))
        value, error = exact + float(np.mean(draws)), _standard_error(draws)
        wide = error * stdtrit(max(len(draws) - 1, 1), 0.975)
        converged = len(draws) >= FEWEST and wide <= stop.tolerance * abs(value)
        if converged or len(draws) >= stop.most:
            return Estimate(value, error, len(draws), len(draws), bool(converged))
    raise AssertionError  # the probes never end


FEWEST = 10  # draws before their own spread is believed
TOGETHER = 8  # vectors whose parts beside a basis are taken in one sweep of it


def _beside(
    space: WeightSpace, frame: Basis, probes: Iterator[Vector]
) -> Iterator[tuple[Vector, Vector]]:
    """Each probe, and what of it the frame leaves."""
    while some := list(islice(probes, TOGETHER)):
        matrix = stacked(space, some)
        yield from zip(matrix, frame.beside_all(matrix), strict=True)


def sketch(space: WeightSpace, apply: Operator, count: int, seed: int = 0) -> Eigenpairs:
    """Hutch++'s range of random images, for a trace where no eigenpairs are known."""
    count = min(count, size(space))
    basis, probes = Basis(space, room=count), islice(spreads(space, seed + 1), count)
    while images := [apply(probe) for probe in islice(probes, TOGETHER)]:
        basis.extend(stacked(space, images))
    vectors = tuple(basis.rows)
    values = np.array([float(vector @ apply(vector)) for vector in vectors])
    return Eigenpairs(
        values, np.full(len(values), np.nan), vectors, 2 * len(vectors), complete=False
    )


def hutch_plus_plus(space: WeightSpace, apply: Operator, stop: Stop | None = None) -> Estimate:
    """A trace alone: two thirds of the products for a sketch, the rest for what it leaves.

    Worth it where a few dozen directions carry most of the variance; else plain `trace` is as good.
    """
    stop = stop or Stop()
    known = sketch(space, apply, stop.most // 3, stop.seed)
    rest = replace(stop, most=max(2, stop.most - known.products))
    found = trace(space, apply, known, rest)
    return replace(found, products=found.products + known.products)


def _standard_error(draws: list[float]) -> float:
    return float(np.std(draws, ddof=1) / np.sqrt(len(draws))) if len(draws) > 1 else np.inf
