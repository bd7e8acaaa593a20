"""Stands in for the recorder: shows a probe the functions called inside a model's forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from probes.listening import Listening
from probes.probe import FunctionCall, Pass


def _enters(stack: list[str], name: str, *_) -> None:
    stack.append(name)


def _leaves(stack: list[str], *_) -> None:
    stack.pop()


@contextmanager
def listening(model: nn.Module, probe) -> Iterator[None]:
    """Within it the model's calls are shown to the probe, and each whole pass."""
    stack: list[str] = []

    def tell(_, function, given, output):
        with torch.no_grad():
            probe.ran(FunctionCall(stack[-1], function, *given, output, None))

    ears = Listening([(0, probe)], tell)
    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(partial(_enters, stack, name)))
        handles.append(module.register_forward_hook(partial(_leaves, stack)))
    ends = model.register_forward_hook(lambda *_: probe.passed(Pass(model, False, (), {}, None)))
    ears.begin()
    try:
        yield
    finally:
        ears.end()
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
