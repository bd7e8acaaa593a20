"""Further architectures: waves, sets, masks, texts, encoders, mixtures, couples of networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.zoo.transformers import Block


def conv1d(
    classes: int = 3, width: int = 12, act: type[nn.Module] = nn.ReLU, norm: bool = False
) -> nn.Sequential:
    """Three convolutions over time, pooled."""
    layers: list[nn.Module] = []
    for before, after in ((1, width), (width, 2 * width), (2 * width, 2 * width)):
        layers.append(nn.Conv1d(before, after, 5, padding=2))
        if norm:
            layers.append(nn.BatchNorm1d(after))
        layers += [act(), nn.MaxPool1d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * 4, classes))


class DeepSets(nn.Module):
    """A network for each point, a mean, a network for the set."""

    def __init__(self, classes: int = 4, width: int = 48) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.all = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.all(self.each(x).mean(1))


class UNet(nn.Module):
    """One step down, one step up, one bridge: a class for every pixel."""

    def __init__(self, width: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
        )
        self.head = nn.Conv2d(3 * width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        near = self.down(x)
        return self.head(torch.cat([near, self.deep(near)], 1))


class Text(nn.Module):
    """Embedding, recurrence, head: one answer a text."""

    def __init__(
        self, words: int = 150, width: int = 24, classes: int = 5, kind: str = "lstm"
    ) -> None:
        super().__init__()
        self.emb = nn.Embedding(words, width)
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](width, width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.emb(x))[0].mean(1))


class Encoder(nn.Module):
    """A transformer encoder that answers for every token."""

    def __init__(
        self,
        words: int = 8,
        length: int = 8,
        d: int = 32,
        *,
        layers: int = 2,
        dropout: float = 0.0,
        scale: bool = True,
    ) -> None:
        super().__init__()
        self.tok = nn.Embedding(words, d)
        self.pos = nn.Parameter(0.3 * torch.randn(length, d))
        self.blocks = nn.Sequential(
            *(Block(d, 2, causal=False, scale=scale, dropout=dropout) for _ in range(layers))
        )
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, words)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.tok(x) + self.pos)))


class TorchEncoder(nn.Module):
    """torch's own encoder layers over the steps of a series, pooled."""

    def __init__(self, length: int, d: int = 24, classes: int = 3, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.inp = nn.Conv1d(1, d, 4, 4)
        self.pos = nn.Parameter(0.2 * torch.randn(length // 4, d))
        layer = nn.TransformerEncoderLayer(d, 2, 48, dropout, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.inp(x).transpose(1, 2) + self.pos).mean(1))


class Mixture(nn.Module):
    """Plain linear experts, one an example, chosen by a gate; answers and the gate's shares."""

    def __init__(self, inputs: int = 6, experts: int = 4) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(inputs, 24), nn.Tanh(), nn.Linear(24, experts))
        self.softmax = nn.Softmax(-1)
        self.experts = nn.ModuleList(nn.Linear(inputs, 1) for _ in range(experts))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shares = self.softmax(self.gate(x))
        best = shares.argmax(-1)
        out = x.new_zeros(len(x), 1)
        for index, expert in enumerate(self.experts):
            rows = best == index
            if rows.any():
                out[rows] = expert(x[rows]) * shares[rows, index : index + 1]
        return out, shares


class ConvCoder(nn.Module):
    """A convolutional autoencoder of 8 x 8 images."""

    def __init__(self, code: int = 12, out: nn.Module | None = None) -> None:
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64, code),
        )
        self.dec = nn.Sequential(
            nn.Linear(code, 96), nn.ReLU(), nn.Linear(96, 64), out or nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.dec(self.enc(x)).view(-1, 1, 8, 8)


class ConvVAE(nn.Module):
    """A variational autoencoder with a convolutional encoder; answers, means, logs of variances."""

    def __init__(self, z: int = 6) -> None:
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1), nn.SiLU(), nn.Flatten(), nn.Linear(128, 48), nn.SiLU()
        )
        self.mu, self.logvar = nn.Linear(48, z), nn.Linear(48, z)
        self.dec = nn.Sequential(nn.Linear(z, 64), nn.SiLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.enc(x)
        mu, spread = self.mu(h), self.logvar(h).clamp(-8, 8)
        z = mu + torch.randn_like(mu) * (spread / 2).exp() if self.training else mu
        return self.dec(z), mu, spread


class Residual(nn.Module):
    """A normed branch of two layers, added to what it was given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.fc1 = nn.LayerNorm(width), nn.Linear(width, width)
        self.act, self.fc2 = nn.ReLU(), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(self.act(self.fc1(self.norm(x))))


class Residuals(nn.Module):
    """As many residual branches as are asked for, each the weaker for it."""

    def __init__(self, inputs: int, width: int, count: int, outputs: int) -> None:
        super().__init__()
        self.inp = nn.Linear(inputs, width)
        self.body = nn.Sequential(*(Residual(width) for _ in range(count)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)
        for block in self.body:
            block.fc2.weight.data.mul_((2 * count) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.body(self.inp(x))))
