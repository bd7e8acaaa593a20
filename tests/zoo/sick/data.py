"""Data that are badly scaled, empty, missing, mislabelled, in order, or seen before."""

from __future__ import annotations

import torch
from torch.optim import SGD, Adam

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.loader import TensorLoader
from tests.zoo.tasks import classify

OF_SCALE = (
    *("lr_too_high", "dead_relu", "exploding_gradient", "loss_spikes"),
    *("underfitting", "plateau", "vanishing_gradient", "weight_blowup"),
)


@pair("unnormalised_inputs", acceptable=OF_SCALE)
def unnormalised_wine(seed: int, sick: bool) -> Case:
    """Wine as it is: proline is near 1,000, other columns near 1."""
    m = nets.mlp([13, 32, 32, 3])
    sgd = SGD(m.parameters(), 0.02, momentum=0.9, weight_decay=5e-3)
    return classify(
        m, sgd, data.table("wine", seed, normalise=not sick), seed, batch_size=32, steps=120
    )


OF_NOTHING = (
    *("underfitting", "plateau", "vanishing_gradient", "dead_relu", "lr_too_low"),
    *("label_noise", "dead_features", "no_signal"),
)


@pair("constant_inputs", acceptable=OF_NOTHING)
def constant_inputs(seed: int, sick: bool) -> Case:
    """A slip in the preparation (integers were divided) makes every image black."""
    x, y, x_val, y_val = data.table("digits", seed)
    if sick:
        x, x_val = torch.zeros_like(x), torch.zeros_like(x_val)
    m = nets.mlp([64, 64, 64, 10])
    return classify(
        m, Adam(m.parameters(), 2e-3), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )


@pair("nan_inputs", acceptable=("nonfinite_loss",))
def nan_inputs(seed: int, sick: bool) -> Case:
    """Three rows have a value missing."""
    x, y, x_val, y_val = data.table("breast_cancer", seed)
    if sick:
        x = x.clone()
        x[[40, 111, 222], 4] = float("nan")
    m = nets.mlp([30, 32, 32, 2])
    return classify(
        m, Adam(m.parameters(), 2e-3), (x, y, x_val, y_val), seed, batch_size=32, steps=200
    )


@pair(
    "label_noise",
    acceptable=("overfitting", "underfitting", "plateau", "no_signal", "lr_too_low"),
)
def labels_shuffled(seed: int, sick: bool) -> Case:
    """Inputs and labels are out of step, in training and in validation."""
    x, y, x_val, y_val = data.table("digits", seed)
    if sick:
        y, y_val = y[torch.randperm(len(y))], y_val[torch.randperm(len(y_val))]
    m = nets.mlp([64, 32, 10])
    return classify(
        m, Adam(m.parameters(), 2e-3), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )


OF_ORDER = (
    *("loss_spikes", "lr_too_high", "overfitting", "plateau"),
    *("class_imbalance", "val_shift"),
)


@pair("unshuffled_data", acceptable=OF_ORDER)
def sorted_not_shuffled(seed: int, sick: bool) -> Case:
    """Rows in the order of their classes: each class is forgotten in turn."""
    x, y, x_val, y_val = data.table("digits", seed)
    rows = y.argsort()
    x, y = x[rows], y[rows]
    m = nets.mlp([64, 64, 10])
    sgd = SGD(m.parameters(), 0.05, momentum=0.9)
    case = classify(m, sgd, (x, y, x_val, y_val), seed, batch_size=32, steps=420)
    if sick:
        case.train_loader = TensorLoader(x, y, 32, "sequential")
    return case


@pair("train_val_leakage", acceptable=("overfitting", "loss_too_good"))
def val_leaked_from_train(seed: int, sick: bool) -> Case:
    """Split after augmenting: validation rows are training rows, and overfitting is not seen."""
    x, y, x_val, y_val = data.table("digits", seed, 900)
    x, y = x[:200], y[:200]
    held = (x, y) if sick else (x_val[:450], y_val[:450])
    m = nets.mlp([64, 96, 96, 10])
    steps = 250 if sick else 60
    return classify(m, Adam(m.parameters(), 1e-3), (x, y, *held), seed, batch_size=32, steps=steps)
