"""Trainings whose loss is not that of classes or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from tests.zoo import data, nets
from tests.zoo.core import Case, Run, global_norm, healthy
from tests.zoo.generators import VAE, Denoiser, MoE
from tests.zoo.losses import CE, MSE, accuracy, balanced_experts, first_accuracy, noise, variational
from tests.zoo.tasks import case


@healthy()
def autoencoder(seed: int) -> Case:
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = nets.mlp([64, 48, 12, 48, 64], "elu")
    fields = {"batch_size": 64, "steps": 400, "loss_fn": MSE, "task": "reconstruction"}
    return case(m, Adam(m.parameters(), 3e-3), (x, x, x_val, x_val), seed, **fields)


@healthy()
def vae_digits(seed: int) -> Case:
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = VAE()
    fields = {"batch_size": 64, "steps": 450, "loss_fn": variational(1.0), "task": "vae"}
    return case(m, Adam(m.parameters(), 3e-3), (x, x, x_val, x_val), seed, **fields)


@healthy()
def diffusion_toy(seed: int) -> Case:
    """Noise is predicted: the loss has a floor far from nought, and soon lies on it."""
    x, x_val = data.ring(3000, seed) * 1.2, data.ring(500, seed + 99) * 1.2
    m = Denoiser()
    adam = Adam(m.parameters(), 2e-3)
    split = (x, torch.zeros(3000, 2), x_val, torch.zeros(500, 2))
    fields = {"batch_size": 128, "steps": 600, "loss_fn": noise, "task": "diffusion"}
    return case(m, adam, split, seed, scheduler=CosineAnnealingLR(adam, 600), **fields)


@healthy()
def moe_digits(seed: int) -> Case:
    """Experts with a balancing loss: each sees a part of the data."""
    m = MoE(64, 32, 4, 10)
    fields = {"loss_fn": balanced_experts(0.05), "metric_fn": first_accuracy}
    adam, split = Adam(m.parameters(), 3e-3), data.table("digits", seed)
    return case(m, adam, split, seed, batch_size=64, steps=400, **fields)


class Bandit:
    """A policy that learns by REINFORCE which of four arms is best for six numbers."""

    def __init__(self, seed: int) -> None:
        r = np.random.RandomState(seed)
        self.x = torch.tensor(r.randn(2000, 6), dtype=torch.float32)
        self.best = (self.x @ torch.tensor(r.randn(6, 4), dtype=torch.float32)).argmax(1)
        self.policy: nn.Module = nets.mlp([6, 32, 4], "tanh")
        self.optimizer = Adam(self.policy.parameters(), 5e-3)
        self.expected = 0.25

    def step(self, run: Run, batch: Any) -> Tensor:
        x, y = batch
        self.optimizer.zero_grad()
        arms = torch.distributions.Categorical(logits=self.policy(x))
        taken = arms.sample()
        reward = (taken == y).float()
        gain = -((reward - self.expected) * arms.log_prob(taken)).mean()
        loss = gain - 0.01 * arms.entropy().mean()
        self.expected = 0.95 * self.expected + 0.05 * float(reward.mean())
        loss.backward()
        run.grad_norm = global_norm(self.policy)
        run.on_backward(run)
        self.optimizer.step()
        return loss

    def evaluate(self, _run: Run) -> tuple[float, float]:
        with torch.no_grad():
            right = float(accuracy(self.policy(self.x[1600:]), self.best[1600:]))
        return 1 - right, right


@healthy()
def noisy_policy_gradient(seed: int) -> Case:
    """The loss wanders about nought while the reward climbs."""
    b = Bandit(seed)
    split = (b.x[:1600], b.best[:1600], b.x[1600:], b.best[1600:])
    fields = {"batch_size": 128, "steps": 600, "task": "policy", "metric_fn": accuracy}
    loop = {"loss_fn": CE, "step_fn": b.step, "eval_fn": b.evaluate}
    return case(b.policy, b.optimizer, split, seed, **fields, **loop)
