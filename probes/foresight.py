"""Does a model that is to say the next token see it? Later tokens are changed, not earlier ones.

Looked for is a recorded step in which tokens [batch, time] go in, answers [batch, time, class] come
out, and the targets are these tokens, shifted by one or not at all. At its end the model is called
twice more with at most 8 of the rows, as they were and with others of their tokens after the
middle; in evaluation mode, without gradients, and all is put back. No device is waited for.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probes.compiled import is_compiled
from probes.named_tensors import the_answer
from probes.outputs import shared_out, undisturbed
from probes.pending import Pending
from probes.probe import Moment, Pass

ROWS, SHORTEST = 8, 4  # of the batch; tokens of a row
TRIES = 4  # steps with tokens, after which no other is looked at
ALIKE = 0.95  # share of targets that are the tokens
ASKED = 0.5  # share of tokens that have a target: of a few masked ones it is not the next
CHANGED = 0.25  # share of later tokens that have to become others
IDS = (torch.int16, torch.int32, torch.int64)
BESIDE = {"input_ids", "attention_mask", "labels"}  # without the latter two it answers the same


@dataclass
class _Reading:
    """A call of the model with tokens."""

    module: nn.Module
    keyword: str  # under which it was given them
    given: tuple[Tensor, ...]  # copies of rows: the tokens, and the targets if it takes those too
    shape: torch.Size  # of the batch
    alike: Tensor | None = None  # [shift]  share of the loss's targets that are the tokens

    def answers(self, tokens: Tensor) -> Tensor | None:
        """What it says to them."""
        if self.keyword:
            return the_answer(self.module(**{self.keyword: tokens}))
        return the_answer(self.module(tokens, *self.given[1:]))


class Foresight:
    """Tells once how much earlier answers change with later tokens: of a causal model not at all.

    It is the greatest change over the root mean square of the answers.
    """

    series = "foresight"
    state = "after the step; in evaluation mode, without gradients"

    def __init__(self) -> None:
        self._reading: _Reading | None = None
        self._pending = Pending()
        self._tries, self._is_over, self._is_told = 0, False, False
        self._shift: int | None = None  # of the targets against the tokens
        self._change: float | None = None

    def passed(self, whole: Pass) -> None:
        if self._is_over:
            return
        if not whole.is_loss:
            self._reading = self._reading or _reading(whole)
        elif self._reading is not None and self._reading.alike is None:
            self._reading.alike = _alike(self._reading, whole)

    def step(self, moment: Moment) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            self._tries += 1
            self._is_over = self._tries == TRIES
            self._try(reading)
        self._pending.collect()
        if self._change is not None and not self._is_told:
            self._is_told = self._is_over = True
            told = {"shift": self._shift, "change": float(f"{self._change:.4g}")}
            moment.event("foresight", json.dumps(told, separators=(",", ":")))

    def _try(self, reading: _Reading) -> None:
        """A device tells the shift only later; then a later step's tokens are as good."""
        if reading.alike is not None and self._shift is None:
            self._pending.add(reading.alike, self._learn)
        self._pending.collect()
        if self._shift is None or is_compiled(reading.module) or shared_out():
            return
        # Not every model can be called so; training it goes on all the same.
        with contextlib.suppress(Exception), torch.no_grad(), undisturbed(reading.module):
            self._pending.add(_change(reading), self._find)

    def _learn(self, alike: NDArray[Any]) -> None:
        """A row of tokens that are all the same is both; then it is taken for the next ones."""
        for shift in (1, 0):
            if alike[shift] > ALIKE:
                self._shift = shift
                return

    def _find(self, found: NDArray[Any]) -> None:
        """None where all answers are nothing yet, or later tokens are the same again."""
        change, changed = found.tolist()
        if math.isfinite(change) and changed > CHANGED:
            self._change = change


def _reading(whole: Pass) -> _Reading | None:
    """A call with tokens alone, or with tokens and their targets, that answers to each of them."""
    given, keyword = whole.inputs, ""
    if not given and whole.keywords.keys() <= BESIDE:
        given, keyword = (whole.keywords.get("input_ids"),), "input_ids"
    elif whole.keywords or not 1 <= len(given) <= 2:
        return None
    answer = the_answer(whole.output)
    if not all(type(each) is Tensor and each.dtype in IDS for each in given):
        return None
    shape = given[0].shape
    if len(shape) != 2 or shape[1] < SHORTEST or any(each.shape != shape for each in given):
        return None
    if answer is None or answer.ndim != 3 or answer.shape[:2] != shape:
        return None
    rows = tuple(each[:ROWS].detach().clone() for each in given)
    return _Reading(whole.module, keyword, rows, shape)


def _alike(reading: _Reading, loss: Pass) -> Tensor | None:
    """The share of targets that are the tokens themselves, and that are the next ones."""
    target = loss.inputs[1] if len(loss.inputs) > 1 else None
    if not isinstance(loss.module, (nn.CrossEntropyLoss, nn.NLLLoss)):
        return None
    if type(target) is not Tensor or target.dtype not in IDS:
        return None
    (batch, time), tokens = reading.shape, reading.given[0]
    if target.numel() not in (batch * time, batch * (time - 1)):
        return None
    asked = target.detach().reshape(batch, -1)[:ROWS]
    width = asked.shape[1]
    same = _share(asked, tokens[:, :width])
    following = _share(asked[:, : time - 1], tokens[:, 1:])
    both = torch.stack([same, following])
    for other in reading.given[1:]:  # the targets, or a second sequence
        both = torch.where(_share(asked, other[:, -width:]) > ALIKE, both, 0.0)
    return both


def _share(asked: Tensor, tokens: Tensor) -> Tensor:
    """Of the targets that are asked for; none if those are few."""
    valid = asked >= 0
    alike = ((asked == tokens) & valid).sum() / valid.sum()
    return torch.where(valid.float().mean() > ASKED, alike, 0.0)


def _change(reading: _Reading) -> Tensor:  # [change, share of tokens that were changed]
    tokens = reading.given[0]
    middle = tokens.shape[1] // 2
    changed = tokens.clone()
    # Others that occur: from half a row on, and from another row, as far as there is one.
    changed[:, middle:] = tokens.flatten().roll(middle + 1).view_as(tokens)[:, middle:]
    answers = [reading.answers(each.clone()) for each in (tokens, changed)]
    before, after = (answer[:, :middle].float() for answer in answers if answer is not None)
    change = (before - after).abs().max() / before.square().mean().sqrt()
    return torch.stack([change, (changed != tokens)[:, middle:].float().mean()])
