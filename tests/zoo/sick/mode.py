"""Modules in the wrong mode, and norms of too few examples."""

from __future__ import annotations

from torch.optim import SGD

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify


@pair(
    "bn_small_batch",
    acceptable=("bn_running_stats", "lr_too_high", "loss_spikes", "underfitting", "plateau"),
)
def bn_batch_of_two(seed: int, sick: bool) -> Case:
    """Batch norm of two examples; the sibling has 32, and as many steps."""
    m = nets.mlp([64, 64, 64, 64, 10], norm="bn")
    sgd = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(
        m, sgd, data.table("digits", seed), seed, batch_size=2 if sick else 32, steps=500
    )
