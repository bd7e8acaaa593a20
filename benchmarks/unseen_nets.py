"""Architectures written by hand: a diffusion U-Net, a graph network, a tagger and a VAE."""

from __future__ import annotations

import math

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.unseen_lesson import Batch, Lesson, split

NOISY = 100  # steps of diffusion
HELD = 0.15


class Block(nn.Module):
    """Two convolutions that are told the time, around a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(4, inputs), nn.GroupNorm(4, outputs)])
        self.time = nn.Linear(32, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        hidden = self.first(functional.silu(self.norms[0](x)))
        hidden = hidden + self.time(functional.silu(time))[:, :, None, None]
        return self.shortcut(x) + self.second(functional.silu(self.norms[1](hidden)))


class UNet(nn.Module):
    """Down, and up again, with what was seen on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 32))
        self.begin = nn.Conv2d(1, 16, 3, padding=1)
        self.down = nn.ModuleList([Block(16, 16), Block(16, 32)])
        self.halve = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.middle = Block(32, 32)
        self.grow = nn.Upsample(scale_factor=2)
        self.up = Block(48, 16)
        self.end = nn.Sequential(nn.GroupNorm(4, 16), nn.SiLU(), nn.Conv2d(16, 1, 3, padding=1))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        waves = time[:, None] * torch.exp(-torch.arange(8) * math.log(1000.0) / 8)
        when = self.embed(torch.cat([waves.sin(), waves.cos()], 1))
        high = self.down[0](self.begin(x), when)
        low = self.middle(self.down[1](self.halve(high), when), when)
        return self.end(self.up(torch.cat([self.grow(low), high], 1), when))


def denoising(model: nn.Module, batch: Batch) -> Tensor:
    """DDPM: which noise was added."""
    kept = torch.cumprod(1 - torch.linspace(1e-3, 0.1, NOISY), 0)
    time = torch.randint(NOISY, (len(batch["x"]),))
    noise, share = torch.randn_like(batch["x"]), kept[time][:, None, None, None]
    noisy = share.sqrt() * batch["x"] + (1 - share).sqrt() * noise
    return functional.mse_loss(model(noisy, time.float()), noise)


def unet() -> Lesson:
    images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    return Lesson(UNet(), denoising, *split({"x": images}), rate=2e-3, steps=400)


class GraphNet(nn.Module):
    """Each node hears the mean of its neighbours, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.ModuleList([nn.Linear(64, 32), nn.Linear(32, 10)])
        self.heard = nn.ModuleList([nn.Linear(64, 32, bias=False), nn.Linear(32, 10, bias=False)])
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x = functional.relu(self._layer(0, x, edges))
        return self._layer(1, self.dropout(x), edges)

    def _layer(self, place: int, x: Tensor, edges: Tensor) -> Tensor:
        giver, hearer = edges
        total = torch.zeros_like(x).index_add(0, hearer, x[giver])
        count = torch.bincount(hearer, minlength=len(x)).clamp(min=1)[:, None]
        return self.own[place](x) + self.heard[place](total / count)


def node_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Of the nodes whose class is told."""
    answers = model(batch["x"], batch["edges"])[batch["told"]]
    return functional.cross_entropy(answers, batch["y"][batch["told"]])


def node_score(model: nn.Module, batch: Batch) -> float:
    answers = model(batch["x"], batch["edges"])[batch["told"]].argmax(1)
    return float((answers == batch["y"][batch["told"]]).float().mean())


def graph() -> Lesson:
    """Digits whose neighbours are those that look alike; one graph, a fifth of its classes told."""
    raw, labels = load_digits(return_X_y=True)
    x = torch.tensor(raw, dtype=torch.float32) / 16
    near = torch.cdist(x, x).topk(6, largest=False).indices[:, 1:]
    edges = torch.stack([near.flatten(), torch.arange(len(x)).repeat_interleave(5)])
    data, place = {"x": x, "edges": edges, "y": torch.tensor(labels)}, torch.rand(len(x))
    training, held_out = data | {"told": place < 0.2}, data | {"told": place > 1 - HELD}
    return Lesson(GraphNet(), node_loss, training, held_out, node_score, 1e-2, 200, 0, 5e-4)


class Tagger(nn.Module):
    """An LSTM in both directions over sentences of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(31, 24, padding_idx=0)
        self.dropout = nn.Dropout(0.1)
        self.lstm = nn.LSTM(24, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 3)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        told = self.dropout(self.embed(words))
        packed = pack_padded_sequence(told, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=words.shape[1]
        )
        return self.head(states)


def tag_loss(model: nn.Module, batch: Batch) -> Tensor:
    answers = model(batch["words"], batch["lengths"])
    return functional.cross_entropy(answers.flatten(0, 1), batch["tags"].flatten())


def tag_score(model: nn.Module, batch: Batch) -> float:
    right = model(batch["words"], batch["lengths"]).argmax(-1) == batch["tags"]
    return float(right[batch["tags"] >= 0].float().mean())


def tagger() -> Lesson:
    """Words between an opening and its closing bracket, after it, or neither."""
    words = torch.randint(3, 31, (3000, 12))
    opens, lengths = torch.randint(5, (3000, 1)), torch.randint(8, 13, (3000,))
    closes = opens + torch.randint(1, 5, (3000, 1))
    words.scatter_(1, opens, 1).scatter_(1, closes, 2)
    place = torch.arange(12)
    tags = (place >= opens).long() + (place > closes).long()
    past = place >= lengths[:, None]
    data = {"words": words.masked_fill(past, 0), "lengths": lengths}
    data |= {"tags": tags.masked_fill(past, -100)}
    return Lesson(Tagger(), tag_loss, *split(data), tag_score, rate=5e-3)


class VAE(nn.Module):
    """Convolutions to a code of eight numbers, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten()),
        )
        self.mean, self.spread = nn.Linear(128, 8), nn.Linear(128, 8)
        self.decoder = nn.Sequential(
            *(nn.Linear(8, 128), nn.ReLU(), nn.Unflatten(1, (32, 2, 2))),
            *(nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU()),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(x)
        mean, spread = self.mean(hidden), self.spread(hidden)
        code = mean + torch.randn_like(mean) * (0.5 * spread).exp()
        return self.decoder(code), mean, spread


def elbo(model: nn.Module, batch: Batch) -> Tensor:
    """An example's, in nats."""
    image, mean, spread = model(batch["x"])
    seen = functional.binary_cross_entropy_with_logits(image, batch["x"], reduction="sum")
    apart = -0.5 * (1 + spread - mean**2 - spread.exp()).sum()
    return (seen + apart) / len(batch["x"])


def vae() -> Lesson:
    images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    return Lesson(VAE(), elbo, *split({"x": images}), rate=3e-3, steps=500)
