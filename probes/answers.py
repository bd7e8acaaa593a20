"""What the model answers at a recorded step, by which loss it is judged, and how well it does.

Looked at are the first 16 records and every fourth after them, and of each at most 256 rows of the
first output tensor of the model, or of what goes into a loss that chooses between classes. Where
several modules are called, a generator and its critic, say, the answers are those of the one that
gives the most columns. No device is waited for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from probes.activations import limits_of
from probes.answer_numbers import NEAR, Numbers, channels, nearness, reach, rows, scale, shares
from probes.judged import Judged
from probes.made_by import Maker, maker_of, node_of
from probes.named_tensors import the_answer
from probes.probe import Call, Moment, Pass

FIRST, AFTERWARDS = 16, 4  # records that are looked at: the first ones, and each n-th
PASSES = 4  # of a module in one step, of which samples are kept
LOOKS, CLASSES = 64, 1024  # at each class before their counts go out; of more there are none
PLAIN = (bool, int, float, str)
COUNTED = "[class, (asked, answered, right)]"


@dataclass
class _Seen:
    """A step so far."""

    answers: dict[int, list[Tensor]] = field(default_factory=dict)  # by module  [row, column]
    nodes: set[int | None] = field(default_factory=set)  # that made them
    losses: dict[str, Judged] = field(default_factory=dict)  # by their facts
    layer: Maker | None = None  # the last one that was called
    near: float = NEAR  # to one is a sum of shares


class Answers:
    """Their size and spread, accuracy by class, the loss's kind, and targets out of their reach."""

    series = "answers"
    state = "in training, before the step; of a sample of at most 256 rows a call"

    def __init__(self) -> None:
        self._seen, self._records = _Seen(), 0
        self._told: dict[str, Any] = {}  # of the loss
        self._classes = _Classes()

    @property
    def _is_due(self) -> bool:
        return self._records < FIRST or self._records % AFTERWARDS == 0

    def called(self, call: Call) -> None:
        if self._is_due and (node := node_of(call.outputs[0][1])) is not None:
            self._seen.layer = Maker(type(call.module).__name__, limits_of(call.module), (node,))

    def passed(self, whole: Pass) -> None:
        if not self._is_due:
            return
        if whole.is_loss:
            self._judge(whole)
            return
        answer = the_answer(whole.output)
        if answer is None or not answer.ndim or not _is_readable(answer):
            return
        if answer.is_floating_point():
            self._seen.nodes.add(node_of(answer))
            self._seen.near = max(self._seen.near, nearness(answer))
            tables = self._seen.answers.setdefault(id(whole.module), [])
            if len(tables) < PASSES:
                table = rows(answer, channels(answer), self._records)
                tables.append(table.to(torch.float32, copy=True))

    def _judge(self, loss: Pass) -> None:
        """Of which kind it is, and what it was given."""
        if not all(map(_is_readable, loss.inputs)):
            return
        maker = self._maker(loss.inputs[0])
        facts = {
            "kind": type(loss.module).__name__,
            "settings": _settings(loss),
            "on": "answer" if self._seen.nodes & set(maker.nodes) else "",
            "output": maker.name,
        }
        if len(loss.inputs) > 1:
            facts |= _shape(*loss.inputs[:2])
        judged = self._seen.losses.setdefault(_text(facts), Judged(facts, maker.limits))
        if len(loss.inputs) > 1:
            judged.look(loss, self._records)

    def _maker(self, tensor: Tensor) -> Maker:
        """The function that made it, or the layer, where that is no function of torch."""
        maker, layer = maker_of(tensor), self._seen.layer
        if maker.limits is None and layer is not None and layer.nodes[0] in maker.nodes:
            return layer._replace(nodes=maker.nodes)
        return maker

    def step(self, moment: Moment) -> None:
        seen, self._seen = self._seen, _Seen()
        if self._is_due:
            judged = _the_loss(seen)
            if judged is not None and judged.facts != self._told:
                self._told = judged.facts
                moment.event("loss", _text(judged.facts))
            with torch.no_grad():
                for name, value in _numbers(seen, judged).items():
                    moment.scalar(f"answers/{name}", value)
                self._classes.add(judged, moment)
        self._records += 1

    def close(self, moment: Moment) -> None:
        self._classes.send(moment)


class _Classes:
    """Counts by class, added up over records until each may have been asked for some times."""

    def __init__(self) -> None:
        self._counts: Tensor | None = None  # [class, (asked, answered, right)]
        self._looks = 0

    def add(self, judged: Judged | None, moment: Moment) -> None:
        if judged is None or not judged.counts or len(judged.counts[0]) > CLASSES:
            return
        new = torch.stack(judged.counts).sum(0)
        if self._counts is not None and self._counts.shape != new.shape:
            self.send(moment)  # of another loss
        self._counts = new if self._counts is None else self._counts + new
        self._looks += judged.looks
        if self._looks >= LOOKS * len(new):
            self.send(moment)

    def send(self, moment: Moment) -> None:
        if self._counts is not None:
            moment.array("answers/classes", self._counts, COUNTED)
        self._counts, self._looks = None, 0


def _the_loss(seen: _Seen) -> Judged | None:
    """The one that judges the answers, or the first."""
    judges = sorted(seen.losses.values(), key=lambda judged: not judged.facts["on"])
    return judges[0] if judges else None


def _text(facts: dict[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"))


def _numbers(seen: _Seen, judged: Judged | None) -> Numbers:
    """All that is told of a step."""
    told: Numbers = {}
    tables = max(seen.answers.values(), key=lambda found: found[0].shape[1], default=[])
    if judged is not None and judged.answers and (judged.facts["on"] or not tables):
        tables = judged.answers  # it knows which axis is that of the classes
    if tables:
        told |= scale(_together(tables), seen.near)
    if judged is not None and judged.counts:
        told |= shares(torch.stack(judged.counts).sum(0))
    if judged is not None and judged.targets:
        told |= reach(torch.cat(judged.targets), judged.limits)
    return told


def _together(tables: list[Tensor]) -> Tensor:
    """Side by side, those that are as wide as the first."""
    return torch.cat([table for table in tables if table.shape[1:] == tables[0].shape[1:]])


def _settings(loss: Pass) -> dict[str, Any]:
    """What it was called with; of weights, whether there are any."""
    told = {name: value for name, value in loss.keywords.items() if isinstance(value, PLAIN)}
    for name in ("weight", "pos_weight"):
        if name in loss.keywords:
            told[f"{name}ed"] = loss.keywords[name] is not None
    return told


def _shape(answer: Tensor, target: Tensor) -> dict[str, Any]:
    """Of which kind the targets are; among how many classes; and whether one was spread out."""
    if not target.is_floating_point():
        return {"target": "classes", "outputs": answer.shape[min(1, answer.ndim - 1)]}
    spread_out = any(_is_spread(tensor) for tensor in (answer, target))
    return {"target": "numbers", "broadcast": spread_out}


def _is_spread(tensor: Tensor) -> bool:
    """Each of its elements stands for several: the shapes of two did not agree."""
    axes = zip(tensor.shape, tensor.stride(), strict=True)
    return any(size > 1 and not stride for size, stride in axes)


def _is_readable(tensor: Tensor) -> bool:
    """Dense, real, and here: what several processes hold together all would have to look at."""
    return (
        tensor.layout is torch.strided
        and tensor.numel() > 0
        and not (tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta)
        and not hasattr(tensor, "to_local")
    )
