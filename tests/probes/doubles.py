"""Stand-ins for the recorder: what a probe is shown, and what it tells, kept in lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode

from probes.probe import Pass


class FakeMoment:
    """The end of a step. Keeps what a probe tells, by name, as it lay in memory at that moment."""

    def __init__(
        self, step: int = 1, model: nn.Module | None = None, optimizers: Sequence[Optimizer] = ()
    ) -> None:
        self.step, self.time = step, float(step)
        self.model = model if model is not None else nn.Identity()
        self.optimizers, self.vault = optimizers, None
        self.scalars: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.about: dict[str, str] = {}
        self.events: list[tuple[str, str]] = []

    def scalar(self, name: str, value: float | Tensor) -> None:
        assert isinstance(value, float) or value.ndim == 0, f"{name} is not a number: {value!r}"
        assert name not in self.scalars, f"{name} is told twice"
        on_device = isinstance(value, Tensor) and value.device.type != "cpu"
        self.scalars[name] = value if on_device else float(value)

    def array(self, name: str, values: Any, about: str) -> None:
        assert name not in self.arrays, f"{name} is told twice"
        self.arrays[name] = np.array(values.detach().cpu().numpy())
        self.about[name] = about

    def event(self, kind: str, text: str) -> None:
        self.events.append((kind, text))


class FakeShelf:
    """Where a probe puts samples; keeps a copy of every one."""

    def __init__(self) -> None:
        self.taken: dict[str, list[Tensor]] = {}
        self.limits: dict[str, Any] = {}

    def take(self, name: str, tensor: Tensor, limits: Any = None) -> None:
        self.taken.setdefault(name, []).append(tensor.detach().clone())
        self.limits[name] = limits


def a_pass(
    *inputs: Any, module: nn.Module | None = None, loss: bool = False, **keywords: Any
) -> Pass:
    return Pass(module if module is not None else _MODULE, loss, inputs, keywords, None)


_MODULE = nn.Identity()


def looked(probe: Any, *passes: Pass, step: int = 1) -> dict[str, Any]:
    """A recorded step with these passes; the scalars that the probe tells."""
    with torch.no_grad():
        for whole in passes:
            probe.passed(whole)
    moment = FakeMoment(step)
    probe.step(moment)
    return moment.scalars


class NoWaiting(TorchDispatchMode):
    """Raises at what would wait for a device: a value, or a shape that follows from values."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        waits = (
            "_local_scalar_dense",
            "nonzero",
            "unique",
            "bincount",
            "masked_select",
            "is_nonzero",
        )
        assert not any(word in func.name() for word in waits), f"{func.name()} waits"
        return func(*args, **(kwargs or {}))
