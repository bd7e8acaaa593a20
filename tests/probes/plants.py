"""Small models in which something stops being finite when the test says so, and a loop for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from probes.black_box import BlackBox, NonFiniteError
from probes.first_bad import Report
from probes.keeper import Keeper, Kept
from probes.stepping import attach

MARK = 77.0


class Spoiler(nn.Module):
    """Hands its input on; when armed, or given a MARK, it spoils one element of what it gives."""

    def __init__(self, value: float = float("nan"), at: tuple[int, int] = (5, 2)) -> None:
        super().__init__()
        self.value, self.at, self.armed = value, at, False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.armed or (x == MARK).any()):
            return x * 1
        spoilt = torch.zeros_like(x)
        spoilt[self.at] = self.value
        return x + spoilt


class _LosesGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, armed: bool) -> torch.Tensor:
        ctx.armed = armed
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient * (float("nan") if ctx.armed else 2), None


class LosesGradient(nn.Module):
    """Finite forwards, NaN backwards when armed."""

    armed = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _LosesGradient.apply(x, self.armed)


class _Container(nn.Module):
    """Has code of its own between its two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(16, 16), nn.Linear(16, 16)
        self.armed = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(self.between(self.up(x)))


class Divides(_Container):
    """A container whose own code divides, between its two layers."""

    def between(self, h: torch.Tensor) -> torch.Tensor:
        size = h.abs().amax(1, keepdim=True)
        return h / (size * 0 if self.armed else size)


class Roots(_Container):
    """A container whose own code takes a root of zero: 0, with an infinite slope."""

    def between(self, h: torch.Tensor) -> torch.Tensor:
        return (h.square() * (0 if self.armed else 1)).sqrt()


def stack(middle: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 16), nn.Tanh(), middle, nn.BatchNorm1d(16), nn.Dropout(0.1), nn.Linear(16, 3)
    )


Batch = tuple[torch.Tensor, torch.Tensor]


def batch(step: int, part: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(1000 * part + step)
    x = torch.randn(12, 8, generator=generator)
    return x, torch.randint(0, 3, (12,), generator=generator)


@contextmanager
def boxed(model: nn.Module, *, stops: bool = False):
    """The box on a model and its optimizer, as a recorder has it; and the list of its reports."""
    optimizer, box = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), BlackBox(model)
    reports: list[Report] = []
    box.step = 0

    def before() -> None:
        box.step += 1
        report = box.before(box.step)
        if report is not None:
            reports.append(report)
            if stops:
                raise NonFiniteError(report.summary)

    handles = attach(optimizer, before, box.finish)
    try:
        yield optimizer, box, reports
    finally:
        for handle in handles:
            handle.remove()
        box.leave()


def reports_of(
    model: nn.Module,
    at_step: Callable[[int, int, Batch], Batch] = lambda step, part, given: given,
    *,
    steps: int = 32,
    parts: int = 1,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = functional.cross_entropy,
    autocast: torch.dtype | None = None,
) -> list[Report]:
    """Train; `at_step` may plant something, or change the batch."""
    with boxed(model) as (optimizer, _, reports):
        for step in range(1, steps + 1):
            for part in range(1, parts + 1):
                x, y = at_step(step, part, batch(step, part))
                with torch.autocast("cpu", autocast or torch.bfloat16, autocast is not None):
                    output = model(x)
                (loss(output.float(), y) / parts).backward()
            optimizer.step()
            optimizer.zero_grad()
    return reports


def kept_pass(model: nn.Module, *inputs: Any, **keywords: Any) -> Kept:
    """A forward pass that was kept."""
    keeper = Keeper(model, compiled=False)
    model(*inputs, **keywords)
    kept = keeper.kept[0]
    keeper.leave()
    return kept
