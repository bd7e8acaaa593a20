"""A training as most are written: AdamW, warm-up and cosine, clipping, validations, a Recorder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from probes import Recorder

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Lesson:
    """What is to be learnt, and how."""

    model: nn.Module
    loss: Callable[[nn.Module, Batch], Tensor]
    training: Batch
    validation: Batch
    score: Callable[[nn.Module, Batch], float] | None = None  # more is better
    rate: float = 1e-3
    steps: int = 300
    size: int = 32  # of a batch; 0 takes everything at once
    decay: float = 0.01


@dataclass(frozen=True)
class Learnt:
    """How it went: the means of the first and last losses, and the held-out data's at the end."""

    first: float
    last: float
    validation: float
    score: float


def split(data: Batch, share: float = 0.15) -> tuple[Batch, Batch]:
    """For training, and held out: different examples, by chance."""
    count = len(next(iter(data.values())))
    order = torch.randperm(count)
    held_out, kept = order[: int(share * count)], order[int(share * count) :]
    return _rows(data, kept), _rows(data, held_out)


def train(lesson: Lesson, folder: Path, seed: int) -> Learnt:
    """The whole training, recorded."""
    model = lesson.model
    optimizer = torch.optim.AdamW(model.parameters(), lesson.rate, weight_decay=lesson.decay)
    warm = lesson.steps // 10
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda t: min((t + 1) / warm, 0.5 * (1 + math.cos(math.pi * t / lesson.steps))),
    )
    batches, losses, told = _batches(lesson, seed), [], (math.nan, math.nan)
    with Recorder(model, optimizer, folder) as recorder:
        for step in range(lesson.steps):
            model.train()
            loss = lesson.loss(model, next(batches))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            recorder.log(loss=loss)
            losses.append(loss.item())
            if (step + 1) % (lesson.steps // 8) == 0:
                told = validate(lesson)
                names = ("val_loss", "val_accuracy")[: 1 if math.isnan(told[1]) else 2]
                recorder.log(**dict(zip(names, told, strict=False)))
    few = max(1, lesson.steps // 20)
    return Learnt(losses[0], sum(losses[-few:]) / few, *told)


def validate(lesson: Lesson) -> tuple[float, float]:
    """Loss and score of the held-out data, in the mode for it."""
    lesson.model.eval()
    with torch.no_grad():
        loss = float(lesson.loss(lesson.model, lesson.validation))
        score = lesson.score(lesson.model, lesson.validation) if lesson.score else math.nan
    return loss, score


def _batches(lesson: Lesson, seed: int) -> Iterator[Batch]:
    """Without end, shuffled anew for each pass."""
    generator = torch.Generator().manual_seed(seed)
    count = len(next(iter(lesson.training.values())))
    while True:
        if not lesson.size:
            yield lesson.training
            continue
        order = torch.randperm(count, generator=generator)
        for first in range(0, count - lesson.size + 1, lesson.size):
            yield _rows(lesson.training, order[first : first + lesson.size])


def _rows(data: Batch, rows: Tensor) -> Batch:
    return {name: values[rows] for name, values in data.items()}
