"""Codes that their decoder does without."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Adam

from tests.zoo import builds, data, text
from tests.zoo.core import Case, pair
from tests.zoo.losses import variational
from tests.zoo.tasks import case


@pair("posterior_collapse", acceptable=("underfitting", "plateau"))
def conv_vae_collapse(seed: int, sick: bool) -> Case:
    """A convolutional VAE with a divergence weight of 80."""
    x, _, x_val, _ = data.digit_images(seed)
    m = builds.ConvVAE()
    return case(
        m,
        Adam(m.parameters(), 0.003),
        (x, x.flatten(1), x_val, x_val.flatten(1)),
        seed,
        batch_size=64,
        steps=400,
        loss_fn=variational(80.0 if sick else 1.0),
        task="vae",
    )


def spread(net, x):
    """The spread of embeddings over rows, relative to their size."""
    z = net(x)
    return z.std(0).mean() / (z.pow(2).mean().sqrt() + 1e-09)


class TextVAE(nn.Module):
    """A code beside a decoder that reads the true text: the code may be idle."""

    def __init__(self, v, z=6, d=32):
        super().__init__()
        self.emb, self.enc, self.dec = (
            nn.Embedding(v, d),
            nn.GRU(d, d, batch_first=True),
            nn.GRU(d + z, d, batch_first=True),
        )
        self.mu, self.logvar, self.head = nn.Linear(d, z), nn.Linear(d, z), nn.Linear(d, v)

    def forward(self, x):
        h = self.emb(x)
        last = self.enc(h)[0][:, -1]
        mu, spread = self.mu(last), self.logvar(last).clamp(-8, 8)
        z = mu + torch.randn_like(mu) * (spread / 2).exp() if self.training else mu
        seen = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], 1)
        return (
            self.head(self.dec(torch.cat([seen, z[:, None].expand(-1, x.shape[1], -1)], -1))[0]),
            mu,
            spread,
        )


@pair("posterior_collapse", acceptable=("underfitting", "plateau"))
def text_vae_collapse(seed: int, sick: bool) -> Case:
    """A text VAE whose divergence counts in full from the start, against free bits in the
    sibling."""
    (x, _y, x_val, _y_val), v = text.grammar(seed, length=24)
    m = TextVAE(v)

    def loss(out, t):
        kl = -0.5 * (1 + out[2] - out[1] ** 2 - out[2].exp()).mean(0)
        kl = 3 * kl.sum() if sick else (kl - 0.7).clamp(min=0).sum()
        return 24 * functional.cross_entropy(out[0].flatten(0, 1), t.flatten()) + kl

    return case(
        m,
        Adam(m.parameters(), 0.005),
        (x, x, x_val, x_val),
        seed,
        batch_size=64,
        steps=250,
        loss_fn=loss,
        task="vae",
    )
