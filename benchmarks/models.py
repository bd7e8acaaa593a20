"""Three trainings to slow down: a perceptron of 3 ms a step, a ResNet-20 and a small GPT."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Workload:
    """A training, and how many steps of it make a steady figure."""

    model: Callable[[], nn.Module]
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    batch: Callable[[], Batch]
    steps: int  # at an exact cadence
    budget_steps: int  # at Fathom's defaults: the dense beginning must be paid back


def mlp() -> nn.Module:
    """784-512-512-10 with ReLU: 0.67 M parameters in 6 tensors."""
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


class Residual(nn.Module):
    """Two convolutions with BatchNorm around a shortcut."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        widens = width_in != width
        stride = 2 if widens else 1
        self.body = nn.Sequential(
            nn.Conv2d(width_in, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if widens:
            project = nn.Conv2d(width_in, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(width))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


def resnet20() -> nn.Module:
    """Nine residual blocks of 16, 32 and 64 channels: 0.27 M parameters in 65 tensors."""
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Residual(width_in, width) for width_in, width in pairwise(widths)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Attention(nn.Module):
    """Causal self-attention with one projection for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        split = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = split  # each [batch, head, time, width / heads]
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads=4)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_attention(x))
        return x + self.mlp(self.norm_mlp(x))


class GPT(nn.Module):
    """6 layers of width 256 over 128 tokens of 256 kinds: 4.9 M parameters in 77 tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(256, 256)
        self.position = nn.Parameter(torch.randn(128, 256) * 0.02)
        self.blocks = nn.Sequential(*[Block(256) for _ in range(6)])
        self.norm = nn.LayerNorm(256)
        self.head = nn.Linear(256, 256)

    def forward(self, tokens: Tensor) -> Tensor:
        logits = self.head(self.norm(self.blocks(self.token(tokens) + self.position)))
        return logits.transpose(1, 2)  # classes second, as cross_entropy wants them


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def momentum(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def images(shape: tuple[int, ...]) -> Batch:
    return torch.randn(shape), torch.randint(10, shape[:1])


def text() -> Batch:
    tokens = torch.randint(256, (8, 129))
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


WORKLOADS = {
    "mlp": Workload(mlp, momentum, lambda: images((128, 784)), 200, 4000),
    "resnet20": Workload(resnet20, momentum, lambda: images((64, 3, 32, 32)), 15, 500),
    "gpt": Workload(GPT, adamw, text, 5, 400),
}
