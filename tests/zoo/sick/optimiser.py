"""Optimizers and clipping with numbers that do not fit, and weights that grow."""

from __future__ import annotations

from torch import Tensor
from torch.optim import SGD, Adam

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.losses import CE
from tests.zoo.tasks import classify

OF_SLOWNESS = ("lr_too_low", "underfitting", "plateau")


@pair("over_clipping", acceptable=OF_SLOWNESS)
def clip_too_tight(seed: int, sick: bool) -> Case:
    """Clipped to a norm of 0.001 at every step."""
    m = nets.mlp([64, 64, 64, 10])
    sgd, norm = SGD(m.parameters(), 0.05, momentum=0.9), 1e-3 if sick else 5.0
    return classify(
        m, sgd, data.table("digits", seed), seed, batch_size=64, steps=350, grad_clip=norm
    )


OF_OVERSHOOT = (
    *("lr_too_high", "loss_spikes", "exploding_gradient"),
    *("weight_blowup", "plateau", "dead_relu"),
)


@pair("stale_momentum", acceptable=OF_OVERSHOOT)
def stale_momentum(seed: int, sick: bool) -> Case:
    """Momentum of 0.999: gradients of a thousand steps ago still steer."""
    m = nets.mlp([64, 64, 64, 10], "tanh")
    sgd = SGD(m.parameters(), 0.02, momentum=0.999 if sick else 0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=400)


@pair("optimiser_misconfigured", acceptable=OF_SLOWNESS)
def adam_huge_eps(seed: int, sick: bool) -> Case:
    """Adam with an eps of 1, out of another framework's recipe: steps a hundredth as long."""
    m = nets.mlp([64, 64, 64, 10])
    adam = Adam(m.parameters(), 1e-3, eps=1.0 if sick else 1e-8)
    return classify(m, adam, data.table("digits", seed), seed, batch_size=64, steps=350)


OF_REWARD = (
    *("loss_unbounded", "exploding_gradient", "lr_too_high", "nonfinite_loss"),
    *("saturated_activations", "wrong_objective", "loss_spikes"),
)


@pair("weight_blowup", acceptable=OF_REWARD)
def regulariser_sign_flipped(seed: int, sick: bool) -> Case:
    """A penalty written by hand with the wrong sign: weights are paid to grow."""
    m = nets.mlp([64, 64, 64, 10])
    price = (-1 if sick else 1) * 2e-3

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return CE(out, y) + price * sum(p.pow(2).sum() for p in m.parameters())

    adam = Adam(m.parameters(), 5e-3)
    return classify(
        m, adam, data.table("digits", seed), seed, batch_size=64, steps=400, loss_fn=loss
    )
