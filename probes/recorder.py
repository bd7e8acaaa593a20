"""The Recorder: attaches probes to a model and its optimizers, notices steps, and never harms.

Nothing is stored in the model; all lasting hooks are the optimizers' own. No exception leaves a
hook, no device is waited for, no random number is drawn.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer

from probes.arguments import (
    checked_model,
    checked_reaction,
    chosen_probes,
    listed_optimizers,
    strangers,
)
from probes.black_box import NonFiniteError
from probes.compiled import is_compiled
from probes.config import kept_config
from probes.courier import Courier
from probes.folder import SUMMARY, of_rank
from probes.incidents import Account, Incidents
from probes.live import summary_html
from probes.living import LIVING, State
from probes.loss_scale import LossScales
from probes.opening import deposit, new_run, open_run, ranks
from probes.outbox import Outbox
from probes.pace import Pace
from probes.parameters import unwrapped
from probes.probe import Probe
from probes.program.objective import Loss
from probes.schedule import schedule
from probes.second_opinion import OnFinding, attended, examined
from probes.stepping import attach
from probes.troubles import Troubles
from probes.watch import Training, Watch

RECORDING = "recording a step"


class Recorder:
    """Records a training into a run folder: `with Recorder(model, optimizer, "runs/digits"): …`.

    probes    what to look at; if not said, all that needs but the model and its optimizer
    layers    a glob over module and parameter names, such as "encoder.*"
    every     record every n-th step, whatever it costs
    budget    or record as often as this share of training time allows
    resume    append to the run that is there, after its last step
    batch     (inputs, target), or what else `loss` takes: with it the recording remembers the
              model and its loss as a program, so that landscape and curvature can be computed from
              the folder alone; and what the model predicts for these inputs. The model is run and
              exported once, here, and left as it was
    held_out  a second batch that training does not see, as `batch` is, of any number of examples:
              kept beside it, so that the folder alone gives its loss too
    loss      loss(model(inputs), target); None if the model gives its loss itself, Whole(fn) if
              fn(model, batch) does
    on_nonfinite   "raise" stops training before the weights are spoilt by a NaN or infinity;
              where it came from is recorded either way
    config    what else is to be remembered, such as {"lr": 3e-4, "dataset": "digits"}: as JSON
    on_finding     called with each new finding of the doctor, while training goes on; the run is
              examined in a process of its own
    """

    _closed = False

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
        loss: Loss = None,
        batch: Any = None,
        held_out: Any = None,
        on_nonfinite: Literal["record", "raise"] = "record",
        on_finding: OnFinding | None = None,
        config: Any = None,
    ) -> None:
        self.path = Path(path)
        self._model = checked_model(unwrapped(model), layers)
        self._optimizers = listed_optimizers(optimizer)
        self._probes = chosen_probes(probes, loss, batch)
        raises = checked_reaction(on_nonfinite)
        schedule(every, budget, 0)  # bad arguments must not leave a folder behind
        self._rank, processes = ranks()
        first = not self._rank
        training = Training(self._model, self._optimizers, layers, is_compiled(model), first=first)
        self._program = deposit(self._model, loss, (batch, held_out), self.path, self._rank)
        self._troubles, self._scales = Troubles(self.path), LossScales(self._skipped)
        if first and not resume:
            told = kept_config(config, self._troubles)
            new_run(self.path, training, self._probes, schedule(every, budget, 0, processes), told)
        start, courier = open_run(self.path, self._rank, processes)
        self._watch = Watch(training, self._probes, self._scales, self._troubles)
        self._outbox = self._begin(courier, start)
        plan = schedule(every, budget, start, processes)
        self._pace = Pace(plan, start, max(1, len(self._optimizers)))
        account = Account(self._pace, self._outbox, self._troubles, self._series)
        self._incidents = Incidents(training, self._watch, self._scales, account, raises=raises)
        self._set_off(start, on_finding)

    def _set_off(self, start: int, on_finding: OnFinding | None) -> None:
        """From here on the optimizers' steps are seen."""
        self._attendant = attended(self.path, self._rank, on_finding, self._troubles)
        self._handles = self._attach()
        self._finish_step(start, time.perf_counter())
        LIVING.add(self)

    def _begin(self, courier: Courier, start: int) -> Outbox:
        summary = of_rank(self.path / SUMMARY, self._rank)
        outbox = Outbox(courier, summary, self._troubles, self._watch.describe)
        outbox.begin(self._series, len(self._optimizers))
        if start:
            outbox.event(start, "resumed", f"after step {start}")
        self._program.hand_over(outbox, self._troubles, start)
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
                optimizer, partial(self._before, n, optimizer), partial(self._after, n, optimizer)
            )
        ]

    @property
    def _series(self) -> list[str]:
        return [probe.series for probe in self._probes]

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
        self._watch.logged(values, self._pace.step)
        self._pace.spend(started)

    def findings(self) -> tuple[Any, ...]:
        """What the doctor says of the run so far, worst cause first."""
        if not self._closed:
            self._outbox.write_now()
        return examined(self.path)

    @contextmanager
    def step(self) -> Iterator[None]:
        """For loops without a torch optimizer: `with recorder.step(): …` around the update."""
        self._before(0, None)
        yield
        self._after(0, None)

    def _before(self, n: int, optimizer: Optimizer | None) -> None:
        """The n-th optimizer has its gradients and is about to move."""
        if self._closed:
            return
        started, pace = time.perf_counter(), self._pace
        try:
            self._scales.noticed = True
            if pace.turn(n):
                self._begin_step(started)
            self._incidents.before(optimizer)
            if pace.due:
                self._watch.before(n, optimizer)
            pace.spend(started)
        except NonFiniteError:
            raise
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _begin_step(self, started: float) -> None:
        if not self._pace.is_planned(self._pace.step):  # the last one missed some optimizers
            self._finish_step(self._pace.step - 1, started)
        self._pace.begin()

    def _after(self, n: int, optimizer: Optimizer | None) -> None:
        """The n-th optimizer has moved."""
        if self._closed:
            return
        started, pace = time.perf_counter(), self._pace
        try:
            if pace.due:
                self._watch.after(n)
            self._incidents.after(optimizer)
            if pace.complete:
                self._finish_step(pace.step, started)
            pace.spend(started)
        except Exception as error:
            self._troubles.failed(RECORDING, error)

    def _finish_step(self, step: int, started: float) -> None:
        """All optimizers have moved; what follows belongs to the next step."""
        pace = self._pace
        if pace.due:
            self._watch.finish(step, self._outbox)
            self._outbox.pending.collect()
            self._outbox.listen(self.overhead)
            self._attendant.listen()
        self._incidents.finish()
        pace.plan(step + 1, started, self._watch.take_spent())
        pace.next = pace.next and not self._troubles.hopeless(RECORDING)
        self._watch.begin(step, self._outbox, recorded=pace.next)

    def _skipped(self, optimizer: Optimizer) -> None:
        """A scaler found gradients that overflowed, and the optimizer was not asked to step."""
        if optimizer in self._optimizers and not self._closed:
            n = self._optimizers.index(optimizer)
            self._before(n, optimizer)
            self._after(n, optimizer)
            self._incidents.skipped()

    def close(self, state: State = "finished") -> None:
        """Detach everything, write what is left, and wait for the scribe to finish the run."""
        if self._closed:
            return
        self._detach()
        self._watch.close(self._pace.step, self._outbox)
        self._program.close(self._troubles)
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
        self._attendant.close()

    def _detach(self) -> None:
        self._closed = True
        LIVING.discard(self)
        for part in (self._watch, self._scales, self._incidents):
            part.leave()
        for handle in self._handles:
            handle.remove()

    def leave(self) -> None:
        """In a forked child: the recording is the parent's."""
        self._detach()
        self._outbox.leave()
        self._attendant.leave()

    def _repr_html_(self) -> str:
        return summary_html(self)

    def __enter__(self) -> Recorder:  # noqa: PYI034  (Self is 3.11's)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self._incidents.exception(error)
        self.close("failed" if kind else "finished")
