"""Calls of a loss in one step: what the model was asked for, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from probes.answer_numbers import counts, rows
from probes.moments import Limits
from probes.probe import Pass

CALLS = 4  # of a loss in one step, of which samples are kept
CHOICES = ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss")
YES_OR_NO = {"BCELoss": 0.5, "BCEWithLogitsLoss": 0.0}  # from where on an answer is a yes
YES = 0.5  # from where on a target is one
DISTANCES = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")


@dataclass
class Judged:
    """A loss, and samples of what those of its calls were given that are alike."""

    facts: dict[str, Any]  # kind, settings, …
    limits: Limits | None  # of the function that made its input
    answers: list[Tensor] = field(default_factory=list)  # [row, class]  to choose from
    counts: list[Tensor] = field(default_factory=list)  # [class, (asked, answered, right)]
    targets: list[Tensor] = field(default_factory=list)  # [element]  numbers
    looks: int = 0  # rows that were counted
    calls: int = 0

    def look(self, loss: Pass, turn: int) -> None:
        """A call: losses of different kinds have different things for targets."""
        kind, (answer, target) = self.facts["kind"], loss.inputs
        self.calls += 1
        if self.calls > CALLS:
            return
        if kind in CHOICES:
            self._choose(answer, target, loss.keywords.get("ignore_index", -100), turn)
        elif kind in YES_OR_NO and answer.shape == target.shape and _is_column(answer):
            yes = rows(answer, None, turn).flatten() > YES_OR_NO[kind]
            asked = rows(target, None, turn).flatten() > YES
            self._count(yes.long(), asked.long(), torch.ones_like(asked), 2)
        elif kind in DISTANCES and target.is_floating_point():
            self.targets.append(rows(target, None, turn).flatten().to(torch.float32, copy=True))

    def _choose(self, answer: Tensor, target: Tensor, ignored: int, turn: int) -> None:
        """One of several classes, whose axis is the second wherever there are two."""
        axis = min(1, answer.ndim - 1)
        table = rows(answer, axis, turn).to(torch.float32, copy=True)
        self.answers.append(table)
        if target.is_floating_point():  # how likely each class is
            asked = rows(target, axis, turn).argmax(1)
        else:
            asked = rows(target, None, turn, beside=table.shape[1]).flatten().long()
        self._count(table.argmax(1), asked, asked != ignored, table.shape[1])

    def _count(self, answered: Tensor, asked: Tensor, valid: Tensor, classes: int) -> None:
        self.counts.append(counts(answered, asked, valid, classes))
        self.looks += len(asked)


def _is_column(values: Tensor) -> bool:
    """One answer to each row."""
    return values.ndim > 0 and values.numel() == len(values)
