"""What can be told of a model before it is called: whether no program can be made of it at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from probes.folder import NotRecordable

COLLECTIVES = ("c10d", "_c10d_functional", "c10d_functional")
SHARDED = ("FullyShardedDataParallel", "FSDP")


def check_capturable(model: nn.Module) -> None:
    """A lazy parameter would get its shape here, for good; a sharded one would wait for ever."""
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise NotRecordable(
                f"'{name}' has no shape yet; run the model once on a batch before the Recorder"
            )
        if hasattr(parameter, "placements"):
            raise _shared(f"'{name}' is split up among several processes")
    for name, module in model.named_modules():
        if type(module).__name__.startswith(SHARDED):
            raise _shared(f"'{name or 'the model'}' is a {type(module).__name__}")


def _shared(reason: str) -> NotRecordable:
    return NotRecordable(
        f"{reason}, and the first of them alone cannot run the model; record the program of the "
        "whole model in a process of its own: capture(model, loss, batch)"
    )


@contextmanager
def alone() -> Iterator[None]:
    """Refuses to wait for other processes, which do not know that the model is run."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        with _Alone():  # type: ignore[no-untyped-call]
            yield
    else:
        yield


class _Alone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function.namespace in COLLECTIVES:
            raise NotRecordable(
                f"the model or its loss calls {function}, which waits for the other processes; "
                "give the Recorder a loss that does not, or record with one process"
            )
        return function(*args, **(kwargs or {}))
