"""Fathom as a tool: the Recorder at its defaults, within a budget, or at an exact cadence."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attachment import Bare

if TYPE_CHECKING:
    from cells import Cell
    from torch import Tensor, nn
    from torch.optim import Optimizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Fathom itself, installed or not


class OwnTime:
    """A counter of seconds that stands still outside one training's steps.

    The budget is a share of the time between steps, and between two steps of a twin there is
    one of the other's, which is not to count. So `time.perf_counter` itself gives way to this
    one, before Fathom is imported; the steps are timed with the true one.
    """

    def __init__(self) -> None:
        self._true = time.perf_counter
        self._past, self._entered = 0.0, self._true()
        self.asked = False

    def __call__(self) -> float:
        self.asked = True
        return self._past + self._true() - self._entered

    def enter(self) -> None:
        self._entered = self._true()

    def leave(self) -> None:
        self._past += self._true() - self._entered


class Fathom(Bare):
    """All that is recorded unless told otherwise."""

    def __init__(self, model: nn.Module, optimizer: Optimizer, cell: Cell, folder: Path) -> None:
        super().__init__(model, optimizer, cell, folder)
        self.clock = OwnTime()
        time.perf_counter = self.clock
        from probes import Recorder

        pace: dict[str, object] = {}
        if cell.cadence is not None:
            pace = {"every": cell.cadence, "budget": None}
        elif cell.budget is not None:
            pace = {"budget": cell.budget}
        self.recorder = Recorder(model, optimizer, folder / "run", **pace)

    def enter(self) -> None:
        self.clock.enter()

    def leave(self) -> None:
        self.clock.leave()

    @property
    def records(self) -> int:
        return int(self.recorder.records)

    @property
    def claimed(self) -> float:
        return float(self.recorder.overhead)

    def log(self, loss: Tensor) -> None:
        self.recorder.log(loss=loss)

    def close(self) -> None:
        self.recorder.close()
        if not self.clock.asked:
            raise RuntimeError("Fathom measures with another clock: the twin's steps were counted")
