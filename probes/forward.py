"""Watches a model's forward passes in the steps that are recorded, and shows them to the probes.

Global hooks are used, and only while a step is recorded: nothing is stored in the model, so that
copies, pickles and fast paths are untouched, and here a step that is not recorded costs nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from probes.arenas import Arenas
from probes.compiled import CompiledHooks
from probes.global_hooks import GlobalHooks
from probes.layers import ROOT, Layers
from probes.listening import Given, Listener, Listening
from probes.named_tensors import is_plain, named_tensors
from probes.probe import Call, FunctionCall, FunctionProbe, OutputProbe, Pass, PassProbe, Probe
from probes.shelf import Shelf
from probes.troubles import Troubles

WATCHING = "watching forward passes"
TRANSFORMED = (
    "outputs inside torch.func or vmap are not recorded: such a tensor stands for many, or for none"
)

OWN_HOOKS = (
    "some layers have forward hooks of their own; what such a layer gives is recorded as it is "
    "before they change it"
)


class Forward:
    """What the probes want to see of the calls of a model's modules."""

    def __init__(
        self,
        layers: Layers,
        probes: Sequence[Probe],
        arenas: Arenas,
        troubles: Troubles,
    ) -> None:
        self._layers, self._arenas, self._troubles = layers, arenas, troubles
        self._outputs = [(n, p) for n, p in enumerate(probes) if isinstance(p, OutputProbe)]
        self._passes = [p for p in probes if isinstance(p, PassProbe)]
        self._listening = Listening(
            [(n, p) for n, p in enumerate(probes) if isinstance(p, FunctionProbe)], self._ran
        )
        self._hooks: GlobalHooks | None = None
        self.when_compiled: Callable[[], None] = lambda: None  # told before the first call
        self._compiled: CompiledHooks | None = None
        self._stack: list[str] = []  # modules under way
        self._doubtful = False  # passes in evaluation mode have been counted
        self._counts = False  # this pass is one of training
        self._trained: set[str] = set()  # modules that were seen in training mode
        self._thread = threading.get_ident()
        self.spent = 0.0  # seconds in these hooks, since they were last asked for
        self._has_left = False
        self._quiet = _accept_global_hooks()
        self.still = False  # what the model does now is not training's
        self._era = 0  # a gradient that arrives in another one came too late
        self._shown: set[str] = set()  # modules of which the probes were shown a call in this step
        self._spoiled: set[str] = set()  # series of probes that failed in it

    @property
    def wanted(self) -> bool:
        """Does any probe look at layers' outputs?"""
        return bool(self._outputs)

    @property
    def _has_listeners(self) -> bool:
        return bool(self._outputs or self._passes or self._listening.wanted)

    @property
    def is_compiled(self) -> bool:
        return self._compiled is not None

    def compile(self) -> None:
        """The model is compiled, or will be at its next call."""
        if self._compiled is None:
            armed = self._hooks is not None
            self.disarm()
            self.when_compiled()
            self._compiled = CompiledHooks(self._layers.model, self._layers.selected(), self._given)
            self._compiled.gate.open = armed

    def leave_compiled(self) -> None:
        """Hooks that no graph has are none the less a reason to compile anew: they go for good."""
        if self._compiled is None and not self._has_left:
            self.disarm()
            self.when_compiled()
            self._has_left = True

    def arm(self) -> None:
        """From now on forward passes belong to a step that is recorded."""
        self._thread = threading.get_ident()
        self._forget()
        if self._compiled is not None:
            self._compiled.gate.open = True
        elif (
            not self._has_left
            and self._has_listeners
            and self._hooks is None
            and not self._troubles.hopeless(WATCHING)
        ):
            self._hooks = GlobalHooks(self._enters, self._leaves, always=True)

    def disarm(self) -> None:
        self._forget()
        if self._compiled is not None:
            self._compiled.gate.open = False
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None

    def _forget(self) -> None:
        """What is under way belongs to the step that ends; an interrupt leaves a pass open."""
        self._era += 1
        for seen in (self._shown, self._spoiled, self._stack):
            seen.clear()
        self._listening.end()

    def leave(self) -> None:
        """Detach everything."""
        self.disarm()
        if self._compiled is not None:
            self._compiled.remove()
        with contextlib.suppress(ValueError):  # someone else has reset the filters
            warnings.filters.remove(self._quiet)  # type: ignore[attr-defined]

    def _given(self, name: str, leaf: str, tensor: Tensor) -> None:
        """A layer inside a compiled graph gave this."""
        module = self._layers.module_of(name)
        started = time.perf_counter()
        try:
            self._show_tensors(name, module, (), tensor, [(leaf, tensor)])
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self.spent += time.perf_counter() - started

    def _enters(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling():  # first of all: the compiler reads this too
            return
        started = time.perf_counter()
        try:
            if self._is_elsewhere() or _in_backward():
                return
            name = self._layers.name_of(module)
            if name is None:
                inner = getattr(module, "_orig_mod", None)
                if inner is not None and self._layers.name_of(inner) == "":
                    self.compile()  # it was compiled after the recorder was attached
                return
            if not self._stack:
                self._counts = self._is_training(name, module)
                if self._counts:
                    self._listening.begin()
            self._stack.append(name)
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self.spent += time.perf_counter() - started

    def _leaves(self, module: nn.Module, inputs: tuple[Any, ...], *given: Any) -> None:
        if torch.compiler.is_compiling():
            return
        started = time.perf_counter()
        keywords, output = given if len(given) == 2 else (None, None)  # left by an exception
        try:
            if self._is_elsewhere():
                return
            name = self._layers.name_of(module)
            if name is None:
                if keywords is not None:
                    self._stranger(module, inputs, keywords, output)
            elif _in_backward():
                self._show(name, module, inputs, output)
            elif name in self._stack:
                while self._stack.pop() != name:
                    """A module inside was left by an exception."""
                if self._counts:
                    self._show(name, module, inputs, output)
                    if not self._stack:
                        self._listening.end()
                        if keywords is not None:
                            self._show_pass(Pass(module, False, inputs, keywords, output))
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self.spent += time.perf_counter() - started

    def _is_recomputed(self, name: str) -> bool:
        """Its first run went unseen where a checkpoint lies around the outermost module."""
        if _in_backward():
            return name in self._shown
        self._shown.add(name)
        return False

    def _is_elsewhere(self) -> bool:
        """In a thread other than training and its backward pass, or while a tracer looks on."""
        strange = threading.get_ident() != self._thread and not _in_backward()
        return self.still or strange or torch._C._is_tracing()

    def _is_training(self, name: str, module: nn.Module) -> bool:
        """With gradients, and in training mode, unless it is always trained in evaluation mode."""
        if module.training and name not in self._trained:
            self._trained.add(name)
            self._drop_doubtful()
        counts = torch.is_grad_enabled() and (module.training or name not in self._trained)
        self._doubtful = self._doubtful or (counts and not module.training)
        return counts

    def _drop_doubtful(self) -> None:
        """What came in evaluation mode before the first pass in training mode was a validation."""
        if self._doubtful:
            self._doubtful = False
            for shelf in self._arenas.shelves(series for series, _ in self._outputs):
                shelf.clear()

    def _stranger(
        self, module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any], output: Any
    ) -> None:
        if isinstance(module, nn.modules.loss._Loss) and torch.is_grad_enabled():
            self._show_pass(Pass(module, True, inputs, keywords, output))

    def _show(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not self._outputs or not self._layers.computes(module):
            return
        if module._forward_hooks and any(map(_is_users, module._forward_hooks.values())):
            self._troubles.say("own hooks", OWN_HOOKS)
        given = named_tensors(name or ROOT, output)
        tensors = [pair for pair in given if is_plain(pair[1])]
        if len(tensors) < len(given):
            self._troubles.say("transformed", TRANSFORMED)
        if tensors:
            self._show_tensors(name, module, inputs, output, tensors)

    def _show_tensors(
        self,
        name: str,
        module: nn.Module,
        inputs: tuple[Any, ...],
        output: Any,
        tensors: list[tuple[str, Tensor]],
    ) -> None:
        self._layers.note(name, module, tensors)
        recomputed = self._is_recomputed(name)
        shelves = self._arenas(tensors[0][1].device).shelves
        with torch.no_grad():
            for series, probe in self._outputs:
                shelf = shelves[series]
                follow = partial(self._follow, probe, shelf)
                call = Call(name, module, inputs, output, tensors, recomputed, shelf, follow)
                self._ask(probe, partial(probe.called, call), shelf)

    def _show_pass(self, whole: Pass) -> None:
        given = named_tensors("", [*whole.inputs, *whole.keywords.values()])
        if not all(is_plain(tensor) for _, tensor in given):
            return
        with torch.no_grad():
            for probe in self._passes:
                self._ask(probe, partial(probe.passed, whole))

    def _ran(
        self, listener: Listener, function: Callable[..., Any], given: Given, output: Any
    ) -> None:
        given_back = named_tensors("", output)
        if not given_back or not self._stack or not is_plain(given_back[0][1]):
            return
        series, probe = listener
        shelf = self._arenas(given_back[0][1].device).shelves[series]
        call = FunctionCall(self._stack[-1] or ROOT, function, *given, output, shelf)
        with torch.no_grad():
            self._ask(probe, partial(probe.ran, call), shelf)

    def _follow(
        self, probe: Probe, shelf: Shelf, tensor: Tensor, then: Callable[[Tensor], None]
    ) -> None:
        """Show the tensor's gradient when it arrives, if that is still in this step."""
        era = self._era

        def arrived(gradient: Tensor) -> None:
            if era != self._era or not is_plain(gradient):
                return
            started = time.perf_counter()
            with torch.no_grad():
                self._ask(probe, partial(then, gradient), shelf)
            self.spent += time.perf_counter() - started

        tensor.register_hook(arrived)  # type: ignore[no-untyped-call]

    def _ask(self, probe: Probe, moment: Callable[[], None], shelf: Shelf | None = None) -> None:
        """A probe that fails gives no row; one that keeps failing is no longer asked."""
        doing = f"the probe of {probe.series}"
        if probe.series in self._spoiled or self._troubles.hopeless(doing):
            return
        try:
            moment()
        except Exception as error:
            self._spoiled.add(probe.series)
            if shelf is not None:
                shelf.clear()
            self._troubles.failed(doing, error)


def _accept_global_hooks() -> Any:
    """No warning of torch.compile about hooks that are ours, and step aside for it."""
    warnings.filterwarnings("ignore", "Using `torch.compile.module.` when there are global hooks")
    return warnings.filters[0]


def _is_users(hook: Any) -> bool:
    """Not one that torch itself has put there."""
    function = getattr(hook, "func", hook)
    return str(getattr(function, "__module__", "")).split(".")[0] not in ("torch", "probes")


def _in_backward() -> bool:
    """A module that runs there runs for the second time: activation checkpointing."""
    return torch._C._current_graph_task_id() != -1
