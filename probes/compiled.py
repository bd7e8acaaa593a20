"""Layers inside a compiled graph: a hook on each, traced into the graph, and no graph is broken.

Global hooks are not seen by torch.compile. These hooks end in an operator that the compiler takes
as it is, and are there only in the graph of the steps that are recorded: two graphs are kept, one
with and one without. Gradients that flow back inside a graph cannot be looked at.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from probes.layers import ROOT
from probes.named_tensors import named_tensors

Given = Callable[[str, str, Tensor], None]  # module's name, tensor's name, the tensor


class Gate:
    """Is the step recorded? A compiled graph keeps one form for yes and one for no."""

    def __init__(self, given: Given) -> None:
        self.open = False
        self.given = given
        self.number = len(_GATES)
        _GATES.append(weakref.ref(self))


_GATES: list[weakref.ref[Gate]] = []
_BEFORE: list[bool] = []  # how the compiler was set, once for each model that is watched


@torch.library.custom_op("fathom::look", mutates_args={"token"})
def _look(token: Tensor, value: Tensor, gate: int, module: str, name: str) -> None:  # noqa: ARG001
    """The token is only said to change, lest the compiler drop what gives nothing."""
    found = _GATES[gate]()
    if found is not None:
        found.given(module, name, value)


@_look.register_fake
def _(*_: Any) -> None:
    return


class _Hook:
    """A layer's forward hook. A copy or a pickle of the layer gets one that does nothing."""

    def __init__(self, gate: Gate, name: str, token: Tensor) -> None:
        self._gate, self._name, self._token = gate, name, token
        self._number = gate.number

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if self._gate.open and module.training and torch.is_grad_enabled():
            for name, tensor in named_tensors(self._name or ROOT, output):
                torch.ops.fathom.look(self._token, tensor.detach(), self._number, self._name, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (contextlib.nullcontext(), "__exit__")  # takes three, gives None


class CompiledHooks:
    """The hooks on a model's layers, and the compiler's attention to them."""

    def __init__(
        self, model: nn.Module, layers: Iterable[tuple[str, nn.Module]], given: Given
    ) -> None:
        self.gate = Gate(given)
        self._handles = []
        for name, module in layers:
            parameter = next(module.parameters(), None)
            device = parameter.device if parameter is not None else torch.device("cpu")
            hook = _Hook(self.gate, name, torch.zeros(1, device=device))
            self._handles.append(module.register_forward_hook(hook))
        _forget_code(model)
        config: Any = import_module("torch._dynamo.config")  # heavy; there once a model compiles
        self._config = config
        _BEFORE.append(self._config.skip_nnmodule_hook_guards)
        self._config.skip_nnmodule_hook_guards = False  # else a twin's graph, hookless, is reused

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        before = _BEFORE.pop()
        if not _BEFORE:
            self._config.skip_nnmodule_hook_guards = before


def _forget_code(model: nn.Module) -> None:
    """Code that was compiled for a twin without hooks would be taken for this model too."""
    frames = import_module("torch._dynamo.eval_frame")
    around = import_module("torch._dynamo.external_utils").wrap_inline(model.forward)
    for function in (type(model).forward, around):
        frames.remove_from_cache(function)


def is_compiled(model: nn.Module) -> bool:
    """Will its calls run through a compiler?"""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )
