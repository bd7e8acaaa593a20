"""Plain stacks of layers, on tables."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts

from tests.zoo import data, nets
from tests.zoo.core import Case, healthy
from tests.zoo.generators import Oscillator
from tests.zoo.losses import CE, MSE
from tests.zoo.tasks import case, classify, regress


@healthy()
def mlp_relu_digits(seed: int) -> Case:
    """The plainest training. Border pixels that never change are not dead features."""
    m = nets.mlp([64, 64, 64, 10])
    sgd = SGD(m.parameters(), 0.05, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


@healthy()
def mlp_gelu_cancer(seed: int) -> Case:
    m = nets.mlp([30, 32, 32, 2], "gelu")
    adamw = AdamW(m.parameters(), 1e-3, weight_decay=0.05)
    return classify(m, adamw, data.table("breast_cancer", seed), seed, batch_size=64, steps=250)


@healthy()
def plain_relu_12(seed: int) -> Case:
    """Twelve plain ReLU layers with He's initialisation: depth alone is no disease."""
    m = nets.init_linear(nets.mlp([64] + [64] * 12 + [10]), "he")
    return classify(
        m, Adam(m.parameters(), 5e-4), data.table("digits", seed), seed, batch_size=64, steps=400
    )


@healthy()
def same_matrix_every_layer(seed: int) -> Case:
    """Hidden layers start from one and the same random matrix: the units still differ."""
    m = nets.init_linear(nets.mlp([64] + [64] * 5 + [10]), "he")
    hidden = [layer for layer in m if isinstance(layer, nn.Linear)][:-1]
    for layer in hidden[1:]:
        layer.weight.data.copy_(hidden[0].weight.data)
    sgd = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


@healthy()
def label_smoothing(seed: int) -> Case:
    """Smoothed labels: the loss has a floor near 0.5, which is not underfitting."""
    m = nets.mlp([64, 64, 10])
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    adam = Adam(m.parameters(), 2e-3)
    return classify(
        m, adam, data.table("digits", seed), seed, batch_size=64, steps=400, loss_fn=loss
    )


@healthy()
def mild_imbalance(seed: int) -> Case:
    """Classes of 85 and 15 %, learned well: imbalance without collapse."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    y, y_val = (y == 8).long(), (y_val == 8).long()
    rare, common = torch.where(y == 1)[0], torch.where(y == 0)[0]
    kept = torch.cat([rare, common[: int(5.6 * len(rare))]])
    m = nets.mlp([64, 64, 2])
    split = (x[kept], y[kept], x_val, y_val)
    return classify(m, Adam(m.parameters(), 2e-3), split, seed, batch_size=64, steps=350)


@healthy()
def batch_of_two(seed: int) -> Case:
    """Two examples a batch: a wildly noisy loss around a falling mean."""
    m = nets.mlp([64, 48, 10])
    return classify(
        m, SGD(m.parameters(), 0.02), data.table("digits", seed), seed, batch_size=2, steps=2500
    )


@healthy()
def cosine_restarts(seed: int) -> Case:
    """Warm restarts: the loss jumps at each, on purpose."""
    m = nets.mlp([64, 64, 10])
    sgd = SGD(m.parameters(), 0.2, momentum=0.9)
    restarts = CosineAnnealingWarmRestarts(sgd, 120)
    split = data.table("digits", seed)
    return classify(m, sgd, split, seed, batch_size=64, steps=480, scheduler=restarts)


@healthy()
def bf16_autocast(seed: int) -> Case:
    """Autocast to bfloat16: coarse rounding, no fault."""
    m = nets.mlp([64, 64, 64, 10])
    adam = Adam(m.parameters(), 2e-3)
    return classify(
        m, adam, data.table("digits", seed), seed, batch_size=64, steps=350, amp=torch.bfloat16
    )


@healthy()
def diabetes_mlp(seed: int) -> Case:
    """Real data of which half the variance cannot be explained."""
    x, y, x_val, y_val = data.table("diabetes", seed)
    mean, std = y.mean(), y.std()
    split = (x, ((y - mean) / std)[:, None], x_val, ((y_val - mean) / std)[:, None])
    m = nets.mlp([10, 16, 1], "tanh")
    return regress(
        m, AdamW(m.parameters(), 3e-3, weight_decay=0.1), split, seed, batch_size=32, steps=200
    )


@healthy(acceptable=("frozen_parameters",))
def frozen_backbone(seed: int) -> Case:
    """A new head for the digits 5 to 9 on a frozen trunk that was trained on 0 to 4."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    trunk = nets.mlp([64, 96, 64])
    _pretrain(nn.Sequential(trunk, nn.ReLU(), nn.Linear(64, 5)), x, y)
    for parameter in trunk.parameters():
        parameter.requires_grad_(False)
    m = nn.Sequential(trunk, nn.ReLU(), nn.Linear(64, 5))
    rows, rows_val = y >= 5, y_val >= 5
    split = (x[rows], y[rows] - 5, x_val[rows_val], y_val[rows_val] - 5)
    return classify(m, Adam(m[2].parameters(), 2e-2), split, seed, batch_size=32, steps=250)


def _pretrain(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    adam, rows = Adam(model.parameters(), 2e-3), torch.where(y < 5)[0]
    for _ in range(300):
        batch = rows[torch.randint(0, len(rows), (64,))]
        adam.zero_grad()
        CE(model(x[batch]), y[batch]).backward()
        adam.step()


@healthy()
def pinn_oscillator(seed: int) -> Case:
    """Physics in the loss: derivatives inside it, targets that are all nought, three terms."""
    m = Oscillator()
    t = torch.rand(512, 1) * 2 * torch.pi
    t_val = torch.linspace(0, 2 * torch.pi, 100)[:, None]
    adam = Adam(m.parameters(), 5e-3)
    split = (t, torch.zeros(512, 3), t_val, torch.zeros(100, 3))
    fields = {"batch_size": 128, "steps": 1200, "loss_fn": MSE, "task": "pinn"}
    return case(m, adam, split, seed, scheduler=CosineAnnealingLR(adam, 1200), **fields)
