"""The norm of all gradients before clipping and after: `clip_grad_norm_` is listened to.

Whoever calls it, under whatever name it was imported, it looks up one inner function at every
call; that one is replaced while a recorder is attached.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad

Heard = Callable[[Tensor, float], None]  # the norm before, the norm allowed
INNER = "_clip_grads_with_norm_"


class Clipping:
    """Hears of clipping of any of the parameters given."""

    def __init__(self, parameters: Iterable[Tensor], heard: Heard) -> None:
        self._own = {id(parameter) for parameter in parameters}
        self._heard = heard
        _LISTENERS.add(self)
        _listen()

    def clipped(self, parameters: list[Tensor], allowed: float, norm: Tensor) -> None:
        if hasattr(norm, "full_tensor"):  # processes hold it together: a look would wait for all
            return
        if any(id(parameter) in self._own for parameter in parameters):
            self._heard(norm, allowed)

    def leave(self) -> None:
        _LISTENERS.discard(self)
        if not _LISTENERS:
            _stop_listening()


_LISTENERS: weakref.WeakSet[Clipping] = weakref.WeakSet()
_ORIGINAL: Any = getattr(clip_grad, INNER, None)


def _listen() -> None:
    if _ORIGINAL is not None:
        setattr(clip_grad, INNER, _clip)


def _stop_listening() -> None:
    if _ORIGINAL is not None:
        setattr(clip_grad, INNER, _ORIGINAL)


def _clip(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    *rest: Any,
    **kw: Any,
) -> None:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not torch.compiler.is_compiling():
        for listener in list(_LISTENERS):
            listener.clipped(given, float(max_norm), total_norm)
    _ORIGINAL(given, max_norm, total_norm, *rest, **kw)
