"""All that a preflight could disturb, as it was: random numbers, a model's state, precision."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def randomness_kept() -> Iterator[None]:
    """Every generator goes on afterwards as if nothing had been drawn."""
    python, arrays, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda = torch.cuda.get_rng_state_all() if _on_device() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


def _on_device() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def seeded(seed: int = 0) -> None:
    """The same draws again; only ever within `randomness_kept`."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.default_generator.manual_seed(seed)
    if _on_device():  # else it would be seeded later, when the user first goes there
        torch.cuda.manual_seed_all(seed)


@contextmanager
def model_kept(model: nn.Module) -> Iterator[None]:
    """What a model that cannot be copied holds is put back bit for bit, and in the same tensors."""
    parameters = {id(p): p for p in model.parameters()}
    saved = [(p, _clone(p), p.grad, _clone(p.grad), p.requires_grad) for p in parameters.values()]
    buffers = [(m, dict(m._buffers)) for m in model.modules()]
    modes = [(m, m.training) for m in model.modules()]
    try:
        for module, tensors in buffers:  # copies are written to, and the buffers never
            module._buffers.update({name: _clone(tensor) for name, tensor in tensors.items()})
        yield
    finally:
        for module, tensors in buffers:
            module._buffers.update(tensors)
        for module, mode in modes:
            module.training = mode
        for tensor, value, gradient, gradient_value, wanted in saved:
            _restore(tensor, value)
            tensor.requires_grad_(wanted)
            tensor.grad = gradient
            _restore(gradient, gradient_value)


def _clone(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()


def _restore(tensor: Tensor | None, value: Tensor | None) -> None:
    """Written to only where it has changed: a write alone moves the tensor's version on."""
    if tensor is None or value is None or _same(tensor, value):
        return
    with torch.no_grad():
        tensor.copy_(value)


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.detach(), other) or (
        one.is_floating_point() and torch.equal(one.detach().nan_to_num(), other.nan_to_num())
    )


@contextmanager
def doubled_by_default() -> Iterator[None]:
    """Tensors that a model makes by itself are of float64 too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def autocast_uncached() -> Iterator[None]:
    """Autocast keeps halves of weights until it ends, and a weight that moves would seem not to."""
    before = torch.is_autocast_cache_enabled()
    torch.clear_autocast_cache()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)
