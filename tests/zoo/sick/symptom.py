"""Losses without a bound."""

from __future__ import annotations

from torch import nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, pair
from tests.zoo.tasks import case, classify


@pair(
    "loss_unbounded",
    acceptable=("wrong_loss", "wrong_objective", "overfitting", *WILD),
    ok_acceptable=("overfitting",),
)
def nll_of_logits(seed: int, sick: bool) -> Case:
    """nll_loss on plain logits, the log_softmax forgotten: the loss falls for ever."""
    m = nn.Sequential(builds.Text(), nn.Identity() if sick else nn.LogSoftmax(-1))
    return classify(
        m,
        Adam(m.parameters(), 0.005),
        scenes.topics(seed, length=10),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=functional.nll_loss,
    )


class Twins(nn.Module):
    """One network for both of a pair."""

    def __init__(self, z=8):
        super().__init__()
        self.net = nets.mlp([64, 64, z])

    def forward(self, a, b):
        return self.net(a), self.net(b)


def alike(out, _):
    """Mean squared distance of two normalised views."""
    return (
        (functional.normalize(out[0], dim=1) - functional.normalize(out[1], dim=1))
        .pow(2)
        .sum(1)
        .mean()
    )


@pair("loss_unbounded", acceptable=("wrong_objective", *WILD))
def distances_without_margin(seed: int, sick: bool) -> Case:
    """Unlike pairs are pushed apart without a margin: the distance is paid without end."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    (a, b), same = data.pairs(x, y, 3000, seed)
    (c, d), alike = data.pairs(x_val, y_val, 600, seed + 1)
    m = Twins()

    def loss(out, t):
        far = (out[0] - out[1]).pow(2).sum(1)
        apart = -far if sick else functional.relu(4 - far)
        return (t * far + (1 - t) * apart).mean()

    return case(
        m,
        Adam(m.parameters(), 0.002),
        ((a, b), same, (c, d), alike),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=loss,
        task="metric",
    )


@pair(
    "loss_unbounded",
    acceptable=(
        "nonfinite_loss",
        "overfitting",
        "loss_spikes",
        "wrong_objective",
        "unstable_loss",
        "exploding_gradient",
        "lr_too_high",
    ),
)
def variance_head_to_nought(seed: int, sick: bool) -> Case:
    """A net that tells its own variance, without a floor: on thirty rows it grows sure beyond
    measure."""
    x, y, x_val, y_val = scenes.prices(seed)
    m = nets.mlp([7, 64, 64, 2], "silu")

    def loss(out, t):
        log = out[:, 1:] if sick else out[:, 1:].clamp(min=-2)
        return (log / 2 + (out[:, :1] - t).pow(2) / (2 * log.exp())).mean()

    n = 30
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x[:n], y[:n], x_val, y_val),
        seed,
        batch_size=30,
        steps=400 if sick else 100,
        loss_fn=loss,
        task="regression",
    )
