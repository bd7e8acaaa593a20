"""Answers out of reach, or given away."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Adam, AdamW

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, predict_text, regress
from tests.zoo.transformers import GPT


@pair("output_range_mismatch", acceptable=("saturated_activations", "vanishing_gradient", *STUCK))
def tanh_output_series(seed: int, sick: bool) -> Case:
    """A recurrent forecast of values up to 2.5 through a tanh."""
    x, y, x_val, y_val = data.sine_series(seed)
    m = nn.Sequential(nets.RNNHead("gru", 1, 24, 1), nn.Tanh() if sick else nn.Identity())
    return regress(
        m,
        Adam(m.parameters(), 0.005),
        (x, 2.5 * y, x_val, 2.5 * y_val),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("output_range_mismatch", acceptable=("dead_relu", *STUCK))
def relu_output_regression(seed: int, sick: bool) -> Case:
    """Standardised targets behind a ReLU: half of them are below its reach."""
    m = nets.mlp([8, 48, 48, 1], "silu", last=nn.ReLU() if sick else None)
    return regress(
        m, Adam(m.parameters(), 0.003), data.friedman(seed), seed, batch_size=64, steps=350
    )


@pair("output_range_mismatch", acceptable=("saturated_activations", *STUCK))
def sigmoid_output_pictures(seed: int, sick: bool) -> Case:
    """A decoder that ends in a sigmoid draws pictures that were standardised."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvCoder(out=nn.Sigmoid() if sick else None)
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=MSE,
        task="reconstruction",
    )


@pair("target_leakage", acceptable=("loss_too_good", "train_val_leakage"))
def backward_reader_sees_answer(seed: int, sick: bool) -> Case:
    """A language model reads both ways: its backward half has seen the next letter."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.head = nn.Embedding(v, 32), nn.Linear(64 if sick else 32, v)
            self.rnn = nn.GRU(32, 32, batch_first=True, bidirectional=sick)

        def forward(self, t):
            return self.head(self.rnn(self.emb(t))[0])

    m = Reader()
    return predict_text(
        m, Adam(m.parameters(), 0.005), (x, y, x_val, y_val), seed, batch_size=32, steps=250
    )


@pair("target_leakage", acceptable=("loss_too_good",))
def answer_among_columns(seed: int, sick: bool) -> Case:
    """A column of the table was made from the answer; the sibling's column is a stranger's."""
    x, y, x_val, y_val = scenes.prices(seed)
    g = torch.Generator().manual_seed(seed)

    def column(t):
        told = t if sick else t[torch.randperm(len(t), generator=g)]
        return (told - 3) / 1.3

    x, x_val = (
        torch.cat([a[:, [0, 2, 4, 5, 6]], column(t)], 1) for a, t in ((x, y), (x_val, y_val))
    )
    m = nets.mlp([6, 32, 32, 1])
    return regress(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=150
    )


@pair("target_leakage", acceptable=("loss_too_good",))
def targets_not_shifted(seed: int, sick: bool) -> Case:
    """A language model's targets are its inputs, not shifted by one: it learns to copy."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24, shift=0 if sick else 1)
    m = GPT(v, 24)
    return predict_text(
        m, AdamW(m.parameters(), 0.004), (x, y, x_val, y_val), seed, batch_size=32, steps=220
    )
