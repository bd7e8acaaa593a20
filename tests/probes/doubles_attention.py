"""Stands in for the recorder: shows a probe the functions called inside a model's forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FunctionType

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from probes.probe import FunctionCall, Pass

DISPATCHERS = ("has_torch_function", "has_torch_function_unary")


class Listening(TorchFunctionMode):
    """Shows every function that the probe has asked for, those inside others first."""

    def __init__(self, probe) -> None:
        super().__init__()
        self.probe, self.stack = probe, []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function not in self.probe.functions:
            return function(*args, **(kwargs or {}))
        if isinstance(function, FunctionType):
            with self:
                output = body_of(function)(*args, **(kwargs or {}))
        else:
            output = function(*args, **(kwargs or {}))
        call = FunctionCall(self.stack[-1], function, args, kwargs or {}, output, None)
        with torch.no_grad():
            self.probe.ran(call)
        return output


def body_of(function: FunctionType) -> FunctionType:
    """The same function, but it does not ask the mode whether to begin."""
    silent = dict.fromkeys(DISPATCHERS, lambda *_: False)
    return FunctionType(
        function.__code__, function.__globals__ | silent, argdefs=function.__defaults__
    )


def _enters(stack: list[str], name: str, *_) -> None:
    stack.append(name)


def _leaves(stack: list[str], *_) -> None:
    stack.pop()


@contextmanager
def listening(model: nn.Module, probe) -> Iterator[None]:
    """Within it the model's calls are shown to the probe, and each whole pass."""
    mode = Listening(probe)
    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(partial(_enters, mode.stack, name)))
        handles.append(module.register_forward_hook(partial(_leaves, mode.stack)))
    ends = model.register_forward_hook(lambda *_: probe.passed(Pass(model, False, (), {}, None)))
    try:
        with mode:
            yield
    finally:
        for handle in [*handles, ends]:
            handle.remove()


class Arrays(dict):
    """A moment that keeps the arrays it is given."""

    def array(self, name: str, values, about: str) -> None:
        assert about == "[head, (entropy relative to uniform, largest weight)]"
        assert values.dtype is torch.float32
        assert not values.requires_grad
        self[name] = values.double()


def arrays_of(probe) -> Arrays:
    moment = Arrays()
    probe.step(moment)
    return moment
