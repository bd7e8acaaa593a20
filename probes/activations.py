"""What every layer gives in a forward pass: moments, histogram, saturation, and dead units.

All statistics are of the arena's sample. Of functions with limits (tanh, sigmoid, softmax, …) it
is counted how much lies within 3 % of either end. Of rectifiers it is counted, unit by unit, how
often each fires in the sample; a count covers as many records as it takes to have looked at each
unit some hundred times, and goes out as the array "firing/<module>".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from probes.moments import Limits
from probes.probe import Call, Moment
from probes.sampling import SAMPLE, fits, local, positions, sample

COUNT_EVERY = 8  # records
RECORDS, LOOKS = 4, 64  # counted at least, and looks at each unit, before the counts go out
UNITS = 1 << 16  # a layer of more is not counted unit by unit
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Threshold)
MIXES_CHANNELS = (  # modules whose outputs have their channels in the second axis
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.GroupNorm,
)
_LIMITS: dict[type[nn.Module], Limits] = {
    nn.Tanh: (-1.0, 1.0),
    nn.Sigmoid: (0.0, 1.0),
    nn.Softmax: (0.0, 1.0),
    nn.Softmax2d: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Softsign: (-1.0, 1.0),
    nn.ReLU6: (0.0, 6.0),
}


class Activations:
    """Outputs of all modules that compute by themselves, merged over a step's forward passes."""

    series = "activations"
    state = "outputs of the step's training forward passes, before anything changes them in place"

    def __init__(self) -> None:
        self._records = 0
        self._firing: dict[tuple[str, int], _Firing] = {}  # by module and number of units
        self._channels_second: bool | None = None  # if not known, images are taken to have them so

    def called(self, call: Call) -> None:
        if call.recomputed:
            return
        limits = limits_of(call.module)
        for name, tensor in call.outputs:
            call.shelf.take(name, tensor, limits)
        if isinstance(call.module, MIXES_CHANNELS):
            self._channels_second = True
        elif isinstance(call.module, (nn.Linear, nn.LayerNorm, nn.Embedding)):
            self._channels_second = False
        elif self._records % COUNT_EVERY == 0 and isinstance(call.module, RECTIFIERS):
            self._count(call.name, local(call.outputs[0][1]))

    def _count(self, name: str, output: Tensor) -> None:
        if not fits(output) or output.ndim < 2 or not _is_dense(output):
            return
        second = output.ndim > 3 if self._channels_second is None else self._channels_second
        axis = 1 if second else output.ndim - 1
        units = output.shape[axis]
        if not output.numel() or units > UNITS:
            return
        firing = self._firing.get((name, units))
        if firing is None:
            firing = self._firing[name, units] = _Firing.of(units, output.device)
        # All of a small tensor is sampled in the order of its axes, a large one as it lies there.
        small = output.numel() <= SAMPLE
        apart = math.prod(output.shape[axis + 1 :]) if small else output.stride(axis)
        unit = positions(output, self._records) // apart % units
        firing.add(unit, sample(output, self._records).reshape(-1))

    def step(self, moment: Moment) -> None:
        self._records += 1
        for (name, _), firing in self._firing.items():
            if firing.records >= RECORDS and firing.looks >= LOOKS * firing.fired.shape[0]:
                self._send(name, firing, moment)

    def close(self, moment: Moment) -> None:
        for (name, _), firing in self._firing.items():
            if firing.looks:
                self._send(name, firing, moment)

    def _send(self, name: str, firing: _Firing, moment: Moment) -> None:
        counts = torch.stack([firing.fired, firing.seen], 1)
        moment.array(f"firing/{name}", counts, "[unit, (times it fired, times looked at)]")
        firing.clear()


@dataclass
class _Firing:
    """How often each unit of a layer fired, and how often it was looked at."""

    fired: Tensor  # [unit]
    seen: Tensor  # [unit]
    looks: int = 0
    records: int = 0

    @classmethod
    def of(cls, units: int, device: torch.device) -> _Firing:
        nothing = torch.zeros(units, dtype=torch.float32, device=device)
        return cls(nothing, nothing.clone())

    def add(self, unit: Tensor, values: Tensor) -> None:
        ones = torch.ones((), dtype=torch.float32, device=values.device).expand(values.shape)
        self.seen.scatter_add_(0, unit, ones)
        self.fired.scatter_add_(0, unit, (values > 0).to(torch.float32))
        self.looks += values.numel()
        self.records += 1

    def clear(self) -> None:
        self.fired, self.seen = torch.zeros_like(self.fired), torch.zeros_like(self.seen)
        self.looks = self.records = 0


def _is_dense(tensor: Tensor) -> bool:
    """Do its elements fill a stretch of memory, in whatever order?"""
    return bool(torch.ops.aten.is_non_overlapping_and_dense.default(tensor))


def limits_of(module: nn.Module) -> Limits | None:
    """The least and greatest value that a module's function can give, where it has both."""
    if isinstance(module, nn.Hardtanh) and not isinstance(module, nn.ReLU6):
        return float(module.min_val), float(module.max_val)
    return _LIMITS.get(type(module))
