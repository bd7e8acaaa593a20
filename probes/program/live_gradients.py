"""The gradients of a live model, compared with those of its program as they come.

One tensor after the other, each gone as soon as it is compared: no more is held than a step of the
training holds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from probes.program.weights_by_name import live_weights

NOTHING = 1e-3  # of the largest gradient's norm: below it a gradient is but rounding
SEED = 7
CUDNN = "cudnn RNN backward"  # has none in evaluation mode


def seed() -> None:
    """Only generators that are there: torch.manual_seed would also reach those still to come."""
    torch.default_generator.manual_seed(SEED)
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(SEED)


class LiveGradients:
    """Of a loss by the weights that are trained."""

    def __init__(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        self._weights = live_weights(model)
        trained = {name: t for name, t in self._weights.items() if t.requires_grad}
        with torch.enable_grad():
            value = loss()
            self.own_functions = own_functions(value)
            found = _derived(value, list(trained.values()))
        self.loss = value.detach()
        self.known = found is not None
        parts = zip(trained, found or [], strict=found is not None)
        self._left = {name: _dense(part) for name, part in parts if part is not None}
        self._norms = {name: _norm(part) for name, part in self._left.items()}
        self._differences: dict[str, float] = {}

    def leaves(self) -> dict[str, Tensor]:
        """The weights once more; a backward pass to them brings each gradient here."""
        leaves = {name: tensor.detach() for name, tensor in self._weights.items()}
        for name, leaf in leaves.items():
            if self._weights[name].requires_grad and self.known:
                leaf.requires_grad_()
                arrive: Any = partial(self._arrive, name)
                leaf.register_post_accumulate_grad_hook(arrive)  # type: ignore[no-untyped-call]
        return leaves

    def _arrive(self, name: str, leaf: Tensor) -> None:
        assert leaf.grad is not None
        ours, leaf.grad = _dense(leaf.grad), None
        live = self._left.pop(name, None)
        live = torch.zeros_like(ours) if live is None else live
        same = torch.allclose(live, ours, 0, 0, equal_nan=True)
        self._differences[name] = 0.0 if same else _norm(live - ours)

    def worst(self) -> float:
        """Of all tensors the largest difference, relative to the tensor's own gradient."""
        missed = {name: self._norms[name] for name in self._left}
        least = NOTHING * max(self._norms.values(), default=0.0)
        relative = [
            difference / max(self._norms.get(name, 0.0), least, 1e-30) if difference else 0.0
            for name, difference in (self._differences | missed).items()
        ]
        return next((r for r in relative if r != r), max(relative, default=0.0))  # noqa: PLR0124


def _derived(loss: Tensor, weights: list[Tensor]) -> tuple[Tensor | None, ...] | None:
    """None where torch itself cannot."""
    if not (weights and loss.requires_grad):
        return (None,) * len(weights)
    try:
        return torch.autograd.grad(loss, weights, allow_unused=True)
    except RuntimeError as error:
        if CUDNN not in str(error):
            raise
        return None


def _dense(gradient: Tensor) -> Tensor:
    return gradient if gradient.layout is torch.strided else gradient.to_dense()


def _norm(gradient: Tensor) -> float:
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return float(torch.linalg.vector_norm(gradient.to(wide)))


def own_functions(loss: Tensor) -> list[str]:
    """The user's autograd functions that the loss came through, and where each is written."""
    found, waiting, met = dict[str, None](), [loss.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in met:
            continue
        met.add(node)
        waiting += [before for before, _ in node.next_functions]
        function = getattr(node, "_forward_cls", None)
        if function is not None and not function.__module__.startswith("torch."):
            found[written(function)] = None
    return list(found)


def written(function: type) -> str:
    """Its name, and where its source is, if there is any."""
    try:
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):
        return function.__name__
    return f"{function.__name__} at {file}:{line}"
