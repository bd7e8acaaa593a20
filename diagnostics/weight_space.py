"""A loss as a function of one flat vector of weights, and which part of it is which tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = Any  # flat, of numpy or torch: it adds, scales, slices, reshapes, sums and has `@`
Operator = Callable[[Vector], Vector]
Role = Literal["weight", "bias", "norm"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """One tensor's place in the vector."""

    name: str
    shape: tuple[int, ...]
    start: int
    role: Role
    axis: int = 0  # along which its filters lie: 1 for a transposed convolution

    @property
    def stop(self) -> int:
        return self.start + math.prod(self.shape)

    @property
    def layer(self) -> str:
        """The module that it belongs to."""
        return self.name.rpartition(".")[0]

    def of(self, vector: Vector) -> Vector:
        """This tensor's part of a vector: a view, so that writing to it writes to the vector."""
        return vector[self.start : self.stop].reshape(self.shape)

    @property
    def within(self) -> tuple[int, ...]:
        """The axes inside one filter; a bias, a gain or a scalar is one filter as a whole."""
        axes = range(len(self.shape))
        return tuple(axes) if len(self.shape) < 2 else tuple(n for n in axes if n != self.axis)


@dataclass(frozen=True)
class About:
    """What a number was computed of; every Result carries it, every figure prints it."""

    run: str  # the run's name; "" of a model in memory
    step: int  # of the snapshot at the centre; -1 of a model in memory
    data: str  # which examples, in words
    examples: int
    population: int  # how many these were drawn from at random; 0: not known, or they are all
    batches: int  # that the examples came in; it matters where statistics are the batch's
    statistics: str  # what batch normalisation takes its mean from, or "none": no such layer
    precision: str  # of the weights: "float32"
    key: str  # of the program, the data and the statistics
    reduction: str = "unknown"  # what the loss is of its examples': mean, sum, other or unknown


@dataclass(frozen=True)
class Examples:
    """The examples one by one, at one point."""

    values: Floats  # [measure, example]  what the measure would be, were all examples like this one
    weights: Floats  # [example]  what each counts for, 1 on average

    def means(self) -> Floats:
        """The measures of all the examples together: [measure]."""
        found: Floats = (self.values * self.weights).mean(1)
        return found


class WeightSpace(Protocol):
    """What an analysis may ask of a subject. It never learns which library holds the numbers."""

    pieces: tuple[Piece, ...]
    centre: Vector  # [weight]
    about: About
    measures: tuple[str, ...]  # "loss", and where targets are classes "accuracy"

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """Each example's class, as `examples_at` has them; None: they are not of one each."""

    def vector(self, values: NDArray[Any]) -> Vector:
        """The same numbers in the space's own kind, precision and place."""

    def array(self, vector: Vector) -> Floats:
        """And back."""

    def rows(self, count: int) -> Any:
        """A matrix with room for vectors as its rows; what is in it is to be written over."""

    def losses_at(self, points: Iterable[Vector]) -> Floats: ...

    def measures_at(self, points: Iterable[Vector]) -> Floats:
        """Every measure at each point, as [point, measure]; the first is the loss."""

    def examples_at(self, point: Vector) -> Examples: ...

    def gradient_at(self, point: Vector) -> Vector: ...

    def hessian_at(self, point: Vector) -> Operator:
        """The product with the Hessian there; what all its products share is done once."""


class Predictor(Protocol):
    """A subject, as far as its predictions are all that is asked of it."""

    about: About
    centre: Vector
    measures: tuple[str, ...]

    @property
    def classes(self) -> NDArray[np.int64] | None: ...

    def predict(self, point: Vector) -> list[NDArray[Any]]: ...


def size(space: WeightSpace) -> int:
    return space.pieces[-1].stop


def length(vector: Vector) -> float:
    return math.sqrt(float(vector @ vector))


def loss_at(space: WeightSpace, point: Vector) -> float:
    return float(space.losses_at([point])[0])
