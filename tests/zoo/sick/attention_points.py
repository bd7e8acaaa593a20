"""Attention that looks at one token alone."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW

from tests.zoo import builds, scenes, text
from tests.zoo.consequences import STUCK
from tests.zoo.core import Case, pair
from tests.zoo.losses import accuracy, next_token
from tests.zoo.tasks import case, predict_text
from tests.zoo.transformers import GPT


def sharpen(m, std):
    """Larger queries and keys in every block."""
    for block in m.blocks:
        nn.init.normal_(block.attn.q.weight, std=std)
        nn.init.normal_(block.attn.k.weight, std=std)


@pair(
    "attention_collapse",
    acceptable=(
        "saturated_activations",
        "bad_init_scale",
        "vanishing_gradient",
        "exploding_gradient",
        "overfitting",
        "lr_too_high",
        *STUCK,
    ),
)
def attention_collapse_gpt(seed: int, sick: bool) -> Case:
    """A language model with unscaled scores and heavy queries: each letter looks at one other."""
    (x, y, x_val, y_val), v = text.grammar(seed, length=24)
    m = GPT(v, 24, scale=not sick)
    if sick:
        sharpen(m, 1.2)
    return predict_text(
        m, AdamW(m.parameters(), 0.003), (x, y, x_val, y_val), seed, batch_size=32, steps=250
    )


@pair(
    "attention_collapse",
    acceptable=(
        "saturated_activations",
        "bad_init_scale",
        "vanishing_gradient",
        "exploding_gradient",
        "overfitting",
        "lr_too_high",
        *STUCK,
    ),
)
def attention_collapse_encoder(seed: int, sick: bool) -> Case:
    """Reading backwards needs aimed attention; heavy queries nail it down before it is aimed."""
    m = builds.Encoder(scale=not sick, layers=1)
    if sick:
        sharpen(m, 1.5)
    return case(
        m,
        AdamW(m.parameters(), 0.003),
        scenes.mirrored(seed),
        seed,
        batch_size=64,
        steps=200,
        loss_fn=next_token,
        metric_fn=accuracy,
    )
