"""A recorder without a scribe: a watched training whose rows are kept in lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from probes.compiled import is_compiled
from probes.loss_scale import LossScales
from probes.parameters import unwrapped
from probes.pending import Pending
from probes.probe import Probe
from probes.recording import STATISTICS
from probes.troubles import Troubles
from probes.unfolding import Reduced
from probes.watch import Training, Watch

Row = dict[str, float]  # by statistic


class Kept:
    """An outbox that sends nothing."""

    def __init__(self) -> None:
        self.pending = Pending()
        self.reduced: list[tuple[int, list[Reduced]]] = []
        self.scalars: list[tuple[int, str, float]] = []
        self.arrays: list[tuple[int, str, np.ndarray, str]] = []
        self.events: list[tuple[int, str, str]] = []

    def records(self, step: int, _: float, series: list[Reduced]) -> None:
        self.reduced.append((step, series))

    def scalar(self, name: str, value: Any, step: int, _: float) -> None:
        self.scalars.append((step, name, float(value)))

    def array(self, name: str, values: Any, about: str, step: int, _: float) -> None:
        host = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self.arrays.append((step, name, np.array(host), about))

    def event(self, step: int, kind: str, text: str) -> None:
        self.events.append((step, kind, text))


class Watching:
    """Every step is recorded, unless the rig is told to idle."""

    def __init__(
        self,
        model: nn.Module,
        optimizers: Optimizer | Sequence[Optimizer],
        *probes: Probe,
        layers: str | None = None,
    ) -> None:
        self.optimizers = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
        self.probes = probes
        self.troubles, self.kept = Troubles(Path("run")), Kept()
        self.scales = LossScales(lambda _: None)
        training = Training(
            unwrapped(model), self.optimizers, layers, is_compiled(model), first=True
        )
        self.watch = Watch(training, probes, self.scales, self.troubles)
        self.steps = 0

    def __enter__(self) -> Watching:  # noqa: PYI034  (Self is 3.11's)
        self.watch.arm()
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.close(self.steps, self.kept)
        self.leave()

    def leave(self) -> None:
        self.watch.leave()
        self.scales.leave()

    def before(self, n: int = 0) -> None:
        self.watch.before(n, self.optimizers[n] if self.optimizers else None)

    def step(self) -> None:
        """All optimizers move, and the next step begins."""
        for n, optimizer in enumerate(self.optimizers):
            self.before(n)
            optimizer.step()
            self.watch.after(n)
            optimizer.zero_grad()
        self.finish()

    def finish(self) -> None:
        self.steps += 1
        self.watch.finish(self.steps, self.kept)
        self.watch.arm()

    def rows(self, series: str, step: int | None = None) -> dict[str, Row]:
        """What one step has given, the last one if not said, by the tensors' names."""
        wanted = self.steps if step is None else step
        place = [probe.series for probe in self.probes].index(series)
        return {
            name: dict(zip(STATISTICS, statistics.tolist(), strict=True))
            for at, reduced in self.kept.reduced
            for part in reduced
            if at == wanted and part.series == place
            for name, statistics in zip(part.names, part.statistics, strict=True)
        }

    def arrays(self, name: str) -> list[np.ndarray]:
        return [values for _, found, values, _ in self.kept.arrays if found == name]


class Seen:
    """A probe that keeps what it is shown; it fails whenever it is told to."""

    series, state = "seen", "as it is shown"

    def __init__(self, *functions: Any, failing: str = "") -> None:
        self.functions = frozenset(functions)
        self.failing = failing
        self.calls: list[Any] = []
        self.gradients: list[tuple[str, Any]] = []
        self.ran_in: list[str] = []
        self.passes: list[Any] = []
        self.failures = 0

    def called(self, call: Any) -> None:
        self.calls.append(call)
        for name, tensor in call.outputs:
            if tensor.requires_grad:
                call.follow(tensor, lambda gradient, name=name: self._flowed(name, gradient))
        self._fail("called")

    def _flowed(self, name: str, gradient: Any) -> None:
        self.gradients.append((name, gradient.clone()))
        self._fail("gradient")

    def ran(self, call: Any) -> None:
        self.ran_in.append(call.name)
        self._fail("ran")

    def passed(self, whole: Any) -> None:
        self.passes.append(whole)
        self._fail("passed")

    def _fail(self, where: str) -> None:
        if where == self.failing:
            self.failures += 1
            raise RuntimeError("a probe's own fault")
