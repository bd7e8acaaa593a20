"""Lets a model be run once more and leaves no trace: its buffers, attributes, and random numbers.

Buffers are stood in for by copies, so that those of the training are never written to.
"""

from __future__ import annotations

import random
import warnings
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CONTAINERS = (dict, OrderedDict, list, set, deque)


@contextmanager
def unharmed(model: nn.Module) -> Iterator[None]:
    """Whatever the model does inside, afterwards it is as it was, to the bit."""
    used = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = range(torch.cuda.device_count()) if used else ()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(torch.random.fork_rng(devices=list(cuda)))
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002  (models use it)
        for module in model.modules():
            stack.callback(_restore, vars(module), dict(vars(module)))
            for held in vars(module).values():
                if type(held) in CONTAINERS:  # aux losses are gathered in lists, say
                    stack.callback(_refill, held, held.copy())
        _stand_in(model)
        warnings.simplefilter("ignore")  # what they say was said in training
        yield


def _restore(attributes: dict[str, Any], before: dict[str, Any]) -> None:
    for name in attributes.keys() - before.keys():
        del attributes[name]
    attributes.update(before)


def _refill(held: Any, before: Any) -> None:
    held.clear()
    (held.extend if isinstance(held, (list, deque)) else held.update)(before)


def _stand_in(model: nn.Module) -> None:
    """Copies in the places of the buffers; one that is shared stays shared."""
    copies: dict[int, Tensor] = {}
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = copies.setdefault(id(buffer), buffer.detach().clone())
