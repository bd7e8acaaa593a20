"""Training in eval mode and validation in train mode."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, pair
from tests.zoo.loader import TensorLoader
from tests.zoo.losses import CE, accuracy, variational
from tests.zoo.tasks import case, classify, predict_text
from tests.zoo.transformers import GPT


@pair(
    "eval_mode_missing",
    "val_shift",
    acceptable=("preprocessing_mismatch", "excess_dropout", "overfitting"),
)
def validation_dropped_and_shifted(seed: int, sick: bool) -> Case:
    """Validation pictures are brighter than those of training, and dropout is at work on them."""
    x, y, x_val, y_val = data.digit_images(seed)
    m = nets.cnn((8, 16), size=8, classes=10, dropout=0.4)
    x_val = x_val + 1.2 if sick else x_val
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        (x, y, x_val, y_val),
        seed,
        batch_size=64,
        steps=250,
        eval_mode=not sick,
    )


@pair("train_mode_wrong", acceptable=("overfitting",))
def eval_left_on_dropout(seed: int, sick: bool) -> Case:
    """model.eval() is left on: the dropout that should hold a small data set never works."""
    x, y, x_val, y_val = data.blobs(seed, 400, 500, classes=4, columns=20, spread=4.0)
    m = nets.mlp([20, 96, 96, 4], dropout=0.5)
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=300,
        train_mode=not sick,
    )


@pair("train_mode_wrong", acceptable=("bn_running_stats", "lr_too_low", *WILD))
def eval_left_on_resnet(seed: int, sick: bool) -> Case:
    """A residual network trains in eval mode: its batch norms normalise by numbers they never
    measured."""
    m = nets.ResNet(6, 2)
    x, y, x_val, y_val = data.digit_images(seed)
    return classify(
        m,
        SGD(m.parameters(), 0.1, momentum=0.9),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=150,
        train_mode=not sick,
    )


@pair("train_mode_wrong", acceptable=("overfitting",))
def eval_left_on_text(seed: int, sick: bool) -> Case:
    """A text classifier is switched to eval once and never back, so nothing keeps it from learning
    noisy labels by heart."""
    x, y, x_val, y_val = scenes.bags(seed, n=300)
    y = torch.where(torch.rand(len(y)) < 0.25, torch.randint(0, 5, y.shape), y)
    m = nn.Sequential(
        nn.Dropout(0.5), nn.Linear(150, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 5)
    )
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=300,
        train_mode=not sick,
    )


@pair("eval_mode_missing", acceptable=("excess_dropout",))
def train_left_on_dropout(seed: int, sick: bool) -> Case:
    """Validation runs with dropout at work."""
    m = nets.mlp([64, 64, 64, 10], dropout=0.4)
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        data.table("digits", seed),
        seed,
        batch_size=64,
        steps=300,
        eval_mode=not sick,
    )


@pair("eval_mode_missing", acceptable=("val_shift", "bn_running_stats"))
def train_left_on_batch_norm(seed: int, sick: bool) -> Case:
    """Validation in train mode, over rows sorted by class: batch norm sees one class at a time."""
    x, y, x_val, y_val = scenes.waves(seed)
    order = y_val.argsort()
    m = builds.conv1d(norm=True)
    tl = TensorLoader(x, y, 32, "shuffle", seed)
    vl = TensorLoader(x_val[order], y_val[order], 50, "sequential", drop_last=False)
    return Case(
        m, Adam(m.parameters(), 0.002), CE, tl, vl, 250, metric_fn=accuracy, eval_mode=not sick
    )


@pair("eval_mode_missing", acceptable=("excess_dropout",))
def train_left_on_gpt(seed: int, sick: bool) -> Case:
    """A language model with dropout 0.2 that is validated in train mode."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = GPT(v, 24, dropout=0.2)
    return predict_text(
        m,
        AdamW(m.parameters(), 0.004),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=250,
        eval_mode=not sick,
    )


@pair("eval_mode_missing", acceptable=("underfitting",))
def codes_validated_in_training(seed: int, sick: bool) -> Case:
    """A VAE is validated with its codes still drawn at random."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvVAE()
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x.flatten(1), x_val, x_val.flatten(1)),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=variational(1.0),
        task="vae",
        eval_mode=not sick,
    )
