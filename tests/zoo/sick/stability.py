"""Losses that jump or are no numbers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LambdaLR

from tests.zoo import builds, data, nets, scenes
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, classify, regress


@pair(
    "loss_spikes",
    acceptable=("lr_too_high", "exploding_gradient", "scheduler_misuse", "dead_relu"),
    onset=79,
)
def rate_jumps(seed: int, sick: bool) -> Case:
    """A hand-written schedule multiplies the rate by thirty for one step in every eighty."""
    m = nets.mlp([7, 48, 48, 1], "tanh")
    o = SGD(m.parameters(), 0.02, momentum=0.9)
    s = LambdaLR(o, lambda t: 30.0 if sick and t % 80 == 79 else 1.0)
    return regress(m, o, scenes.prices(seed), seed, batch_size=64, steps=500, scheduler=s)


@pair(
    "loss_spikes",
    acceptable=(
        "data_outliers",
        "unnormalised_targets",
        "lr_too_high",
        "exploding_gradient",
        "label_noise",
    ),
)
def wild_targets_series(seed: int, sick: bool) -> Case:
    """Four targets in 1200 are sixty times too large (a slipped point): each visit kicks the
    net."""
    x, y, x_val, y_val = data.sine_series(seed)
    if sick:
        y = y.clone()
        y[[10, 300, 610, 900]] *= 60
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m, Adam(m.parameters(), 0.004), (x, y, x_val, y_val), seed, batch_size=32, steps=350
    )


@pair(
    "loss_spikes",
    acceptable=(
        "data_outliers",
        "unnormalised_inputs",
        "lr_too_high",
        "exploding_gradient",
        "dead_relu",
    ),
)
def overexposed_pictures(seed: int, sick: bool) -> Case:
    """Five pictures of an autoencoder's 1347 are stored thirty times too bright."""
    x, _, x_val, _ = data.digit_images(seed)
    if sick:
        x = x.clone()
        x[[100, 350, 600, 850, 1100]] *= 30
    m = builds.ConvCoder()
    return case(
        m,
        Adam(m.parameters(), 0.002),
        (x, x, x_val, x_val),
        seed,
        batch_size=32,
        steps=350,
        loss_fn=MSE,
        task="reconstruction",
    )


@pair("nonfinite_loss", acceptable=("unstable_loss", "nan_inputs"))
def empty_attention_row(seed: int, sick: bool) -> Case:
    """One sequence is padding from end to end: its attention is a softmax over nothing."""
    x, y, x_val, y_val = scenes.topics(seed, words=150)
    x = x.clone()
    x[:, 12:][torch.arange(len(x)) % 3 == 0] = 0
    if sick:
        x[77] = 0

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.head = nn.Embedding(150, 24), nn.Linear(24, 5)
            self.score, self.softmax = nn.Linear(24, 1), nn.Softmax(1)

        def forward(self, t):
            h = self.emb(t)
            a = self.softmax(self.score(h)[..., 0].masked_fill(t == 0, float("-inf")))
            return self.head((a[..., None] * h).sum(1))

    m = Reader()
    x_val = x_val.clamp(min=1)
    return classify(
        m, Adam(m.parameters(), 0.01), (x, y, x_val, y_val), seed, batch_size=64, steps=200
    )


def alike(out, _):
    """Mean squared distance of two normalised views."""
    return (
        (functional.normalize(out[0], dim=1) - functional.normalize(out[1], dim=1))
        .pow(2)
        .sum(1)
        .mean()
    )


@pair("nonfinite_loss", acceptable=("unstable_loss",))
def root_of_nought(seed: int, sick: bool) -> Case:
    """A distance without an eps: where both of a pair are one row its slope is infinite."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    (a, b), same = data.pairs(x, y, 2000, seed)
    (c, d), alike = data.pairs(x_val, y_val, 400, seed + 1)
    b = b.clone()
    b[[30, 700, 1500]] = a[[30, 700, 1500]]
    same[[30, 700, 1500]] = 1.0

    class Near(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nets.mlp([64, 64, 8])

        def forward(self, p, q):
            return ((self.net(p) - self.net(q)).pow(2).sum(1) + (0 if sick else 1e-08)).sqrt()

    def loss(out, t):
        return (t * out + (1 - t) * functional.relu(2 - out)).mean()

    m = Near()
    return case(
        m,
        Adam(m.parameters(), 0.002),
        ((a, b), same, (c, d), alike),
        seed,
        batch_size=64,
        steps=200,
        loss_fn=loss,
        task="metric",
    )


class Scaled(nn.Module):
    """Divides every row by its own spread, with or without an eps."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + self.eps).sqrt()


@pair("nonfinite_loss", acceptable=("unstable_loss", "nan_inputs", "dead_relu"))
def own_norm_without_eps(seed: int, sick: bool) -> Case:
    """A hand-written normalisation without eps meets a silent series: nought by nought."""
    x, y, x_val, y_val = scenes.waves(seed)
    x = x.clone()
    x[[55, 400]] = 0.0
    body = builds.conv1d()
    m = nn.Sequential(nn.Flatten(), Scaled(0.0 if sick else 1e-05), nn.Unflatten(1, (1, 32)), *body)
    return classify(
        m, Adam(m.parameters(), 0.002), (x, y, x_val, y_val), seed, batch_size=32, steps=200
    )
