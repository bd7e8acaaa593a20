"""Units that are at their ends from the start."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, regress


@pair(
    "saturated_activations",
    acceptable=(
        "bad_init_scale",
        "vanishing_gradient",
        "exploding_gradient",
        "underfitting",
        "overfitting",
        "lr_too_high",
        "plateau",
    ),
)
def saturated_tanh_conv(seed: int, sick: bool) -> Case:
    """A network over time with tanh units and standard normal weights."""
    m = builds.conv1d(act=nn.Tanh)
    for layer in m:
        if isinstance(layer, nn.Conv1d):
            nn.init.normal_(layer.weight, std=1.0) if sick else nn.init.xavier_normal_(layer.weight)
    return classify(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=300,
    )


@pair("saturated_activations", acceptable=("bad_init_scale", "vanishing_gradient", *STUCK))
def saturated_tanh_bias(seed: int, sick: bool) -> Case:
    """Hidden biases of six: every tanh is fully on, whatever it sees."""
    m = nets.init_linear(nets.mlp([7, 48, 48, 1], "tanh"), "xavier")
    if sick:
        for layer in (m[0], m[2]):
            nn.init.constant_(layer.bias, 6.0)
    return regress(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=350,
    )


@pair("dead_relu", acceptable=("bad_init_scale", "vanishing_gradient", *STUCK))
def dead_relu_bias_conv1d(seed: int, sick: bool) -> Case:
    """Biases of -2 hold nearly every filter of a network over time below zero."""
    m = builds.conv1d()
    if sick:
        nn.init.constant_(m[3].bias, -2.0)
    return classify(
        m, Adam(m.parameters(), 0.002), scenes.waves(seed), seed, batch_size=32, steps=250
    )


@pair(
    "dead_relu",
    acceptable=(
        "lr_too_high",
        "exploding_gradient",
        "loss_spikes",
        "vanishing_gradient",
        "plateau",
        "weight_blowup",
        "underfitting",
        "unnormalised_targets",
    ),
)
def dead_relu_regression_rate(seed: int, sick: bool) -> Case:
    """Adam at 0.3 in a regression: the first steps push every ReLU below zero."""
    m = nets.mlp([7, 64, 64, 64, 1])
    return regress(
        m,
        Adam(m.parameters(), 0.3 if sick else 0.003),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=300,
    )


@pair(
    "saturated_activations",
    "output_range_mismatch",
    acceptable=("bad_init_scale", "vanishing_gradient", "exploding_gradient", *STUCK),
)
def saturated_and_misread(seed: int, sick: bool) -> Case:
    """Standard normal weights under tanh, and a sigmoid over standardised targets."""
    m = nets.mlp([8, 48, 48, 48, 1], "tanh", last=nn.Sigmoid() if sick else None)
    nets.init_linear(m, "normal", std=1.0) if sick else nets.init_linear(m, "xavier")
    return regress(
        m, Adam(m.parameters(), 0.002), data.friedman(seed), seed, batch_size=64, steps=300
    )
