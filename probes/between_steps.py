"""Watches for validations: the model's passes without gradients between two steps.

A global hook is there while a validation may come: before a step that is recorded, and where the
steps at which validations were logged let one be expected. It goes with the first pass that has
gradients. What was seen is told only if a validation's value is logged before the next step ends:
a model that acts, or scores its own training batch, is called without gradients too. Where it is
at most steps, so many passes are taken for no validation's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from probes.global_hooks import GlobalHooks
from probes.layers import Layers
from probes.named_tensors import is_plain, named_tensors
from probes.probe import Pass, Probe
from probes.showing import in_backward
from probes.troubles import Troubles
from probes.validation import Validation
from probes.validation_steps import ValidationSteps

DOING = "watching validations"
SHARE = 0.005  # of the time, that looks at validations may cost
FREE = 16  # looks, whatever they cost
PASSES = 4096  # of a validation that is longer the rest is not counted


class BetweenSteps:
    """Shows a validation's passes to the probe that wants them, if there is one."""

    def __init__(self, layers: Layers, probes: Sequence[Probe], troubles: Troubles) -> None:
        self._layers, self._troubles = layers, troubles
        self._probe = next((probe for probe in probes if isinstance(probe, Validation)), None)
        self._steps: ValidationSteps | None = None  # once there is a first step
        self._hooks: GlobalHooks | None = None
        self._root = 0  # the module whose calls count, by its id
        self._thread = threading.get_ident()
        self._at, self._passes = 0, 0  # the step that has ended, and passes since
        self._expected = self._confirmed = False
        self._begun, self._cost, self._looks = time.perf_counter(), 0.0, 0
        self._spent = 0.0
        self._watched = False  # were there hooks, since the last step ended?
        self.still = False  # what the model does now is none of the user's doing
        self._has_left = False

    def take_spent(self) -> float:
        """Seconds in the hooks since last asked."""
        spent, self._spent = self._spent, 0.0
        self._cost += spent
        return spent

    def begin(self, step: int, *, recorded: bool) -> None:
        """The step has ended; what comes before the next may be a validation."""
        self.disarm()
        if self._probe is None or self._has_left or self._troubles.hopeless(DOING):
            return
        fresh = self._steps is None
        self._steps = self._steps or ValidationSteps(step)
        self._at, self._passes, self._confirmed = step, 0, False
        self._expected = self._steps.expects(step) and self._is_cheap()
        root = self._probe.root(self._layers.model, fresh=fresh)
        if (recorded or self._expected) and root is not None:
            self._root, self._thread = root, threading.get_ident()
            self._probe.begin()
            self._watched = True
            self._hooks = GlobalHooks(leaves=self._leaves)

    def _is_cheap(self) -> bool:
        since = time.perf_counter() - self._begun
        return self._looks < FREE or self._cost < SHARE * since

    def disarm(self) -> None:
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None

    def leave(self) -> None:
        """For good: training is over, or the model is compiled."""
        self.disarm()
        self._has_left = True

    def logged(self, names: Iterable[str], step: int) -> None:
        if self._steps is not None and self._steps.logged(names, step):
            self._confirmed = True

    def settle(self, moment: Callable[[int], Any]) -> None:
        """The next step has ended: what was seen before it is told, or was no validation."""
        if not self._watched or self._steps is None or self._probe is None:
            return
        self._watched = False
        others = self._steps.others
        if self._steps.came(self._passes, expected=self._expected, logged=self._confirmed):
            self._tell(self._probe, moment, others)

    def _tell(self, probe: Validation, moment: Callable[[int], Any], others: int) -> None:
        self._looks += 1
        started = time.perf_counter()
        try:
            with torch.no_grad():
                probe.over(moment(self._at), others)
        except Exception as error:
            self._troubles.failed(DOING, error)
        self._cost += time.perf_counter() - started

    def _leaves(
        self, module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any], output: Any
    ) -> None:
        if torch.compiler.is_compiling():  # first of all: the compiler reads this too
            return
        trains = torch.is_grad_enabled()
        if not trains and id(module) != self._root:
            return
        started = time.perf_counter()
        try:
            if trains:
                self._ends(module)
            else:
                self._look(Pass(module, False, inputs, keywords, output))
        except Exception as error:
            self._troubles.failed(DOING, error)
        self._spent += time.perf_counter() - started

    def _ends(self, module: nn.Module) -> None:
        """A pass with gradients is one of training, if it is the model's."""
        if not self.still and not in_backward() and self._layers.name_of(module) is not None:
            self.disarm()

    def _look(self, whole: Pass) -> None:
        strange = threading.get_ident() != self._thread or torch._C._is_tracing()
        if self.still or strange or in_backward() or self._probe is None:
            return
        given = named_tensors("", [*whole.inputs, *whole.keywords.values()])
        if all(is_plain(tensor) for _, tensor in given):
            self._probe.validated(whole)
            self._passes += 1
        if self._passes >= PASSES:
            self.disarm()
