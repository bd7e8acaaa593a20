"""Constants of optimizers, clipping, weights that grow."""

from __future__ import annotations

import torch
from torch.optim import SGD, Adam, AdamW, RMSprop

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, global_norm, pair
from tests.zoo.losses import CE, MSE, accuracy, next_token
from tests.zoo.tasks import case, classify, regress
from tests.zoo.transformers import ViT


@pair("over_clipping", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def clip_tight_encoder(seed: int, sick: bool) -> Case:
    """A transformer encoder by SGD, clipped at 0.005; the sibling is clipped at 2."""
    m = builds.Encoder()
    o = SGD(m.parameters(), 0.2, momentum=0.9)
    return case(
        m,
        o,
        scenes.mirrored(seed),
        seed,
        batch_size=64,
        steps=400,
        loss_fn=next_token,
        metric_fn=accuracy,
        grad_clip=0.005 if sick else 2.0,
    )


@pair("over_clipping", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def clip_tight_regression(seed: int, sick: bool) -> Case:
    """Clipping at 0.01 in a regression whose gradients are near one."""
    m = nets.mlp([7, 48, 48, 1], "silu")
    return regress(
        m,
        SGD(m.parameters(), 0.02, momentum=0.9),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=300,
        grad_clip=0.01 if sick else 10.0,
    )


@pair("stale_momentum", acceptable=("optimiser_misconfigured", "plateau_needs_decay", *WILD))
def stale_momentum_adam(seed: int, sick: bool) -> Case:
    """Adam's first beta is 0.999: the average is older than most of the run."""
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m,
        Adam(m.parameters(), 0.01, betas=(0.999 if sick else 0.9, 0.999)),
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=250,
    )


@pair("stale_momentum", acceptable=("dead_relu", "optimiser_misconfigured", *WILD))
def stale_momentum_nesterov_conv(seed: int, sick: bool) -> Case:
    """A CNN with Nesterov momentum 0.998."""
    m = nets.cnn((8, 16))
    o = SGD(m.parameters(), 0.02, momentum=0.998 if sick else 0.9, nesterov=True)
    return classify(m, o, data.shapes(seed), seed, batch_size=32, steps=280)


@pair("optimiser_misconfigured", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def rmsprop_huge_eps_gru(seed: int, sick: bool) -> Case:
    """RMSprop with eps=1: every gradient is divided by one."""
    m = nets.RNNHead("gru", 4, 24, 4)
    o = RMSprop(m.parameters(), 0.002, eps=1.0 if sick else 1e-08)
    return classify(m, o, data.first_token(seed, length=10), seed, batch_size=64, steps=250)


@pair("optimiser_misconfigured", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def adamw_eps_vit(seed: int, sick: bool) -> Case:
    """A vision transformer under AdamW with eps=0.1, above all its gradients."""
    m = ViT()
    o = AdamW(m.parameters(), 0.002, eps=0.1 if sick else 1e-08, weight_decay=0.05)
    return classify(m, o, data.shapes(seed, 1600), seed, batch_size=32, steps=300)


@pair("optimiser_misconfigured", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def sgd_full_dampening(seed: int, sick: bool) -> Case:
    """Momentum with dampening 0.99: nearly nothing of a new gradient comes in."""
    m = nets.mlp([7, 48, 48, 1], "silu")
    o = SGD(m.parameters(), 0.02, momentum=0.9, dampening=0.99 if sick else 0.0)
    return regress(m, o, scenes.prices(seed), seed, batch_size=64, steps=300)


@pair(
    "weight_blowup",
    acceptable=(
        "loss_unbounded",
        "wrong_objective",
        "saturated_activations",
        "lr_too_high",
        "exploding_gradient",
        "loss_spikes",
        "nonfinite_loss",
        "plateau",
        "underfitting",
    ),
)
def penalty_sign_series(seed: int, sick: bool) -> Case:
    """A hand-written L1 term is subtracted instead of added: the weights of a network over time are
    paid to grow."""
    m, split = builds.conv1d(), scenes.waves(seed)
    lam = -0.003 if sick else 0.0001

    def loss(out, y):
        return CE(out, y) + lam * sum(p.abs().sum() for p in m.parameters())

    return classify(
        m, Adam(m.parameters(), 0.005), split, seed, batch_size=32, steps=300, loss_fn=loss
    )


def decaying(m, o, factor):
    """A loop that decays the weights by hand after every step."""

    def step(run, batch):
        o.zero_grad()
        loss = MSE(m(batch[0]), batch[1])
        loss.backward()
        run.grad_norm = global_norm(m)
        run.on_backward(run)
        o.step()
        with torch.no_grad():
            for p in m.parameters():
                p.mul_(factor)
        return loss

    return step


@pair(
    "weight_blowup",
    acceptable=(
        "saturated_activations",
        "vanishing_gradient",
        "lr_too_high",
        "exploding_gradient",
        "loss_spikes",
        "nonfinite_loss",
        "plateau",
        "underfitting",
    ),
)
def decay_by_hand_sign(seed: int, sick: bool) -> Case:
    """Decoupled decay by hand multiplies the weights by 1.02 where 0.9998 was meant."""
    m = nets.mlp([7, 48, 48, 1], "tanh")
    o = Adam(m.parameters(), 0.008)
    return regress(
        m,
        o,
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=300,
        step_fn=decaying(m, o, 1.02 if sick else 0.9998),
    )


@pair("over_clipping", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def shapes_vit_crawls(seed: int, sick: bool) -> Case:
    """A vision transformer by SGD, clipped at 0.01."""
    m = ViT()
    return classify(
        m,
        SGD(m.parameters(), 0.05, momentum=0.9),
        data.shapes(seed, 1600),
        seed,
        batch_size=32,
        steps=350,
        grad_clip=0.01 if sick else 5.0,
    )
