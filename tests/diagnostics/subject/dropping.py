"""Networks that drop in every way that is met, and how each is run with dropout on, by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

P = 0.3


class ByFunction(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.last(functional.dropout(torch.relu(self.first(x)), P, self.training))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(6, 8, 2, dropout=P, batch_first=True)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.cells(x)[0][:, -1])


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.MultiheadAttention(6, 2, dropout=P, batch_first=True)
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(self.heads(x, x, x)[0].mean(1))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.mixed, self.last, self.drop = nn.Linear(6, 18), nn.Linear(6, 3), P

    def forward(self, x):
        q, k, v = self.mixed(x)[:, None].chunk(3, -1)
        p = self.drop if self.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, dropout_p=p)
        return self.last(seen[:, 0].mean(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(6, 2, 12, P, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(self.layers(x).mean(1))


class DropPath(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop_prob = P

    def forward(self, x):
        if not self.training:
            return x
        keep = 1 - self.drop_prob
        return x * x.new_empty((x.shape[0], 1)).bernoulli_(keep) / keep


def chain(first, *between):
    return nn.Sequential(first, *between, nn.Linear(16, 3))


def spectral():
    return nn.utils.parametrizations.spectral_norm(nn.Linear(6, 16))


PATTERNS = {
    "dropout": lambda: chain(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(P)),
    "batch norm": lambda: chain(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(P)),
    "function": ByFunction,
    "lstm": Recurrent,
    "heads": Heads,
    "attention": Attention,
    "encoder": Encoder,
    "drop path": lambda: chain(nn.Linear(6, 16), nn.ReLU(), DropPath()),
    "spectral norm": lambda: chain(spectral(), nn.ReLU(), nn.Dropout(P)),
    "rrelu": lambda: chain(nn.Linear(6, 16), nn.RReLU(), nn.Dropout(P)),
}
ON_TIME = ("lstm", "heads", "attention", "encoder")
STILL = (nn.BatchNorm1d, nn.RReLU, nn.utils.parametrize.ParametrizationList)


def made(name):
    """A model in evaluation, with inputs and targets."""
    torch.manual_seed(0)
    model = PATTERNS[name]().eval()
    x = torch.randn(16, 5, 6) if name in ON_TIME else torch.randn(16, 6)
    return model, x, torch.randint(0, 3, (16,))


def variance(model, x, count=3000):
    """By a plain loop: all that drops in training, and all else in evaluation."""
    model.train()
    for module in model.modules():
        if isinstance(module, STILL):
            module.eval()
    with torch.no_grad(), torch.random.fork_rng():
        found = torch.stack([model(x) for _ in range(count)]).var(0)
    model.eval()
    return found
