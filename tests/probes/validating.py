"""A training with validations, watched without a scribe; and what its recording would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probes.batches import Batches
from probes.validation import Validation
from tests.probes.watching import Watching


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small(*, dropout: float = 0.2) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))


class Training(Watching):
    """Recorded are the steps that `records` says, and no others."""

    def __init__(
        self,
        model: nn.Module,
        *probes: Any,
        records: Callable[[int], bool] = lambda step: True,
    ) -> None:
        batches = Batches()
        chosen = probes or (batches, Validation(batches))
        super().__init__(model, torch.optim.SGD(model.parameters(), 0.01), *chosen)
        self.model, self.records = model, records
        self.recorded = True

    def __enter__(self) -> Training:  # noqa: PYI034  (Self is 3.11's)
        self.watch.begin(0, self.kept, recorded=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.watch.close(self.steps, self.kept)

    def finish(self) -> None:
        self.steps += 1
        if self.recorded:
            self.watch.finish(self.steps, self.kept)
        self.recorded = self.records(self.steps + 1)
        self.watch.begin(self.steps, self.kept, recorded=self.recorded)

    def train(self, batches: Iterable[Tensor]) -> None:
        for x in batches:
            self.model(x).square().mean().backward()
            self.step()

    def validate(self, batches: Sequence[Tensor], *, mode: bool = False, log: bool = True) -> None:
        self.model.train(mode)
        with torch.no_grad():
            loss = sum(self.model(x).square().mean() for x in batches)
        self.model.train()
        if log:
            self.log(val_loss=loss)

    def log(self, **values: Any) -> None:
        self.watch.logged(values, self.steps)

    def told(self, name: str) -> dict[int, float]:
        """By step."""
        return {s: value for s, found, value in self.kept.scalars if found == f"validation/{name}"}

    def columns(self, name: str) -> dict[int, np.ndarray]:
        return {s: v for s, found, v, _ in self.kept.arrays if found == f"columns/{name}"}
