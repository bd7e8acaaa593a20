"""What a GradScaler multiplies the loss by, and which steps it skips.

Scalers need not be handed to the recorder. While one records, `GradScaler.step` is wrapped, since
a step that overflowed never reaches the optimizer; the scalers themselves are not touched.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

Skipped = Callable[[Optimizer], None]
STEP = "step"


class LossScales:
    """Hears of every scaler's step, and of those that are skipped."""

    def __init__(self, skipped: Skipped) -> None:
        self._skipped = skipped
        self._scaler: GradScaler | None = None  # whose step is under way
        self._left_out: Optimizer | None = None
        self.noticed = False  # has the optimizer's own hook come, since the scaler was asked?
        _LISTENERS.add(self)
        setattr(GradScaler, STEP, _step)

    def scale_of(self, optimizer: Optimizer | None) -> Tensor | None:
        """What the gradients that flowed back for this optimizer are to be divided by."""
        if self._scaler is not None:
            return self._scaler._scale
        return getattr(optimizer, "grad_scale", None)

    def overflowed(self, optimizer: Optimizer | None) -> bool:
        """Will this step be left out? Asked on the host alone: a device would be waited for."""
        found = getattr(optimizer, "found_inf", None)  # set for fused optimizers
        if isinstance(found, Tensor) and found.is_cpu:
            return bool(found.any())
        return optimizer is not None and optimizer is self._left_out

    @contextmanager
    def during(self, scaler: GradScaler, optimizer: Optimizer) -> Iterator[None]:
        self._scaler, self.noticed = scaler, False
        try:
            yield
            if not self.noticed:
                self._left_out = optimizer
                self._skipped(optimizer)
        finally:
            self._scaler = self._left_out = None

    def leave(self) -> None:
        _LISTENERS.discard(self)
        if not _LISTENERS:
            setattr(GradScaler, STEP, _ORIGINAL)


_LISTENERS: weakref.WeakSet[LossScales] = weakref.WeakSet()
_ORIGINAL: Callable[..., Any] = GradScaler.step


@wraps(_ORIGINAL)
def _step(scaler: GradScaler, optimizer: Optimizer, *args: Any, **keywords: Any) -> Any:
    with ExitStack() as stack:
        if scaler.is_enabled():
            for listener in list(_LISTENERS):
                stack.enter_context(listener.during(scaler, optimizer))
        return _ORIGINAL(scaler, optimizer, *args, **keywords)
