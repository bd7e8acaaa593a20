"""Hooks on every module call of the process: nothing is stored in any module.

torch forgets some of what it keeps about such a hook when the hook is removed; here all of it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn.modules import module as hooks


class GlobalHooks:
    """Those of one who looks on, removed together."""

    def __init__(
        self,
        enters: Callable[..., None] | None = None,
        leaves: Callable[..., None] | None = None,
        *,
        always: bool = False,
    ) -> None:
        """`leaves` is called with keywords; with `always` also when the module raises."""
        self._handles: list[Any] = []
        if enters is not None:
            self._handles.append(hooks.register_module_forward_pre_hook(enters))
        if leaves is not None:
            register = hooks.register_module_forward_hook
            self._handles.append(register(leaves, with_kwargs=True, always_call=always))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
            hooks._global_forward_hooks_with_kwargs.pop(handle.id, None)
            hooks._global_forward_hooks_always_called.pop(handle.id, None)
        self._handles = []
