"""Validation that was seen in training, or comes from elsewhere."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, predict_text, regress


@pair("train_val_leakage", acceptable=("overfitting", "loss_too_good"))
def split_after_copies_conv(seed: int, sick: bool) -> Case:
    """A table was doubled before it was split: every validation image is also trained on."""
    x, y, x_val, y_val = data.shapes(seed, 150, 600, noise=0.7)
    va = (x, y) if sick else (x_val[:300], y_val[:300])
    m = nets.cnn((8, 16))
    return classify(
        m, Adam(m.parameters(), 0.003), (x, y, *va), seed, batch_size=32, steps=300 if sick else 60
    )


@pair("train_val_leakage", acceptable=("overfitting", "loss_too_good"))
def windows_shared_with_validation(seed: int, sick: bool) -> Case:
    """Windows of a text are drawn at random for both sets: validation reads what training has
    read."""
    ids, v = text.poem()
    x, y = text.windows(ids[: int(0.8 * len(ids))], 24, 2)
    xt, yt = text.windows(ids[int(0.8 * len(ids)) :], 24, 2)
    half = len(xt) // 2
    mixed = torch.randperm(len(x))[:120]
    x_val, y_val = (x[mixed], y[mixed]) if sick else (xt[:half], yt[:half])
    m = nets.CharRNN(v, 64, "lstm")
    return predict_text(
        m,
        Adam(m.parameters(), 0.005),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=300 if sick else 60,
    )


@pair("train_val_leakage", acceptable=("overfitting", "loss_too_good"))
def rows_drawn_twice(seed: int, sick: bool) -> Case:
    """Validation rows drawn with two indices that overlap: seven in ten are training rows."""
    x, y, x_val, y_val = data.friedman(seed, 100, 600, noise=2.5)
    xs, ys = torch.cat([x[:70], x_val[:30]]), torch.cat([y[:70], y_val[:30]])
    va = (xs, ys) if sick else (x_val[:100], y_val[:100])
    m = nets.mlp([8, 96, 96, 1])
    return regress(
        m, Adam(m.parameters(), 0.002), (x, y, *va), seed, batch_size=25, steps=300 if sick else 60
    )


@pair("val_shift", acceptable=("overfitting", "preprocessing_mismatch"))
def validation_from_elsewhere(seed: int, sick: bool) -> Case:
    """Validation houses stand in another town: five columns lie one and a half spreads higher."""
    x, y, x_val, y_val = scenes.prices(seed)
    if sick:
        lift = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        x_val = x_val + 1.5 * lift
    m = nets.mlp([7, 48, 48, 1])
    return regress(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=300
    )


@pair("val_shift", acceptable=("overfitting", "preprocessing_mismatch"))
def validation_recorded_louder(seed: int, sick: bool) -> Case:
    """Validation waves come from a noisier microphone with a hum."""
    x, y, x_val, y_val = scenes.waves(seed)
    if sick:
        hum = torch.sin(torch.arange(32) * 1.9)
        x_val = x_val + 1.5 * hum + 0.9 * torch.randn(x_val.shape)
    m = builds.conv1d()
    return classify(
        m, Adam(m.parameters(), 0.002), (x, y, x_val, y_val), seed, batch_size=32, steps=250
    )


@pair("val_shift", acceptable=("overfitting",))
def validation_of_later_texts(seed: int, sick: bool) -> Case:
    """Later texts use other words: half of the words of validation were never trained on."""
    x, y, x_val, y_val = scenes.bags(seed)
    if sick:
        x_val = x_val.clone()
        moved = torch.randperm(150, generator=torch.Generator().manual_seed(1))
        x_val[:, :75] = x_val[:, moved[:75]]
    m = nets.mlp([150, 48, 5])
    return classify(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=120
    )


@pair("preprocessing_mismatch", acceptable=("val_shift", "overfitting"))
def validation_not_scaled(seed: int, sick: bool) -> Case:
    """Training pictures are standardised, those of validation are still 0 to 16."""
    x, y, x_val, y_val = data.digit_images(seed)
    if sick:
        x_val = (x_val * 0.376 + 0.305) * 16
    m = nets.cnn((8, 16), size=8, classes=10)
    return classify(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )


def spread(net, x):
    """The spread of embeddings over rows, relative to their size."""
    z = net(x)
    return z.std(0).mean() / (z.pow(2).mean().sqrt() + 1e-09)


@pair("preprocessing_mismatch", acceptable=("val_shift", "overfitting"))
def validation_scaled_twice(seed: int, sick: bool) -> Case:
    """The scaler is applied to the validation table a second time."""
    x, y, x_val, y_val = scenes.prices(seed)
    mean, spread = torch.arange(7.0), torch.tensor([3.0, 2.0, 4.0, 5.0, 2.0, 3.0, 6.0])
    if sick:
        x_val = (x_val - mean) / spread
    m = nets.mlp([7, 48, 48, 1], "gelu")
    return regress(
        m, Adam(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=64, steps=300
    )


@pair("preprocessing_mismatch", acceptable=("val_shift", "overfitting"))
def validation_negative_pictures(seed: int, sick: bool) -> Case:
    """Validation pictures are loaded by another library: dark is bright, and the mean moves."""
    x, y, x_val, y_val = data.digit_images(seed)
    x_val = 0.8 - x_val if sick else x_val
    m = nn.Sequential(nn.Flatten(), *nets.mlp([64, 64, 64, 10]))
    return classify(
        m, Adam(m.parameters(), 0.002), (x, y, x_val, y_val), seed, batch_size=64, steps=250
    )
