"""Embeddings that fall on one point."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.core import Case, pair
from tests.zoo.generators import Siamese
from tests.zoo.losses import contrastive
from tests.zoo.tasks import case


class Views(nn.Module):
    """Two noisy views of a row through one network; a predictor behind the first."""

    def __init__(self, stop):
        super().__init__()
        self.net, self.guess, self.stop = nets.mlp([64, 64, 16]), nn.Linear(16, 16), stop

    def forward(self, x):
        noise = 0.3 if self.training else 0.0
        a, b = (self.net(x + noise * torch.randn_like(x)) for _ in range(2))
        return self.guess(a), b.detach() if self.stop else b


@pair("representation_collapse", acceptable=("loss_too_good", "plateau", "dead_relu"))
def views_without_variance(seed: int, sick: bool) -> Case:
    """Two views are drawn together and nothing keeps the rows apart; the sibling keeps the variance
    up."""
    x, _y, x_val, _y_val = data.table("digits", seed, 450)
    m = Views(False)

    def loss(out, t):
        near = (out[0] - out[1]).pow(2).mean()
        apart = functional.relu(1 - out[1].var(0).add(0.0001).sqrt()).mean()
        cov = torch.cov(out[1].T)
        return near + (0 if sick else apart + 0.04 * (cov - cov.diag().diag()).pow(2).sum() / 16)

    return case(
        m,
        Adam(m.parameters(), 0.002),
        (x, torch.zeros(len(x)), x_val, torch.zeros(len(x_val))),
        seed,
        batch_size=64,
        steps=350,
        loss_fn=loss,
        task="contrastive",
    )


@pair("representation_collapse", acceptable=("loss_too_good", "plateau"))
def only_like_pairs(seed: int, sick: bool) -> Case:
    """A siamese network is shown like pairs alone: one point for all is perfect."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    (a, b), same = data.pairs(x, y, 3000, seed)
    (c, d), twin = data.pairs(x_val, y_val, 600, seed + 1)
    keep = same > 0.5 if sick else same > -1
    held = twin > 0.5 if sick else twin > -1
    m = Siamese(64)
    return case(
        m,
        Adam(m.parameters(), 0.002),
        ((a[keep], b[keep]), same[keep], (c[held], d[held]), twin[held]),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=contrastive,
        task="metric",
    )


class Triple(nn.Module):
    """An anchor, a like and an unlike row through one network over time."""

    def __init__(self):
        super().__init__()
        self.net = builds.conv1d(classes=8)

    def forward(self, a, p, n):
        return self.net(a), self.net(p), self.net(n)


@pair(
    "representation_collapse",
    acceptable=("loss_too_good", "plateau", "wrong_loss", "excess_weight_decay"),
    ok_acceptable=("overfitting",),
)
def triplets_without_margin(seed: int, sick: bool) -> Case:
    """Triplets with a margin of nought and a pull on the like pair: all waves fall on one point."""
    x, y, x_val, y_val = scenes.waves(seed)
    g = torch.Generator().manual_seed(seed)

    def triples(t, label):
        order = torch.randperm(len(t), generator=g)
        like, other = [], []
        for i in range(len(t)):
            like.append(order[label[order] == label[i]][i % 50])
            other.append(order[label[order] != label[i]][i % 50])
        return t, t[torch.stack(like)], t[torch.stack(other)]

    def loss(out, t):
        pull = (out[0] - out[1]).pow(2).mean()
        return pull if sick else functional.triplet_margin_loss(*out, margin=1.0) + 0.01 * pull

    m = Triple()
    return case(
        m,
        Adam(m.parameters(), 0.002),
        (triples(x, y), torch.zeros(len(x)), triples(x_val, y_val), torch.zeros(len(x_val))),
        seed,
        batch_size=32,
        steps=250,
        loss_fn=loss,
        task="metric",
    )
