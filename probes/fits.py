"""What the frameworks' callbacks share: one callback, many fits, and the folder each of them gets.

A fit of the model that was recorded before goes on in its folder, after its last step; so does a
training that comes from a checkpoint. Another model gets a folder of its own: runs/x, runs/x-2, …
A fit that never reaches its end counts as failed.
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from probes.folder import RUN
from probes.recorder import Recorder


class Fits:
    """Holds a Recorder from the beginning of a fit to its end; a copy of it holds none."""

    def __init__(self, path: str | os.PathLike[str], options: Mapping[str, Any]) -> None:
        self.recorder: Recorder | None = None
        self._path, self._options = Path(path), dict(options)
        self._models = 0
        self._model: weakref.ref[nn.Module] | None = None

    def begin(
        self, model: nn.Module, optimizers: Iterable[Optimizer], *, from_checkpoint: bool
    ) -> None:
        """Record the fit that is about to make its first step."""
        self.end(completed=False)  # one that was broken off, unless it has ended
        again = self._model is not None and self._model() is model
        number = self._models + (not again)  # counted, not looked up: every rank finds the same
        path = self._path.with_name(f"{self._path.name}-{number}") if number > 1 else self._path
        resume = again or (from_checkpoint and (path / RUN).exists())
        options = {**self._options, "resume": True} if resume else self._options
        self.recorder = Recorder(model, optimizers, path, **options)
        self._models, self._model = number, weakref.ref(model)
        _OPEN.add(self.recorder)

    def log(self, values: Mapping[str, Any]) -> None:
        """Record those of the framework's values that are numbers."""
        if self.recorder is not None:
            self.recorder.log(**numbers(values))

    def end(self, error: BaseException | None = None, *, completed: bool = True) -> None:
        """Close the run, if one is open: finished, or failed and perhaps by which error."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            _end(recorder, error, completed=completed)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "recorder": None, "_models": 0, "_model": None}


def numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Floats, integers, numpy scalars and tensors; texts and the like are for other trackers."""
    return {name: value for name, value in values.items() if hasattr(value, "__float__")}


def innermost(optimizer: Any) -> Optimizer:
    """The optimizer that steps: Accelerate's wrapper of it has no hooks."""
    while hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    return optimizer  # type: ignore[no-any-return]


def _end(recorder: Recorder, error: BaseException | None, *, completed: bool) -> None:
    _OPEN.discard(recorder)
    if error is not None:
        recorder.__exit__(type(error), error, error.__traceback__)
    else:
        recorder.close("finished" if completed else "failed")


_OPEN: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _break_off_all() -> None:
    """The interpreter ends in the middle of a fit: what ended it is all there is to know."""
    for recorder in list(_OPEN):
        _end(recorder, getattr(sys, "last_value", None), completed=False)


atexit.register(_break_off_all)  # after the Recorder's own, and therefore called before it
