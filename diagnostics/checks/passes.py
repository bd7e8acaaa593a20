"""One pass through a model, watched: each module's output, and whose output it was given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from diagnostics.checks.setup import Scene

WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear)
RELUS = (nn.ReLU, nn.ReLU6)
SQUASHERS = (nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.Hardsigmoid, nn.Softsign)
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
MOST = 1 << 24  # values of an output that are looked at: whole rows of it


@dataclass
class Call:
    """One call of a module that computes by itself."""

    name: str
    module: nn.Module
    source: str  # the module whose very output is its input, or ""
    given: Tensor | None
    output: Tensor
    values: Tensor  # a copy of the output, before anything is written over it

    @property
    def parameters(self) -> list[nn.Parameter]:
        return list(self.module.parameters(recurse=False))


@dataclass
class Pass:
    """What was seen, in the order of the pass."""

    loss: Tensor
    prediction: Tensor | None
    calls: list[Call] = field(default_factory=list)

    @property
    def weighted(self) -> list[Call]:
        """Linear and convolution layers, each at its first call."""
        return first_calls(self.calls, WEIGHTED)

    def after(self, call: Call) -> list[Call]:
        """What is given this call's very output."""
        return [other for other in self.calls if other.source == call.name]

    @property
    def last(self) -> Call | None:
        """The module whose very output is the prediction."""
        found = [call for call in self.calls if call.output is self.prediction]
        return found[-1] if found else None


def first_calls(calls: list[Call], kinds: tuple[type, ...]) -> list[Call]:
    kept: dict[str, Call] = {}
    for call in calls:
        if isinstance(call.module, kinds):
            kept.setdefault(call.name, call)
    return list(kept.values())


def watched(scene: Scene, batch: Any = None) -> Pass:
    """One pass, in the mode in which the model is."""
    calls: list[Call] = []
    with _listening(scene.model, calls):
        loss, prediction = scene.run(batch)
    return Pass(loss, prediction, calls)


@contextmanager
def _listening(model: nn.Module, calls: list[Call]) -> Iterator[None]:
    # By tensors that `calls` keeps alive, each as it was: one written over since is another.
    makers: dict[tuple[int, int], str] = {}

    sources: dict[str, list[str]] = {}  # of the calls that have begun

    def begins(name: str, given: tuple[Any, ...]) -> None:
        """Before the call, which may write over what it is given."""
        entered = first_tensor(given)
        found = "" if entered is None else makers.get(_state(entered), "")
        sources.setdefault(name, []).append(found)

    def ends(name: str, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        tensor, entered, source = first_tensor(output), first_tensor(given), sources[name].pop()
        if tensor is None:
            return
        calls.append(Call(name, module, source, entered, tensor, _kept(tensor)))
        makers[_state(tensor)] = name

    handles = []
    for name, module in model.named_modules():
        if computes(module):
            handles += [
                module.register_forward_pre_hook(lambda _, i, name=name: begins(name, i)),
                module.register_forward_hook(lambda m, i, o, name=name: ends(name, m, i, o)),
            ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _state(tensor: Tensor) -> tuple[int, int]:
    return id(tensor), 0 if tensor.is_inference() else tensor._version


def computes(module: nn.Module) -> bool:
    """By itself: without modules inside, or with parameters of its own."""
    return not any(True for _ in module.children()) or any(
        True for _ in module.parameters(recurse=False)
    )


def first_tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(parts, (str, bytes)) or not hasattr(parts, "__iter__"):
        return None
    return next((t for t in map(first_tensor, parts) if t is not None), None)


def _kept(tensor: Tensor) -> Tensor:
    rows = len(tensor) if tensor.ndim else 1
    some = max(1, MOST * rows // max(1, tensor.numel()))
    return (tensor[:some] if tensor.ndim else tensor).detach().clone()


def gradients(seen: Pass, tensors: Sequence[Tensor]) -> list[Tensor | None]:
    """Of the loss, by tensors; None where none reaches it. Nothing is written to .grad."""
    wanted = [t for t in tensors if t.requires_grad]
    if not seen.loss.requires_grad or not wanted:
        return [None] * len(tensors)
    found = iter(torch.autograd.grad(seen.loss, wanted, allow_unused=True, retain_graph=True))
    return [next(found) if t.requires_grad else None for t in tensors]


def rms(tensor: Tensor) -> float:
    return float(tensor.detach().double().square().mean().sqrt()) if tensor.numel() else 0.0


def by_unit(call: Call, values: Tensor) -> Tensor:
    """Values as [unit, value]: channels of images, else the last axis."""
    axis = 1 if values.ndim > 3 or _channels_first(call.module) else -1
    return values.movedim(axis, 0).flatten(1)


def _channels_first(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.conv._ConvNd)


def nodes(root: Any, ends: frozenset[Any] = frozenset()) -> Iterator[Any]:
    """Every operation of autograd's behind one, as far as some ends."""
    seen, waiting = set(ends), [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting += [before for before, _ in node.next_functions]
