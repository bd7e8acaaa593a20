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

import torch
from torch import nn
from torch.optim import Optimizer

from probes.archive import last_step
from probes.arguments import (
    checked_model,
    checked_reaction,
    chosen_probes,
    listed_optimizers,
    strangers,
)
from probes.black_box import BlackBox, NonFiniteError
from probes.clipping import Clipping
from probes.compiled import is_compiled
from probes.courier import Courier
from probes.first_bad import Report
from probes.folder import SUMMARY, await_run, create_run, hold, of_rank
from probes.live import summary_html
from probes.loss_scale import LossScales
from probes.origin import origin
from probes.outbox import Outbox
from probes.pace import Pace
from probes.parameters import unwrapped
from probes.probe import Probe
from probes.schedule import schedule
from probes.stepping import attach
from probes.troubles import Troubles
from probes.unfolding import Reduced
from probes.watch import Training, Watch

State = Literal["finished", "failed"]
RECORDING = "recording a step"
SKIPPED = "float16 gradients overflowed: the GradScaler left out this step"


class Recorder:
    """Records a training into a run folder: `with Recorder(model, optimizer, "runs/digits"): …`.

    probes    what to look at; if not said, all that needs but the model and its optimizer
    layers    a glob over module and parameter names, such as "encoder.*"
    every     record every n-th step, whatever it costs
    budget    or record as often as this share of training time allows
    resume    append to the run that is there, after its last step
    on_nonfinite   "raise" stops training before the weights are spoilt by a NaN or infinity;
              where it came from is recorded either way
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
        on_nonfinite: Literal["record", "raise"] = "record",
    ) -> None:
        self.path = Path(path)
        self._model, self._layers = checked_model(unwrapped(model), layers), layers
        self._optimizers = listed_optimizers(optimizer)
        self._probes = chosen_probes(probes)
        self._raises = checked_reaction(on_nonfinite)
        schedule(every, budget, 0)  # bad arguments must not leave a folder behind
        self._rank, self._ranks = ranks()
        if not resume:
            self._new_run(every, budget)
        start, courier = self._open_run()
        self._troubles, self._scales = Troubles(self.path), LossScales(self._skipped)
        training = Training(
            self._model, self._optimizers, layers, is_compiled(model), first=not self._rank
        )
        self._watch = Watch(training, self._probes, self._scales, self._troubles)
        self._box = BlackBox(
            self._model, compiled=training.compiled, pause=self._watch.standing_still
        )
        self._watch.tell_when_compiled(self._box.forgo_replays)
        self._outbox = self._begin(courier, start)
        plan = schedule(every, budget, start, self._ranks)
        self._pace = Pace(plan, start, max(1, len(self._optimizers)))
        self._closed = False
        self._clipping = Clipping(self._model.parameters(), self._clipped)
        self._handles = self._attach()
        self._finish_step(start, time.perf_counter())
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
            "schedule": str(schedule(every, budget, 0, self._ranks)),
            "series": {probe.series: probe.state for probe in self._probes},
        }
        if not self._rank:
            create_run(self.path, {**origin(), **info})

    def _open_run(self) -> tuple[int, Courier]:
        """The last step there is, and a scribe that writes what comes after it."""
        if self._rank:
            await_run(self.path)
        held = hold(self.path, self._rank)
        try:
            start = max(last_step(self.path, rank) for rank in range(self._ranks))
            return start, Courier(self.path, held, self._rank)
        except BaseException:
            os.close(held)  # else this process could never take the run again
            raise

    def _begin(self, courier: Courier, start: int) -> Outbox:
        summary = of_rank(self.path / SUMMARY, self._rank)
        outbox = Outbox(courier, summary, self._troubles, self._watch.describe)
        outbox.doubt, outbox.delivered = self._doubt, self._rows
        outbox.begin([probe.series for probe in self._probes], len(self._optimizers))
        if start:
            outbox.event(start, "resumed", f"after step {start}")
        return outbox

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
        return self._pace.step

    @property
    def records(self) -> int:
        """Steps recorded so far."""
        return self._pace.records

    @property
    def overhead(self) -> float:
        """The share of training time that recording has cost so far, as measured."""
        return self._pace.share

    def log(self, **values: Any) -> None:
        """Record numbers, under any name, at the last step: floats, numpy, 0-d tensors."""
        if self._closed:
            return
        started, now = time.perf_counter(), time.time()
        for name, value in values.items():
            try:
                self._outbox.scalar(name, value, self._pace.step, now)
            except Exception as error:
                self._troubles.failed(f"log({name}=…)", error)
        self._pace.spend(started)

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
            self._scales.noticed = True
            if self._pace.turn(n):
                self._begin_step(started)
            self._look_for_trouble(optimizer)
            if self._pace.due:
                self._watch.before(n, optimizer)
            self._pace.spend(started)
        except NonFiniteError:
            raise
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _look_for_trouble(self, optimizer: Optimizer | None) -> None:
        """Is anything not finite? The weights have not moved yet."""
        left_out = self._scales.overflowed(optimizer)
        try:
            report = self._box.before(self._pace.step, scaled=left_out)
            self._report(report)
        except Exception as error:  # the step is recorded none the less
            self._troubles.failed("the black box", error)
            return
        if report is not None and self._raises and not left_out:
            raise NonFiniteError(report.summary)

    def _report(self, report: Report | None) -> None:
        """What the black box has found goes into the recording."""
        if report is None:
            return
        step = min(report.step, self._pace.step)
        self._outbox.event(step, "black_box", report.to_json())
        for name, (values, about) in report.arrays.items():
            self._outbox.array(name, values, about, step, time.time())
        if report.where != "exception":  # its traceback is told anyway
            self._troubles.say("black box", report.summary)

    def _doubt(self, step: int, name: str, value: float) -> None:
        """A value that was logged is not finite."""
        self._report(self._box.logged(step, name, value))

    def _rows(self, step: int, rows: list[Reduced]) -> None:
        """A record has come to the host."""
        series = [probe.series for probe in self._probes]
        self._report(self._box.rows(step, series, rows))

    def _begin_step(self, started: float) -> None:
        if not self._pace.is_planned(self._pace.step):  # the last one missed some optimizers
            self._finish_step(self._pace.step - 1, started)
        self._pace.begin()

    def _after(self, n: int) -> None:
        """The n-th optimizer has moved."""
        if self._closed:
            return
        try:
            started = time.perf_counter()
            if self._pace.due:
                self._watch.after(n)
            self._ask_if_skipped(n)
            if self._pace.complete:
                self._finish_step(self._pace.step, started)
            self._pace.spend(started)
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _finish_step(self, step: int, started: float) -> None:
        """All optimizers have moved; what follows belongs to the next step."""
        if self._pace.due:
            self._watch.finish(step, self._outbox)
            self._outbox.pending.collect()
            self._outbox.listen(self.overhead)
        self._box.finish()
        self._pace.plan(step + 1, started, self._watch.take_spent())
        if self._troubles.hopeless(RECORDING):
            self._pace.next = False
        if self._pace.next:
            self._watch.arm()
        else:
            self._watch.disarm()

    def _clipped(self, norm: torch.Tensor, allowed: float) -> None:
        """Gradients of the step under way are being clipped."""
        if not self._pace.next or self._closed:
            return
        step, now = self._pace.under_way, time.time()
        after = norm * (allowed / (norm + 1e-6)).clamp(max=1)  # as torch does it
        try:
            self._outbox.scalar("gradient_norm/before_clipping", norm, step, now)
            self._outbox.scalar("gradient_norm/after_clipping", after, step, now)
        except Exception as error:
            self._troubles.failed("recording a clipping", error)

    def _ask_if_skipped(self, n: int) -> None:
        """A fused optimizer runs when the gradients overflowed, and changes nothing."""
        overflowed = getattr(self._optimizers[n], "found_inf", None) if self._optimizers else None
        if overflowed is not None:
            tell = partial(self._tell_if_skipped, self._pace.step)
            self._outbox.pending.add(overflowed.reshape(1).clone(), tell)

    def _tell_if_skipped(self, step: int, overflowed: Any) -> None:
        if overflowed.any():
            self._outbox.event(step, "skipped", SKIPPED)

    def _skipped(self, optimizer: Optimizer) -> None:
        """A scaler found gradients that overflowed, and the optimizer was not asked to step."""
        if optimizer in self._optimizers and not self._closed:
            n = self._optimizers.index(optimizer)
            self._before(n, optimizer)
            self._after(n)
            self._outbox.event(self._pace.step, "skipped", SKIPPED)

    def close(self, state: State = "finished") -> None:
        """Detach everything, write what is left, and wait for the scribe to finish the run."""
        if self._closed:
            return
        self._detach()
        self._watch.close(self._pace.step, self._outbox)
        if self._pace.step == self._pace.start:
            self._troubles.say(
                "no step",
                "no step was seen. Give the Recorder the optimizer that the loop steps; wrap a "
                "hand-written update, or a compiled optimizer.step(), in `with recorder.step():`.",
            )
        try:
            self._outbox.close(state, self.overhead)
        except Exception as error:
            self._troubles.failed("closing", error)

    def _detach(self) -> None:
        self._closed = True
        _LIVE.discard(self)
        self._watch.leave()
        self._scales.leave()
        self._clipping.leave()
        self._box.leave()
        for handle in self._handles:
            handle.remove()

    def leave(self) -> None:
        """In a forked child: the recording is the parent's."""
        self._detach()
        self._outbox.leave()

    def _repr_html_(self) -> str:
        return summary_html(self)

    def __enter__(self) -> Recorder:  # noqa: PYI034  (Self is 3.11's)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self._report(self._box.exception(self._pace.step + 1, error))
            self._outbox.event(self._pace.step, "exception", f"{type(error).__name__}: {error}")
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


def ranks() -> tuple[int, int]:
    """Which of the processes of one training this is, and how many there are."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
