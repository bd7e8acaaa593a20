"""Gradients that vanish, that explode, and that are wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify

OF_VANISHING = ("lr_too_low", "underfitting", "saturated_activations", "plateau")
OF_EXPLODING = (
    *("bad_init_scale", "lr_too_high", "nonfinite_loss"),
    *("dead_relu", "loss_spikes", "weight_blowup"),
)


@pair("vanishing_gradient", acceptable=OF_VANISHING)
def vanish_sigmoid_mlp(seed: int, sick: bool) -> Case:
    """Eight sigmoid layers as PyTorch initialises them."""
    m: nn.Module = nets.mlp([64] + [48] * 8 + [10], "sigmoid" if sick else "relu")
    if not sick:
        nets.init_linear(m, "he")
    sgd = SGD(m.parameters(), 0.03, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


@pair("vanishing_gradient", acceptable=OF_VANISHING)
def vanish_cnn_sigmoid(seed: int, sick: bool) -> Case:
    """Six convolutions with sigmoid and no norm; the sibling has ReLU."""
    layers: list[nn.Module] = []
    for n in range(6):
        conv = nn.Conv2d(12 if n else 1, 12, 3, padding=1)
        layers += [conv, nn.Sigmoid() if sick else nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if n in (1, 3) else []
    m = nn.Sequential(*layers, nn.Flatten(), nn.Linear(12 * 9, 5))
    if not sick:
        nets.init_linear(m, "he")
    sgd = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(m, sgd, data.shapes(seed), seed, batch_size=32, steps=220)


@pair("exploding_gradient", acceptable=OF_EXPLODING)
def explode_init_mlp(seed: int, sick: bool) -> Case:
    """Ten ReLU layers with weights three times He's."""
    m = nets.init_linear(nets.mlp([64] + [48] * 10 + [10]), "he", gain=3.0 if sick else 1.0)
    sgd = SGD(m.parameters(), 5e-3, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


class Doubling(nn.Module):
    """A residual block without a norm, its branch scaled or not."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.f1, self.a, self.f2 = nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)
        nn.init.kaiming_normal_(self.f1.weight)
        nn.init.kaiming_normal_(self.f2.weight)
        self.f2.weight.data.mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.f2(self.a(self.f1(x)))


@pair("exploding_gradient", acceptable=OF_EXPLODING)
def explode_resnet_noscale(seed: int, sick: bool) -> Case:
    """Forty residual blocks without norm or scale: what passes through doubles in each."""
    blocks = (nn.Linear(64, 32), *(Doubling(1.0 if sick else 1 / 40) for _ in range(40)))
    m = nn.Sequential(*blocks, nn.Linear(32, 10))
    sgd = SGD(m.parameters(), 5e-3, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=200)


class TanhFn(torch.autograd.Function):
    """tanh with the slip of the textbook: the slope is taken of the input, not of the output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, wrong: bool) -> Tensor:
        y = torch.tanh(x)
        ctx.save_for_backward(x if wrong else y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (kept,) = ctx.saved_tensors
        return gradient * (1 - kept * kept), None


class MyTanh(nn.Module):
    def __init__(self, wrong: bool) -> None:
        super().__init__()
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        return TanhFn.apply(x, self.wrong)


OF_WRONG = (
    *("lr_too_high", "exploding_gradient", "loss_spikes", "underfitting", "plateau"),
    *("nonfinite_loss", "saturated_activations", "weight_blowup"),
)


@pair("wrong_gradient", acceptable=OF_WRONG)
def wrong_backward_tanh(seed: int, sick: bool) -> Case:
    """A function of the user's whose backward keeps the wrong tensor."""
    m = nets.init_linear(nets.mlp([64, 64, 64, 10], "tanh"), "xavier", gain=1.5)
    for n, layer in enumerate(m):
        if isinstance(layer, nn.Tanh):
            m[n] = MyTanh(sick)
    sgd = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=300)
