"""The reference networks with dropout where their kind has it, as chains that can be cut in two."""

from __future__ import annotations

import torch
from models import mlp, resnet20
from torch import Tensor, nn

IMAGES = (3, 32, 32)


def dropping_mlp() -> nn.Sequential:
    """After each hidden layer."""
    layers: list[nn.Module] = []
    for layer in _chain(mlp()):
        layers += [layer, nn.Dropout(0.2)] if isinstance(layer, nn.ReLU) else [layer]
    return nn.Sequential(*layers)


def dropping_resnet20() -> nn.Sequential:
    """Before the classifier."""
    *body, head = _chain(resnet20())
    return nn.Sequential(*body, nn.Dropout(0.2), head)


def late_resnet20() -> nn.Sequential:
    """Before each of the three blocks of 64 channels, and before the classifier."""
    chain = [*_chain(dropping_resnet20())]
    late = [layer for block in chain[9:12] for layer in (nn.Dropout(0.1), block)]
    return nn.Sequential(*chain[:9], *late, *chain[12:])


class Patches(nn.Module):
    """Sixteen of an image and one for the whole, with their places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, width, 8, 8)
        self.whole = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.places = nn.Parameter(torch.randn(17, width) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.cut(x).flatten(2).transpose(1, 2)
        return torch.cat([self.whole.expand(x.shape[0], -1, -1), parts], 1) + self.places


class Attends(nn.Module):
    """Written out, with dropout as a module, so that no tool misses it."""

    def __init__(self, width: int, heads: int, p: float) -> None:
        super().__init__()
        self.heads, self.drop = heads, nn.Dropout(p)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = self.drop((q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1))
        return self.out((seen @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Of a vision transformer."""

    def __init__(self, width: int, p: float) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attends(width, 4, p), nn.Dropout(p))
        self.mlp = nn.Sequential(
            *(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(p)),
            *(nn.Linear(4 * width, width), nn.Dropout(p)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class Whole(nn.Module):
    """What the first token has become."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


def vit() -> nn.Sequential:
    """4 blocks of width 64 over 17 tokens, dropout of a tenth wherever the first ViT had it."""
    blocks = [Block(64, 0.1) for _ in range(4)]
    ends = (nn.LayerNorm(64), Whole(), nn.Linear(64, 10))
    return nn.Sequential(Patches(64), nn.Dropout(0.1), *blocks, *ends)


MODELS = {
    "mlp": (dropping_mlp, (784,)),
    "resnet20": (dropping_resnet20, IMAGES),
    "resnet20-late": (late_resnet20, IMAGES),
    "vit": (vit, IMAGES),
}


def ready(name: str, rows: int) -> tuple[nn.Sequential, Tensor]:
    """In evaluation, its normalisation settled; and as many examples."""
    torch.manual_seed(0)
    build, shape = MODELS[name]
    model = build()
    with torch.no_grad():
        for _ in range(20):
            model(torch.randn(16, *shape))
    return model.eval(), torch.randn(rows, *shape)


def cut(model: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """What comes before all dropout, and the rest."""
    at = next(n for n, layer in enumerate(model) if _drops(layer))
    return model[:at], model[at:]


def _drops(module: nn.Module) -> bool:
    return any(isinstance(part, nn.Dropout) for part in module.modules())


def _chain(model: nn.Module) -> nn.Sequential:
    assert isinstance(model, nn.Sequential)
    return model
