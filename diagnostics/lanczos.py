"""Krylov's answers about a symmetric operator: extreme eigenpairs and spectral density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal

from diagnostics.weight_space import Floats, Operator, Vector, WeightSpace, length, size


class Basis:
    """Orthonormal vectors as the rows of one matrix: two products with it take a vector's part."""

    def __init__(self, space: WeightSpace, vectors: Sequence[Vector] = ()) -> None:
        self._space, self.count = space, 0
        self._rows = space.rows(max(ROOM, len(vectors)))
        for vector in vectors:
            self.add(vector)

    @property
    def rows(self) -> Any:
        return self._rows[: self.count]

    def add(self, vector: Vector) -> None:
        if self.count == len(self._rows):
            wider = self._space.rows(2 * self.count)
            wider[: self.count] = self.rows
            self._rows = wider
        self._rows[self.count] = vector
        self.count += 1

    def beside(self, vector: Vector) -> Vector:
        """What of a vector is outside; once more where so much cancels that rounding counts."""
        for _ in range(2 if self.count else 0):
            before = length(vector)
            vector = vector - (self.rows @ vector) @ self.rows
            if length(vector) > before / 2:
                break
        return vector

    def unit_beside(self, vector: Vector) -> Vector:
        """That part at length 1; nothing where the basis is all."""
        rest = self.beside(vector)
        kept = length(rest)
        return rest / kept if kept > precision(rest) * length(vector) else rest * 0

    def lift(self, mix: Floats) -> Vector:
        """Coordinates in the basis as a vector of the whole space, of length 1."""
        lifted = self._space.vector(mix) @ self._rows[: len(mix)]
        return lifted / length(lifted)


ROOM = 32  # rows at first


@dataclass
class Chain:
    """Lanczos steps. Every new vector is made orthogonal to all before, twice: no ghosts."""

    apply: Operator
    basis: Basis  # those beyond `diagonal` are not yet multiplied
    diagonal: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    def step(self, fresh: Iterator[Vector]) -> None:
        """One product. A fresh vector takes over where the space of the start is exhausted."""
        last = self.basis.rows[-1]
        vector = self.apply(last)
        self.diagonal.append(float(vector @ last))
        scale = max(length(vector), *map(abs, self.diagonal))
        vector = vector - self.diagonal[-1] * last  # most of what lies inside, at little cost
        if self.beside:
            vector = vector - self.beside[-1] * self.basis.rows[-2]
        rest = self.basis.beside(vector)
        kept = length(rest)
        if kept > precision(rest) * scale:
            self.beside.append(kept)
            self.basis.add(rest / kept)
        else:
            self.beside.append(0.0)
            self.basis.add(self.basis.unit_beside(next(fresh)))

    def ritz(self) -> tuple[Floats, Floats]:
        """Eigenvalues of the projection, ascending, and its eigenvectors as columns."""
        values, mixes = eigh_tridiagonal(self.diagonal, self.beside[:-1])
        return values.astype(np.float64), mixes.astype(np.float64)


@dataclass(frozen=True)
class Eigenpairs:
    """Extreme eigenvalues, largest first, and what vouches for each."""

    values: Floats  # [pair]
    residuals: Floats  # [pair]  |Hv - λv|: an eigenvalue lies within this of λ
    vectors: tuple[Vector, ...]
    products: int
    complete: bool  # a second look, in what is orthogonal to these, found none larger


def leading(
    space: WeightSpace, apply: Operator, count: int, *, tolerance: float = 1e-4, most: int = 300
) -> Eigenpairs:
    """The largest eigenvalues, each to a residual of `tolerance` times the largest magnitude.

    A start sees one vector of a repeated eigenvalue: so a second chain looks in the complement, and
    what it finds above the last of those found joins them.
    """
    count = min(count, size(space))
    found: list[tuple[float, float, Vector]] = []
    products, complete = 0, False
    for seed in range(count + 1):
        pairs, used, sure = _largest(space, apply, found, count, (seed, tolerance, most - products))
        products += used
        above = found[count - 1][0] if len(found) >= count else -np.inf
        news = [pair for pair in pairs if pair[0] > above + pair[1]]
        complete = len(found) >= count and not news and sure
        found = sorted(found + news, key=lambda pair: -pair[0])
        if complete or products + 2 > most or len(found) >= size(space):
            complete |= len(found) >= size(space)
            break
    values, residuals, vectors = zip(*found[:count], strict=True)
    return Eigenpairs(np.array(values), np.array(residuals), vectors, products, complete)


def _largest(
    space: WeightSpace,
    apply: Operator,
    locked: list[tuple[float, float, Vector]],
    count: int,
    limits: tuple[int, float, int],
) -> tuple[list[tuple[float, float, Vector]], int, bool]:
    """Largest eigenpairs beside those locked, as many as are asked or just the next; their cost,
    and whether it was enough.
    """
    seed, tolerance, most = limits
    frame = Basis(space, [vector for _, _, vector in locked])
    wanted = min(1 if locked else count, size(space) - frame.count)
    starts = map(frame.beside, normals(space, seed))
    start = next(starts)
    chain = Chain(lambda v: frame.beside(apply(v)), Basis(space, [start / length(start)]))
    room = size(space) - frame.count
    for step in range(1, max(1, min(most - wanted, room)) + 1):
        chain.step(starts)
        values, mixes = chain.ritz()
        doubts = chain.beside[-1] * np.abs(mixes[-1])
        found = step >= wanted and (doubts[-wanted:] <= tolerance * np.abs(values).max()).all()
        none = len(locked) >= count and _settled(values, doubts, locked[count - 1][0])
        sure = bool(found or none or step == room)
        if sure:
            break
    pairs = [_checked(apply, chain.basis.lift(mix)) for mix in mixes[:, -wanted:].T]
    return pairs, len(chain.diagonal) + len(pairs), sure


def _settled(values: Floats, doubt: Floats, bar: float) -> bool:
    """The complement's largest is surely below the bar, and has stopped moving."""
    return len(values) >= SECOND_LOOK and values[-1] + doubt[-1] < bar


SECOND_LOOK = 8  # steps at least before the complement is believed


def _checked(apply: Operator, vector: Vector) -> tuple[float, float, Vector]:
    """Rayleigh's quotient and the true residual, by a product of its own."""
    image = apply(vector)
    value = float(vector @ image)
    return value, length(image - value * vector), vector


def quadrature(
    space: WeightSpace, apply: Operator, *, probes: int = 10, steps: int = 40, seed: int = 0
) -> tuple[Floats, Floats]:
    """Nodes and weights [probe, step] of the spectral density: stochastic Lanczos quadrature.

    Each probe's weights sum to 1 and give 2 · steps - 1 of its moments. Raw, not smoothed: how
    wide to draw a line is the drawing's business.
    """
    nodes, weights = np.zeros((2, probes, min(steps, size(space))))
    for probe, start in enumerate(islice(signs(space, seed), probes)):
        diagonal, beside = _recurrence(apply, start, nodes.shape[1])
        found, mixes = eigh_tridiagonal(diagonal, beside)
        nodes[probe] = found[0]  # of no weight, where the probe's space ends early
        nodes[probe, : len(found)], weights[probe, : len(found)] = found, mixes[0] ** 2
    return nodes, weights


def _recurrence(apply: Operator, start: Vector, steps: int) -> tuple[list[float], list[float]]:
    """Nothing kept: a ghost shares its original's weight, so densities stay right."""
    diagonal: list[float] = []
    beside: list[float] = []
    vector, before = start / length(start), start * 0
    while True:
        image = apply(vector)
        diagonal.append(float(image @ vector))
        rest = image - diagonal[-1] * vector - (beside[-1] if beside else 0.0) * before
        kept = length(rest)
        scale = max(length(image), *map(abs, diagonal))
        if len(diagonal) == steps or kept <= precision(rest) * scale:
            return diagonal, beside
        beside.append(kept)
        before, vector = vector, rest / kept


def precision(vector: Vector) -> float:
    """Of what is left after cancellation, in the vector's own kind of number."""
    return 1e-5 if "float32" in str(vector.dtype) else 1e-12


def signs(space: WeightSpace, seed: int) -> Iterator[Vector]:
    """Rademacher's vectors: of all independent entries, those of least variance for a trace."""
    random = np.random.default_rng(seed)
    while True:
        yield space.vector(2.0 * random.integers(0, 2, size(space)) - 1.0)


def normals(space: WeightSpace, seed: int) -> Iterator[Vector]:
    random = np.random.default_rng(seed)
    while True:
        yield space.vector(random.standard_normal(size(space)))
