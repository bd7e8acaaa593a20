"""Where in the user's code an operation runs: torch.export tells lines of modules alone."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_KERNELS = {"item": "_local_scalar_dense"}  # what runs under another name


def traced(run: Callable[[], Any], packet: str) -> str:
    """The calls that stand around the first run of an operation, as in a traceback."""
    watching = _Watching(_KERNELS.get(packet, packet))
    with torch.no_grad(), watching, contextlib.suppress(Exception):
        run()
    return watching.trace


class _FoundError(Exception):
    """Nothing more need run."""


class _Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, packet: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self.trace = f"aten::{packet}", ""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function._schema.name == self._name:
            self.trace = "".join(traceback.format_stack())
            raise _FoundError
        return function(*args, **(kwargs or {}))
