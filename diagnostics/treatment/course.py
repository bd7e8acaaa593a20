"""One trial: a copy of a training that goes its own way over the recorded batches."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim import Optimizer

from diagnostics.treatment.copying import copies
from diagnostics.treatment.rows import size
from diagnostics.treatment.tape import Tape
from diagnostics.treatment.training import Training
from diagnostics.treatment.treatment import Curves
from probes.program.objective import Loss, Objective

LOOKS = 12  # at which losses are measured along a trial
PATIENCE = 10  # steps of a loss that is not finite, after which nothing better is to come


@dataclass
class Course:
    """What remedies change: everything in it is the trial's own."""

    model: nn.Module
    optimizer: Optimizer
    loss: Loss  # by which it trains
    measured: Loss  # by which it is judged, with the answers as they were before the change
    scheduler: Any
    scaler: Any
    clip: float | None
    autocast: torch.dtype | None
    zero_grad_every: int
    train_mode: bool
    steps: int  # that will be made
    batches: Sequence[Any]
    seen: Sequence[Any]
    unseen: Sequence[Any]
    as_before: Callable[[Any], Any] | None = None  # answers of a changed model as the old one gave
    keeps_best: bool = False  # of its weights, by the held-out loss
    norms: list[float] = field(default_factory=list)  # of the gradient before clipping, by step

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's settings."""
        return self.optimizer.param_groups

    def answering(self) -> nn.Module:
        """The model, with answers that can be compared with the untreated one's."""
        return self.model if self.as_before is None else Translated(self.model, self.as_before)


class Translated(nn.Module):
    """A model whose answers are put in other terms."""

    def __init__(self, model: nn.Module, translate: Callable[[Any], Any]) -> None:
        super().__init__()
        self.model, self.translate = model, translate

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.translate(self.model(*inputs, **named))


def course_of(training: Training, tape: Tape, steps: int) -> Course:
    """An untreated copy."""
    own = copies(training)
    own.model.train(training.train_mode) if own.model.training != training.train_mode else None
    return Course(
        own.model,
        own.optimizer,
        own.loss,
        own.loss,
        own.scheduler,
        own.scaler,
        training.clip,
        training.autocast,
        training.zero_grad_every,
        training.train_mode,
        steps,
        tape.batches,
        tape.seen,
        tape.unseen,
    )


def run(course: Course, seed: int, stepped: Callable[[], None]) -> Curves:
    """All its steps; `stepped` is told of each, and may end the trial by raising."""
    looks = np.unique(np.linspace(0, course.steps, LOOKS + 1).round().astype(np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own loop, which has told of it already
        found = [_look(course)]
        best, bad = _Best(course, found[0]), 0
        for step in range(1, course.steps + 1):
            if bad < PATIENCE:
                loss = _step(course, step, course.batches[(step - 1) % len(course.batches)])
                bad = 0 if math.isfinite(loss) else bad + 1
            stepped()
            if step in looks:
                found.append(best.of(_look(course) if bad < PATIENCE else (math.inf, math.inf)))
    best.restore()
    training, held_out = np.array(found, np.float64).T
    return Curves(seed, looks, training, held_out)


class _Best:
    """The weights with the least held-out loss so far, of a course that keeps them."""

    def __init__(self, course: Course, at_start: tuple[float, float]) -> None:
        self._course, self._losses = course, at_start
        self._kept = copy.deepcopy(course.model.state_dict()) if course.keeps_best else {}

    def of(self, losses: tuple[float, float]) -> tuple[float, float]:
        if not self._course.keeps_best:
            return losses
        if losses[1] < self._losses[1]:
            self._losses, self._kept = losses, copy.deepcopy(self._course.model.state_dict())
        return self._losses

    def restore(self) -> None:
        if self._kept:
            self._course.model.load_state_dict(self._kept)


def _step(course: Course, step: int, batch: Any) -> float:
    every = course.zero_grad_every
    if every and (step - 1) % every == 0:
        course.optimizer.zero_grad()
    loss = loss_of(course, batch)
    parameters = [p for p in course.model.parameters() if p.requires_grad]
    if loss.requires_grad and parameters:
        # Into the copy's parameters alone, whatever else the user's loss may reach.
        scaled = loss if course.scaler is None else course.scaler.scale(loss)
        torch.autograd.backward(scaled, inputs=parameters)
    if every < 2 or step % every == 0:
        _update(course)
    return float(loss.detach())


def _update(course: Course) -> None:
    if course.scaler is not None:
        course.scaler.unscale_(course.optimizer)
    gradients = [p.grad for p in course.model.parameters() if p.grad is not None]
    if gradients:
        course.norms.append(float(get_total_norm(gradients)))
        if course.clip is not None:
            clip_grad_norm_(course.model.parameters(), course.clip)
    if course.scaler is None:
        course.optimizer.step()
    else:
        course.scaler.step(course.optimizer)
        course.scaler.update()
    if course.scheduler is not None:
        course.scheduler.step()


def loss_of(course: Course, batch: Any) -> Tensor:
    """Of one batch, as it trains."""
    return _loss(course, course.model, course.loss, batch)


def _loss(course: Course, model: nn.Module, loss: Loss, batch: Any) -> Tensor:
    kind = next(model.parameters(), torch.empty(0)).device.type
    dtype = course.autocast or torch.bfloat16
    with torch.autocast(kind, dtype=dtype, enabled=course.autocast is not None):
        objective = Objective(model, loss, batch)
        found: Tensor = objective(*objective.inputs.values())[0]
    return found


def _look(course: Course) -> tuple[float, float]:
    """The training loss and the held-out one."""
    with evaluating(course.model):
        return _mean(course, course.seen), _mean(course, course.unseen)


def _mean(course: Course, batches: Sequence[Any]) -> float:
    """Over examples; inf where it is not finite, NaN of no batches."""
    model, sizes = course.answering(), [size(batch) for batch in batches]
    losses = [float(_loss(course, model, course.measured, batch)) for batch in batches]
    total = sum(loss * count for loss, count in zip(losses, sizes, strict=True))
    if not sizes:
        return math.nan
    return total / sum(sizes) if math.isfinite(total) else math.inf


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In evaluation mode and without gradients; each module's own flag comes back."""
    flags = [(module, module.training) for module in model.modules()]
    state = torch.random.get_rng_state()  # what a look draws is not the training's
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        torch.random.set_rng_state(state)
        for module, flag in flags:
            module.training = flag
