"""What a labelled training is, how it enters the collection, and the loop that runs it.

The only seam is `train` with its callbacks, each of which gets the live `Run`: a tool is attached
there and nowhere else. Labels are the spec's and cannot be reached from the case, so that no tool
can peek. Mistakes of a loop are fields of the case: the loop itself makes them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.zoo.loader import TensorLoader


@dataclass
class Case:
    """Everything that one training needs. `loss_fn(output, target)` gives a scalar."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss_fn: Callable[[Any, Any], Tensor]
    train_loader: TensorLoader
    val_loader: TensorLoader
    steps: int
    scheduler: Any = None  # stepped once an optimizer step
    grad_clip: float | None = None  # of the global norm
    amp: torch.dtype | None = None  # of autocast on the CPU: bfloat16 or float16
    scaler: Any = None  # torch.amp.GradScaler
    task: str = "classification"
    metric_fn: Callable[[Any, Any], Any] | None = None
    higher_better: bool = True
    # What loops of users do wrong
    zero_grad_every: int | None = 1  # None: never called; k: at every k-th step
    train_mode: bool = True  # False: model.eval() stays on while training
    eval_mode: bool = True  # False: model.eval() is forgotten at validation
    # Loops of another kind: generators, policies
    step_fn: Callable[[Run, Any], Any] | None = None  # makes a step by itself; its loss
    eval_fn: Callable[[Run], tuple[float, float]] | None = None  # (val_loss, val_metric)
    extra_optimizers: tuple[torch.optim.Optimizer, ...] = ()

    def forward(self, batch: Any) -> tuple[Any, Any]:
        x, y = batch
        return (self.model(*x) if isinstance(x, tuple) else self.model(x)), y


@dataclass(frozen=True)
class Spec:
    """A training's labels, and how it is made for a seed."""

    name: str
    builder: Callable[[int], Case]
    healthy: bool
    diseases: frozenset[str] = frozenset()  # what a perfect doctor says …
    acceptable: frozenset[str] = frozenset()  # … and may say: consequences, near synonyms
    sibling: str | None = None  # of a sick one its healthy twin, and back
    place: str = ""  # the module that makes it
    doc: str = ""
    onset: int = 0  # the step before which the fault cannot show

    @property
    def group(self) -> str:
        """The first word of the file it stands in."""
        return self.place.rpartition(".")[2].partition("_")[0]

    def build(self, seed: int = 0) -> Case:
        seed_everything(seed)
        return self.builder(seed)


CASES: dict[str, Spec] = {}


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - whatever a case draws from
    torch.manual_seed(seed)


Healthy = Callable[[int], Case]
Pair = Callable[[int, bool], Case]


def healthy(*, acceptable: Iterable[str] = ()) -> Callable[[Healthy], Healthy]:
    """Enter a training without a fault, `f(seed)`, under the function's name."""

    def enter(make: Healthy) -> Healthy:
        name = make.__name__
        _enter(Spec(name, make, True, acceptable=frozenset(acceptable), **_described(make)))
        return make

    return enter


def pair(
    *diseases: str,
    acceptable: Iterable[str] = (),
    ok_acceptable: Iterable[str] = (),
    onset: int = 0,
) -> Callable[[Pair], Pair]:
    """Enter a sick training and its sibling, `f(seed, sick)`, under the function's name.

    The sibling is called `<name>__ok`: the same code without the fault.
    """

    def enter(make: Pair) -> Pair:
        name, ok = make.__name__, f"{make.__name__}__ok"
        ill, allowed, told = frozenset(diseases), frozenset(acceptable), _described(make)
        _enter(Spec(name, lambda s: make(s, True), False, ill, allowed, ok, onset=onset, **told))
        told["doc"] = f"The healthy sibling of {name}."
        well = frozenset(ok_acceptable)
        _enter(Spec(ok, lambda s: make(s, False), True, frozenset(), well, name, **told))
        return make

    return enter


def _enter(spec: Spec) -> None:
    assert spec.name not in CASES, f"two cases are called {spec.name}"
    CASES[spec.name] = spec


def _described(make: Callable[..., Case]) -> dict[str, str]:
    return {"place": make.__module__, "doc": (make.__doc__ or "").strip()}


class StopRun(Exception):  # noqa: N818 - no error: a callback's wish
    """A callback may raise this to end the training early."""


class Run:
    """A training as it stands, for callbacks to read."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.model = case.model
        self.optimizer = case.optimizer
        self.optimizers = (case.optimizer, *case.extra_optimizers)
        self.loss_fn = case.loss_fn
        self.train_loader = case.train_loader
        self.val_loader = case.val_loader
        self.grad_clip = case.grad_clip
        self.task = case.task
        self.steps = case.steps
        self.step = 0
        self.batch: Any = None
        self.output: Any = None
        self.loss = math.nan
        self.grad_norm = math.nan  # before clipping
        self.lr = case.optimizer.param_groups[0]["lr"]
        self.val_loss = self.val_metric = math.nan
        self.on_backward: Callback = _nothing
        self.losses: list[float] = []  # of every step
        self.evals: list[tuple[int, float, float]] = []  # step, val_loss, val_metric
        self.stopped = ""

    def evaluate(self) -> tuple[float, float]:
        """Loss and metric as the user's loop takes them, with its mistakes."""
        case = self.case
        if case.eval_fn is not None:
            return case.eval_fn(self)
        if case.eval_mode:
            case.model.eval()
        loss, metric, count = 0.0, 0.0, 0
        with torch.no_grad():
            for batch in case.val_loader:
                with autocast(case.amp):
                    out, y = case.forward(batch)
                    value = case.loss_fn(out, y)
                loss += float(value) * len(y)
                metric += float(case.metric_fn(out, y)) * len(y) if case.metric_fn else math.nan
                count += len(y)
        case.model.train(case.train_mode)
        return loss / count, metric / count


Callback = Callable[[Run], None]


def _nothing(_run: Run) -> None:
    """What a callback does that was not given."""


def autocast(dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None)


def train(
    case: Case,
    *,
    on_start: Callback = _nothing,  # before the first step
    on_backward: Callback = _nothing,  # gradients are whole and unclipped, nothing has moved
    on_step: Callback = _nothing,  # after the optimizer's step; .grad is what it applied
    on_eval: Callback = _nothing,  # after a validation
    on_end: Callback = _nothing,  # once, after an early stop too
    max_steps: int | None = None,
    eval_every: int | None = None,
    nonfinite_patience: int = 25,  # steps in a row with a loss that is no number
) -> Run:
    """Run a training; it validates before the first step and about ten times more."""
    run, steps = Run(case), min(case.steps, max_steps or case.steps)
    run.on_backward = on_backward
    every, unfit = eval_every or max(1, steps // 10), 0
    case.model.train(case.train_mode)
    try:
        on_start(run)
        _validate(run, on_eval)
        batches = _forever(case.train_loader)
        for step in range(1, steps + 1):
            _step(run, step, next(batches))
            on_step(run)
            if step % every == 0 or step == steps:
                _validate(run, on_eval)
            unfit = 0 if math.isfinite(run.loss) else unfit + 1
            if unfit >= nonfinite_patience:
                run.stopped = "nonfinite"
                break
    except StopRun as stop:
        run.stopped = str(stop) or "callback"
    on_end(run)
    return run


def _forever(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def _validate(run: Run, on_eval: Callback) -> None:
    run.val_loss, run.val_metric = run.evaluate()
    run.evals.append((run.step, run.val_loss, run.val_metric))
    on_eval(run)


def _step(run: Run, step: int, batch: Any) -> None:
    case = run.case
    run.step, run.batch = step, batch
    run.lr = case.optimizer.param_groups[0]["lr"]
    if case.step_fn is not None:
        run.loss = float(torch.as_tensor(case.step_fn(run, batch)).detach())
    else:
        _usual_step(run)
    if case.scheduler is not None:
        case.scheduler.step()
    run.losses.append(run.loss)


def _usual_step(run: Run) -> None:
    case, every = run.case, run.case.zero_grad_every
    if every is not None and (run.step - 1) % every == 0:
        case.optimizer.zero_grad(set_to_none=True)
    with autocast(case.amp):
        run.output, y = case.forward(run.batch)
        loss = case.loss_fn(run.output, y)
    run.loss = float(loss.detach())
    if loss.requires_grad:
        _backward(case, loss)
    run.grad_norm = global_norm(case.model)
    run.on_backward(run)
    if every is None or run.step % every == 0:  # else gradients are still being gathered
        _update(case)


def _backward(case: Case, loss: Tensor) -> None:
    if case.scaler is None:
        loss.backward()
    else:
        case.scaler.scale(loss).backward()
        case.scaler.unscale_(case.optimizer)


def _update(case: Case) -> None:
    if case.grad_clip is not None:
        nn.utils.clip_grad_norm_(case.model.parameters(), case.grad_clip)
    if case.scaler is None:
        case.optimizer.step()
    else:
        case.scaler.step(case.optimizer)
        case.scaler.update()


def global_norm(model: nn.Module) -> float:
    squares = [
        p.grad.detach().double().pow(2).sum() for p in model.parameters() if p.grad is not None
    ]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0
