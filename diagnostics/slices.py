"""The nodes of a slice, and what is computed at each: loss and its errors, accuracy, classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.class_losses import ByClass
from diagnostics.directions import Direction, point_at
from diagnostics.refinement import Scale
from diagnostics.weight_space import Examples, Floats, Vector, WeightSpace
from probes.folder import FathomError

ERRORS = ("error", "rise_error")  # standard errors of the loss, and of the loss less the centre's
HELD_OUT, CLASS = "held_out_", "class "


@dataclass(frozen=True)
class Grid:
    """The nodes, and how close to the truth what is drawn between them must be."""

    reach: tuple[float, float] = (-1.0, 1.0)
    resolution: int = 51
    tolerance: float = 0.01  # largest error, as a share of the range; 0: every node is evaluated
    scale: Scale = "log"  # on which the surface is drawn, and the tolerance a share of its range
    by_class: bool = False  # also the loss of each class's own examples, if there are a few classes


def axis_of(reach: tuple[float, float], resolution: int) -> Floats:
    """Evenly spaced; 0 is 0 exactly where it is a node, so that the centre is the centre."""
    low, high = reach
    if not 0 < high - low < np.inf or resolution < 2:
        raise FathomError(
            f"an axis from {low:g} to {high:g} with {resolution} nodes has no extent; give a "
            "finite reach that grows, and at least 2 nodes."
        )
    steps = np.arange(resolution)
    axis = (low * (resolution - 1 - steps) + high * steps) / (resolution - 1)
    return np.where(np.abs(axis) < 1e-12 * (high - low), 0.0, axis)


class Slice:
    """From numbers of nodes to rows of quantities: all that a worker needs to know."""

    def __init__(
        self,
        space: WeightSpace,
        directions: Sequence[Direction],
        axes: tuple[Floats, ...],
        held_out: WeightSpace | None = None,
        *,
        by_class: bool = False,
    ) -> None:
        if len(directions) not in (1, 2):
            raise FathomError(f"{len(directions)} directions; a landscape has 1 or 2.")
        self.space, self.held_out = space, held_out
        self.directions, self.axes = tuple(directions), axes
        self.shape = tuple(map(len, axes[::-1]))  # rows are y
        self._population = space.about.population
        self._centre = space.examples_at(space.centre) if self._population else None
        self._by_class = ByClass(space) if by_class else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names; none unless they were asked for and are few enough to compare."""
        return self._by_class.names if self._by_class else ()

    @property
    def quantities(self) -> tuple[str, ...]:
        """What stands in each column."""
        held_out = self.held_out.measures if self.held_out else ()
        own = (*ERRORS, *self.space.measures, *(CLASS + name for name in self.classes))
        return (*own, *(HELD_OUT + name for name in held_out))

    def __call__(self, nodes: NDArray[np.int64]) -> Floats:
        """[node] -> [node, quantity]"""
        numbers = nodes.tolist()
        columns = [self._own(numbers)]
        if self.held_out:
            columns.append(self.held_out.measures_at(map(self.point, numbers)))
        return np.concatenate(columns, 1)

    def point(self, node: int) -> Vector:
        places = np.unravel_index(node, self.shape)[::-1]
        place = [float(axis[at]) for axis, at in zip(self.axes, places, strict=True)]
        return point_at(self.space, self.directions, place)

    def _own(self, numbers: list[int]) -> Floats:
        if self._centre is None and not self.classes:
            found = self.space.measures_at(map(self.point, numbers))
            return np.column_stack([np.full((len(found), len(ERRORS)), np.nan), found])
        each = (self.space.examples_at(self.point(node)) for node in numbers)
        return np.array([self._row(found) for found in each])

    def _row(self, found: Examples) -> Floats:
        """Standard errors where the examples are a sample, the measures, the classes' losses."""
        errors = np.full(len(ERRORS), np.nan)
        if self._centre:
            errors = _errors(found, self._centre, self._population)
        classes = self._by_class.means(found) if self._by_class and self.classes else ()
        with np.errstate(invalid="ignore"):
            return np.concatenate([errors, found.means(), classes])

    def key(self) -> str:
        """Everything that a value depends on."""
        array = self.space.array
        digest = hashlib.sha256(array(self.space.centre).tobytes())
        for direction, axis in zip(self.directions, self.axes, strict=True):
            digest.update(array(direction.vector).tobytes())
            digest.update(axis.tobytes())
        held_out = self.held_out.about.key if self.held_out else ""
        by_class = f" by class {','.join(self.classes)}" if self.classes else ""
        own = f"{digest.hexdigest()} {self.space.about.key} {self._population}"
        return f"{own} {held_out}{by_class}"


def _errors(found: Examples, centre: Examples, population: int) -> Floats:
    """Standard errors for examples drawn without replacement."""
    loss, base = found.values[0], centre.values[0]
    with np.errstate(invalid="ignore"):
        rises = loss - base
        return np.array([_error(each, found.weights, population) for each in (loss, rises)])


def _error(values: Floats, weights: Floats, population: int) -> float:
    """Of a mean in which some examples count for more: the residuals' spread."""
    count, left = len(values), 1 - len(values) / population
    if left < 0:
        raise FathomError(
            f"{count} examples cannot be a sample of {population}; give the size of the whole data."
        )
    rest = weights * (values - (values * weights).mean())
    return float(np.sqrt((rest**2).sum() / (count - 1) * left / count)) if count > 1 else np.nan
