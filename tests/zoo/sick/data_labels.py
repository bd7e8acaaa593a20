"""Labels that are wrong, sorted or of rare classes."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.loader import TensorLoader
from tests.zoo.losses import CE, MSE, accuracy, explained
from tests.zoo.tasks import case, classify, regress


@pair(
    "unshuffled_data",
    "train_val_leakage",
    acceptable=(
        "loss_spikes",
        "lr_too_high",
        "overfitting",
        "plateau",
        "class_imbalance",
        "loss_too_good",
        "val_shift",
    ),
)
def sorted_and_duplicated(seed: int, sick: bool) -> Case:
    """Images by class, and a validation set copied from their folder."""
    x, y, x_val, y_val = data.shapes(seed)
    order = y.argsort()
    x, y = x[order], y[order]
    held = (x[::4], y[::4]) if sick else (x_val, y_val)
    tl = TensorLoader(x, y, 32, "sequential" if sick else "shuffle", seed)
    vl = TensorLoader(*held, 256, "sequential", drop_last=False)
    m = nets.cnn((8, 16), act="silu")
    return Case(m, Adam(m.parameters(), 0.003), CE, tl, vl, 320, metric_fn=accuracy)


@pair(
    "label_noise",
    "excess_dropout",
    acceptable=("underfitting", "plateau", "no_signal", "overfitting"),
)
def noisy_labels_strong_dropout(seed: int, sick: bool) -> Case:
    """Topics joined to the wrong texts, and dropout 0.9 on top."""
    x, y, x_val, y_val = scenes.bags(seed)
    if sick:
        y, y_val = y[torch.randperm(len(y))], y_val[torch.randperm(len(y_val))]
    p = 0.9 if sick else 0.1
    m = nn.Sequential(nn.Dropout(p), nn.Linear(150, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 5))
    return classify(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )


@pair("label_noise", acceptable=("overfitting", *STUCK))
def labels_of_other_series(seed: int, sick: bool) -> Case:
    """Files and labels were listed in different orders."""
    x, y, x_val, y_val = scenes.waves(seed)
    if sick:
        y, y_val = y[torch.randperm(len(y))], y_val[torch.randperm(len(y_val))]
    m = builds.conv1d()
    return classify(
        m, Adam(m.parameters(), 0.001), (x, y, x_val, y_val), seed, batch_size=32, steps=250
    )


@pair("label_noise", acceptable=("overfitting", *STUCK))
def prices_of_other_houses(seed: int, sick: bool) -> Case:
    """A join on the wrong key gives every house the price of another."""
    x, y, x_val, y_val = scenes.prices(seed)
    if sick:
        y, y_val = y[torch.randperm(len(y))], y_val[torch.randperm(len(y_val))]
    m = nets.mlp([7, 48, 48, 1])
    return regress(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=300
    )


@pair("label_noise", acceptable=("overfitting", "underfitting", "plateau"))
def most_labels_guessed(seed: int, sick: bool) -> Case:
    """Two labels in three were guessed, in training and in validation."""
    x, y, x_val, y_val = data.shapes(seed)

    def guess(t):
        return (
            torch.where(torch.rand(len(t)) < 0.67, torch.randint(0, 5, t.shape), t) if sick else t
        )

    m = nets.cnn((8, 16))
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        (x, guess(y), x_val, guess(y_val)),
        seed,
        batch_size=32,
        steps=250,
    )


def ordered(data, bs, seed, sick):
    """Loaders whose training rows come by class, or mixed."""
    x, y, x_val, y_val = data
    order = (y if y.dim() == 1 else y[:, 0]).argsort()
    tl = TensorLoader(x[order], y[order], bs, "sequential" if sick else "shuffle", seed)
    return tl, TensorLoader(x_val, y_val, 256, "sequential", drop_last=False)


@pair(
    "unshuffled_data",
    acceptable=(
        "loss_spikes",
        "lr_too_high",
        "overfitting",
        "plateau",
        "class_imbalance",
        "val_shift",
    ),
)
def images_by_class(seed: int, sick: bool) -> Case:
    """Images read folder by folder, one class after another."""
    tl, vl = ordered(data.shapes(seed), 32, seed, sick)
    m = nets.cnn((8, 16))
    return Case(m, SGD(m.parameters(), 0.02, momentum=0.9), CE, tl, vl, 320, metric_fn=accuracy)


@pair(
    "unshuffled_data",
    acceptable=(
        "loss_spikes",
        "lr_too_high",
        "overfitting",
        "plateau",
        "class_imbalance",
        "val_shift",
    ),
)
def texts_by_topic(seed: int, sick: bool) -> Case:
    """Texts stored topic by topic, and shuffle=False."""
    tl, vl = ordered(scenes.topics(seed), 32, seed, sick)
    m = builds.Text(kind="gru")
    return Case(m, Adam(m.parameters(), 0.003), CE, tl, vl, 240, metric_fn=accuracy)


@pair(
    "unshuffled_data",
    acceptable=("loss_spikes", "lr_too_high", "overfitting", "plateau", "val_shift"),
)
def houses_by_price(seed: int, sick: bool) -> Case:
    """A table sorted by the price that is to be learnt, read from the top."""
    tl, vl = ordered(scenes.prices(seed), 32, seed, sick)
    m = nets.mlp([7, 48, 48, 1])
    return Case(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        MSE,
        tl,
        vl,
        310,
        task="regression",
        metric_fn=explained,
    )


def mean_recall(out, y):
    """The mean over the classes of the share found."""
    found = [(out.argmax(1)[y == c] == c).float().mean() for c in y.unique()]
    return torch.stack(found).mean()


@pair(
    "class_imbalance",
    acceptable=("val_shift", "underfitting", "plateau", "no_signal", "overfitting"),
)
def rare_cloud_ignored(seed: int, sick: bool) -> Case:
    """One row in thirty is of the class that matters; the sibling draws both alike."""
    x, y, x_val, y_val = scenes.rare(seed, 0.03)
    m = nets.mlp([8, 24, 2])
    tl = TensorLoader(x, y, 64, "shuffle" if sick else "balanced", seed)
    vl = TensorLoader(x_val, y_val, 256, "sequential", drop_last=False)
    return Case(m, Adam(m.parameters(), 0.001), CE, tl, vl, 150, metric_fn=mean_recall)


@pair(
    "class_imbalance",
    acceptable=("val_shift", "underfitting", "plateau", "overfitting", "no_signal"),
)
def rare_discs_ignored(seed: int, sick: bool) -> Case:
    """Discs are one picture in a hundred among four other shapes; the sibling draws all shapes
    alike."""
    x, y, x_val, y_val = data.shapes(seed, 2400, 500, noise=0.6)
    keep = (y != 1) | (torch.arange(len(y)) % 20 == 0)
    m = nets.cnn((8, 16))
    tl = TensorLoader(x[keep], y[keep], 32, "shuffle" if sick else "balanced", seed)
    vl = TensorLoader(x_val, y_val, 256, "sequential", drop_last=False)
    return Case(m, Adam(m.parameters(), 0.002), CE, tl, vl, 250, metric_fn=mean_recall)


@pair("class_imbalance", acceptable=("underfitting", "plateau", "val_shift", "overfitting"))
def rare_pixels_ignored(seed: int, sick: bool) -> Case:
    """Small marks of a few pixels drown in the background of a segmentation without weights."""
    x, y, x_val, y_val = scenes.masks(seed)
    x, x_val = x + 0.8 * torch.randn(x.shape), x_val + 0.8 * torch.randn(x_val.shape)
    y, y_val = (y == 1).long() * (torch.rand(y.shape) < 0.5), (y_val == 1).long()
    m = builds.UNet(classes=2)
    loss = CE if sick else nn.CrossEntropyLoss(torch.tensor([1.0, 12.0]))

    def right(out, t):
        return (out.argmax(1)[t == 1] == 1).float().mean()

    return case(
        m,
        Adam(m.parameters(), 0.002),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=200,
        loss_fn=loss,
        task="segmentation",
        metric_fn=right,
    )


@pair("label_noise", acceptable=("overfitting", *STUCK))
def graph_wrong_names(seed: int, sick: bool) -> Case:
    """The classes of a graph's nodes were listed in another order."""
    adj, x, y = data.graph(seed)
    y = y[torch.randperm(len(y))] if sick else y
    m = nets.GCN(adj, 16, 24, 3)
    return classify(
        m, Adam(m.parameters(), 0.01), scenes.nodes(x, y), seed, batch_size=40, steps=100
    )
