"""Batch norms of two rows, or with numbers that never arrive."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, regress


@pair(
    "bn_small_batch",
    "stale_momentum",
    acceptable=("bn_running_stats", "dead_relu", "optimiser_misconfigured", *WILD),
    ok_acceptable=("overfitting",),
)
def tiny_batches_stale_momentum(seed: int, sick: bool) -> Case:
    """Batch norm on two examples, momentum 0.999."""
    m = builds.conv1d(norm=True)
    o = SGD(m.parameters(), 0.02, momentum=0.999 if sick else 0.9)
    return classify(m, o, scenes.waves(seed), seed, batch_size=2 if sick else 32, steps=300)


@pair("bn_small_batch", acceptable=("bn_running_stats", *WILD))
def bn_pairs_over_time(seed: int, sick: bool) -> Case:
    """A fully connected net with batch norm on two series at a time."""
    m = nn.Sequential(nn.Flatten(), *nets.mlp([32, 64, 64, 64, 3], norm="bn"))
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        scenes.waves(seed, noise=0.2),
        seed,
        batch_size=2 if sick else 32,
        steps=500,
    )


@pair("bn_small_batch", acceptable=("bn_running_stats", *WILD))
def bn_pairs_regression(seed: int, sick: bool) -> Case:
    """A regression with batch norm and two rows a batch: each row is its neighbour's mirror."""
    m = nets.mlp([7, 48, 48, 1], "silu", norm="bn")
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        scenes.prices(seed),
        seed,
        batch_size=2 if sick else 32,
        steps=600,
    )


@pair("bn_running_stats", acceptable=("overfitting", "val_shift"))
def bn_statistics_never_arrive(seed: int, sick: bool) -> Case:
    """Batch norm momentum 1e-4: after the run the running statistics are still those of the
    start."""
    m = nets.cnn((8, 16), "bn", bn_momentum=0.0001 if sick else 0.1)
    return classify(
        m, Adam(m.parameters(), 0.003), data.shapes(seed), seed, batch_size=32, steps=200
    )


@pair("bn_running_stats", acceptable=("bn_small_batch", "overfitting", "val_shift", "loss_spikes"))
def bn_last_batch_only(seed: int, sick: bool) -> Case:
    """Momentum 0.99, right in another framework, keeps the last batch of eight only."""
    m = nn.Sequential(
        nn.Linear(7, 48),
        nn.BatchNorm1d(48, momentum=0.99 if sick else 0.01),
        nn.ReLU(),
        nn.Linear(48, 48),
        nn.BatchNorm1d(48, momentum=0.99 if sick else 0.01),
        nn.ReLU(),
        nn.Linear(48, 1),
    )
    return regress(
        m, Adam(m.parameters(), 0.003), scenes.prices(seed), seed, batch_size=8, steps=800
    )


@pair("bn_running_stats", acceptable=("overfitting", "val_shift"))
def bn_slow_resnet(seed: int, sick: bool) -> Case:
    """A residual network whose batch norms follow with momentum 0.002 through 150 steps."""
    m = nets.ResNet(6, 2)
    for layer in m.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.002 if sick else 0.1
    x, y, x_val, y_val = data.digit_images(seed)
    return classify(
        m,
        SGD(m.parameters(), 0.1, momentum=0.9),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=150,
    )
