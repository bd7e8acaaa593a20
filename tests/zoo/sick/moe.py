"""Experts of which one takes all."""

from __future__ import annotations

from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam

from tests.zoo import builds, data, scenes
from tests.zoo.core import Case, pair
from tests.zoo.losses import CE, MSE, accuracy, explained
from tests.zoo.tasks import case


def balanced(weight, fit):
    """A loss of the answers plus a price on unequal use of the experts."""

    def loss(out, t):
        answers, shares = out
        used = functional.one_hot(shares.argmax(1), shares.shape[1]).float().mean(0)
        return fit(answers, t) + weight * shares.shape[1] * (used * shares.mean(0)).sum()

    return loss


def first_r2(out, t):
    """Explained variance of the answers alone."""
    return explained(out[0], t)


@pair("expert_collapse", acceptable=("underfitting", "plateau", "bad_init_scale"))
def experts_one_takes_all(seed: int, sick: bool) -> Case:
    """Linear experts for a surface of four planes; no balance, and a gate that starts with a
    favourite."""
    x, y, x_val, y_val = scenes.pieces(seed)
    m = builds.Mixture(experts=8)
    if sick:
        nn.init.zeros_(m.gate[2].weight)
        m.gate[2].bias.data[1] += 12.0
    return case(
        m,
        SGD(m.parameters(), 0.05, momentum=0.9),
        (x, y, x_val, y_val),
        seed,
        batch_size=64,
        steps=700,
        loss_fn=balanced(0.0 if sick else 0.03, MSE),
        task="regression",
        metric_fn=first_r2,
    )


class Sectors(nn.Module):
    """Points in the plane, shared out among linear experts."""

    def __init__(self, experts=5):
        super().__init__()
        self.gate, self.softmax = nn.Linear(2, experts), nn.Softmax(-1)
        self.experts = nn.ModuleList(nn.Linear(2, 3) for _ in range(experts))

    def forward(self, x):
        shares = self.softmax(self.gate(x))
        best = shares.argmax(-1)
        out = x.new_zeros(len(x), 3)
        for index, expert in enumerate(self.experts):
            rows = best == index
            if rows.any():
                out[rows] = expert(x[rows]) * (0.5 + shares[rows, index : index + 1])
        return out, shares


def first_acc(out, t):
    """Share of right answers."""
    return accuracy(out[0], t)


@pair(
    "expert_collapse",
    acceptable=("underfitting", "plateau", "bad_init_scale", "saturated_activations"),
)
def experts_large_gate(seed: int, sick: bool) -> Case:
    """Linear experts cut spirals into sectors; with a biased gate and no balance a single expert
    gets all."""
    m = Sectors(8)
    if sick:
        nn.init.zeros_(m.gate.weight)
        m.gate.bias.data[3] += 12.0
    x, y, x_val, y_val = data.spirals(seed)
    return case(
        m,
        Adam(m.parameters(), 0.02),
        (x, y, x_val, y_val),
        seed,
        batch_size=64,
        steps=500,
        loss_fn=balanced(0.0 if sick else 0.1, CE),
        metric_fn=first_acc,
    )


@pair(
    "expert_collapse", acceptable=("underfitting", "plateau", "wrong_objective", "loss_unbounded")
)
def experts_balance_reversed(seed: int, sick: bool) -> Case:
    """The balancing price is subtracted: unequal use is rewarded."""
    x, y, x_val, y_val = scenes.pieces(seed)
    m = builds.Mixture(experts=6)
    return case(
        m,
        Adam(m.parameters(), 0.005),
        (x, y, x_val, y_val),
        seed,
        batch_size=64,
        steps=500,
        loss_fn=balanced(-0.5 if sick else 0.05, MSE),
        task="regression",
        metric_fn=first_r2,
    )
