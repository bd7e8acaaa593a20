"""The derivatives of a loss, as flat vectors; the Hessian's products with what they share kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from diagnostics.subject.data import free_memory
from diagnostics.subject.losses import Batch, Tensors
from diagnostics.weight_space import Operator

KEPT = 0.5  # of the free memory that graphs of the gradient may take

Part = tuple[Batch, float]  # and what its loss counts for
Graph = tuple[Tensor, Tensors]  # a gradient that can be differentiated, and by what


def products(
    parts: Iterable[Part],
    graph: Callable[[Batch, float], Graph],
    device: torch.device,
    exactly: Callable[[], AbstractContextManager[None]],
) -> Operator:
    """The sum of all parts' products; graphs are kept while half of the memory stays free."""
    floor = KEPT * spare_memory(device)
    kept: list[Graph] = []
    rebuilt: list[Part] = []
    for part in parts:
        if kept and spare_memory(device) < floor:
            rebuilt.append(part)
        else:
            kept.append(graph(*part))

    def product(vector: Tensor) -> Tensor:
        with exactly():
            found = [backward(*each, vector) for each in kept]
            found += [backward(*graph(*part), vector) for part in rebuilt]
        return torch.stack(found).sum(0) if len(found) > 1 else found[0]

    return product


def flat_gradient(
    loss: Tensor, leaves: Tensors, dtype: torch.dtype, *, create_graph: bool = False
) -> Tensor:
    """Of all tensors end to end; zero of those that the loss does not use."""
    if not loss.requires_grad:  # it uses none of them
        return _flat([None] * len(leaves), leaves, dtype)
    found = torch.autograd.grad(
        loss, [*leaves.values()], create_graph=create_graph, allow_unused=True
    )
    return _flat(found, leaves, dtype)


def backward(gradient: Tensor, leaves: Tensors, vector: Tensor) -> Tensor:
    """The derivative of the gradient along a vector; its graph stays for the next."""
    if not gradient.requires_grad:  # a loss linear in the weights has no second derivative
        return torch.zeros_like(vector)
    found = torch.autograd.grad(
        gradient, [*leaves.values()], vector, retain_graph=True, allow_unused=True
    )
    return _flat(found, leaves, vector.dtype)


def _flat(parts: Sequence[Tensor | None], leaves: Tensors, dtype: torch.dtype) -> Tensor:
    pairs = zip(parts, leaves.values(), strict=True)
    there = [torch.zeros_like(leaf) if part is None else part for part, leaf in pairs]
    return torch.cat([part.flatten().to(dtype) for part in there])


def spare_memory(device: torch.device) -> int:
    """Bytes that are free where the work is done."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()
