"""Units that sit on their flat ends, or never answer."""

from __future__ import annotations

from torch.optim import SGD

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify


@pair(
    *("saturated_activations", "unnormalised_inputs"),
    acceptable=("vanishing_gradient", "underfitting", "bad_init_scale"),
)
def saturated_tanh_raw_inputs(seed: int, sick: bool) -> Case:
    """A table of tumours as it is, with values up to 4,000, into tanh."""
    m = nets.mlp([30, 32, 32, 2], "tanh")
    split = data.table("breast_cancer", seed, normalise=not sick)
    return classify(
        m, SGD(m.parameters(), 0.02, momentum=0.9), split, seed, batch_size=32, steps=300
    )


OF_LARGE = (
    *("bad_init_scale", "vanishing_gradient", "exploding_gradient"),
    *("underfitting", "overfitting"),
)


@pair("saturated_activations", acceptable=OF_LARGE)
def saturated_tanh_large_init(seed: int, sick: bool) -> Case:
    """Six tanh layers whose weights are standard normal."""
    m = nets.mlp([64] + [64] * 6 + [10], "tanh")
    if sick:
        nets.init_linear(m, "normal", std=1.0)
    else:
        nets.init_linear(m, "xavier", gain=1.2)
    sgd = SGD(m.parameters(), 0.01, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


OF_DEATH = (
    *("lr_too_high", "exploding_gradient", "loss_spikes"),
    *("vanishing_gradient", "plateau", "weight_blowup"),
)


@pair("dead_relu", acceptable=OF_DEATH)
def dead_relu_high_lr(seed: int, sick: bool) -> Case:
    """A large rate kills most units in the first steps."""
    m = nets.mlp([64, 64, 64, 64, 10])
    sgd = SGD(m.parameters(), 1.0 if sick else 0.03, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


@pair("dead_relu", acceptable=("unnormalised_inputs", *OF_DEATH))
def dead_relu_cnn_outliers(seed: int, sick: bool) -> Case:
    """Pixels left in 0 to 255: the first update kills the filters."""
    x, y, x_val, y_val = data.shapes(seed)
    if sick:
        x, x_val = 60 * x + 128, 60 * x_val + 128
    m = nets.cnn((8, 16))
    sgd = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(m, sgd, (x, y, x_val, y_val), seed, batch_size=32, steps=250)
