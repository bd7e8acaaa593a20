"""Networks with a loss of their own: generative, contrastive, of experts, of physics."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo.nets import mlp


class VAE(nn.Module):
    def __init__(self, inputs: int = 64, width: int = 64, code: int = 4) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(inputs, width), nn.ReLU())
        self.mu, self.logvar = nn.Linear(width, code), nn.Linear(width, code)
        self.dec = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, inputs))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.enc(x)
        mu, log_variance = self.mu(h), self.logvar(h).clamp(-8, 8)
        z = mu
        if self.training:
            z = mu + torch.randn_like(mu) * (0.5 * log_variance).exp()
        return self.dec(z), mu, log_variance


class MoE(nn.Module):
    """A mixture of experts of which each row takes one; gives (logits, gates)."""

    def __init__(self, inputs: int, width: int, experts: int, classes: int) -> None:
        super().__init__()
        self.inp, self.act = nn.Linear(inputs, width), nn.ReLU()
        self.gate, self.softmax = nn.Linear(width, experts), nn.Softmax(-1)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(experts)
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.act(self.inp(x))
        gates = self.softmax(self.gate(h))
        top = gates.argmax(-1)
        out = torch.zeros_like(h)
        for n, expert in enumerate(self.experts):
            rows = top == n
            if rows.any():
                out[rows] = expert(h[rows]) * gates[rows, n : n + 1]
        return self.head(h + out), gates


class Siamese(nn.Module):
    def __init__(self, inputs: int, width: int = 64, code: int = 8) -> None:
        super().__init__()
        self.net = mlp([inputs, width, width, code])

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return functional.normalize(self.net(a), dim=-1), functional.normalize(self.net(b), dim=-1)


class Denoiser(nn.Module):
    """A diffusion model of points: it draws time and noise itself; gives (prediction, noise)."""

    def __init__(self, width: int = 96, times: int = 50) -> None:
        super().__init__()
        self.register_buffer("abar", torch.cumprod(1 - torch.linspace(1e-3, 0.15, times), 0))
        self.net, self.times = mlp([2 + 8, width, width, width, 2], act="silu"), times

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        t, noise = self._draw(x)
        kept, at = self.abar[t][:, None], t[:, None].float() / self.times
        waves = [wave(at * k) for wave in (torch.sin, torch.cos) for k in (1, 2, 4, 8)]
        noisy = kept.sqrt() * x + (1 - kept).sqrt() * noise
        return self.net(torch.cat([noisy, torch.cat(waves, 1)], 1)), noise

    def _draw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            return torch.randint(0, self.times, (len(x),)), torch.randn_like(x)
        fixed = torch.Generator().manual_seed(0)  # so that validations can be compared
        t = torch.randint(0, self.times, (len(x),), generator=fixed)
        return t, torch.randn(x.shape, generator=fixed)


class Oscillator(nn.Module):
    """u'' + u = 0, u(0) = 0, u'(0) = 1 on a period; gives the residuals to drive to nought."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.net = mlp([1, width, width, width, 1], act="tanh")

    def forward(self, t: Tensor) -> Tensor:
        with torch.enable_grad():
            t = t.detach().requires_grad_(True)
            u = self._u(t)
            second = _slope(_slope(u, t), t)
            start = t.new_zeros(1, 1).requires_grad_(True)
            u0 = self._u(start)
            slope0 = _slope(u0, start)
        ends = ((3 * u0).expand(len(t), 1), (3 * (slope0 - 1)).expand(len(t), 1))
        return torch.cat([second + u, *ends], 1)

    def _u(self, t: Tensor) -> Tensor:
        return self.net(t / 3.1416 - 1)


def _slope(y: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]
