"""A generator against a critic over rows of numbers, and how their balance is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo.core import Case, Run, global_norm
from tests.zoo.losses import MSE
from tests.zoo.nets import mlp
from tests.zoo.tasks import case


@dataclass
class Duel:
    """Rates and turns are the generator's, then the critic's."""

    generator: nn.Module
    critic: nn.Module
    code: int
    rates: tuple[float, float] = (1e-3, 2e-3)
    turns: tuple[int, int] = (1, 1)
    penalty: float = 1.0  # on the critic's slope at the data
    saturating: bool = False

    def __post_init__(self) -> None:
        self.optimizers = tuple(
            Adam(net.parameters(), rate, betas=(0.5, 0.99))
            for net, rate in zip((self.generator, self.critic), self.rates, strict=True)
        )

    def step(self, run: Run, batch: Any) -> Tensor:
        for _ in range(self.turns[1]):
            self._judge(batch[0])
        for _ in range(self.turns[0]):
            loss = self._make(run, len(batch[0]))
        return loss

    def _judge(self, real: Tensor) -> None:
        fake = self.samples(len(real)).detach()
        self.optimizers[1].zero_grad()
        real = real.clone().requires_grad_(True)
        said = self.critic(real)
        loss = functional.softplus(-said).mean() + functional.softplus(self.critic(fake)).mean()
        if self.penalty:
            slope = torch.autograd.grad(said.sum(), real, create_graph=True)[0]
            loss = loss + 0.5 * self.penalty * slope.pow(2).sum(1).mean()
        loss.backward()
        self.optimizers[1].step()

    def _make(self, run: Run, rows: int) -> Tensor:
        self.optimizers[0].zero_grad()
        said = self.critic(self.samples(rows))
        sign = 1 if self.saturating else -1
        loss = -sign * functional.softplus(sign * said).mean()
        loss.backward()
        run.grad_norm = global_norm(self.generator)
        run.on_backward(run)
        self.optimizers[0].step()
        return loss

    def samples(self, rows: int) -> Tensor:
        return self.generator(torch.randn(rows, self.code))


def duel(seed: int, rows: Tensor, nets: tuple[nn.Module, nn.Module, int], **how: Any) -> Case:
    """The training; it is validated by how far 500 rows are from the nearest of 500 samples."""
    steps = how.pop("steps")
    fight = Duel(*nets, **how)
    held = rows[:500]

    def evaluate(_run: Run) -> tuple[float, float]:
        fixed = torch.randn(500, fight.code, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            far = torch.cdist(held, fight.generator(fixed)).min(1)[0].mean()
        return float(far), float("nan")

    model = nn.ModuleDict({"G": fight.generator, "D": fight.critic})
    split = (rows, torch.zeros(len(rows)), held, torch.zeros(500))
    fields = {"batch_size": 64, "steps": steps, "loss_fn": MSE, "task": "gan"}
    loop = {"step_fn": fight.step, "eval_fn": evaluate, "extra_optimizers": fight.optimizers[1:]}
    return case(model, fight.optimizers[0], split, seed, **fields, **loop)


def points() -> tuple[nn.Module, nn.Module, int]:
    """Networks for points in the plane, and the size of the code."""
    return mlp([4, 64, 64, 2]), mlp([2, 64, 64, 1], "leaky"), 4


def pictures() -> tuple[nn.Module, nn.Module, int]:
    """Networks for digits of 64 pixels, and the size of the code."""
    return mlp([16, 96, 96, 64], "leaky"), mlp([64, 96, 96, 1], "leaky"), 16
