"""Settings that look odd and do no harm."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, OneCycleLR

from tests.zoo import builds, data, nets, scenes
from tests.zoo.core import Case, healthy
from tests.zoo.losses import accuracy, next_token
from tests.zoo.tasks import case, classify, regress, warm_cosine
from tests.zoo.transformers import ViT


@healthy()
def clipped_at_every_step(seed: int) -> Case:
    """Adam clipped at 0.05 in nearly every step: harmless, for Adam's steps do not scale with
    gradients."""
    m = nets.RNNHead("gru", 4, 24, 4)
    return classify(
        m,
        Adam(m.parameters(), 0.005),
        data.first_token(seed, length=12),
        seed,
        batch_size=64,
        steps=300,
        grad_clip=0.05,
    )


@healthy()
def warm_up_bump(seed: int) -> Case:
    """The rate climbs past what is stable for a while, the loss jumps early, and all ends well."""
    m = nets.mlp([7, 48, 48, 1], "silu")
    o = SGD(m.parameters(), 0.12, momentum=0.9)
    return regress(
        m,
        o,
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=400,
        scheduler=OneCycleLR(o, 0.12, 400, pct_start=0.25),
        grad_clip=3.0,
    )


@healthy()
def half_dropped(seed: int) -> Case:
    """Dropout 0.5: the training loss stays well above the validation loss."""
    m = nn.Sequential(
        nn.Dropout(0.5), nn.Linear(150, 96), nn.ReLU(), nn.Dropout(0.5), nn.Linear(96, 5)
    )
    return classify(
        m, Adam(m.parameters(), 0.003), scenes.bags(seed), seed, batch_size=64, steps=300
    )


@healthy()
def eps_of_a_millionth(seed: int) -> Case:
    """AdamW with eps=1e-6, as language models like it."""
    m = builds.Encoder()
    return case(
        m,
        AdamW(m.parameters(), 0.003, eps=1e-06, betas=(0.9, 0.95), weight_decay=0.1),
        scenes.mirrored(seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=next_token,
        metric_fn=accuracy,
    )


@healthy()
def long_momentum(seed: int) -> Case:
    """Momentum 0.99 at a small rate and over enough steps."""
    m = builds.conv1d()
    return classify(
        m,
        SGD(m.parameters(), 0.0015, momentum=0.99),
        scenes.waves(seed),
        seed,
        batch_size=32,
        steps=600,
    )


@healthy()
def nesterov_sets(seed: int) -> Case:
    """Nesterov momentum on sets of points."""
    m = builds.DeepSets()
    return classify(
        m,
        SGD(m.parameters(), 0.1, momentum=0.9, nesterov=True),
        scenes.clouds(seed),
        seed,
        batch_size=32,
        steps=600,
    )


@healthy()
def cyclic_rate(seed: int) -> Case:
    """The rate goes up and down eight times, and the loss with it."""
    m = nets.mlp([7, 48, 48, 1], "gelu")
    o = SGD(m.parameters(), 0.001, momentum=0.9)
    return regress(
        m,
        o,
        scenes.prices(seed),
        seed,
        batch_size=64,
        steps=480,
        scheduler=CyclicLR(o, 0.001, 0.05, 30, cycle_momentum=False),
    )


@healthy()
def gathered_batch_norm(seed: int) -> Case:
    """Batch norm with gradients gathered over four batches of sixteen."""
    m = builds.conv1d(norm=True)
    return classify(
        m,
        Adam(m.parameters(), 0.004),
        scenes.waves(seed),
        seed,
        batch_size=16,
        steps=400,
        zero_grad_every=4,
    )


@healthy()
def small_resnet(seed: int) -> Case:
    """A residual network whose rate is large for its batch norms to tame."""
    m = nets.ResNet(6, 2)
    o = SGD(m.parameters(), 0.2, momentum=0.9, weight_decay=0.0005)
    x, y, x_val, y_val = data.digit_images(seed)
    return classify(
        m,
        o,
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=180,
        scheduler=CosineAnnealingLR(o, 180),
    )


@healthy(acceptable=("unnormalised_targets",))
def large_targets_learnt(seed: int) -> Case:
    """Targets near fifty under Adam at a fitting rate: they are learnt."""
    x, y, x_val, y_val = scenes.prices(seed)
    m = nets.mlp([7, 64, 64, 1])
    o = Adam(m.parameters(), 0.01)
    return regress(
        m,
        o,
        (x, 15 * y, x_val, 15 * y_val),
        seed,
        batch_size=64,
        steps=450,
        scheduler=CosineAnnealingLR(o, 450),
    )


@healthy()
def smoothed_labels_vit(seed: int) -> Case:
    """Label smoothing 0.2 in a vision transformer: no loss below 0.7 is to be had."""
    m = ViT()
    o = AdamW(m.parameters(), 0.002, weight_decay=0.05)
    return classify(
        m,
        o,
        data.shapes(seed, 1600),
        seed,
        batch_size=32,
        steps=350,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.2),
        scheduler=warm_cosine(o, 35, 360),
    )


@healthy()
def plain_encoder_series(seed: int) -> Case:
    """torch's own encoder layers over series."""
    m = builds.TorchEncoder(32, dropout=0.1)
    o = AdamW(m.parameters(), 0.003)
    return classify(
        m, o, scenes.waves(seed), seed, batch_size=32, steps=300, scheduler=warm_cosine(o, 30, 310)
    )
