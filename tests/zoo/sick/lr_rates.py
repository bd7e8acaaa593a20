"""Rates of sequences and tables, too high and too low."""

from __future__ import annotations

import torch
from torch.optim import SGD, Adam, AdamW

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.core import Case, pair
from tests.zoo.generators import Denoiser
from tests.zoo.losses import accuracy, next_token, noise
from tests.zoo.tasks import case, classify, predict_text, regress
from tests.zoo.transformers import GPT


@pair(
    "lr_too_high",
    acceptable=(
        "exploding_gradient",
        "loss_spikes",
        "weight_blowup",
        "nonfinite_loss",
        "plateau",
        "underfitting",
        "attention_collapse",
        "vanishing_gradient",
        "saturated_activations",
    ),
)
def lr_high_gpt(seed: int, sick: bool) -> Case:
    """A language model with AdamW at 0.1: the loss stays at the letters' own entropy."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = GPT(v, 24)
    return predict_text(
        m,
        AdamW(m.parameters(), 0.1 if sick else 0.004),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=250,
    )


@pair(
    "lr_too_high",
    acceptable=(
        "exploding_gradient",
        "loss_spikes",
        "weight_blowup",
        "nonfinite_loss",
        "plateau",
        "underfitting",
        "saturated_activations",
        "vanishing_gradient",
    ),
)
def lr_high_gru(seed: int, sick: bool) -> Case:
    """A recurrent forecast with Adam at 0.3."""
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m,
        Adam(m.parameters(), 0.3 if sick else 0.005),
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("lr_too_low", acceptable=("underfitting", "plateau", "no_signal"))
def lr_low_encoder(seed: int, sick: bool) -> Case:
    """A transformer encoder with AdamW at 1e-5 for 300 steps."""
    m = builds.Encoder()
    return case(
        m,
        AdamW(m.parameters(), 1e-05 if sick else 0.003),
        scenes.mirrored(seed),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=next_token,
        metric_fn=accuracy,
    )


@pair("lr_too_low", acceptable=("underfitting", "plateau", "no_signal"))
def lr_low_regression(seed: int, sick: bool) -> Case:
    """A regression with Adam at 1e-5, thirty times too little for its 350 steps."""
    m = nets.mlp([7, 48, 48, 1], "gelu")
    return regress(
        m,
        Adam(m.parameters(), 1e-05 if sick else 0.003),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=350,
    )


@pair(
    "lr_too_high",
    acceptable=(
        "exploding_gradient",
        "loss_spikes",
        "weight_blowup",
        "nonfinite_loss",
        "plateau",
        "underfitting",
    ),
)
def denoiser_rate_high(seed: int, sick: bool) -> Case:
    """A diffusion model of points under Adam at 0.2: it does no better than to guess no noise."""
    x, x_val = 1.2 * data.ring(3000, seed), 1.2 * data.ring(500, seed + 99)
    m = Denoiser()
    return case(
        m,
        Adam(m.parameters(), 0.2 if sick else 0.002),
        (x, torch.zeros(3000, 2), x_val, torch.zeros(500, 2)),
        seed,
        batch_size=128,
        steps=400,
        loss_fn=noise,
        task="diffusion",
    )


@pair("lr_too_low", acceptable=("underfitting", "plateau", "no_signal"))
def graph_crawls(seed: int, sick: bool) -> Case:
    """A graph network by SGD at 0.001 for 120 steps."""
    adj, x, y = data.graph(seed)
    m = nets.GCN(adj, 16, 24, 3)
    o = SGD(m.parameters(), 0.001 if sick else 0.2, momentum=0.0 if sick else 0.9)
    return classify(m, o, scenes.nodes(x, y), seed, batch_size=40, steps=120)
