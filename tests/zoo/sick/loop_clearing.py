"""Gradients that pile up."""

from __future__ import annotations

from torch.nn import functional
from torch.optim import SGD, Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, global_norm, pair
from tests.zoo.generators import Siamese
from tests.zoo.losses import MSE, contrastive, pair_accuracy
from tests.zoo.tasks import case, classify, regress


@pair(
    "zero_grad_missing",
    "train_mode_wrong",
    acceptable=("stale_momentum", "dead_relu", "overfitting", "bn_running_stats", *WILD),
)
def gathered_and_eval(seed: int, sick: bool) -> Case:
    """A loop written anew forgot both zero_grad() and train()."""
    m = nets.mlp([64, 64, 64, 10], dropout=0.2)
    return classify(
        m,
        SGD(m.parameters(), 0.05),
        data.table("digits", seed),
        seed,
        batch_size=64,
        steps=350,
        zero_grad_every=None if sick else 1,
        train_mode=not sick,
    )


@pair("zero_grad_missing", acceptable=("stale_momentum", "dead_relu", *WILD))
def no_zero_grad_conv_adam(seed: int, sick: bool) -> Case:
    """A network over time with Adam; gradients pile up from the first batch to the last."""
    m = builds.conv1d()
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=250,
        zero_grad_every=None if sick else 1,
    )


@pair("zero_grad_missing", acceptable=("stale_momentum", "saturated_activations", *WILD))
def no_zero_grad_gru(seed: int, sick: bool) -> Case:
    """A recurrent forecast by SGD whose gradients are never cleared."""
    m = nets.RNNHead("gru", 1, 24, 1)
    return regress(
        m,
        SGD(m.parameters(), 0.1),
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=350,
        zero_grad_every=None if sick else 1,
    )


def once_an_epoch(m, o, loss_fn, every):
    """A loop that clears the gradients only where an epoch begins, yet steps at every batch."""

    def step(run, batch):
        if (run.step - 1) % every == 0:
            o.zero_grad()
        loss = loss_fn(m(batch[0]), batch[1])
        loss.backward()
        run.grad_norm = global_norm(m)
        run.on_backward(run)
        o.step()
        return loss

    return step


@pair("zero_grad_missing", acceptable=("stale_momentum", "dead_relu", *WILD), onset=1)
def zero_grad_once_an_epoch(seed: int, sick: bool) -> Case:
    """zero_grad() stands one line too far left: it clears once an epoch, not once a batch."""
    m, split = nets.mlp([7, 48, 48, 1], "silu"), scenes.prices(seed)
    o = SGD(m.parameters(), 0.02, momentum=0.9)
    return regress(
        m,
        o,
        split,
        seed,
        batch_size=64,
        steps=300,
        step_fn=once_an_epoch(m, o, MSE, 15 if sick else 1),
    )


def alike(out, _):
    """Mean squared distance of two normalised views."""
    return (
        (functional.normalize(out[0], dim=1) - functional.normalize(out[1], dim=1))
        .pow(2)
        .sum(1)
        .mean()
    )


@pair(
    "zero_grad_missing",
    acceptable=("stale_momentum", "dead_relu", "representation_collapse", *WILD),
)
def pairs_gather_gradients(seed: int, sick: bool) -> Case:
    """A siamese network whose gradients are never cleared."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    (a, b), same = data.pairs(x, y, 3000, seed)
    (c, d), alike = data.pairs(x_val, y_val, 600, seed + 1)
    m = Siamese(64)
    return case(
        m,
        SGD(m.parameters(), 0.6),
        ((a, b), same, (c, d), alike),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=contrastive,
        task="metric",
        metric_fn=pair_accuracy,
        zero_grad_every=None if sick else 1,
    )
