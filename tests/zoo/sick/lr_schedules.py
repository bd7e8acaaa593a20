"""Schedules in the wrong unit, and rates that never fall."""

from __future__ import annotations

from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, MultiStepLR, StepLR

from tests.zoo import builds, data, nets, scenes, text
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE
from tests.zoo.tasks import case, classify, predict_text, regress
from tests.zoo.transformers import GPT


@pair("plateau_needs_decay", acceptable=("lr_too_high", "plateau"))
def noise_floor_small_batches(seed: int, sick: bool) -> Case:
    """Small batches and a constant rate: the loss falls, then sits on the floor of its own
    noise."""
    m = nets.mlp([10, 48, 4], "tanh")
    o = SGD(m.parameters(), 0.3)
    s = None if sick else CosineAnnealingLR(o, 1200)
    return classify(m, o, data.blobs(seed, spread=2.2), seed, batch_size=4, steps=1200, scheduler=s)


@pair("plateau_needs_decay", acceptable=("lr_too_high", "plateau"))
def noise_floor_adam_wave(seed: int, sick: bool) -> Case:
    """A curve fitted with Adam at a constant 0.02: it shakes around the curve and never settles."""
    m = nets.mlp([1, 64, 64, 1], "tanh")
    o = Adam(m.parameters(), 0.02)
    s = None if sick else CosineAnnealingLR(o, 1000)
    return regress(m, o, data.sine(seed, noise=0.02), seed, batch_size=16, steps=1000, scheduler=s)


@pair("plateau_needs_decay", acceptable=("lr_too_high", "plateau"))
def noise_floor_autoencoder(seed: int, sick: bool) -> Case:
    """An autoencoder with Adam at 0.02 throughout; the sibling's rate falls along a cosine."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = nets.mlp([64, 48, 16, 48, 64], "silu")
    o = Adam(m.parameters(), 0.02)
    return case(
        m,
        o,
        (x, x, x_val, x_val),
        seed,
        batch_size=16,
        steps=900,
        loss_fn=MSE,
        task="reconstruction",
        scheduler=None if sick else CosineAnnealingLR(o, 900),
    )


@pair(
    "scheduler_misuse", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"), onset=30
)
def step_decay_in_batches(seed: int, sick: bool) -> Case:
    """StepLR(10, 0.5), meant for epochs, moves every batch: the rate is gone after a hundred of
    them."""
    m = nets.cnn((8, 16))
    o = SGD(m.parameters(), 0.02, momentum=0.9)
    return classify(
        m,
        o,
        data.shapes(seed),
        seed,
        batch_size=32,
        steps=280,
        scheduler=StepLR(o, 10 if sick else 100, 0.5),
    )


@pair(
    "scheduler_misuse", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"), onset=10
)
def milestones_in_batches(seed: int, sick: bool) -> Case:
    """Milestones at epochs 10, 20 and 30 are counted in batches."""
    m = nets.RNNHead("lstm", 1, 24, 1)
    o = Adam(m.parameters(), 0.01)
    at = [10, 20, 30] if sick else [200, 250, 280]
    return regress(
        m,
        o,
        data.sine_series(seed),
        seed,
        batch_size=64,
        steps=300,
        scheduler=MultiStepLR(o, at, 0.1),
    )


@pair("scheduler_misuse", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"))
def warm_up_in_epochs(seed: int, sick: bool) -> Case:
    """A warm-up of 20 epochs is given 20 000 batches: the run ends while the rate still crawls."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = GPT(v, 24)
    o = AdamW(m.parameters(), 0.004)
    return predict_text(
        m,
        o,
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=280,
        scheduler=LambdaLR(o, lambda t: min(1.0, (t + 1) / (20000 if sick else 30))),
    )


@pair(
    "scheduler_misuse", acceptable=("lr_too_low", "underfitting", "plateau", "no_signal"), onset=20
)
def decay_exponential_in_batches(seed: int, sick: bool) -> Case:
    """ExponentialLR(0.9) is stepped beside every optimizer.step()."""
    m = builds.Text()
    o = Adam(m.parameters(), 0.005)
    return classify(
        m,
        o,
        scenes.topics(seed),
        seed,
        batch_size=64,
        steps=250,
        scheduler=ExponentialLR(o, 0.9 if sick else 0.995),
    )
