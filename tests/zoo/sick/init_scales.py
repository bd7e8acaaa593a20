"""Weights that start alike, too small or too large."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW

from tests.zoo import data, nets, text
from tests.zoo.consequences import STUCK, WILD
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, predict_text, regress
from tests.zoo.transformers import GPT


@pair("symmetric_init", acceptable=("vanishing_gradient", "dead_relu", "bad_init_scale", *STUCK))
def constant_init_conv(seed: int, sick: bool) -> Case:
    """Every convolution starts with all weights 0.05: all filters see and learn the same."""
    m = nets.cnn((8, 16))
    if sick:
        for layer in m:
            if isinstance(layer, nn.Conv2d):
                (nn.init.constant_(layer.weight, 0.05), nn.init.zeros_(layer.bias))
    return classify(
        m, Adam(m.parameters(), 0.003), data.shapes(seed), seed, batch_size=32, steps=250
    )


@pair("symmetric_init", acceptable=("vanishing_gradient", "bad_init_scale", *STUCK))
def constant_init_gru(seed: int, sick: bool) -> Case:
    """All matrices of a recurrence start at one number: its units are copies of one unit."""
    m = nets.RNNHead("gru", 4, 24, 4)
    if sick:
        for p in m.parameters():
            nn.init.constant_(p, 0.1)
    return classify(
        m,
        Adam(m.parameters(), 0.01),
        data.first_token(seed, length=12),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("bad_init_scale", acceptable=("vanishing_gradient", *STUCK))
def tiny_init_mlp(seed: int, sick: bool) -> Case:
    """Five ReLU layers drawn with a standard deviation of 0.02, as transformers do, but without
    norms."""
    m = nets.mlp([8, 64, 64, 64, 64, 1])
    nets.init_linear(m, "normal", std=0.02) if sick else nets.init_linear(m, "he")
    return regress(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        data.friedman(seed),
        seed,
        batch_size=64,
        steps=300,
    )


@pair("bad_init_scale", acceptable=("dead_relu", "saturated_activations", "overfitting", *WILD))
def large_init_conv(seed: int, sick: bool) -> Case:
    """Convolutions drawn from a standard normal: the first loss is in the hundreds."""
    m = nets.cnn((8, 16))
    if sick:
        nets.init_linear(m, "normal", std=1.0)
    return classify(
        m, Adam(m.parameters(), 0.003), data.shapes(seed), seed, batch_size=32, steps=220
    )


@pair("bad_init_scale", acceptable=("overfitting", *WILD))
def large_head_gpt(seed: int, sick: bool) -> Case:
    """A language model whose head starts ten times too large: it begins sure and wrong."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = GPT(v, 24)
    nn.init.normal_(m.head.weight, std=3.0 if sick else 0.15)
    return predict_text(
        m, AdamW(m.parameters(), 0.002), (x, y, x_val, y_val), seed, batch_size=32, steps=220
    )
