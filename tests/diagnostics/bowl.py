"""Losses with known answers on plain numpy: no torch, the same analyses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from diagnostics.weight_space import About, Examples, Piece

ABOUT = About("bowl", 7, "no data", 1, 0, 1, "none", "float64", "bowl")


class Bowl:
    """½ (w - m)ᵀ H (w - m) + c at any centre."""

    measures: tuple[str, ...] = ("loss",)
    classes: Any = None

    def __init__(
        self,
        hessian: Any,
        centre: Any = None,
        minimum: Any = None,
        floor: float = 0.0,
        pieces: tuple[Piece, ...] | None = None,
    ) -> None:
        self.hessian = np.asarray(hessian, float)
        count = len(self.hessian)
        self.minimum = np.zeros(count) if minimum is None else minimum
        self.centre = self.minimum.copy() if centre is None else np.asarray(centre, float)
        self.floor = floor
        self.pieces = pieces or (Piece("w", (len(self.centre),), 0, "weight"),)
        self.about = replace(ABOUT)
        self.asked = 0

    def vector(self, values: Any) -> Any:
        return np.array(values, float)

    def array(self, vector: Any) -> Any:
        return vector

    def rows(self, count: int) -> Any:
        return np.full((count, len(self.centre)), np.nan)

    def loss(self, w: Any) -> Any:
        return 0.5 * (w - self.minimum) @ self.hessian @ (w - self.minimum) + self.floor

    def losses_at(self, points: Iterable[Any]) -> Any:
        losses = [self.loss(w) for w in points]
        self.asked += len(losses)
        return np.array(losses)

    def measures_at(self, points: Iterable[Any]) -> Any:
        return self.losses_at(points)[:, None]

    def examples_at(self, point: Any) -> Examples:
        return Examples(np.array([[self.loss(point)]]), np.ones(1))

    def gradient_at(self, point: Any) -> Any:
        return self.hessian @ (point - self.minimum)

    def hessian_at(self, point: Any) -> Callable[[Any], Any]:
        return lambda v: self.hessian @ v


class Product(Bowl):
    """(ab - 1)² / 2: two branches of minima, a saddle between them at 0."""

    def __init__(self, centre: Any) -> None:
        super().__init__(np.eye(2), centre, np.zeros(2))

    def loss(self, w: Any) -> Any:
        return 0.5 * (w[0] * w[1] - 1) ** 2

    def gradient_at(self, w: Any) -> Any:
        return (w[0] * w[1] - 1) * w[::-1]

    def hessian_at(self, w: Any) -> Callable[[Any], Any]:
        a, b = w
        mixed = 2 * a * b - 1
        return lambda v: np.array([[b * b, mixed], [mixed, a * a]]) @ v


class Function(Bowl):
    """Any loss of two weights, for the landscape alone."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__(np.eye(2))
        self._function = function

    def loss(self, w: Any) -> Any:
        return self._function(*w)


class Clusters(Bowl):
    """½ |w - m|² for an example at m; each class has its own share of them, around its own mean."""

    measures = ("loss", "accuracy")

    def __init__(self, counts: Any, seed: int = 0) -> None:
        super().__init__(np.eye(2), np.zeros(2))
        random = np.random.default_rng(seed)
        self.classes = np.repeat(np.arange(len(counts)), counts)
        self.places = random.standard_normal((len(self.classes), 2)) + 3 * np.cos(
            np.stack([self.classes, self.classes + 1.0], 1)
        )
        self.weights = random.integers(1, 4, len(self.classes)).astype(float)
        self.weights /= self.weights.mean()

    def examples_at(self, point: Any) -> Examples:
        losses = 0.5 * ((point - self.places) ** 2).sum(1)
        return Examples(np.stack([losses, (losses < 2).astype(float)]), self.weights)

    def measures_at(self, points: Iterable[Any]) -> Any:
        found = np.array([self.examples_at(point).means() for point in points])
        self.asked += len(found)
        return found

    def losses_at(self, points: Iterable[Any]) -> Any:
        return self.measures_at(points)[:, 0]

    def class_loss(self, label: int, x: Any, y: Any) -> Any:
        """In closed form: a parabola around the class's mean, above its spread."""
        mine = self.classes == label
        places, shares = self.places[mine], self.weights[mine] / self.weights[mine].sum()
        mean = shares @ places
        spread = 0.5 * (shares @ (places - mean) ** 2).sum()
        return 0.5 * ((x - mean[0]) ** 2 + (y - mean[1]) ** 2) + spread


def rotated(values: Any, seed: int = 0) -> Any:
    """A symmetric matrix with these eigenvalues."""
    random = np.random.default_rng(seed)
    frame, _ = np.linalg.qr(random.standard_normal((len(values), len(values))))
    return (frame * values) @ frame.T
