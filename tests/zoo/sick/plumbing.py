"""Parameters that nobody moves."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import Data, classify

OF_STANDSTILL = (
    *("underfitting", "no_update", "plateau"),
    *("zero_grad_missing", "exploding_gradient"),
)


@pair("params_not_in_optimizer", acceptable=("lr_too_low", *OF_STANDSTILL))
def optimizer_of_other_model(seed: int, sick: bool) -> Case:
    """The optimizer was made before the model was made anew."""
    m = nets.mlp([64, 64, 64, 10])
    adam = Adam(m.parameters(), 2e-3)
    if sick:
        m = nets.mlp([64, 64, 64, 10])
    return classify(m, adam, data.table("digits", seed), seed, batch_size=64, steps=250)


OF_FREEZING = ("underfitting", "no_update", "plateau", "params_not_in_optimizer")


@pair("frozen_parameters", acceptable=OF_FREEZING)
def frozen_random_trunk(seed: int, sick: bool) -> Case:
    """A trunk with random weights has requires_grad False, left over from fine-tuning."""
    m = nets.init_linear(nets.mlp([64, 24, 24, 24, 10], "tanh"), "xavier", gain=2.0)
    if sick:
        for parameter in list(m.parameters())[:-2]:
            parameter.requires_grad_(False)
    return classify(
        m, Adam(m.parameters(), 3e-3), data.table("digits", seed), seed, batch_size=64, steps=350
    )


WORDS = 300


class Bag(nn.Module):
    """The mean of six words."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.act, self.head = nn.Embedding(WORDS, 8), nn.Tanh(), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.emb(x).mean(1)))


@pair("params_not_in_optimizer", acceptable=OF_STANDSTILL)
def embedding_not_trained(seed: int, sick: bool) -> Case:
    """The embedding is missing from the optimizer's list."""
    split = _bags(seed)
    m = Bag()
    nn.init.normal_(m.emb.weight, std=0.5)
    adam = Adam(m.head.parameters() if sick else m.parameters(), 1e-2)
    return classify(m, adam, split, seed, batch_size=64, steps=350)


def _bags(seed: int) -> Data:
    """Six words each, and the class that their meanings add up to."""
    r = np.random.RandomState(seed)
    meanings = r.randn(WORDS, 4)
    words = r.randint(0, WORDS, (5000, 6))
    x, y = torch.tensor(words), torch.tensor(meanings[words].sum(1).argmax(1))
    return x[:4400], y[:4400], x[4400:], y[4400:]
