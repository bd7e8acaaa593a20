"""Generators that stop generating."""

from __future__ import annotations

from torch.optim import Adam

from tests.zoo import data
from tests.zoo.core import Case, pair
from tests.zoo.generators import VAE
from tests.zoo.losses import variational
from tests.zoo.tasks import case


@pair("posterior_collapse", acceptable=("underfitting", "plateau"))
def vae_posterior_collapse(seed: int, sick: bool) -> Case:
    """A divergence weighted by 60: the code says nothing of the image."""
    x, _, x_val, _ = data.table("digits", seed, 450)
    m = VAE()
    loss = variational(60.0 if sick else 1.0)
    fields = {"batch_size": 64, "steps": 450, "loss_fn": loss, "task": "vae"}
    return case(m, Adam(m.parameters(), 3e-3), (x, x, x_val, x_val), seed, **fields)
