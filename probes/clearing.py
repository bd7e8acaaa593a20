"""Were gradients cleared since the optimizer's last step? Asked when new ones are about to come.

Of each optimizer one parameter is watched, from the end of a recorded step to the optimizer's next
turn: whenever a gradient is added to the last one, is anything but zeros left there? However they
were cleared, and whatever clips, scales or accumulates them, they were kept only if at every time
something was left. A hook is there between steps that follow one another and are both recorded.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.utils.hooks import unserializable_hook

from probes.probe import Look, Moment

MOST = 4096  # elements of the parameter to watch, where there is one as small


class Clearing:
    """Tells 1 where the gradients of any optimizer were kept, and 0 where all were cleared."""

    series = "clearing"
    state = "between a recorded step and the next, where that is recorded too"

    def __init__(self) -> None:
        self._windows: dict[Any, _Window] = {}
        self._chosen: dict[Any, Parameter] = {}  # and found to get gradients
        self._idle: set[int] = set()  # parameters that got no gradient when they were watched
        self._kept: list[bool | Tensor] = []

    def before(self, look: Look) -> None:
        window = self._windows.pop(_key(look), None)
        if window is None:
            return
        window.close()
        if window.is_sound and window.additions:
            self._kept.append(window.kept)
            self._chosen[_key(look)] = window.parameter
        else:
            self._idle.add(id(window.parameter))
            self._chosen.pop(_key(look), None)

    def after(self, look: Look) -> None:
        parameter = self._chosen.get(_key(look))
        if parameter is None or not _can_be_watched(parameter):
            parameter = self._choice(look)
        if parameter is not None:
            self._windows[_key(look)] = _Window(parameter)

    def _choice(self, look: Look) -> Parameter | None:
        """The largest of the small ones: single numbers may have no gradient by chance."""
        own = _held(look.optimizer)
        found = [p for p in look.parameters if _can_be_watched(p) and (own is None or id(p) in own)]
        fresh = [p for p in found if id(p) not in self._idle] or found
        small = [p for p in fresh if p.numel() <= MOST]
        if small:
            return max(small, key=Tensor.numel)
        return min(fresh, key=Tensor.numel, default=None)

    def step(self, moment: Moment) -> None:
        if self._kept:
            kept = reduce(or_, self._kept)
            self._kept.clear()
            told = kept.float() if isinstance(kept, Tensor) else float(kept)
            moment.scalar("gradients/kept", told)

    def detach(self) -> None:
        """What comes next is not recorded."""
        for window in self._windows.values():
            window.close()
        self._windows.clear()


def _key(look: Look) -> tuple[int, torch.device]:
    return id(look.optimizer), look.parameters[0].device


def _can_be_watched(parameter: Tensor) -> TypeGuard[Parameter]:
    gradient = parameter.grad
    return (
        type(parameter) is Parameter  # others may be held by several processes together
        and parameter.requires_grad
        and gradient is not None
        and gradient.layout is torch.strided
        and not gradient.is_meta
    )


def _held(optimizer: Optimizer | None) -> set[int] | None:
    """Nobody clears what no optimizer holds; without an optimizer, all are the user's to clear."""
    if optimizer is None:
        return None
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


class _Window:
    """One parameter's gradient from here on: what was left of it whenever another was added."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.additions, self.is_sound = 0, True
        self.kept: bool | Tensor = True
        self._left: bool | Tensor = False
        self._handles = [
            parameter.register_hook(self._comes),  # type: ignore[no-untyped-call]
            parameter.register_post_accumulate_grad_hook(self._was_added),  # type: ignore[no-untyped-call]
        ]

    @unserializable_hook  # type: ignore[untyped-decorator]
    def _comes(self, _: Tensor) -> None:
        """A gradient is there; whether it will be added, or was only asked for, is not known."""
        try:
            with torch.no_grad():
                self._left = _anything(self.parameter.grad)
        except Exception:  # never into the backward pass
            self.is_sound = False

    @unserializable_hook  # type: ignore[untyped-decorator]
    def _was_added(self, _: Tensor) -> None:
        try:
            with torch.no_grad():
                self.kept = self.kept & self._left
            self.additions += 1
        except Exception:
            self.is_sound = False

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _anything(gradient: Tensor | None) -> bool | Tensor:
    """Anything but zeros? No device is waited for."""
    if gradient is None:
        return False
    found = gradient.any()
    return bool(found) if found.is_cpu else found
