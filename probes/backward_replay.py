"""Plays a pass again and sends a made-up gradient back through it, to find where that is lost.

The gradient is finite, and the loss is not asked: what stays finite here was lost in the loss.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from probes.finiteness import countable
from probes.keeper import Kept
from probes.named_tensors import named_tensors
from probes.replay import Look, Origin, Pause, Replayed, Watcher, apart, copied, told_error


def replay_backward(model: nn.Module, kept: Kept, pause: Pause) -> Replayed:
    """Play the pass again and send a made-up finite gradient back: where is it finite no more?"""
    played = Replayed(kept)
    watcher = _BackwardWatcher(model, played.looks)
    try:
        with (
            apart(model, kept, pause, watcher),
            torch.enable_grad(),
            torch.autograd.set_detect_anomaly(mode=False),
        ):
            output = model(*_followed(kept.inputs), **_followed(kept.keywords))
            watcher.send_back(output)
    except Exception as error:
        played.failed = told_error(error)
        return played
    first = next((n for n, look in enumerate(played.looks) if look.tally.bad), None)
    if first is not None:
        played.origin = _backward_origin(model, played.looks, first)
    return played


def _followed(value: Any) -> Any:
    """Copies whose gradients can be asked for, and which may be written into."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().requires_grad_().clone()
    if type(value) in (tuple, list):
        return type(value)(_followed(part) for part in value)
    if type(value) is dict:
        return {key: _followed(part) for key, part in value.items()}
    return copied(value)


class _BackwardWatcher(Watcher):
    """Remembers where in the graph every module's tensors are."""

    def __init__(self, model: nn.Module, looks: list[Look]) -> None:
        super().__init__(model, looks)
        self._edges: list[tuple[Look, GradientEdge]] = []

    def look(self, seen: Look, value: Any) -> Any:
        if seen.enters and seen.is_leaf:  # apart from what others do with the same tensors
            value = tuple(_aside(part) for part in value)
        self._looks.append(seen)
        self._edges += [(seen, get_gradient_edge(t)) for t in _flowing(value)]
        return value if seen.enters and seen.is_leaf else None

    def send_back(self, output: Any) -> None:
        """From now on the looks are at gradients, in the order of the backward pass."""
        ends = _flowing(output)
        generator = torch.Generator().manual_seed(0)
        sent = [torch.randn(t.shape, generator=generator).to(t.dtype) for t in ends]
        edges, self._edges = self._edges, []  # a checkpoint runs its modules again, meanwhile
        found = torch.autograd.grad(ends, [edge for _, edge in edges], sent, allow_unused=True)
        self._looks.clear()
        for (seen, _), gradient in reversed(list(zip(edges, found, strict=True))):
            if gradient is not None:
                super().look(seen, gradient)


def _flowing(value: Any) -> list[Tensor]:
    tensors = [tensor for _, tensor in named_tensors("", value)]
    return [t for t in tensors if countable(t) and not t.is_complex() and t.requires_grad]


def _aside(value: Any) -> Any:
    is_flowing = isinstance(value, Tensor) and value.requires_grad and value.grad_fn is not None
    return value.view_as(value) if is_flowing else value


def _backward_origin(model: nn.Module, looks: list[Look], first: int) -> Origin:
    """The mirror image: what is entered in the forward pass is left in this one."""
    look = looks[first]
    if look.is_leaf and look.enters:
        owner, between = look.module, None
    else:
        owner = look.module if look.enters else (look.inside or "")
        later = (seen.module for seen in reversed(looks[:first]) if seen.is_leaf and seen.enters)
        between = (None if look.enters else look.module, next(later, None))
    kind = type(model.get_submodule(owner)).__name__
    return Origin("backward", owner, kind, between, look)
