"""Rows with holes, with extremes, or all alike."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK, WILD
from tests.zoo.core import Case, pair
from tests.zoo.tasks import case, classify, regress


def both(change, data):
    """The inputs of training and validation changed alike."""
    x, y, x_val, y_val = data
    return change(x), y, change(x_val), y_val


@pair(
    "constant_inputs",
    acceptable=(
        "label_noise",
        "dead_relu",
        "vanishing_gradient",
        "dead_features",
        "train_val_leakage",
        *STUCK,
    ),
)
def silent_recordings(seed: int, sick: bool) -> Case:
    """Samples cast to integers before they are scaled: silence everywhere."""
    m = builds.conv1d()
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        both(lambda t: (t / 32).trunc() if sick else t, scenes.waves(seed)),
        seed,
        batch_size=32,
        steps=250,
    )


@pair(
    "constant_inputs",
    acceptable=("label_noise", "vanishing_gradient", "dead_features", "train_val_leakage", *STUCK),
)
def one_unknown_word(seed: int, sick: bool) -> Case:
    """A vocabulary from another language: every word is the unknown word."""
    m = builds.Text()
    return classify(
        m,
        Adam(m.parameters(), 0.005),
        both(lambda t: torch.zeros_like(t) if sick else t, scenes.topics(seed)),
        seed,
        batch_size=64,
        steps=200,
    )


@pair("nan_inputs", acceptable=("nonfinite_loss",))
def gaps_in_series(seed: int, sick: bool) -> Case:
    """A sensor was silent at times: five series hold NaN."""
    x, y, x_val, y_val = data.sine_series(seed)
    if sick:
        x = x.clone()
        x[[60, 300, 500, 800, 1100], 7:10] = float("nan")
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m, Adam(m.parameters(), 0.005), (x, y, x_val, y_val), seed, batch_size=64, steps=200
    )


def spread(net, x):
    """The spread of embeddings over rows, relative to their size."""
    z = net(x)
    return z.std(0).mean() / (z.pow(2).mean().sqrt() + 1e-09)


@pair("nan_inputs", acceptable=("nonfinite_loss",))
def divided_by_nought_spread(seed: int, sick: bool) -> Case:
    """A column that never changes is divided by its spread: NaN in every row."""
    x, y, x_val, y_val = scenes.tags(seed)
    x, x_val = x.clone(), x_val.clone()
    x[:, 3] = x_val[:, 3] = 1.0
    mean, spread = x.mean(0), x.std(0) + (0.0 if sick else 1e-06)
    m = nets.mlp([12, 64, 64, 6], "gelu")
    return case(
        m,
        Adam(m.parameters(), 0.005),
        ((x - mean) / spread, y, (x_val - mean) / spread, y_val),
        seed,
        batch_size=64,
        steps=200,
        loss_fn=nn.BCEWithLogitsLoss(),
        task="tags",
        metric_fn=lambda o, t: ((o > 0) == (t > 0.5)).float().mean(),
    )


@pair(
    "data_outliers",
    acceptable=("no_signal", "unnormalised_inputs", "dead_relu", "val_shift", *WILD),
)
def missing_code_in_table(seed: int, sick: bool) -> Case:
    """Missing values were written as -999 before the table was standardised: the true ones are
    squashed."""
    x, y, x_val, y_val = scenes.prices(seed)
    if sick:
        x = x.clone()
        for column in (0, 1, 3):
            x[5 + column :: 100, column] = -999.0
        mean, spread = x.mean(0), x.std(0)
        x, x_val = (x - mean) / spread, (x_val - mean) / spread
    m = nets.mlp([7, 48, 48, 1], "silu")
    return regress(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=300
    )


@pair(
    "data_outliers",
    acceptable=("no_signal", "unnormalised_inputs", "dead_relu", "val_shift", *WILD),
)
def hot_pixels(seed: int, sick: bool) -> Case:
    """Eight training images hold a stuck pixel a thousand times too bright."""
    x, y, x_val, y_val = data.shapes(seed)
    if sick:
        x = x.clone()
        x[7::150, 0, 3, 9] = 1500.0
    m = nets.cnn((8, 16))
    return classify(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=280,
    )


@pair(
    "data_outliers",
    acceptable=(
        "no_signal",
        "unnormalised_inputs",
        "saturated_activations",
        "unnormalised_targets",
        "val_shift",
        "label_noise",
        *WILD,
    ),
)
def bursts_in_series(seed: int, sick: bool) -> Case:
    """Electric bursts: one sample in one wave of fifty is 400 times the others."""
    x, y, x_val, y_val = scenes.waves(seed)
    if sick:
        x = x.clone()
        x[3::50, 0, 11] = 400.0
    m = builds.conv1d()
    return classify(
        m,
        SGD(m.parameters(), 0.03, momentum=0.9),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=300,
    )
