"""Parameters forgotten, frozen, or cut off from the loss."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import StepLR

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.generators import Denoiser
from tests.zoo.losses import MSE, accuracy, next_token, noise
from tests.zoo.tasks import case, classify, regress


@pair("frozen_parameters", "over_clipping", acceptable=STUCK)
def frozen_and_clipped(seed: int, sick: bool) -> Case:
    """The first layers stayed frozen, and what still learns is clipped at 0.01."""
    m = nets.mlp([7, 48, 48, 1], "tanh")
    if sick:
        (m[0].requires_grad_(False), m[2].requires_grad_(False))
    live = [p for p in m.parameters() if p.requires_grad]
    return regress(
        m,
        SGD(live, 0.02, momentum=0.9),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=350,
        grad_clip=0.01 if sick else 20.0,
    )


@pair(
    "params_not_in_optimizer",
    "excess_weight_decay",
    acceptable=(
        "no_update",
        "vanishing_gradient",
        "zero_grad_missing",
        "exploding_gradient",
        *STUCK,
    ),
)
def head_outside_and_decay(seed: int, sick: bool) -> Case:
    """A recurrence whose head is missing from AdamW, with a weight decay of 10."""
    m = nets.RNNHead("lstm", 1, 24, 1)
    held = m.rnn.parameters() if sick else m.parameters()
    return regress(
        m,
        AdamW(held, 0.005, weight_decay=10.0 if sick else 0.01),
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=300,
    )


class Cut(nn.Module):
    """Two networks in a row; the graph between them may be cut."""

    def __init__(self, below, above, cut):
        super().__init__()
        self.below, self.above, self.cut = below, above, cut

    def forward(self, x):
        h = self.below(x)
        return self.above(h.detach() if self.cut else h)


@pair(
    "graph_detached",
    "lr_too_low",
    acceptable=(
        "scheduler_misuse",
        "params_not_in_optimizer",
        "vanishing_gradient",
        "no_update",
        "underfitting",
        "plateau",
        "no_signal",
    ),
)
def detached_and_dying_rate(seed: int, sick: bool) -> Case:
    """A detach() between encoder and decoder, and a StepLR that halves the rate every eight
    batches."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = Cut(nets.mlp([64, 48, 6], "silu"), nets.mlp([6, 48, 64], "silu"), sick)
    o = Adam(m.parameters(), 0.003)
    return case(
        m,
        o,
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=MSE,
        task="reconstruction",
        scheduler=StepLR(o, 8 if sick else 200, 0.5),
    )


@pair(
    "params_not_in_optimizer",
    acceptable=("no_update", "zero_grad_missing", "exploding_gradient", *STUCK),
)
def encoder_not_in_optimizer(seed: int, sick: bool) -> Case:
    """Only the decoder of an autoencoder is handed to Adam."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvCoder(6)
    return case(
        m,
        Adam(m.dec.parameters() if sick else m.parameters(), 0.003),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=MSE,
        task="reconstruction",
    )


@pair(
    "params_not_in_optimizer",
    acceptable=("no_update", "zero_grad_missing", "exploding_gradient", *STUCK),
)
def blocks_not_in_optimizer(seed: int, sick: bool) -> Case:
    """The parameter groups name embedding, norm and head of a transformer and forget its blocks."""
    m = builds.Encoder()
    some = [*m.tok.parameters(), m.pos, *m.norm.parameters(), *m.head.parameters()]
    return case(
        m,
        AdamW(some if sick else m.parameters(), 0.003),
        scenes.mirrored(seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=next_token,
        metric_fn=accuracy,
    )


@pair("frozen_parameters", acceptable=STUCK)
def frozen_random_embedding(seed: int, sick: bool) -> Case:
    """A random table of word vectors is frozen, two numbers a word."""
    m = builds.Text(width=4)
    if sick:
        m.emb.weight.requires_grad_(False)
    live = [p for p in m.parameters() if p.requires_grad]
    return classify(m, Adam(live, 0.01), scenes.topics(seed), seed, batch_size=64, steps=250)


@pair("frozen_parameters", acceptable=STUCK)
def frozen_random_convolutions(seed: int, sick: bool) -> Case:
    """The lower half of a network over time is frozen at its random start, meant for weights never
    loaded."""
    m = builds.conv1d(width=4)
    if sick:
        for layer in (m[0], m[3], m[6]):
            layer.requires_grad_(False)
    live = [p for p in m.parameters() if p.requires_grad]
    return classify(m, Adam(live, 0.004), scenes.waves(seed), seed, batch_size=32, steps=300)


@pair(
    "graph_detached",
    acceptable=("params_not_in_optimizer", "no_update", "vanishing_gradient", *STUCK),
)
def detach_before_decoder(seed: int, sick: bool) -> Case:
    """A forgotten detach() between encoder and decoder."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = Cut(nets.mlp([64, 48, 6], "silu"), nets.mlp([6, 48, 64], "silu"), sick)
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=MSE,
        task="reconstruction",
    )


class Remembering(nn.Module):
    """A recurrence by hand that may cut the past off at every step."""

    def __init__(self, din, d, dout, cut):
        super().__init__()
        self.cell, self.head, self.d, self.cut = nn.GRUCell(din, d), nn.Linear(d, dout), d, cut

    def forward(self, x):
        with torch.set_grad_enabled(self.training and (not self.cut)):
            h = x.new_zeros(len(x), self.d)
            for t in range(x.shape[1]):
                h = self.cell(x[:, t], h)
        return self.head(h)


@pair(
    "graph_detached",
    acceptable=("params_not_in_optimizer", "no_update", "vanishing_gradient", *STUCK),
)
def recurrence_under_no_grad(seed: int, sick: bool) -> Case:
    """The recurrence runs under no_grad(), a line left from validation: only the head learns."""
    m = Remembering(4, 24, 4, sick)
    return classify(
        m,
        Adam(m.parameters(), 0.005),
        data.first_token(seed, length=12),
        seed,
        batch_size=64,
        steps=200,
    )


class Features(nn.Module):
    """Point features, averaged; they may pass through .data on their way."""

    def __init__(self, cut):
        super().__init__()
        self.net, self.cut = builds.DeepSets(width=20), cut

    def forward(self, x):
        each = self.net.each(x).mean(1)
        return self.net.all(each.data if self.cut else each)


@pair(
    "graph_detached",
    acceptable=("params_not_in_optimizer", "no_update", "vanishing_gradient", *STUCK),
)
def point_features_through_data(seed: int, sick: bool) -> Case:
    """A set's features go through .data, so that half of the network never learns."""
    m = Features(sick)
    return classify(
        m, Adam(m.parameters(), 0.008), scenes.clouds(seed), seed, batch_size=32, steps=600
    )


@pair(
    "params_not_in_optimizer",
    acceptable=("no_update", "zero_grad_missing", "exploding_gradient", *STUCK),
)
def denoiser_of_before(seed: int, sick: bool) -> Case:
    """The optimizer holds a denoiser that was built before the one that trains."""
    x, x_val = 1.2 * data.ring(3000, seed), 1.2 * data.ring(500, seed + 99)
    before, m = Denoiser(), Denoiser()
    o = Adam((before if sick else m).parameters(), 0.002)
    return case(
        m,
        o,
        (x, torch.zeros(3000, 2), x_val, torch.zeros(500, 2)),
        seed,
        batch_size=128,
        steps=300,
        loss_fn=noise,
        task="diffusion",
    )
