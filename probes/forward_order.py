"""In which order a model's modules run, seen once in its first forward pass.

Global hooks are used: nothing is stored in the model, so that copies, pickles and fast paths are
untouched, and they go when the first step ends.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from probes.global_hooks import GlobalHooks

CANCELS_BIAS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


class ForwardOrder:
    """Watches one forward pass of the modules named; of none, nothing."""

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        self.ranks: dict[str, int] = {}
        self.cancelled: set[str] = set()  # modules whose output goes straight into a normalisation
        self._names = weakref.WeakKeyDictionary(names)
        self._last: tuple[str, weakref.ref[torch.Tensor]] | None = None
        self._hooks = GlobalHooks(self._enters, self._leaves) if names else GlobalHooks()

    def _enters(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling():
            return
        if getattr(module, "_orig_mod", None) in self._names:
            self.close()  # a compiler reads on from here, and would take these hooks to stay
        if module not in self._names:
            return
        self.ranks.setdefault(self._names[module], len(self.ranks))
        if self._last and isinstance(module, CANCELS_BIAS) and inputs:
            name, output = self._last
            if output() is inputs[0]:
                self.cancelled.add(name)

    def _leaves(
        self, module: nn.Module, _: tuple[Any, ...], __: dict[str, Any], output: Any
    ) -> None:
        if torch.compiler.is_compiling() or module not in self._names:
            return
        container = any(True for _ in module.children())
        passed_on = container and self._last is not None and self._last[1]() is output
        if isinstance(output, torch.Tensor) and not passed_on:
            self._last = (self._names[module], weakref.ref(output))

    def close(self) -> None:
        self._hooks.remove()
