"""The directions a landscape is cut along, and where points lie on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from diagnostics.weight_space import Floats, Role, Vector, WeightSpace, length, size
from probes.folder import FathomError

Normalise = Literal["filter", "layer", "none"]
LEFT_OUT: tuple[Role, ...] = ("bias", "norm")


@dataclass(frozen=True)
class Direction:
    """A vector in the space of weights, and what it is, for the axis of a figure."""

    name: str
    vector: Vector


def random_direction(
    space: WeightSpace,
    seed: int,
    *,
    normalise: Normalise = "filter",
    without: Sequence[Role] = LEFT_OUT,
) -> Direction:
    """Gaussian, scaled to the weights' own size; the same on every device for a seed."""
    if normalise not in get_args(Normalise):
        known = ", ".join(get_args(Normalise))
        raise FathomError(f"no normalisation '{normalise}' (there are: {known}).")
    draw = np.random.default_rng(seed).standard_normal(size(space))
    vector = normalised(space, space.vector(draw), normalise, without)
    left_out = f", without {' and '.join(without)}" if without else ""
    return Direction(f"random {seed} ({normalise}-normalised{left_out})", vector)


def normalised(
    space: WeightSpace,
    vector: Vector,
    normalise: Normalise,
    without: Sequence[Role] = LEFT_OUT,
) -> Vector:
    """Each filter (or layer) of the vector as long as the centre's; those left out are zero."""
    scaled = vector * 1
    for piece in space.pieces:
        part = piece.of(scaled)
        if piece.role in without:
            part *= 0
        elif normalise != "none":
            axes = piece.within if normalise == "filter" else tuple(range(len(piece.shape)))
            part *= _ratio(piece.of(space.centre), part, axes)
    return scaled


def _ratio(reference: Vector, part: Vector, axes: tuple[int, ...]) -> Vector:
    """How much longer the reference is, filter by filter; a part of no length stays so."""
    if not axes:
        return abs(reference) / (abs(part) + (part == 0))
    wanted = (reference * reference).sum(axes, keepdims=True) ** 0.5
    there = (part * part).sum(axes, keepdims=True) ** 0.5
    return wanted / (there + (there == 0))


def eigendirections(values: Floats, vectors: Sequence[Vector]) -> tuple[Direction, ...]:
    """Axes from eigenpairs of the Hessian. Of length 1, and their sign means nothing."""
    named = enumerate(zip(values.tolist(), vectors, strict=True), 1)
    return tuple(Direction(f"eigenvector {n} (λ = {v:.3g})", vector) for n, (v, vector) in named)


def towards(space: WeightSpace, other: Vector, name: str = "the other weights") -> Direction:
    """From the centre straight to other weights, which lie at coordinate 1."""
    return Direction(f"towards {name}", other - space.centre)


def gram_of(space: WeightSpace, vectors: Sequence[Vector]) -> Floats:
    """All inner products, in float64: a small principal direction is lost in float32's rounding."""
    gram = np.zeros((len(vectors), len(vectors)))
    for start in range(0, size(space), AT_ONCE):
        block = np.array([space.array(vector[start : start + AT_ONCE]) for vector in vectors])
        gram += block @ block.T
    return gram


AT_ONCE = 1 << 16  # weights, so that no second copy of all is made


def cosines(space: WeightSpace, directions: Sequence[Direction]) -> Floats:
    """Between every two directions; reported, never quietly made zero."""
    gram = gram_of(space, [direction.vector for direction in directions])
    lengths = np.sqrt(np.diag(gram))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = gram / np.outer(lengths, lengths)
    return found


def orthogonal(direction: Direction, to: Direction) -> Direction:
    """What of a direction is at right angles to another. A filter then loses its length."""
    square = float(to.vector @ to.vector)
    share = float(direction.vector @ to.vector) / square if square else 0.0
    return Direction(
        f"{direction.name}, orthogonal to {to.name}", direction.vector - share * to.vector
    )


def placed(
    space: WeightSpace, directions: Sequence[Direction], points: Sequence[Vector]
) -> tuple[Floats, Floats]:
    """Nearest coordinates of other weights on a plane, and how far from it they lie."""
    vectors = [direction.vector for direction in directions]
    ways = [point - space.centre for point in points]
    gram = gram_of(space, [*vectors, *ways])[:, : len(vectors)]
    axes, products = gram[: len(vectors)], gram[len(vectors) :]
    # no inverse: the directions may be parallel, or one of no length
    coordinates = np.asarray(np.linalg.lstsq(axes, products.T)[0].T, np.float64)
    distance = [
        length(way - sum(float(c) * v for c, v in zip(row, vectors, strict=True)))
        for way, row in zip(ways, coordinates, strict=True)
    ]
    return coordinates, np.array(distance)


def point_at(space: WeightSpace, directions: Sequence[Direction], place: Sequence[float]) -> Vector:
    """From the centre each time: steps that are added up drift, and one sign wrong shifts a row."""
    point = space.centre
    for direction, coordinate in zip(directions, place, strict=True):
        moved = float(coordinate) * direction.vector
        moved += point  # in place: room for all weights is dear
        point = moved
    return point
