"""Fewer points: a grid evaluated where the surface bends, interpolated elsewhere, and audited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.ndimage import distance_transform_edt, maximum_filter

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Nodes = NDArray[np.int64]
Axes = tuple[Nodes, ...]  # the nodes of a mesh, along each axis
Scale = Literal["linear", "log"]
Evaluate = Callable[[Nodes], Floats]  # flat node numbers -> values

COARSEST = 7  # nodes along an axis at first
REACH = 2  # cells of the finer mesh around a surprise that it speaks for
SCOUTED = 0.5  # of the tolerance: a cell less wrong than that at its centre is not cut further
FASTEST = 2.0  # a halving divides a smooth error by 16, a kink's by 2: no more is believed
AUDIT = 59  # nodes checked: none bad means, at 95 %, that at most 5 % of the rest are


@dataclass(frozen=True)
class Refined:
    """A grid of values of which some are interpolated."""

    values: Floats  # [grid]  NaN and infinity where the function has them
    evaluated: Mask  # [grid]
    error: Floats  # [grid]  0 where evaluated, else the estimate, as a share of the range drawn;
    #                NaN: not known yet
    audited: int  # nodes drawn at random among the interpolated and evaluated after all
    audit_error: float  # the largest error found there, as a share of the range drawn


def refining(
    evaluate: Evaluate,
    shape: tuple[int, ...],
    tolerance: float,
    scale: Scale = "linear",
    seed: int = 0,
) -> Iterator[Refined]:
    """Halve the cells of a coarse grid until what is left to interpolate is within the tolerance.

    A cell is cut only where its centre surprised, and the finer cells are suspect in turn only
    where the error, falling as fast as it did from the mesh before, would still be too large.

    The tolerance is a share of the range of the values, on the scale they are drawn on: the linear
    one as soon as a value is not above zero. Gives the grid as it is known after each mesh; only
    the last one is within the tolerance.
    """
    grid = _Grid(evaluate, shape, scale)
    levels = _meshes(shape)
    grid.ask(_mesh(shape, levels[0]))
    suspect = np.ones(shape, bool)
    for coarse, fine in pairwise(levels):
        yield grid.draft(coarse, levels[-1])
        suspect = grid.halve(coarse, fine, suspect, tolerance)
    grid.ask(suspect)  # beside the last surprises
    yield grid.audit(tolerance, np.random.default_rng(seed))


def refined(
    evaluate: Evaluate,
    shape: tuple[int, ...],
    tolerance: float,
    scale: Scale = "linear",
    seed: int = 0,
) -> Refined:
    """The grid within the tolerance."""
    for found in refining(evaluate, shape, tolerance, scale, seed):
        last = found
    return last


def scale_for(wanted: Scale, values: Floats) -> Scale:
    """A logarithm only where it has a value everywhere: else an error on it says nothing."""
    return "linear" if (values <= 0).any() else wanted


class _Grid:
    """The state of a refinement; every array has the grid's shape."""

    def __init__(self, evaluate: Evaluate, shape: tuple[int, ...], scale: Scale) -> None:
        self._evaluate, self._scale = evaluate, scale
        self.values = np.full(shape, np.nan)
        self.evaluated = np.zeros(shape, bool)
        self.error = np.zeros(shape)
        self.seen = np.zeros((len(LAWS), *shape))  # each law's largest surprise around here, last
        self.law = np.zeros(shape, np.int64)  # of LAWS, the one that is to be best around here

    def ask(self, nodes: Mask) -> None:
        wanted = np.flatnonzero(nodes & ~self.evaluated)
        if len(wanted):
            self.values.flat[wanted] = self._evaluate(wanted)
        self.evaluated.flat[wanted] = True

    def halve(self, coarse: Axes, fine: Axes, suspect: Mask, tolerance: float) -> Mask:
        """Predict the fine mesh, and evaluate it where suspect and not foreseen at the centres."""
        shape = self.values.shape
        guesses = self._guesses(LAWS, coarse, fine)
        new = _mesh(shape, fine) & ~_mesh(shape, coarse)
        self.ask(new & suspect & _mesh(shape, tuple(map(_centres, coarse, fine))))
        cut = suspect & (self._surprises(guesses, new, fine).min(0) > SCOUTED * tolerance)
        self.ask(new & cut)
        self._learn(self._surprises(guesses, new, fine), cut)
        left = new & ~self.evaluated
        self.values[left] = np.take_along_axis(guesses, self.law[None], 0)[0][left]
        beyond: Mask = self.error > tolerance
        return beyond

    def _surprises(self, guesses: Floats, new: Mask, fine: Axes) -> Floats:
        """[law, grid]  The largest around each node; below zero where nothing new was asked."""
        asked, mesh = new & self.evaluated, np.ix_(*fine)
        full = (np.arange(count) for count in asked.shape)
        nearest = np.ix_(*map(_nearest, fine, full))
        each = (np.where(asked, self.deviation(guess), -1.0)[mesh] for guess in guesses)
        return np.array([_largest_around(surprises)[nearest] for surprises in each])

    def _learn(self, surprises: Floats, cut: Mask) -> None:
        """Which law to believe, and its error now: less than seen where the mesh is finer since."""
        with np.errstate(all="ignore"):
            fall = np.fmin(np.fmax(self.seen / surprises, 1.0), FASTEST)  # 1 where not known
        expected = surprises / np.where(cut, fall, 1.0)
        near = surprises[0] >= 0
        self.law = np.where(near, expected.argmin(0), self.law)
        self.error = np.where(near, expected.min(0), self.error)
        self.seen = np.where(near, surprises, self.seen)

    def draft(self, mesh: Axes, full: Axes) -> Refined:
        """What is known by now: from this mesh to the full grid by one law, with no error told."""
        guess = self._guesses([(_local, LOG)], mesh, full)[0]
        known = np.isfinite(self.values) | self.evaluated
        return Refined(
            values=np.where(known, self.values, guess),
            evaluated=self.evaluated.copy(),
            error=np.where(self.evaluated, 0.0, np.nan),
            audited=0,
            audit_error=np.nan,
        )

    def audit(self, tolerance: float, random: np.random.Generator) -> Refined:
        """Check interpolated nodes drawn at random; around bad ones evaluate all, draw again."""
        while True:
            left = np.flatnonzero(~self.evaluated)
            drawn = random.choice(left, min(AUDIT, len(left)), replace=False)
            chosen = np.zeros(self.values.shape, bool)
            chosen.flat[drawn] = True
            wrong = self._check(chosen)
            bad = wrong > tolerance
            if not bad.any():
                break
            while bad.any():  # until only good ones surround them
                bad = self._check(_largest_around(bad)) > tolerance
        error = np.where(self.evaluated, 0.0, np.maximum(self.error, wrong.max(initial=0.0)))
        worst = float(wrong.max(initial=0.0))
        return Refined(self.values, self.evaluated, error, len(drawn), worst)

    def _check(self, nodes: Mask) -> Floats:
        """Evaluate interpolated nodes: how far off they were, and 0 elsewhere."""
        believed, chosen = self.values.copy(), nodes & ~self.evaluated
        self.ask(chosen)
        return np.where(chosen, self.deviation(believed), 0.0)

    def deviation(self, predicted: Floats) -> Floats:
        """How far predictions are off, in shares of the range; infinite at a hole's rim."""
        known = self.values[self.evaluated & np.isfinite(self.values)]
        drawn = np.log if scale_for(self._scale, known) == "log" else np.positive
        share = float(np.ptp(drawn(known))) or 1.0 if known.size else 1.0
        with np.errstate(all="ignore"):
            gap = np.abs(drawn(predicted) - drawn(self.values)) / share
        gap = np.where(np.isnan(gap), np.inf, gap)  # foreseen below zero, where logarithms end
        whole, foreseen = np.isfinite(self.values), np.isfinite(predicted)
        return np.where(whole & foreseen, gap, np.where(whole | foreseen, np.inf, 0.0))

    def _guesses(self, laws: Sequence[Law], coarse: Axes, fine: Axes) -> Floats:
        """[law, grid]  What each law says of the fine mesh, from the coarse one."""
        known = self.values[np.ix_(*coarse)]
        block, holes = _filled(known), _holes(known, coarse, fine)
        guesses = np.full((len(laws), *self.values.shape), np.nan)
        for guess, (interpolate, (drawn_as, back)) in zip(guesses, laws, strict=True):
            plain = block.min() <= 0  # where neither logarithms nor roots are
            drawn = block if plain else drawn_as(block)
            for axis, (old, new) in enumerate(zip(coarse, fine, strict=True)):
                drawn = interpolate(old, new, drawn, axis)
            with np.errstate(over="ignore"):
                found = drawn if plain else back(drawn)
            guess[np.ix_(*fine)] = np.where(np.isfinite(holes), found, holes)
        return guesses


def _spline(old: Nodes, new: Nodes, block: Floats, axis: int) -> Floats:
    """Best where all is smooth; a kink anywhere rings far along the axis."""
    found: Floats = make_interp_spline(old, block, k=min(3, len(old) - 1), axis=axis)(new)
    return found


def _local(old: Nodes, new: Nodes, block: Floats, axis: int, most: int = 4) -> Floats:
    """The polynomial through the nearest few: worse where smooth, untouched by far kinks."""
    count = min(most, len(old))
    first = np.clip(np.searchsorted(old, new) - count // 2, 0, len(old) - count)
    weights = np.zeros((len(new), len(old)))
    for row, (start, place) in enumerate(zip(first.tolist(), new.tolist(), strict=True)):
        near = old[start : start + count]
        gaps = near[:, None] - near + np.eye(count)
        ratios = np.where(np.eye(count, dtype=bool), 1.0, (place - near) / gaps)
        weights[row, start : start + count] = ratios.prod(1)
    return np.moveaxis(np.tensordot(weights, block, (1, axis)), 0, axis)


Interpolate = Callable[[Nodes, Nodes, Floats, int], Floats]
Law = tuple[Interpolate, tuple[Callable[..., Floats], Callable[..., Floats]]]  # drawn how, and back

# A trained loss spans decades: far out its logarithm is the smoother; at the bottom, itself.
LOG = (np.log, np.exp)
DRAWN = (LOG, (np.sqrt, np.square), (np.positive, np.positive))
INTERPOLANTS: tuple[Interpolate, ...] = (_spline, _local, partial(_local, most=6))
LAWS: tuple[Law, ...] = tuple((each, drawn) for drawn in DRAWN for each in INTERPOLANTS)


def _filled(block: Floats) -> Floats:
    """Holes take their nearest finite neighbour, only so that a spline can be drawn through."""
    finite = np.isfinite(block)
    if not finite.any():
        return np.zeros_like(block)
    nearest = distance_transform_edt(~finite, return_distances=False, return_indices=True)
    filled: Floats = block[tuple(nearest)]
    return filled


def _largest_around(values: Any) -> Any:
    """At each node the largest value within reach; of a mask: whether any is set."""
    return maximum_filter(values, size=2 * REACH + 1, mode="nearest")


def _nearest(old: Nodes, new: Nodes) -> Nodes:
    """For each new node the number of the old one nearest to it."""
    nearest: Nodes = np.abs(new[:, None] - old).argmin(1)
    return nearest


def _holes(known: Floats, coarse: Axes, fine: Axes) -> Floats:
    """NaN or infinity inside a hole, at nodes whose coarse neighbours all have it; else 0."""
    share = np.where(np.isfinite(known), 0.0, 1.0)
    nearest = known
    for axis, (old, new) in enumerate(zip(coarse, fine, strict=True)):
        share = make_interp_spline(old, share, k=min(1, len(old) - 1), axis=axis)(new)
        nearest = nearest.take(_nearest(old, new), axis)
    return np.where((share > 1 - 1e-9) & ~np.isfinite(nearest), nearest, 0.0)


def _centres(coarse: Nodes, fine: Nodes) -> Nodes:
    """All but the nodes between two cut cells.

    Taken along every axis, the new ones among them are the centres of cells, and the midpoints
    where there is no cell to be cut beside them: on the border, too.
    """
    new = np.pad(~np.isin(fine, coarse), 1)
    return fine[~(new[:-2] & new[2:])]


def _mesh(shape: tuple[int, ...], axes: Axes) -> Mask:
    mask = np.zeros(shape, bool)
    mask[np.ix_(*axes)] = True
    return mask


def _meshes(shape: tuple[int, ...]) -> list[Axes]:
    """Nested meshes from coarse to full; an axis that is complete early stays so."""
    axes = [_levels(count) for count in shape]
    deepest = max(len(levels) for levels in axes)
    padded = [levels + levels[-1:] * (deepest - len(levels)) for levels in axes]
    return list(zip(*padded, strict=True))


def _levels(count: int) -> list[Nodes]:
    """Nested sets of nodes along an axis, each gap halved until every node is there."""
    level = np.unique(np.round(np.linspace(0, count - 1, min(COARSEST, count))).astype(np.int64))
    levels = [level]
    while len(level) < count:
        level = np.unique(np.concatenate([level, (level[:-1] + level[1:]) // 2]))
        levels.append(level)
    return levels
