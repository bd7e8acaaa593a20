"""Half precision out of its range, and formulas out of theirs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, nets, scenes
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.losses import CE, explained
from tests.zoo.tasks import case, classify


@pair(
    "unstable_loss",
    acceptable=(
        "nonfinite_loss",
        "lr_too_high",
        "double_softmax",
        "unnormalised_inputs",
        "bad_init_scale",
        "exploding_gradient",
    ),
)
def log_of_softmax(seed: int, sick: bool) -> Case:
    """Cross-entropy by hand, -log(softmax): a sure wrong answer is the logarithm of nought."""
    m = nets.mlp([64, 64, 10])
    nn.init.normal_(m[-1].weight, std=3.0)

    def loss(out, t):
        return (
            -(functional.softmax(out, 1).log() if sick else functional.log_softmax(out, 1))
            .gather(1, t[:, None])
            .mean()
        )

    x, y, x_val, y_val = data.table("digits", seed)
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        (5 * x, y, 5 * x_val, y_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=loss,
    )


def right_tags(out, t):
    """Share of right yes-or-no answers."""
    return ((out > 0).float() == t).float().mean()


@pair(
    "unstable_loss",
    acceptable=("nonfinite_loss", "lr_too_high", "overfitting"),
    ok_acceptable=("overfitting",),
)
def binary_by_hand(seed: int, sick: bool) -> Case:
    """Binary cross-entropy written out with log(p) and log(1-p): float32 rounds a sure answer to
    one."""
    x, y, x_val, y_val = scenes.tags(seed)
    m = nets.mlp([12, 64, 64, 6], "silu")

    def loss(out, t):
        if not sick:
            return functional.binary_cross_entropy_with_logits(out, t)
        p = out.sigmoid()
        return -(t * p.log() + (1 - t) * (1 - p).log()).mean()

    return case(
        m,
        Adam(m.parameters(), 0.01),
        (x, y, x_val, y_val),
        seed,
        batch_size=64,
        steps=500,
        loss_fn=loss,
        task="tags",
        metric_fn=right_tags,
    )


@pair(
    "unstable_loss",
    acceptable=(
        "nonfinite_loss",
        "lr_too_high",
        "exploding_gradient",
        "unnormalised_inputs",
        "bad_init_scale",
    ),
)
def softplus_by_hand(seed: int, sick: bool) -> Case:
    """log(1 + exp(x)) by hand in a binary loss: exp overflows where softplus would not."""
    x, y, x_val, y_val = scenes.tags(seed)
    m = nets.mlp([12, 64, 6], "relu")
    with torch.no_grad():
        m[-1].weight.mul_(20)

    def loss(out, t):
        soft = (1 + out.exp()).log() if sick else functional.softplus(out)
        return (soft - t * out).mean()

    return case(
        m,
        Adam(m.parameters(), 0.01),
        (6 * x, y, 6 * x_val, y_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=loss,
        task="tags",
        metric_fn=right_tags,
    )


@pair(
    "fp16_overflow",
    acceptable=(
        "nonfinite_loss",
        "exploding_gradient",
        "attention_collapse",
        "bad_init_scale",
        "unstable_loss",
    ),
)
def half_scores_overflow(seed: int, sick: bool) -> Case:
    """Attention scores in float16, scaled after the product: some pass 65504."""

    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.softmax = (
                nn.Linear(24, 24),
                nn.Linear(24, 24),
                nn.Linear(24, 24),
                nn.Softmax(-1),
            )

        def forward(self, x):
            a = self.q(60 * x) @ self.k(60 * x).transpose(1, 2) / 3600
            return x + self.softmax(a) @ self.v(x)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.attn, self.head = nn.Embedding(150, 24), Scores(), nn.Linear(24, 5)

        def forward(self, t):
            return self.head(self.attn(6 * self.emb(t)).mean(1))

    m = Reader()
    return classify(
        m,
        Adam(m.parameters(), 0.003),
        scenes.topics(seed),
        seed,
        batch_size=64,
        steps=200,
        amp=torch.float16 if sick else torch.bfloat16,
    )


@pair(
    "fp16_overflow",
    acceptable=("nonfinite_loss", "exploding_gradient", "unnormalised_inputs", "bad_init_scale"),
)
def half_energy_overflow_conv(seed: int, sick: bool) -> Case:
    """The energy of 16-bit sound samples is pooled in float16 before its logarithm."""
    x, y, x_val, y_val = scenes.waves(seed)

    class Energy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 16, 5, padding=2)
            self.norm = nn.BatchNorm1d(16)
            self.rest = nn.Sequential(
                nn.Flatten(), nn.Linear(16 * 32, 48), nn.ReLU(), nn.Linear(48, 3)
            )

        def forward(self, t):
            h = self.conv(300 * t)
            return self.rest(self.norm(h.abs() * h).sign() * (h * h + 1).log() / 10)

    m = Energy()
    return classify(
        m,
        Adam(m.parameters(), 0.002),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=200,
        amp=torch.float16 if sick else torch.bfloat16,
    )


def scaler(on):
    """A gradient scaler for half precision on this machine, or none."""
    return torch.amp.GradScaler("cpu") if on else None


@pair("fp16_underflow", acceptable=("vanishing_gradient", "no_update", *STUCK))
def half_underflow_small_loss(seed: int, sick: bool) -> Case:
    """A loss weighted by 1e-5 in float16 without a scaler: its gradients are below the smallest
    half."""
    m = nets.mlp([64, 64, 64, 10], "tanh")

    def loss(out, t):
        return 1e-05 * CE(out.float(), t)

    return classify(
        m,
        Adam(m.parameters(), 0.002, eps=1e-12),
        data.table("digits", seed),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=loss,
        amp=torch.float16,
        scaler=scaler(not sick),
    )


@pair("fp16_underflow", acceptable=("vanishing_gradient", "no_update", *STUCK))
def half_underflow_pixels(seed: int, sick: bool) -> Case:
    """A mean over many pixels of a lightly weighted loss, in float16: each pixel's share is flushed
    to nought."""
    m = builds.UNet()

    def loss(out, t):
        return 0.001 * functional.cross_entropy(out.float(), t)

    def right(out, t):
        return (out.argmax(1) == t).float().mean()

    x, y, x_val, y_val = scenes.masks(seed)
    return classify(
        m,
        Adam(m.parameters(), 0.003, eps=1e-12),
        (x, y, x_val, y_val),
        seed,
        batch_size=32,
        steps=200,
        loss_fn=loss,
        metric_fn=right,
        amp=torch.float16,
        scaler=scaler(not sick),
    )


@pair(
    "fp16_underflow", acceptable=("vanishing_gradient", "no_update", "unnormalised_targets", *STUCK)
)
def half_underflow_metres(seed: int, sick: bool) -> Case:
    """Targets of a few micrometres in metres, float16, no scaler: squares that small have no
    gradient."""
    x, y, x_val, y_val = data.friedman(seed)
    m = nets.mlp([8, 48, 48, 1], "gelu")
    with torch.no_grad():
        m[-1].weight.mul_(0.01)
        m[-1].bias.zero_()

    def loss(out, t):
        return functional.mse_loss(0.001 * out.float(), t)

    def told(out, t):
        return explained(0.001 * out, t)

    o = Adam(m.parameters(), 0.003, eps=1e-12)
    return case(
        m,
        o,
        (x, 0.001 * y, x_val, 0.001 * y_val),
        seed,
        batch_size=64,
        steps=300,
        loss_fn=loss,
        task="regression",
        metric_fn=told,
        amp=torch.float16,
        scaler=scaler(not sick),
    )
