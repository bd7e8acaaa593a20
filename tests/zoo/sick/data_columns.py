"""Columns and targets of odd scales, or that say nothing."""

from __future__ import annotations

import torch
from torch.optim import SGD, Adam

from tests.zoo import data, nets, scenes
from tests.zoo.consequences import STUCK, WILD
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, regress


@pair(
    "unnormalised_inputs",
    "unnormalised_targets",
    acceptable=("dead_relu", "lr_too_low", "saturated_activations", *WILD),
)
def raw_columns_and_targets(seed: int, sick: bool) -> Case:
    """A table of houses exactly as it was stored: columns of all scales, prices in thousands of
    euros."""
    x, y, x_val, y_val = scenes.prices(seed)
    scale = torch.tensor([50.0, 0.05, 1.0, 400.0, 3.0, 0.2, 8.0]) if sick else torch.ones(7)
    cost = 1000.0 if sick else 1.0
    m = nets.mlp([7, 48, 48, 1])
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        (x * scale, cost * y, x_val * scale, cost * y_val),
        seed,
        batch_size=64,
        steps=300,
    )


@pair(
    "unnormalised_inputs",
    acceptable=("saturated_activations", "dead_relu", "vanishing_gradient", "lr_too_low", *WILD),
)
def raw_sensor_series(seed: int, sick: bool) -> Case:
    """Sensor values about 400 go raw into a recurrence: its gates are shut from the first step."""
    x, y, x_val, y_val = data.sine_series(seed)
    change = (lambda t: 400 + 120 * t) if sick else lambda t: t
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m,
        Adam(m.parameters(), 0.005),
        (change(x), y, change(x_val), y_val),
        seed,
        batch_size=64,
        steps=250,
    )


def both(change, data):
    """The inputs of training and validation changed alike."""
    x, y, x_val, y_val = data
    return change(x), y, change(x_val), y_val


@pair("unnormalised_inputs", acceptable=("dead_relu", "saturated_activations", *WILD))
def columns_of_all_scales(seed: int, sick: bool) -> Case:
    """Years, shares and euros side by side in a regression."""
    scale = torch.tensor([300.0, 0.02, 1.0, 0.5, 40.0, 0.1, 5.0]) if sick else torch.ones(7)
    m = nets.mlp([7, 48, 48, 1], "silu")
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        both(lambda t: t * scale, scenes.prices(seed)),
        seed,
        batch_size=64,
        steps=300,
    )


@pair("unnormalised_targets", acceptable=("exploding_gradient", *STUCK))
def raw_prices(seed: int, sick: bool) -> Case:
    """House prices in euros: Adam's steps of a thousandth will not reach 300 000 in this run."""
    x, y, x_val, y_val = scenes.prices(seed)
    f = (lambda t: 100000.0 * t) if sick else lambda t: t
    m = nets.mlp([7, 48, 48, 1])
    return regress(
        m, Adam(m.parameters(), 0.003), (x, f(y), x_val, f(y_val)), seed, batch_size=64, steps=350
    )


def spread(net, x):
    """The spread of embeddings over rows, relative to their size."""
    z = net(x)
    return z.std(0).mean() / (z.pow(2).mean().sqrt() + 1e-09)


@pair("unnormalised_targets", acceptable=("dead_relu", "saturated_activations", *WILD))
def raw_disease_scores(seed: int, sick: bool) -> Case:
    """The diabetes table with its raw scores near 150, by SGD."""
    x, y, x_val, y_val = data.table("diabetes", seed)
    mean, spread = y.mean(), y.std()
    f = (lambda t: t[:, None]) if sick else lambda t: ((t - mean) / spread)[:, None]
    m = nets.mlp([10, 32, 32, 1])
    return regress(
        m,
        SGD(m.parameters(), 0.01, momentum=0.9),
        (x, f(y), x_val, f(y_val)),
        seed,
        batch_size=32,
        steps=200,
    )


@pair(
    "unnormalised_targets",
    acceptable=(
        "saturated_activations",
        "vanishing_gradient",
        "output_range_mismatch",
        "exploding_gradient",
        *STUCK,
    ),
)
def raw_counts_series(seed: int, sick: bool) -> Case:
    """A recurrent forecast of passengers, some hundreds, with the inputs scaled and the targets
    not."""
    x, y, x_val, y_val = data.sine_series(seed)
    f = (lambda t: 500 + 200 * t) if sick else lambda t: t
    m = nets.RNNHead("lstm", 1, 24, 1)
    return regress(
        m, Adam(m.parameters(), 0.008), (x, f(y), x_val, f(y_val)), seed, batch_size=64, steps=250
    )


@pair("dead_features", acceptable=("overfitting", "constant_inputs", *STUCK))
def selection_leaves_two_columns(seed: int, sick: bool) -> Case:
    """A feature selection turned upside down sets five of seven columns to their mean."""
    keep = torch.tensor([0, 0, 1, 0, 0, 1, 0]) if sick else torch.ones(7)
    m = nets.mlp([7, 48, 48, 1])
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        both(lambda t: t * keep, scenes.prices(seed)),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("dead_features", acceptable=("overfitting", "constant_inputs", *STUCK))
def crop_hides_picture(seed: int, sick: bool) -> Case:
    """A mask meant for the border blanks everything but a corner of each digit."""

    def change(t):
        out = torch.zeros_like(t)
        out[..., :4, :5] = t[..., :4, :5]
        return out if sick else t

    m = nets.cnn((8, 16), size=8, classes=10)
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        both(change, data.digit_images(seed)),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("dead_features", acceptable=("overfitting", "constant_inputs", "train_val_leakage", *STUCK))
def vocabulary_mismatch_bags(seed: int, sick: bool) -> Case:
    """Two words in three are spelt differently in the vocabulary, so their counts stay nought."""
    known = (torch.arange(150) % 5 == 0).float() if sick else torch.ones(150)
    m = nets.mlp([150, 48, 5])
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        both(lambda t: t * known, scenes.bags(seed)),
        seed,
        batch_size=64,
        steps=200,
    )
