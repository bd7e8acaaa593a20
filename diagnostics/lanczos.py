"""Krylov's answers about a symmetric operator: extreme eigenpairs and spectral density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg import eigh_tridiagonal

from diagnostics.weight_space import Floats, Operator, Vector, WeightSpace, length, size


class Basis:
    """Orthonormal vectors as the rows of one matrix: two products with it take a vector's part."""

    def __init__(self, space: WeightSpace, vectors: Sequence[Vector] = (), room: int = 32) -> None:
        self._space, self._rows = space, space.rows(max(room, len(vectors)))
        self.hold(vectors)

    def hold(self, vectors: Sequence[Vector]) -> None:
        """These and nothing else, where the last ones were: fresh memory is slow to fill."""
        self.count = 0
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

    def extend(self, vectors: Any) -> None:
        """By what is outside of a matrix's rows, each at length 1: one sweep for all of them."""
        before, outside = self.count, self.beside_all(vectors)
        for vector, apart in zip(vectors, outside, strict=True):
            whole = length(vector)
            rest, kept = self.beside(apart, since=before)
            if kept < LITTLE * whole:
                rest, kept = self.beside(rest)
            self.add(rest / kept if kept > precision(rest) * whole else rest * 0)

    def beside_all(self, vectors: Any) -> Any:
        """What of a matrix's rows is outside; rounding counts where that is little of them."""
        return vectors - (vectors @ self.rows.T) @ self.rows if self.count else vectors

    def beside(self, vector: Vector, since: int = 0) -> tuple[Vector, float]:
        """What of a vector is outside, or of those since a row, and how long that is.

        Once more where so much cancels that rounding counts.
        """
        rows = self.rows[since:]
        kept = length(vector) if len(rows) == 0 else 0.0
        for _ in range(2 if len(rows) else 0):
            along = inner(rows, vector)
            vector = vector - along @ rows
            kept = length(vector)
            if 3 * kept**2 > float(along @ along):  # half of its length is left
                break
        return vector, kept

    def unit_beside(self, vector: Vector) -> Vector:
        """That part at length 1; nothing where the basis is all."""
        rest, kept = self.beside(vector)
        return rest / kept if kept > precision(rest) * length(vector) else rest * 0

    def lift(self, mixes: Floats, since: int = 0) -> list[Vector]:
        """Coordinates [vector, row] along the rows since one, as vectors of length 1."""
        lifted = self._space.vector(mixes) @ self._rows[since : since + len(mixes.T)]
        return [vector / length(vector) for vector in lifted]


def inner(rows: Any, vector: Vector) -> Vector:
    """Each row's product with a vector, in pieces: added up in one go, as a BLAS may do it, a
    million in single precision are off by up to 2e-3, and vectors made orthogonal are not.
    """
    piece = max(1 << 14, len(vector) >> 8)
    places = range(0, len(vector), piece)
    return sum(rows[:, at : at + piece] @ vector[at : at + piece] for at in places)


def stacked(space: WeightSpace, vectors: Sequence[Vector]) -> Any:
    """Vectors as the rows of a matrix of the space's own kind."""
    rows = space.rows(len(vectors))
    for n, vector in enumerate(vectors):
        rows[n] = vector
    return rows


LITTLE = 0.01  # of a vector: what is left of it then is worth a sweep of its own


class Chain:
    """Lanczos steps. Every new vector is made orthogonal to all before, twice: no ghosts."""

    def __init__(self, space: WeightSpace, apply: Operator, basis: Basis, seed: int) -> None:
        """All happens beside what the basis holds; `room` is how many dimensions that leaves.

        That is asked of a Hessian in single precision, whose products are off by so much along its
        largest eigenvectors that no estimate of the orthogonality lost could be believed.
        """
        self._apply, self._basis, self._first = apply, basis, basis.count
        self.room = size(space) - basis.count
        self.diagonal: list[float] = []
        self.beside: list[float] = []
        self._fresh = spreads(space, seed)  # starts anew where the space of a start is exhausted
        self._add(basis.unit_beside(next(self._fresh)))

    def _add(self, vector: Vector) -> None:
        """The next to multiply: itself, for a kernel may give a matrix's row a worse image."""
        self._next = vector
        self._basis.add(vector)

    def step(self) -> None:
        """One product."""
        newest = self._basis.rows[max(self._first, self._basis.count - 2) :]
        image = self._apply(self._next)
        along = inner(newest, image)
        self.diagonal.append(float(along[-1]))
        rest, kept = self._basis.beside(image - along @ newest)  # most of it, at little cost
        if kept > precision(rest) * max(map(abs, self.diagonal + self.beside)):
            self.beside.append(kept)
            self._add(rest / kept)
        else:
            self.beside.append(0.0)
            self._add(self._basis.unit_beside(next(self._fresh)))

    def ritz(self) -> tuple[Floats, Floats]:
        """Eigenvalues of the projection, ascending, and its eigenvectors as columns."""
        values, mixes = eigh_tridiagonal(self.diagonal, self.beside[:-1])
        return values.astype(np.float64), mixes.astype(np.float64)

    def lift(self, mixes: Floats) -> list[Vector]:
        """Eigenvectors of the projection [row, vector] as vectors of the whole space."""
        return self._basis.lift(mixes.T, since=self._first)


@dataclass(frozen=True)
class Eigenpairs:
    """Extreme eigenvalues, largest first, and what vouches for each."""

    values: Floats  # [pair]
    residuals: Floats  # [pair]  |Hv - λv|: an eigenvalue lies within this of λ
    vectors: tuple[Vector, ...]
    products: int
    complete: bool  # a second look, in what is orthogonal to these, found none larger


Found: TypeAlias = tuple[float, float, Vector]  # an eigenvalue, its residual and eigenvector


def leading(
    space: WeightSpace, apply: Operator, count: int, *, tolerance: float = 1e-4, most: int = 300
) -> Eigenpairs:
    """The largest eigenvalues, each to a residual of `tolerance` times the largest magnitude.

    A start sees one vector of a repeated eigenvalue: so a second chain looks in the complement, and
    what it finds above the last of those found joins them.
    """
    count, basis = min(count, size(space)), Basis(space)
    found: list[Found] = []
    products, complete = 0, False
    for seed in range(count + 1):
        basis.hold([vector for _, _, vector in found])
        chain = Chain(space, apply, basis, seed)
        wanted = min(1 if found else count, chain.room)
        above = found[count - 1][0] if len(found) >= count else -np.inf
        mixes, sure = _grown(chain, wanted, above, (tolerance, most - products - wanted))
        pairs = [_checked(apply, vector) for vector in chain.lift(mixes)]
        products += len(chain.diagonal) + len(pairs)
        news = [pair for pair in pairs if pair[0] > above + pair[1]]
        complete = len(found) >= count and not news and sure
        found = sorted(found + news, key=lambda pair: -pair[0])
        if complete or products + 2 > most or len(found) >= size(space):
            complete |= len(found) >= size(space)
            break
    values, residuals, vectors = zip(*found[:count], strict=True)
    return Eigenpairs(np.array(values), np.array(residuals), vectors, products, complete)


def _grown(
    chain: Chain, wanted: int, above: float, limits: tuple[float, int]
) -> tuple[Floats, bool]:
    """Grows a chain until it has its largest eigenvectors, which are given, or surely none above;
    and whether it came so far.
    """
    tolerance, most = limits
    for step in range(1, max(1, min(most, chain.room)) + 1):
        chain.step()
        values, mixes = chain.ritz()
        doubts = chain.beside[-1] * np.abs(mixes[-1])
        found = step >= wanted and (doubts[-wanted:] <= tolerance * np.abs(values).max()).all()
        sure = bool(found or _settled(values, doubts, above) or step == chain.room)
        if sure:
            break
    return mixes[:, -wanted:], sure


def _settled(values: Floats, doubt: Floats, bar: float) -> bool:
    """The complement's largest is surely below the bar, and has stopped moving."""
    return len(values) >= SECOND_LOOK and values[-1] + doubt[-1] < bar


SECOND_LOOK = 8  # steps at least before the complement is believed


def _checked(apply: Operator, vector: Vector) -> Found:
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
        random_bytes = np.frombuffer(random.bytes(-(-size(space) // 8)), np.uint8)
        yield space.vector(1 - 2 * np.unpackbits(random_bytes, count=size(space)).view(np.int8))


def spreads(space: WeightSpace, seed: int) -> Iterator[Vector]:
    """Entries evenly spread about zero: signs may miss an eigenvector of few entries altogether."""
    random = np.random.default_rng(seed)
    while True:
        yield space.vector(random.integers(-(2**15), 2**15, size(space), np.int16)) / 2**15
