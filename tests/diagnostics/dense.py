"""Small trained networks, and their whole Hessians by another way."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from diagnostics.subject import Subject


def dense(subject: Subject, model: nn.Module, data: Any, *, by_batch: bool | None = None) -> Any:
    """By autograd.functional.hessian, in evaluation or with the batch's statistics."""
    by_batch = subject.about.statistics == "batch" if by_batch is None else by_batch
    model.train(by_batch)

    def loss(flat: Any) -> Any:
        weights = {p.name: p.of(flat) for p in subject.pieces}
        return functional.cross_entropy(functional_call(model, weights, (data[0],)), data[1])

    return torch.autograd.functional.hessian(loss, subject.centre).numpy()


def digits(norm: str) -> tuple[Subject, tuple[nn.Module, Any]]:
    """A network of 184 weights or so, briefly trained in float64."""
    torch.manual_seed(0)
    layer = {
        "none": nn.Identity,
        "layer": lambda: nn.LayerNorm(12),
        "batch": lambda: nn.BatchNorm1d(12),
    }[norm]()
    model = nn.Sequential(nn.Linear(8, 12), layer, nn.Tanh(), nn.Linear(12, 4)).double()
    x = torch.randn(60, 8, dtype=torch.float64)
    y = (x[:, :4] * 3 + torch.randn(60, 4)).argmax(1)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.zero_grad()
    statistics: Any = "batch" if norm == "batch" else "running"
    subject = Subject(model, functional.cross_entropy, (x, y), statistics=statistics)
    return subject, (model, (x, y))
