"""Small convolutional networks on noisy shapes."""

from __future__ import annotations

from torch.optim import Adam, AdamW

from tests.zoo import data, nets
from tests.zoo.core import Case, healthy
from tests.zoo.tasks import classify


@healthy()
def cnn_plain(seed: int) -> Case:
    m = nets.cnn((8, 16))
    return classify(
        m, Adam(m.parameters(), 3e-3), data.shapes(seed), seed, batch_size=32, steps=250
    )


@healthy()
def cnn_groupnorm(seed: int) -> Case:
    m = nets.cnn((8, 16), "gn", act="silu")
    adamw = AdamW(m.parameters(), 4e-3, weight_decay=0.01)
    return classify(m, adamw, data.shapes(seed), seed, batch_size=16, steps=250)
