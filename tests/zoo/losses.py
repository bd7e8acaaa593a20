"""Losses and metrics of the trainings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CE, MSE = nn.CrossEntropyLoss(), nn.MSELoss()


def accuracy(out: Tensor, y: Tensor) -> Tensor:
    return (out.argmax(-1) == y).float().mean()


def explained(out: Tensor, y: Tensor) -> Tensor:
    """R²: the share of the targets' variance that is accounted for."""
    return 1 - ((out - y) ** 2).mean() / y.var()


def next_token(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out.flatten(0, 1), y.flatten())


def latent_divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum(1).mean()


def variational(beta: float) -> Callable[[Any, Tensor], Tensor]:
    """Of a variational autoencoder, its divergence weighted by beta."""

    def loss(out: Any, y: Tensor) -> Tensor:
        rebuilt, mu, log_variance = out
        return ((rebuilt - y) ** 2).sum(1).mean() + beta * latent_divergence(mu, log_variance)

    return loss


def balanced_experts(weight: float) -> Callable[[Any, Tensor], Tensor]:
    """Of a mixture of experts: cross-entropy, and what it costs to favour one expert."""

    def loss(out: Any, y: Tensor) -> Tensor:
        logits, gates = out
        busy = functional.one_hot(gates.argmax(-1), gates.shape[1]).float().mean(0)
        return CE(logits, y) + weight * gates.shape[1] * (busy * gates.mean(0)).sum()

    return loss


def first_accuracy(out: Any, y: Tensor) -> Tensor:
    return accuracy(out[0], y)


def contrastive(out: Any, same: Tensor, margin: float = 1.0) -> Tensor:
    square = (out[0] - out[1]).pow(2).sum(1)
    apart = functional.relu(margin - (square + 1e-9).sqrt()).pow(2)
    return (same * square + (1 - same) * apart).mean()


def pair_accuracy(out: Any, same: Tensor) -> Tensor:
    close = (out[0] - out[1]).pow(2).sum(1) < 0.5
    return (close == (same > 0.5)).float().mean()


def binary_accuracy(out: Tensor, y: Tensor) -> Tensor:
    return ((out > 0.5).float() == y).float().mean()


def noise(out: Any, _y: Tensor) -> Tensor:
    """Of a denoiser, which draws the noise itself: (prediction, noise)."""
    return torch.nn.functional.mse_loss(out[0], out[1])
