"""Numbers that float16 cannot hold."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Adam

from tests.zoo import data
from tests.zoo.core import Case, pair
from tests.zoo.tasks import regress


class Squares(nn.Module):
    """Features squared, and normed only then."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.b = nn.Linear(8, 64), nn.LayerNorm(64), nn.Linear(128, 64)
        self.act, self.c = nn.SiLU(), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x * 60)
        return self.c(self.act(self.b(torch.cat([self.n((h * h) * 8), h / 60], 1))))


OF_OVERFLOW = (
    *("nonfinite_loss", "exploding_gradient", "unnormalised_inputs"),
    *("bad_init_scale", "unnormalised_targets"),
)


@pair("fp16_overflow", acceptable=OF_OVERFLOW)
def fp16_overflow(seed: int, sick: bool) -> Case:
    """Squares pass 65,504 before they are normed; bfloat16 has the range."""
    m = Squares()
    dtype = torch.float16 if sick else torch.bfloat16
    return regress(
        m,
        Adam(m.parameters(), 3e-3),
        data.friedman(seed),
        seed,
        batch_size=64,
        steps=300,
        amp=dtype,
    )
