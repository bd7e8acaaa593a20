"""How far a batch norm's running statistics, which validation goes by, are from a batch's own.

Looked at are the first record and every eighth after it, of each module in training mode the first
call; of its input a sample of at most 16,384 elements, of 128 channels at most, spread over rows.
No device is waited for.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from probes.batch_sample import readable, sample
from probes.probe import Call, Moment

EVERY = 8  # records
CHANNELS, ELEMENTS, ROWS = 128, 16384, 256
ABOUT = (
    "[mean over channels of |running mean - batch mean| / batch std, mean over channels of "
    "log(running variance / batch variance), values per channel in the batch, values per channel "
    "looked at]; the running ones as the batch has already moved them"
)


class RunningStatistics:
    """Of each batch norm that keeps them, told as an array `running/<module>`."""

    series = "running_statistics"
    state = "in the forward pass of training, after the batch has moved the running statistics"

    def __init__(self) -> None:
        self._records = 0
        self._told: dict[str, Tensor] = {}

    def called(self, call: Call) -> None:
        module = call.module
        if self._records % EVERY or not isinstance(module, _BatchNorm) or call.name in self._told:
            return
        if not module.training or module.running_mean is None or call.recomputed:
            return
        values = call.inputs[0] if call.inputs else None
        if isinstance(values, Tensor) and readable(values) and values.ndim > 1:
            self._told[call.name] = _compared(module, values)

    def step(self, moment: Moment) -> None:
        told, self._told = self._told, {}
        for name, numbers in told.items():
            moment.array(f"running/{name}", numbers, ABOUT)
        self._records += 1


def _compared(module: _BatchNorm, values: Tensor) -> Tensor:
    """Channels that do not vary, those of dead units say, are left out."""
    step = -(-values.shape[1] // CHANNELS)
    table = _table(values[:, ::step])  # [element, channel]
    mean, variance = table.mean(0), table.var(0, correction=min(1, len(table) - 1))
    running_mean, running_variance = (
        kept[::step].to(table.dtype)
        for kept in (module.running_mean, module.running_var)
        if kept is not None
    )
    apart = (running_mean - mean).abs() / variance.sqrt()
    ratio = (running_variance / variance).log()
    numbers = [torch.where(variance > 0, each, torch.nan).nanmean() for each in (apart, ratio)]
    counts = (values.numel() // values.shape[1], len(table))
    return torch.stack([*numbers, *(torch.full_like(numbers[0], float(n)) for n in counts)])


def _table(values: Tensor) -> Tensor:
    """Rows first: within an image, say, places are alike."""
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    if values.ndim == 3:  # channels come before places, as they do in images
        values = values.unsqueeze(-1)
    of_a_row = max(values.shape[1], ELEMENTS // min(len(values), ROWS))
    return sample(values, 0, of_a_row, ELEMENTS).flatten(0, 1).to(wide)
