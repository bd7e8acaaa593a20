"""Keeps by reference what a model was called with in the present step, to play it again.

Nothing is stored in the model: one global hook looks at every module call and passes by. On an
accelerator a replay would wait for the device, and between processes it could wait for ever; there
nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling

from probes.global_hooks import GlobalHooks

PASSES = 8  # forward passes of a step that are kept


class Kept(NamedTuple):
    """One forward pass: what went in, and under which autocast."""

    number: int  # of the step's passes, from 1
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    autocast: torch.dtype | None
    versions: tuple[int, ...]

    @property
    def is_changed(self) -> bool:
        """Has an input been written over since?"""
        return self.versions != _versions(self.inputs)

    @property
    def named(self) -> dict[str, Any]:
        """The inputs by place or by keyword."""
        return {**{str(n): value for n, value in enumerate(self.inputs)}, **self.keywords}


class Keeper:
    """The passes of the present step, until the first one of the next."""

    def __init__(self, model: nn.Module, *, compiled: bool) -> None:
        self.kept: list[Kept] = []
        self.passes = 0
        self._model, self._stale, self._still = model, False, False
        self._hooks: GlobalHooks | None = None
        if not compiled and _is_on_host(model) and not _has_peers():
            self._hooks = GlobalHooks(leaves=self._left, always=True)

    @property
    def looks(self) -> bool:
        return self._hooks is not None

    def _left(self, module: nn.Module, inputs: tuple[Any, ...], *rest: Any) -> None:
        """The rest is keywords and output; after an exception torch leaves out the former."""
        if is_compiling():  # first of all: the compiler reads this too
            return
        if module is self._model and torch.is_grad_enabled() and not self._still:
            if torch._C._current_graph_task_id() != -1:  # run again: activation checkpointing
                return
            self._keep(inputs, rest[0] if len(rest) > 1 else {})

    def _keep(self, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if self._stale:
            self.forget()
        self.passes += 1
        if len(self.kept) < PASSES and all(_is_keepable(v) for v in inputs):
            autocast = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
            kept = Kept(self.passes, inputs, keywords, autocast, _versions(inputs))
            self.kept.append(kept)

    @contextmanager
    def still(self) -> Iterator[None]:
        """A pass that is played again is not the step's."""
        self._still = True
        try:
            yield
        finally:
            self._still = False

    def clear(self) -> None:
        """The step has ended; a value logged after it may still ask for what it was given."""
        self._stale = True

    def forget(self) -> None:
        self.kept, self.passes, self._stale = [], 0, False

    def leave(self) -> None:
        """Detach."""
        self.forget()
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None


def _versions(inputs: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple([v._version for v in inputs if isinstance(v, Tensor) and not v.is_inference()])


def _is_keepable(value: Any) -> bool:
    """On the host, and no tensor that stands for others: vmap's, or torch.func's."""
    return not isinstance(value, Tensor) or (
        value.is_cpu and not torch._C._functorch.is_functorch_wrapped_tensor(value)
    )


def _is_on_host(model: nn.Module) -> bool:
    return all(parameter.device.type == "cpu" for parameter in model.parameters())


def _has_peers() -> bool:
    distributed = torch.distributed
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )
