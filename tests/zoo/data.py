"""Small data that no download is needed for: tables, images, text, sequences, graphs.

All give training inputs and targets, then validation's, and draw from generators of their own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor

Split = tuple[Tensor, Tensor, Tensor, Tensor]


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    return bunch.data.astype(np.float32), bunch.target


def table(name: str, seed: int, held: int | None = None, *, normalise: bool = True) -> Split:
    """scikit-learn's digits, wine, breast_cancer, iris or diabetes."""
    x, y = _bundled(name)
    held = held or max(40, len(x) // 4)
    order = np.random.RandomState(1000 + seed).permutation(len(x))
    rows, rows_val = order[held:], order[:held]
    if name == "digits":
        x = x / 16.0
        x = (x - 0.305) / 0.376 if normalise else x
    elif normalise:
        x = (x - x[rows].mean(0)) / (x[rows].std(0) + 1e-8)
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.float32 if name == "diabetes" else torch.long)
    return inputs[rows], targets[rows], inputs[rows_val], targets[rows_val]


def digit_images(seed: int, held: int = 450) -> Split:
    x, y, x_val, y_val = table("digits", seed, held)
    return x.view(-1, 1, 8, 8), y, x_val.view(-1, 1, 8, 8), y_val


def _cut(x: Tensor, y: Tensor, n: int) -> Split:
    return x[:n], y[:n], x[n:], y[n:]


def _floats(x: np.ndarray) -> Tensor:
    return torch.tensor(x, dtype=torch.float32)


def shapes(
    seed: int, n: int = 1200, held: int = 300, *, size: int = 12, noise: float = 0.35
) -> Split:
    """Noisy grey images of a square, a disc, a cross, a bar that lies and one that stands."""
    r = np.random.RandomState(seed)
    y = r.randint(0, 5, n + held)
    images = np.zeros((n + held, size, size), np.float32)
    for image, kind in zip(images, y, strict=True):
        cx, cy, s = r.randint(4, size - 4), r.randint(4, size - 4), r.randint(2, 4)
        _draw(image, kind, (cx, cy), s)
    images += noise * r.randn(*images.shape).astype(np.float32)
    x = torch.tensor((images - images.mean()) / images.std())[:, None]
    return _cut(x, torch.tensor(y), n)


def _draw(image: np.ndarray, kind: int, centre: tuple[int, int], s: int) -> None:
    (cx, cy), grid = centre, np.arange(len(image))
    if kind == 0:
        image[cy - s : cy + s + 1, cx - s : cx + s + 1] = 1
        image[cy - s + 1 : cy + s, cx - s + 1 : cx + s] = 0
    elif kind == 1:
        image[(grid[:, None] - cy) ** 2 + (grid[None] - cx) ** 2 <= s * s] = 1
    elif kind == 2:
        image[cy, cx - s : cx + s + 1] = 1
        image[cy - s : cy + s + 1, cx] = 1
    elif kind == 3:
        image[cy, max(0, cx - 4) : cx + 5] = 1
    else:
        image[max(0, cy - 4) : cy + 5, cx] = 1


def blobs(
    seed: int,
    n: int = 1200,
    held: int = 400,
    *,
    classes: int = 4,
    columns: int = 10,
    spread: float = 1.0,
) -> Split:
    r = np.random.RandomState(seed)
    centres = r.randn(classes, columns) * 2
    y = r.randint(0, classes, n + held)
    x = centres[y] + spread * r.randn(n + held, columns)
    return _cut(_floats(x), torch.tensor(y), n)


def spirals(
    seed: int, n: int = 1500, held: int = 500, *, arms: int = 3, noise: float = 0.12
) -> Split:
    r = np.random.RandomState(seed)
    y = r.randint(0, arms, n + held)
    t = r.rand(n + held) * 2.6 + 0.25
    angle = t * 2.1 + y * 2 * np.pi / arms
    x = np.stack([t * np.cos(angle), t * np.sin(angle)], 1) + noise * r.randn(n + held, 2)
    return _cut(_floats(x) / 1.6, torch.tensor(y), n)


def friedman(seed: int, n: int = 1200, held: int = 400, *, noise: float = 0.3) -> Split:
    """Friedman's regression on eight columns, three of which do nothing."""
    r = np.random.RandomState(seed)
    x = r.rand(n + held, 8)
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    y = y + 10 * x[:, 3] + 5 * x[:, 4]
    y = (y - y.mean()) / y.std() + noise * 0.2 * r.randn(len(y))
    return _cut(_floats((x - 0.5) / 0.289), _floats(y)[:, None], n)


def sine(
    seed: int, n: int = 512, held: int = 256, *, noise: float = 0.1, scale: float = 1.0
) -> Split:
    r = np.random.RandomState(seed)
    x = r.rand(n + held, 1) * 2 - 1
    y = scale * (np.sin(4 * x) + 0.3 * np.cos(9 * x)) + noise * r.randn(n + held, 1)
    return _cut(_floats(x) * 1.7, _floats(y), n)


def first_token(
    seed: int, n: int = 1500, held: int = 400, *, length: int = 30, classes: int = 4
) -> Split:
    """The class is the first symbol, the rest is noise: a memory of so many steps is needed."""
    r = np.random.RandomState(seed)
    y = r.randint(0, classes, n + held)
    x = 0.3 * r.randn(n + held, length, classes)
    x[np.arange(n + held), 0, y] += 2.0
    return _cut(_floats(x), torch.tensor(y), n)


def adding(seed: int, n: int = 2000, held: int = 400, *, length: int = 20) -> Split:
    """The sum of the two numbers that are marked."""
    r = np.random.RandomState(seed)
    values, marks = r.rand(n + held, length), np.zeros((n + held, length))
    for row in marks:
        first, second = r.choice(length, 2, False)
        row[first] = row[second] = 1
    y = (values * marks).sum(1, keepdims=True)
    return _cut(_floats(np.stack([values, marks], -1)), _floats((y - 1) / 0.41), n)


def sine_series(seed: int, n: int = 1200, held: int = 300, *, length: int = 24) -> Split:
    """A noisy sine of its own frequency and phase; its next value."""
    r = np.random.RandomState(seed)
    frequency, phase = r.uniform(0.15, 0.6, (n + held, 1)), r.uniform(0, 6.28, (n + held, 1))
    t = np.arange(length + 1)[None]
    series = _floats(np.sin(frequency * t + phase) + 0.05 * r.randn(n + held, length + 1))
    return _cut(series[:, :-1, None], series[:, -1:], n)


def ring(n: int, seed: int, *, modes: int = 8, deviation: float = 0.05) -> Tensor:
    """Points about as many places on a circle."""
    r = np.random.RandomState(seed)
    angle = r.randint(0, modes, n) * 2 * np.pi / modes
    return _floats(np.stack([np.cos(angle), np.sin(angle)], 1) + deviation * r.randn(n, 2))


def pairs(x: Tensor, y: Tensor, n: int, seed: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Pairs of rows, and whether they are of one class."""
    r = np.random.RandomState(seed)
    first = r.randint(0, len(x), n)
    second = np.empty(n, int)
    same = r.rand(n) < 0.5
    labels = y.numpy()
    for at, row in enumerate(first):
        ours = labels == labels[row]
        second[at] = r.choice(np.where(ours if same[at] else ~ours)[0])
    return (x[first], x[second]), _floats(same)


def graph(
    seed: int, n: int = 240, classes: int = 3, *, near: float = 0.09, far: float = 0.012
) -> tuple[Tensor, Tensor, Tensor]:
    """A stochastic block model: its normalised adjacency, 16 columns a node, and classes."""
    r = np.random.RandomState(seed)
    y = r.randint(0, classes, n)
    linked = (r.rand(n, n) < np.where(y[:, None] == y[None], near, far)).astype(np.float32)
    linked = np.triu(linked, 1)
    linked = linked + linked.T + np.eye(n, dtype=np.float32)
    degree = linked.sum(1)
    adjacency = linked / np.sqrt(degree[:, None] * degree[None])
    x = 0.6 * np.eye(classes)[y] @ r.randn(classes, 16) + r.randn(n, 16)
    return torch.tensor(adjacency), _floats(x), torch.tensor(y)
