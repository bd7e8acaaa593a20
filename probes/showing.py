"""Shows the probes what forward passes give; a probe that fails spoils nothing but its own rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from probes.arenas import Arenas
from probes.layers import ROOT, Layers
from probes.listening import Given, Listener
from probes.named_tensors import is_plain, named_tensors
from probes.probe import Call, FunctionCall, OutputProbe, Pass, PassProbe, Probe
from probes.shelf import Shelf
from probes.troubles import Troubles

TRANSFORMED = (
    "outputs inside torch.func or vmap are not recorded: such a tensor stands for many, or for none"
)
OWN_HOOKS = (
    "some layers have forward hooks of their own; what such a layer gives is recorded as it is "
    "before they change it"
)


class Showing:
    """One step's calls, as they come."""

    def __init__(
        self, layers: Layers, probes: Sequence[Probe], arenas: Arenas, troubles: Troubles
    ) -> None:
        self._layers, self._arenas, self._troubles = layers, arenas, troubles
        self._outputs = [(n, p) for n, p in enumerate(probes) if isinstance(p, OutputProbe)]
        self._passes = [p for p in probes if isinstance(p, PassProbe)]
        self.wants_outputs, self.wants_passes = bool(self._outputs), bool(self._passes)
        self.spent = 0.0  # seconds that gradients took which arrived since it was last asked for
        self._era = 0  # a gradient that arrives in another one came too late
        self._shown: set[str] = set()  # modules of which a call was shown in this step
        self._spoiled: set[str] = set()  # series of probes that failed in it

    def begin(self) -> None:
        """What is under way belongs to the step before; who has seen all is asked no more."""
        self._outputs = [one for one in self._outputs if not getattr(one[1], "is_done", False)]
        self._era += 1
        self._shown.clear()
        self._spoiled.clear()

    def drop_outputs(self) -> None:
        """What layers have given so far was no training."""
        for shelf in self._arenas.shelves(series for series, _ in self._outputs):
            shelf.clear()

    def layer(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """A module has run."""
        if not self._outputs or not self._layers.computes(module):
            return
        if module._forward_hooks and any(map(_is_users, module._forward_hooks.values())):
            self._troubles.say("own hooks", OWN_HOOKS)
        given = named_tensors(name or ROOT, output)
        tensors = [pair for pair in given if is_plain(pair[1])]
        if len(tensors) < len(given):
            self._troubles.say("transformed", TRANSFORMED)
        if tensors:
            self.tensors(name, module, inputs, output, tensors)

    def tensors(
        self,
        name: str,
        module: nn.Module,
        inputs: tuple[Any, ...],
        output: Any,
        tensors: list[tuple[str, Tensor]],
    ) -> None:
        """A layer has given these."""
        self._layers.note(name, module, tensors)
        recomputed = self._is_recomputed(name)
        shelves = self._arenas(tensors[0][1].device).shelves
        with torch.no_grad():
            for series, probe in self._outputs:
                shelf = shelves[series]
                follow = partial(self._follow, probe, shelf)
                call = Call(name, module, inputs, output, tensors, recomputed, shelf, follow)
                self._ask(probe, shelf, probe.called, call)

    def _is_recomputed(self, name: str) -> bool:
        """Its first run went unseen where a checkpoint lies around the outermost module."""
        if in_backward():
            return name in self._shown
        self._shown.add(name)
        return False

    def whole(self, whole: Pass) -> None:
        """A forward pass has ended, or a loss function's call."""
        given = named_tensors("", [*whole.inputs, *whole.keywords.values()])
        if not all(is_plain(tensor) for _, tensor in given):
            return
        with torch.no_grad():
            for probe in self._passes:
                self._ask(probe, None, probe.passed, whole)

    def function(
        self,
        listener: Listener,
        function: Callable[..., Any],
        given: Given,
        output: Any,
        module: str,
    ) -> None:
        """A function that was asked for has run inside the module."""
        given_back = named_tensors("", output)
        if not given_back or not is_plain(given_back[0][1]):
            return
        series, probe = listener
        shelf = self._arenas(given_back[0][1].device).shelves[series]
        call = FunctionCall(module or ROOT, function, *given, output, shelf)
        with torch.no_grad():
            self._ask(probe, shelf, probe.ran, call)

    def _follow(
        self, probe: Probe, shelf: Shelf, tensor: Tensor, then: Callable[[Tensor], None]
    ) -> None:
        """Show the tensor's gradient when it arrives, if that is still in this step."""
        era = self._era

        def arrived(gradient: Tensor) -> None:
            if era != self._era or not is_plain(gradient):
                return
            started = time.perf_counter()
            if torch.is_grad_enabled():  # a second derivative is wanted
                gradient = gradient.detach()
            self._ask(probe, shelf, then, gradient)
            self.spent += time.perf_counter() - started

        tensor.register_hook(arrived)  # type: ignore[no-untyped-call]

    def _ask(
        self, probe: Probe, shelf: Shelf | None, look: Callable[[Any], None], seen: Any
    ) -> None:
        """A probe that fails gives no row; one that keeps failing is no longer asked."""
        doing = f"the probe of {probe.series}"
        if probe.series in self._spoiled or self._troubles.hopeless(doing):
            return
        try:
            look(seen)
        except Exception as error:
            self._spoiled.add(probe.series)
            if shelf is not None:
                shelf.clear()
            self._troubles.failed(doing, error)


def in_backward() -> bool:
    """A module that runs there runs for the second time: activation checkpointing."""
    return torch._C._current_graph_task_id() != -1


def _is_users(hook: Any) -> bool:
    """Not one that torch itself has put there."""
    function = getattr(hook, "func", hook)
    return str(getattr(function, "__module__", "")).split(".")[0] not in ("torch", "probes")
