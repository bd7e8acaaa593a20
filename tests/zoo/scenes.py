"""Generated data: waves, texts, sets of points, counts, masks, planes, prices, sequences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

Split = tuple[Tensor, Tensor, Tensor, Tensor]


def split(x: Tensor, y: Tensor, n: int) -> Split:
    """The first n rows to train on, the rest to validate on."""
    return x[:n], y[:n], x[n:], y[n:]


def waves(seed: int, n: int = 900, held: int = 300, length: int = 32, noise: float = 0.4) -> Split:
    """Sine, square and saw-tooth waves of any frequency and phase: [example, 1, time]."""
    r = np.random.RandomState(seed)
    kind = r.randint(0, 3, n + held)
    phase = r.rand(n + held, 1) + r.uniform(0.05, 0.15, (n + held, 1)) * np.arange(length)
    turn = phase % 1.0
    forms = np.stack([np.sin(2 * np.pi * turn), np.sign(turn - 0.5), 2 * turn - 1])
    x = forms[kind, np.arange(n + held)] + noise * r.randn(n + held, length)
    return split(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(kind), n)


def topics(
    seed: int, n: int = 1200, held: int = 300, *, words: int = 150, length: int = 16, kinds: int = 5
) -> Split:
    """Bags of word numbers; each class prefers words of its own, a little."""
    r = np.random.RandomState(seed)
    weight = r.gamma(0.4, 1.0, (kinds, words)) + 0.08
    weight /= weight.sum(1, keepdims=True)
    y = r.randint(0, kinds, n + held)
    x = np.stack([r.choice(words, length, p=weight[kind]) for kind in y])
    return split(torch.tensor(x), torch.tensor(y), n)


def bags(seed: int, words: int = 150, **sizes: int) -> Split:
    """The same texts as counts of words: wide, sparse, mostly nought."""
    x, y, xv, yv = topics(seed, words=words, **sizes)
    return counted(x, words), y, counted(xv, words), yv


def counted(x: Tensor, words: int) -> Tensor:
    """How often each word occurs in each row."""
    return torch.zeros(len(x), words).scatter_add_(1, x, torch.ones(x.shape))


def clouds(seed: int, n: int = 900, held: int = 300, points: int = 16) -> Split:
    """Sets of points in the plane: on a ring, in a disc, on a cross, on a line."""
    r = np.random.RandomState(seed)
    y = r.randint(0, 4, n + held)
    turn, far = 2 * np.pi * r.rand(n + held, points), r.rand(n + held, points)
    radius = np.where(y[:, None] == 1, np.sqrt(far), 0.75)
    x = np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1)
    line = np.stack([2 * far - 1, np.zeros_like(far)], -1)
    cross = np.where((turn < np.pi)[..., None], line, line[..., ::-1])
    x[y == 2], x[y == 3] = cross[y == 2], line[y == 3]
    x += 0.15 * r.randn(*x.shape)
    return split(torch.tensor(x, dtype=torch.float32), torch.tensor(y), n)


def visits(seed: int, n: int = 1000, held: int = 300) -> Split:
    """Counts whose logarithm of the mean is bent in the inputs."""
    r = np.random.RandomState(seed)
    x = r.randn(n + held, 6)
    rate = np.exp(1.0 + 0.6 * np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * (x[:, 2] > 0))
    y = torch.tensor(r.poisson(rate), dtype=torch.float32)[:, None]
    return split(torch.tensor(x, dtype=torch.float32), y, n)


def masks(seed: int, n: int = 400, held: int = 100, size: int = 12) -> Split:
    """Noisy images of a disc and a bar; the answer is the kind of every pixel: [example, y, x]."""
    r = np.random.RandomState(seed)
    grid = np.arange(size)
    y = np.zeros((n + held, size, size), np.int64)
    for mask in y:
        row, column, centre = r.randint(0, size), r.randint(3, 9), r.randint(3, 9)
        mask[row, :] = 2
        mask[(grid[:, None] - centre) ** 2 + (grid - column) ** 2 <= 6] = 1
    x = (y == 1) * 1.0 + (y == 2) * 0.6 + 0.35 * r.randn(*y.shape)
    return split(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y), n)


def pieces(seed: int, n: int = 2000, held: int = 400, corners: int = 4) -> Split:
    """A function that is another plane in each quarter: one expert a quarter, or none at all."""
    r = np.random.RandomState(seed)
    x = r.randn(n + held, 6)
    planes = 1.5 * r.randn(corners, 6)
    piece = (x[:, 0] > 0) * 2 + (x[:, 1] > 0)
    y = (x * planes[piece]).sum(1) / 3.5 + 0.05 * r.randn(n + held)
    return split(*(torch.tensor(v, dtype=torch.float32) for v in (x, y[:, None])), n)


def prices(seed: int, n: int = 1000, held: int = 300) -> Split:
    """Houses: seven standardised columns, a price with bends and a mean of about 3."""
    r = np.random.RandomState(seed)
    x = r.randn(n + held, 7)
    y = 3 + x[:, 0] + 0.7 * np.abs(x[:, 1]) + 0.5 * x[:, 2] * x[:, 3] + 0.15 * r.randn(n + held)
    return split(*(torch.tensor(v, dtype=torch.float32) for v in (x, y[:, None])), n)


def mirrored(seed: int, n: int = 1500, held: int = 300, length: int = 8, words: int = 8) -> Split:
    """Token sequences; the answer is the sequence read backwards."""
    x = torch.tensor(np.random.RandomState(seed).randint(0, words, (n + held, length)))
    return split(x, x.flip(1), n)


def tags(seed: int, n: int = 1200, held: int = 300, kinds: int = 6) -> Split:
    """Several yes-or-no answers an example, each a bent function of twelve columns."""
    r = np.random.RandomState(seed)
    x = r.randn(n + held, 12)
    score = np.tanh(x @ r.randn(12, 24)) @ r.randn(24, kinds)
    y = (score > 0).astype(np.float32)
    return split(torch.tensor(x, dtype=torch.float32), torch.tensor(y), n)


def rare(
    seed: int,
    share: float = 0.03,
    n: int = 1600,
    held: int = 800,
    *,
    gap: float = 1.6,
    held_share: float = 0.5,
) -> Split:
    """Two overlapping clouds in eight dimensions, one of them rare in training."""
    r = np.random.RandomState(seed)
    y = np.concatenate([r.rand(n) < share, r.rand(held) < held_share]).astype(np.int64)
    way = r.randn(8)
    x = r.randn(n + held, 8) + gap * y[:, None] * way / np.linalg.norm(way)
    return split(torch.tensor(x, dtype=torch.float32), torch.tensor(y), n)


def grid(n: int, seed: int, side: int = 3, sd: float = 0.06) -> Tensor:
    """Points about the corners of a lattice."""
    r = np.random.RandomState(seed)
    centres = r.randint(0, side, (n, 2)) - (side - 1) / 2
    return torch.tensor(centres + sd * r.randn(n, 2), dtype=torch.float32)


Pairs = tuple[Tensor, Tensor]


def nodes(x: Tensor, y: Tensor, n: int = 120) -> tuple[Pairs, Tensor, Pairs, Tensor]:
    """Nodes of one graph as examples: every row carries the whole table of features."""
    every = x[None].expand(len(x), -1, -1)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(7))
    a, b = order[:n], order[n:]
    return (every[a], a), y[a], (every[b], b), y[b]
