"""Small transformers: attention whose map a hook sees, a language model, one of images."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, *, causal: bool = True, scale: bool = True) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.softmax = nn.Softmax(-1)  # a module: its output is the attention map
        self.heads, self.causal, self.scale = heads, causal, scale

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = (self._split(layer(x)) for layer in (self.q, self.k, self.v))
        scores = q @ k.transpose(-1, -2)
        if self.scale:
            scores = scores / math.sqrt(width // self.heads)
        if self.causal:
            later = torch.ones(time, time, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        mixed = (self.softmax(scores) @ v).transpose(1, 2).reshape(batch, time, width)
        return self.o(mixed)

    def _split(self, t: Tensor) -> Tensor:
        return t.view(len(t), t.shape[1], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool = True,
        prenorm: bool = True,
        scale: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attn, self.prenorm = Attention(width, heads, causal=causal, scale=scale), prenorm
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        widen, narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.ff = nn.Sequential(widen, nn.GELU(), narrow)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.prenorm:
            x = x + self.drop(self.attn(self.n1(x)))
            return x + self.drop(self.ff(self.n2(x)))
        x = self.n1(x + self.drop(self.attn(x)))
        return self.n2(x + self.drop(self.ff(x)))


class GPT(nn.Module):
    def __init__(
        self,
        letters: int,
        length: int,
        *,
        width: int = 32,
        heads: int = 2,
        layers: int = 2,
        tie: bool = False,
        **of_blocks: Any,
    ) -> None:
        super().__init__()
        self.tok, self.pos = nn.Embedding(letters, width), nn.Embedding(length, width)
        nn.init.normal_(self.tok.weight, std=0.2)
        nn.init.normal_(self.pos.weight, std=0.2)
        self.blocks = nn.ModuleList(Block(width, heads, **of_blocks) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters)
        if tie:
            self.head.weight = self.tok.weight

    def forward(self, x: Tensor) -> Tensor:
        h = self.tok(x) + self.pos(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h))


class ViT(nn.Module):
    def __init__(
        self,
        *,
        size: int = 12,
        patch: int = 3,
        width: int = 32,
        heads: int = 2,
        layers: int = 2,
        classes: int = 5,
        **of_blocks: Any,
    ) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, patch, patch)
        patches = (size // patch) ** 2
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(0.1 * torch.randn(1, patches + 1, width))
        blocks = (Block(width, heads, causal=False, **of_blocks) for _ in range(layers))
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.patch(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.cls.expand(len(x), -1, -1), h], 1) + self.pos
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h)[:, 0])
