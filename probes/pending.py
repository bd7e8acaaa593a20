"""Values on their way from the device to the host, collected when they have come: no waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Deliver = Callable[[NDArray[np.float32]], None]
LIMIT = 1024  # copies under way; beyond it the oldest is waited for


class Pending:
    """Starts copies to the host and delivers them, in order, once they have arrived."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[Any, Tensor, Deliver]] = deque()
        self._streams: dict[torch.device, Any] = {}

    def add(self, values: Tensor, deliver: Deliver) -> None:
        if values.device.type != "cuda":
            deliver(values.cpu().numpy())
            return
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        stream = self._stream(values.device)
        stream.wait_stream(torch.cuda.current_stream(values.device))  # the values must be there
        with torch.cuda.stream(stream):
            host.copy_(values, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record(stream)
        values.record_stream(stream)  # their memory is not given away before they are copied
        self._under_way.append((arrived, host, deliver))

    def _stream(self, device: torch.device) -> Any:
        """Beside that of the training: a copy does not hold up what is computed next."""
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return self._streams[device]

    def collect(self, *, wait: bool = False) -> None:
        """Deliver what has arrived; with `wait` everything."""
        while self._under_way:
            arrived, host, deliver = self._under_way[0]
            if wait or len(self._under_way) > LIMIT:
                arrived.synchronize()
            elif not arrived.query():
                return
            self._under_way.popleft()
            deliver(host.numpy())
