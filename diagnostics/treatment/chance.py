"""Chance of its own: what is drawn here leaves every generator of the user's as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

KINDS = (torch.Generator, random.Random, np.random.Generator, np.random.RandomState)
DEPTH = 5  # a generator lies in a sampler in a batch sampler in a loader


@contextmanager
def own_chance(seed: int, *holders: Any) -> Iterator[None]:
    """Seeded while inside; afterwards all is as before, generators inside `holders` included."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  (the user's, not ours)
    back = [_restorer(each) for holder in holders for each in _generators(holder)]
    devices = list(range(torch.cuda.device_count())) if _has_cuda() else []
    with torch.random.fork_rng(devices):
        _seed_all(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            for restore in back:
                restore()


def _has_cuda() -> bool:
    """Asked so that nothing is woken on an accelerator that is not in use."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002


def _generators(holder: Any, depth: int = DEPTH, seen: set[int] | None = None) -> Iterator[Any]:
    """Every generator of random numbers that a loader holds, however deep."""
    seen = set() if seen is None else seen
    if depth < 0 or id(holder) in seen or isinstance(holder, (torch.Tensor, np.ndarray, nn.Module)):
        return
    seen.add(id(holder))
    if isinstance(holder, KINDS):
        yield holder
    else:
        for inner in _inside(holder):
            yield from _generators(inner, depth - 1, seen)


def _inside(holder: Any) -> list[Any]:
    """What an object holds; a data set's thousand entries are not looked through."""
    if isinstance(holder, (tuple, list)):
        return list(holder) if len(holder) < 100 else []
    if isinstance(holder, dict):
        return list(holder.values()) if len(holder) < 100 else []
    closed = [cell.cell_contents for cell in getattr(holder, "__closure__", None) or ()]
    owner = getattr(holder, "__self__", None)
    return [*getattr(holder, "__dict__", {}).values(), *closed, *([owner] if owner else [])]


def _restorer(generator: Any) -> Callable[[], object]:
    if isinstance(generator, torch.Generator):
        state = generator.get_state()
        return lambda: generator.set_state(state)
    if isinstance(generator, random.Random):
        kept = generator.getstate()
        return lambda: generator.setstate(kept)
    if isinstance(generator, np.random.RandomState):
        old = generator.get_state()
        return lambda: generator.set_state(old)
    bits = generator.bit_generator
    inner = bits.state
    return lambda: setattr(bits, "state", inner)
