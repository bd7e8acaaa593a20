"""Tasks, data and architectures that fit no common pattern."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim import Adam, AdamW

from tests.zoo import builds, data, nets, scenes
from tests.zoo.core import Case, global_norm, healthy
from tests.zoo.duels import duel, points
from tests.zoo.losses import CE, MSE
from tests.zoo.tasks import case, classify, regress


@healthy()
def lattice_generator(seed: int) -> Case:
    """A generator that covers nine clusters; both losses hover about log 2 all the time."""
    return duel(seed, scenes.grid(3000, seed), points(), steps=1000)


@healthy(acceptable=("frozen_parameters",))
def pretrained_words(seed: int) -> Case:
    """Word vectors trained before are frozen by design."""
    x, y, x_val, y_val = scenes.topics(seed)
    first, m = builds.Text(), builds.Text()
    o = Adam(first.parameters(), 0.005)
    for start in range(0, 1152, 48):
        o.zero_grad()
        CE(first(x[start : start + 48]), y[start : start + 48]).backward()
        o.step()
    for _ in range(6):
        for start in range(0, 1152, 48):
            o.zero_grad()
            CE(first(x[start : start + 48]), y[start : start + 48]).backward()
            o.step()
    m.emb.load_state_dict(first.emb.state_dict())
    m.emb.weight.requires_grad_(False)
    live = [p for p in m.parameters() if p.requires_grad]
    return classify(m, Adam(live, 0.005), (x, y, x_val, y_val), seed, batch_size=64, steps=200)


@healthy()
def tied_autoencoder(seed: int) -> Case:
    """The decoder is the encoder turned over: one matrix twice in a graph."""

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.enc, self.act = nn.Linear(64, 24), nn.GELU()
            self.bias = nn.Parameter(torch.zeros(64))

        def forward(self, x):
            return functional.linear(self.act(self.enc(x)), self.enc.weight.T, self.bias)

    x, _, x_val, _ = data.table("digits", seed, 450)
    m = Tied()
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=350,
        loss_fn=MSE,
        task="reconstruction",
    )


@healthy()
def mixed_pairs(seed: int) -> Case:
    """Mixup: soft targets, and a training loss that stays far above validation's."""
    x, y, x_val, y_val = data.digit_images(seed)
    m = nets.cnn((8, 16), size=8, classes=10)
    o = Adam(m.parameters(), 0.003)

    def step(run, batch):
        order, share = (
            torch.randperm(len(batch[0])),
            float(torch.distributions.Beta(0.8, 0.8).sample()),
        )
        o.zero_grad()
        out = m(share * batch[0] + (1 - share) * batch[0][order])
        loss = share * CE(out, batch[1]) + (1 - share) * CE(out, batch[1][order])
        loss.backward()
        run.grad_norm = global_norm(m)
        run.on_backward(run)
        o.step()
        return loss

    return classify(m, o, (x, y, x_val, y_val), seed, batch_size=64, steps=350, step_fn=step)


@healthy()
def sparse_word_counts(seed: int) -> Case:
    """Word counts: most columns are nought in most rows."""
    m = nets.mlp([600, 48, 5])
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        scenes.bags(seed, words=600, n=1500),
        seed,
        batch_size=64,
        steps=250,
    )


@healthy()
def one_hot_with_idle_columns(seed: int) -> Case:
    """One-hot columns, a third of them for categories that never came."""
    r = np.random.RandomState(seed)
    kinds = r.randint(0, 8, (1500, 6))
    worth = r.randn(6, 8)
    y = sum(worth[i, kinds[:, i]] for i in range(6)) + 0.1 * r.randn(1500)
    x = functional.one_hot(torch.tensor(kinds), 12).float().flatten(1)
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    m = nets.mlp([72, 48, 1])
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        (x[:1200], y[:1200], x[1200:], y[1200:]),
        seed,
        batch_size=64,
        steps=300,
    )


@healthy()
def rare_but_learnt(seed: int) -> Case:
    """One row in twelve is of the rare class, which is learnt all the same."""
    x, y, x_val, y_val = scenes.rare(seed, 0.08, gap=5.0, held_share=0.08)
    m = nets.mlp([8, 24, 2])
    return classify(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )


class Several(nn.Module):
    """Networks side by side; the mean of their answers."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x):
        return torch.stack([member(x) for member in self.members]).mean(0)


@healthy()
def ensemble_of_five(seed: int) -> Case:
    """Five networks as one, with the gradients of each a fifth."""
    m = Several(nets.mlp([8, 32, 32, 1], "silu") for _ in range(5))
    return regress(
        m, Adam(m.parameters(), 0.005), data.friedman(seed), seed, batch_size=64, steps=300
    )


@healthy()
def pixels_unet(seed: int) -> Case:
    """A class for every pixel, most of them background."""

    def right(out, t):
        return (out.argmax(1) == t).float().mean()

    m = builds.UNet()
    return classify(
        m,
        Adam(m.parameters(), 0.004),
        scenes.masks(seed),
        seed,
        batch_size=32,
        steps=200,
        metric_fn=right,
    )


@healthy()
def counts_by_poisson(seed: int) -> Case:
    """Poisson's loss goes below nought, which is no fault."""
    m = nets.mlp([6, 48, 48, 1], "silu")
    return case(
        m,
        Adam(m.parameters(), 0.003),
        scenes.visits(seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=nn.PoissonNLLLoss(),
        task="counts",
    )


@healthy()
def graph_nodes(seed: int) -> Case:
    """Nodes of one graph: every batch carries the whole graph."""
    adj, x, y = data.graph(seed)
    m = nets.GCN(adj, 16, 24, 3)
    return classify(
        m,
        Adam(m.parameters(), 0.01, weight_decay=0.001),
        scenes.nodes(x, y),
        seed,
        batch_size=40,
        steps=120,
    )


@healthy()
def many_tags(seed: int) -> Case:
    """Six yes-or-no answers an example."""

    def right(out, t):
        return ((out > 0).float() == t).float().mean()

    m = nets.mlp([12, 64, 64, 6], "gelu")
    return case(
        m,
        AdamW(m.parameters(), 0.003, weight_decay=0.05),
        scenes.tags(seed),
        seed,
        batch_size=64,
        steps=200,
        loss_fn=nn.BCEWithLogitsLoss(),
        task="tags",
        metric_fn=right,
    )


@healthy()
def deep_residual_stack(seed: int) -> Case:
    """Twelve residual blocks, each of whose branches starts small."""
    m = builds.Residuals(64, 32, 12, 10)
    return classify(
        m, Adam(m.parameters(), 0.002), data.table("digits", seed), seed, batch_size=64, steps=250
    )
