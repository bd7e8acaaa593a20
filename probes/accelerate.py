"""For Accelerate: `with record(accelerator, model, optimizer, "runs/x"):` around the loop.

Accelerate has no callbacks. Its trackers see what is logged, but neither the model nor the
optimizer, nor an exception, and they take two changes: one where the Accelerator is made, one at
`init_trackers`. A context sees all of it, in one line.

Gradients are seen as the optimizer sees them: accumulated, unscaled, and after
`accelerator.clip_grad_norm_`. Micro-batches that only accumulate are no steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.optim import Optimizer

from probes.fits import innermost, numbers
from probes.recorder import Recorder

try:
    from accelerate import Accelerator
    from accelerate.tracking import GeneralTracker
except ModuleNotFoundError as error:
    raise ImportError(
        "probes.accelerate needs Accelerate, which is not installed: pip install accelerate"
    ) from error


@contextmanager
def record(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Optimizer | Iterable[Optimizer],
    path: str | os.PathLike[str],
    **options: Any,
) -> Iterator[Recorder]:
    """Record a training and what `accelerator.log` is given; `options` are the Recorder's.

    Call it after `prepare`, on every process. Values logged belong to the last optimizer step,
    whatever `step=` says. The Accelerator need not be given `log_with`, nor have its trackers
    initialised; those it has go on as before.
    """
    optimizers = [optimizer] if isinstance(optimizer, Optimizer) else optimizer
    with Recorder(model, [innermost(each) for each in optimizers], path, **options) as recorder:
        tracker = Tracker(recorder)
        accelerator.trackers.append(tracker)
        try:
            yield recorder
        finally:
            accelerator.trackers = [each for each in accelerator.trackers if each is not tracker]


class Tracker(GeneralTracker):  # type: ignore[misc]  # see probes/lightning.py
    """Hands what `accelerator.log` is given to the Recorder: `get_tracker("fathom")`."""

    name = "fathom"
    requires_logging_directory = False

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    @property
    def tracker(self) -> Recorder:
        return self._recorder

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        self._recorder.log(**numbers(values))
