"""The loss of each class's own examples: which classes, their means at a node and between nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import distance_transform_edt

from diagnostics.weight_space import Examples, Floats, WeightSpace
from probes.folder import FathomError

Mask = NDArray[np.bool_]

FEWEST, MOST = 2, 12  # classes: one is the whole, and more than a dozen no eye compares
ENOUGH = 4  # nodes to hold a surface
AT_ONCE, NEAR = 2000, 30  # nodes beyond which each place is told by so many around it: the cube
#                           of their number is what it costs


class ByClass:
    """Which example is of which class; nothing where the targets are no classes, or too many."""

    def __init__(self, space: WeightSpace) -> None:
        self._members: Mask = np.empty((0, 0), bool)  # [class, example]
        self.names: tuple[str, ...] = ()
        labels = space.classes
        if labels is None:
            return
        weights = space.examples_at(space.centre).weights
        if len(labels) != len(weights):
            raise FathomError(
                f"{len(labels)} classes of {len(weights)} examples; for losses by class let each "
                "example have one."
            )
        met = (weights > 0) & (labels >= 0)  # what counts for nothing is of no class
        there = np.unique(labels[met])
        if FEWEST <= len(there) <= MOST:
            self.names = tuple(map(str, there.tolist()))
            self._members = met & (labels == there[:, None])

    def means(self, found: Examples) -> Floats:
        """The mean loss of each class: [class]. A hole is its own class's alone."""
        losses, weights = found.values[0], found.weights
        with np.errstate(invalid="ignore"):  # as infinity less infinity
            weighed = np.where(weights > 0, losses, 0.0) * weights
            means = np.where(self._members, weighed, 0.0).sum(1) / (self._members @ weights)
        return np.asarray(means)


def between(losses: Floats, known: Mask, whole: Floats) -> Floats:
    """Losses [class, grid] evaluated at some nodes, at the others too.

    By a smooth surface through the logarithms, which are smoother than a trained loss; its error
    is not told. Where `whole`, the loss of all, has no value, they are as at the nearest node.
    """
    if known.all():
        return losses
    there = known & np.isfinite(losses).all(0)
    guess = _at_nearest(losses, known)
    if there.any():
        guess = np.where(np.isfinite(whole), _smooth(losses, there), guess)
    return np.where(known, losses, guess)


def _smooth(losses: Floats, there: Mask) -> Floats:
    """Through the logarithms of those that have one everywhere."""
    drawn = losses[:, there]  # [class, node]
    positive = (drawn > 0).all(1)
    drawn[positive] = np.log(drawn[positive])
    found = _through(drawn, there)
    with np.errstate(over="ignore"):
        found[positive] = np.exp(found[positive])
    return np.where(np.isfinite(found), found, _at_nearest(losses, there))


def _through(drawn: Floats, there: Mask) -> Floats:
    """The smoothest surfaces, as thin beams bend; NaN if the nodes are too few or all in a row."""
    places, everywhere = _places(there)
    if len(places) < ENOUGH or np.linalg.matrix_rank(places - places[0]) < there.ndim:
        return np.full((len(drawn), *there.shape), np.nan)
    near = NEAR if len(places) > AT_ONCE else None
    surfaces = RBFInterpolator(places, drawn.T, kernel="cubic", neighbors=near)
    return np.reshape(surfaces(everywhere).T, (len(drawn), *there.shape))


def _at_nearest(losses: Floats, there: Mask) -> Floats:
    nearest = distance_transform_edt(~there, return_distances=False, return_indices=True)
    found: Floats = losses[(slice(None), *nearest)]
    return found


def _places(there: Mask) -> tuple[Floats, Floats]:
    return np.argwhere(there).astype(float), np.argwhere(np.ones_like(there)).astype(float)
