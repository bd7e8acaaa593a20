"""Types and layouts of tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import SGD

from tests.probes.ways import batches, descend, fit, mlp, sgd, take_step, way


class Spectral(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.randn(3, dtype=torch.complex64))
        self.wave, self.head = Wave(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.fft.irfft(self.wave(x) * self.filter, 4))


class Wave(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft(x)


@way(
    "complex parameters and outputs",
    "the real ones are recorded, the others named",
    says="complex|not recorded",
    lacks=("*:filter", "activations:wave", "activation_gradients:wave"),
)
def complex_numbers(eye: Any) -> None:
    model = Spectral()
    fit(eye, model, sgd(model))


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(4), requires_grad=False)
        self.mask = nn.Parameter(torch.ones(4, dtype=torch.bool), requires_grad=False)
        self.pick, self.head = Pick(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x[:, self.pick(self.table)] * self.mask)


class Pick(nn.Module):
    def forward(self, table: Tensor) -> Tensor:
        return table.flip(0)


@way(
    "integer and boolean parameters and outputs",
    "as numbers, or named as left out",
    says="not recorded|whole numbers|int64|integer",
    lacks=("*:table", "*:mask", "activations:pick"),
)
def whole_numbers(eye: Any) -> None:
    model = Whole()
    fit(eye, model, sgd(model))


class Eighth(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(4, 4).to(torch.float8_e4m3fn)
        self.weight, self.head = nn.Parameter(weight, requires_grad=False), nn.Linear(4, 2)
        self.cast = Cast()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cast(x).float() @ self.weight.float())


class Cast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.float8_e4m3fn)


@way(
    "float8 parameters and outputs",
    "as numbers, or named as left out",
    says="not recorded|float8",
    lacks=("*:weight", "activations:cast"),
)
def eighth(eye: Any) -> None:
    model = Eighth()
    fit(eye, model, sgd(model))


def sparse(eye: Any, build: Any) -> None:
    model = nn.Sequential(nn.Embedding(7, 4, sparse=True), nn.Flatten(), nn.Linear(12, 2))
    sparse_one = build(model[0].parameters())
    dense_one = SGD(model[2].parameters(), 0.05)
    with eye.on(model, [sparse_one, dense_one]):
        for n in range(3):
            loss = model((torch.arange(6).view(2, 3) + n) % 7).square().mean()
            loss.backward()
            for optimizer in (sparse_one, dense_one):
                take_step(eye, optimizer)
            model.zero_grad()
            eye.end(loss)


for name, build in {"SparseAdam": torch.optim.SparseAdam, "SGD": SGD}.items():
    way(
        f"sparse gradients, {name}",
        "as the dense gradient that they stand for, or named as left out",
        says="sparse",
        lacks=("gradients:0.weight",),
    )(lambda eye, build=build: sparse(eye, build))


@way("channels_last", "weights and outputs whose memory lies in another order")
def channels_last(eye: Any) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2)
    ).to(memory_format=torch.channels_last)
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches(3, 8, 3, 4, 4):
            images = x.contiguous(memory_format=torch.channels_last)
            descend(eye, optimizer, mse_loss(model(images), y))


@way(
    "a model on the meta device",
    "there is nothing to see, and that is said",
    says="not recorded",
    lacks=("*:*",),
)
def meta(eye: Any) -> None:
    with torch.device("meta"):
        model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for _ in range(3):
            model(torch.randn(8, 4, device="meta")).sum().backward()
            take_step(eye, optimizer)
            eye.end(torch.zeros(()))


class Expanded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True).expand(-1, 4)


@way("outputs that overlap in memory", "an expanded view counts its elements, not its memory")
def expanded(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 3), Expanded(), nn.Linear(4, 2))
    fit(eye, model, sgd(model))


@way(
    "nested tensors",
    "as numbers, or named as left out",
    says="nested|not recorded",
    lacks=("activations:0", "activation_gradients:0", "activations:1", "activation_gradients:1"),
    ignore=("The PyTorch API of nested tensors",),
)
def nested(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 3), Padded(), nn.Linear(3, 2))
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, _ in batches():
            ragged = torch.nested.nested_tensor([x[:3], x[3:]], layout=torch.jagged)
            descend(eye, optimizer, model(ragged).square().mean())


class Padded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.nested.to_padded_tensor(x, 0.0)
