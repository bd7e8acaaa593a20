"""The Recorder: attaches probes to a model and its optimizers, notices steps, and never harms.

Nothing is stored in the model; all lasting hooks are the optimizers' own. No exception leaves a
hook, no device is waited for, no random number is drawn.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer

from probes.archive import last_step
from probes.arguments import checked_model, chosen_probes, listed_optimizers, strangers
from probes.clock import Clock
from probes.courier import Courier
from probes.folder import create_run, hold
from probes.forward_order import ForwardOrder
from probes.observer import Observer
from probes.origin import origin
from probes.outbox import Outbox
from probes.parameters import describe, is_compiled, shares, unwrapped
from probes.probe import Probe
from probes.recording import TensorInfo
from probes.schedule import Cost, schedule
from probes.stepping import attach
from probes.troubles import Troubles

State = Literal["finished", "failed"]
RECORDING = "recording a step"


class Recorder:
    """Records a training into a run folder: `with Recorder(model, optimizer, "runs/digits"): …`.

    probes    what to look at; gradients, weights and updates if not said
    layers    a glob over module and parameter names, such as "encoder.*"
    every     record every n-th step, whatever it costs
    budget    or record as often as this share of training time allows
    resume    append to the run that is there, after its last step
    """

    def __init__(  # noqa: PLR0913  (all but three are keywords)
        self,
        model: nn.Module,
        optimizer: Optimizer | Iterable[Optimizer] | None,
        path: str | os.PathLike[str],
        *,
        probes: Sequence[Probe] | None = None,
        layers: str | None = None,
        every: int | None = None,
        budget: float | None = 0.02,
        resume: bool = False,
    ) -> None:
        self.path = Path(path)
        self.records = 0
        self._model, self._layers = checked_model(unwrapped(model), layers), layers
        self._optimizers = listed_optimizers(optimizer)
        self._probes = chosen_probes(probes)
        schedule(every, budget, 0)  # bad arguments must not leave a folder behind
        if not resume:
            self._new_run(every, budget)
        self._troubles = Troubles(self.path)
        self._start, self._outbox = self._open_run()
        self._schedule = schedule(every, budget, self._start)
        self._clock, self._cost = Clock(self._start), Cost()
        self._due, self._inside, self._since = False, 0.0, time.perf_counter()
        self._held: list[int] = []
        self._observers: list[Observer] = []
        self._closed = False
        seen = {} if is_compiled(model) else {m: name for name, m in self._model.named_modules()}
        self._order = ForwardOrder(seen)
        self._handles = self._attach()
        _LIVE.add(self)

    def _new_run(self, every: int | None, budget: float | None) -> None:
        model = {
            "class": type(self._model).__name__,
            "parameters": _size(self._model),
            "layers": self._layers,
        }
        info = {
            "model": model,
            "optimizers": [type(optimizer).__name__ for optimizer in self._optimizers],
            "schedule": str(schedule(every, budget, 0)),
            "series": {probe.series: probe.state for probe in self._probes},
        }
        create_run(self.path, {**origin(), **info})

    def _open_run(self) -> tuple[int, Outbox]:
        """The last step there is, and a scribe that writes what comes after it."""
        held = hold(self.path)
        try:
            start = last_step(self.path)
            courier = Courier(self.path, held)
        except BaseException:
            os.close(held)  # else this process could never take the run again
            raise
        outbox = Outbox(courier, self.path, self._troubles, self._describe)
        outbox.begin([probe.series for probe in self._probes], len(self._optimizers))
        if start:
            outbox.event(start, "resumed", f"after step {start}")
        return start, outbox

    def _attach(self) -> list[Any]:
        for kind in strangers(self._model, self._optimizers):
            self._troubles.say(
                kind,
                f"{kind} holds none of the model's parameters, so it will not train them; build "
                "it from model.parameters().",
            )
        return [
            handle
            for n, optimizer in enumerate(self._optimizers)
            for handle in attach(
                optimizer, partial(self._before, n, optimizer), partial(self._after, n)
            )
        ]

    @property
    def steps(self) -> int:
        """Steps seen so far, those of a resumed run included."""
        return self._clock.step

    @property
    def overhead(self) -> float:
        """The share of training time that recording has cost so far, as measured."""
        return self._cost.share

    def log(self, **values: Any) -> None:
        """Record numbers, under any name, at the last step: floats, numpy, 0-d tensors."""
        if self._closed:
            return
        started, now = time.perf_counter(), time.time()
        for name, value in values.items():
            try:
                self._outbox.scalar(name, value, self._clock.step, now)
            except Exception as error:
                self._troubles.failed(f"log({name}=…)", error)
        self._inside += time.perf_counter() - started

    @contextmanager
    def step(self) -> Iterator[None]:
        """For loops without a torch optimizer: `with recorder.step(): …` around the update."""
        self._before(0, None)
        yield
        self._after(0)

    def _before(self, n: int, optimizer: Optimizer | None) -> None:
        """The n-th optimizer has its gradients and is about to move."""
        if self._closed:
            return
        try:
            started = time.perf_counter()
            if self._clock.turn(n):
                self._begin_step(started)
            if self._due:
                self._find_parameters()
                self._observers[n].before(optimizer)
            self._inside += time.perf_counter() - started
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _begin_step(self, now: float) -> None:
        if self._clock.step > self._start + 1:
            self._cost.took(now - self._since, self._inside, recorded=self._due)
        self._since, self._inside = now, 0.0
        due = self._schedule.due(self._clock.step, self._cost)
        self._due = due and not self._troubles.hopeless(RECORDING)
        self.records += self._due

    def _find_parameters(self) -> None:
        """Who holds which parameter; found again when an optimizer has been given others."""
        held = [id(p) for o in self._optimizers for g in o.param_groups for p in g["params"]]
        if not self._observers or held != self._held:
            self._held = held
            parts = shares(self._model, self._layers, self._optimizers)
            self._observers = [Observer(self._probes, part, self._troubles) for part in parts]

    def _after(self, n: int) -> None:
        """The n-th optimizer has moved."""
        if not self._due or self._closed or not self._observers:
            return
        try:
            started = time.perf_counter()
            self._order.close()
            observer, at = self._observers[n], (self._clock.step, time.time())
            observer.after(self._outbox.pending, partial(self._outbox.records, *at))
            for name in observer.unfit():
                self._troubles.say(name, f"{name} is sparse or of a kind that is not recorded")
            self._outbox.pending.collect()
            self._outbox.listen(self.overhead)
            self._inside += time.perf_counter() - started
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _describe(self, name: str) -> TensorInfo:
        return describe(name, self._model.get_parameter(name), self._model, self._order)

    def close(self, state: State = "finished") -> None:
        """Detach everything, write what is left, and wait for the scribe to finish the run."""
        if self._closed:
            return
        self._detach()
        if self._clock.step == self._start:
            self._troubles.say(
                "no step",
                "no step was seen. Give the Recorder the optimizer that the loop steps, or "
                "wrap a hand-written update in `with recorder.step():`.",
            )
        try:
            self._outbox.close(state, self.overhead)
        except Exception as error:
            self._troubles.failed("closing", error)

    def _detach(self) -> None:
        self._closed = True
        _LIVE.discard(self)
        self._order.close()
        for handle in self._handles:
            handle.remove()

    def leave(self) -> None:
        """In a forked child: the recording is the parent's."""
        self._detach()
        self._outbox.leave()

    def __enter__(self) -> Recorder:  # noqa: PYI034  (Self is 3.11's)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self._outbox.event(self._clock.step, "exception", f"{type(error).__name__}: {error}")
        self.close("failed" if kind else "finished")


_LIVE: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _close_all() -> None:
    failed = getattr(sys, "last_value", None) is not None
    for recorder in list(_LIVE):
        recorder.close("failed" if failed else "finished")


def _leave_all() -> None:
    for recorder in list(_LIVE):
        recorder.leave()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if not nn.parameter.is_lazy(p))
