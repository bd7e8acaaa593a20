"""Models too large or too small for their data."""

from __future__ import annotations

from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, classify, predict_text, regress


@pair("overfitting", acceptable=("loss_too_good", "lr_too_high"))
def overfit_few_waves(seed: int, sick: bool) -> Case:
    """Forty noisy waves for a network with thousands of weights."""
    x, y, x_val, y_val = scenes.waves(seed, noise=0.7)
    if sick:
        x, y = x[:40], y[:40]
    m = builds.conv1d()
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        (x, y, x_val, y_val),
        seed,
        batch_size=20 if sick else 32,
        steps=300 if sick else 150,
    )


@pair("overfitting", acceptable=("loss_too_good", "lr_too_high", "label_noise"))
def overfit_noisy_regression(seed: int, sick: bool) -> Case:
    """Ninety rows with noisy targets and 500 steps of Adam."""
    x, y, x_val, y_val = data.friedman(seed, 1200, 400, noise=5.0)
    if sick:
        x, y = x[:90], y[:90]
    m = nets.mlp([8, 96, 96, 1])
    return regress(
        m,
        Adam(m.parameters(), 0.003),
        (x, y, x_val, y_val),
        seed,
        batch_size=15 if sick else 64,
        steps=500 if sick else 100,
    )


@pair("underfitting", acceptable=("plateau", "lr_too_low", "dead_relu"))
def underfit_bottleneck(seed: int, sick: bool) -> Case:
    """An autoencoder that must tell 64 pixels with one number."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvCoder(1 if sick else 16)
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=400,
        loss_fn=MSE,
        task="reconstruction",
    )


@pair("underfitting", acceptable=("plateau", "lr_too_low", "vanishing_gradient"))
def underfit_two_states(seed: int, sick: bool) -> Case:
    """A character model whose memory is three numbers wide."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = nets.CharRNN(v, 3 if sick else 40, "gru")
    return predict_text(
        m, Adam(m.parameters(), 0.01), (x, y, x_val, y_val), seed, batch_size=32, steps=300
    )
