"""Plain stacks, convolutional, residual and recurrent networks.

Every nonlinearity is a module, so that hooks can see it.
"""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky": nn.LeakyReLU,
    "softplus": nn.Softplus,
}


def mlp(
    sizes: list[int],
    act: str = "relu",
    *,
    norm: str = "",
    dropout: float = 0.0,
    last: nn.Module | None = None,
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(inputs, outputs))
        if n < len(sizes) - 2:
            if norm:
                layers.append({"bn": nn.BatchNorm1d, "ln": nn.LayerNorm}[norm](outputs))
            layers.append(ACTIVATIONS[act]())
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, *([last] if last is not None else []))


def init_linear(
    model: nn.Module, kind: str = "he", *, gain: float = 1.0, std: float = 0.0, bias: float = 0.0
) -> nn.Module:
    """Draw every Linear and Conv2d anew: he, xavier, lecun, normal (std), const (std)."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            _init(module.weight, kind, gain, std)
            if module.bias is not None:
                nn.init.constant_(module.bias, bias)
    return model


def _init(weight: nn.Parameter, kind: str, gain: float, std: float) -> None:
    if kind == "he":
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
        weight.data.mul_(gain)
    elif kind == "xavier":
        nn.init.xavier_normal_(weight, gain)
    elif kind == "lecun":
        nn.init.normal_(weight, std=gain / math.sqrt(weight[0].numel()))
    elif kind == "normal":
        nn.init.normal_(weight, std=std)
    else:
        nn.init.constant_(weight, std)


def cnn(
    channels: tuple[int, ...] = (8, 16),
    norm: str = "",
    *,
    classes: int = 5,
    act: str = "relu",
    size: int = 12,
    inputs: int = 1,
    bn_momentum: float = 0.1,
    dropout: float = 0.0,
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for outputs in channels:
        layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
        if norm == "bn":
            layers.append(nn.BatchNorm2d(outputs, momentum=bn_momentum))
        elif norm == "gn":
            layers.append(nn.GroupNorm(4, outputs))
        layers += [ACTIVATIONS[act](), nn.MaxPool2d(2)]
        inputs, size = outputs, size // 2
    layers += [nn.Flatten(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(inputs * size * size, classes))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(width), nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(width), nn.ReLU()
        self.short = nn.Sequential()
        if stride != 1 or inputs != width:
            narrow = nn.Conv2d(inputs, width, 1, stride, bias=False)
            self.short = nn.Sequential(narrow, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        return self.act2(h + self.short(x))


class ResNet(nn.Module):
    """The layout of ResNet-20, three stages of three blocks, but narrow."""

    def __init__(
        self, width: int = 6, blocks: int = 3, classes: int = 10, *, inputs: int = 1
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(inputs, width, 3, 1, 1, bias=False)
        self.stem = nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())
        body, before = [], width
        for stage in range(3):
            for n in range(blocks):
                body.append(BasicBlock(before, width * 2**stage, 2 if stage and n == 0 else 1))
                before = width * 2**stage
        self.body, self.head = nn.Sequential(*body), nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)).mean((2, 3)))


CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RNNHead(nn.Module):
    """Reads [batch, time, feature] and predicts from the last state."""

    def __init__(self, kind: str, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.rnn = CELLS[kind](inputs, width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class PlainRNN(nn.Module):
    """An Elman network unrolled by hand; `linear` for no nonlinearity."""

    def __init__(self, inputs: int, width: int, outputs: int, act: str = "tanh") -> None:
        super().__init__()
        self.inp, self.rec = nn.Linear(inputs, width), nn.Linear(width, width, bias=False)
        self.head = nn.Linear(width, outputs)
        self.act = ACTIVATIONS[act]() if act != "linear" else nn.Identity()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.width)
        for t in range(x.shape[1]):
            h = self.act(self.inp(x[:, t]) + self.rec(h))
        return self.head(h)


class CharRNN(nn.Module):
    def __init__(
        self,
        letters: int,
        width: int = 48,
        kind: str = "gru",
        *,
        dropout: float = 0.0,
        tie: bool = False,
    ) -> None:
        super().__init__()
        self.emb = nn.Embedding(letters, width)
        self.rnn = CELLS[kind](width, width, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, letters)
        if tie:
            nn.init.normal_(self.emb.weight, std=1 / math.sqrt(width))
            self.head.weight = self.emb.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.rnn(self.emb(x))[0]))


class GCN(nn.Module):
    def __init__(self, adjacency: Tensor, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("adj", adjacency)
        self.w1, self.act = nn.Linear(inputs, width), nn.ReLU()
        self.drop, self.w2 = nn.Dropout(0.3), nn.Linear(width, classes)

    def forward(self, features: Tensor, nodes: Tensor) -> Tensor:
        h = self.act(self.adj @ self.w1(features[0]))
        return (self.adj @ self.w2(self.drop(h)))[nodes]
