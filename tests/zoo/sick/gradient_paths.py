"""Gradients that fade, grow or are wrong on their way."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK, WILD
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, classify, regress


@pair("vanishing_gradient", acceptable=("bad_init_scale", *STUCK))
def vanish_in_time_rnn(seed: int, sick: bool) -> Case:
    """A plain recurrence with weak recurrent weights forgets a symbol seen 30 steps before."""
    m = nets.PlainRNN(4, 32, 4)
    nn.init.orthogonal_(m.rec.weight, 0.4 if sick else 1.0)
    return classify(
        m, Adam(m.parameters(), 0.002), data.first_token(seed), seed, batch_size=64, steps=250
    )


@pair("vanishing_gradient", acceptable=("saturated_activations", "bad_init_scale", *STUCK))
def vanish_sigmoid_autoencoder(seed: int, sick: bool) -> Case:
    """A deep autoencoder of sigmoids; the sibling's units are ELUs."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = nets.mlp([64, 48, 48, 24, 12, 24, 48, 48, 64], "sigmoid" if sick else "elu")
    return case(
        m,
        Adam(m.parameters(), 0.001),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=350,
        loss_fn=MSE,
        task="reconstruction",
    )


@pair(
    "exploding_gradient",
    acceptable=(
        "lr_too_high",
        "loss_spikes",
        "weight_blowup",
        "nonfinite_loss",
        "plateau",
        "underfitting",
        "bad_init_scale",
        "dead_relu",
    ),
)
def explode_rnn_recurrence(seed: int, sick: bool) -> Case:
    """A ReLU recurrence whose matrix stretches: growth to the twentieth power over the steps."""
    m = nets.PlainRNN(2, 32, 1, "relu")
    nn.init.orthogonal_(m.rec.weight, 1.9 if sick else 1.0)
    return regress(
        m,
        Adam(m.parameters(), 0.002),
        data.adding(seed),
        seed,
        batch_size=64,
        steps=400,
        grad_clip=None,
    )


@pair(
    "exploding_gradient",
    acceptable=(
        "lr_too_high",
        "loss_spikes",
        "weight_blowup",
        "nonfinite_loss",
        "plateau",
        "underfitting",
        "bad_init_scale",
        "dead_relu",
    ),
)
def explode_conv_init(seed: int, sick: bool) -> Case:
    """Seven convolutions, weights two and a half times what He asks."""
    layers = [nn.Conv2d(1, 10, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    for _ in range(6):
        layers += [nn.Conv2d(10, 10, 3, padding=1), nn.ReLU()]
    m = nets.init_linear(
        nn.Sequential(*layers, nn.Flatten(), nn.Linear(360, 5)), "he", gain=2.5 if sick else 1.0
    )
    return classify(
        m,
        SGD(m.parameters(), 0.01, momentum=0.9),
        data.shapes(seed),
        seed,
        batch_size=32,
        steps=250,
    )


class Swish(torch.autograd.Function):
    """x sigmoid(x), whose derivative may have lost a minus."""

    @staticmethod
    def forward(ctx, x, wrong):
        ctx.save_for_backward(x)
        ctx.wrong = wrong
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad * (s - x * s * (1 - s) if ctx.wrong else s + x * s * (1 - s)), None


class MySwish(nn.Module):
    """The function as a layer."""

    def __init__(self, wrong=False):
        super().__init__()
        self.wrong = wrong

    def forward(self, x):
        return Swish.apply(x, self.wrong)


@pair("wrong_gradient", acceptable=("lr_too_low", *WILD))
def wrong_backward_swish_conv(seed: int, sick: bool) -> Case:
    """A hand-written swish in a network over time: one sign of its derivative is wrong."""
    m = builds.conv1d(act=nn.ReLU)
    for i, layer in enumerate(m):
        if isinstance(layer, nn.ReLU):
            m[i] = MySwish(sick)
    return classify(
        m,
        SGD(m.parameters(), 0.05, momentum=0.9),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=250,
    )


class Matrix(torch.autograd.Function):
    """A square matrix times rows, whose own gradient may be transposed."""

    @staticmethod
    def forward(ctx, x, weight, wrong):
        ctx.save_for_backward(x, weight)
        ctx.wrong = wrong
        return x @ weight.T

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        own = grad.T @ x
        return grad @ weight, own.T if ctx.wrong else own, None


class MyMatrix(nn.Module):
    """The function as a layer."""

    def __init__(self, d, wrong=False):
        super().__init__()
        self.weight, self.wrong = nn.Parameter(torch.randn(d, d) / d**0.5), wrong

    def forward(self, x):
        return Matrix.apply(x, self.weight, self.wrong)


@pair("wrong_gradient", acceptable=("lr_too_low", *WILD))
def wrong_backward_matrix(seed: int, sick: bool) -> Case:
    """A hand-written matrix product hands back the transpose of its weight's gradient."""
    m = nn.Sequential(
        nn.Linear(8, 32),
        nn.Tanh(),
        MyMatrix(32, sick),
        nn.Tanh(),
        MyMatrix(32, sick),
        nn.Tanh(),
        nn.Linear(32, 1),
    )
    return regress(
        m, Adam(m.parameters(), 0.003), data.friedman(seed), seed, batch_size=64, steps=300
    )
