"""Small models of every kind, each with its loss and a batch, to make programs of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from probes.program import Recorded, Whole, capture
from probes.program.weights_by_name import live_weights

Subject = tuple[nn.Module, Any, Any]  # model, loss, batch


def vectors(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, 6), torch.randint(0, 5, (n,))


def images(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, 3, 8, 8), torch.randint(0, 5, (n,))


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 5))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.second_norm(self.second(self.relu(self.first_norm(self.first(x)))))
        out += x
        return self.relu(out)


def resnet() -> nn.Sequential:
    stem = (nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8, 5))
    return nn.Sequential(*stem, Block(8), Block(8), *head)


class Vit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.place = nn.Parameter(torch.randn(1, 5, 16) * 0.02)
        layer = nn.TransformerEncoderLayer(
            16, 2, 32, batch_first=True, norm_first=True, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1) + self.place
        return self.head(self.encoder(tokens)[:, 0])


class GptBlock(nn.Module):
    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.heads, self.drop = heads, drop
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width), nn.Dropout(drop)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.mixed(self.before(x)).chunk(3, -1)
        q, k, v = (p.view(batch, length, self.heads, -1).transpose(1, 2) for p in parts)
        drop = self.drop if self.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=drop)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.wide(self.between(x))


class Gpt(nn.Module):
    """Its head is its embedding: tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.place = nn.Parameter(torch.randn(12, 16) * 0.02)
        self.blocks = nn.ModuleList(GptBlock(16, 2, 0.1) for _ in range(2))
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids) + self.place[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def next_token(output: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(output.flatten(0, 1), ids.flatten())


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(6, 8, 2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cells(x)[0][:, -1])


class Mixed(nn.Module):
    """Half precision inside, a region without gradients, and a buffer that training moves."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 5)
        self.register_buffer("average", torch.zeros(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.average.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
        with torch.autocast("cpu", torch.bfloat16):
            wide = self.first(x - self.average)
        with torch.no_grad():
            scale = wide.float().std()
        return self.second(wide.float() / scale)


def bert() -> Subject:
    """Hugging Face's, which gives its loss itself; some of the places are padding."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=16, num_labels=3,
    )  # fmt: skip
    ids = torch.randint(1, 30, (8, 10))
    mask = torch.ones_like(ids)
    mask[:3, 7:] = 0
    labels = torch.randint(0, 3, (8,))
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return BertForSequenceClassification(config), None, batch


def contrastive(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    one, two = (functional.normalize(model(batch[name]), dim=1) for name in ("one", "two"))
    likeness = one @ two.T / 0.1
    return functional.cross_entropy(likeness, torch.arange(likeness.shape[0]))


def doubled() -> Subject:
    x, y = vectors()
    return mlp().double(), functional.cross_entropy, (x.double(), y)


def ids() -> torch.Tensor:
    return torch.randint(0, 20, (8, 12))


ENTROPY = functional.cross_entropy
MODELS: dict[str, Callable[[], Subject]] = {
    "mlp": lambda: (mlp(), ENTROPY, vectors()),
    "mlp in float64": doubled,
    "resnet": lambda: (resnet(), ENTROPY, images()),
    "vit": lambda: (Vit(), ENTROPY, images()),
    "gpt": lambda: (Gpt(), next_token, (ids(), ids())),
    "lstm": lambda: (Lstm(), ENTROPY, (torch.randn(8, 7, 6), vectors()[1])),
    "mixed precision": lambda: (Mixed(), ENTROPY, vectors()),
    "bert": bert,
    "contrastive": lambda: (
        mlp(),
        Whole(contrastive),
        {"one": torch.randn(8, 6), "two": torch.randn(8, 6)},
    ),
}


def made(name: str) -> Subject:
    """The same each time."""
    torch.manual_seed(0)
    model, loss, batch = MODELS[name]()
    return model.train(), loss, batch


@cache
def program_of(name: str) -> tuple[nn.Module, Recorded]:
    """A model that nobody may change, and its program."""
    model, loss, batch = made(name)
    return model, capture(model, loss, batch)


def weights_for(model: nn.Module, recorded: Recorded) -> dict[str, torch.Tensor]:
    """As a snapshot would give them, with the program's own."""
    return {k: t.detach() for k, t in live_weights(model).items()} | recorded.constants


def live_loss(model: nn.Module, loss: Any, batch: Any) -> torch.Tensor:
    """As the user's loop computes it."""
    if isinstance(loss, Whole):
        return loss.function(model, batch)
    return model(**batch).loss if loss is None else loss(model(batch[0]), batch[1])
