"""Layers with nothing between them."""

from __future__ import annotations

from torch import nn
from torch.optim import Adam

from tests.zoo import data, nets, scenes
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, regress


@pair("missing_nonlinearity", acceptable=("underfitting", "plateau"))
def linear_stack_spirals(seed: int, sick: bool) -> Case:
    """Four linear layers, no function between them, on spirals."""
    m = nets.mlp([2, 48, 48, 48, 3], "relu")
    if sick:
        m = nn.Sequential(*(layer for layer in m if isinstance(layer, nn.Linear)))
    return classify(
        m, Adam(m.parameters(), 0.005), data.spirals(seed), seed, batch_size=64, steps=500
    )


@pair("missing_nonlinearity", acceptable=("underfitting", "plateau"))
def linear_stack_prices(seed: int, sick: bool) -> Case:
    """Linear layers with batch norm between them: still one plane."""
    layers = []
    for before, after in ((7, 48), (48, 48)):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after)]
        if not sick:
            layers.append(nn.ReLU())
    m = nn.Sequential(*layers, nn.Linear(48, 1))
    return regress(
        m, Adam(m.parameters(), 0.003), scenes.prices(seed), seed, batch_size=64, steps=400
    )


@pair(
    "missing_nonlinearity",
    acceptable=("underfitting", "plateau", "overfitting"),
    ok_acceptable=("overfitting",),
)
def linear_convolutions(seed: int, sick: bool) -> Case:
    """Strided convolutions straight into one another."""
    layers = []
    for before, after in ((1, 8), (8, 16), (16, 16)):
        layers.append(nn.Conv2d(before, after, 3, 2, 1))
        if not sick:
            layers.append(nn.ReLU())
    m = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 5))
    return classify(
        m, Adam(m.parameters(), 0.004), data.shapes(seed, 1600), seed, batch_size=32, steps=350
    )
