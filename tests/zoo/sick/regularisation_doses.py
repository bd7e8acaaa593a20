"""Decay and dropout in the wrong measure or place."""

from __future__ import annotations

from torch import nn
from torch.optim import Adam, AdamW

from tests.zoo import builds, data, nets, scenes
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, classify, regress


@pair("excess_dropout", acceptable=("underfitting", "plateau"))
def dropout_strong_text(seed: int, sick: bool) -> Case:
    """Word counts through dropout 0.9, before and after the hidden layer."""
    p = 0.9 if sick else 0.2
    m = nn.Sequential(nn.Dropout(p), nn.Linear(150, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 5))
    return classify(
        m, Adam(m.parameters(), 0.003), scenes.bags(seed), seed, batch_size=64, steps=250
    )


@pair("excess_dropout", acceptable=("underfitting", "plateau"))
def dropout_strong_encoder(seed: int, sick: bool) -> Case:
    """A transformer encoder over series with dropout 0.8 in attention and between its layers."""
    m = builds.TorchEncoder(32, dropout=0.8 if sick else 0.1)
    return classify(
        m, AdamW(m.parameters(), 0.003), scenes.waves(seed), seed, batch_size=32, steps=300
    )


@pair("misplaced_dropout", acceptable=("excess_dropout", "underfitting", "plateau"))
def dropout_on_price(seed: int, sick: bool) -> Case:
    """Dropout behind the single output of a regression: one price in three is nought."""
    m = nets.mlp([7, 48, 48, 1], "silu", last=nn.Dropout(0.3) if sick else None)
    return regress(
        m, Adam(m.parameters(), 0.003), scenes.prices(seed), seed, batch_size=64, steps=300
    )


class Dropped(nn.Module):
    """A network over time whose answers may be dropped in forward."""

    def __init__(self, p):
        super().__init__()
        self.net, self.drop = builds.conv1d(), nn.Dropout(p)

    def forward(self, x):
        return self.drop(self.net(x))


@pair("misplaced_dropout", acceptable=("excess_dropout", "underfitting", "plateau"))
def dropout_on_answers_conv(seed: int, sick: bool) -> Case:
    """The answers of a network over time go through dropout 0.5."""
    m = Dropped(0.5 if sick else 0.0)
    return classify(
        m, Adam(m.parameters(), 0.002), scenes.waves(seed), seed, batch_size=32, steps=250
    )


@pair("excess_weight_decay", acceptable=("underfitting", "vanishing_gradient", "plateau"))
def decay_strong_gru(seed: int, sick: bool) -> Case:
    """A recurrent forecast under AdamW with weight decay 10."""
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m,
        AdamW(m.parameters(), 0.005, weight_decay=10.0 if sick else 0.01),
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=300,
    )


@pair("excess_weight_decay", acceptable=("underfitting", "vanishing_gradient", "plateau"))
def decay_strong_autoencoder(seed: int, sick: bool) -> Case:
    """An autoencoder with Adam's L2 term at 0.05."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = nets.mlp([64, 48, 16, 48, 64], "silu")
    return case(
        m,
        Adam(m.parameters(), 0.003, weight_decay=0.05 if sick else 0.0),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=350,
        loss_fn=MSE,
        task="reconstruction",
    )
