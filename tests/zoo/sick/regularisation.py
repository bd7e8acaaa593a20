"""Decay and dropout that leave too little of the signal."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify

OF_DECAY = ("underfitting", "vanishing_gradient", "plateau", "dead_relu")


@pair("excess_weight_decay", acceptable=OF_DECAY)
def decay_too_strong_adamw(seed: int, sick: bool) -> Case:
    """AdamW with a decay of 20, a slip of a factor 1,000."""
    m = nets.mlp([64, 64, 64, 10])
    adamw = AdamW(m.parameters(), 3e-3, weight_decay=20.0 if sick else 0.02)
    return classify(m, adamw, data.table("digits", seed), seed, batch_size=64, steps=350)


@pair("excess_weight_decay", acceptable=OF_DECAY)
def l2_too_strong_sgd(seed: int, sick: bool) -> Case:
    """SGD with a decay of 0.3, on images."""
    m = nets.cnn((8, 16))
    sgd = SGD(m.parameters(), 0.015, momentum=0.9, weight_decay=0.3 if sick else 1e-4)
    return classify(m, sgd, data.shapes(seed), seed, batch_size=32, steps=250)


@pair("excess_dropout", acceptable=("underfitting", "plateau"))
def dropout_too_strong(seed: int, sick: bool) -> Case:
    """Dropout of 0.8 after every hidden layer."""
    m = nets.mlp([64, 64, 64, 64, 10], dropout=0.8 if sick else 0.1)
    return classify(
        m, Adam(m.parameters(), 2e-3), data.table("digits", seed), seed, batch_size=64, steps=350
    )


@pair("misplaced_dropout", acceptable=("excess_dropout", "underfitting", "plateau"))
def dropout_on_logits(seed: int, sick: bool) -> Case:
    """Dropout after the last layer: half of the time the right class has a logit of nought."""
    m = nets.mlp([64, 64, 64, 10], last=nn.Dropout(0.5) if sick else None)
    return classify(
        m, Adam(m.parameters(), 2e-3), data.table("digits", seed), seed, batch_size=64, steps=350
    )
