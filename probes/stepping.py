"""Noticing an optimizer's steps by its own hooks: before, gradients are complete; after, done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.compiler import is_compiling
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

Notice = Callable[[], None]


def attach(optimizer: Optimizer, before: Notice, after: Notice) -> list[RemovableHandle]:
    """Call `before` when the optimizer has its gradients and has not moved, `after` when it has."""

    def pre(_: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if is_compiling():  # a compiled step would compile this with it
            return None
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            before()
            return None
        once = _after_first_call(closure, before)
        if len(args) > 1:
            return (args[0], once, *args[2:]), kwargs
        return args, {**kwargs, "closure": once}

    def post(*_: Any) -> None:
        if not is_compiling():
            after()

    return [optimizer.register_step_pre_hook(pre), optimizer.register_step_post_hook(post)]


def _after_first_call(closure: Callable[..., Any], notice: Notice) -> Callable[..., Any]:
    """With a closure, gradients come to be inside the step: at its first call, not before it."""
    waiting = [notice]

    def called(*args: Any, **options: Any) -> Any:
        loss = closure(*args, **options)
        while waiting:
            waiting.pop()()
        return loss

    return called
