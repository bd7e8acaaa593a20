"""Losses that are driven the wrong way."""

from __future__ import annotations

from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import WILD
from tests.zoo.core import Case, pair
from tests.zoo.generators import Siamese
from tests.zoo.losses import contrastive, pair_accuracy, variational
from tests.zoo.tasks import case, classify, regress


@pair("wrong_objective", acceptable=("loss_unbounded", "no_signal", *WILD))
def loss_sign_series(seed: int, sick: bool) -> Case:
    """The mean log-probability of the right class is minimised; its minus sign is lost."""
    m = builds.conv1d()

    def loss(out, t):
        likely = out.log_softmax(1).gather(1, t[:, None]).mean()
        return likely if sick else -likely

    return classify(
        m,
        Adam(m.parameters(), 0.001),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=250,
        loss_fn=loss,
    )


@pair("wrong_objective", acceptable=("no_signal", *WILD))
def optimizer_maximises(seed: int, sick: bool) -> Case:
    """Adam(maximize=True), left from a reward, climbs the squared error."""
    m = nets.mlp([7, 48, 48, 1], "silu")
    return regress(
        m,
        Adam(m.parameters(), 0.003, maximize=sick),
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=300,
    )


def alike(out, _):
    """Mean squared distance of two normalised views."""
    return (
        (functional.normalize(out[0], dim=1) - functional.normalize(out[1], dim=1))
        .pow(2)
        .sum(1)
        .mean()
    )


@pair("wrong_objective", acceptable=("no_signal", "representation_collapse", "label_noise"))
def pairs_upside_down(seed: int, sick: bool) -> Case:
    """A siamese net whose pairs are marked different where they are alike: the loss improves, the
    answers worsen."""
    x, y, x_val, y_val = data.table("digits", seed, 450)
    (a, b), same = data.pairs(x, y, 3000, seed)
    (c, d), alike = data.pairs(x_val, y_val, 600, seed + 1)
    m = Siamese(64)
    turn = (lambda t: 1 - t) if sick else lambda t: t
    return case(
        m,
        Adam(m.parameters(), 0.002),
        ((a, b), turn(same), (c, d), turn(alike)),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=contrastive,
        task="metric",
        metric_fn=pair_accuracy,
    )


@pair("wrong_objective", acceptable=("loss_unbounded", *WILD))
def vae_divergence_sign(seed: int, sick: bool) -> Case:
    """A VAE is paid for its divergence from the prior."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvVAE()
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x.flatten(1), x_val, x_val.flatten(1)),
        seed,
        batch_size=64,
        steps=350,
        loss_fn=variational(-1.0 if sick else 1.0),
        task="vae",
    )
