"""Losses that do not fit the answers they are given."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.losses import CE, explained
from tests.zoo.tasks import case, classify


@pair(
    "double_softmax",
    "lr_too_low",
    acceptable=(
        "vanishing_gradient",
        "wrong_objective",
        "wrong_loss",
        "underfitting",
        "plateau",
        "no_signal",
    ),
)
def softmax_and_crawl(seed: int, sick: bool) -> Case:
    """A softmax before cross-entropy, and a rate of 1e-5."""
    m = builds.conv1d()
    if sick:
        m.append(nn.Softmax(1))
    return classify(
        m,
        Adam(m.parameters(), 1e-05 if sick else 0.002),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=250,
    )


@pair("double_softmax", acceptable=("wrong_objective", "wrong_loss", "vanishing_gradient", *STUCK))
def double_softmax_conv(seed: int, sick: bool) -> Case:
    """A network over time ends in a softmax and is trained by cross-entropy on logits."""
    m = builds.conv1d()
    if sick:
        m.append(nn.Softmax(1))
    return classify(
        m, Adam(m.parameters(), 0.002), scenes.waves(seed), seed, batch_size=32, steps=250
    )


class Soft(nn.Module):
    """A text classifier whose answers may be shares already."""

    def __init__(self, soft):
        super().__init__()
        self.net, self.soft = builds.Text(), soft

    def forward(self, x):
        out = self.net(x)
        return functional.softmax(out, -1) if self.soft else out


@pair(
    "double_softmax",
    acceptable=("wrong_objective", "wrong_loss", "vanishing_gradient", *STUCK),
    ok_acceptable=("overfitting",),
)
def double_softmax_in_forward(seed: int, sick: bool) -> Case:
    """F.softmax at the end of forward, no module of its own, before F.cross_entropy."""
    m = Soft(sick)
    return classify(
        m,
        Adam(m.parameters(), 0.005),
        scenes.topics(seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=functional.cross_entropy,
    )


@pair("wrong_loss", acceptable=("no_update", "loss_too_good", "vanishing_gradient", *STUCK))
def one_logit_cross_entropy(seed: int, sick: bool) -> Case:
    """Cross-entropy over a single logit: always nought, and without a gradient."""
    x, y, x_val, y_val = data.table("breast_cancer", seed)
    m = nets.mlp([30, 24, 1])

    def loss(out, t):
        return (
            CE(out, torch.zeros_like(t))
            if sick
            else functional.binary_cross_entropy_with_logits(out[:, 0], t.float())
        )

    def right(out, t):
        return ((out[:, 0] > 0) == (t > 0)).float().mean()

    return case(
        m,
        Adam(m.parameters(), 0.002),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=200,
        loss_fn=loss,
        task="binary",
        metric_fn=right,
    )


def flat_r2(out, y):
    """Explained variance, whatever the shapes."""
    return explained(out.flatten(), y.flatten())


@pair("wrong_loss", acceptable=("label_noise", *STUCK))
def broadcast_squares(seed: int, sick: bool) -> Case:
    """Answers [rows, 1] against targets [rows]: the squares are taken of every pair of rows."""
    x, y, x_val, y_val = scenes.prices(seed)
    m = nets.mlp([7, 48, 48, 1])
    shape = (lambda t: t[:, 0]) if sick else lambda t: t
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, shape(y), x_val, shape(y_val)),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=functional.mse_loss,
        task="regression",
        metric_fn=flat_r2,
    )


@pair("wrong_loss", acceptable=("class_imbalance", *STUCK))
def absolute_error_on_classes(seed: int, sick: bool) -> Case:
    """Ten classes by absolute error against one-hot rows: nought everywhere is a good answer to
    it."""
    m = nets.mlp([64, 48, 10])

    def loss(out, t):
        return functional.l1_loss(out, functional.one_hot(t, 10).float()) if sick else CE(out, t)

    return classify(
        m,
        Adam(m.parameters(), 0.002),
        data.table("digits", seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=loss,
    )


@pair("wrong_loss", acceptable=STUCK)
def squares_of_class_numbers(seed: int, sick: bool) -> Case:
    """Shapes are told apart by regressing the number of their class."""
    m = nets.cnn((8, 16), classes=1 if sick else 5)

    def loss(out, t):
        return (
            functional.mse_loss(out[:, 0], t.float()) if sick else functional.cross_entropy(out, t)
        )

    def right(out, t):
        return (out[:, 0].round() == t if sick else out.argmax(1) == t).float().mean()

    return classify(
        m,
        Adam(m.parameters(), 0.003),
        data.shapes(seed),
        seed,
        batch_size=32,
        steps=250,
        loss_fn=loss,
        metric_fn=right,
    )


@pair(
    "double_softmax",
    acceptable=("wrong_objective", "wrong_loss", "vanishing_gradient", "class_imbalance", *STUCK),
)
def pixels_softmax_twice(seed: int, sick: bool) -> Case:
    """A softmax over the classes of every pixel, before cross-entropy."""

    def right(out, t):
        return (out.argmax(1) == t).float().mean()

    m = nn.Sequential(builds.UNet(), nn.Softmax(1) if sick else nn.Identity())
    return case(
        m,
        Adam(m.parameters(), 0.004),
        scenes.masks(seed),
        seed,
        batch_size=32,
        steps=200,
        loss_fn=CE,
        task="segmentation",
        metric_fn=right,
    )
