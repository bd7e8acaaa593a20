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
from typing import Any

import torch
from torch import Tensor, nn

from probes.arenas import Arenas
from probes.compiled import CompiledHooks
from probes.global_hooks import GlobalHooks
from probes.layers import Layers
from probes.listening import Given, Listener, Listening
from probes.loss_calls import LossCalls
from probes.named_tensors import named_tensors
from probes.probe import FunctionProbe, Pass, Probe
from probes.showing import Showing, in_backward
from probes.troubles import Troubles

WATCHING = "watching forward passes"


class Forward:
    """What the probes want to see of the calls of a model's modules."""

    def __init__(
        self,
        layers: Layers,
        probes: Sequence[Probe],
        arenas: Arenas,
        troubles: Troubles,
    ) -> None:
        self._layers, self._troubles = layers, troubles
        self._showing = Showing(layers, probes, arenas, troubles)
        self._listening = Listening(
            [(n, p) for n, p in enumerate(probes) if isinstance(p, FunctionProbe)], self._ran
        )
        self._losses = LossCalls(self._judged)
        self._inside: list[Pass] = []  # losses that the model under way has asked for
        self._hooks: GlobalHooks | None = None
        self.when_compiled: Callable[[], None] = lambda: None  # told before the first call
        self._compiled: CompiledHooks | None = None
        self._stack: list[str] = []  # modules under way
        self._doubtful = False  # passes in evaluation mode have been counted
        self._counts = False  # this pass is one of training
        self._validates = False  # the last pass was one of evaluation, though with gradients
        self._trained: set[str] = set()  # modules that were seen in training mode
        self._thread = threading.get_ident()
        self._spent = 0.0  # seconds in these hooks, since they were last asked for
        self._has_left = False
        self._quiet = _accept_global_hooks()
        self.still = False  # what the model does now is not training's

    @property
    def wanted(self) -> bool:
        """Does any probe look at layers' outputs?"""
        return self._showing.wants_outputs

    @property
    def _has_listeners(self) -> bool:
        shown = self._showing.wants_outputs or self._showing.wants_passes
        return shown or self._listening.wanted

    @property
    def is_compiled(self) -> bool:
        return self._compiled is not None

    def take_spent(self) -> float:
        """Seconds in hooks since last asked."""
        spent = self._spent + self._showing.spent
        self._spent = self._showing.spent = 0.0
        return spent

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
        self._losses.listen(on=self._showing.wants_passes)
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
        self._losses.listen(on=False)
        if self._compiled is not None:
            self._compiled.gate.open = False
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None

    def _forget(self) -> None:
        """What is under way belongs to the step that ends; an interrupt leaves a pass open."""
        self._showing.begin()
        self._stack.clear()
        self._inside.clear()
        self._validates = False
        self._listening.end()

    def leave(self) -> None:
        """Detach everything."""
        self.disarm()
        self._losses.leave()
        if self._compiled is not None:
            self._compiled.remove()
        with contextlib.suppress(ValueError):  # someone else has reset the filters
            warnings.filters.remove(self._quiet)  # type: ignore[attr-defined]

    def _given(self, name: str, leaf: str, tensor: Tensor) -> None:
        """A layer inside a compiled graph gave this."""
        module = self._layers.module_of(name)
        started = time.perf_counter()
        try:
            self._showing.tensors(name, module, (), tensor, [(leaf, tensor)])
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self._spent += time.perf_counter() - started

    def _enters(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling():  # first of all: the compiler reads this too
            return
        started = time.perf_counter()
        try:
            if self._is_elsewhere() or in_backward():
                return
            name = self._layers.name_of(module)
            if name is None:
                inner = getattr(module, "_orig_mod", None)
                if inner is not None and self._layers.name_of(inner) == "":
                    self.compile()  # it was compiled after the recorder was attached
                return
            if not self._stack:
                self._counts = self._is_training(name, module)
                if torch.is_grad_enabled():  # else it is no matter of the loss
                    self._validates = not self._counts
                self._inside.clear()
                if self._counts:
                    self._listening.begin()
            self._stack.append(name)
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self._spent += time.perf_counter() - started

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
                return
            if in_backward():
                self._showing.layer(name, module, inputs, output)
            elif name in self._stack:
                while self._stack.pop() != name:
                    """A module inside was left by an exception."""
                if self._counts:
                    self._showing.layer(name, module, inputs, output)
                    if not self._stack:
                        self._listening.end()
                        if keywords is not None:
                            self._whole(Pass(module, False, inputs, keywords, output))
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self._spent += time.perf_counter() - started

    def _is_elsewhere(self) -> bool:
        """In a thread other than training and its backward pass, or while a tracer looks on."""
        strange = threading.get_ident() != self._thread and not in_backward()
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
            self._showing.drop_outputs()

    def _whole(self, whole: Pass) -> None:
        """A pass of the model, and after it the losses that are part of what it gave."""
        self._showing.whole(whole)
        losses, self._inside = self._inside, []
        given = {id(tensor) for _, tensor in named_tensors("", whole.output)} if losses else set()
        for loss in losses:
            if id(loss.output) in given:
                self._showing.whole(loss)

    def _judged(self, loss: Pass) -> None:
        """A loss function was called."""
        if not torch.is_grad_enabled():
            return
        started = time.perf_counter()
        try:
            if self._is_elsewhere() or in_backward() or not loss.output.requires_grad:
                return
            if self._stack:
                self._inside.append(loss)
            elif not self._validates:
                self._showing.whole(loss)
        except Exception as error:
            self._troubles.failed(WATCHING, error)
        self._spent += time.perf_counter() - started

    def _ran(
        self, listener: Listener, function: Callable[..., Any], given: Given, output: Any
    ) -> None:
        if self._stack:
            self._showing.function(listener, function, given, output, self._stack[-1])


def _accept_global_hooks() -> Any:
    """No warning of torch.compile about hooks that are ours, and step aside for it."""
    warnings.filterwarnings("ignore", "Using `torch.compile.module.` when there are global hooks")
    return warnings.filters[0]
