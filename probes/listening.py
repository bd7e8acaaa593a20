"""Hears of the torch functions that a probe has asked for, inside a model's forward passes.

The mode is entered with the outermost module and left with it, so that it nests as the user's own
modes do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from torch.overrides import TorchFunctionMode

from probes.probe import FunctionProbe

TRIES = 8  # passes after which functions that never came up are no longer listened for

ASKING = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")

Listener = tuple[int, FunctionProbe]  # the probe, and the number of its series
Given = tuple[tuple[Any, ...], dict[str, Any]]  # what a function was called with
Tell = Callable[[Listener, Callable[..., Any], Given, Any], None]


class Listening:
    """Listens for as long as there is something to hear."""

    def __init__(self, probes: Sequence[Listener], tell: Tell) -> None:
        self._mode = _Mode(probes, tell)
        self.wanted = bool(probes)
        self._passes = 0
        self._inside = False

    def begin(self) -> None:
        if self.wanted and not self._inside:
            self._inside = True
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def end(self) -> None:
        if self._inside:
            self._inside = False
            self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._passes += 1
            self.wanted = self._mode.heard or self._passes < TRIES


class _Mode(TorchFunctionMode):
    def __init__(self, probes: Sequence[Listener], tell: Tell) -> None:
        super().__init__()
        self._probes, self._tell = probes, tell
        self._functions = frozenset(f for _, probe in probes for f in probe.functions)
        self.heard = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        keywords = kwargs or {}
        if func not in self._functions:
            return func(*args, **keywords)
        if isinstance(func, FunctionType):
            with self:  # what it calls is heard as well
                output = _body(func)(*args, **keywords)
        else:
            output = func(*args, **keywords)
        self.heard = True
        for listener in self._probes:
            if func in listener[1].functions:
                self._tell(listener, func, (args, keywords), output)
        return output


def _body(function: FunctionType) -> FunctionType:
    """The same function, but for its first line that would ask this mode to run it instead."""
    silent = dict.fromkeys(ASKING, lambda *_: False)
    body = FunctionType(
        function.__code__, function.__globals__ | silent, argdefs=function.__defaults__
    )
    body.__kwdefaults__ = function.__kwdefaults__
    return body
