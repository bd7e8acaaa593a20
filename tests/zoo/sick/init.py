"""Weights that start where nothing can be learned."""

from __future__ import annotations

from torch.optim import SGD

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify

OF_ZERO = (
    *("vanishing_gradient", "dead_relu", "underfitting"),
    *("plateau", "lr_too_low", "bad_init_scale"),
)


@pair("symmetric_init", acceptable=OF_ZERO)
def zero_init(seed: int, sick: bool) -> Case:
    """All weights nought."""
    m = nets.mlp([64, 48, 48, 10], "tanh")
    if sick:
        nets.init_linear(m, "const", std=0.0)
    sgd = SGD(m.parameters(), 0.05, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=300)
