"""Small trainings to be treated, and what a remedy makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD

from diagnostics.treatment.case import Case, Change
from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import Course, run
from diagnostics.treatment.patients import patients
from diagnostics.treatment.remedies import remedies
from diagnostics.treatment.training import Training

torch.set_num_threads(1)
STEPS = 6


def points(rows: int = 96, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Six columns, and three classes that two of them tell apart."""
    own = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 6, generator=own)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def split(x: Any, y: Any, size: int = 16) -> list[Any]:
    return [(x[n : n + size], y[n : n + size]) for n in range(0, len(y), size)]


def stack(*parts: nn.Module, inside: int = 6, outside: int = 3) -> nn.Sequential:
    """Eight hidden units and what is to come after them, before the last layer."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inside, 8), *(parts or (nn.ReLU(),)), nn.Linear(8, outside))


def training(model: nn.Module | None = None, **how: Any) -> Training:
    """Of classes by cross-entropy and SGD, but for what is said otherwise."""
    model = stack() if model is None else model
    x, y = points()
    rate = how.pop("lr", 0.05)
    settings = {
        "optimizer": SGD(model.parameters(), rate, momentum=0.9),
        "loss": functional.cross_entropy,
        "batches": split(x, y),
        "held_out": split(*points(64, seed=1)),
        "steps": 40,
    } | how
    return Training(model=model, **settings)


def case_of(given: Training, *diseases: str, steps: int = STEPS) -> Case:
    """As remedies see it, after an untreated trial."""
    (patient,) = patients(given, (0,), steps)
    untreated = patient.course()
    run(untreated, 0, lambda: None)
    return Case(patient.course(), diseases, tuple(untreated.norms))


def proposed(
    remedy: str, given: Training, *diseases: str, effects: Sequence[float] = ()
) -> list[tuple[Change, Course]]:
    """Each change with a copy that it is made to; a trial's effects are as said, else none."""
    (patient,) = patients(given, (0,), STEPS)
    proposals, answers = remedies()[remedy].propose(case_of(given, *diseases)), iter(effects)
    found, change = [], next(proposals, None)
    while change is not None:
        course = patient.course()
        with own_chance(0):
            change.make(course)
        found.append((change, course))
        try:
            change = proposals.send(next(answers, 0.0))
        except StopIteration:
            break
    return found


def only(remedy: str, given: Training, *diseases: str) -> Course:
    """The copy, of a remedy that proposes one change."""
    ((_, course),) = proposed(remedy, given, *diseases)
    return course
