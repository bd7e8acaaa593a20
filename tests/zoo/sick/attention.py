"""Attention that looks at one place only."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW

from tests.zoo import data
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, warm_cosine
from tests.zoo.transformers import ViT

OF_SHARPNESS = (
    *("saturated_activations", "bad_init_scale", "vanishing_gradient", "underfitting"),
    *("plateau", "exploding_gradient", "overfitting"),
)


@pair("attention_collapse", acceptable=OF_SHARPNESS)
def attention_entropy_collapse(seed: int, sick: bool) -> Case:
    """Scores not divided by the root of the width, and queries and keys too large."""
    m = ViT(scale=not sick, layers=2)
    if sick:
        for block in m.blocks:
            nn.init.normal_(block.attn.q.weight, std=1.5)
            nn.init.normal_(block.attn.k.weight, std=1.5)
    adamw = AdamW(m.parameters(), 2e-3, weight_decay=0.05)
    split, schedule = data.shapes(seed, 2000), warm_cosine(adamw, 40, 420)
    return classify(m, adamw, split, seed, batch_size=32, steps=400, scheduler=schedule)
