"""Learning rates too high and too low."""

from __future__ import annotations

from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LambdaLR

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, regress

OF_DIVERGENCE = ("exploding_gradient", "nonfinite_loss", "loss_spikes", "weight_blowup")


@pair("lr_too_high", acceptable=OF_DIVERGENCE)
def lr_diverge_mlp(seed: int, sick: bool) -> Case:
    """Regression by SGD far above what is stable."""
    m = nets.mlp([8, 48, 48, 1], "silu")
    sgd = SGD(m.parameters(), 3.0 if sick else 0.05, momentum=0.9)
    return regress(m, sgd, data.friedman(seed), seed, batch_size=64, steps=300)


@pair("lr_too_high", acceptable=(*OF_DIVERGENCE, "dead_relu", "plateau", "vanishing_gradient"))
def lr_high_cnn(seed: int, sick: bool) -> Case:
    """Adam at 0.3."""
    m = nets.cnn((8, 16), act="gelu")
    adam = Adam(m.parameters(), 0.3 if sick else 3e-3)
    return classify(m, adam, data.shapes(seed), seed, batch_size=32, steps=250)


@pair("lr_too_low", acceptable=("underfitting", "plateau"))
def lr_too_low_sgd(seed: int, sick: bool) -> Case:
    """SGD at 0.0001."""
    m = nets.mlp([64, 64, 64, 10])
    sgd = SGD(m.parameters(), 1e-4 if sick else 0.1, momentum=0.0 if sick else 0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=350)


@pair("lr_too_low", acceptable=("underfitting", "plateau", "scheduler_misuse"), onset=10)
def scheduler_kills_lr(seed: int, sick: bool) -> Case:
    """A decay meant for epochs is made at every batch: after 60 the rate is gone."""
    m = nets.mlp([64, 64, 64, 10])
    sgd = SGD(m.parameters(), 0.1, momentum=0.9)
    factor = 0.8 if sick else 0.8 ** (1 / 20)
    schedule = LambdaLR(sgd, lambda step: factor**step)
    return classify(
        m, sgd, data.table("digits", seed), seed, batch_size=64, steps=350, scheduler=schedule
    )
